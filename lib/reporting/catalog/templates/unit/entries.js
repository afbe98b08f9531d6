"use strict";

/* A unit as an entry of the list, and the parts that its page has too. */
(() => {
  const { el, name, formula, fixed, percent, tone, histogram, iouBar, details } = Lexicon;
  const data = window.LEXICON_DATA;

  /* Addresses of units end with the filter of the list that they are in; the list sets it. */
  Lexicon.filter = "";

  /**
   * The address of the units that speak of a topic.
   * @param {string} topic
   * @returns {string}
   */
  Lexicon.topicAddress = (topic) => `#?${new URLSearchParams({ topics: topic })}`;

  /**
   * The address of the page of a unit.
   * @param {number} unit
   * @returns {string}
   */
  Lexicon.address = (unit) => `#${encodeURIComponent(Lexicon.layerName(unit))}/${data.units.unit[unit]}${Lexicon.filter}`;

  /**
   * What is known of a unit in one range.
   * @param {ConceptSet} set
   * @param {number} unit
   * @param {number} column - of the range
   * @returns {Cell}
   */
  Lexicon.cell = (set, unit, column) => {
    const at = unit * set.ranges.length + column;
    const code = set.formulas[set.formula[at]];
    return {
      formula: code.length ? code : null,
      status: set.statuses[set.status[at]],
      iou: set.iou[at],
      decimals: set.decimals[at],
      coverage: set.coverage[at],
      optimal: Boolean(set.optimal[at]),
      verdict: set.verdict ? data.verdicts[set.verdict[at]] || null : null,
      support: set.support ? set.support[at] : null,
    };
  };

  const largest = new Map();
  const most = (set) => {
    if (!largest.has(set)) largest.set(set, set.iou.reduce((top, iou) => (iou > top ? iou : top), 0));
    return largest.get(set);
  };

  const bounds = (set, table, row) => set.ranges.map((_, column) => {
    const at = row * set.ranges.length + column;
    return [table.lower[at], table.upper[at]];
  });

  /**
   * The histogram of a unit, drawn when its file is read.
   * @param {ConceptSet} set
   * @param {number} unit
   * @param {{width: number, height: number, marks?: boolean | number[], pick?: (column: number) => void}} size - true marks the exemplars
   * @returns {HTMLElement}
   */
  Lexicon.chart = (set, unit, size) => {
    const place = el("div", { class: "chart" });
    details(unit).then(({ chunk, row }) => {
      const table = chunk.concept_sets[data.concept_sets.indexOf(set)];
      if (!table.counts[row].length) return;
      const values = { minimum: table.minimum[row], maximum: table.maximum[row], zeros: table.n_zero[row], counts: table.counts[row] };
      const marks = Array.isArray(size.marks) ? size.marks : size.marks ? chunk.activations[row] : [];
      place.append(histogram(values, set.ranges, bounds(set, table, row), { ...size, marks }));
    }, (error) => place.append(el("p", { class: "nothing" }, error.message)));
    return place;
  };

  const SCORE = "Score of the sentence: log p(sentence given exemplars) − T log p(sentence), or that of CLIP; only scores of one unit can be compared";
  const MARGIN = "Lead of the sentence's score over that of the second best sentence";

  /**
   * Name, status and score of a unit.
   * @param {number} unit
   * @param {keyof HTMLElementTagNameMap} tag
   * @returns {HTMLElement}
   */
  Lexicon.heading = (unit, tag) => {
    const status = data.units.status[unit];
    const score = data.units.score[unit];
    return el(tag, { class: "head" },
      el("a", { class: "unit", href: Lexicon.address(unit) }, name(Lexicon.layerName(unit), { class: "layer" }), el("b", {}, `/${data.units.unit[unit]}`)),
      status === "ok" ? null : el("span", { class: "status" }, name(status)),
      score === null ? null : el("span", { class: "score", title: SCORE }, `score ${fixed(score, 2)}`));
  };

  /**
   * The sentence of a unit, or why it has none.
   * @param {number} unit
   * @param {keyof HTMLElementTagNameMap} tag
   * @returns {HTMLElement}
   */
  Lexicon.sentence = (unit, tag) => {
    const text = data.units.description[unit];
    if (text) return el(tag, { class: "sentence", dir: "auto", title: text }, text);
    const status = data.units.status[unit];
    return el(tag, { class: "sentence none" }, status === "ok" ? "no sentence" : `no sentence: the unit is ${status}`);
  };

  /**
   * What people say of the unit, beside the sentence.
   * @param {number} unit
   * @returns {HTMLElement} null if there are none
   */
  Lexicon.annotations = (unit) => {
    const said = data.units.annotations ? data.units.annotations[unit] : [];
    return said.length ? el("ul", { class: "annotations", "aria-label": "People say" }, said.map((text) => el("li", { dir: "auto", title: text }, text))) : null;
  };

  /**
   * The topics that the unit speaks of, each a link to all units that do.
   * @param {number} unit
   * @returns {HTMLElement} null if there are none
   */
  Lexicon.topics = (unit) => {
    const own = data.units.topics ? data.units.topics[unit] : [];
    return own.length ? el("p", { class: "topics" }, "Speaks of ", own.flatMap((topic, at) => [at ? ", " : "", el("a", { href: Lexicon.topicAddress(topic) }, name(topic))])) : null;
  };

  /**
   * The second best sentence, and how far behind it is.
   * @param {number} unit
   * @returns {HTMLElement} null if there is none
   */
  Lexicon.rival = (unit) => {
    const [text, margin] = [data.units.runner_up[unit], data.units.margin[unit]];
    if (!text) return null;
    return el("p", { class: "rival" }, "before ", el("q", { dir: "auto" }, text), margin === null ? null
      : el("span", { title: MARGIN }, ` by a margin of ${Number(margin.toPrecision(2))}`));
  };

  const formulas = (set, unit, pick) => {
    const states = set.ranges.map((_, column) => Lexicon.cell(set, unit, column));
    if (!states.some((state) => state.formula)) {
      const reasons = [...new Set(states.map((state) => state.status).filter((status) => status))];
      return el("p", { class: "nothing" }, `no formula${reasons.length ? `: ${reasons.join(", ")}` : ""}`);
    }
    return el("ul", { class: "formulas" }, states.map((state, column) => {
      const key = tone(set.ranges, column);
      if (!state.formula) {
        return el("li", {}, name(set.ranges[column], { class: `range ${key}` }), iouBar(null, key, 0), el("span", { class: "number" }, "–"),
          el("span", { class: "why" }, state.status), el("span", { class: "number cover" }, ""));
      }
      const judged = state.verdict ? `\nEvidence: ${state.verdict}` : "";
      return el("li", { class: state.verdict, title: `IoU ${fixed(state.iou, state.decimals)}, covers ${percent(state.coverage)} of the range${judged}` },
        name(set.ranges[column], { class: `range ${key}` }), iouBar(state.iou, key, most(set)), el("span", { class: "number" }, fixed(state.iou, state.decimals)),
        formula(set, state.formula, { support: state.support, pick: pick && ((...literal) => pick(set, set.ranges[column], ...literal)) }),
        el("span", { class: "number cover" }, state.coverage === null ? "" : percent(state.coverage)));
    }));
  };

  /**
   * What the columns of the list mean.
   * @param {ConceptSet} set - or undefined
   * @returns {HTMLElement}
   */
  Lexicon.legend = (set) => el("div", { class: set ? "legend" : "legend plain" },
    el("span", {}, "Exemplars, best first; outlined where the unit is active"),
    el("div", {}, set ? [el("span", { class: "keys" }, el("span", {}, "Range"), el("span", { class: "scale" }, `IoU, bar to ${fixed(most(set), 2)}`),
      el("span", {}, "Formula"), el("span", { class: "number" }, "Covers")), Lexicon.categoryKeys(set)] : null),
    set ? el("span", {}, "Activations, logarithmic counts") : null);

  /**
   * One entry of the list; a click on a concept calls `pick(set, range, concept, negated)`.
   * @param {number} unit
   * @param {ConceptSet} set - or undefined
   * @param {PickLiteral} pick
   * @returns {HTMLElement}
   */
  Lexicon.entry = (unit, set, pick) => {
    const strip = el("a", { class: "open", href: Lexicon.address(unit), tabindex: "-1" }, Lexicon.exemplars(unit, false));
    const entry = el("article", { class: "entry", tabindex: "-1", "data-unit": unit, "aria-label": Lexicon.unitName(unit) }, strip,
      el("div", { class: "words" }, Lexicon.heading(unit, "h3"), Lexicon.sentence(unit, "p"), Lexicon.rival(unit), Lexicon.annotations(unit), Lexicon.topics(unit),
        set ? formulas(set, unit, pick) : null));
    const wide = window.innerWidth < 760 ? window.innerWidth - 32 : 240;
    if (set) entry.append(Lexicon.chart(set, unit, { width: wide, height: 140 }));
    else entry.classList.add("plain");
    return entry;
  };
})();
