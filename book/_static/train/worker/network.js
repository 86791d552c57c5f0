"use strict";

// The network, forwards and backwards, written out. `tf` is TensorFlow.js; rows of a matrix are images of a batch.

const EPSILON = 1e-3; // in batch normalization, as in Keras
const LEAK = 0.01;
const SELU = { scale: 1.0507009873554805, alpha: 1.6732632423543772 };

// Each function of the pre-activations z, its slope from z and h, and the steepest slope it has.
const ACTIVATIONS = {
  sigmoid: { of: (z) => tf.sigmoid(z), slope: (z, h) => tf.mul(h, tf.sub(1, h)), steepest: 0.25 },
  tanh: { of: (z) => tf.tanh(z), slope: (z, h) => tf.sub(1, tf.square(h)), steepest: 1 },
  relu: { of: (z) => tf.relu(z), slope: (z) => tf.step(z), steepest: 1 },
  leaky_relu: { of: (z) => tf.leakyRelu(z, LEAK), slope: (z) => tf.step(z, LEAK), steepest: 1 },
  elu: { of: (z) => tf.elu(z), slope: (z, h) => tf.add(tf.minimum(h, 0), 1), steepest: 1 },
  selu: {
    of: (z) => tf.mul(SELU.scale, tf.add(tf.relu(z), tf.mul(SELU.alpha, tf.elu(tf.minimum(z, 0))))),
    slope: (z, h) =>
      tf.add(tf.mul(SELU.scale, tf.step(z)), tf.mul(tf.sub(1, tf.step(z)), tf.add(h, SELU.scale * SELU.alpha))),
    steepest: SELU.scale * SELU.alpha,
  },
};

// A network from its settings and its weight matrices, the output's last. Biases and β start at 0, γ at 1.
function createNetwork(settings, kernels) {
  const layers = kernels.map(({ shape, values }, number) => {
    const n = shape[1];
    const layer = { kernel: tf.variable(tf.tensor2d(values, shape)) };
    if (settings.normalization === "none" || number === kernels.length - 1) {
      return { ...layer, bias: tf.variable(tf.zeros([n])) };
    }
    return {
      ...layer,
      gamma: tf.variable(tf.ones([n])),
      beta: tf.variable(tf.zeros([n])),
      movingMean: tf.variable(tf.zeros([n]), false),
      movingVariance: tf.variable(tf.ones([n]), false),
    };
  });
  return {
    hidden: layers.slice(0, -1),
    output: layers[layers.length - 1],
    activation: ACTIVATIONS[settings.activation],
    flagLost: settings.normalization === "flag lost",
    momentum: settings.momentum,
    parameters: layers.flatMap((layer) => (layer.gamma ? [layer.kernel, layer.gamma, layer.beta] : [layer.kernel, layer.bias])),
  };
}

function disposeNetwork(network) {
  for (const layer of [...network.hidden, network.output]) for (const tensor of Object.values(layer)) tensor.dispose();
}

// (a - mean) / √(variance + ε), with the batch's mean and variance in training, with the moving averages otherwise.
function standardize(layer, a, training) {
  const mean = training ? tf.mean(a, 0) : layer.movingMean;
  const variance = training ? tf.mean(tf.square(tf.sub(a, mean)), 0) : layer.movingVariance;
  const inverse = tf.rsqrt(tf.add(variance, EPSILON));
  return { mean, variance, inverse, training, standard: tf.mul(tf.sub(a, mean), inverse) };
}

// What every layer saw: its input, z, h = φ(z), and how it was normalized. The book's bug: the flag never arrives.
function forward(network, images, training) {
  let input = images;
  const passes = network.hidden.map((layer) => {
    const product = tf.matMul(input, layer.kernel);
    const normal = layer.gamma ? standardize(layer, product, training && !network.flagLost) : null;
    const z = normal ? tf.add(tf.mul(normal.standard, layer.gamma), layer.beta) : tf.add(product, layer.bias);
    const pass = { layer, input, z, h: network.activation.of(z), normal };
    input = pass.h;
    return pass;
  });
  return { passes, top: input, logits: tf.add(tf.matMul(input, network.output.kernel), network.output.bias) };
}

// Cross-entropy of softmax(logits) in nats, averaged over the batch, and the probabilities.
function crossEntropy(logits, oneHot) {
  const shifted = tf.sub(logits, tf.max(logits, 1, true)); // or exp would overflow
  const logs = tf.sub(shifted, tf.log(tf.sum(tf.exp(shifted), 1, true)));
  return { loss: tf.neg(tf.mean(tf.sum(tf.mul(oneHot, logs), 1))), probabilities: tf.exp(logs) };
}

// Back through batch normalization. Only where the batch's own statistics were used do they have a gradient.
function throughNormalization(layer, { standard, inverse, training }, gradient) {
  const gamma = tf.sum(tf.mul(gradient, standard), 0);
  const beta = tf.sum(gradient, 0);
  const n = gradient.shape[0];
  const centred = training
    ? tf.sub(tf.sub(gradient, tf.div(beta, n)), tf.mul(standard, tf.div(gamma, n)))
    : gradient;
  return { gamma, beta, below: tf.mul(tf.mul(layer.gamma, inverse), centred) };
}

// The chain rule, from the loss down. `passes` get gradient = ∂loss/∂z, slope = φ'(z) and kernelGradient = ∂loss/∂W;
// `gradients` are in the order of network.parameters.
function backward(network, { passes, top, logits }, oneHot) {
  const { loss, probabilities } = crossEntropy(logits, oneHot);
  let above = tf.div(tf.sub(probabilities, oneHot), oneHot.shape[0]);
  // A transpose of its own: TensorFlow.js multiplies matrices fast only as they lie, five times slower transposed.
  const gradients = [tf.matMul(tf.transpose(top), above), tf.sum(above, 0)];
  let kernel = network.output.kernel;
  for (const pass of [...passes].reverse()) {
    pass.slope = network.activation.slope(pass.z, pass.h);
    pass.gradient = tf.mul(tf.matMul(above, tf.transpose(kernel)), pass.slope);
    const normal = pass.normal ? throughNormalization(pass.layer, pass.normal, pass.gradient) : null;
    above = normal ? normal.below : pass.gradient;
    pass.kernelGradient = tf.matMul(tf.transpose(pass.input), above);
    gradients.unshift(pass.kernelGradient, ...(normal ? [normal.gamma, normal.beta] : [tf.sum(above, 0)]));
    kernel = pass.layer.kernel;
  }
  return { loss, gradients };
}

// After a step in training mode the moving averages take a share of the batch's statistics.
function moveAverages(network, passes) {
  for (const { layer, normal } of passes) {
    if (!normal?.training) continue;
    const moved = (old, batch) => tf.add(tf.mul(old, network.momentum), tf.mul(batch, 1 - network.momentum));
    layer.movingMean.assign(moved(layer.movingMean, normal.mean));
    layer.movingVariance.assign(moved(layer.movingVariance, normal.variance));
  }
}

// Loss and accuracy in inference, or in training mode without touching the averages.
function evaluate(network, images, labels, training = false) {
  return tf.tidy(() => {
    const { logits } = forward(network, images, training);
    const { loss } = crossEntropy(logits, labels);
    const right = tf.equal(tf.argMax(logits, 1), tf.argMax(labels, 1));
    return { loss: loss.dataSync()[0], accuracy: tf.mean(tf.cast(right, "float32")).dataSync()[0] };
  });
}
