(() => {
"use strict";

const { make, draw, count, short, nearest, nearestPresent } = poiseCharts;
const island = JSON.parse(document.getElementById("island").textContent);
const { axes, frames, spans } = island;
const byId = (id) => document.getElementById(id);

const charts = poiseCharts.create(island, {
  steps: frames.map((frame) => frame.step),
  onPick: showNearest,
  onZoom: (part) => { byId("reset").hidden = !part; },
});
const { history, along, position } = charts;
let shown = frames.length - 1;

// The samples ---------------------------------------------------------------------------------------------

const picture = byId("picture");
if (picture) frames[frames.length - 1].source = picture.getAttribute("src");

function show(index) {
  shown = index;
  const frame = frames[index];
  picture.src = frame.source;
  picture.alt = `Samples at step ${count(frame.step)}`;
  byId("at-step").textContent = count(frame.step);
  byId("at-along").textContent = axes.filter((axis) => axis.key !== "step").map((axis) => position(along(frame.step, axis.key), axis.key)).join(" · ");
  const save = byId("save");
  save.href = frame.source;
  save.download = `step-${String(frame.step).padStart(8, "0")}.png`;
  save.hidden = false;
  readings(frame.step);
  const slider = byId("slider");
  if (slider) {
    slider.value = index;
    slider.setAttribute("aria-valuetext", `step ${count(frame.step)}`);
    for (const [place, button] of [...byId("filmstrip").querySelectorAll("button")].entries()) {
      button.toggleAttribute("aria-current", place === index);
      if (place === index) reveal(button);
    }
  }
  charts.mark(frame.step);
}

/** Bring a thumbnail into view without moving the page. */
function reveal(button) {
  const strip = byId("filmstrip"), left = button.offsetLeft - strip.offsetLeft;
  if (left < strip.scrollLeft || left + button.offsetWidth > strip.scrollLeft + strip.clientWidth) strip.scrollLeft = left - (strip.clientWidth - button.offsetWidth) / 2;
}

/** The numbers of the run at the step of the picture. */
function readings(step) {
  const list = byId("at-values"), index = nearest(history.step, step);
  list.replaceChildren();
  if (index < 0) return;
  for (const chart of island.charts.filter((one) => one.table === "history").slice(0, 4)) {
    const rows = chart.series.map((series) => {
      const value = history[series.key][nearestPresent(history[series.key], index)];
      return make("div", { class: `role-${series.role}` }, [make("dt", {}, series.label), make("dd", {}, short(value))]);
    });
    list.append(make("div", { class: "group" }, chart.title), ...rows);
  }
}

function showNearest(value) {
  if (frames.length) show(nearest(frames.map((frame) => along(frame.step)), value));
}

/** Small pictures grow by whole screen pixels, so that each of theirs stays a clean square. */
function fit() {
  const wide = picture.naturalWidth, high = picture.naturalHeight;
  if (!wide) return;
  const style = getComputedStyle(picture.parentElement);
  const room = picture.parentElement.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
  const dense = window.devicePixelRatio || 1;
  const scale = Math.min(room / wide, Math.max(320, window.innerHeight * 0.8) / high);
  const whole = Math.floor(scale * dense);
  const squares = picture.classList.contains("small");
  picture.style.imageRendering = squares && scale * dense > 1.4 ? "pixelated" : "auto";
  picture.style.width = `${wide * (squares && whole >= 3 ? whole / dense : scale)}px`;
}

function thumbnails() {
  const strip = byId("filmstrip"), kept = Math.min(8, frames.length);
  const printed = new Set(Array.from({ length: kept }, (_, place) => Math.round((place * (frames.length - 1)) / Math.max(1, kept - 1))));
  frames.forEach((frame, index) => {
    const button = make("button", { type: "button", "aria-label": `Step ${count(frame.step)}` }, [make("img", { src: frame.source, alt: "", loading: "lazy" }), make("span", {}, count(frame.step))]);
    button.addEventListener("click", () => { stop(); show(index); });
    strip.append(make("li", { class: printed.has(index) ? "kept" : null }, button));
  });
}

/** The band behind the slider: who led at each picture, and where findings were. */
function timeline() {
  const svg = byId("timeline"), inset = 7, width = svg.clientWidth - 2 * inset;
  if (width <= 0) return;
  const place = (index) => inset + (index / (frames.length - 1)) * width;
  svg.replaceChildren(draw("rect", { class: "bed", x: 0, y: 4, width: width + 2 * inset, height: 22, rx: 6 }));
  const leads = frames.map((frame, index) => leadAt(
    frame.step,
    index ? (frames[index - 1].step + frame.step) / 2 : -Infinity,
    index < frames.length - 1 ? (frame.step + frames[index + 1].step) / 2 : Infinity,
  ));
  leads.forEach((lead, index) => {
    if (lead === null) return;
    const start = index ? place(index - 0.5) : place(0), end = index < frames.length - 1 ? place(index + 0.5) : place(index);
    svg.append(draw("rect", { class: lead >= 0 ? "discriminator" : "generator", x: start, y: 4, width: end - start + 0.3, height: 22, opacity: Math.min(1, Math.abs(lead)) * 0.85 }));
  });
  byId("timeline-key").hidden = leads.every((lead) => lead === null);
  for (const span of spans) {
    const start = place(between(span.first)), end = Math.max(place(between(span.last)), start + 4);
    svg.append(draw("rect", { class: `span tone-${span.tone}`, x: start, y: 29, width: end - start, height: 3, rx: 1.5 }));
  }
}

/** Over the lines around a picture, or the nearest one: 1 where the discriminator is always right, -1 where it is always wrong. */
function leadAt(at, first, last) {
  const { step, real_right: real, fake_right: fake } = history;
  if (!real || !fake) return null;
  let total = 0, lines = 0;
  step.forEach((line, index) => {
    if (line >= first && line < last && Number.isFinite(real[index]) && Number.isFinite(fake[index])) {
      total += real[index] + fake[index] - 1;
      lines += 1;
    }
  });
  if (lines) return total / lines;
  const index = nearest(step, at);
  return Number.isFinite(real[index]) && Number.isFinite(fake[index]) ? real[index] + fake[index] - 1 : null;
}

/** Where a step lies among the pictures, as an index with a fraction. */
function between(step) {
  const steps = frames.map((frame) => frame.step), next = steps.findIndex((other) => other >= step);
  if (next < 0) return steps.length - 1;
  return next === 0 ? 0 : next - 1 + (step - steps[next - 1]) / (steps[next] - steps[next - 1]);
}

let playing = null;

function stop() {
  clearInterval(playing);
  playing = null;
  const button = byId("play");
  button.classList.remove("on");
  button.setAttribute("aria-label", "Play");
}

function play() {
  if (playing) return stop();
  if (shown === frames.length - 1) show(0);
  byId("play").classList.add("on");
  byId("play").setAttribute("aria-label", "Pause");
  playing = setInterval(() => {
    if (shown < frames.length - 1) show(shown + 1);
    if (shown === frames.length - 1) stop();
  }, Math.max(90, Math.min(450, 7000 / frames.length)));
  return undefined;
}

/** The picture that shows a finding best: its newest while it is open, from its middle once it is over. */
function worst(span) {
  const middle = span.tone === "recovered" ? (span.first + span.last) / 2 : span.last;
  const within = frames.flatMap((frame, index) => (frame.step >= span.first && frame.step <= span.last ? [index] : []));
  return within.length ? within[nearest(within.map((index) => frames[index].step), middle)] : -1;
}

/** Pictures from before a finding and from within it, beside its sentence. */
function witnesses() {
  const squares = picture.classList.contains("small") && Number(picture.getAttribute("width")) < 200;
  for (const span of spans) {
    const before = frames.findLastIndex((frame) => frame.step < span.first);
    const within = worst(span);
    const after = frames.findIndex((frame) => frame.step > span.last);
    const chosen = [["before", before], ["during", within]];
    if (span.tone === "recovered") chosen.push(["after", after]);
    if (within < 0) continue;
    const box = document.querySelector(`[data-finding="${span.number}"]`);
    for (const [word, index] of chosen) {
      if (index < 0) continue;
      const button = make("button", { type: "button" }, [make("img", { class: squares ? "small" : null, src: frames[index].source, alt: `Samples ${word}, at step ${count(frames[index].step)}` }), make("span", {}, `${word}, step ${count(frames[index].step)}`)]);
      button.addEventListener("click", () => {
        show(index);
        byId("samples").scrollIntoView();
      });
      box.append(button);
    }
  }
}

// The page ------------------------------------------------------------------------------------------------

function controls() {
  for (const axis of axes) {
    const choice = make("input", { type: "radio", name: "axis", value: axis.key, checked: axis.key === "step" });
    choice.addEventListener("change", () => charts.choose(axis.key));
    byId("axis").append(make("label", {}, [choice, axis.label]));
  }
  byId("axis").hidden = axes.length < 2;
  byId("smoothing").value = charts.state.smoothing;
  byId("smoothing").addEventListener("input", (event) => charts.smooth(Number(event.target.value)));
  byId("reset").addEventListener("click", () => charts.zoom(null));
  byId("controls").hidden = false;
  byId("numbers").open = false;
}

function copying() {
  for (const button of document.querySelectorAll(".copy")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      const code = button.previousElementSibling;
      try {
        await navigator.clipboard.writeText(button.dataset.copy);
        button.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(code);
        button.textContent = "Selected";
      }
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    });
  }
}

function keys(event) {
  if (event.defaultPrevented || event.altKey || event.ctrlKey || event.metaKey || event.target.closest("input, button, a, summary, [tabindex]")) return;
  const to = { ArrowLeft: shown - 1, ArrowRight: shown + 1 }[event.key];
  if (to !== undefined) {
    stop();
    show(Math.max(0, Math.min(frames.length - 1, to)));
  } else if (event.key === " ") play();
  else return;
  event.preventDefault();
}

if (island.charts.some((chart) => chart.table === "history")) controls();
copying();
if (picture) {
  if (frames.length > 1) {
    byId("player").hidden = false;
    thumbnails();
    timeline();
    byId("slider").addEventListener("input", (event) => { stop(); show(Number(event.target.value)); });
    byId("play").addEventListener("click", play);
    document.addEventListener("keydown", keys);
  }
  show(frames.length - 1);
  witnesses();
  picture.addEventListener("load", fit);
  fit();
}

let seen = document.body.clientWidth;
new ResizeObserver(() => {
  if (document.body.clientWidth === seen) return;
  seen = document.body.clientWidth;
  charts.paint();
  if (picture) fit();
  if (frames.length > 1) timeline();
}).observe(document.body);

// On paper everything that can be folded is open, and the charts show their last values.
const folded = new Set();
window.addEventListener("beforeprint", () => {
  charts.hover(null);
  for (const one of document.querySelectorAll("details:not([open], .numbers)")) {
    folded.add(one);
    one.open = true;
  }
});
window.addEventListener("afterprint", () => {
  folded.forEach((one) => { one.open = false; });
  folded.clear();
});
})();
