"use strict";

/* How categories, IoUs, margins and verdicts are distributed over layers and ranges, of the units in the list. */
(() => {
  const { integer, matrix, setOf, rangeOf, literalsOf, limit, limitText, valueOf } = Lexicon;
  const data = window.LEXICON_DATA;
  const units = data.units;
  const EDGES = { iou: [0, 0.02, 0.04, 0.08, 0.12, 0.16, 0.2, 0.3, 0.4, 0.6, 1], margin: [0, 0.01, 0.03, 0.1, 0.3, 1, 3, null] };

  /* The bands between the edges, the first one open below, as limits of the filter. */
  const bands = (key) => EDGES[key].slice(1).map((high, place) => limit(key, place ? EDGES[key][place] : null, high));
  const bandLabels = (key) => EDGES[key].slice(1).map((high, place) => (high === null ? `> ${EDGES[key][place]}` : place ? `–${high}` : `≤ ${high}`));

  /* Number of the band of each value of a measure; -1 where there is none. */
  const bandOf = (key, value) => (value === null ? -1 : EDGES[key].slice(1).findIndex((high) => high === null || value <= high));

  const toggle = (list, value) => (list.includes(value) ? list.filter((other) => other !== value) : [...list, value]);
  const layers = data.layers.map((layer) => layer.name);
  const inLayer = (state, row) => state.layer === layers[row];
  const tally = (n_rows, n_columns) => Array.from({ length: n_rows }, () => new Array(n_columns).fill(0));

  const byLayer = (key, state, { results, places }, change) => {
    const set = setOf(state);
    const limits = bands(key);
    const counts = tally(layers.length, limits.length);
    for (const unit of results) {
      const band = bandOf(key, valueOf(set, key, unit, places[unit]));
      if (band >= 0) counts[units.layer[unit]][band] += 1;
    }
    const what = key === "iou" ? `range ${rangeOf(state)}` : "sentence before runner-up";
    return matrix({ title: key === "iou" ? "IoU by layer" : "Margin by layer", note: what, rows: layers, columns: bandLabels(key), cell: (row, column) => {
      const pressed = inLayer(state, row) && state.between.includes(limits[column]);
      return { count: counts[row][column], pressed, title: `${layers[row]}, ${limitText(limits[column])}`,
        pick: () => change({ layer: pressed ? "" : layers[row], between: pressed ? toggle(state.between, limits[column]) : [...new Set([...state.between, limits[column]])] }) };
    } });
  };

  /* Here each row is a range, so that a click chooses the range too. */
  const byRange = (state, change) => {
    const set = setOf(state);
    const limits = bands("iou");
    const counts = set.ranges.map((range) => {
      const { results, places } = Lexicon.select({ ...state, range, sort: "unit" });
      const found = new Array(limits.length).fill(0);
      for (const unit of results) if (places[unit] >= 0) found[bandOf("iou", set.iou[places[unit]])] += 1;
      return found;
    });
    return matrix({ title: "IoU by range", note: "a click chooses the range", rows: set.ranges, columns: bandLabels("iou"), cell: (row, column) => {
      const pressed = rangeOf(state) === set.ranges[row] && state.between.includes(limits[column]);
      return { count: counts[row][column], pressed, title: `range ${set.ranges[row]}, ${limitText(limits[column])}`,
        pick: () => change({ range: set.ranges[row], between: pressed ? toggle(state.between, limits[column]) : [...new Set([...state.between, limits[column]])] }) };
    } });
  };

  const categories = (state, { results, places }, change) => {
    const set = setOf(state);
    const columns = Lexicon.categoriesIn(set);
    const counts = tally(layers.length, columns.length);
    const concepts = layers.map(() => columns.map(() => new Set()));
    for (const unit of results) {
      if (places[unit] < 0) continue;
      const asserted = literalsOf(set, set.formula[places[unit]]).filter(({ negated }) => !negated).map(({ concept }) => concept);
      const own = new Set(asserted.map((concept) => set.categories[concept]));
      columns.forEach((category, column) => { if (own.has(category)) counts[units.layer[unit]][column] += 1; });
      for (const concept of asserted) concepts[units.layer[unit]][columns.indexOf(set.categories[concept])]?.add(concept);
    }
    return matrix({ title: "Categories by layer", note: `units whose formula of range ${rangeOf(state)} asserts one; below, distinct concepts`, rows: layers, columns, cell: (row, column) => {
      const pressed = inLayer(state, row) && state.categories.includes(columns[column]);
      const distinct = concepts[row][column].size;
      return { count: counts[row][column], pressed, note: distinct ? integer(distinct) : "", title: `${layers[row]}, category ${columns[column]}, ${distinct} distinct concepts`,
        pick: () => change({ layer: pressed ? "" : layers[row], categories: pressed ? toggle(state.categories, columns[column]) : [...new Set([...state.categories, columns[column]])] }) };
    } });
  };

  const detectors = (state, { results, places }, change) => {
    const set = setOf(state);
    const columns = Lexicon.categoriesIn(set, set.dissection.categories);
    const counts = tally(layers.length, columns.length);
    const concepts = layers.map(() => columns.map(() => new Set()));
    for (const unit of results) {
      const concept = Lexicon.detectedBy(set, places[unit]);
      const column = columns.indexOf(set.dissection.categories[concept]);
      if (column < 0) continue;
      counts[units.layer[unit]][column] += 1;
      concepts[units.layer[unit]][column].add(concept);
    }
    const note = `Network Dissection: units whose best single concept of range ${rangeOf(state)} has an IoU above ${data.explained_above}; below, unique ones`;
    return matrix({ title: "Detectors by layer", note, rows: layers, columns, cell: (row, column) => {
      const pressed = inLayer(state, row) && state.detects.includes(columns[column]);
      const unique = concepts[row][column].size;
      return { count: counts[row][column], pressed, note: unique ? integer(unique) : "", title: `${layers[row]}, category ${columns[column]}, ${unique} unique detectors`,
        pick: () => change({ layer: pressed ? "" : layers[row], detects: pressed ? [] : [columns[column]] }) };
    } });
  };

  const verdicts = (state, { results, places }, change) => {
    const set = setOf(state);
    const counts = tally(layers.length, data.verdicts.length);
    for (const unit of results) {
      const verdict = places[unit] < 0 ? -1 : set.verdict[places[unit]];
      if (verdict >= 0) counts[units.layer[unit]][verdict] += 1;
    }
    return matrix({ title: "Verdicts by layer", note: `range ${rangeOf(state)}`, rows: layers, columns: data.verdicts, cell: (row, column) => {
      const pressed = inLayer(state, row) && state.verdict === data.verdicts[column];
      return { count: counts[row][column], pressed, title: `${layers[row]}, ${data.verdicts[column]}`,
        pick: () => change(pressed ? { layer: "", verdict: "" } : { layer: layers[row], verdict: data.verdicts[column] }) };
    } });
  };

  /**
   * The tables of counts that the results have figures for.
   * @param {State} state
   * @param {Chosen} selection
   * @param {Change} change
   * @returns {HTMLElement[]}
   */
  Lexicon.distributions = (state, selection, change) => {
    const set = setOf(state);
    const found = set ? [...(set.dissection ? [detectors(state, selection, change)] : []), categories(state, selection, change), byLayer("iou", state, selection, change), byRange(state, change)] : [];
    if (Lexicon.measuresOf(set).some(([key]) => key === "margin")) found.push(byLayer("margin", state, selection, change));
    if (set && set.verdict) found.push(verdicts(state, selection, change));
    return found;
  };
})();
