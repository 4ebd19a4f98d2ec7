/**
 * The one renderer of charts: series from JSON, drawn as SVG.
 *
 * Data: { axes: [{key, label, unit}], tables: {name: {column: [number | null | "NaN" | "Infinity"]}},
 *         charts: [{title, table, series: [{key, label, role, low, high, dashed}], unit, logarithmic, guide, guide_label}],
 *         spans: [{number, first, last, tone, title}] }.
 * A null is a line without this number; NaN and infinities leave a gap and a cross at the foot.
 */
const poiseCharts = (() => {
"use strict";

const svgSpace = document.querySelector("svg").namespaceURI;
const margin = { left: 46, right: 12, top: 14, bottom: 24 };

// Elements ------------------------------------------------------------------------------------------------

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

// Words ---------------------------------------------------------------------------------------------------

const grouped = new Intl.NumberFormat("en-GB", { maximumFractionDigits: 0 });

function count(value) {
  return grouped.format(Math.round(value));
}

function short(value) {
  if (value === null || value === undefined) return "–";
  if (Number.isNaN(value)) return "not a number";
  if (!Number.isFinite(value)) return value > 0 ? "infinity" : "-infinity";
  const size = Math.abs(value);
  if (value === 0) return "0";
  if (size < 1e-3 || size >= 1e6) return value.toExponential(2).replace(/\.?0*e\+?/, "e");
  return size >= 1000 ? grouped.format(value) : String(Number(value.toPrecision(4)));
}

function tick(value) {
  const size = Math.abs(value);
  for (const [power, letter] of [[1e9, "G"], [1e6, "M"], [1e3, "k"]]) {
    if (size >= (power === 1e3 ? 1e4 : power)) return Number((value / power).toPrecision(4)) + letter;
  }
  if (size !== 0 && size < 1e-3) return value.toExponential(1).replace(/\.0e/, "e");
  return size >= 1000 ? grouped.format(value) : String(Number(value.toPrecision(6)));
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

// Columns -------------------------------------------------------------------------------------------------

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
    for (const row of [index - away, index + away]) {
      if (column[row] !== null && column[row] !== undefined) return row;
    }
  }
  return -1;
}

/** Whether a number was there and was not finite. */
function lost(value) {
  return value !== null && value !== undefined && !Number.isFinite(value);
}

/** The running mean of what is finite, without the pull towards 0 at its start. */
function smoothed(column, weight, logarithmic) {
  if (!weight) return column;
  let mean = 0, total = 0;
  return column.map((value) => {
    if (lost(value)) return value;
    if (value === null || (logarithmic && value <= 0)) return null;
    mean = weight * mean + (1 - weight) * (logarithmic ? Math.log(value) : value);
    total = weight * total + (1 - weight);
    return logarithmic ? Math.exp(mean / total) : mean / total;
  });
}

// Ticks ---------------------------------------------------------------------------------------------------

function multiples(step, low, high) {
  const ticks = [];
  for (let factor = Math.ceil(low / step - 1e-9); factor * step <= high + step * 1e-9; factor += 1) ticks.push(Number((factor * step).toPrecision(12)));
  return ticks;
}

function evenTicks(low, high, most) {
  const rough = (high - low) / most, power = 10 ** Math.floor(Math.log10(rough));
  return multiples([1, 2, 2.5, 5, 10].map((factor) => factor * power).find((size) => size >= rough * 0.999), low, high);
}

function timeTicks(low, high, most) {
  const sizes = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 432000];
  const step = sizes.find((size) => size >= (high - low) / most);
  return !step || high - low < 5 ? evenTicks(low, high, most) : multiples(step, low, high);
}

function powerTicks(low, high, most) {
  const first = Math.ceil(Math.log10(low) - 1e-9), last = Math.floor(Math.log10(high) + 1e-9);
  if (last - first < 1) return evenTicks(low, high, most).filter((value) => value > 0);
  const stride = Math.ceil((last - first + 1) / most), ticks = [];
  for (let power = first; power <= last; power += stride) ticks.push(Number("1e" + power));
  return ticks;
}

// All charts of a page ------------------------------------------------------------------------------------

/**
 * Draw every chart into its figure, `[data-chart="0"]` and so on, and let them share axis, zoom and pointer.
 *
 * @param data As above.
 * @param steps Steps that the axis should reach besides, those of pictures.
 * @param onPick Called with a value on the axis when a person picks one.
 * @param onZoom Called with whether a part of the run is shown.
 */
function create(data, { steps = [], onPick = () => {}, onZoom = () => {} } = {}) {
  const { axes, spans } = data;
  const tables = Object.fromEntries(Object.entries(data.tables).map(([name, table]) => [name, Object.fromEntries(
    Object.entries(table).map(([key, column]) => [key, column.map((value) => (typeof value === "string" ? Number(value) : value))]),
  )]));
  const history = tables.history;
  const state = { axis: "step", smoothing: history.step.length > 80 ? 0.6 : 0, zoom: null, hover: null, marked: null };
  const positions = new Map();
  let waiting = 0;

  /** Where a step lies on another axis, between the lines of the history. */
  function along(step, axis = state.axis) {
    if (axis === "step") return step;
    const known = history.step, values = history[axis], last = known.length - 1;
    if (step >= known[last]) return values[last] * (last >= 0 && known[last] > 0 ? step / known[last] : 1);
    const next = known.findIndex((other) => other >= step);
    const [step0, value0] = next > 0 ? [known[next - 1], values[next - 1]] : [0, 0];
    return known[next] === step0 ? values[next] : value0 + ((step - step0) / (known[next] - step0)) * (values[next] - value0);
  }

  function position(value, axis = state.axis) {
    if (axis === "seconds") return duration(value);
    return axis === "step" ? "step " + count(value) : count(value) + " " + axes.find((one) => one.key === axis).unit;
  }

  function positionsOf(name) {
    const key = name + " " + state.axis;
    if (!positions.has(key)) positions.set(key, name === "history" ? history[state.axis] : tables[name].step.map((step) => along(step)));
    return positions.get(key);
  }

  function wholeRange() {
    const ends = data.charts.map((chart) => positionsOf(chart.table)).concat([steps.map((step) => along(step))]).filter((values) => values.length);
    const low = Math.min(...ends.map((values) => values[0])), high = Math.max(...ends.map((values) => values[values.length - 1]));
    return high > low ? [low < high * 0.15 ? 0 : low, high] : [low - 0.5, high + 0.5];
  }

  // One chart ---------------------------------------------------------------------------------------------

  /** Everything one chart needs to draw itself and to answer the pointer. */
  function chartOf(spec, index) {
    const figure = document.querySelector(`[data-chart="${index}"]`);
    const chart = { spec, table: tables[spec.table], figure, plot: figure.querySelector(".plot"), hidden: new Set(), logarithmic: spec.logarithmic, whole: false, values: new Map() };
    chart.svg = draw("svg", { role: "img", tabindex: 0, "aria-label": describe(chart) });
    chart.plot.append(chart.svg);
    legend(chart);
    listen(chart);
    return chart;
  }

  function describe({ spec, table }) {
    const texts = spec.series.map((series) => {
      const present = table[series.key].filter((value) => value !== null);
      return `${series.label} from ${short(present[0])} to ${short(present[present.length - 1])}`;
    });
    return `${spec.title}. ${texts.join(", ")}.`;
  }

  function scaleName(chart) {
    return chart.logarithmic ? "log scale" : "linear scale";
  }

  function legend(chart) {
    const box = chart.figure.querySelector(".legend");
    for (const series of chart.spec.series) {
      const value = make("b");
      chart.values.set(series.key, value);
      const button = make("button", { type: "button", class: `role-${series.role}${series.dashed ? " dashed" : ""}`, "aria-pressed": "true", title: "Show or hide this line" }, [make("i"), series.label, value]);
      button.addEventListener("click", () => {
        if (!chart.hidden.delete(series.key)) chart.hidden.add(series.key);
        button.setAttribute("aria-pressed", String(!chart.hidden.has(series.key)));
        paintOne(chart);
      });
      box.append(button);
    }
    const values = chart.spec.series.flatMap((series) => chart.table[series.key]).filter(Number.isFinite);
    if (values.every((value) => value >= 0) && values.some((value) => value > 0) && chart.spec.guide === null) {
      const scale = make("button", { type: "button", class: "scale", title: "Switch the scale" }, scaleName(chart));
      scale.addEventListener("click", () => {
        chart.logarithmic = !chart.logarithmic;
        scale.textContent = scaleName(chart);
        paintOne(chart);
      });
      box.append(scale);
    } else chart.logarithmic = false;
    chart.full = make("button", { type: "button", class: "scale", title: "Some points lie beyond the chart", hidden: true }, "show all");
    chart.full.addEventListener("click", () => {
      chart.whole = !chart.whole;
      paintOne(chart);
    });
    box.append(chart.full);
  }

  /** The range of values to show: all of them, or without the few that would press the rest flat. */
  function valueRange(chart, drawn, from, to) {
    const values = [];
    for (const { series, raw } of drawn) {
      for (let row = from; row <= to; row += 1) {
        for (const value of [raw[row], series.low && chart.table[series.low][row], series.high && chart.table[series.high][row]]) {
          if (Number.isFinite(value) && (!chart.logarithmic || value > 0)) values.push(chart.logarithmic ? Math.log10(value) : value);
        }
      }
    }
    if (!values.length) return { range: chart.logarithmic ? [0.1, 10] : [0, 1], cut: false };
    values.sort((a, b) => a - b);
    let low = values[0], high = values[values.length - 1], cut = false;
    const inner = [values[Math.floor((values.length - 1) * 0.02)], values[Math.ceil((values.length - 1) * 0.98)]], span = inner[1] - inner[0];
    if (values.length > 50 && span > 0 && high - low > 3.5 * span) {
      cut = true;
      if (!chart.whole) [low, high] = [Math.max(low, inner[0] - span * 0.4), Math.min(high, inner[1] + span * 0.4)];
    }
    const { guide } = chart.spec;
    if (guide !== null) [low, high] = [Math.min(low, guide), Math.max(high, guide)];
    const flat = Math.max(Math.abs(high) * 0.1, 1e-9), room = high > low ? (high - low) * 0.06 : chart.logarithmic ? 0.3 : flat;
    if (guide !== null && low >= 0 && high <= 1) return { range: [Math.max(0, low - room), 1], cut };
    const touchesZero = !chart.logarithmic && low >= 0 && low < (high - low) * 0.25;
    const range = [touchesZero ? 0 : low - room, high + room];
    return { range: chart.logarithmic ? range.map((power) => 10 ** power) : range, cut };
  }

  function paintOne(chart) {
    const { spec, table } = chart, width = Math.max(chart.plot.clientWidth, 240), height = width < 420 ? 200 : 230;
    const inner = { width: width - margin.left - margin.right, height: height - margin.top - margin.bottom };
    const [left, right] = state.zoom || wholeRange(), xs = positionsOf(spec.table);
    const smooth = (column) => (spec.table === "history" ? smoothed(column, state.smoothing, chart.logarithmic) : column);
    const drawn = spec.series.filter((series) => !chart.hidden.has(series.key)).map((series) => ({ series, raw: table[series.key], smooth: smooth(table[series.key]) }));
    let from = xs.findIndex((x) => x >= left), to = xs.findLastIndex((x) => x <= right);
    from = Math.max(0, (from < 0 ? xs.length : from) - 1);
    to = Math.min(xs.length - 1, to + 1);
    const { range: [bottom, top], cut } = valueRange(chart, drawn, from, to);
    chart.full.hidden = !cut;
    chart.full.textContent = chart.whole ? "cut peaks" : "show all";
    chart.x = (value) => ((value - left) / (right - left)) * inner.width;
    chart.backX = (pixel) => left + (pixel / inner.width) * (right - left);
    const scale = chart.logarithmic ? Math.log10 : (value) => value;
    chart.y = (value) => inner.height * (1 - (scale(value) - scale(bottom)) / (scale(top) - scale(bottom)));
    Object.assign(chart, { inner, width, drawn, xs, from, to });

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
    if (spec.guide !== null) {
      const y = chart.y(spec.guide);
      front.append(draw("line", { class: "guide", x1: 0, x2: inner.width, y1: y, y2: y }));
    }
    for (const one of drawn) {
      if (one.series.low) {
        const [low, high] = [one.series.low, one.series.high].map((key) => smooth(table[key]));
        front.append(draw("path", { class: `band role-${one.series.role}`, d: bandPath(chart, low, high, one.raw) }));
      }
      paintSeries(chart, front, one);
    }
    if (spec.guide !== null) front.append(draw("text", { class: "guide-label", x: 4, y: chart.y(spec.guide) - 5 }, spec.guide_label));
    chart.over = draw("g", { transform: `translate(${margin.left} ${margin.top})` });
    chart.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    chart.svg.replaceChildren(back, front, chart.over);
    point(chart);
  }

  function paintSeries(chart, front, { series, raw, smooth }) {
    const { xs, inner, from, to } = chart, role = `role-${series.role}`, present = [];
    for (let row = from; row <= to; row += 1) if (drawable(chart, smooth[row])) present.push(row);
    if (smooth !== raw) front.append(draw("path", { class: `raw ${role}`, d: path(chart, raw) }));
    if (series.dashed && present.length === 1) {
      const y = chart.y(smooth[present[0]]);
      front.append(draw("path", { class: `dashed ${role}`, d: `M0 ${y}H${inner.width}` }));
    } else front.append(draw("path", { class: `${series.dashed ? "dashed" : "line"} ${role}`, d: path(chart, smooth) }));
    if (!series.dashed && (present.length <= 30 && series.role === "metric" || present.length === 1)) {
      for (const row of present) front.append(draw("circle", { class: `dot ${role}`, cx: chart.x(xs[row]), cy: chart.y(smooth[row]), r: 3 }));
    }
    for (let row = from; row <= to; row += 1) {
      if (!lost(raw[row])) continue;
      const title = draw("title", {}, `${series.label}: ${short(raw[row])}, ${position(xs[row])}`);
      front.append(draw("path", { class: `lost ${role}`, d: `M${chart.x(xs[row]) - 3} ${inner.height - 9}l6 6m0 -6l-6 6` }, title));
    }
  }

  function paintSpans(chart, front, back) {
    for (const span of spans) {
      const first = chart.x(along(span.first)), last = Math.max(chart.x(along(span.last)), first + 3);
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

  function drawable(chart, value) {
    return Number.isFinite(value) && !(chart.logarithmic && value <= 0);
  }

  function pixels(chart, row, value) {
    const y = Math.max(-500, Math.min(chart.inner.height + 500, chart.y(value)));
    return `${chart.x(chart.xs[row]).toFixed(1)} ${y.toFixed(1)}`;
  }

  /** A line through what is present; it breaks at a number that was not finite, and where much more is missing than usual. */
  function path(chart, column) {
    const present = [], broken = new Set();
    for (let row = chart.from; row <= chart.to; row += 1) {
      if (drawable(chart, column[row])) present.push(row);
      else if (lost(column[row])) broken.add(present.length);
    }
    const gaps = present.slice(1).map((row, index) => row - present[index]).sort((a, b) => a - b);
    const usual = gaps.length ? gaps[gaps.length >> 1] : 1;
    return present.map((row, index) => {
      const joined = index > 0 && !broken.has(index) && row - present[index - 1] <= 8 * usual;
      return `${joined ? "L" : "M"}${pixels(chart, row, column[row])}`;
    }).join("");
  }

  function bandPath(chart, low, high, column) {
    const parts = [];
    let there = [], back = [];
    const close = () => {
      if (there.length) parts.push(`M${there.concat(back).join("L")}Z`);
      [there, back] = [[], []];
    };
    for (let row = chart.from; row <= chart.to; row += 1) {
      if (lost(column[row])) close();
      else if (drawable(chart, low[row]) && drawable(chart, high[row])) {
        there.push(pixels(chart, row, high[row]));
        back.unshift(pixels(chart, row, low[row]));
      }
    }
    close();
    return parts.join("");
  }

  // The pointer -------------------------------------------------------------------------------------------

  /** Crosshair, values and the step of the picture that is shown: what follows the pointer. */
  function point(chart) {
    const { inner, over, xs, drawn } = chart;
    over.replaceChildren();
    if (state.marked !== null) {
      const x = chart.x(along(state.marked));
      if (x >= 0 && x <= inner.width + 0.5) {
        over.append(draw("line", { class: "cursor", x1: x, x2: x, y1: 0, y2: inner.height }), draw("path", { class: "cursor-foot", d: `M${x - 4} ${inner.height + 5}h8l-4 -5z` }));
      }
    }
    if (chart.picked) {
      const [start, end] = [...chart.picked].sort((a, b) => a - b);
      over.append(draw("rect", { class: "picked", x: start, y: 0, width: end - start, height: inner.height }));
    }
    const index = state.hover === null ? xs.length - 1 : nearest(xs, state.hover);
    for (const series of chart.spec.series) {
      const shown = drawn.find((one) => one.series === series);
      const row = shown ? nearestPresent(shown.smooth, index) : -1;
      chart.values.get(series.key).textContent = row < 0 ? "" : short(shown.smooth[row]);
      if (state.hover === null || row < 0 || !drawable(chart, shown.smooth[row])) continue;
      const x = chart.x(xs[row]), y = chart.y(shown.smooth[row]);
      if (x >= 0 && x <= inner.width && y >= 0 && y <= inner.height) over.append(draw("circle", { class: `ring role-${series.role}`, cx: x, cy: y, r: 3.5 }));
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
    const hoverAt = (there) => {
      const wanted = chart.backX(there), index = nearest(chart.xs, wanted);
      hover(index < 0 ? wanted : chart.xs[index]);
    };
    chart.svg.addEventListener("pointerdown", (event) => {
      if (event.pointerType === "mouse" && event.button === 0) {
        pressed = pixel(event);
        chart.svg.setPointerCapture(event.pointerId);
      }
      hoverAt(pixel(event));
    });
    chart.svg.addEventListener("pointermove", (event) => {
      const here = pixel(event);
      chart.picked = pressed !== null && Math.abs(here - pressed) > 6 ? [pressed, here] : null;
      hoverAt(here);
    });
    chart.svg.addEventListener("pointerup", (event) => {
      const { picked } = chart, clicked = !picked && (pressed !== null || event.pointerType !== "mouse");
      pressed = chart.picked = null;
      if (picked) zoom(picked.map(chart.backX).sort((a, b) => a - b));
      else if (clicked && state.hover !== null) onPick(state.hover);
    });
    chart.svg.addEventListener("pointercancel", () => { pressed = chart.picked = null; });
    chart.svg.addEventListener("pointerleave", () => { if (pressed === null) hover(null); });
    chart.svg.addEventListener("dblclick", () => zoom(null));
    chart.svg.addEventListener("blur", () => hover(null));
    chart.svg.addEventListener("keydown", (event) => {
      const by = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10 }[event.key];
      if (by) {
        const now = state.hover === null ? chart.xs.length - 1 : nearest(chart.xs, state.hover);
        hover(chart.xs[Math.max(0, Math.min(chart.xs.length - 1, now + by))]);
      } else if (event.key === "Enter" && state.hover !== null) onPick(state.hover);
      else if (event.key === "Escape") zoom(null);
      else return;
      event.preventDefault();
      event.stopPropagation();
    });
  }

  function hover(value) {
    state.hover = value;
    charts.forEach(point);
  }

  function zoom(range) {
    state.zoom = range;
    onZoom(range !== null);
    charts.forEach(paintOne);
  }

  /** Paint all charts once before the next frame, however often it is asked for. */
  function paint() {
    cancelAnimationFrame(waiting);
    waiting = requestAnimationFrame(() => charts.forEach(paintOne));
  }

  const charts = data.charts.map(chartOf);
  charts.forEach(paintOne);
  return {
    state, history, along, position, hover, zoom, paint,
    choose(axis) { Object.assign(state, { axis, hover: null }); zoom(null); },
    smooth(weight) { state.smoothing = weight; paint(); },
    mark(step) { state.marked = step; charts.forEach(point); },
  };
}

return { create, make, draw, count, short, nearest, nearestPresent };
})();

