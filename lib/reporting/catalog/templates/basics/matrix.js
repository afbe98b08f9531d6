"use strict";

/* Counts of units by two properties, as a table of buttons: each shows the number of units that a click on it leaves. */
(() => {
  const { el, name, integer } = Lexicon;

  /**
   * `rows` and `columns` are labels, `level` is that of the heading; `cell(row, column)` gives {count, note, title, pressed, pick}, or null.
   * @param {Matrix} table
   * @returns {HTMLElement}
   */
  Lexicon.matrix = ({ title, note, rows, columns, cell, level = "h3" }) => {
    const cells = rows.map((_, row) => columns.map((__, column) => cell(row, column)));
    const most = Math.max(1, ...cells.flat().map((found) => (found ? found.count : 0)));
    const button = (found) => el("button", {
      type: "button", class: "cell", title: found.title, "aria-label": `${integer(found.count)}: ${found.title}`, "aria-pressed": String(found.pressed), disabled: !found.count && !found.pressed,
      style: `--share: ${(100 * found.count) / most}%`, onclick: found.pick,
    }, el("span", { class: "number" }, integer(found.count)), found.note ? el("small", {}, found.note) : null);
    return el("section", { class: "matrix" }, el(level, {}, title, " ", el("small", {}, note)),
      el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": title }, el("table", {},
        el("thead", {}, el("tr", {}, el("td", {}), columns.map((label) => el("th", { scope: "col" }, name(label))))),
        el("tbody", {}, rows.map((label, row) => el("tr", {}, el("th", { scope: "row" }, name(label)),
          cells[row].map((found) => el("td", {}, found ? button(found) : null))))))));
  };
})();
