"use strict";
// The random numbers of Poise: a seed and an index draw the latent here that they draw in Python.

const MASK64 = (1n << 64n) - 1n;
const BLAKE_START = [
  0x6a09e667f3bcc908n, 0xbb67ae8584caa73bn, 0x3c6ef372fe94f82bn, 0xa54ff53a5f1d36f1n,
  0x510e527fade682d1n, 0x9b05688c2b3e6c1fn, 0x1f83d9abfb41bd6bn, 0x5be0cd19137e2179n,
];
const BLAKE_ORDER = [
  [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15], [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
  [11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4], [7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8],
  [9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13], [2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9],
  [12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11], [13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10],
  [6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5], [10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0],
];

/** The first 8 bytes of BLAKE2b of a text of at most 128 bytes, as a number, the lowest byte first (RFC 7693). */
function blake2b64(text) {
  const bytes = new TextEncoder().encode(text);
  const block = new DataView(new ArrayBuffer(128));
  bytes.forEach((byte, place) => block.setUint8(place, byte));
  const h = [...BLAKE_START];
  h[0] ^= 0x01010000n ^ 8n;
  const v = [...h, ...BLAKE_START];
  v[12] ^= BigInt(bytes.length);
  v[14] ^= MASK64;
  const turned = (value, by) => ((value >> by) | (value << (64n - by))) & MASK64;
  const mix = (a, b, c, d, x, y) => {
    v[a] = (v[a] + v[b] + x) & MASK64; v[d] = turned(v[d] ^ v[a], 32n);
    v[c] = (v[c] + v[d]) & MASK64; v[b] = turned(v[b] ^ v[c], 24n);
    v[a] = (v[a] + v[b] + y) & MASK64; v[d] = turned(v[d] ^ v[a], 16n);
    v[c] = (v[c] + v[d]) & MASK64; v[b] = turned(v[b] ^ v[c], 63n);
  };
  for (let round = 0; round < 12; round++) {
    const m = BLAKE_ORDER[round % 10].map((place) => block.getBigUint64(8 * place, true));
    mix(0, 4, 8, 12, m[0], m[1]); mix(1, 5, 9, 13, m[2], m[3]);
    mix(2, 6, 10, 14, m[4], m[5]); mix(3, 7, 11, 15, m[6], m[7]);
    mix(0, 5, 10, 15, m[8], m[9]); mix(1, 6, 11, 12, m[10], m[11]);
    mix(2, 7, 8, 13, m[12], m[13]); mix(3, 4, 9, 14, m[14], m[15]);
  }
  return h[0] ^ v[0] ^ v[8];
}

/** A stream of 32-bit numbers for one purpose of a seed: MT19937, as torch draws on a CPU. */
function stream(seed, purpose) {
  const derived = blake2b64(`${seed}/0/${purpose}`) >> 1n;
  const state = new Uint32Array(624);
  state[0] = Number(derived & 0xffffffffn);
  for (let place = 1; place < 624; place++) {
    const before = state[place - 1] ^ (state[place - 1] >>> 30);
    state[place] = Math.imul(1812433253, before) + place;
  }
  let next = 624;
  return () => {
    if (next === 624) {
      for (let place = 0; place < 624; place++) {
        const both = (state[place] & 0x80000000) | (state[(place + 1) % 624] & 0x7fffffff);
        state[place] = state[(place + 397) % 624] ^ (both >>> 1) ^ (both & 1 ? 0x9908b0df : 0);
      }
      next = 0;
    }
    let drawn = state[next++];
    drawn ^= drawn >>> 11;
    drawn ^= (drawn << 7) & 0x9d2c5680;
    drawn ^= (drawn << 15) & 0xefc60000;
    return (drawn ^ (drawn >>> 18)) >>> 0;
  };
}

const BLOCK = 16; // Torch makes normal numbers in blocks of so many

/** Latents of a seed up to an index; the last of them is returned. */
function latentOf(seed, index, size, distribution) {
  const draw = stream(seed, "samples");
  const share = () => (draw() & 0xffffff) / 16777216;
  const from = index * size, made = new Float32Array(size);
  if (distribution === "uniform") {
    for (let place = 0; place < from; place++) draw();
    return made.map(() => share() * 2 - 1);
  }
  const first = Math.floor(from / BLOCK), last = Math.ceil((from + size) / BLOCK);
  for (let place = 0; place < first * BLOCK; place++) draw();
  const numbers = new Float32Array((last - first) * BLOCK).map(share);
  for (let start = 0; start < numbers.length; start += BLOCK) {
    for (let place = start; place < start + BLOCK / 2; place++) {
      const radius = Math.sqrt(-2 * Math.log(1 - numbers[place]));
      const angle = 2 * Math.PI * numbers[place + BLOCK / 2];
      numbers[place] = radius * Math.cos(angle);
      numbers[place + BLOCK / 2] = radius * Math.sin(angle);
    }
  }
  return numbers.slice(from - first * BLOCK, from - first * BLOCK + size);
}

/** The class that a seed draws for an index, as often as the data had it. */
function classOf(seed, index, counts) {
  const draw = stream(seed, "classes of samples");
  let share = 0;
  for (let place = 0; place <= index; place++) {
    const high = BigInt(draw()), low = BigInt(draw());
    share = Number(((high << 32n) | low) & ((1n << 53n) - 1n)) / 2 ** 53;
  }
  const wanted = share * counts.reduce((sum, count) => sum + count, 0);
  let passed = 0;
  for (let place = 0; place < counts.length; place++) {
    passed += counts[place];
    if (wanted < passed) return place;
  }
  return counts.length - 1;
}

/** The standard normal quantile of p (Acklam's rational approximation, to 1e-9). */
function quantile(p) {
  const a = [-39.69683028665376, 220.9460984245205, -275.9285104469687, 138.357751867269, -30.66479806614716, 2.506628277459239];
  const b = [-54.47609879822406, 161.5858368580409, -155.6989798598866, 66.80131188771972, -13.28068155288572];
  const c = [-0.007784894002430293, -0.3223964580411365, -2.400758277161838, -2.549732539343734, 4.374664141464968, 2.938163982698783];
  const d = [0.007784695709041462, 0.3224671290700398, 2.445134137142996, 3.754408661907416];
  const along = (numbers, x) => numbers.reduce((sum, number) => sum * x + number, 0);
  const tail = (q) => along(c, q) / along([...d, 1], q);
  if (p < 0.02425) return tail(Math.sqrt(-2 * Math.log(p)));
  if (p > 0.97575) return -tail(Math.sqrt(-2 * Math.log(1 - p)));
  const q = p - 0.5, r = q * q;
  return (along(a, r) * q) / along([...b, 1], r);
}

/** The standard normal distribution function (Abramowitz and Stegun 26.2.17, to 8e-8). */
function share(x) {
  const t = 1 / (1 + 0.2316419 * Math.abs(x));
  const sum = t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  const beyond = (Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI)) * sum;
  return x > 0 ? 1 - beyond : beyond;
}

/** A point on the circle through two latents, which is as likely as any latent. */
function onCircle(first, second, angle, distribution) {
  const uniform = distribution === "uniform", inner = 1 - 1e-7;
  const normal = (value) => (uniform ? quantile((Math.max(-inner, Math.min(inner, value)) + 1) / 2) : value);
  return first.map((value, place) => {
    const moved = Math.cos(angle) * normal(value) + Math.sin(angle) * normal(second[place]);
    return uniform ? share(moved) * 2 - 1 : moved;
  });
}
