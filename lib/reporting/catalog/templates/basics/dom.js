"use strict";

/* Building blocks: elements and numbers. Data enters the page as text nodes and attributes only. */
/** @type {LexiconModules} */
const Lexicon = /** @type {any} */ ({});

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

  /**
   * Make an HTML element.
   * @template {keyof HTMLElementTagNameMap} K
   * @param {K} tag
   * @param {Attributes} attributes - false, null and undefined leave one out; `on…` adds a listener
   * @param {...Child} children - null and undefined are left out
   * @returns {HTMLElementTagNameMap[K]}
   */
  Lexicon.el = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);

  /**
   * Make an SVG element.
   * @template {keyof SVGElementTagNameMap} K
   * @param {K} tag
   * @param {Attributes} attributes
   * @param {...Child} children - null and undefined are left out
   * @returns {SVGElementTagNameMap[K]}
   */
  Lexicon.svg = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

  /**
   * Names may hold any script or marks of direction: isolate them from the text around.
   * @param {string} text
   * @param {Attributes} [attributes]
   * @returns {HTMLElement}
   */
  Lexicon.name = (text, attributes) => Lexicon.el("bdi", attributes, text);

  /**
   * Opens the glossary.
   * @returns {HTMLButtonElement}
   */
  Lexicon.help = () => Lexicon.el("button", { type: "button", class: "quiet help", "aria-haspopup": "dialog" }, "Glossary");

  /**
   * A number with a fixed number of decimals.
   * @param {number} value - or null
   * @param {number} [digits]
   * @returns {string}
   */
  Lexicon.fixed = (value, digits = 3) => (value === null || value === undefined ? "–" : value.toFixed(digits).replace("-", "−"));

  /**
   * Neither 0 % nor 100 % is the result of rounding.
   * @param {number} value - a share, or null
   * @returns {string}
   */
  Lexicon.percent = (value) => {
    if (value === null || value === undefined) return "–";
    if (value > 0 && value < 0.005) return "<1 %";
    return value >= 0.995 && value < 1 ? `${Math.floor(1000 * value) / 10} %` : `${Math.round(100 * value)} %`;
  };

  /**
   * A whole number with separators of thousands.
   * @param {number} value - or null
   * @returns {string}
   */
  Lexicon.integer = (value) => (value === null || value === undefined ? "–" : value.toLocaleString("en-US"));

  /**
   * A number with three digits.
   * @param {number} value - or null
   * @returns {string}
   */
  Lexicon.short = (value) => {
    if (value === null || value === undefined) return "–";
    const size = Math.abs(value);
    const text = size !== 0 && (size < 0.01 || size >= 1e5) ? value.toExponential(1) : String(Number(value.toPrecision(3)));
    return text.replace("-", "−");
  };

  /**
   * Colours follow the place of a range: top, then the clusters from low to high.
   * @param {string[]} ranges - names of all ranges of the set
   * @param {number} column - place of the range
   * @returns {string} class
   */
  Lexicon.tone = (ranges, column) => {
    if (ranges[column] === "top") return "tone-top";
    const place = ranges.includes("top") ? column : column + 1;
    return `tone-${Math.min(5, Math.max(1, place))}`;
  };
})();
