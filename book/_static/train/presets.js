"use strict";

// The settings behind each preset, by the name that it bears on the page, where what to expect of it is written.
// Each says only how it differs from dcTrain.START; `steps` is how long it trains.

dcTrain.PRESETS = {
  "To begin with": {
    "A network that works": { steps: 300 },
  },
  "Vanishing gradients": {
    "Ten sigmoid layers": { steps: 300, layers: 10, activation: "sigmoid", initializer: "glorot" },
    "Weights that saturate": { steps: 300, layers: 5, activation: "tanh", initializer: "normal 1" },
  },
  Initialization: {
    "All weights zero": { steps: 200, initializer: "zeros" },
    "All weights alike": { steps: 200, initializer: "constant" },
    "Weights too small": { steps: 200, layers: 10, scale: 0.3, rate: 0.05 },
    "Weights too large": { steps: 200, layers: 10, scale: 3, rate: 0.05 },
    "He’s rule": { steps: 300, layers: 10, rate: 0.05 },
  },
  Activations: {
    "Dead units": { steps: 200, layers: 5, optimizer: "adam", rate: 0.1 },
    "SELU, twenty layers": { steps: 300, layers: 20, activation: "selu", initializer: "lecun", rate: 0.02 },
  },
  "Batch normalization": {
    "Rescued by normalization": { steps: 300, layers: 10, initializer: "normal 0.01", normalization: "on" },
    "The flag lost": { steps: 300, layers: 10, initializer: "normal 0.01", normalization: "flag lost" },
    "Cold averages": {
      steps: 150, activation: "sigmoid", initializer: "normal 0.01", normalization: "on", momentum: 0.99,
    },
    "Batches of two": { steps: 300, normalization: "on", batch: 2 },
    "Twenty normalized layers": { steps: 100, layers: 20, normalization: "on" },
  },
  "Gradient clipping": {
    "The loss explodes": { steps: 200, layers: 5, rate: 1 },
    "The same, clipped": { steps: 200, layers: 5, rate: 1, clipping: "global norm" },
    "A division forgotten": { steps: 200, forgotten: "yes" },
    "Forgotten, and hidden": { steps: 200, forgotten: "yes", clipping: "global norm" },
  },
  "Fitting and tuning": {
    "Too few images": { steps: 600, images: 100 },
    "A nervous Adam": { steps: 600, layers: 5, activation: "elu", optimizer: "adam", rate: 0.01, batch: 10 },
  },
};
