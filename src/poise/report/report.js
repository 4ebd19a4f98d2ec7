(() => {
"use strict";

const island = JSON.parse(document.getElementById("island").textContent);
const { axes, frames, tables, charts, spans } = island;
const history = tables.history;
const byId = (id) => document.getElementById(id);
const svgSpace = document.querySelector("svg").namespaceURI;

const state = { axis: "step", smoothing: history.step.length > 80 ? 0.6 : 0, zoom: null, hover: null, frame: frames.length - 1 };

// Making things -------------------------------------------------------------------------------------------

/** An element with attributes and children; text goes in as text, never as markup. */
function make(tag, attributes = {}, children = []) {
  return fill(document.createElement(tag), attributes, children);
}

function draw(tag, attributes = {}, children = []) {
  return fill(document.createElementNS(svgSpace, tag), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...[children].flat());
  return element;
}

// Reading numbers -----------------------------------------------------------------------------------------

const grouped = new Intl.NumberFormat("en-GB", { maximumFractionDigits: 0 });

function count(value) {
  return grouped.format(Math.round(value));
}

function short(value) {
  if (value === null || value === undefined) return "–";
  const size = Math.abs(value);
  if (value === 0) return "0";
  if (size < 1e-3 || size >= 1e6) return value.toExponential(2).replace(/\.?0*e\+?/, "e");
  return size >= 1000 ? grouped.format(value) : String(Number(value.toPrecision(4)));
}

function tick(value) {
  const size = Math.abs(value);
  if (size >= 1e9) return Number((value / 1e9).toPrecision(4)) + "G";
  if (size >= 1e6) return Number((value / 1e6).toPrecision(4)) + "M";
  if (size >= 1e4) return Number((value / 1e3).toPrecision(4)) + "k";
  if (size !== 0 && size < 1e-3) return value.toExponential(1).replace(/\.0e/, "e");
  return grouped.format(Math.trunc(value)) === String(value) || size >= 1000 ? grouped.format(value) : String(Number(value.toPrecision(6)));
}

function duration(seconds) {
  if (seconds < 10) return Number(seconds.toFixed(1)) + " s";
  let left = Math.round(seconds);
  const parts = [];
  for (const [unit, size] of [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]]) {
    parts.push([Math.floor(left / size), unit]);
    left %= size;
  }
  const first = parts.findIndex(([amount]) => amount > 0);
  return parts.slice(first, first + 2).filter(([amount]) => amount > 0).map(([amount, unit]) => amount + " " + unit).join(" ");
}

function position(value, axis = state.axis) {
  if (axis === "seconds") return duration(value);
  return axis === "step" ? "step " + count(value) : count(value) + " " + island.unit;
}

// Along the axis ------------------------------------------------------------------------------------------

/** Where a step lies on another axis, between the lines of the history. */
function along(step, axis) {
  if (axis === "step") return step;
  const steps = history.step, values = history[axis], last = steps.length - 1;
  if (step >= steps[last]) return values[last] * (last >= 0 && steps[last] > 0 ? step / steps[last] : 1);
  const next = steps.findIndex((other) => other >= step);
  const [step0, value0] = next > 0 ? [steps[next - 1], values[next - 1]] : [0, 0];
  if (steps[next] === step0) return values[next];
  return value0 + ((step - step0) / (steps[next] - step0)) * (values[next] - value0);
}

const positions = new Map();

function positionsOf(name) {
  const key = name + " " + state.axis;
  if (!positions.has(key)) {
    const table = tables[name];
    positions.set(key, name === "history" ? table[state.axis] : table.step.map((step) => along(step, state.axis)));
  }
  return positions.get(key);
}

function nearest(values, wanted) {
  let low = 0, high = values.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (values[middle] < wanted) low = middle; else high = middle;
  }
  return high < 0 ? -1 : Math.abs(values[low] - wanted) <= Math.abs(values[high] - wanted) ? low : high;
}

function nearestPresent(column, index) {
  for (let away = 0; away <= column.length; away += 1) {
    for (const place of [index - away, index + away]) {
      if (column[place] !== null && column[place] !== undefined) return place;
    }
  }
  return -1;
}

function wholeRange() {
  const ends = charts.map((chart) => positionsOf(chart.table)).concat([frames.map((frame) => along(frame.step, state.axis))]).filter((values) => values.length);
  const low = Math.min(...ends.map((values) => values[0])), high = Math.max(...ends.map((values) => values[values.length - 1]));
  return high > low ? [low < high * 0.15 ? 0 : low, high] : [low - 0.5, high + 0.5];
}

/** The running mean of what is present, without the pull towards 0 at its start. */
function smoothed(column, weight, logarithmic) {
  if (!weight) return column;
  let mean = 0, total = 0;
  return column.map((value) => {
    if (value === null || (logarithmic && value <= 0)) return null;
    mean = weight * mean + (1 - weight) * (logarithmic ? Math.log(value) : value);
    total = weight * total + (1 - weight);
    return logarithmic ? Math.exp(mean / total) : mean / total;
  });
}

// Ticks ---------------------------------------------------------------------------------------------------

function evenTicks(low, high, most) {
  const rough = (high - low) / most, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((size) => size >= rough * 0.999);
  const ticks = [];
  for (let place = Math.ceil(low / step - 1e-9); place * step <= high + step * 1e-9; place += 1) ticks.push(Number((place * step).toPrecision(12)));
  return ticks;
}

function timeTicks(low, high, most) {
  const sizes = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 432000];
  const step = sizes.find((size) => size >= (high - low) / most);
  if (!step || high - low < 5) return evenTicks(low, high, most);
  const ticks = [];
  for (let place = Math.ceil(low / step); place * step <= high; place += 1) ticks.push(place * step);
  return ticks;
}

function powerTicks(low, high, most) {
  const first = Math.ceil(Math.log10(low) - 1e-9), last = Math.floor(Math.log10(high) + 1e-9);
  if (last - first < 1) return evenTicks(low, high, most).filter((value) => value > 0);
  const stride = Math.ceil((last - first + 1) / most), ticks = [];
  for (let power = first; power <= last; power += stride) ticks.push(Number("1e" + power));
  return ticks;
}

// A chart -------------------------------------------------------------------------------------------------

const margin = { left: 46, right: 12, top: 14, bottom: 24 };

/** Everything one chart needs to draw itself and to answer the pointer. */
function chartOf(spec, place) {
  const figure = document.querySelector(`[data-chart="${place}"]`);
  const chart = { spec, table: tables[spec.table], figure, plot: figure.querySelector(".plot"), hidden: new Set(), logarithmic: spec.logarithmic, whole: false, readings: new Map() };
  chart.svg = draw("svg", { role: "img", tabindex: 0, "aria-label": describe(chart) });
  chart.plot.append(chart.svg);
  legend(chart);
  listen(chart);
  return chart;
}

function describe({ spec, table }) {
  const said = spec.lines.map((line) => {
    const present = table[line.key].filter((value) => value !== null);
    return `${line.label} from ${short(present[0])} to ${short(present[present.length - 1])}`;
  });
  return `${spec.title}. ${said.join(", ")}.`;
}

function scaleName(chart) {
  return chart.logarithmic ? "log scale" : "linear scale";
}

function legend(chart) {
  const box = chart.figure.querySelector(".legend");
  for (const line of chart.spec.lines) {
    const reading = make("b");
    chart.readings.set(line.key, reading);
    const button = make("button", { type: "button", class: `role-${line.role}${line.dashed ? " dashed" : ""}`, "aria-pressed": "true", title: "Show or hide this line" }, [make("i"), line.label, reading]);
    button.addEventListener("click", () => {
      if (!chart.hidden.delete(line.key)) chart.hidden.add(line.key);
      button.setAttribute("aria-pressed", String(!chart.hidden.has(line.key)));
      paint(chart);
    });
    box.append(button);
  }
  const values = chart.spec.lines.flatMap((line) => chart.table[line.key]).filter((value) => value !== null);
  if (values.every((value) => value >= 0) && values.some((value) => value > 0) && chart.spec.guide === null) {
    const scale = make("button", { type: "button", class: "scale", title: "Switch the scale" }, scaleName(chart));
    scale.addEventListener("click", () => {
      chart.logarithmic = !chart.logarithmic;
      scale.textContent = scaleName(chart);
      paint(chart);
    });
    box.append(scale);
  } else chart.logarithmic = false;
  chart.full = make("button", { type: "button", class: "scale", title: "Some points lie beyond the chart", hidden: true }, "show all");
  chart.full.addEventListener("click", () => {
    chart.whole = !chart.whole;
    paint(chart);
  });
  box.append(chart.full);
}

/** The range of values to show: all of them, or without the few that would press the rest flat. */
function valueRange(chart, series, from, to) {
  const values = [];
  for (const { line, raw } of series) {
    for (let index = from; index <= to; index += 1) {
      for (const value of [raw[index], line.low && chart.table[line.low][index], line.high && chart.table[line.high][index]]) {
        if (typeof value === "number" && (!chart.logarithmic || value > 0)) values.push(chart.logarithmic ? Math.log10(value) : value);
      }
    }
  }
  if (!values.length) return { range: [0, 1], cut: false };
  values.sort((a, b) => a - b);
  let low = values[0], high = values[values.length - 1], cut = false;
  const inner = [values[Math.floor((values.length - 1) * 0.02)], values[Math.ceil((values.length - 1) * 0.98)]], span = inner[1] - inner[0];
  if (values.length > 50 && span > 0 && high - low > 3.5 * span) {
    cut = true;
    if (!chart.whole) [low, high] = [Math.max(low, inner[0] - span * 0.4), Math.min(high, inner[1] + span * 0.4)];
  }
  if (chart.spec.guide !== null) [low, high] = [Math.min(low, chart.spec.guide), Math.max(high, chart.spec.guide)];
  const flat = Math.max(Math.abs(high) * 0.1, 1e-9), room = high > low ? (high - low) * 0.06 : chart.logarithmic ? 0.3 : flat;
  const touchesZero = !chart.logarithmic && low >= 0 && low < (high - low) * 0.25;
  const share = chart.spec.guide !== null && low >= 0 && high <= 1;
  let range = [touchesZero ? 0 : low - room, high + room];
  if (share) range = [Math.max(0, low - room), 1];
  return { range: chart.logarithmic ? range.map((power) => 10 ** power) : range, cut };
}

function paint(chart) {
  const width = Math.max(chart.plot.clientWidth, 240), height = width < 420 ? 200 : 230;
  const inner = { width: width - margin.left - margin.right, height: height - margin.top - margin.bottom };
  const [left, right] = state.zoom || wholeRange();
  const xs = positionsOf(chart.spec.table);
  const series = chart.spec.lines.filter((line) => !chart.hidden.has(line.key)).map((line) => {
    const raw = chart.table[line.key];
    const smooth = chart.spec.table === "history" ? smoothed(raw, state.smoothing, chart.logarithmic) : raw;
    return { line, raw, smooth };
  });
  let from = xs.findIndex((x) => x >= left), to = xs.findLastIndex((x) => x <= right);
  from = Math.max(0, (from < 0 ? xs.length : from) - 1);
  to = Math.min(xs.length - 1, to + 1);
  const { range: [bottom, top], cut } = valueRange(chart, series, from, to);
  chart.full.hidden = !cut;
  chart.full.textContent = chart.whole ? "cut peaks" : "show all";
  chart.x = (value) => ((value - left) / (right - left)) * inner.width;
  chart.backX = (pixel) => left + (pixel / inner.width) * (right - left);
  chart.y = chart.logarithmic
    ? (value) => inner.height * (1 - (Math.log10(value) - Math.log10(bottom)) / (Math.log10(top) - Math.log10(bottom)))
    : (value) => inner.height * (1 - (value - bottom) / (top - bottom));
  Object.assign(chart, { inner, width, height, series, xs, bottom, top });

  const back = draw("g"), front = draw("svg", { x: margin.left, y: margin.top, width: inner.width, height: inner.height, overflow: "hidden" });
  for (const value of (chart.logarithmic ? powerTicks : evenTicks)(bottom, top, 4)) {
    const y = margin.top + chart.y(value);
    back.append(draw("line", { class: "grid", x1: margin.left, x2: width - margin.right, y1: y, y2: y }), draw("text", { x: margin.left - 7, y: y + 4, "text-anchor": "end" }, tick(value)));
  }
  const foot = height - margin.bottom;
  back.append(draw("line", { class: "foot", x1: margin.left, x2: width - margin.right, y1: foot, y2: foot }));
  for (const value of (state.axis === "seconds" ? timeTicks : evenTicks)(left, right, Math.max(2, Math.floor(inner.width / 85)))) {
    const text = state.axis === "seconds" && value !== 0 ? duration(value) : tick(value), x = margin.left + chart.x(value);
    const outside = x + text.length * 3 > width;
    back.append(draw("text", { x: outside ? width : x, y: height - 6, "text-anchor": outside ? "end" : "middle" }, text));
  }
  paintSpans(chart, front, back);
  if (chart.spec.guide !== null) {
    const y = chart.y(chart.spec.guide);
    front.append(draw("line", { class: "guide", x1: 0, x2: inner.width, y1: y, y2: y }));
  }
  for (const { line, raw, smooth } of series) {
    const role = `role-${line.role}`;
    if (line.low) {
      const [low, high] = [line.low, line.high].map((key) => smooth === raw ? chart.table[key] : smoothed(chart.table[key], state.smoothing, chart.logarithmic));
      front.append(draw("path", { class: `band ${role}`, d: bandPath(chart, low, high, from, to) }));
    }
    if (smooth !== raw) front.append(draw("path", { class: `raw ${role}`, d: path(chart, raw, from, to) }));
    front.append(draw("path", { class: `${line.dashed ? "dashed" : "line"} ${role}`, d: path(chart, smooth, from, to) }));
    const present = [];
    for (let index = from; index <= to; index += 1) if (smooth[index] !== null) present.push(index);
    if (!line.dashed && (present.length <= 30 && line.role === "metric" || present.length === 1)) {
      for (const index of present) front.append(draw("circle", { class: `dot ${role}`, cx: chart.x(xs[index]), cy: chart.y(smooth[index]), r: 3 }));
    }
  }
  if (chart.spec.guide !== null) front.append(draw("text", { class: "guide-label", x: 4, y: chart.y(chart.spec.guide) - 5 }, chart.spec.guide_label));
  chart.over = draw("g", { transform: `translate(${margin.left} ${margin.top})` });
  chart.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  chart.svg.replaceChildren(back, front, chart.over);
  point(chart);
}

function paintSpans(chart, front, back) {
  for (const span of spans) {
    const first = chart.x(along(span.first, state.axis)), last = Math.max(chart.x(along(span.last, state.axis)), first + 3);
    if (last < 0 || first > chart.inner.width) continue;
    const tone = `tone-${span.tone}`, start = Math.max(0, first), end = Math.min(chart.inner.width, last);
    front.append(draw("rect", { class: `span ${tone}`, x: start, y: 0, width: end - start, height: chart.inner.height }, draw("title", {}, span.title)));
    back.append(
      draw("rect", { class: `span-edge ${tone}`, x: margin.left + start, y: margin.top - 2, width: end - start, height: 2 }),
      draw("circle", { class: `span-badge ${tone}`, cx: margin.left + start + 7, cy: margin.top - 6, r: 7 }),
      draw("text", { class: `span-number ${tone}`, x: margin.left + start + 7, y: margin.top - 2.5, "text-anchor": "middle" }, String(span.number)),
    );
  }
}

/** A line through what is present; it breaks where much more is missing than usual. */
function path(chart, column, from, to) {
  const present = [];
  for (let index = from; index <= to; index += 1) {
    if (column[index] !== null && !(chart.logarithmic && column[index] <= 0)) present.push(index);
  }
  const gaps = present.slice(1).map((index, place) => index - present[place]).sort((a, b) => a - b);
  const usual = gaps.length ? gaps[gaps.length >> 1] : 1;
  return present.map((index, place) => {
    const joined = place > 0 && index - present[place - 1] <= 8 * usual;
    return `${joined ? "L" : "M"}${chart.x(chart.xs[index]).toFixed(1)} ${clamp(chart, chart.y(column[index])).toFixed(1)}`;
  }).join("");
}

function bandPath(chart, low, high, from, to) {
  const there = [], back = [];
  for (let index = from; index <= to; index += 1) {
    if (low[index] === null || high[index] === null || (chart.logarithmic && low[index] <= 0)) continue;
    const x = chart.x(chart.xs[index]).toFixed(1);
    there.push(`${x} ${clamp(chart, chart.y(high[index])).toFixed(1)}`);
    back.unshift(`${x} ${clamp(chart, chart.y(low[index])).toFixed(1)}`);
  }
  return there.length ? `M${there.concat(back).join("L")}Z` : "";
}

function clamp(chart, y) {
  return Math.max(-500, Math.min(chart.inner.height + 500, y));
}

/** Crosshair, values and the place of the sample picture: what follows the pointer. */
function point(chart) {
  const { inner, over, xs, series } = chart;
  over.replaceChildren();
  if (frames.length) {
    const x = chart.x(along(frames[state.frame].step, state.axis));
    if (x >= 0 && x <= inner.width + 0.5) {
      over.append(draw("line", { class: "cursor", x1: x, x2: x, y1: 0, y2: inner.height }), draw("path", { class: "cursor-foot", d: `M${x - 4} ${inner.height + 5}h8l-4 -5z` }));
    }
  }
  if (chart.picked) {
    const [start, end] = [...chart.picked].sort((a, b) => a - b);
    over.append(draw("rect", { class: "picked", x: start, y: 0, width: end - start, height: inner.height }));
  }
  const index = state.hover === null ? xs.length - 1 : nearest(xs, state.hover);
  for (const line of chart.spec.lines) {
    const shown = series.find((one) => one.line === line);
    const place = shown ? nearestPresent(shown.smooth, index) : -1;
    chart.readings.get(line.key).textContent = place < 0 ? "" : short(shown.smooth[place]);
    if (state.hover === null || place < 0) continue;
    const x = chart.x(xs[place]), y = chart.y(shown.smooth[place]);
    if (x >= 0 && x <= inner.width && y >= 0 && y <= inner.height) over.append(draw("circle", { class: `ring role-${line.role}`, cx: x, cy: y, r: 3.5 }));
  }
  if (state.hover === null) return;
  const x = chart.x(state.hover);
  if (x < 0 || x > inner.width) return;
  const text = position(state.hover), wide = text.length * 6.2 + 14, start = Math.max(-margin.left, Math.min(inner.width + margin.right - wide, x - wide / 2));
  over.prepend(draw("line", { class: "cross", x1: x, x2: x, y1: 0, y2: inner.height }));
  over.append(draw("rect", { class: "flag", x: start, y: inner.height + 2, width: wide, height: 19, rx: 5 }), draw("text", { class: "flag-text", x: start + wide / 2, y: inner.height + 15.5, "text-anchor": "middle" }, text));
}

function listen(chart) {
  let pressed = null;
  const pixel = (event) => {
    const box = chart.svg.getBoundingClientRect();
    return Math.max(0, Math.min(chart.inner.width, ((event.clientX - box.left) / box.width) * chart.width - margin.left));
  };
  chart.svg.addEventListener("pointerdown", (event) => {
    if (event.pointerType === "mouse" && event.button === 0) {
      pressed = pixel(event);
      chart.svg.setPointerCapture(event.pointerId);
    }
    hover(chart, pixel(event));
  });
  chart.svg.addEventListener("pointermove", (event) => {
    const here = pixel(event);
    chart.picked = pressed !== null && Math.abs(here - pressed) > 6 ? [pressed, here] : null;
    hover(chart, here);
  });
  chart.svg.addEventListener("pointerup", (event) => {
    const picked = chart.picked;
    const clicked = !picked && (pressed !== null || event.pointerType !== "mouse");
    pressed = chart.picked = null;
    if (picked) zoom(picked.map(chart.backX).sort((a, b) => a - b));
    else if (clicked) showNearest(state.hover);
  });
  chart.svg.addEventListener("pointercancel", () => { pressed = chart.picked = null; });
  chart.svg.addEventListener("pointerleave", () => { if (pressed === null) setHover(null); });
  chart.svg.addEventListener("dblclick", () => zoom(null));
  chart.svg.addEventListener("blur", () => setHover(null));
  chart.svg.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10 }[event.key];
    if (by) {
      const now = state.hover === null ? chart.xs.length - 1 : nearest(chart.xs, state.hover);
      setHover(chart.xs[Math.max(0, Math.min(chart.xs.length - 1, now + by))]);
    } else if (event.key === "Enter" && state.hover !== null) showNearest(state.hover);
    else if (event.key === "Escape") zoom(null);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
}

function hover(chart, pixel) {
  const wanted = chart.backX(pixel), index = nearest(chart.xs, wanted);
  setHover(index < 0 ? wanted : chart.xs[index]);
}

let waiting = 0;

/** Paint all charts once before the next frame, however often it is asked for. */
function paintSoon() {
  cancelAnimationFrame(waiting);
  waiting = requestAnimationFrame(() => drawn.forEach(paint));
}

function setHover(value) {
  state.hover = value;
  drawn.forEach(point);
}

function zoom(range) {
  state.zoom = range;
  byId("reset").hidden = range === null;
  drawn.forEach(paint);
}

// The samples ---------------------------------------------------------------------------------------------

const picture = byId("picture");
if (picture) frames[frames.length - 1].source = picture.getAttribute("src");

function show(index) {
  state.frame = index;
  const frame = frames[index];
  picture.src = frame.source;
  picture.alt = `Samples at step ${count(frame.step)}`;
  byId("at-step").textContent = count(frame.step);
  byId("at-along").textContent = axes.filter((axis) => axis !== "step").map((axis) => position(along(frame.step, axis), axis)).join(" · ");
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
  drawn.forEach(point);
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
  for (const chart of charts.filter((one) => one.table === "history").slice(0, 4)) {
    const rows = chart.lines.map((line) => {
      const place = nearestPresent(history[line.key], index);
      return make("div", { class: `role-${line.role}` }, [make("dt", {}, line.label), make("dd", {}, short(history[line.key][place]))]);
    });
    list.append(make("div", { class: "group" }, chart.title), ...rows);
  }
}

function showNearest(value) {
  if (frames.length && value !== null) show(nearest(frames.map((frame) => along(frame.step, state.axis)), value));
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
    if (line >= first && line < last && real[index] !== null && fake[index] !== null) {
      total += real[index] + fake[index] - 1;
      lines += 1;
    }
  });
  if (lines) return total / lines;
  const index = nearest(step, at);
  return real[index] === null || fake[index] === null ? null : real[index] + fake[index] - 1;
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
  if (state.frame === frames.length - 1) show(0);
  byId("play").classList.add("on");
  byId("play").setAttribute("aria-label", "Pause");
  playing = setInterval(() => {
    if (state.frame < frames.length - 1) show(state.frame + 1);
    if (state.frame === frames.length - 1) stop();
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
    const shown = [["before", before], ["in it", within]];
    if (span.tone === "recovered") shown.push(["after", after]);
    if (within < 0) continue;
    const box = document.querySelector(`[data-finding="${span.number}"]`);
    for (const [word, index] of shown) {
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
  const names = { step: "Steps", images_seen: island.unit[0].toUpperCase() + island.unit.slice(1), seconds: "Time" };
  for (const axis of axes) {
    const choice = make("input", { type: "radio", name: "axis", value: axis, checked: axis === state.axis });
    choice.addEventListener("change", () => {
      state.axis = axis;
      zoom(null);
    });
    byId("axis").append(make("label", {}, [choice, names[axis]]));
  }
  byId("axis").hidden = axes.length < 2;
  byId("smoothing").value = state.smoothing;
  byId("smoothing").addEventListener("input", (event) => {
    state.smoothing = Number(event.target.value);
    paintSoon();
  });
  byId("reset").addEventListener("click", () => zoom(null));
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
  const to = { ArrowLeft: state.frame - 1, ArrowRight: state.frame + 1 }[event.key];
  if (to !== undefined) {
    stop();
    show(Math.max(0, Math.min(frames.length - 1, to)));
  } else if (event.key === " ") play();
  else return;
  event.preventDefault();
}

const drawn = charts.map(chartOf);
drawn.forEach(paint);
if (charts.some((chart) => chart.table === "history")) controls();
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
  paintSoon();
  if (picture) fit();
  if (frames.length > 1) timeline();
}).observe(document.body);

// On paper everything that can be folded is open, and the charts show their last values.
const folded = new Set();
window.addEventListener("beforeprint", () => {
  setHover(null);
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
