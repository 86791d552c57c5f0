"use strict";

// Random numbers that a seed repeats on every computer, and the first weights drawn from them.

// Tommy Ettinger's mulberry32: a number in [0, 1) at each call.
function uniform(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

// Box and Muller: from two uniform numbers a standard normal one.
function normal(random) {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

// Spread of the weights by rule, from a layer's inputs and units. "zeros" and "constant" are no spreads.
const RULES = {
  "normal 1": () => 1,
  "normal 0.01": () => 0.01,
  glorot: (inputs, units) => Math.sqrt(2 / (inputs + units)),
  he: (inputs) => Math.sqrt(2 / inputs),
  lecun: (inputs) => Math.sqrt(1 / inputs),
};
const CONSTANT = 0.01;

// The weight matrices of a network, from the input upwards.
function drawKernels({ layers, units, initializer, scale, seed }, pixels, classes) {
  const random = uniform(seed);
  const sizes = [pixels, ...Array(layers).fill(units), classes];
  return sizes.slice(1).map((n, number) => {
    const shape = [sizes[number], n];
    const values = new Float32Array(shape[0] * n);
    if (initializer === "constant") values.fill(scale * CONSTANT);
    else if (initializer !== "zeros") {
      const spread = scale * RULES[initializer](...shape);
      for (let i = 0; i < values.length; i++) values[i] = spread * normal(random);
    }
    return { shape, values };
  });
}

// Numbers 0 to n - 1 in random order, `size` at a time; what does not fill a batch waits for the next shuffle.
function* batches(n, size, seed) {
  const random = uniform(seed + 1_000_003); // not the numbers that drew the weights
  const order = Uint32Array.from({ length: n }, (_, i) => i);
  for (;;) {
    for (let i = n - 1; i > 0; i--) {
      const j = Math.floor(random() * (i + 1));
      [order[i], order[j]] = [order[j], order[i]];
    }
    for (let start = 0; start + size <= n; start += size) yield order.slice(start, start + size);
  }
}
