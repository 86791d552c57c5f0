"use strict";

// What a reader can choose, and the form in which it is chosen. Each choice is a value of the settings that the worker
// is given. A slider goes over a list of values; a list has the words for each of them.

const dcTrain = {};

dcTrain.CHOICES = [
  {
    legend: "Network",
    fields: {
      layers: { words: "hidden layers", values: Array.from({ length: 20 }, (_, i) => i + 1) },
      units: { words: "units in each", values: [10, 20, 30, 40, 50, 60, 70, 80, 90, 100] },
      activation: {
        words: "activation",
        options: {
          sigmoid: "sigmoid", tanh: "tanh", relu: "ReLU", leaky_relu: "leaky ReLU, slope 0.01", elu: "ELU", selu: "SELU",
        },
      },
      normalization: {
        words: "batch normalization",
        options: { none: "none", on: "before each activation", "flag lost": "the same, training flag lost" },
      },
      momentum: { words: "momentum of its averages", options: { 0.9: "0.9", 0.99: "0.99" }, number: true },
    },
  },
  {
    legend: "First weights",
    fields: {
      initializer: {
        words: "drawn by",
        options: {
          he: "He", glorot: "Glorot", lecun: "LeCun", "normal 1": "N(0, 1)", "normal 0.01": "N(0, 0.01²)",
          constant: "all 0.01", zeros: "all 0",
        },
      },
      scale: { words: "multiplied by", values: [0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5, 10] },
      seed: { words: "seed", values: Array.from({ length: 10 }, (_, i) => i) },
    },
  },
  {
    legend: "Training",
    fields: {
      optimizer: { words: "optimizer", options: { sgd: "SGD", momentum: "SGD with momentum 0.9", adam: "Adam" } },
      rate: {
        words: "learning rate",
        values: [1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100],
      },
      clipping: {
        words: "gradient clipping",
        options: {
          none: "none", value: "by value", norm: "by norm, each variable", "global norm": "by global norm",
        },
      },
      threshold: { words: "its threshold", values: [0.001, 0.01, 0.1, 0.2, 0.5, 1, 2, 5, 10] },
      batch: { words: "images in a batch", options: { 2: "2", 10: "10", 50: "50", 200: "200" }, number: true },
    },
  },
  {
    legend: "Digits",
    fields: {
      images: {
        words: "training images",
        options: { 100: "100", 300: "300", 1000: "1,000", 3000: "3,000" },
        number: true,
      },
      forgotten: { words: "pixels", options: { "": "standardized", yes: "0 to 255, as stored" } },
    },
  },
];

dcTrain.START = {
  layers: 3, units: 100, activation: "relu", normalization: "none", momentum: 0.9,
  initializer: "he", scale: 1, seed: 0,
  optimizer: "sgd", rate: 0.1, clipping: "none", threshold: 1, batch: 50,
  images: 3000, forgotten: "",
};

dcTrain.element = function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
};

// The form's fieldsets, and get() and set() for the settings chosen in them.
dcTrain.form = function form(changed) {
  const { element } = dcTrain;
  const controls = {};

  function slider(name, { words, values }) {
    const input = element("input", { type: "range", min: 0, max: values.length - 1, step: 1, name });
    const told = element("span", { "aria-hidden": "true" });
    const tell = () => {
      told.textContent = values[input.value];
      input.setAttribute("aria-valuetext", values[input.value]);
    };
    input.addEventListener("input", tell);
    controls[name] = {
      input,
      get: () => values[input.value],
      set: (value) => {
        input.value = values.indexOf(value);
        tell();
      },
    };
    return element("label", {}, element("span", {}, words), input, told);
  }

  function list(name, { words, options, number }) {
    const input = element("select", { name });
    for (const [value, label] of Object.entries(options)) input.append(element("option", { value }, label));
    controls[name] = {
      input,
      get: () => (number ? Number(input.value) : input.value),
      set: (value) => {
        input.value = value;
      },
    };
    return element("label", {}, element("span", {}, words), input);
  }

  // What has no effect as things stand cannot be set.
  function mute() {
    const off = { momentum: controls.normalization.get() !== "on", threshold: controls.clipping.get() === "none" };
    off.scale = controls.initializer.get() === "zeros";
    for (const [name, muted] of Object.entries(off)) controls[name].input.disabled = muted;
  }

  const fieldsets = dcTrain.CHOICES.map(({ legend, fields }) => {
    const inside = Object.entries(fields).map(([name, field]) => (field.values ? slider : list)(name, field));
    return element("fieldset", {}, element("legend", {}, legend), ...inside);
  });
  for (const { input } of Object.values(controls)) {
    input.addEventListener("change", () => {
      mute();
      changed();
    });
  }
  return {
    fieldsets,
    get: () => Object.fromEntries(Object.entries(controls).map(([name, control]) => [name, control.get()])),
    set: (settings) => {
      for (const [name, value] of Object.entries(settings)) controls[name].set(value);
      mute();
    },
  };
};
