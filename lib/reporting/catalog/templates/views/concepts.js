"use strict";

/* Pages of concepts and of words of sentences: which units have them, where, and how it looks. */
(() => {
  const { el, name, formula, fixed, integer, setOf, rangeOf, literalsOf, matrix, tile, unitName, details } = Lexicon;
  const data = window.LEXICON_DATA;
  const units = data.units;
  const N_TILES = 24;
  const N_FORMULAS = 12;
  const N_IMAGES = 6;

  const wordsOf = (text) => new Set(text.toLowerCase().split(/[^\p{L}\p{N}\p{M}]+/u).filter((word) => word));

  /* The units of the whole network by their formulas in the chosen range; `concept` is a number, or null for none. */
  const having = (set, places, concept) => {
    const found = { asserts: [], negates: [] };
    places.forEach((place, unit) => {
      if (place < 0) return;
      for (const literal of literalsOf(set, set.formula[place])) if (literal.concept === concept) found[literal.negated ? "negates" : "asserts"].push(unit);
    });
    const byIou = (a, b) => set.iou[places[b]] - set.iou[places[a]] || a - b;
    return { asserts: found.asserts.sort(byIou), negates: found.negates.sort(byIou) };
  };

  const trail = (back, text, href) => el("nav", { class: "trail", "aria-label": "Units" }, el("a", { href: back }, "← All units"), el("a", { href }, text), Lexicon.help());
  const tiles = (title, found, set, places) => (found.length ? el("section", { class: "set" }, el("h2", {}, title),
    el("div", { class: "tiles" }, found.slice(0, N_TILES).map((unit) => tile(unit, set, places ? places[unit] : -1)))) : null);

  /* Counts of units by layer; a click shows them in the list. */
  const byLayer = (title, columns, groups, pick) => matrix({ level: "h2", title, note: "a click shows the units", rows: data.layers.map((layer) => layer.name), columns, cell: (row, column) => {
    const count = groups[column].filter((unit) => units.layer[unit] === row).length;
    return { count, pressed: false, title: `${data.layers[row].name}, ${columns[column]}`, pick: () => pick(data.layers[row].name, column) };
  } });

  /* The most frequent formulas in the range, of these units. */
  const formulas = (title, found, set, places) => {
    const counts = new Map();
    for (const unit of found) if (places[unit] >= 0) counts.set(set.formula[places[unit]], [...(counts.get(set.formula[places[unit]]) || []), unit]);
    const rows = [...counts].sort((a, b) => b[1].length - a[1].length || set.iou[places[b[1][0]]] - set.iou[places[a[1][0]]]).slice(0, N_FORMULAS);
    return rows.length ? el("section", { class: "set" }, el("h2", {}, title), el("ul", { class: "common" }, rows.map(([number, own]) => el("li", {},
      formula(set, set.formulas[number]),
      el("span", { class: "number" }, `${integer(own.length)} ${own.length === 1 ? "unit" : "units"}, IoU up to ${fixed(Math.max(...own.map((unit) => set.iou[places[unit]])))}`))))) : null;
  };

  /* The best image of the range of each of the first units, with the outlines of range and formula. */
  const images = (set, found, places) => {
    const number = data.concept_sets.indexOf(set);
    if (!data.grids.length || !found.length) return null;
    const strip = el("div", { class: "explorers" });
    for (const unit of found.slice(0, N_IMAGES)) {
      const holder = el("div", {});
      strip.append(holder);
      const column = places[unit] % set.ranges.length;
      details(unit).then(({ chunk, row }) => holder.replaceWith(el("div", {}, el("p", { class: "explored" }, el("a", { href: Lexicon.address(unit) }, name(unitName(unit)))),
        Lexicon.rangeImages(number, chunk.range_images[number][row][column].slice(0, 1), set.ranges[column]))), () => {});
    }
    return el("section", { class: "set" }, el("h2", {}, "Images"), Lexicon.patterns(), strip, Lexicon.kinds());
  };

  /**
   * The page of all concepts.
   * @param {State} state
   * @param {Int32Array} places - of the units' ranges
   * @param {Actions} actions
   * @returns {HTMLElement}
   */
  Lexicon.conceptIndex = (state, places, { back, address }) => {
    const set = setOf(state);
    const groups = new Map(set.names.map((_, concept) => [concept, { asserts: 0, negates: 0, best: -1 }]));
    places.forEach((place, unit) => {
      if (place < 0) return;
      for (const { concept, negated } of literalsOf(set, set.formula[place])) {
        const group = groups.get(concept);
        group[negated ? "negates" : "asserts"] += 1;
        if (!negated && (group.best < 0 || set.iou[place] > set.iou[places[group.best]])) group.best = unit;
      }
    });
    const rows = [...groups].filter(([, group]) => group.asserts + group.negates).sort((a, b) => b[1].asserts - a[1].asserts || b[1].negates - a[1].negates);
    return el("article", { class: "page" }, trail(back, "Words of sentences", address({ view: "words" })),
      el("h1", { class: "sentence" }, `${integer(rows.length)} concepts of range ${rangeOf(state)}`),
      el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Concepts" }, el("table", { class: "index" },
        el("thead", {}, el("tr", {}, ["Concept", "Category", "Asserted", "Under NOT", "Best unit", "IoU"].map((text) => el("th", { scope: "col" }, text)))),
        el("tbody", {}, rows.map(([concept, { asserts, negates, best }]) => el("tr", {},
          el("th", { scope: "row" }, el("a", { class: `chip ${Lexicon.categoryClass(set, set.categories[concept])}`, href: address({ concept: set.names[concept] }) }, name(set.shown[concept]))),
          el("td", {}, name(set.categories[concept])),
          el("td", {}, integer(asserts)), el("td", {}, integer(negates)),
          el("td", {}, best < 0 ? "–" : el("a", { href: Lexicon.address(best) }, name(unitName(best)))),
          el("td", {}, best < 0 ? "–" : fixed(set.iou[places[best]], set.decimals[places[best]]))))))));
  };

  /**
   * The page of one concept.
   * @param {State} state
   * @param {Int32Array} places - of the units' ranges
   * @param {Actions} actions
   * @returns {HTMLElement}
   */
  Lexicon.conceptPage = (state, places, { back, address, change, clean }) => {
    const set = setOf(state);
    const concept = set.names.indexOf(state.concept);
    if (concept < 0) return el("p", { class: "notice" }, "No formula has the concept ", name(state.concept), ". ", el("a", { href: address({ view: "concepts" }) }, "All concepts"));
    const { asserts, negates } = having(set, places, concept);
    const stem = [...wordsOf(set.shown[concept].replace(` (${set.categories[concept]})`, ""))];
    const said = [...units.unit.keys()].filter((unit) => { const own = wordsOf(units.description[unit]); return stem.length && stem.every((word) => own.has(word)); });
    const known = new Set(asserts);
    const keys = ["asserts", "negates"];
    const filter = (key, layer = "") => ({ ...clean, layer, [key]: [state.concept], concept: "", view: "" });
    return el("article", { class: "page" }, trail(back, "All concepts", address({ view: "concepts" })),
      el("h1", { class: "sentence" }, name(set.shown[concept])),
      el("p", { class: "rival" }, el("span", { class: `chip ${Lexicon.categoryClass(set, set.categories[concept])}` }, name(set.categories[concept] || "no category")), ` In range ${rangeOf(state)} `,
        el("a", { href: address(filter("asserts")) }, `${integer(asserts.length)} units assert it`), ", ",
        el("a", { href: address(filter("negates")) }, `${integer(negates.length)} have it under NOT`),
        stem.length ? [", and the sentences of ", el("a", { href: address({ word: stem.join(" "), concept: "" }) }, `${integer(said.length)} units`), " say it."] : "."),
      byLayer("Units by layer", ["asserted", "under NOT"], [asserts, negates], (layer, column) => change(filter(keys[column], layer))),
      tiles("Units by IoU", asserts, set, places), images(set, asserts, places),
      formulas("Formulas with it", [...asserts, ...negates], set, places),
      formulas("Formulas without it, of units whose sentences say it", said.filter((unit) => !known.has(unit)), set, places));
  };

  /**
   * The page of all words of sentences.
   * @param {State} state
   * @param {Actions} actions
   * @returns {HTMLElement}
   */
  Lexicon.wordIndex = (state, { back, address }) => {
    const counts = new Map();
    units.description.forEach((text) => { for (const word of wordsOf(text)) counts.set(word, (counts.get(word) || 0) + 1); });
    const rows = [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
    return el("article", { class: "page" }, setOf(state) ? trail(back, "Concepts", address({ view: "concepts" })) : trail(back, "", back),
      el("h1", { class: "sentence" }, `${integer(rows.length)} words of sentences`),
      el("ul", { class: "word-list" }, rows.map(([word, count]) => el("li", {}, el("a", { href: address({ word }) }, name(word)), ` ${integer(count)}`))));
  };

  /**
   * The page of one word, or of several.
   * @param {State} state
   * @param {Int32Array} places - of the units' ranges
   * @param {Actions} actions
   * @returns {HTMLElement}
   */
  Lexicon.wordPage = (state, places, { back, address, change, clean }) => {
    const set = setOf(state);
    const wanted = [...wordsOf(state.word)];
    const found = [...units.unit.keys()].filter((unit) => { const own = wordsOf(units.description[unit]); return wanted.length && wanted.every((word) => own.has(word)); });
    found.sort((a, b) => (units.margin[b] ?? -Infinity) - (units.margin[a] ?? -Infinity) || a - b);
    const filter = (layer = "") => ({ ...clean, layer, words: wanted, word: "", view: "" });
    return el("article", { class: "page" }, trail(back, "All words", address({ view: "words" })),
      el("h1", { class: "sentence" }, name(state.word)),
      el("p", { class: "rival" }, "Sentences of ", el("a", { href: address(filter()) }, `${integer(found.length)} units`), " say it."),
      byLayer("Units by layer", ["say it"], [found], (layer) => change(filter(layer))),
      tiles("Units by margin", found, set, places),
      set ? formulas(`Formulas of range ${rangeOf(state)} of these units`, found, set, places) : null);
  };
})();
