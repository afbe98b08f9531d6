"use strict";

/* Which units fit a filter: sentences by whole words, concepts by their exact names, both within the chosen range. */
(() => {
  const { literalsOf, assertedOf, unitName, layerName } = Lexicon;
  const data = window.LEXICON_DATA;
  const units = data.units;

  /**
   * The chosen concept set, or the first.
   * @param {Partial<State>} state
   * @returns {ConceptSet} undefined if the catalog has none
   */
  Lexicon.setOf = (state) => data.concept_sets.find((set) => set.name === state.concepts) || data.concept_sets[0];

  /**
   * The strongest activations are the default: the range `top`, or else the highest cluster.
   * @param {Partial<State>} state
   * @returns {string}
   */
  Lexicon.rangeOf = (state) => {
    const set = Lexicon.setOf(state);
    if (!set) return "";
    if (state.range === "best" || set.ranges.includes(state.range)) return state.range;
    return set.ranges.includes("top") ? "top" : set.ranges[set.ranges.length - 1];
  };

  /* Place of each unit's range in the columns of the set: the chosen range, or the one of largest IoU; -1 if no range has
     a formula. */
  const placesOf = (set, range) => {
    const places = new Int32Array(units.unit.length).fill(-1);
    if (!set) return places;
    const width = set.ranges.length;
    const only = set.ranges.indexOf(range);
    for (let unit = 0; unit < places.length; unit += 1) {
      for (let column = Math.max(0, only); column < (only < 0 ? width : only + 1); column += 1) {
        const at = unit * width + column;
        if (set.iou[at] !== null && (places[unit] < 0 || set.iou[at] > set.iou[places[unit]])) places[unit] = at;
      }
    }
    return places;
  };

  const words = (text) => ` ${text.toLowerCase().split(/[^\p{L}\p{N}\p{M}]+/u).filter((word) => word).join(" ")} `;
  /* Words of a sentence, taken apart when they are first asked for; many units have the same sentence. */
  const known = new Map();
  const sentenceOf = (unit) => {
    const text = units.description[unit];
    if (!known.has(text)) known.set(text, words(text));
    return known.get(text);
  };
  const annotations = (units.annotations || []).map((said) => said.map(words));

  /* Concepts by each spelling: as in the tables, as people read them, and without or with the category. */
  const spellings = new Map();
  const spellingsOf = (set) => {
    if (!spellings.has(set)) {
      const found = new Map();
      set.names.forEach((name, concept) => {
        const [shown, category] = [set.shown[concept], set.categories[concept]];
        const stem = category && shown.endsWith(` (${category})`) ? shown.slice(0, -category.length - 3) : shown;
        for (const text of new Set([name, shown, stem, `${stem} (${category})`].map((spelling) => spelling.toLowerCase().replace(/\s+/g, " ")))) {
          found.set(text, [...(found.get(text) || []), concept]);
        }
      });
      spellings.set(set, found);
    }
    return spellings.get(set);
  };

  /* The terms of a query: words, phrases in quotes, names of concepts (also of several words), each perhaps after `not`. */
  const parse = (query, set) => {
    const known = set ? spellingsOf(set) : new Map();
    const tokens = [...query.toLowerCase().matchAll(/"([^"]*)"?|[^\s"]+/g)]
      .map(([all, quoted]) => ({ text: quoted === undefined ? all : quoted.replace(/\s+/g, " ").trim(), quoted: quoted !== undefined }));
    const terms = [];
    for (let at = 0; at < tokens.length; at += 1) {
      const negated = !tokens[at].quoted && tokens[at].text === "not" && at + 1 < tokens.length;
      if (negated) at += 1;
      let [text, end] = [tokens[at].text, at];
      if (!tokens[at].quoted) {
        for (let last = Math.min(tokens.length - 1, at + 7); last > at; last -= 1) {
          const several = tokens.slice(at, last + 1);
          const joined = several.map((token) => token.text).join(" ");
          if (several.some((token) => token.quoted) || !known.has(joined)) continue;
          [text, end] = [joined, last];
          break;
        }
      }
      at = end;
      if (text) terms.push({ text, negated, words: words(text).trim(), concepts: new Set(known.get(text) || []) });
    }
    return terms;
  };

  const holds = (term, unit, found) => {
    if (found.some(({ concept, negated }) => negated === term.negated && term.concepts.has(concept))) return true;
    if (term.negated) return false;
    if (term.text === unitName(unit).toLowerCase() || term.text === layerName(unit).toLowerCase()) return true;
    // a term of punctuation alone has no words
    if (!term.words) return units.description[unit].toLowerCase().includes(term.text);
    const own = annotations[unit] || [];
    return [sentenceOf(unit), ...own].some((text) => text.includes(` ${term.words} `));
  };

  const verdictOf = (set, place) => {
    const number = place < 0 || !set || !set.verdict ? -1 : set.verdict[place];
    return number < 0 ? data.verdicts.length : number;
  };

  /**
   * The single concept that a unit detects in its range, as Network Dissection counts.
   * @param {ConceptSet} set
   * @param {number} place row of the unit and range
   * @returns {number} its number in `dissection`; -1 if none
   */
  Lexicon.detectedBy = (set, place) => (place >= 0 && set.dissection && set.dissection.iou[place] > data.explained_above ? set.dissection.concept[place] : -1);

  /** @type {{[key: string]: (by: any) => (a: number, b: number) => number}} */
  const order = {
    surprise: ({ set, places }) => {
      const found = Lexicon.surprises(set, places);
      return (a, b) => found[b] - found[a];
    },
    verdict: ({ iou, verdict }) => (a, b) => verdict(a) - verdict(b) || iou(b) - iou(a),
    description: () => (a, b) => {
      const [x, y] = [units.description[a], units.description[b]];
      return Number(!x) - Number(!y) || (x < y ? -1 : x > y ? 1 : 0);
    },
  };

  /* By a measure, good values first and unknown ones last. */
  const byMeasure = (key, value) => {
    const sign = Lexicon.MEASURES[key].small ? 1 : -1;
    return (a, b) => {
      const [x, y] = [value(key, a), value(key, b)];
      return x === null || y === null ? Number(x === null) - Number(y === null) : sign * (x - y);
    };
  };

  /**
   * The units that fit, and how many there would be after one more click: `layers[i]` of layer i above the IoU from which
   * a unit counts as explained, whatever layer is chosen now; `concepts` as {concept, count} with each asserted concept.
   * @param {State} state
   * @returns {Chosen}
   */
  Lexicon.select = (state) => {
    const set = Lexicon.setOf(state);
    const places = placesOf(set, Lexicon.rangeOf(state));
    const terms = parse(state.q, set);
    const numbers = new Map(set ? set.names.map((name, concept) => [name, concept]) : []);
    /** @type {[("asserts" | "negates"), boolean][]} */
    const signs = [["asserts", false], ["negates", true]];
    const wanted = signs.flatMap(([key, negated]) => state[key].map((name) => ({ concept: numbers.get(name), negated })));
    const spoken = state.words.map((word) => words(word).trim());
    const layer = data.layers.findIndex((item) => item.name === state.layer);
    const verdict = data.verdicts.indexOf(state.verdict);
    const above = state.iou === "" ? -1 : Number(state.iou);
    const iou = (unit) => (places[unit] < 0 ? -1 : set.iou[places[unit]]);
    const value = (key, unit) => Lexicon.valueOf(set, key, unit, places[unit]);
    const limits = state.between.map(Lexicon.readLimit).filter((limit) => limit);
    const within = ({ key, low, high }, unit) => { const found = value(key, unit); return found !== null && found > low && found <= high; };
    const proved = (unit) => places[unit] >= 0 && Boolean(set.optimal[places[unit]]);
    const results = [];
    const layers = data.layers.map(() => 0);
    const concepts = new Map();
    for (let unit = 0; unit < units.unit.length; unit += 1) {
      if (!state.topics.every((topic) => units.topics?.[unit].includes(topic))) continue;
      if (!spoken.every((word) => word && sentenceOf(unit).includes(` ${word} `))) continue;
      if (state.status && units.status[unit] !== state.status) continue;
      if (iou(unit) <= above && above >= 0) continue;
      if (!limits.every((limit) => within(limit, unit))) continue;
      if (state.proved && (places[unit] < 0 || proved(unit) !== (state.proved === "yes"))) continue;
      if (verdict >= 0 && verdictOf(set, places[unit]) !== verdict) continue;
      const found = places[unit] < 0 ? [] : literalsOf(set, set.formula[places[unit]]);
      if (!wanted.every((one) => found.some(({ concept, negated }) => concept === one.concept && negated === one.negated))) continue;
      if (!state.categories.every((category) => found.some(({ concept, negated }) => !negated && set.categories[concept] === category))) continue;
      if (!state.detects.every((category) => set.dissection?.categories[Lexicon.detectedBy(set, places[unit])] === category)) continue;
      if (!terms.every((term) => holds(term, unit, found))) continue;
      if (iou(unit) > data.explained_above) layers[units.layer[unit]] += 1;
      if (state.layer && units.layer[unit] !== layer) continue;
      results.push(unit);
      for (const concept of places[unit] < 0 ? [] : assertedOf(set, set.formula[places[unit]])) {
        concepts.set(concept, (concepts.get(concept) || 0) + 1);
      }
    }
    if (Object.hasOwn(Lexicon.MEASURES, state.sort)) results.sort(byMeasure(state.sort, value));
    else if (order[state.sort] && (set || state.sort === "description")) results.sort(order[state.sort]({ set, places, iou, verdict: (unit) => verdictOf(set, places[unit]) }));
    const counted = [...concepts].map(([concept, count]) => ({ concept, count }));
    counted.sort((a, b) => b.count - a.count || (set.shown[a.concept] < set.shown[b.concept] ? -1 : 1));
    return { results, layers, concepts: counted, places };
  };
})();
