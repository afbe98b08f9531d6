"use strict";

/* The head of the page: key figures of all units, and bars that narrow the list to as many units as they say. */
(() => {
  const { el, name, percent, integer, fixed, bar, setOf, rangeOf } = Lexicon;
  const data = window.LEXICON_DATA;
  const units = data.units;
  const N_CONCEPTS = 12;

  const median = (values) => {
    const sorted = values.filter((value) => value >= 0).sort((a, b) => a - b);
    const middle = Math.floor(sorted.length / 2);
    if (!sorted.length) return null;
    return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  };

  /* IoUs in the chosen range (-1 where there is none): of all units, and of each layer. */
  const known = new Map();
  const iousOf = (state, places) => {
    const set = setOf(state);
    const key = `${set.name}\n${rangeOf(state)}`;
    if (!known.has(key)) {
      const all = Array.from(places, (place) => (place < 0 ? -1 : set.iou[place]));
      const layers = data.layers.map(() => []);
      all.forEach((iou, unit) => layers[units.layer[unit]].push(iou));
      known.set(key, { all, layers });
    }
    return known.get(key);
  };

  const what = (state) => (rangeOf(state) === "best" ? "best range" : `range ${rangeOf(state)}`);

  /**
   * The key figures of all units.
   * @param {State} state
   * @param {Chosen} selection
   * @returns {HTMLElement[]}
   */
  Lexicon.figures = (state, { places }) => {
    const figure = (value, text, title) => el("div", { title }, el("dt", {}, text), el("dd", {}, value));
    const share = (count, total, text) => figure(percent(count / total), text, `${integer(count)} of ${integer(total)}`);
    const found = [figure(integer(units.unit.length), "units"), figure(integer(data.layers.length), data.layers.length === 1 ? "layer" : "layers")];
    if (setOf(state)) {
      const { all } = iousOf(state, places);
      found.push(share(all.filter((iou) => iou > data.explained_above).length, all.length, `above IoU ${data.explained_above}, ${what(state)}`),
        figure(fixed(median(all)), `median IoU, ${what(state)}`));
    }
    found.push(share(units.description.filter((text) => text).length, units.unit.length, "with a sentence"));
    for (const topic of [...new Set((units.topics || []).flat())].sort()) {
      const count = units.topics.filter((own) => own.includes(topic)).length;
      found.push(figure(el("a", { href: Lexicon.topicAddress(topic) }, integer(count)), ["speak of ", name(topic)]));
    }
    const idle = units.status.filter((status) => status !== "ok").length;
    if (idle) found.push(figure(integer(idle), "without response"));
    return found;
  };

  /* A bar that is a button; its number is the number of units after a click. */
  const button = ({ label, kind = "", share, tick, count, title, pressed, pick }) => el("button", { type: "button", title, "aria-pressed": String(pressed), onclick: pick },
    el("span", { class: "bar-name" }, name(label, { class: kind })), bar(share, tick), el("span", { class: "number" }, integer(count)));

  /**
   * Layers with the number of units that a click on one leaves.
   * @param {State} state
   * @param {Chosen} selection
   * @param {Change} change
   * @returns {HTMLElement}
   */
  Lexicon.layerBars = (state, selection, change) => {
    const ious = iousOf(state, selection.places).layers;
    const above = String(Math.max(Number(state.iou), data.explained_above));
    return el("div", { class: "bars" }, data.layers.map((layer, number) => {
      const [count, middle] = [selection.layers[number], median(ious[number])];
      const pressed = state.layer === layer.name && Number(state.iou) >= data.explained_above;
      const title = `${layer.name}: ${count} of ${ious[number].length} units fit and are above IoU ${above} in the ${what(state)}; median IoU of all ${fixed(middle)}`;
      return button({ label: layer.name, share: count / ious[number].length, tick: middle, count, title, pressed,
        pick: () => change(pressed ? { layer: "", iou: Number(state.iou) > data.explained_above ? state.iou : "" } : { layer: layer.name, iou: above }) });
    }));
  };

  /**
   * The most frequent concepts with the number of units that a click on one leaves.
   * @param {State} state
   * @param {Chosen} selection
   * @param {Change} change
   * @returns {HTMLElement}
   */
  Lexicon.conceptBars = (state, selection, change) => {
    const set = setOf(state);
    const shown = selection.concepts.slice(0, N_CONCEPTS);
    if (!shown.length) return el("p", { class: "nothing" }, "none");
    return el("div", { class: "bars" }, shown.map(({ concept, count }) => {
      const pressed = state.asserts.includes(set.names[concept]);
      const others = state.asserts.filter((text) => text !== set.names[concept]);
      const category = set.categories[concept];
      return button({ label: set.shown[concept], kind: `chip ${Lexicon.categoryClass(set, category)}`, share: count / selection.results.length, tick: null, count, pressed,
        title: `${count} of these units have ${set.shown[concept]}${category ? ` (${category})` : ""} in the formula of the ${what(state)}`,
        pick: () => change({ asserts: pressed ? others : [...others, set.names[concept]] }) });
    }));
  };
})();
