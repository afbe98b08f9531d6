"use strict";

/* Images of one activation range, from those that its formula fits best to bad ones: where range and formula meet (hit), where
   the range is alone (missed) and where the formula is alone (extra), told apart by colour and by pattern. */
(() => {
  const { el, svg, name, percent, fixed, integer } = Lexicon;
  const data = window.LEXICON_DATA;
  const KINDS = { hit: "range and formula", missed: "range without formula", extra: "formula without range" };
  let number = 0;

  /**
   * Patterns of the kinds, in units of the outlines; a hit has none.
   * @returns {SVGElement}
   */
  const patterns = () => svg("svg", { class: "patterns", "aria-hidden": "true", width: 0, height: 0 }, svg("defs", {},
    svg("pattern", { id: "pattern-missed", width: 9, height: 9, patternUnits: "userSpaceOnUse" }, svg("circle", { class: "missed", cx: 4, cy: 4, r: 2.4 })),
    svg("pattern", { id: "pattern-extra", width: 8, height: 8, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
      svg("rect", { class: "extra", width: 2.6, height: 8 }))));

  const regions = ([height, width], range, formula) => {
    const [right, bottom] = [width * data.steps, height * data.steps];
    const frame = `M0 0H${right}V${bottom}H0Z`;
    const node = svg("svg", { class: "overlay", viewBox: `0 0 ${right} ${bottom}`, preserveAspectRatio: "none", "aria-hidden": "true" });
    const within = (path) => {
      number += 1;
      node.append(svg("clipPath", { id: `clip-${number}` }, svg("path", { d: path || "M0 0z", "clip-rule": "evenodd" })));
      return `url(#clip-${number})`;
    };
    const [inFormula, offFormula, offRange] = [within(formula), within(frame + formula), within(frame + range)];
    const part = (kind, path, clip) => svg("path", { class: `region ${kind}`, d: path, "fill-rule": "evenodd", "clip-path": clip });
    node.append(svg("g", { "clip-path": offRange }, svg("path", { class: "veil", d: frame, "clip-path": offFormula })),
      part("extra", formula, offRange), part("missed", range, offFormula), part("hit", range, inFormula));
    for (const [path, kind] of [[formula, "formula-line"], [range, "range-line"]]) {
      node.append(svg("path", { class: "rim", d: path }), svg("path", { class: `line ${kind}`, d: path }));
    }
    return node;
  };

  const key = (kind) => el("li", {}, svg("svg", { class: "swatch", viewBox: "0 0 24 24", "aria-hidden": "true" },
    svg("rect", { class: `region ${kind}`, width: 24, height: 24 })), el("b", {}, kind), ` ${KINDS[kind]}`);

  Lexicon.patterns = patterns;

  /**
   * The kinds of regions with their colours.
   * @returns {HTMLElement}
   */
  Lexicon.kinds = () => el("ul", { class: "kinds" }, Object.keys(KINDS).map(key));

  /**
   * Figures of images as the chunk has them for one range.
   * @param {number} place - of the concept set
   * @param {RangeImage[]} images
   * @param {string} range
   * @returns {HTMLElement[]}
   */
  Lexicon.rangeImages = (place, images, range) => {
    const [height, width] = data.grids[place];
    return images.map(([picture, image, quantile, iou, inside, named]) => {
      const rank = quantile === 1 ? "best" : `quantile ${percent(quantile)}`;
      const shown = Lexicon.picture(picture, { width, height }, `Image ${image}: IoU ${fixed(iou)} of range ${range} and its formula`);
      shown.append(regions([height, width], inside, named));
      return el("figure", {}, shown, el("figcaption", {}, el("b", {}, fixed(iou)), ` ${rank}, image ${integer(image)}`));
    });
  };

  /**
   * `images` as the chunk has them for one range; `formula` is a node.
   * @param {number} place - of the concept set
   * @param {RangeImage[]} images
   * @param {{range: string, tone: string, formula: Node}} shown
   * @returns {HTMLElement}
   */
  Lexicon.explorer = (place, images, { range, tone, formula }) => {
    const figures = Lexicon.rangeImages(place, images, range);
    return el("div", { class: "explorer", role: "region", "aria-live": "polite", "aria-label": `Images of range ${range}` }, patterns(),
      el("p", { class: "explored" }, "Images of ", name(range, { class: `range ${tone}` }), " and ", formula),
      images.length ? el("div", { class: "strip", style: `--side: ${Math.min(data.grids[place][1], 160)}px` }, figures) : el("p", { class: "nothing" }, "no image holds this range"),
      Lexicon.kinds());
  };
})();
