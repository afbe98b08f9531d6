"use strict";

/* Charts, tables and outlines of the units of a layer lie in files of `data.chunk` units, read when one comes into view. */
(() => {
  const { el } = Lexicon;
  const data = window.LEXICON_DATA;
  const waiting = new Map();
  window.LEXICON_CHUNKS = {};

  const first = [];
  data.units.layer.forEach((layer, unit) => { first[layer] ??= unit; });

  /**
   * Read a script of the catalog, once.
   * @template T
   * @param {string} address
   * @param {() => T} content - what the script has assigned
   * @returns {Promise<T>}
   */
  Lexicon.read = (address, content) => {
    if (!waiting.has(address)) {
      waiting.set(address, new Promise((resolve, reject) => {
        const script = el("script", { src: address });
        script.onload = () => resolve(content());
        script.onerror = () => reject(new Error(`${address} is missing`));
        document.head.append(script);
      }));
    }
    return waiting.get(address);
  };

  /**
   * {chunk, row}: the file's content and the place of the unit in it.
   * @param {number} unit
   * @returns {Promise<{chunk: Chunk, row: number}>}
   */
  Lexicon.details = (unit) => {
    const layer = data.units.layer[unit];
    const place = unit - first[layer];
    const key = `${layer}-${Math.floor(place / data.chunk)}`;
    return Lexicon.read(`units/${key}.js`, () => window.LEXICON_CHUNKS[key]).then((chunk) => ({ chunk, row: place % data.chunk }));
  };

  /**
   * The name of the layer of a unit.
   * @param {number} unit
   * @returns {string}
   */
  Lexicon.layerName = (unit) => data.layers[data.units.layer[unit]].name;

  /**
   * The name of a unit: its layer and its number there.
   * @param {number} unit
   * @returns {string}
   */
  Lexicon.unitName = (unit) => `${Lexicon.layerName(unit)}/${data.units.unit[unit]}`;
})();
