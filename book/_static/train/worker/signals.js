"use strict";

// What happens inside, layer by layer, measured as dnn_course.layer_signals measures it.

const SATURATED_SLOPE = 0.05; // of the steepest: a unit whose slope is at most this counts as saturated
const ALIKE = 1e-4; // units that differ by less than this share of the largest compute the same

function spread(values) {
  let sum = 0;
  for (const value of values) sum += value;
  const mean = sum / values.length;
  let squares = 0;
  for (const value of values) squares += (value - mean) ** 2;
  return Math.sqrt(squares / values.length);
}

// Whether all units of a layer give the same number, image by image.
function alike(h, units) {
  let largest = 0;
  let apart = 0;
  for (let i = 0; i < h.length; i++) {
    largest = Math.max(largest, Math.abs(h[i]));
    apart = Math.max(apart, Math.abs(h[i] - h[i - (i % units)]));
  }
  return units > 1 && apart <= ALIKE * largest;
}

function layerSignals(passes, steepest) {
  return passes.map((pass) => {
    const [h, slope] = [pass.h.dataSync(), pass.slope.dataSync()];
    const units = pass.h.shape[1];
    const asleep = new Uint8Array(units).fill(1);
    let saturated = 0;
    for (let i = 0; i < slope.length; i++) {
      if (slope[i] !== 0) asleep[i % units] = 0;
      if (Math.abs(slope[i]) <= SATURATED_SLOPE * steepest) saturated += 1;
    }
    return {
      spread: spread(h),
      gradient: norm(pass.gradient), // of ∂loss/∂z, over all images of the batch and all units
      weightGradient: norm(pass.kernelGradient), // of ∂loss/∂W
      saturated: saturated / slope.length,
      dead: asleep.reduce((sum, one) => sum + one, 0) / units,
      alike: alike(h, units),
    };
  });
}
