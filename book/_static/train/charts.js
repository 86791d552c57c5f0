"use strict";

// Line charts in SVG, drawn anew whenever there is something new: ten times a second is little for a browser.
// Their colours are in train.css, so that a change of the theme needs no drawing.

(() => {
  const { element, span, superscript } = dcTrain;
  const HEIGHT = 210;
  const MARGIN = { left: 46, right: 14, top: 10, bottom: 40 };
  const MOST_POINTS = 300; // in a line: more are averaged in groups
  const MOST_MARKS = 30;

  function svg(name, attributes = {}, text = "") {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.textContent = text;
    return made;
  }

  // Steps in which one counts: 1, 2 or 5 times a power of ten, so large that there are at most `most` of them.
  function stepOver(length, most) {
    const power = 10 ** Math.floor(Math.log10(length / most));
    return power * [1, 2, 5, 10].find((factor) => factor * power * most >= length * (1 - 1e-9));
  }

  function range(low, high, step) {
    return Array.from({ length: Math.floor((high - low) / step + 1e-9) + 1 }, (_, i) => low + i * step);
  }

  // Whole numbers, layers or steps.
  function countingAxis(low, high) {
    const step = Math.max(1, stepOver(Math.max(high - low, 1), 6));
    const ticks = range(Math.ceil(low / step) * step, high, step);
    return { place: (v) => (high > low ? (v - low) / (high - low) : 0.5), ticks: ticks.map((tick) => [tick, tick.toLocaleString("en")]) };
  }

  const shareAxis = {
    place: (v) => v,
    ticks: range(0, 1, 0.25).map((tick) => [tick, `${100 * tick} %`]),
  };

  // Powers of ten; whatever is not above zero has no place on it.
  function logAxis(values) {
    const powers = values.filter((v) => v > 0 && Number.isFinite(v)).map(Math.log10);
    const low = Math.floor(Math.min(...powers, Infinity) + 1e-9);
    const high = Math.max(Math.ceil(Math.max(...powers, -Infinity) - 1e-9), low + 1);
    if (!powers.length) return logAxis([1]);
    const ticks = range(low, high, Math.max(1, stepOver(high - low, 5)));
    return {
      place: (v) => (v > 0 && Number.isFinite(v) ? (Math.log10(v) - low) / (high - low) : NaN),
      ticks: ticks.map((tick) => [10 ** tick, Math.abs(tick) < 3 ? String(Number((10 ** tick).toPrecision(1))) : `10${superscript(tick)}`]),
    };
  }

  function thinned(points) {
    const size = Math.ceil(points.length / MOST_POINTS);
    if (size === 1) return points;
    const groups = Array.from({ length: Math.ceil(points.length / size) }, (_, i) => points.slice(i * size, (i + 1) * size));
    const mean = (group, k) => group.reduce((sum, point) => sum + point[k], 0) / group.length;
    return groups.map((group) => [mean(group, 0), mean(group, 1)]);
  }

  const MARKS = {
    circle: (x, y) => svg("circle", { cx: x, cy: y, r: 3.2 }),
    square: (x, y) => svg("rect", { x: x - 3, y: y - 3, width: 6, height: 6 }),
  };

  // A chart: its figure, and draw(series, …). A series is {name, look, points: [[x, y]]}; its look is a class of
  // train.css with a mark or none.
  dcTrain.chart = function chart({ title, xlabel, kind, level }) {
    const picture = svg("svg", { role: "img", "aria-label": `${title}. The table below has the numbers.`, height: HEIGHT });
    const legend = element("span", { class: "dc-legend", "aria-hidden": "true" });
    const figure = element("figure", { class: "dc-chart" }, element("figcaption", {}, element("b", {}, title), legend), picture);

    function explain(series) {
      legend.replaceChildren(
        ...series.map(({ name, look, mark }) => {
          const sample = svg("svg", { width: 30, height: 10, class: look });
          sample.append(svg("path", { d: "M0 5H30" }));
          if (mark) sample.append(MARKS[mark](15, 5));
          return element("span", {}, sample, name);
        }),
      );
    }

    return {
      figure,
      draw(series, xs) {
        const shown = series.filter(({ points }) => points.length);
        explain(shown);
        const width = figure.clientWidth;
        picture.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
        picture.setAttribute("width", width);
        const lines = shown.map((one) => ({ ...one, points: thinned(one.points) }));
        const horizontal = countingAxis(...xs);
        const heights = lines.flatMap(({ points }) => points.map((point) => point[1]));
        const vertical = kind === "share" ? shareAxis : logAxis(level ? [...heights, level.at] : heights);
        const x = (v) => MARGIN.left + horizontal.place(v) * (width - MARGIN.left - MARGIN.right);
        const y = (v) => HEIGHT - MARGIN.bottom - vertical.place(v) * (HEIGHT - MARGIN.top - MARGIN.bottom);
        const parts = [];
        for (const [tick, label] of vertical.ticks) {
          parts.push(svg("path", { class: "dc-grid", d: `M${MARGIN.left} ${y(tick)}H${width - MARGIN.right}` }));
          parts.push(svg("text", { x: MARGIN.left - 6, y: y(tick) + 4, "text-anchor": "end" }, label));
        }
        for (const [tick, label] of horizontal.ticks) {
          parts.push(svg("text", { x: x(tick), y: HEIGHT - MARGIN.bottom + 16, "text-anchor": "middle" }, label));
        }
        parts.push(svg("text", { x: (MARGIN.left + width) / 2, y: HEIGHT - 6, "text-anchor": "middle" }, xlabel));
        if (level) {
          parts.push(svg("path", { class: "dc-level", d: `M${MARGIN.left} ${y(level.at)}H${width - MARGIN.right}` }));
          parts.push(svg("text", { x: width - MARGIN.right, y: y(level.at) - 4, "text-anchor": "end" }, level.name));
        }
        for (const { points, look, mark } of lines) {
          const group = svg("g", { class: look });
          const places = points.map((point) => [x(point[0]), y(point[1])]).filter((place) => place.every(Number.isFinite));
          group.append(svg("path", { d: places.map((place, i) => `${i ? "L" : "M"}${place.map((v) => v.toFixed(1)).join(" ")}`).join("") }));
          if (mark && places.length <= MOST_MARKS) group.append(...places.map((place) => MARKS[mark](...place)));
          parts.push(group);
        }
        const zeros = kind === "log" ? lines.find(({ points }) => points.some((point) => point[1] === 0)) : null;
        if (zeros) {
          const layers = zeros.points.filter((point) => point[1] === 0).map((point) => point[0]);
          parts.push(svg("text", { x: MARGIN.left + 8, y: HEIGHT - MARGIN.bottom - 8 }, `exactly 0: ${span(layers)}`));
        }
        picture.replaceChildren(...parts);
      },
    };
  };
})();
