"use strict";

// Figures that answer. Each stands in the page as a picture; when the reader comes near, Vega is loaded, once, and
// the figure takes the picture's place. Whatever fails leaves the picture.

const dcFigures = {}; // by name: what to do with the figure's data, which the script of that name hands over

(() => {
  const names = document.currentScript.dataset.figures.split(" ");
  const root = new URL(document.documentElement.dataset.content_root, location.href);

  function load(path) {
    return new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = new URL(`_static/${path}`, root);
      script.onload = resolve;
      script.onerror = () => reject(new Error(`${script.src} could not be loaded`));
      document.head.append(script);
    });
  }

  let vega; // promised, once it is asked for
  function loadVega() {
    vega ??= load("vega/build/vega.min.js")
      .then(() => load("vega-lite/build/vega-lite.min.js"))
      .then(() => load("vega-embed/build/vega-embed.min.js"));
    return vega;
  }

  function loadData(name) {
    return new Promise((resolve, reject) => {
      dcFigures[name] = resolve;
      load(`figures/${name}.js`).catch(reject);
    });
  }

  function look() {
    const style = getComputedStyle(document.documentElement);
    const text = style.getPropertyValue("--pst-color-text-base").trim();
    const line = style.getPropertyValue("--pst-color-border").trim();
    const words = { labelColor: text, titleColor: text, labelFontSize: 12, titleFontSize: 12, titleFontWeight: "normal" };
    return {
      background: "transparent",
      font: style.getPropertyValue("--pst-font-family-base").trim() || "sans-serif",
      axis: { ...words, domainColor: text, tickColor: text, gridColor: line },
      legend: { ...words, columns: 2 },
      view: { stroke: null },
    };
  }

  // In the dark, the palette's darker colours are lifted until they stand out as they do on white.
  const LIFTED = { "#0072B2": "#56A8F5", "#D55E00": "#FF8A3D", "#009E73": "#2FD3A2", "#CC79A7": "#EBA3CB" };

  function fitted(specification, width, config) {
    let text = JSON.stringify(specification);
    if (document.documentElement.dataset.theme === "dark") {
      for (const [color, lifted] of Object.entries(LIFTED)) text = text.replaceAll(color, lifted);
    }
    const { title, ...untitled } = JSON.parse(text); // it tells what is chosen, and here the controls do
    const narrow = width < 480;
    return {
      ...untitled,
      width,
      height: narrow ? 270 : 340,
      autosize: { type: "fit", contains: "padding" },
      config: narrow ? { ...config, legend: { ...config.legend, columns: 1 } } : config,
    };
  }

  // A slider's place is a number; what it stands for is what a reader, and a screen reader, should be told.
  function tellValues(holder, specification, view) {
    for (const input of holder.querySelectorAll("input[type=range]")) {
      const told = specification.usermeta[input.name];
      const shown = input.nextElementSibling;
      const tell = () => {
        const value = told[view.signal(input.name)];
        input.setAttribute("aria-valuetext", value);
        shown.textContent = value;
      };
      view.addSignalListener(input.name, () => setTimeout(tell));
      tell();
    }
  }

  async function draw(figure, name) {
    const [specification] = await Promise.all([loadData(name), loadVega()]);
    const picture = figure.querySelector("img");
    const holder = document.createElement("div");
    holder.className = "dc-interactive";
    const chart = holder.appendChild(document.createElement("div"));
    const controls = holder.appendChild(document.createElement("div"));
    controls.className = "dc-controls";
    controls.setAttribute("role", "group");
    controls.setAttribute("aria-label", "What the figure shows");
    let result;

    async function redraw() {
      const chosen = result ? Object.keys(specification.usermeta).map((key) => [key, result.view.signal(key)]) : [];
      result?.finalize();
      const width = Math.min(figure.clientWidth, 640);
      const fit = fitted({ ...specification, description: picture.alt }, width, look());
      for (const parameter of fit.params) {
        const kept = chosen.find(([key]) => key === parameter.name);
        if (kept) parameter.value = kept[1];
      }
      controls.replaceChildren();
      result = await vegaEmbed(chart, fit, { actions: false, renderer: "svg", tooltip: false, bind: controls });
      tellValues(controls, specification, result.view);
    }

    (picture.closest("a") ?? picture).before(holder);
    await redraw();
    figure.classList.add("dc-drawn");
    let width = figure.clientWidth;
    new ResizeObserver(() => {
      if (figure.clientWidth !== width) {
        width = figure.clientWidth;
        redraw();
      }
    }).observe(figure);
    new MutationObserver(redraw).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  }

  const near = new IntersectionObserver(
    (entries) => {
      for (const { isIntersecting, target } of entries) {
        if (isIntersecting) {
          near.unobserve(target);
          draw(target, target.dataset.figure).catch((error) => console.error(error));
        }
      }
    },
    { rootMargin: "800px 0px" },
  );
  for (const name of names) {
    const figure = document.getElementById(name);
    figure.dataset.figure = name;
    near.observe(figure);
  }
})();
