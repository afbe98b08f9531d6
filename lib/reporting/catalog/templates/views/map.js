"use strict";

/* A map of all units: those with the same exemplars, concepts and words lie together. Its places are in a script of their own. */
(() => {
  const { el, name, integer, fixed, formula, address, unitName, setOf, assertedOf } = Lexicon;
  const data = window.LEXICON_DATA;
  const units = data.units;
  const SIZE = 1000; // coordinates go from 0 to here
  const MARGIN = 16; // pixels around the places
  const REACH = 14; // pixels from the pointer to a unit
  const TURN = Math.PI * (3 - Math.sqrt(5)); // of a spiral on which points are evenly spread
  const LONGEST = 26; // letters of a name on the map
  const AREA = 24000; // square pixels for each name
  const N_GROUPS = 100;

  /**
   * @typedef {object} Places
   * @property {(number|null)[]} x
   * @property {(number|null)[]} y
   * @property {number[]} group - number of the group of each unit, or -1
   * @property {string[]} groups - names of the groups, the largest first
   */

  /**
   * Where the units are drawn. Those with the same place lie on a spiral around it.
   * @param {Places} places
   * @param {{width: number, height: number, radius: number}} size - in pixels
   * @returns {{x: Float32Array, y: Float32Array, near: (left: number, top: number) => number[]}} NaN for units without a place;
   *   `near` gives the units around a point
   */
  const layOut = (places, { width, height, radius }) => {
    const [x, y] = [new Float32Array(units.unit.length).fill(NaN), new Float32Array(units.unit.length).fill(NaN)];
    const [taken, cells] = [new Map(), new Map()];
    const key = (column, row) => column * 65536 + row;
    places.x.forEach((value, unit) => {
      if (value === null) return;
      const place = value * (SIZE + 1) + places.y[unit];
      const count = taken.get(place) || 0;
      taken.set(place, count + 1);
      const away = 1.4 * radius * Math.sqrt(count);
      x[unit] = MARGIN + (value / SIZE) * (width - 2 * MARGIN) + away * Math.cos(TURN * count);
      y[unit] = MARGIN + (1 - places.y[unit] / SIZE) * (height - 2 * MARGIN) + away * Math.sin(TURN * count);
      const cell = key(Math.floor(x[unit] / REACH) + 1000, Math.floor(y[unit] / REACH) + 1000);
      if (cells.has(cell)) cells.get(cell).push(unit);
      else cells.set(cell, [unit]);
    });
    const near = (left, top) => {
      const [column, row] = [Math.floor(left / REACH) + 1000, Math.floor(top / REACH) + 1000];
      const found = [];
      for (const dx of [-1, 0, 1]) for (const dy of [-1, 0, 1]) found.push(...(cells.get(key(column + dx, row + dy)) || []));
      return found;
    };
    return { x, y, near };
  };

  /**
   * What the colours stand for: layers, or categories of the first concept that a formula asserts.
   * @param {string} kind - `layer` or `category`
   * @param {ConceptSet} set
   * @param {Int32Array} places - of each unit's range in the columns of the set
   * @returns {{labels: string[], classes: string[], of: (unit: number) => number}} `of(unit)` is a place among the labels
   */
  const colouring = (kind, set, places) => {
    if (kind === "category" && set) {
      const labels = Lexicon.categoriesIn(set);
      const classes = labels.map((label) => Lexicon.categoryClass(set, label));
      const known = new Map(labels.map((label, place) => [label, place]));
      const of = (unit) => {
        const [concept] = places[unit] < 0 ? [] : assertedOf(set, set.formula[places[unit]]);
        return concept === undefined ? labels.length : known.get(set.categories[concept]) ?? labels.length;
      };
      return { labels: [...labels, "none"], classes: [...classes, "cat-none"], of };
    }
    const labels = data.layers.map((layer) => layer.name);
    return { labels, classes: labels.map(() => "layer-dot"), of: (unit) => units.layer[unit] };
  };
  const hueOf = (place, count) => Math.round(20 + (290 * place) / Math.max(1, count));

  /* The map that is looked at: it is drawn again when the colours of the screen change. */
  let shown = null;
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => shown?.());

  /**
   * The view.
   * @param {State} state
   * @param {Chosen} selection
   * @param {{addressOf: (part: Partial<State>) => string, change: Change}} actions
   * @returns {{node: HTMLElement, point: (unit: number) => void}} `point(unit)` marks a unit, -1 none
   */
  Lexicon.mapView = (state, selection, { addressOf, change }) => {
    const set = setOf(state);
    const chosen = new Uint8Array(units.unit.length);
    for (const unit of selection.results) chosen[unit] = 1;
    const kind = state.tint === "category" && set ? "category" : "layer";
    const { labels, classes, of } = colouring(kind, set, selection.places);
    let [places, plan, marked, waiting] = [null, null, -1, -1];
    let ringed = new Set();

    const canvas = el("canvas", { role: "img", "aria-label": `Map of ${integer(units.unit.length)} units` });
    const card = el("div", { class: "map-card", role: "status", hidden: true });
    const plane = el("div", { class: "plane" }, canvas, card);
    const aside = el("section", { class: "map-groups", "aria-label": "Groups of redundant units" });
    const dots = labels.map((_, place) => el("span", { class: `dot-key ${classes[place]}`, style: kind === "layer" ? `--hue: ${hueOf(place, labels.length)}` : null }));
    const part = (label) => (kind === "layer" ? { layer: label } : { categories: [label] });
    const pressed = (label) => (kind === "layer" ? state.layer === label : state.categories.includes(label));
    const legend = el("ul", { class: "map-keys", "aria-label": "Colours" }, labels.map((label, place) => el("li", {}, dots[place],
      kind === "category" && place === labels.length - 1 ? " no formula" : el("a", { href: addressOf(part(label)), "aria-current": pressed(label) ? "true" : null }, name(label)))));
    const tint = el("select", {}, [["", "layer"], ["category", "category of the first concept"]].map(([value, text]) => el("option", { value }, text)));
    tint.value = kind === "category" ? kind : "";
    tint.addEventListener("change", () => change({ tint: tint.value }));
    const node = el("div", { class: "map" }, el("div", { class: "map-head" },
      el("p", {}, "Units that have the same exemplars, concepts and words lie together. Neighbourhoods mean something, distances and axes do not. "
        + "A click opens a unit; ↑ and ↓ go through the list, Enter opens."),
      set ? el("label", {}, "Colour ", tint) : null, legend), plane, aside);

    const radius = () => (units.unit.length > 20000 ? 1.2 : units.unit.length > 4000 ? 2 : plane.clientWidth < 500 ? 2.6 : 3.4);
    const text = (long) => ([...long].length > LONGEST ? `${[...long].slice(0, LONGEST - 1).join("")}…` : long);

    /* Names of groups, or of the one that is ringed, at the middle of their units, as far as there is room; the largest groups come first. */
    const write = (context, style) => {
      const boxes = [];
      const most = Math.ceil((plane.clientWidth * plane.clientHeight) / AREA);
      context.font = `500 12px ${style.getPropertyValue("--sans")}`;
      context.textAlign = "center";
      context.textBaseline = "middle";
      context.lineJoin = "round";
      const middle = (values) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)];
      members.forEach((own, group) => {
        if (!own.length || boxes.length >= most || (ringed.size && !own.some((unit) => ringed.has(unit)))) return;
        const label = text(places.groups[group]);
        const half = context.measureText(label).width / 2 + 4;
        const x = Math.min(plane.clientWidth - half, Math.max(half, middle(own.map((unit) => plan.x[unit]))));
        const y = Math.min(plane.clientHeight - 10, Math.max(10, middle(own.map((unit) => plan.y[unit]))));
        if (boxes.some(([left, top, other]) => Math.abs(left - x) < half + other && Math.abs(top - y) < 17)) return;
        boxes.push([x, y, half]);
        context.lineWidth = 4;
        context.strokeStyle = style.getPropertyValue("--paper");
        context.strokeText(label, x, y);
        context.fillStyle = style.getPropertyValue("--ink");
        context.fillText(label, x, y);
      });
    };

    /* The points, which stay as they are while the pointer moves. */
    const sheet = document.createElement("canvas");
    let members = [];
    const paint = () => {
      if (!plan) return;
      const style = window.getComputedStyle(document.documentElement);
      const colours = dots.map((dot) => window.getComputedStyle(dot).backgroundColor);
      const ratio = window.devicePixelRatio || 1;
      const size = radius();
      [sheet.width, sheet.height] = [canvas.width, canvas.height];
      const context = sheet.getContext("2d");
      context.scale(ratio, ratio);
      const spots = (found, colour, opacity) => {
        context.globalAlpha = opacity;
        context.fillStyle = colour;
        context.beginPath();
        for (const unit of found) {
          if (size < 2) context.rect(plan.x[unit] - size, plan.y[unit] - size, 2 * size, 2 * size);
          else {
            context.moveTo(plan.x[unit] + size, plan.y[unit]);
            context.arc(plan.x[unit], plan.y[unit], size, 0, 2 * Math.PI);
          }
        }
        context.fill();
      };
      const byColour = labels.map(() => []);
      const faded = [];
      members = places.groups.map(() => []);
      plan.x.forEach((left, unit) => {
        if (Number.isNaN(left)) return;
        (chosen[unit] ? byColour[of(unit)] : faded).push(unit);
        if (places.group[unit] >= 0 && chosen[unit]) members[places.group[unit]].push(unit);
      });
      spots(faded, style.getPropertyValue("--soft"), 0.16);
      byColour.forEach((found, place) => spots(found, colours[place], 0.85));
    };

    const draw = () => {
      if (!plan) return;
      const context = canvas.getContext("2d");
      const style = window.getComputedStyle(document.documentElement);
      const ratio = window.devicePixelRatio || 1;
      context.setTransform(1, 0, 0, 1, 0, 0);
      context.clearRect(0, 0, canvas.width, canvas.height);
      context.drawImage(sheet, 0, 0);
      context.scale(ratio, ratio);
      context.strokeStyle = style.getPropertyValue("--ink");
      for (const unit of marked < 0 ? ringed : [...ringed, marked]) {
        if (Number.isNaN(plan.x[unit])) continue;
        context.lineWidth = unit === marked ? 2.5 : 1.4;
        context.beginPath();
        context.arc(plan.x[unit], plan.y[unit], radius() + (unit === marked ? 5 : 2), 0, 2 * Math.PI);
        context.stroke();
      }
      write(context, style);
    };

    /* The unit beside its point, with its formula of the chosen range. */
    const point = (unit) => {
      waiting = unit;
      if (!plan || unit === marked) return;
      marked = unit;
      card.hidden = unit < 0;
      canvas.style.cursor = unit < 0 ? "" : "pointer";
      if (unit >= 0) {
        const place = selection.places[unit];
        const group = places.group[unit];
        const [image] = units.images[unit];
        const lost = Number.isNaN(plan.x[unit]);
        card.replaceChildren(el("div", {}, image === undefined ? null : Lexicon.picture(image, data.layers[units.layer[unit]], "")),
          el("div", {}, el("p", { class: "near-unit" }, name(unitName(unit))), el("p", { dir: "auto" }, units.description[unit] || "no sentence"),
            place < 0 ? null : el("p", {}, formula(set, set.formulas[set.formula[place]]), ` IoU ${fixed(set.iou[place], set.decimals[place])}`),
            group < 0 ? null : el("p", {}, "Group ", name(places.groups[group])), lost ? el("p", {}, "Not on the map: it shares nothing with any other unit.") : null));
        const [x, y] = lost ? [0, 0] : [plan.x[unit], plan.y[unit]];
        const [wide, high] = [card.offsetWidth, card.offsetHeight];
        card.style.left = `${Math.max(0, Math.min(plane.clientWidth - wide, x + 14 + wide > plane.clientWidth ? x - 14 - wide : x + 14))}px`;
        card.style.top = `${Math.max(0, y + 14 + high > plane.clientHeight ? y - 14 - high : y + 14)}px`;
      }
      draw();
    };
    const ring = (found) => { ringed = found; draw(); };

    /* The unit below the pointer; those of the list come first. */
    const below = (event) => {
      const box = canvas.getBoundingClientRect();
      const [x, y] = [event.clientX - box.left, event.clientY - box.top];
      let [best, least] = [-1, Infinity];
      for (const unit of plan ? plan.near(x, y) : []) {
        const away = Math.hypot(plan.x[unit] - x, plan.y[unit] - y) + (chosen[unit] ? 0 : REACH);
        if (away < least && away - (chosen[unit] ? 0 : REACH) <= REACH) [best, least] = [unit, away];
      }
      return best;
    };
    canvas.addEventListener("pointermove", (event) => point(below(event)));
    canvas.addEventListener("pointerleave", (event) => { if (event.pointerType === "mouse") point(-1); });
    let pressedAt = -1;
    canvas.addEventListener("pointerdown", () => { pressedAt = marked; });
    canvas.addEventListener("click", (event) => {
      const unit = below(event);
      // without a pointer that hovers, the first touch shows the unit
      if (unit >= 0 && (event.pointerType !== "touch" || unit === pressedAt)) window.location.hash = address(unit);
      else point(unit);
    });

    const membersOf = () => {
      const found = places.groups.map(() => []);
      places.group.forEach((group, unit) => { if (group >= 0) found[group].push(unit); });
      return found;
    };

    /* All groups, or the units of one. */
    const list = () => {
      const all = membersOf();
      const group = places.groups.indexOf(state.group);
      const lost = places.x.filter((value) => value === null).length;
      const over = (unit) => ({ onpointerenter: () => point(unit), onfocusin: () => point(unit), onpointerleave: () => point(-1), onfocusout: () => point(-1) });
      if (state.group && group >= 0) {
        const own = all[group];
        aside.replaceChildren(el("h2", {}, name(state.group)),
          el("p", {}, el("a", { href: addressOf({ group: "" }) }, "← All groups"), ` ${integer(own.length)} redundant units${own.length > N_GROUPS ? `, the first ${N_GROUPS} below` : ""}`),
          el("ul", { class: "nears" }, own.slice(0, N_GROUPS).map((unit) => el("li", over(unit), Lexicon.thumbnail(unit)))));
        ring(new Set(own));
        return;
      }
      const fill = (count) => {
        const found = all.map((own, number) => ({ own, number, fit: own.filter((unit) => chosen[unit]).length })).filter(({ fit }) => fit);
        const item = ({ own, number, fit }) => el("li", { onpointerenter: () => ring(new Set(own)), onfocusin: () => ring(new Set(own)),
          onpointerleave: () => ring(new Set()), onfocusout: () => ring(new Set()) },
        el("a", { href: addressOf({ group: places.groups[number] }) }, name(places.groups[number])),
        el("span", { class: "number" }, fit === own.length ? integer(fit) : `${integer(fit)} of ${integer(own.length)}`));
        aside.replaceChildren(el("h2", {}, `${integer(found.length)} groups of redundant units`),
          el("p", {}, state.group ? ["There is no group ", name(state.group), ". "] : "",
            "The units of a group have on average half of their exemplars, concepts and words in common with its first one, or more.",
            lost ? ` ${integer(lost)} units share nothing with any other and are not on the map.` : ""),
          el("ul", { class: "group-list" }, found.slice(0, count).map(item)),
          ...(found.length > count ? [el("button", { type: "button", class: "quiet",
            onclick: () => { fill(Infinity); aside.querySelectorAll("a")[count]?.focus(); } }, `Show all ${integer(found.length)} groups`)] : []));
      };
      fill(N_GROUPS);
    };

    const resize = () => {
      const [width, height, ratio] = [plane.clientWidth, plane.clientHeight, window.devicePixelRatio || 1];
      if (!places || !width) return;
      [canvas.width, canvas.height] = [Math.round(width * ratio), Math.round(height * ratio)];
      plan = layOut(places, { width, height, radius: radius() });
      paint();
      const unit = waiting;
      marked = -1;
      point(unit);
      draw();
    };
    Lexicon.read("map-data.js", () => window.LEXICON_MAP).then((found) => {
      places = found;
      resize();
      list();
      new ResizeObserver(resize).observe(plane);
      node.dataset.ready = "true";
    }, (error) => plane.append(el("p", { class: "nothing" }, error.message)));
    shown = () => { paint(); draw(); };
    return { node, point };
  };
})();
