"use strict";

/* The page of one unit. */
(() => {
  const { el, name, formula, fixed, percent, integer, short, tone, address, cell, details } = Lexicon;
  const data = window.LEXICON_DATA;

  const MEASURE_NAMES = {
    activation_coverage: ["Covers", "share of the activation range that the formula covers"],
    detection_accuracy: ["Accuracy", "share of the formula's pixels that lie in the range"],
    samples_coverage: ["Samples", "of the images with the formula, the share where both meet"],
    explanation_coverage: ["Images", "of the images with the range, the share where both meet"],
    avg_segmentation_size: ["Formula size", "mean share of an image that the formula fills"],
    avg_activation_size: ["Range size", "mean share of an image that the range fills"],
    avg_overlapping: ["Overlap", "mean share of an image that both fill"],
    avg_overlapping_activation_size: ["Size if met", "mean share of an image that the range fills where both meet"],
    label_masking: ["Masking", "likeness of the unit's maps when only the formula's pixels are left"],
  };

  const known = (set, key) => (set[key] ? (at) => set[key][at] : () => null);

  /**
   * Columns of the evidence: title, meaning, text.
   * @type {[string, string, (set: ConceptSet, at: number, state: Cell) => string][]}
   */
  const EVIDENCE = [
    ["Verdict", "supported, partly, chance or untested", (set, at, state) => state.verdict || "–"],
    ["Chance", "mean IoU of the best formula on shuffled images, and the false discovery rate",
      (set, at) => (known(set, "q_value")(at) === null ? "–" : `${fixed(set.chance_level[at])}, q ${short(set.q_value[at])}`)],
    ["Unseen", "IoU on images that the search did not see, with its 95 % interval",
      (set, at) => (known(set, "iou_unseen")(at) === null ? "–" : `${fixed(set.iou_unseen[at])} (${fixed(set.iou_unseen_low[at])} to ${fixed(set.iou_unseen_high[at])})`)],
    ["Stable", "share of bootstrap replicates that give the same formula", (set, at) => percent(known(set, "share")(at))],
  ];

  const metricsTable = (set, table, { row, unit, pick, explore }) => {
    // label masking is measured on request
    const measures = data.measures.filter((key) => table[key].some((value) => value !== null));
    const evidence = set.verdict ? EVIDENCE : [];
    const head = el("tr", {}, ["Range", "From", "To", "Activations", "Formula", "IoU", "Bound"].map((text) => el("th", { scope: "col" }, text)),
      evidence.map(([text, title]) => el("th", { scope: "col", title }, text)),
      measures.map((key) => el("th", { scope: "col", title: (MEASURE_NAMES[key] || [])[1] }, (MEASURE_NAMES[key] || [key])[0])));
    const body = set.ranges.map((range, column) => {
      const at = row * set.ranges.length + column;
      const state = cell(set, unit, column);
      const open = state.formula || table.lower[at] !== null ? "∞" : "–";
      const limit = table.iou_upper_bound[at];
      const bound = !state.formula || limit === null ? "–" : state.optimal ? "optimal" : `≤ ${fixed(limit)}`;
      return el("tr", { class: state.verdict }, el("th", { scope: "row" }, state.formula
        ? el("button", { type: "button", class: "explore", "data-column": column, "aria-pressed": "false", onclick: () => explore(column) },
          name(range, { class: `range ${tone(set.ranges, column)}` }))
        : name(range, { class: `range ${tone(set.ranges, column)}` })),
      el("td", {}, short(table.lower[at])), el("td", {}, table.upper[at] === null ? open : short(table.upper[at])),
      el("td", {}, integer(table.n_activations[at])),
      el("td", { class: "text" }, state.formula
        ? formula(set, state.formula, { support: state.support, pick: (...literal) => pick(set, range, ...literal), tab: true })
        : el("span", { class: "why" }, state.status || "–")),
      el("td", {}, el("b", {}, fixed(state.iou, state.decimals))), el("td", {}, bound),
      evidence.map(([, , show]) => el("td", {}, show(set, unit * set.ranges.length + column, state))),
      measures.map((key) => el("td", {}, /size|overlapping$|masking$/.test(key) ? fixed(table[key][at]) : percent(table[key][at]))));
    });
    return el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": `Metrics, concepts ${set.name}` },
      el("table", {}, el("thead", {}, head), el("tbody", {}, body)));
  };

  const share = (unit) => {
    const link = el("input", { type: "text", readonly: true, "aria-label": "Link to this unit in this list" });
    link.value = `${data.address ?? window.location.href.split("#")[0]}${address(unit)}`;
    const copy = el("button", { type: "button", class: "quiet", onclick: () => {
      link.select();
      const done = () => { copy.textContent = "Copied"; };
      if (navigator.clipboard) navigator.clipboard.writeText(link.value).then(done, () => document.execCommand("copy") && done());
      else if (document.execCommand("copy")) done();
    } }, "Copy link");
    return el("p", { class: "share" }, link, copy);
  };

  /* Show the images and the evidence of a range whose name or band in the histogram is clicked; at first those of `wanted`. */
  const exploring = (section, place, { unit, chunk, row, wanted }) => {
    const set = data.concept_sets[place];
    const images = chunk.range_images[place];
    const bounds = chunk.concept_sets[place].iou_upper_bound;
    const shown = el("div", {});
    section.querySelector(".place").before(shown);
    const explore = (column) => {
      const state = cell(set, unit, column);
      if (!state.formula) return;
      const shownFormula = formula(set, state.formula);
      shown.replaceChildren(
        images ? Lexicon.explorer(place, images[row][column], { range: set.ranges[column], tone: tone(set.ranges, column), formula: shownFormula })
        : el("p", { class: "explored" }, name(set.ranges[column], { class: `range ${tone(set.ranges, column)}` }), " and ", shownFormula),
        Lexicon.trust(set, unit, column, bounds[row * set.ranges.length + column]));
      section.querySelectorAll("[data-column]").forEach((node) => node.setAttribute("aria-pressed", String(Number(node.dataset.column) === column)));
    };
    const first = () => {
      const ious = set.ranges.map((_, column) => cell(set, unit, column).iou ?? -1);
      const column = set.ranges.indexOf(wanted);
      explore(column >= 0 && ious[column] >= 0 ? column : ious.indexOf(Math.max(...ious)));
    };
    return { explore, first };
  };

  /**
   * `place` is "3 of 120" in the list that the unit was opened from; a click on a concept calls `pick`.
   * @param {number} unit
   * @param {PageOptions} options
   * @returns {HTMLElement}
   */
  Lexicon.page = (unit, { back, previous, next, place, pick, range }) => {
    const turn = (to, text, label) => (to === null ? el("span", { class: "turn off", "aria-hidden": "true" }, text)
      : el("a", { class: "turn", href: address(to), "aria-label": label }, text));
    const strip = Lexicon.exemplars(unit, true);
    const wide = Math.max(300, Math.min(1090, window.innerWidth - 40));
    const explorers = new Map();
    const sets = data.concept_sets.map((set) => el("section", { class: "set" }, el("h2", {}, "Concepts ", name(set.name)), Lexicon.categoryKeys(set),
      Lexicon.chart(set, unit, { width: wide, height: 190, marks: true, pick: (column) => explorers.get(set)?.explore(column) }),
      el("div", { class: "place" })));
    const similar = el("div", {});
    const page = el("article", { class: "page" },
      el("nav", { class: "trail", "aria-label": "Units" }, el("a", { href: back }, "← All units"), el("button", { type: "button", class: "quiet masks" }, "Masks"),
        Lexicon.help(), el("span", { class: "where" }, place),
        turn(previous, "‹ Previous", "Previous unit"), turn(next, "Next ›", "Next unit")),
      Lexicon.heading(unit, "p"), Lexicon.sentence(unit, "h1"), Lexicon.rival(unit), Lexicon.truths(unit), Lexicon.annotations(unit), Lexicon.topics(unit), strip, sets, similar, share(unit));
    details(unit).then(({ chunk, row }) => {
      sets.forEach((section, number) => {
        const set = data.concept_sets[number];
        explorers.set(set, exploring(section, number, { unit, chunk, row, wanted: range }));
        const explore = explorers.get(set)?.explore;
        section.querySelector(".place").replaceWith(metricsTable(set, chunk.concept_sets[number], { row, unit, pick, explore }));
        explorers.get(set)?.first();
        if (chunk.labels?.[number][row]) section.append(Lexicon.labels(number, chunk.labels[number][row]));
      });
      if (chunk.neighbours) similar.replaceWith(Lexicon.similar(unit, chunk.neighbours[row], chunk.group[row]));
      strip.querySelectorAll(".zoom").forEach((button, rank) => {
        const activation = chunk.activations[row][rank];
        const chart = (mark) => (data.concept_sets.length ? Lexicon.chart(data.concept_sets[0], unit, { width: 460, height: 150, marks: [mark] }) : null);
        button.addEventListener("click", () => Lexicon.view(unit, rank, { mask: chunk.masks[row][rank], activation, id: chunk.ids[row][rank], chart }));
      });
      strip.querySelectorAll("figcaption").forEach((caption, rank) => {
        if (chunk.ids[row][rank] === undefined) return;
        const number = chunk.ids[row][rank];
        caption.append(el("b", {}, short(chunk.activations[row][rank])), number < 0 ? "" : ` image ${number}`);
      });
    }, () => {});
    return page;
  };
})();
