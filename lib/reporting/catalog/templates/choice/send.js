"use strict";

/* Rows as files, and the units in the list as rows. */
(() => {
  const { el, tableText, measuresOf, valueOf, layerName } = Lexicon;
  const data = window.LEXICON_DATA;
  const units = data.units;

  /* One object a unit: its numbers are those of the chosen range. */
  const rowsOf = (set, range, { results, places }) => {
    const measures = measuresOf(set).map(([key]) => key);
    return results.map((unit) => {
      const place = places[unit];
      const of = (value) => (set && place >= 0 ? value(place) : null);
      const row = { layer: layerName(unit), unit: units.unit[unit], status: units.status[unit], description: units.description[unit], runner_up: units.runner_up[unit] };
      if (set) {
        Object.assign(row, { concepts: set.name, range: of((at) => set.ranges[at % set.ranges.length]) ?? range, formula: of((at) => tableText(set, set.formula[at])) ?? "" });
        if (set.verdict) row.verdict = of((at) => data.verdicts[set.verdict[at]] ?? null);
        row.optimal = of((at) => Boolean(set.optimal[at]));
      }
      for (const key of measures) row[key] = valueOf(set, key, unit, place);
      return row;
    });
  };

  /* A cell as spreadsheets read it: quoted if need be, and never the beginning of a formula of theirs. */
  const cell = (value) => {
    if (value === null) return "";
    if (typeof value === "number" || typeof value === "boolean") return String(value);
    const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const asCsv = (rows) => [Object.keys(rows[0] || {}), ...rows.map((row) => Object.values(row).map(cell))].map((line) => line.join(",")).join("\n");

  const plain = (value) => value.replace(/[^\p{L}\p{N}.~-]+/gu, "_").slice(0, 60);

  /**
   * Save rows, which have the same keys, as `csv` or `json`; the name of the file is made of these parts.
   * @param {string} kind - `csv` or `json`
   * @param {Row[]} rows
   * @param {string[]} parts
   */
  Lexicon.save = (kind, rows, parts) => {
    const text = kind === "csv" ? asCsv(rows) : JSON.stringify(rows, null, 1);
    const address = URL.createObjectURL(new Blob([`${text}\n`], { type: kind === "csv" ? "text/csv" : "application/json" }));
    el("a", { href: address, download: `${parts.map(plain).join("-")}.${kind}` }).click();
    setTimeout(() => URL.revokeObjectURL(address), 60000);
  };

  /**
   * Save the list.
   * @param {string} kind - `csv` or `json`
   * @param {ConceptSet} set - or undefined
   * @param {string} range
   * @param {Chosen} selection
   */
  Lexicon.send = (kind, set, range, selection) => Lexicon.save(kind, rowsOf(set, range, selection), [data.model, data.dataset]);
})();
