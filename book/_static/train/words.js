"use strict";

// What happened, in sentences. Each is made from the run's own numbers, and left out where they do not support it.

dcTrain.CHANCE = Math.log(10); // the loss of giving every digit a tenth

(() => {
  const LOST = 0.01; // a signal with less than this share left has vanished; with more than its inverse, exploded
  const LEARNT_NOTHING = 0.1; // nats around chance

  const superscript = (n) => String(n).replace("-", "⁻").replace(/\d/g, (digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[digit]);
  const share = (x) => `${Math.round(100 * x)} %`;
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

  // Two or three digits, with a power of ten where the number is far from one.
  function number(x) {
    if (x === 0 || !Number.isFinite(x)) return Number.isNaN(x) ? "NaN" : String(x).replace("Infinity", "∞");
    const size = Math.abs(x);
    if (size >= 0.01 && size < 999.5) return size < 9.995 ? x.toFixed(2) : x.toPrecision(3);
    const [digits, exponent] = x.toExponential(0).split("e");
    return `${digits}·10${superscript(Number(exponent))}`;
  }

  function outcome({ why, step, validations, losses }) {
    const [, firstLoss] = validations[0];
    const [, loss, accuracy] = validations[validations.length - 1];
    if (why === "not finite") {
      return `After ${step} ${step === 1 ? "step" : "steps"} a number overflowed: the loss or its gradient is no longer ` +
        `finite. The last loss that was: ${number(lastFinite(losses))}.`;
    }
    const right = `${share(accuracy)} of the validation digits are right, and guessing gives 10 %`;
    if (step === 0) return `Before training the validation loss is ${number(loss)}; chance is ln 10 = 2.30.`;
    if (Math.abs(loss - dcTrain.CHANCE) < LEARNT_NOTHING) {
      return `After ${step} steps the validation loss is ${loss.toFixed(2)}, and ln 10 = 2.30: chance. ${right}.`;
    }
    if (loss > dcTrain.CHANCE) {
      return `After ${step} steps the validation loss is ${number(loss)}, worse than chance, which is ln 10 = 2.30: ` +
        `where the network errs it is sure of itself. ${right}.`;
    }
    return `In ${step} steps the validation loss went from ${number(firstLoss)} to ${number(loss)}. ${right}.`;
  }

  const lastFinite = (losses) => losses.map(([, loss]) => loss).filter(Number.isFinite).pop();

  const span = (places) => (places.length === 1 ? `layer ${places[0]}` : `layers ${places[0]} to ${places[places.length - 1]}`);

  function gradients({ layers }) {
    const top = layers.length;
    const without = layers.flatMap(({ gradient }, i) => (gradient === 0 ? [i + 1] : []));
    if (without.length) return `No gradient at all reaches ${span(without)}.`;
    if (top === 1) return "";
    const ratio = layers[0].gradient / layers[top - 1].gradient;
    if (!Number.isFinite(ratio)) return "";
    const told = `The gradient at layer 1 is ${number(ratio)} times that at layer ${top}`;
    if (ratio < LOST) return `${told}: it vanishes on its way down.`;
    return ratio > 10 ? `${told}: it grows on its way down.` : `${told}.`;
  }

  function spreads({ layers }) {
    const [bottom, top] = [layers[0].spread, layers[layers.length - 1].spread];
    if (!(bottom > 0) || !(top > 0)) return "";
    const told = `From layer 1 to layer ${layers.length} the spread of the activations goes from ${number(bottom)} to ${number(top)}`;
    if (top < LOST * bottom) return `${told}: the signal dies on its way up.`;
    return top > 10 * bottom ? `${told}: the signal grows on its way up.` : "";
  }

  function asleep({ layers, settings }) {
    const dead = mean(layers.map((layer) => layer.dead));
    const saturated = mean(layers.map((layer) => layer.saturated));
    if (dead > 0.1) return `${share(dead)} of the hidden units are dead: their slope is 0 for every image of the batch.`;
    const bent = ["sigmoid", "tanh"].includes(settings.activation);
    return bent && saturated > 0.5 ? `${share(saturated)} of the activations are saturated.` : "";
  }

  function symmetry({ layers }) {
    const same = layers.every((layer) => layer.alike);
    return same ? "In every hidden layer all units compute the same number: each layer is worth one unit." : "";
  }

  function normalization({ settings, step, averages, own, validations }) {
    if (settings.normalization === "none" || step === 0) return "";
    if (averages === 0) {
      return "The moving averages are where they began, mean 0 and variance 1: so far the layers are normalized in name only.";
    }
    const accuracy = validations[validations.length - 1][2];
    if (!own || Math.abs(own.accuracy - accuracy) < 0.05) return "";
    return `Read with the moving averages, ${share(accuracy)} of the validation digits are right; with the statistics of ` +
      `those digits themselves, ${share(own.accuracy)}. The averages do not fit the network.`;
  }

  function clipping({ settings, clipped, step, largest }) {
    if (step === 0) return "";
    const norm = `the largest norm of a gradient was ${number(largest)}`;
    if (settings.clipping !== "none") return `Clipping changed ${share(clipped / step)} of the steps; before it, ${norm}.`;
    return largest > 50 ? `${norm[0].toUpperCase()}${norm.slice(1)}.` : "";
  }

  function fitting({ validations, losses, step }) {
    const now = validations[validations.length - 1][1];
    const [at, best] = validations.reduce((least, one) => (one[1] < least[1] ? one : least));
    const training = mean(losses.slice(-20).map(([, loss]) => loss));
    const rose = `The validation loss was lowest after ${at} steps, ${number(best)}, and has risen since`;
    if (at < step && now > 1.05 * best && training < now / 3) {
      return `${rose}, while the training loss went to ${number(training)}: it overfits.`;
    }
    return at < step && now > 1.5 * best ? `${rose}.` : ""; // less is the noise of the batches
  }

  // A run: settings, step, why it stopped if it has, losses, validations, layers, and the rest of the worker's report.
  dcTrain.tell = function tell(run) {
    if (run.why === "not finite") return [outcome(run), clipping(run)].filter(Boolean);
    const parts = [outcome, gradients, spreads, asleep, symmetry, normalization, clipping, fitting];
    return parts.map((part) => part(run)).filter(Boolean);
  };
  dcTrain.number = number;
  dcTrain.share = share;
  dcTrain.span = span;
  dcTrain.superscript = superscript;
})();
