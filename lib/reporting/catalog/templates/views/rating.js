"use strict";

/* Rating: people see a unit by its exemplars alone, and choose between its label and another one. */
(() => {
  const { el, details, integer, setOf, rangeOf, formula, tableText, layerName } = Lexicon;
  const data = window.LEXICON_DATA;
  const units = data.units;
  const N_UNITS = 50;
  const COMPARISONS = {
    sentence_runner_up: "its sentence and the second best one",
    sentence_shuffled: "its sentence and that of another unit",
    formula_shuffled: "its formula and that of another unit",
  };

  /* Numbers in [0, 1) from a whole number: the generator mulberry32. */
  const generator = (seed) => () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
  const numberOf = (text) => [...text].reduce((sum, letter) => Math.imul(sum ^ letter.codePointAt(0), 16777619), 2166136261);

  /* The labels of a comparison: its text as the tables have it, and how it is shown. Formulas are those of the strongest
     activations, which are what exemplars show. */
  const labelling = (comparison, set) => {
    if (comparison !== "formula_shuffled") return { range: "", text: (unit) => units.description[unit], node: (text) => el("span", { dir: "auto" }, text) };
    const range = rangeOf({ concepts: set.name });
    const place = (unit) => set.formula[unit * set.ranges.length + set.ranges.indexOf(range)];
    const codes = new Map(set.formulas.map((code, number) => [tableText(set, number), code]));
    return { range, text: (unit) => tableText(set, place(unit)), node: (text) => formula(set, codes.get(text)) };
  };

  const eligible = (comparison, set, found) => {
    if (comparison === "formula_shuffled" && !set) return [];
    const { text } = labelling(comparison, set);
    const labelled = found.filter((unit) => units.images[unit].length && text(unit));
    if (comparison === "sentence_runner_up") return labelled.filter((unit) => units.runner_up[unit] && units.runner_up[unit] !== units.description[unit]);
    return new Set(labelled.map(text)).size > 1 ? labelled : [];
  };

  /* Questions of some units in an order of chance; `seed` gives all raters the same units and other labels, while the side of
     the label depends on the rater too. */
  const questions = (comparison, set, { found, count, seed, rater }) => {
    const { text } = labelling(comparison, set);
    const [random, side] = [generator(seed), generator(seed ^ numberOf(rater))];
    const order = [...found];
    for (let last = order.length - 1; last > 0; last -= 1) {
      const at = Math.floor(random() * (last + 1));
      [order[last], order[at]] = [order[at], order[last]];
    }
    return order.slice(0, count).map((unit) => {
      let at = Math.floor(random() * order.length);
      while (comparison !== "sentence_runner_up" && text(order[at]) === text(unit)) at = (at + 1) % order.length;
      const other = comparison === "sentence_runner_up" ? units.runner_up[unit] : text(order[at]);
      return { unit, label: text(unit), other, first: side() < 0.5 ? "label" : "other" };
    });
  };

  let session = null;
  window.addEventListener("beforeunload", (event) => { if (session?.unsaved) event.preventDefault(); });

  const rowsOf = ({ comparison, set, range, rater, seed, answers }) => answers.map(({ unit, label, other, first, answer, seconds }) => ({
    network: `${data.model}/${data.dataset}`, comparison, concepts: comparison === "formula_shuffled" ? set.name : "", range, layer: layerName(unit), unit: units.unit[unit],
    label, other, answer, side: first === "label" ? "left" : "right", seconds, rater, seed,
  }));

  /* The exemplars of a unit, which say nothing of its name. */
  const pictures = (unit) => {
    const size = data.layers[units.layer[unit]];
    const shown = units.images[unit].map((image, rank) => Lexicon.picture(image, size, `Image ${rank + 1}`));
    details(unit).then(({ chunk, row }) => shown.forEach((picture, rank) => {
      const mask = chunk.masks[row][rank];
      if (mask !== undefined) picture.append(Lexicon.overlay(size, { veil: mask, outlines: [{ path: mask, kind: "mask" }] }));
    }), () => {});
    return el("div", { class: "strip", style: `--side: ${Math.min(size.width, 160)}px` }, shown.map((picture) => el("figure", {}, picture)));
  };

  /**
   * `results` are the units of the list, `back` its address.
   * @param {State} state
   * @param {number[]} results
   * @param {string} back
   * @returns {HTMLElement}
   */
  Lexicon.ratingPage = (state, results, back) => {
    const page = el("article", { class: "page rating", tabindex: "-1", "aria-label": "Rating" });
    const show = (where, ...nodes) => {
      page.replaceChildren(el("nav", { class: "trail", "aria-label": "Rating" }, el("a", { href: back }, "← All units"), el("span", { class: "where" }, where), Lexicon.help()), ...nodes);
      page.focus({ preventScroll: true });
    };
    const button = (text, onclick, rest = {}) => el("button", { type: "button", class: "quiet", onclick, ...rest }, text);
    const save = () => {
      Lexicon.save("csv", rowsOf(session), ["ratings", data.model, data.dataset, ...(session.rater ? [session.rater] : [])]);
      session.unsaved = false;
    };
    const undo = () => { if (session.answers.pop()) ask(); };

    const answer = (given) => {
      const seconds = Math.round((performance.now() - session.shown) / 100) / 10;
      session.answers.push({ ...session.questions[session.answers.length], answer: given, seconds });
      session.unsaved = true;
      ask();
    };
    const choices = () => {
      const { first } = session.questions[session.answers.length];
      return { 1: first, 2: first === "label" ? "other" : "label", 3: "neither" };
    };
    const tools = () => el("p", { class: "tools" }, button("Back", undo, { disabled: !session.answers.length }),
      button("Save the answers", save, { disabled: !session.answers.length }),
      button("Stop", () => { if (!session.unsaved || window.confirm("Drop the answers that are not saved?")) { session = null; ask(); } }));

    const ask = () => {
      if (!session) return begin();
      const [done, all] = [session.answers.length, session.questions.length];
      if (done === all) return show("", el("h1", {}, `All ${integer(all)} are rated.`), el("p", { class: "lede" }, "Save the answers and put the file into the folder of answers."), tools());
      const question = session.questions[done];
      const { node } = labelling(session.comparison, session.set);
      const offered = choices();
      session.shown = performance.now();
      const option = (key) => el("button", { type: "button", class: "choice", "aria-keyshortcuts": key, onclick: () => answer(offered[key]) }, el("kbd", {}, key), " ", node(question[offered[key]]));
      return show(`${integer(done + 1)} of ${integer(all)}`, el("h1", {}, "Which one fits what is outlined in these images better?"), pictures(question.unit),
        el("div", { class: "choices" }, option("1"), option("2")),
        el("p", { class: "tools" }, el("button", { type: "button", class: "quiet", "aria-keyshortcuts": "3", onclick: () => answer("neither") },
          el("kbd", {}, "3"), " Neither, or both alike")), tools());
    };

    /* Ask who rates what. */
    const begin = () => {
      const set = setOf(state) || null;
      const offered = Object.keys(COMPARISONS).map((key) => [key, eligible(key, set, results)]).filter(([, found]) => found.length);
      if (!offered.length) return show("", el("p", { class: "notice" }, "No unit of the list has two labels to choose from."));
      const rater = el("input", { type: "text", maxlength: 60, autocomplete: "off" });
      const comparison = el("select", {}, offered.map(([key, found]) => el("option", { value: key }, `${COMPARISONS[key]} (${integer(found.length)} units)`)));
      const count = el("input", { type: "number", min: 1, max: results.length, required: true });
      const seed = el("input", { type: "number", min: 0, max: 999999, required: true });
      [count.value, seed.value] = [String(Math.min(N_UNITS, offered[0][1].length)), "0"];
      const start = (event) => {
        event.preventDefault();
        const found = offered.find(([key]) => key === comparison.value)[1];
        const chosen = { comparison: comparison.value, set, range: labelling(comparison.value, set).range, rater: rater.value.trim(), seed: Number(seed.value) };
        session = { ...chosen, questions: questions(chosen.comparison, set, { ...chosen, found, count: Number(count.value) }), answers: [], unsaved: false };
        ask();
      };
      return show("", el("h1", {}, "Rate labels"),
        el("p", { class: "lede" }, "You see the exemplars of units of the list without their names, and choose which of two labels fits them better. "
          + "Raters with the same order see the same units; the sides differ."),
        el("form", { class: "begin", onsubmit: start }, el("label", {}, "Labels ", comparison), el("label", {}, "Units ", count), el("label", {}, "Order ", seed),
          el("label", {}, "Your name or initials ", rater),
          el("button", { type: "submit", class: "quiet" }, "Start")));
    };

    page.addEventListener("keydown", (event) => {
      const plain = !event.ctrlKey && !event.metaKey && !event.altKey && !/^(INPUT|SELECT)$/.test(/** @type {Element} */ (event.target).tagName);
      if (plain && session && session.answers.length < session.questions.length && event.key in choices()) answer(choices()[event.key]);
    });
    ask();
    window.setTimeout(() => page.focus({ preventScroll: true }));
    return page;
  };
})();
