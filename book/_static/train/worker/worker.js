"use strict";

// Trains in a thread of its own, so that the page can answer meanwhile. What it is told, and what it tells:
//
//   load       wasm: bytes of TensorFlow.js's WebAssembly program   → ready, or unfit where the browser is too old
//   data       pixels, classes, mean, std, train, validation; the last two {images, labels} in bytes
//   configure  run: a number that comes back with every report; settings; optionally kernels, to start from
//              weights of your own, [{shape, values}] from the input upwards                → report of step 0
//   train      steps                                                → reports, then done
//   pause                                                           → done
//
// A report: run, step, speed (steps a second), losses [[step, loss]] and validations [[step, loss, accuracy]] since
// the last, layers (see signals.js, measured on the latest batch, before its step), steps that clipping changed,
// largest norm of a whole gradient, and averages: how far batch normalization's moving averages are from where they
// began. done says why: "finished", "paused" or "not finite".

const REPORT_EVERY = 100; // ms
const SLICE = 40; // ms of training between two looks for messages
const VALIDATE_EVERY = 10; // steps

let data;
let run; // everything that belongs to the network in training
let left = 0; // steps to go
let timer; // of the next slice

async function load({ wasm }) {
  // Threads would need a page with headers of its own, which neither a file nor most hosts give.
  tf.env().set("WASM_HAS_MULTITHREAD_SUPPORT", false);
  if (!(await tf.env().getAsync("WASM_HAS_SIMD_SUPPORT"))) {
    postMessage({ type: "unfit" });
    return;
  }
  const address = URL.createObjectURL(new Blob([wasm], { type: "application/wasm" }));
  const programs = ["tfjs-backend-wasm.wasm", "tfjs-backend-wasm-simd.wasm", "tfjs-backend-wasm-threaded-simd.wasm"];
  tf.wasm.setWasmPaths(Object.fromEntries(programs.map((name) => [name, address])));
  await tf.setBackend("wasm");
  URL.revokeObjectURL(address);
  postMessage({ type: "ready" });
}

// Rows of a part of the data as tensors: images shifted and scaled, or as stored where the division is forgotten.
function tensors(part, rows, forgotten) {
  const { pixels, classes, mean, std } = data;
  const images = new Float32Array(rows.length * pixels);
  const labels = new Float32Array(rows.length * classes);
  rows.forEach((row, i) => {
    for (let j = 0; j < pixels; j++) {
      const byte = part.images[row * pixels + j];
      images[i * pixels + j] = forgotten ? byte : (byte / 255 - mean) / std;
    }
    labels[i * classes + part.labels[row]] = 1;
  });
  return [tf.tensor2d(images, [rows.length, pixels]), tf.tensor2d(labels, [rows.length, classes])];
}

function configure({ run: id, settings, kernels }) {
  clearTimeout(timer);
  left = 0;
  if (run) {
    disposeNetwork(run.network);
    run.optimizer.dispose();
    run.validation.forEach((tensor) => tensor.dispose());
  }
  const network = createNetwork(settings, kernels ?? drawKernels(settings, data.pixels, data.classes));
  const images = Math.min(settings.images, data.train.labels.length);
  run = {
    id,
    settings,
    network,
    optimizer: createOptimizer(network.parameters, settings),
    order: batches(images, Math.min(settings.batch, images), settings.seed),
    validation: tensors(data.validation, [...data.validation.labels.keys()], settings.forgotten),
    step: 0,
    clipped: 0,
    largest: 0,
    losses: [],
    validations: [],
    reported: { time: performance.now(), step: 0 },
  };
  run.next = run.order.next().value;
  validate();
  report(tf.tidy(() => layerSignals(through(run.next).passes, network.activation.steepest)));
}

// One batch through the network and back, within the tidy of whoever calls.
function through(rows) {
  const [images, labels] = tensors(data.train, rows, run.settings.forgotten);
  const pass = forward(run.network, images, true);
  return { ...pass, ...backward(run.network, pass, labels) };
}

function validate() {
  const { loss, accuracy } = evaluate(run.network, ...run.validation);
  run.validations.push([run.step, loss, accuracy]);
}

// One step of training. Returns whether all is finite, and the layers' signals if they are wanted.
function step(wanted) {
  return tf.tidy(() => {
    const { passes, loss, gradients } = through(run.next);
    const { clipped, whole, acted } = clip(gradients, run.settings);
    const value = loss.dataSync()[0];
    const layers = wanted ? layerSignals(passes, run.network.activation.steepest) : null;
    run.losses.push([run.step, value]);
    if (!Number.isFinite(value) || !Number.isFinite(whole)) return { finite: false, layers };
    run.largest = Math.max(run.largest, whole);
    run.clipped += acted;
    run.optimizer.apply(clipped);
    moveAverages(run.network, passes);
    run.step += 1;
    run.next = run.order.next().value;
    return { finite: true, layers };
  });
}

// How far the moving averages are from where they began, mean 0 and variance 1.
function averagesMoved() {
  let most = 0;
  for (const { movingMean, movingVariance } of run.network.hidden) {
    for (const value of movingMean?.dataSync() ?? []) most = Math.max(most, Math.abs(value));
    for (const value of movingVariance?.dataSync() ?? []) most = Math.max(most, Math.abs(value - 1));
  }
  return most;
}

function report(layers) {
  const now = performance.now();
  const { id, losses, validations, clipped, largest, reported } = run;
  const speed = (1000 * (run.step - reported.step)) / (now - reported.time);
  postMessage({ type: "report", run: id, step: run.step, speed, losses, validations, layers, clipped, largest, averages: averagesMoved() });
  Object.assign(run, { losses: [], validations: [], reported: { time: now, step: run.step } });
}

// Also says how validation would be read with the validation images' own statistics, where layers are normalized.
function done(why) {
  left = 0;
  const own = run.network.hidden[0].gamma && why !== "not finite" ? evaluate(run.network, ...run.validation, true) : null;
  postMessage({ type: "done", run: run.id, why, own });
}

function slice() {
  const end = performance.now() + SLICE;
  while (left > 0 && performance.now() < end) {
    const wanted = left === 1 || performance.now() - run.reported.time > REPORT_EVERY;
    const { finite, layers } = step(wanted);
    left -= 1;
    if (finite && (run.step % VALIDATE_EVERY === 0 || left === 0)) validate();
    if (layers || !finite) report(layers);
    if (!finite) return done("not finite");
  }
  if (left > 0) timer = setTimeout(slice);
  else done("finished");
}

const ANSWERS = {
  load,
  configure,
  data: (message) => {
    data = message;
  },
  train: ({ steps }) => {
    const idle = left === 0;
    left = steps;
    if (idle) slice();
  },
  pause: () => {
    if (left === 0) return;
    clearTimeout(timer);
    validate();
    report(null);
    done("paused");
  },
};
onmessage = ({ data: message }) => ANSWERS[message.type](message);
