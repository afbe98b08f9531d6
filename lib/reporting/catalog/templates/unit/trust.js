"use strict";

/* How far a sentence and a formula can be trusted: the measures by which the list is filtered and sorted, and the panel of a unit. */
(() => {
  const { el, name, fixed, integer, percent, short } = Lexicon;
  const data = window.LEXICON_DATA;
  const units = data.units;

  /* Those of a formula stand in the columns of its concept set, those of a sentence in the columns of the units. */
  const MEASURES = {
    iou: { label: "IoU" },
    iou_low: { label: "IoU, lower end" },
    iou_unseen: { label: "Unseen IoU" },
    iou_unseen_low: { label: "Unseen IoU, lower end" },
    chance_level: { label: "Chance level", small: true },
    q_value: { label: "False discovery rate", small: true },
    share: { label: "Stability" },
    twin_iou: { label: "IoU in the untrained twin", small: true },
    margin: { label: "Margin", sentence: true },
    score: { label: "Score", sentence: true },
  };
  Lexicon.MEASURES = MEASURES;
  const columnOf = (set, key) => (MEASURES[key].sentence ? units[key] : set && set[key]);

  const held = new Map();

  /**
   * The measures that the results hold, as [key, label].
   * @param {ConceptSet} set - or undefined
   * @returns {[string, string][]}
   */
  Lexicon.measuresOf = (set) => {
    if (!held.has(set)) held.set(set, Object.keys(MEASURES).filter((key) => columnOf(set, key)?.some((value) => value !== null)));
    return held.get(set).map((key) => [key, MEASURES[key].label]);
  };

  /**
   * The value of a unit whose range has this place in the columns of the set; null where there is none.
   * @param {ConceptSet} set
   * @param {string} key - of the measure
   * @param {number} unit
   * @param {number} place
   * @returns {number}
   */
  Lexicon.valueOf = (set, key, unit, place) => {
    const column = columnOf(set, key);
    if (!column) return null;
    if (MEASURES[key].sentence) return column[unit];
    return place < 0 ? null : column[place];
  };

  /**
   * A limit of a measure as the address holds it: `key,above,up to`, either end open.
   * @param {string} key - of the measure
   * @param {number | string} low - or null
   * @param {number | string} high - or null
   * @returns {string}
   */
  Lexicon.limit = (key, low, high) => [key, low ?? "", high ?? ""].join(",");

  /**
   * A limit as numbers.
   * @param {string} text
   * @returns {Limit} null if the text is none
   */
  Lexicon.readLimit = (text) => {
    const [key, low, high] = text.split(",");
    if (!Object.hasOwn(MEASURES, key)) return null;
    return { key, low: low ? Number(low) : -Infinity, high: high ? Number(high) : Infinity };
  };

  /**
   * A limit as people read it.
   * @param {string} text
   * @returns {string}
   */
  Lexicon.limitText = (text) => {
    const found = Lexicon.readLimit(text);
    if (!found) return text;
    const { key, low, high } = found;
    const [from, to] = [low, high].map((value) => String(value).replace("-", "−"));
    if (low === -Infinity) return `${MEASURES[key].label} up to ${to}`;
    return high === Infinity ? `${MEASURES[key].label} above ${from}` : `${MEASURES[key].label} above ${from} up to ${to}`;
  };

  const VERDICTS = {
    supported: "better than chance, holds on unseen images, and stable",
    partly: "better than chance and holds on unseen images; not all of its concepts are stable",
    chance: "no better than formulas of shuffled images, or lost on unseen ones",
    untested: "not tested",
  };

  const line = (term, value, ...note) => el("div", {}, el("dt", {}, term), el("dd", {}, el("b", {}, value), note.flatMap((part) => [" ", part])));
  const interval = (low, high) => (low === null || low === undefined ? null : `95 % interval ${fixed(low)} to ${fixed(high)}`);

  const support = (set, { formula, support: shares }) => el("span", { class: "supports" }, Lexicon.literals(formula).map(({ concept, negated }, place) => (
    el("span", {}, negated ? el("i", { class: "op" }, "not ") : null, Lexicon.chip(set, concept, { negated }), ` ${percent(shares[place])}`))));

  /**
   * What is known of the formula of a range. `bound` is the largest IoU that any formula of the search can have.
   * @param {ConceptSet} set
   * @param {number} unit
   * @param {number} column - of the range
   * @param {number} bound - or null
   * @returns {HTMLElement}
   */
  Lexicon.trust = (set, unit, column, bound) => {
    const at = unit * set.ranges.length + column;
    const state = Lexicon.cell(set, unit, column);
    const value = (key) => (set[key] ? set[key][at] : null);
    const lines = [line("IoU", fixed(state.iou, state.decimals), interval(value("iou_low"), value("iou_high")))];
    if (state.optimal) lines.push(line("Proved", "best of all", "no formula of the search space has a larger IoU"));
    else if (bound !== null) lines.push(line("Not proved", `≤ ${fixed(bound)}`, "no formula of the search space has a larger IoU than this"));
    if (state.verdict) lines.push(line("Verdict", state.verdict, VERDICTS[state.verdict]));
    if (value("q_value") !== null) lines.push(line("Chance", fixed(value("chance_level")), `mean IoU of the best formulas of shuffled images; false discovery rate ${short(value("q_value"))}`));
    if (value("iou_unseen") !== null) lines.push(line("Unseen", fixed(value("iou_unseen")), "IoU on images that the search did not see;", interval(value("iou_unseen_low"), value("iou_unseen_high"))));
    if (value("share") !== null) lines.push(line("Stability", percent(value("share")), "of the bootstrap replicates give the same formula"));
    if (state.support?.length) lines.push(line("Support", "", support(set, state)));
    if (value("twin_iou") !== null) lines.push(line("Untrained", value("twin_iou") ? fixed(value("twin_iou")) : "none",
      "largest IoU of the same formula in this layer and range of the untrained twin"));
    return el("dl", { class: "trust" }, lines);
  };

  /* Scores of labels, as [title, meaning, text], in the order of the file. */
  const SCORES = [
    ["IoU", "of the label's pixels and those of the range"],
    ["Pixels", "correlation of the label's pixels with the activation"],
    ["Images", "correlation of the label with the activation of images"],
    ["AUC", "share of the pairs of an image with the label and one without in which the unit is more active with it"],
    ["AUPRC", "average precision of the label for images with the range"],
  ];

  /**
   * What each source says of the unit, by concept set; `found` is what the file of the unit holds of it.
   * @param {number} place - of the concept set
   * @param {Labels} found
   * @returns {HTMLElement}
   */
  Lexicon.labels = (place, found) => {
    const [count, sources] = data.sources[place];
    const head = ["Source", "Label"].map((text) => el("th", { scope: "col" }, text));
    const rows = found.labels.map(([source, label, status, ...scores]) => el("tr", {}, el("th", { scope: "row" }, name(sources[source])),
      el("td", { class: "text" }, label ? el("q", { dir: "auto" }, label) : null, status === "ok" ? null : el("span", { class: "why" }, ` ${status}`)),
      scores.map((value) => el("td", {}, fixed(value)))));
    return el("section", { class: "labels" }, el("h3", {}, "Labels of all sources"),
      el("p", {}, "For the range ", name(found.range), `, on ${integer(count)} images; what was searched for on one half is scored on the other.`),
      el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": `Labels of all sources, concepts ${data.concept_sets[place].name}` },
        el("table", {}, el("thead", {}, el("tr", {}, head, SCORES.map(([text, title]) => el("th", { scope: "col", title }, text)))), el("tbody", {}, rows))));
  };

  /**
   * The true captions of the exemplars, which the playground knows.
   * @param {number} unit
   * @returns {HTMLElement} null if there are none
   */
  Lexicon.truths = (unit) => {
    const said = units.truths ? units.truths[unit] : [];
    return said.length ? el("p", { class: "truths" }, "True captions: ", said.flatMap((text, at) => [at ? ", " : "", el("q", { dir: "auto" }, text)])) : null;
  };
})();
