"use strict";

/* Formulas: lists of concepts and operators in turn, such as [3, 1, 0] for the concepts 3 and 0 joined by AND. */
(() => {
  const { el, name, percent } = Lexicon;
  const OPERATORS = ["or", "and", "and"];
  const NOT = 2;

  /**
   * The concepts of a formula, and which of them are under NOT.
   * @param {Code} code
   * @returns {Literal[]}
   */
  Lexicon.literals = (code) => code.filter((_, at) => at % 2 === 0).map((concept, place) => ({ concept, negated: place > 0 && code[2 * place - 1] === NOT }));

  const parsed = new Map();

  /**
   * Those of a formula of the set by its number, taken apart once.
   * @param {ConceptSet} set
   * @param {number} formula
   * @returns {Literal[]}
   */
  Lexicon.literalsOf = (set, formula) => {
    if (!parsed.has(set)) parsed.set(set, set.formulas.map(Lexicon.literals));
    return parsed.get(set)[formula];
  };

  const asserted = new Map();

  /**
   * The concepts that a formula of the set asserts, each once.
   * @param {ConceptSet} set
   * @param {number} formula
   * @returns {number[]} concepts
   */
  Lexicon.assertedOf = (set, formula) => {
    if (!asserted.has(set)) asserted.set(set, set.formulas.map((_, number) => [...new Set(Lexicon.literalsOf(set, number).filter(({ negated }) => !negated).map(({ concept }) => concept))]));
    return asserted.get(set)[formula];
  };

  /* The text of a formula with these names of all concepts. */
  const textOf = (names, code) => Lexicon.literals(code).reduce((text, { concept, negated }, place) => (
    place ? `(${text} ${OPERATORS[code[2 * place - 1]].toUpperCase()} ${negated ? `(NOT ${names[concept]})` : names[concept]})` : names[concept]), "");

  const texts = new Map();

  /**
   * A formula of the set, by its number, as the tables have it.
   * @param {ConceptSet} set
   * @param {number} formula
   * @returns {string}
   */
  Lexicon.tableText = (set, formula) => {
    if (!texts.has(set)) {
      const names = set.names.map((plain, concept) => set.quoted[concept] ?? plain);
      texts.set(set, set.formulas.map((code) => textOf(names, code)));
    }
    return texts.get(set)[formula];
  };

  const places = new Map();
  const categoriesOf = (set) => {
    if (!places.has(set)) places.set(set, new Map(set.category_order.map((category, place) => [category, place])));
    return places.get(set);
  };

  /**
   * The class that has the colour of a category.
   * @param {ConceptSet} set
   * @param {string} category
   * @returns {string}
   */
  Lexicon.categoryClass = (set, category) => `cat-${categoriesOf(set).has(category) ? categoriesOf(set).get(category) % 8 : "none"}`;

  /**
   * A concept as a chip in the colour of its category, struck through under NOT; a bar under it shows its support, if that
   * is known. A click calls `pick(concept, negated)`.
   * @param {ConceptSet} set
   * @param {number} concept
   * @param {{negated?: boolean, share?: number, pick?: PickConcept, tab?: boolean}} [options] - `tab`: the keyboard reaches it
   * @returns {HTMLElement}
   */
  const chip = (set, concept, { negated = false, share = null, pick = null, tab = false } = {}) => {
    const category = set.categories[concept];
    const lines = [category, share === null ? "" : `Support ${percent(share)}`, pick ? `Show the units with ${negated ? "NOT " : ""}${set.shown[concept]}` : ""];
    const attributes = {
      class: `chip ${Lexicon.categoryClass(set, category)}${negated ? " negated" : ""}${share === null ? "" : " judged"}`,
      title: lines.filter((text) => text).join("\n") || null,
      style: share === null ? null : `--support: ${share}`,
    };
    const text = [name(set.shown[concept]), category && !set.shown[concept].endsWith(`(${category})`) ? el("small", { class: "category" }, category) : null];
    if (!pick) return el("span", attributes, text);
    return el("button", { ...attributes, type: "button", tabindex: tab ? null : "-1", onclick: () => pick(concept, negated) }, text);
  };

  Lexicon.chip = chip;

  /**
   * A formula as chips with quiet operators and without its outermost pair of brackets.
   * @param {ConceptSet} set
   * @param {Code} code
   * @param {{support?: number[], pick?: PickConcept, tab?: boolean}} [options] - `support` by concept
   * @returns {HTMLElement}
   */
  Lexicon.formula = (set, code, { support = null, pick = null, tab = false } = {}) => {
    const node = el("span", { class: "formula", dir: "ltr" });
    const operator = (word) => el("i", { class: "op" }, word);
    const parts = Lexicon.literals(code);
    node.append("(".repeat(Math.max(0, parts.length - 2)));
    parts.forEach(({ concept, negated }, place) => {
      const share = support && support.length === parts.length ? support[place] : null;
      if (place) node.append(" ", operator(OPERATORS[code[2 * place - 1]]), " ");
      if (negated) node.append(operator("not"), " ");
      node.append(chip(set, concept, { negated, share, pick, tab }));
      if (place && place < parts.length - 1) node.append(")");
    });
    return node;
  };

  /**
   * The categories of a concept set, in the order of their colours.
   * @param {ConceptSet} set
   * @param {string[]} [own] those that are wanted: without them, those of the concepts of formulas
   * @returns {string[]}
   */
  Lexicon.categoriesIn = (set, own = set.categories) => [...categoriesOf(set).keys()].filter((category) => own.includes(category));

  /**
   * The categories of a concept set with their colours.
   * @param {ConceptSet} set
   * @returns {HTMLElement}
   */
  Lexicon.categoryKeys = (set) => {
    const known = Lexicon.categoriesIn(set);
    return el("ul", { class: "category-keys", "aria-label": "Categories of concepts" },
      known.map((category) => el("li", {}, el("span", { class: `chip ${Lexicon.categoryClass(set, category)}` }, name(category)))));
  };
})();
