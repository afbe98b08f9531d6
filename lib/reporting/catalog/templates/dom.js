"use strict";

/* Building blocks: elements, numbers, formulas. Data enters the page as text nodes and attributes only. */
const Lexicon = {};

(() => {
  const SVG = "http://www.w3.org/2000/svg";

  const fill = (node, attributes, children) => {
    for (const [name, value] of Object.entries(attributes || {})) {
      if (value === null || value === undefined || value === false) continue;
      if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
      else node.setAttribute(name, value === true ? "" : value);
    }
    node.append(...children.flat().filter((child) => child !== null && child !== undefined));
    return node;
  };

  Lexicon.el = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
  Lexicon.svg = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

  /* Names may hold any script or marks of direction: isolate them from the text around. */
  Lexicon.name = (text, attributes) => Lexicon.el("bdi", attributes, text);

  Lexicon.fixed = (value, digits = 3) => (value === null || value === undefined ? "–" : value.toFixed(digits).replace("-", "−"));
  Lexicon.percent = (value) => {
    if (value === null || value === undefined) return "–";
    return value > 0 && value < 0.005 ? "<1 %" : `${Math.round(100 * value)} %`;
  };
  Lexicon.integer = (value) => (value === null || value === undefined ? "–" : value.toLocaleString("en-US"));
  Lexicon.short = (value) => {
    if (value === null || value === undefined) return "–";
    const size = Math.abs(value);
    const text = size !== 0 && (size < 0.01 || size >= 1e5) ? value.toExponential(1) : String(Number(value.toPrecision(3)));
    return text.replace("-", "−");
  };

  const closesAtEnd = (text) => {
    let depth = 0;
    for (let i = 0; i < text.length; i += 1) {
      if (text[i] === "(") depth += 1;
      if (text[i] === ")") depth -= 1;
      if (depth === 0) return i === text.length - 1;
    }
    return false;
  };

  /* A formula with quiet operators and without its outermost pair of brackets; each concept is isolated from the rest. */
  Lexicon.formula = (text) => {
    const shown = text.startsWith("(") && closesAtEnd(text) ? text.slice(1, -1) : text;
    const node = Lexicon.el("span", { class: "formula", dir: "ltr" });
    const operator = (word) => Lexicon.el("i", { class: "op" }, word);
    for (const part of shown.split(/( OR | AND |\(NOT )/)) {
      if (part === " OR " || part === " AND ") node.append(" ", operator(part.trim().toLowerCase()), " ");
      else if (part === "(NOT ") node.append("(", operator("not"), " ");
      else {
        const opening = part.match(/^\(*/)[0];
        let concept = part.slice(opening.length);
        let closing = "";
        while (concept.endsWith(")") && concept.split(")").length > concept.split("(").length) {
          concept = concept.slice(0, -1);
          closing += ")";
        }
        node.append(opening, ...(concept ? [Lexicon.name(concept)] : []), closing);
      }
    }
    return node;
  };

  /* Colours follow the place of a range: top, then the clusters from low to high. */
  Lexicon.tone = (ranges, column) => {
    if (ranges[column] === "top") return "tone-top";
    const place = ranges.includes("top") ? column : column + 1;
    return `tone-${Math.min(5, Math.max(1, place))}`;
  };
})();
