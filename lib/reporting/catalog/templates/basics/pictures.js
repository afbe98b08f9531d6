"use strict";

/* Exemplars: images with the outline of the unit's mask and a veil outside it. */
(() => {
  const { el, svg, details, unitName } = Lexicon;
  const data = window.LEXICON_DATA;
  document.documentElement.style.setProperty("--opacity", String(data.opacity));

  /**
   * Paths over an image of this size: each outline is drawn twice, so that it is seen on dark and on bright pictures.
   * @param {Size} size - of the image
   * @param {{veil?: string, outlines?: {path: string, kind: string}[]}} drawn - a veil lies outside its path; null for none
   * @returns {SVGElement}
   */
  Lexicon.overlay = ({ width, height }, { veil = "", outlines = [] }) => {
    const [right, bottom] = [width * data.steps, height * data.steps];
    const node = svg("svg", { class: "overlay", viewBox: `0 0 ${right} ${bottom}`, preserveAspectRatio: "none", "aria-hidden": "true" });
    if (veil !== null) node.append(svg("path", { class: "veil", "fill-rule": "evenodd", d: `M0 0H${right}V${bottom}H0Z${veil}` }));
    for (const { path, kind } of outlines) {
      if (path) node.append(svg("path", { class: "rim", d: path }), svg("path", { class: `line ${kind}`, d: path }));
    }
    return node;
  };

  /**
   * A picture of the catalog.
   * @param {number} image - of the catalog
   * @param {Size} size
   * @param {string} alt
   * @returns {HTMLElement}
   */
  Lexicon.picture = (image, size, alt) => el("div", { class: "picture", style: `aspect-ratio: ${size.width} / ${size.height}` },
    el("img", { src: `pictures/${image}.jpg`, alt, width: size.width, height: size.height, loading: "lazy", decoding: "async" }));

  /**
   * The exemplars of a unit, best first.
   * @param {number} unit
   * @param {boolean} captions - with captions and buttons to look closely
   * @returns {HTMLElement}
   */
  Lexicon.exemplars = (unit, captions) => {
    const size = data.layers[data.units.layer[unit]];
    const images = data.units.images[unit];
    if (!images.length) return el("p", { class: "nothing strip" }, "no exemplars");
    const shown = images.map((image, rank) => Lexicon.picture(image, size, `Exemplar ${rank + 1} of ${unitName(unit)}`));
    const strip = el("div", { class: "strip", style: `--side: ${Math.min(size.width, 160)}px` },
      captions ? shown.map((picture, rank) => el("figure", {}, el("button", { type: "button", class: "zoom", "aria-label": `Look closely at exemplar ${rank + 1}` }, picture),
        el("figcaption", {}))) : shown);
    details(unit).then(({ chunk, row }) => shown.forEach((picture, rank) => {
      const mask = chunk.masks[row][rank];
      if (mask !== undefined) picture.append(Lexicon.overlay(size, { veil: mask, outlines: [{ path: mask, kind: "mask" }] }));
    }), () => {});
    return strip;
  };
})();
