"use strict";

// The page: it starts the worker, tells it what was chosen, and shows what it reports. worker/worker.js has the
// messages that go between the two.

(() => {
  const { element, number, share } = dcTrain;
  const KEPT = 20; // steps after which a run is worth being compared with the next

  const bytes = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));

  async function unzipped(text) {
    const stream = new Blob([bytes(text)]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  }

  // A worker with TensorFlow.js and the digits loaded. The script bundle.js, which has all three, hands them over here.
  dcTrain.unpack = (bundle) => {
    dcTrain.newWorker = async () => {
      const address = URL.createObjectURL(new Blob([bundle.worker], { type: "text/javascript" }));
      const worker = new Worker(address);
      const part = async ({ images, labels }) => ({ images: await unzipped(images), labels: await unzipped(labels) });
      const { train, validation, ...sizes } = bundle.digits;
      const digits = { ...sizes, train: await part(train), validation: await part(validation) };
      const answer = new Promise((resolve, reject) => {
        worker.onmessage = ({ data }) => resolve(data.type);
        worker.onerror = (event) => reject(new Error(event.message));
      });
      worker.postMessage({ type: "load", wasm: bytes(bundle.wasm) });
      const fit = (await answer) === "ready";
      URL.revokeObjectURL(address);
      if (!fit) throw new Error("it has no SIMD instructions in WebAssembly, which browsers have had since 2023");
      worker.postMessage({ type: "data", ...digits });
      return worker;
    };
  };

  // What the page says of each preset: the sentences that stand under its name.
  function expectations() {
    const terms = document.querySelectorAll("#the-presets dt");
    return new Map([...terms].map((term) => [term.textContent.trim(), term.nextElementSibling]));
  }

  function lab(holder) {
    const button = (words, press) => {
      const made = element("button", { type: "button", class: "dc-button" }, words);
      made.addEventListener("click", press);
      return made;
    };

    let worker;
    let run = { id: 0 };
    let previous = null;
    let training = false;
    let drawing = false;

    // ── What there is to see ────────────────────────────────────────────────────────────────────────────────────
    const told = expectations();
    const presets = element("div", { class: "dc-presets" });
    for (const [group, members] of Object.entries(dcTrain.PRESETS)) {
      const heading = element("span", { id: `dc-group-${presets.children.length}` }, group);
      const buttons = Object.keys(members).map((name) => button(name, () => start(name, members[name])));
      presets.append(element("div", { role: "group", "aria-labelledby": heading.id }, heading, ...buttons));
    }
    const note = element("div", { class: "dc-note", hidden: "" });
    const setting = dcTrain.form(() => {
      chosen(null);
      reset();
    });
    const settings = element("details", { class: "dc-settings" }, element("summary", {}, "Settings"), element("form", { class: "dc-controls" }, ...setting.fieldsets));
    settings.open = matchMedia("(min-width: 600px)").matches;
    settings.querySelector("form").addEventListener("submit", (event) => event.preventDefault());

    const go = button("Start", () => (training ? worker.postMessage({ type: "pause" }) : train(Number(amount.value))));
    go.classList.add("dc-primary");
    const one = button("One step", () => train(1));
    const again = button("Back to step 0", () => reset());
    const amount = element("select", { name: "steps" });
    for (const steps of [100, 300, 1000, 3000]) amount.append(element("option", { value: steps }, steps.toLocaleString("en")));
    amount.value = 300;
    const bar = element("div", { class: "dc-bar", role: "group", "aria-label": "Training" }, go, one, again, element("label", {}, "steps to train ", amount));
    const status = element("p", { class: "dc-status", role: "status" }, "Loading TensorFlow.js and the digits …");

    const tiles = {};
    const scores = element("dl", { class: "dc-scores" });
    for (const [name, words] of Object.entries({ step: "step", loss: "training loss", validation: "validation loss", accuracy: "validation accuracy", speed: "steps a second" })) {
      tiles[name] = element("dd", {}, "–");
      scores.append(element("div", {}, element("dt", {}, words), tiles[name]));
    }
    const chance = { at: dcTrain.CHANCE, name: "chance" };
    const charts = {
      loss: dcTrain.chart({ title: "Loss by step", xlabel: "step", kind: "log", level: chance }),
      gradient: dcTrain.chart({ title: "Norm of the gradient by layer", xlabel: "hidden layer, from the input upwards", kind: "log" }),
      saturated: dcTrain.chart({ title: "Saturated and dead by layer", xlabel: "hidden layer", kind: "share" }),
      spread: dcTrain.chart({ title: "Spread of the activations by layer", xlabel: "hidden layer", kind: "log" }),
    };
    const grid = element("div", { class: "dc-charts" }, ...Object.values(charts).map((chart) => chart.figure));
    const sentences = element("ul", { class: "dc-words" });
    const rows = element("tbody");
    const heads = ["layer", "spread", "‖∂L/∂z‖", "‖∂L/∂W‖", "saturated", "dead"].map((head) => element("th", { scope: "col" }, head));
    const numbers = element(
      "details",
      { class: "dc-numbers" },
      element("summary", {}, "The numbers, layer by layer"),
      element("table", {}, element("thead", {}, element("tr", {}, ...heads)), rows),
    );
    const results = element("div", { class: "dc-results" }, note, bar, status, scores, element("p", { class: "dc-label" }, "What happened"), sentences, grid, numbers);
    holder.replaceChildren(element("p", { class: "dc-label" }, "Presets"), presets, settings, results);

    // ── Showing a run ───────────────────────────────────────────────────────────────────────────────────────────
    function show() {
      drawing = false;
      if (!run.layers) return; // the run was begun anew since this was asked for, and has not reported
      const { layers } = run;
      const of = (name, from = layers) => from.map((layer, i) => [i + 1, layer[name]]);
      const last = run.validations[run.validations.length - 1];
      tiles.step.textContent = run.step.toLocaleString("en");
      tiles.loss.textContent = run.losses.length ? number(run.losses[run.losses.length - 1][1]) : "–";
      const overflowed = run.why === "not finite"; // what was validated was another network
      tiles.validation.textContent = overflowed ? "–" : number(last[1]);
      tiles.accuracy.textContent = overflowed ? "–" : share(last[2]);
      tiles.speed.textContent = training && run.speed ? Math.round(run.speed).toLocaleString("en") : "–";
      const validation = (from) => from.validations.map(([step, loss]) => [step, loss]);
      const before = previous ? { name: "previous run", look: "dc-c" } : null;
      charts.loss.draw(
        [
          { name: "training batch", look: "dc-a", points: run.losses },
          { name: "validation", look: "dc-b", mark: "square", points: validation(run) },
          ...(before ? [{ ...before, name: "previous run, validation", points: validation(previous) }] : []),
        ],
        [0, Math.max(run.step, 20, previous?.step ?? 0)],
      );
      const ends = [1, Math.max(layers.length, previous?.layers.length ?? 0)];
      charts.gradient.draw(
        [
          { name: "∂L/∂z, pre-activations", look: "dc-a", mark: "circle", points: of("gradient") },
          { name: "∂L/∂W, weights", look: "dc-b", mark: "square", points: of("weightGradient") },
          ...(before ? [{ ...before, name: "previous run, ∂L/∂z", points: of("gradient", previous.layers) }] : []),
        ],
        ends,
      );
      charts.saturated.draw(
        [
          { name: "saturated", look: "dc-a", mark: "circle", points: of("saturated") },
          { name: "dead", look: "dc-b", mark: "square", points: of("dead") },
        ],
        [1, layers.length],
      );
      charts.spread.draw(
        [
          { name: "now", look: "dc-a", mark: "circle", points: of("spread") },
          ...(before ? [{ ...before, points: of("spread", previous.layers) }] : []),
        ],
        ends,
      );
      sentences.replaceChildren(...dcTrain.tell(run).map((sentence) => element("li", {}, sentence)));
      rows.replaceChildren(
        ...layers.map((layer, i) => {
          const cells = [layer.spread, layer.gradient, layer.weightGradient].map(number);
          cells.push(share(layer.saturated), share(layer.dead));
          return element("tr", {}, element("th", { scope: "row" }, i + 1), ...cells.map((cell) => element("td", {}, cell)));
        }),
      );
    }

    function showSoon() {
      if (drawing) return;
      drawing = true;
      requestAnimationFrame(show);
    }

    // ── Talking with the worker ─────────────────────────────────────────────────────────────────────────────────
    function mark(isTraining) {
      training = isTraining;
      go.textContent = training ? "Pause" : run.step && run.why !== "not finite" ? "Go on" : "Start";
      one.disabled = training;
    }

    function chosen(name) {
      for (const other of presets.querySelectorAll("button")) other.setAttribute("aria-pressed", other.textContent === name);
      note.hidden = !name;
      if (name) note.replaceChildren(element("b", {}, name), ...told.get(name).cloneNode(true).childNodes);
    }

    function reset() {
      if (run.step >= KEPT) previous = run;
      run = { id: run.id + 1, settings: setting.get(), step: 0, losses: [], validations: [], layers: null };
      mark(false);
      worker.postMessage({ type: "configure", run: run.id, settings: run.settings });
      status.textContent = "Ready, at step 0.";
    }

    function train(steps) {
      if (run.why === "not finite") reset();
      run.why = run.own = null;
      mark(true);
      if (steps > 1) status.textContent = "Training …";
      worker.postMessage({ type: "train", steps });
    }

    function start(name, { steps, ...differing }) {
      setting.set({ ...dcTrain.START, ...differing });
      chosen(name);
      reset();
      train(steps);
      const { top, bottom } = results.getBoundingClientRect();
      if (top > innerHeight / 2 || bottom < innerHeight / 2) results.scrollIntoView();
    }

    function report({ losses, validations, layers, ...rest }) {
      run.losses.push(...losses);
      run.validations.push(...validations);
      Object.assign(run, rest, layers ? { layers } : {});
      showSoon();
    }

    function done({ why, own }) {
      Object.assign(run, { why, own });
      mark(false);
      const [outcome] = dcTrain.tell(run);
      const word = { finished: "Finished.", paused: "Paused.", "not finite": "Stopped." }[why];
      // The outcome is to be read below; heard, it should come by itself.
      status.replaceChildren(`${word} `, element("span", { class: "visually-hidden" }, outcome));
      showSoon();
    }

    function failed(reason) {
      status.textContent = `Training is not possible here: ${reason}`;
      for (const control of holder.querySelectorAll("button, select, input")) control.disabled = true;
    }

    setting.set(dcTrain.START);
    chosen(null);
    const starters = [go, one, again, ...presets.querySelectorAll("button")]; // of no use before the worker is there
    for (const control of starters) control.disabled = true;
    new ResizeObserver(showSoon).observe(grid);
    window.addEventListener("load", async () => {
      if (!dcTrain.newWorker) return failed("the script train/bundle.js could not be loaded.");
      try {
        worker = await dcTrain.newWorker();
      } catch (error) {
        return failed(`this browser did not start it (${error.message}).`);
      }
      worker.onerror = (event) => failed(`the worker stopped with an error (${event.message}). Load the page again.`);
      worker.onmessage = ({ data }) => {
        if (data.run === run.id) ({ report, done })[data.type](data);
      };
      for (const control of starters) control.disabled = false;
      reset();
    });
  }

  lab(document.getElementById("dc-train"));
})();
