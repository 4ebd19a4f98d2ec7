"use strict";
// The page: what a person sets becomes inputs of the generator, and its samples become pictures.

const about = JSON.parse(document.getElementById("about").textContent);
const [channels, height, width] = about.shape;
const at = (id) => document.getElementById(id);
const THUMBNAILS = 8, STEADY = 4000; // Milliseconds of a quarter of a walk's circle
const state = { seed: 0, index: 0, chosen: "", tags: new Set(), variety: about.truncation ?? 1, moves: about.directions.map(() => 0), walk: null };
let run = null;

/** The condition of an index, and whether it is that of the seed. */
function conditionOf(seed, index) {
  if (!about.condition_size) return null;
  const made = new Float32Array(about.condition_size);
  if (about.classes.length) made[state.chosen === "" ? classOf(seed, index, about.counts) : Number(state.chosen)] = 1;
  for (const tag of state.tags) made[tag] = 1;
  return made;
}

/** The inputs of the generator for a sample of the seed. */
function inputsOf(index, { plain = false } = {}) {
  const { size, distribution } = about.latent;
  let latent = latentOf(state.seed, index, size, distribution);
  if (state.walk && !plain) latent = onCircle(latent, state.walk.towards, state.walk.angle, distribution);
  const offset = new Float32Array(about.styles);
  if (!about.styles) for (let place = 0; place < size; place++) latent[place] *= state.variety;
  if (!plain) {
    about.directions.forEach(({ vector, space }, which) => {
      const moved = space === "w" ? offset : latent, by = state.moves[which];
      if (by) vector.forEach((value, place) => { moved[place] += value * by; });
    });
  }
  return { latent, condition: conditionOf(state.seed, index), truncation: state.variety, offset };
}

/** Numbers within [-1, 1], channel by channel, as the pixels of a canvas. */
function draw(canvas, sample) {
  canvas.width = width;
  canvas.height = height;
  const image = new ImageData(width, height), places = width * height;
  for (let place = 0; place < places; place++) {
    for (let colour = 0; colour < 3; colour++) {
      const channel = channels === 1 ? 0 : colour;
      image.data[4 * place + colour] = channel < channels ? levelOf(sample[channel * places + place]) : 0;
    }
    image.data[4 * place + 3] = channels === 4 ? levelOf(sample[3 * places + place]) : 255;
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
}

const levelOf = (value) => Math.round((Math.max(-1, Math.min(1, value)) + 1) * 127.5);

/** The name with which `poise sample --name` makes the picture again, and what was changed since. */
function nameOf() {
  const asked = new URLSearchParams();
  if (about.classes.length && state.chosen !== "") asked.set("label", about.classes[state.chosen]);
  if (state.tags.size) asked.set("tags", [...state.tags].map((tag) => about.tags[tag]).join(","));
  if (about.styles && state.variety !== 1) asked.set("truncation", String(state.variety));
  const query = asked.toString(), step = about.step === null ? "" : `${about.step}-`;
  const name = `${about.name}@${step}${about.weights.slice(0, 12)}/${state.seed}/${state.index}${query ? `?${query}` : ""}`;
  const changes = about.directions.flatMap(({ name: called }, which) => (state.moves[which] ? [`${called} ${signed(state.moves[which])}`] : []));
  if (!about.styles && state.variety !== 1) changes.push(`variety ${state.variety}`);
  if (about.tags.length && !state.tags.size) changes.push("no tags");
  if (state.walk) changes.push("on a walk");
  return { name, changes };
}

const signed = (value) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(1)}`;

let busy = false, waiting = false;

/** Make the picture as it is set; what is set meanwhile is made next. */
async function show() {
  if (!run) return;
  if (busy) { waiting = true; return; }
  busy = true;
  const started = performance.now();
  draw(at("picture"), await run(inputsOf(state.index)));
  const took = performance.now() - started;
  const { name, changes } = nameOf();
  at("name").textContent = [name, ...changes].join(" · ");
  if (!state.walk) at("state").textContent = `${took.toFixed(0)} ms a picture, in this browser. Nothing leaves this page.`;
  busy = false;
  document.body.dataset.milliseconds = took.toFixed(1);
  if (waiting) { waiting = false; await show(); }
}

let shown = 0;

/** Small pictures of the first samples of the seed, each when the browser has time. */
async function showMore() {
  const turn = ++shown, buttons = [...at("more").children];
  buttons.forEach((button, index) => button.setAttribute("aria-current", String(index === state.index)));
  for (const [index, button] of buttons.entries()) {
    if (button.offsetParent === null) continue;
    await new Promise((resume) => setTimeout(resume, 0));
    if (turn !== shown || state.walk) return;
    draw(button.firstChild, await run(inputsOf(index, { plain: true })));
  }
}

async function changed({ all = true } = {}) {
  await show();
  if (all && run && !state.walk) await showMore();
}

function walking(on) {
  at("walk").setAttribute("aria-pressed", String(on));
  at("walk").textContent = on ? "Stop" : "Walk";
  if (!on) { state.walk = null; return; }
  const towards = latentOf(state.seed, state.index + 1, about.latent.size, about.latent.distribution);
  state.walk = { towards, angle: 0 };
  let before = performance.now();
  const step = async (now) => {
    if (!state.walk) { await changed(); return; }
    state.walk.angle += ((now - before) / STEADY) * (Math.PI / 2);
    before = now;
    await show();
    requestAnimationFrame(step);
  };
  requestAnimationFrame(step);
}

/** A PNG with texts that say what it is, before its pixels. */
async function marked(blob, texts) {
  const bytes = new Uint8Array(await blob.arrayBuffer()), head = 33;
  const chunks = Object.entries(texts).map(([keyword, text]) => chunk("iTXt", `${keyword}\0\0\0\0\0${text}`));
  return new Blob([bytes.slice(0, head), ...chunks, bytes.slice(head)], { type: "image/png" });
}

function chunk(kind, text) {
  const body = new TextEncoder().encode(kind + text), made = new DataView(new ArrayBuffer(body.length + 8));
  made.setUint32(0, body.length - 4);
  new Uint8Array(made.buffer).set(body, 4);
  let rest = 0xffffffff;
  for (const byte of body) {
    rest ^= byte;
    for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? (rest >>> 1) ^ 0xedb88320 : rest >>> 1;
  }
  made.setUint32(body.length + 4, ~rest >>> 0);
  return made.buffer;
}

function save() {
  const { name, changes } = nameOf(), whole = [name, ...changes].join(", ");
  const told = { generated: true, made_by: about.made_by, names: changes.length ? [] : [name], changes, start: name };
  const escaped = whole.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
  const texts = {
    poise: JSON.stringify(told),
    Software: about.made_by,
    Description: `Generated by Poise from noise: ${whole}.`,
    "XML:com.adobe.xmp": about.xmp.replace("{sentence}", () => `Generated by Poise from noise: ${escaped}.`),
  };
  at("picture").toBlob(async (blob) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(await marked(blob, texts));
    link.download = `${name.replace(/[^\w.-]+/g, "-")}${changes.length ? "-changed" : ""}.png`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  });
}

/** Compare samples of some seeds with the pixels that Poise made when the page was exported. */
async function compare() {
  const before = { seed: state.seed, variety: state.variety, chosen: state.chosen };
  let largest = 0, different = 0, all = 0, good = 0;
  state.variety = 1;
  state.chosen = "";
  for (const test of about.tests) {
    state.seed = test.seed;
    const inputs = inputsOf(test.index, { plain: true }), wanted = bytesOf(test.pixels);
    if (test.condition) inputs.condition = Float32Array.from(test.condition);
    const made = await run(inputs);
    let worst = 0;
    made.forEach((value, place) => {
      const off = Math.abs(levelOf(value) - wanted[place]);
      worst = Math.max(worst, off);
      different += off > 0;
    });
    all += made.length;
    largest = Math.max(largest, worst);
    good += worst <= about.tolerance;
  }
  Object.assign(state, before);
  const same = good === about.tests.length;
  at("parity").className = same ? "good" : "bad";
  at("parity").textContent = same ? `The same pictures as Poise: ${good} of ${about.tests.length}` : `Not the pictures of Poise: ${about.tests.length - good} of ${about.tests.length} differ`;
  const report = { same, largest, different: different / all };
  document.body.dataset.parity = JSON.stringify(report);
  return report;
}

function facts(report) {
  const share = `${(100 * report.different).toFixed(2)} %`;
  const rows = [
    ["Largest difference", `${report.largest} of 255 levels; ${share} of them differ`],
    ["Seeds", "The same as of poise sample --seed"],
    ["Step", about.step], ["Data", about.data], ["Made by", about.made_by], ["Weights", about.weights],
    ["Latent", `${about.latent.size} numbers, ${about.latent.distribution}`],
    ["Computed by", about.engine === "plain" ? "plain JavaScript" : `ONNX Runtime Web ${about.runtime}`],
    ["Stored as", about.half ? "float16" : "float32"],
  ];
  for (const [label, value] of rows) {
    if (value === null || value === undefined) continue;
    const term = document.createElement("dt"), text = document.createElement("dd");
    term.textContent = label;
    text.textContent = value;
    at("facts").append(term, text);
  }
}

function slider(label, { least, most, value, step }, heard) {
  const row = document.createElement("label"), head = document.createElement("span");
  const name = document.createElement("span"), shownValue = document.createElement("output");
  const input = Object.assign(document.createElement("input"), { type: "range", min: least, max: most, step, value });
  head.className = "split";
  name.textContent = label;
  shownValue.textContent = signed(value);
  head.append(name, shownValue);
  row.append(head, input);
  input.addEventListener("input", () => { shownValue.textContent = signed(Number(input.value)); heard(Number(input.value)); });
  return { row, back: () => { input.value = 0; shownValue.textContent = signed(0); } };
}

function prepare() {
  at("picture").classList.toggle("sharp", Math.max(width, height) <= 128);
  const whole = (input, most) => { const value = Math.min(most, Math.max(0, Math.floor(Number(input.value) || 0))); input.value = value; return value; };
  at("seed").addEventListener("change", () => { state.seed = whole(at("seed"), Number.MAX_SAFE_INTEGER); changed(); });
  at("index").addEventListener("change", () => { state.index = whole(at("index"), 9999); changed(); });
  at("another").addEventListener("click", () => {
    state.seed = Math.floor(Math.random() * 1e6);
    state.index = 0;
    at("seed").value = state.seed;
    at("index").value = 0;
    if (state.walk) walking(false);
    changed();
  });
  at("walk").addEventListener("click", () => walking(!state.walk));
  at("save").addEventListener("click", save);
  at("copy").addEventListener("click", async () => {
    await navigator.clipboard?.writeText(nameOf().name);
    at("copy").textContent = "Copied";
    setTimeout(() => { at("copy").textContent = "Copy"; }, 1200);
  });
  if (about.classes.length) {
    at("class-row").hidden = false;
    at("class").append(new Option("As often as in the data", ""), ...about.classes.map((name, place) => new Option(name, place)));
    at("class").addEventListener("change", () => { state.chosen = at("class").value; changed(); });
  }
  about.tags.forEach((tag, place) => {
    at("tags-row").hidden = false;
    const label = document.createElement("label"), box = Object.assign(document.createElement("input"), { type: "checkbox" });
    box.addEventListener("change", () => { state.tags[box.checked ? "add" : "delete"](place); changed(); });
    label.append(box, tag);
    at("tags").append(label);
  });
  at("variety-label").textContent = about.styles ? "Truncation" : "Variety";
  at("variety-row").hidden = about.fixed;
  at("variety").value = state.variety;
  at("variety-value").textContent = state.variety.toFixed(2);
  at("variety").addEventListener("input", () => {
    state.variety = Number(at("variety").value);
    at("variety-value").textContent = state.variety.toFixed(2);
    changed();
  });
  at("directions").hidden = !about.directions.length;
  const sliders = about.directions.map(({ name }, which) => slider(name, { least: -3, most: 3, value: 0, step: 0.1 }, (value) => { state.moves[which] = value; changed({ all: false }); }));
  at("sliders").append(...sliders.map((one) => one.row));
  at("reset").addEventListener("click", () => { state.moves.fill(0); sliders.forEach((one) => one.back()); changed({ all: false }); });
  for (let index = 0; index < THUMBNAILS; index++) {
    const button = document.createElement("button"), canvas = document.createElement("canvas");
    button.type = "button";
    button.title = `Picture ${index}`;
    button.setAttribute("aria-label", button.title);
    canvas.width = width;
    canvas.height = height;
    canvas.className = "sharp";
    button.append(canvas);
    button.addEventListener("click", () => { state.index = index; at("index").value = index; if (state.walk) walking(false); changed(); });
    at("more").append(button);
  }
}

async function start() {
  prepare();
  try {
    const started = performance.now();
    run = await generatorOf(about);
    facts(await compare());
    document.body.dataset.ready = (performance.now() - started).toFixed(0);
    await changed();
    document.body.dataset.done = "yes";
  } catch (error) {
    at("state").textContent = `This browser cannot run the generator: ${error.message}`;
    document.body.dataset.failed = String(error.stack || error);
  }
}

start();
