"use strict";

/* Charts as inline SVG: the activation histogram of a unit, and bars. */
(() => {
  const { svg, el, percent, integer, short, tone } = Lexicon;

  const columnOf = (value, bounds, ranges) => {
    let found = -1;
    bounds.forEach(([lower, upper], column) => {
      if (ranges[column] === "top" || lower === null || upper === null) return;
      if (value >= lower && value <= upper) found = column;
    });
    return found;
  };

  /* Round numbers from `low` to `high`, about `count` of them. */
  const ticks = (low, high, count) => {
    const rough = (high - low) / count;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((factor) => factor * power).find((value) => value >= rough);
    const found = [];
    for (let number = Math.ceil(low / step); number * step <= high; number += 1) found.push(Number((number * step).toPrecision(6)));
    return found;
  };

  const BAND = 5;
  const GAP = 2;

  /**
   * Histogram of one unit: {minimum, maximum, zeros, counts}; bounds: [lower, upper] per range, an open end is null; marks:
   * activations of exemplars. `pick(column)` makes the bands of the ranges buttons.
   * @param {Histogram} data
   * @param {string[]} ranges
   * @param {[number, number][]} bounds
   * @param {{width: number, height: number, marks?: number[], pick?: (column: number) => void}} options - in pixels
   * @returns {Element}
   */
  Lexicon.histogram = (data, ranges, bounds, { width, height, marks = [], pick = null }) => {
    const { minimum, maximum, zeros, counts } = data;
    const total = counts.reduce((sum, count) => sum + count, 0);
    if (!total || minimum === null || maximum === null || !(maximum > minimum)) return el("p", { class: "nothing" }, "no histogram");
    const band = pick ? 2 * BAND : BAND;
    const plot = height - 2 * (band + GAP) - 30;
    const head = 14;
    const x = (value) => ((Math.min(Math.max(value, minimum), maximum) - minimum) / (maximum - minimum)) * width;
    const highest = Math.log1p(Math.max(...counts));
    const y = (count) => head + (plot - head) * (1 - Math.log1p(count) / highest);
    const share = zeros === null ? null : zeros / (zeros + total);
    const label = `Histogram of ${integer(total)} activations from ${short(minimum)} to ${short(maximum)}, logarithmic counts`
      + (share === null ? "" : `; ${percent(share)} of all activations are zero`);
    const picture = svg("svg", { class: "histogram", viewBox: `0 0 ${width} ${height}`, role: pick ? "group" : "img", "aria-label": label });
    for (const count of [10, 1000, 100000, 10000000]) {
      if (count > Math.max(...counts)) continue;
      const at = y(count).toFixed(1);
      picture.append(svg("path", { class: "grid", d: `M0 ${at}H${width}` }), svg("text", { class: "grid", x: width, y: Number(at) - 2, "text-anchor": "end" }, integer(count)));
    }
    const paths = new Map();
    counts.forEach((count, bin) => {
      if (!count) return;
      const [left, right] = [(bin / counts.length) * width, ((bin + 1) / counts.length) * width - 0.6];
      const column = columnOf(minimum + ((bin + 0.5) / counts.length) * (maximum - minimum), bounds, ranges);
      const key = column < 0 ? "tone-none" : tone(ranges, column);
      const path = `M${left.toFixed(1)} ${plot}V${Math.min(plot - 1, y(count)).toFixed(1)}H${right.toFixed(1)}V${plot}Z`;
      paths.set(key, (paths.get(key) || "") + path);
    });
    for (const [key, path] of paths) picture.append(svg("path", { class: key, d: path }));
    // the range `top` overlaps the clusters, so that it has a line of its own
    bounds.forEach(([lower, upper], column) => {
      if (lower === null) return;
      const left = x(lower);
      const right = Math.max(left + 3, upper === null ? width : x(upper));
      const line = ranges[column] === "top" ? 0 : 1;
      const attributes = { class: `band ${tone(ranges, column)}`, x: left.toFixed(1), y: plot + 2 + line * (band + GAP), width: (right - left).toFixed(1), height: band };
      const title = `${ranges[column]}: ${short(lower)} to ${upper === null ? "∞" : short(upper)}`;
      const act = pick ? { role: "button", tabindex: "0", "aria-label": title, "data-column": column, "aria-pressed": "false", onclick: () => pick(column),
        onkeydown: (event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); event.stopPropagation(); pick(column); } } } : {};
      picture.append(svg("rect", { ...attributes, ...act }, svg("title", {}, title)));
    });
    const foot = plot + 2 + 2 * (band + GAP);
    for (const value of ticks(minimum, maximum, Math.max(3, width / 90))) {
      const at = x(value);
      picture.append(svg("path", { class: "tick-line", d: `M${at.toFixed(1)} ${foot}v4` }),
        svg("text", { x: at.toFixed(1), y: foot + 14, "text-anchor": at < 12 ? "start" : at > width - 12 ? "end" : "middle" }, short(value)));
    }
    if (share !== null) picture.append(svg("text", { x: 0, y: height - 1, class: "zeros" }, `${percent(share)} zeros`));
    for (const value of marks) picture.append(svg("path", { class: "mark", d: `M${x(value).toFixed(1)} ${head}V${plot}` }));
    const readout = svg("text", { class: "readout", x: 0, y: 10 });
    picture.append(readout);
    picture.addEventListener("pointermove", (event) => {
      const box = picture.getBoundingClientRect();
      const bin = Math.min(counts.length - 1, Math.max(0, Math.floor((counts.length * (event.clientX - box.left)) / box.width)));
      const edge = (place) => minimum + (place / counts.length) * (maximum - minimum);
      const column = columnOf(edge(bin + 0.5), bounds, ranges);
      readout.textContent = `${short(edge(bin))} to ${short(edge(bin + 1))}: ${integer(counts[bin])}${column < 0 ? "" : `, ${ranges[column]}`}`;
    });
    picture.addEventListener("pointerleave", () => { readout.textContent = ""; });
    return picture;
  };

  /**
   * A share as a bar.
   * @param {number} share
   * @param {number} tick - place of a mark between 0 and 1, or null
   * @returns {SVGElement}
   */
  Lexicon.bar = (share, tick) => {
    const picture = svg("svg", { class: "bar", viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true" });
    picture.append(svg("rect", { class: "track", width: 100, height: 10 }));
    picture.append(svg("rect", { class: "value", width: (100 * share).toFixed(2), height: 10 }));
    if (tick !== null) picture.append(svg("rect", { class: "tick", x: Math.max(0, 100 * tick - 0.4).toFixed(2), width: 0.8, height: 10 }));
    return picture;
  };

  /**
   * IoU as a bar; its full width is `most`, the largest IoU of the concept set.
   * @param {number} value - or null
   * @param {string} className
   * @param {number} most
   * @returns {SVGElement}
   */
  Lexicon.iouBar = (value, className, most) => {
    const picture = svg("svg", { class: `iou-bar ${className}`, viewBox: "0 0 100 6", preserveAspectRatio: "none", "aria-hidden": "true" });
    picture.append(svg("rect", { class: "track", y: 2.5, width: 100, height: 1 }));
    if (value !== null) picture.append(svg("rect", { class: className, width: Math.max(0.8, most ? (100 * value) / most : 0).toFixed(2), height: 6 }));
    return picture;
  };
})();
