"use strict";

/* Units as tiles, dozens on a screen: exemplars, sentence and IoU, in the tint of the verdict. */
(() => {
  const { el, name, fixed, address, unitName } = Lexicon;
  const data = window.LEXICON_DATA;
  const N_PICTURES = 4;

  /**
   * `place` is that of the unit's range in the columns of the set.
   * @param {number} unit
   * @param {ConceptSet} set - or undefined
   * @param {number} place
   * @returns {HTMLElement}
   */
  Lexicon.tile = (unit, set, place) => {
    const size = data.layers[data.units.layer[unit]];
    const known = set && place >= 0;
    const verdict = known && set.verdict ? data.verdicts[set.verdict[place]] : null;
    const text = data.units.description[unit];
    const status = data.units.status[unit];
    return el("a", { class: `tile${verdict ? ` tint-${verdict}` : ""}`, href: address(unit), "data-unit": unit },
      el("span", { class: "quad" }, data.units.images[unit].slice(0, N_PICTURES).map((image) => Lexicon.picture(image, size, ""))),
      el("span", { class: text ? "tile-text" : "tile-text none", dir: "auto" }, text || (status === "ok" ? "no sentence" : status)),
      el("span", { class: "tile-foot" }, name(unitName(unit)), el("span", {}, known ? `IoU ${fixed(set.iou[place], set.decimals[place])}` : "", verdict ? ` ${verdict}` : "")));
  };

  /**
   * How rare the concepts are that a formula asserts: the mean of −log2 of the shares of units that assert them. Only units that
   * are explained at all surprise.
   * @param {ConceptSet} set
   * @param {Int32Array} places - of the units' ranges
   * @returns {Float64Array} by unit; -1 for units that are not explained
   */
  Lexicon.surprises = (set, places) => {
    const counts = new Map();
    const asserted = (unit) => (places[unit] < 0 ? [] : Lexicon.assertedOf(set, set.formula[places[unit]]));
    places.forEach((_, unit) => { for (const concept of asserted(unit)) counts.set(concept, (counts.get(concept) || 0) + 1); });
    return Float64Array.from(places, (place, unit) => {
      const own = asserted(unit);
      if (!own.length || set.iou[place] <= data.explained_above) return -1;
      return own.reduce((sum, concept) => sum + Math.log2(places.length / counts.get(concept)), 0) / own.length;
    });
  };
})();
