"use strict";

// From gradients to steps, as Keras takes them: clip first, then let the optimizer apply.

const MOMENTUM = 0.9;
const ADAM = { first: 0.9, second: 0.999, epsilon: 1e-7 };

// Euclidean norm, summed in double precision: the squares of small gradients would be 0 in single.
function norm(tensor) {
  let sum = 0;
  for (const value of tensor.dataSync()) sum += value * value;
  return Math.sqrt(sum);
}

// Returns the clipped gradients, the global norm before, and whether anything was clipped.
function clip(gradients, { clipping, threshold }) {
  const norms = gradients.map(norm);
  const whole = Math.hypot(...norms);
  const shortened = (tensor, length) => (length > threshold ? tf.mul(tensor, threshold / length) : tensor);
  let clipped = gradients;
  if (clipping === "value") clipped = gradients.map((g) => tf.clipByValue(g, -threshold, threshold));
  if (clipping === "norm") clipped = gradients.map((g, i) => shortened(g, norms[i]));
  if (clipping === "global norm") clipped = gradients.map((g) => shortened(g, whole));
  const acted =
    (clipping === "value" && gradients.some((g) => tf.max(tf.abs(g)).dataSync()[0] > threshold)) ||
    (clipping === "norm" && norms.some((length) => length > threshold)) ||
    (clipping === "global norm" && whole > threshold);
  return { clipped, whole, acted };
}

// An optimizer for some parameters: apply(gradients) takes a step, dispose() frees what it remembers.
function createOptimizer(parameters, { optimizer, rate }) {
  const zeros = () => parameters.map((p) => tf.variable(tf.zerosLike(p), false));
  const first = optimizer === "sgd" ? [] : zeros();
  const second = optimizer === "adam" ? zeros() : [];
  let steps = 0;

  function change(gradient, i) {
    if (optimizer === "sgd") return tf.mul(gradient, -rate);
    if (optimizer === "momentum") {
      first[i].assign(tf.sub(tf.mul(first[i], MOMENTUM), tf.mul(gradient, rate)));
      return first[i];
    }
    first[i].assign(tf.add(tf.mul(first[i], ADAM.first), tf.mul(gradient, 1 - ADAM.first)));
    second[i].assign(tf.add(tf.mul(second[i], ADAM.second), tf.mul(tf.square(gradient), 1 - ADAM.second)));
    const warm = Math.sqrt(1 - ADAM.second ** steps) / (1 - ADAM.first ** steps);
    return tf.div(tf.mul(first[i], -rate * warm), tf.add(tf.sqrt(second[i]), ADAM.epsilon));
  }

  return {
    apply(gradients) {
      steps += 1;
      parameters.forEach((parameter, i) => parameter.assign(tf.add(parameter, change(gradients[i], i))));
    },
    dispose: () => [...first, ...second].forEach((tensor) => tensor.dispose()),
  };
}
