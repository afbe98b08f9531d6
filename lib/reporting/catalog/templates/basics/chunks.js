"use strict";

/* Charts, tables and outlines of the units of a layer lie in files of `data.chunk` units, read when one comes into view. */
(() => {
  const { el } = Lexicon;
  const data = window.LEXICON_DATA;
  const waiting = new Map();
  window.LEXICON_CHUNKS = {};

  const first = [];
  data.units.layer.forEach((layer, unit) => { first[layer] ??= unit; });

  /* {chunk, row}: the file's content and the place of the unit in it. */
  Lexicon.details = (unit) => {
    const layer = data.units.layer[unit];
    const place = unit - first[layer];
    const key = `${layer}-${Math.floor(place / data.chunk)}`;
    if (!waiting.has(key)) {
      waiting.set(key, new Promise((resolve, reject) => {
        const script = el("script", { src: `units/${key}.js` });
        script.onload = () => resolve(window.LEXICON_CHUNKS[key]);
        script.onerror = () => reject(new Error(`units/${key}.js is missing`));
        document.head.append(script);
      }));
    }
    return waiting.get(key).then((chunk) => ({ chunk, row: place % data.chunk }));
  };

  Lexicon.layerName = (unit) => data.layers[data.units.layer[unit]].name;
  Lexicon.unitName = (unit) => `${Lexicon.layerName(unit)}/${data.units.unit[unit]}`;
})();
