"use strict";

/* The units that are like a unit, by what they have in common, and its group of redundant units. */
(() => {
  const { el, name, fixed, formula, address, unitName, cell, setOf, rangeOf } = Lexicon;
  const data = window.LEXICON_DATA;
  const units = data.units;

  /* Kinds of likeness in the order of the files: title, meaning, and what the units have in common. */
  const KINDS = [
    ["By all", "mean of the three below", null],
    ["By exemplars", "images among the exemplars of both", ["exemplar", "exemplars"]],
    ["By formula", "concepts in the formulas of both; one under NOT is another one", ["concept", "concepts"]],
    ["By sentence", "words of both sentences", ["word", "words"]],
  ];

  /**
   * What two units have in common, as text.
   * @param {number} kind - place in `KINDS`
   * @param {number[]} counts - common exemplars, concepts and words
   * @returns {string}
   */
  const inCommon = (kind, counts) => {
    const told = counts.map((count, at) => [count, KINDS[at + 1][2][count === 1 ? 0 : 1]]).filter(([count], at) => (kind ? at === kind - 1 : count));
    return `${told.map(([count, word]) => `${count} ${word}`).join(", ")} in common`;
  };

  /**
   * The address of the map, on which a unit or a group is marked.
   * @param {{at?: string, group?: string}} marked
   * @returns {string}
   */
  Lexicon.mapAddress = (marked) => `#?${new URLSearchParams({ view: "map", ...marked })}`;

  /* The formula of the strongest activations, by the first concept set. */
  const formulaOf = (unit) => {
    const set = setOf({ concepts: "" });
    const state = set && cell(set, unit, set.ranges.indexOf(rangeOf({ concepts: "" })));
    return state?.formula ? formula(set, state.formula) : null;
  };

  /**
   * A unit as a link with its best exemplar.
   * @param {number} unit
   * @param {{node?: (HTMLElement|null), note?: string}} said - what stands in place of the sentence, and below it
   * @returns {HTMLElement}
   */
  Lexicon.thumbnail = (unit, { node = null, note = "" } = {}) => {
    const [image] = units.images[unit];
    const text = units.description[unit];
    return el("a", { class: "near", href: address(unit), "data-near": unit },
      image === undefined ? el("span", { class: "picture" }) : Lexicon.picture(image, data.layers[units.layer[unit]], ""),
      el("span", { class: "near-text" }, name(unitName(unit), { class: "near-unit" }),
        node ?? el("span", { class: text ? "near-said" : "near-said none", dir: "auto" }, text || "no sentence"), note ? el("small", {}, note) : null));
  };

  /**
   * The panel of a unit.
   * @param {number} unit
   * @param {number[][][]} found - by kind: unit, likeness, common exemplars, concepts and words
   * @param {string} group - name of the group of redundant units; empty if it is in none
   * @returns {HTMLElement}
   */
  Lexicon.similar = (unit, found, group) => el("section", { class: "set similar" }, el("h2", {}, "Similar units"),
    el("p", { class: "grouped" }, group ? ["Redundant: in the group ", el("a", { href: Lexicon.mapAddress({ group }) }, name(group)), ". "] : "In no group of redundant units. ",
      el("a", { href: Lexicon.mapAddress({ at: unitName(unit) }) }, "Show on the map")),
    found.some((alike) => alike.length) ? KINDS.flatMap(([title, meaning], kind) => (found[kind].length ? [el("h3", {}, title, " ", el("small", {}, meaning)),
      el("ul", { class: "nears" }, found[kind].map(([other, likeness, ...counts]) => el("li", {},
        Lexicon.thumbnail(other, { node: kind === 2 ? formulaOf(other) : null, note: `${fixed(likeness, 2)}: ${inCommon(kind, counts)}` }))))] : []))
    : el("p", { class: "nothing" }, "No other unit has an exemplar, a concept or a word of this one."));
})();
