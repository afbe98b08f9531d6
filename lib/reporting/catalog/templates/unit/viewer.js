"use strict";

/* One exemplar in its stored resolution, over the page: veil and outline, its activation in the histogram, and the other units
   that the image excites. */
(() => {
  const { el, name, short, address, unitName, layerName } = Lexicon;
  const data = window.LEXICON_DATA;
  const units = data.units;

  /* Units that have the image among their exemplars, by its number. */
  let exciting = null;
  const excitedBy = (image) => {
    if (!exciting) {
      exciting = new Map();
      units.images.forEach((images, unit) => { for (const number of new Set(images)) exciting.set(number, [...(exciting.get(number) || []), unit]); });
    }
    return exciting.get(image) || [];
  };

  /**
   * `rank` is the place of the exemplar, `mask` its outline; `chart(activation)` gives the histogram with a mark there.
   * @param {number} unit
   * @param {number} rank
   * @param {{mask?: string, activation: number, id?: number, chart: (mark: number) => Node}} exemplar - `id` is the number of the image
   */
  Lexicon.view = (unit, rank, { mask, activation, id, chart }) => {
    const size = data.layers[units.layer[unit]];
    const image = units.images[unit][rank];
    const picture = Lexicon.picture(image, size, `Exemplar ${rank + 1} of ${unitName(unit)}: ${units.description[unit] || "no sentence"}`);
    if (mask !== undefined) picture.append(Lexicon.overlay(size, { veil: mask, outlines: [{ path: mask, kind: "mask" }] }));
    const set = (share) => picture.style.setProperty("--opacity", share);
    const slider = el("input", { type: "range", min: 0, max: 1, step: 0.05, "aria-label": "Opacity of the veil", oninput: () => set(slider.value) });
    slider.value = String(data.opacity);
    const outline = el("input", { type: "checkbox", checked: true, onchange: () => picture.classList.toggle("bare", !outline.checked) });
    const others = excitedBy(image).filter((other) => other !== unit);
    const dialog = el("dialog", { class: "viewer", "aria-label": `Exemplar ${rank + 1} of ${unitName(unit)}` },
      el("form", { method: "dialog", class: "head" }, el("b", {}, name(`${unitName(unit)}`), `, exemplar ${rank + 1}`), el("button", { class: "quiet" }, "Close")),
      el("div", { class: "stage", style: `--side: ${size.width}px` }, picture),
      el("p", { class: "tools" }, el("label", {}, "Veil ", slider), el("label", {}, outline, " Outline")),
      el("p", { class: "said" }, el("b", {}, `Activation ${short(activation)}`), id === undefined || id < 0 ? "" : `, image ${id}`), chart(activation),
      el("h2", {}, others.length ? `Also an exemplar of ${others.length} ${others.length === 1 ? "unit" : "units"}` : "An exemplar of no other unit"),
      el("ul", { class: "others" }, others.slice(0, 60).map((other) => el("li", {},
        el("a", { href: address(other), onclick: () => dialog.close() }, name(`${layerName(other)}/${units.unit[other]}`)), " ", el("span", { dir: "auto" }, units.description[other])))));
    dialog.addEventListener("close", () => dialog.remove());
    dialog.addEventListener("keydown", (event) => event.stopPropagation());
    dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
    document.body.append(dialog);
    dialog.showModal();
  };
})();
