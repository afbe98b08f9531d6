"use strict";

/* Charts as inline SVG: the activation histogram of a unit, and bars per layer and concept. */
(() => {
  const { el, svg, name, percent, integer, short, fixed, tone } = Lexicon;

  const columnOf = (value, bounds, ranges) => {
    let found = -1;
    bounds.forEach(([lower, upper], column) => {
      if (ranges[column] === "top" || lower === null || upper === null) return;
      if (value >= lower && value <= upper) found = column;
    });
    return found;
  };

  /* Histogram of one unit: {minimum, maximum, zeros, counts}; bounds: [lower, upper] per range, an open end is null. */
  Lexicon.histogram = (data, ranges, bounds, { width, height, axis }) => {
    const { minimum, maximum, zeros, counts } = data;
    const total = counts.reduce((sum, count) => sum + count, 0);
    if (!total || minimum === null || maximum === null || !(maximum > minimum)) {
      return el("p", { class: "nothing" }, "no histogram");
    }
    const foot = axis ? 34 : 20;
    const plot = height - foot;
    const x = (value) => ((Math.min(Math.max(value, minimum), maximum) - minimum) / (maximum - minimum)) * width;
    const highest = Math.log1p(Math.max(...counts));
    const paths = new Map();
    counts.forEach((count, bin) => {
      if (!count) return;
      const left = (bin / counts.length) * width;
      const right = ((bin + 1) / counts.length) * width - 0.6;
      const top = plot - Math.max(1, (Math.log1p(count) / highest) * (plot - 1));
      const middle = minimum + ((bin + 0.5) / counts.length) * (maximum - minimum);
      const column = columnOf(middle, bounds, ranges);
      const key = column < 0 ? "tone-none" : tone(ranges, column);
      const path = `M${left.toFixed(1)} ${plot}V${top.toFixed(1)}H${right.toFixed(1)}V${plot}Z`;
      paths.set(key, (paths.get(key) || "") + path);
    });
    const share = zeros === null ? null : zeros / (zeros + total);
    const label = `Histogram of ${integer(total)} activations from ${short(minimum)} to ${short(maximum)}, logarithmic counts`
      + (share === null ? "" : `; ${percent(share)} of all activations are zero`);
    const picture = svg("svg", { class: "histogram", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label });
    picture.append(svg("title", {}, label));
    for (const [key, path] of paths) picture.append(svg("path", { class: key, d: path }));
    bounds.forEach(([lower, upper], column) => {
      if (lower === null) return;
      const left = x(lower);
      const right = Math.max(left + 2, upper === null ? width : x(upper));
      const y = plot + (ranges[column] === "top" ? 2 : 6);
      picture.append(svg("rect", { class: tone(ranges, column), x: left.toFixed(1), y, width: (right - left).toFixed(1), height: 3 }));
    });
    const text = (value, at, anchor) => svg("text", { x: at, y: height - 1, "text-anchor": anchor }, value);
    picture.append(text(short(minimum), 0, "start"), text(short(maximum), width, "end"));
    if (share !== null) picture.append(text(`${percent(share)} zeros`, width / 2, "middle"));
    return picture;
  };

  const bar = (share, tick) => {
    const picture = svg("svg", { class: "bar", viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true" });
    picture.append(svg("rect", { class: "track", width: 100, height: 10 }));
    picture.append(svg("rect", { class: "value", width: (100 * share).toFixed(2), height: 10 }));
    if (tick !== null) picture.append(svg("rect", { class: "tick", x: Math.max(0, 100 * tick - 0.4).toFixed(2), width: 0.8, height: 10 }));
    return picture;
  };

  /* Bars that are buttons: a click narrows the list. */
  Lexicon.layerChart = (layers, summary, current, pick) => el("div", { class: "bars" }, layers.map((layer, number) => {
    const { units, explained, median } = summary.layers[number];
    const share = units ? explained / units : 0;
    const title = `${layer.name}: ${explained} of ${units} units explained, median IoU ${fixed(median)}`;
    return el("button", { type: "button", title, "aria-pressed": String(current === layer.name), onclick: () => pick(layer.name) },
      name(layer.name, { class: "bar-name" }), bar(share, median), el("span", { class: "number" }, percent(share)));
  }));

  Lexicon.conceptChart = (concepts, pick) => el("div", { class: "bars" }, concepts.map(([concept, count]) => (
    el("button", { type: "button", title: `Search for ${concept}`, onclick: () => pick(concept) },
      name(concept, { class: "bar-name" }), bar(count / concepts[0][1], null), el("span", { class: "number" }, integer(count))))));

  /* IoU as a bar; its full width is `most`, the largest IoU of the concept set. */
  Lexicon.iouBar = (value, className, most) => {
    const picture = svg("svg", { class: `iou-bar ${className}`, viewBox: "0 0 100 6", preserveAspectRatio: "none", "aria-hidden": "true" });
    picture.append(svg("rect", { class: "track", y: 2.5, width: 100, height: 1 }));
    if (value !== null) picture.append(svg("rect", { class: className, width: Math.max(0.8, most ? (100 * value) / most : 0).toFixed(2), height: 6 }));
    return picture;
  };
})();
