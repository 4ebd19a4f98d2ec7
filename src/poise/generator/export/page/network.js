"use strict";
// A generator of plain layers in plain JavaScript: one sample at a time, features as (channels, height, width).

/** Bytes of base64. */
function bytesOf(text) {
  const packed = atob(text), made = new Uint8Array(packed.length);
  for (let place = 0; place < made.length; place++) made[place] = packed.charCodeAt(place);
  return made;
}

/** Numbers of float16 or float32, as bytes with the lowest first. */
function numbersOf(bytes, half) {
  if (!half) return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  const table = new Float32Array(65536);
  for (let bits = 0; bits < 65536; bits++) {
    const sign = bits & 0x8000 ? -1 : 1, exponent = (bits >> 10) & 31, rest = bits & 1023;
    if (exponent === 31) table[bits] = rest ? NaN : sign * Infinity;
    else table[bits] = sign * (exponent ? 2 ** (exponent - 15) * (1 + rest / 1024) : 2 ** -14 * (rest / 1024));
  }
  return Float32Array.from(new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2), (bits) => table[bits]);
}

/** `out[r] = sum_k weights[row + r, k] x[k]` for some rows of a matrix, over `n` places. */
function multiply(weights, row, rows, x, k, n, out) {
  let r = 0;
  // Four rows and two places at once: sums stay in registers, and each number that is read serves several.
  for (; r + 3 < rows; r += 4) {
    const one = (row + r) * k, two = one + k, three = two + k, four = three + k;
    let place = 0;
    for (; place + 1 < n; place += 2) {
      let a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0;
      for (let inner = 0, from = place; inner < k; inner++, from += n) {
        const left = x[from], right = x[from + 1];
        const p = weights[one + inner], q = weights[two + inner], s = weights[three + inner], t = weights[four + inner];
        a += p * left; b += p * right;
        c += q * left; d += q * right;
        e += s * left; f += s * right;
        g += t * left; h += t * right;
      }
      const to = r * n + place;
      out[to] = a; out[to + 1] = b;
      out[to + n] = c; out[to + n + 1] = d;
      out[to + 2 * n] = e; out[to + 2 * n + 1] = f;
      out[to + 3 * n] = g; out[to + 3 * n + 1] = h;
    }
    for (; place < n; place++) for (let one = r; one < r + 4; one++) out[one * n + place] = dot(weights, (row + one) * k, x, place, k, n);
  }
  for (; r < rows; r++) for (let place = 0; place < n; place++) out[r * n + place] = dot(weights, (row + r) * k, x, place, k, n);
}

function dot(weights, from, x, place, k, n) {
  let sum = 0;
  for (let inner = 0; inner < k; inner++) sum += weights[from + inner] * x[place + inner * n];
  return sum;
}

const LAYERS = {
  linear(layer, x) {
    const { before, after, weight, bias } = layer, out = new Float32Array(after);
    for (let row = 0; row < after; row++) {
      let sum = bias ? bias[row] : 0;
      for (let place = 0; place < before; place++) sum += weight[row * before + place] * x.data[place];
      out[row] = sum;
    }
    return { data: out, shape: [after] };
  },
  shape: (layer, x) => ({ data: x.data, shape: layer.shape }),
  scale(layer, x, condition) {
    const [channels, ...sides] = x.shape, places = sides.reduce((all, side) => all * side, 1);
    const out = new Float32Array(x.data.length), each = condition ? condition.length : 0;
    for (let channel = 0; channel < channels; channel++) {
      let factor = layer.factor[channel], offset = layer.offset[channel];
      if (layer.factors) {
        let times = 0, plus = 0;
        for (let one = 0; one < each; one++) {
          times += layer.factors[channel * each + one] * condition[one];
          plus += layer.offsets[channel * each + one] * condition[one];
        }
        factor *= times;
        offset = offset * times + plus;
      }
      for (let place = channel * places; place < (channel + 1) * places; place++) out[place] = x.data[place] * factor + offset;
    }
    return { data: out, shape: x.shape };
  },
  doubling(layer, x) {
    const { before, after, kernel, stride, padding, beyond, weight, bias } = layer, [, height, width] = x.shape;
    const [high, broad] = kernel, taps = high * broad, places = height * width;
    const tall = (height - 1) * stride - 2 * padding + high + beyond;
    const wide = (width - 1) * stride - 2 * padding + broad + beyond;
    const out = new Float32Array(after * tall * wide), block = new Float32Array(taps * places);
    for (let channel = 0; channel < after; channel++) {
      const to = channel * tall * wide;
      if (bias) out.fill(bias[channel], to, to + tall * wide);
      multiply(weight, channel * taps, taps, x.data, before, places, block);
      for (let tap = 0; tap < taps; tap++) {
        const down = Math.floor(tap / broad) - padding, right = (tap % broad) - padding;
        for (let row = 0; row < height; row++) {
          const y = row * stride + down;
          if (y < 0 || y >= tall) continue;
          for (let column = 0; column < width; column++) {
            const at = column * stride + right;
            if (at >= 0 && at < wide) out[to + y * wide + at] += block[tap * places + row * width + column];
          }
        }
      }
    }
    return { data: out, shape: [after, tall, wide] };
  },
  convolution(layer, x) {
    const { before, after, kernel, padding, weight, bias } = layer, [, height, width] = x.shape;
    const [high, broad] = kernel, taps = high * broad;
    const tall = height + 2 * padding - high + 1, wide = width + 2 * padding - broad + 1, places = tall * wide;
    const columns = new Float32Array(before * taps * places), out = new Float32Array(after * places);
    let to = 0;
    for (let channel = 0; channel < before; channel++) {
      for (let down = -padding; down < high - padding; down++) {
        for (let right = -padding; right < broad - padding; right++) {
          for (let row = 0; row < tall; row++) {
            const y = row + down;
            for (let column = 0; column < wide; column++, to++) {
              const at = column + right;
              if (y >= 0 && y < height && at >= 0 && at < width) columns[to] = x.data[(channel * height + y) * width + at];
            }
          }
        }
      }
    }
    multiply(weight, 0, after, columns, before * taps, places, out);
    if (bias) for (let place = 0; place < out.length; place++) out[place] += bias[Math.floor(place / places)];
    return { data: out, shape: [after, tall, wide] };
  },
  larger(layer, x) {
    const [channels, height, width] = x.shape, [tall, wide] = layer.sides, out = new Float32Array(channels * tall * wide);
    for (let channel = 0, to = 0; channel < channels; channel++) {
      for (let row = 0; row < tall; row++) {
        const from = (channel * height + Math.floor((row * height) / tall)) * width;
        for (let column = 0; column < wide; column++) out[to++] = x.data[from + Math.floor((column * width) / wide)];
      }
    }
    return { data: out, shape: [channels, tall, wide] };
  },
};

const FUNCTIONS = {
  relu: (value) => (value > 0 ? value : 0),
  leaky: (value, slope) => (value > 0 ? value : value * slope),
  elu: (value, slope) => (value > 0 ? value : slope * Math.expm1(value)),
  tanh: (value, times) => Math.tanh(value * times),
};

/** A network of layers with their numbers: `(latent, condition)` to a sample within [-1, 1]. */
function plainNetwork(layers, numbers) {
  const held = layers.map((layer) => {
    const made = { ...layer };
    for (const name of ["weight", "bias", "factor", "offset", "factors", "offsets"]) {
      if (layer[name]) made[name] = numbers.subarray(layer[name][0], layer[name][0] + layer[name][1]);
    }
    return made;
  });
  return (latent, condition) => {
    let x = { data: latent, shape: [latent.length] };
    for (const layer of held) {
      if (layer.kind === "beside") {
        const both = new Float32Array(x.data.length + condition.length);
        both.set(x.data);
        both.set(condition, x.data.length);
        x = { data: both, shape: [both.length] };
      } else if (layer.kind in FUNCTIONS) {
        const act = FUNCTIONS[layer.kind], data = new Float32Array(x.data.length);
        for (let place = 0; place < data.length; place++) data[place] = act(x.data[place], layer.by);
        x = { data, shape: x.shape };
      } else x = LAYERS[layer.kind](layer, x, condition);
    }
    return x.data.map((value) => Math.max(-1, Math.min(1, value)));
  };
}
