"use strict";

/* What is shown: the address bar holds the state, the list shows it a block at a time. */
(() => {
  const { el, name, integer, entry, page, address, legend, select, setOf, rangeOf, unitName, layerBars, conceptBars, figures } = Lexicon;
  const data = window.LEXICON_DATA;
  const units = data.units;
  /** @type {(id: string) => any} */
  const $ = (id) => document.getElementById(id);
  const CONTROLS = { q: "", layer: "", concepts: "", range: "", iou: "", verdict: "", proved: "", status: "", sort: "unit" };
  const LISTS = ["asserts", "negates", "topics", "categories", "detects", "words", "between"];
  const PAGES = { view: "", concept: "", word: "", group: "", tint: "" };
  const PREFIX = { asserts: "", negates: "not ", topics: "topic ", categories: "category ", detects: "detects ", words: "says ", between: "" };
  const SORTS = [["unit", "Unit"], ["verdict", "Verdict"], ["description", "Sentence"], ["surprise", "Surprise"]];
  /** @type {State} */
  let state = /** @type {any} */ ({ ...CONTROLS, ...PAGES, ...Object.fromEntries(LISTS.map((key) => [key, []])) });
  /** @type {Chosen | null} */
  let selection = null;
  /** @type {number[]} */
  let results = [];
  let shownFor = null;
  let routed = ""; // the fragment of the address that is shown
  let active = -1;
  let scroll = 0;
  let typing = false;

  /* A state as the end of an address: `at` is the unit at the top of the list. */
  const query = (of, at) => {
    const plain = { ...CONTROLS, ...PAGES };
    const pairs = Object.entries(plain).filter(([key, value]) => of[key] !== value).map(([key]) => [key, of[key]]);
    for (const key of LISTS) pairs.push(...of[key].map((value) => [key, value]));
    if (at) pairs.push(["at", at]);
    return pairs.length ? `?${new URLSearchParams(pairs)}` : "";
  };

  /* The state of the list that a page was opened from. */
  const listOf = (of) => ({ ...of, concept: "", word: "", ...(of.view === "map" ? {} : { view: of.view === "wall" ? "wall" : "", group: "", tint: "" }) });
  const listAddress = (at) => `#${query(listOf(state), at)}`;
  const addressOf = (part) => `#${query({ ...state, ...part })}`;

  const parse = () => {
    const raw = window.location.hash.slice(1);
    const cut = raw.indexOf("?");
    const wanted = new URLSearchParams(cut < 0 ? "" : raw.slice(cut + 1));
    let path = cut < 0 ? raw : raw.slice(0, cut);
    try { path = decodeURIComponent(path); } catch { /* a stray percent sign: take the address as it stands */ }
    /** @type {any} */
    const found = Object.fromEntries(Object.entries({ ...CONTROLS, ...PAGES }).map(([key, value]) => [key, wanted.get(key) ?? value]));
    for (const key of LISTS) found[key] = wanted.getAll(key);
    if (!SORTS.some(([key]) => key === found.sort) && !Object.hasOwn(Lexicon.MEASURES, found.sort)) found.sort = CONTROLS.sort;
    return { path, found, at: wanted.get("at") };
  };

  const findUnit = (text) => {
    const cut = (text || "").lastIndexOf("/");
    if (cut < 0) return -1;
    const layer = data.layers.findIndex((item) => item.name === text.slice(0, cut));
    return units.unit.findIndex((unit, at) => units.layer[at] === layer && String(unit) === text.slice(cut + 1));
  };

  /* Show another list. It is a step of the browser's history, but a word being typed is one step only. */
  const change = (part, { step = true } = {}) => {
    state = { ...listOf(state), ...part };
    const target = addressOf({});
    if ((window.location.hash || "#") === target) return;
    if (step) window.location.hash = target;
    else {
      window.history.replaceState(null, "", target);
      route();
    }
  };

  /* The units that have this concept in their formulas of this range. */
  const pick = (set, range, concept, negated) => {
    const kept = set === setOf(state) && range === rangeOf(state) ? state : { asserts: [], negates: [] };
    const key = negated ? "negates" : "asserts";
    const both = { asserts: kept.asserts, negates: kept.negates };
    change({ ...both, [key]: [...new Set([...both[key], set.names[concept]])], range, concepts: set === data.concept_sets[0] ? "" : set.name });
  };

  let tiled = false;
  let map = null;
  const blocks = Lexicon.blockList($("list"), (unit) => {
    const set = setOf(state);
    return tiled ? Lexicon.tile(unit, set, selection.places[unit]) : entry(unit, set, pick);
  });

  const list = () => {
    active = -1;
    tiled = state.view === "wall";
    map = state.view === "map" && data.map ? Lexicon.mapView(listOf(state), selection, { addressOf: (part) => `#${query({ ...listOf(state), ...part })}`, change }) : null;
    $("legend").replaceChildren(...(tiled || map ? [] : [legend(setOf(state))]));
    blocks.show(map ? [] : results, { tiles: tiled, heading: tiled && state.sort === "unit" ? (unit) => data.layers[units.layer[unit]].name : null });
    if (map) $("list").append(map.node);
    if (!results.length) $("list").append(el("p", { class: "notice" }, "No unit fits. ", el("a", { href: "#" }, "Show all units")));
    $("count").textContent = results.length === units.unit.length ? `${integer(results.length)} units`
      : `${integer(results.length)} of ${integer(units.unit.length)}`;
  };

  /* Charts of many buttons, made while they are looked at. */
  const distribute = () => {
    $("distribution-charts").replaceChildren(...($("distributions").open ? Lexicon.distributions(state, selection, change) : []));
  };

  const overview = () => {
    const set = setOf(state);
    $("layer-panel").hidden = $("concept-panel").hidden = !set;
    if (set) {
      $("layer-chart").replaceChildren(layerBars(state, selection, change));
      $("concept-chart").replaceChildren(conceptBars(state, selection, change));
    }
    $("figures").replaceChildren(...figures(state, selection));
    distribute();
  };

  const options = (id, pairs) => $(id).replaceChildren(...pairs.map(([value, text]) => el("option", { value }, text)));
  const controls = () => {
    const set = setOf(state);
    if (set) {
      options("range", [...set.ranges.map((range) => [range, range]), ["best", "best of each unit"]]);
      $("verdict-label").hidden = !set.verdict;
      if (!set.verdict) state.verdict = "";
    }
    for (const key of Object.keys(CONTROLS)) if ($(key).value !== state[key]) $(key).value = state[key];
    if (set) {
      $("range").value = rangeOf(state);
      $("concepts").value = set.name;
    }
    const measures = Lexicon.measuresOf(set);
    const judged = data.concept_sets.some((other) => other.verdict);
    options("sort", [...SORTS.filter(([key]) => (key !== "verdict" || judged) && (key !== "surprise" || set)), ...measures]);
    $("sort").value = state.sort;
    const measure = $("measure").value;
    options("measure", measures);
    $("measure").value = measures.some(([key]) => key === measure) ? measure : (measures[0] || [""])[0];
    $("between").hidden = !measures.length;
    const label = (key, text) => {
      if (key === "between") return Lexicon.limitText(text);
      const at = set && key in { asserts: 0, negates: 0 } ? set.names.indexOf(text) : -1;
      return at < 0 ? text : set.shown[at];
    };
    const about = (key, text) => ({ asserts: { concept: text }, negates: { concept: text }, words: { word: text } }[key]);
    /** @type {[string, Partial<State>][]} */
    const views = [["list", { view: "" }], ["wall", { view: "wall" }], ["map", { view: "map" }], ["concepts", { view: "concepts" }], ["words", { view: "words" }], ["rate", { view: "rate" }]];
    for (const [id, part] of views) {
      const node = $(`view-${id}`);
      node.setAttribute("href", `#${query({ ...listOf(state), group: "", tint: "", ...part })}`);
      if (listOf(state).view === part.view) node.setAttribute("aria-current", "page");
      else node.removeAttribute("aria-current");
    }
    $("chosen").replaceChildren(...LISTS.flatMap((key) => state[key].flatMap((text) => [el("button", {
      type: "button", class: "chosen", "aria-label": `Remove the filter ${PREFIX[key]}${label(key, text)}`, onclick: () => change({ [key]: state[key].filter((other) => other !== text) }),
    }, PREFIX[key], name(label(key, text)), " ×"), about(key, text) ? el("a", { class: "about", href: addressOf(about(key, text)) }, "about it") : null])).filter((node) => node));
  };

  /* The list of the state, unless it is there already. */
  const show = () => {
    const key = query(listOf(state));
    if (shownFor === key) return;
    shownFor = key;
    Lexicon.filter = key;
    controls();
    selection = select(state);
    results = selection.results;
    overview();
    list();
  };

  const neighbours = (unit) => {
    const from = results.includes(unit) ? results : [...units.unit.keys()];
    const at = from.indexOf(unit);
    return { previous: at > 0 ? from[at - 1] : null, next: at + 1 < from.length ? from[at + 1] : null, at, total: from.length };
  };

  /* Show a page in place of the list. */
  const read = (node, title) => {
    if ($("detail").hidden) scroll = window.scrollY;
    document.body.classList.add("reading");
    $("list").hidden = true;
    $("detail").hidden = false;
    $("detail").replaceChildren(node);
    document.title = `${title} – ${data.model} · ${data.dataset}`;
    window.scrollTo(0, 0);
    $("detail").focus({ preventScroll: true });
  };

  const openPage = (text) => {
    const unit = findUnit(text);
    if (unit < 0) read(el("p", { class: "notice" }, "There is no unit ", name(text), ". ", el("a", { href: listAddress() }, "All units")), text);
    else {
      const { previous, next, at, total } = neighbours(unit);
      const place = `${integer(at + 1)} of ${integer(total)}`;
      read(page(unit, { back: listAddress(unitName(unit)), previous, next, place, pick, range: rangeOf(state) }), unitName(unit));
      active = results.indexOf(unit);
    }
  };

  const openConcepts = () => {
    // numbers are those of the whole network: a click on one leaves no other filter
    const clean = { group: "", tint: "", q: "", layer: "", iou: "", verdict: "", proved: "", status: "", ...Object.fromEntries(LISTS.map((key) => [key, []])) };
    const actions = { back: listAddress(), address: addressOf, change, clean };
    const places = selection.places;
    if (state.view === "rate") read(Lexicon.ratingPage(state, results, listAddress()), "Rating");
    else if (state.word) read(Lexicon.wordPage(state, places, actions), state.word);
    else if (!setOf(state) || (!state.concept && state.view === "words")) read(Lexicon.wordIndex(state, actions), "Words");
    else if (state.concept) read(Lexicon.conceptPage(state, places, actions), state.concept);
    else read(Lexicon.conceptIndex(state, places, actions), "Concepts");
  };

  const focusEntry = (position) => {
    if (position < 0 || position >= results.length) return undefined;
    active = position;
    if (map) return map.point(results[position]);
    const node = blocks.nodeAt(position);
    node.focus({ preventScroll: true });
    return node.scrollIntoView({ block: "nearest" });
  };

  const firstVisible = () => {
    const edge = Math.max(0, $("toolbar").getBoundingClientRect().bottom);
    const found = [...$("list").querySelectorAll("[data-unit]")].find((item) => item.getBoundingClientRect().top >= edge - 1);
    return found ? results.indexOf(Number(found.dataset.unit)) : -1;
  };

  /* Scroll to a unit of the list; the blocks above it get their true heights meanwhile. */
  const goTo = (unit) => {
    const position = results.indexOf(unit);
    if (map) {
      active = position;
      map.point(unit);
    }
    if (map || position < 0) return;
    const scrollThere = () => {
      if (position < results.length) blocks.nodeAt(position).scrollIntoView({ block: "start" });
    };
    scrollThere();
    window.requestAnimationFrame(() => window.requestAnimationFrame(scrollThere));
  };

  /* The place in the list belongs to the address, so that Back, a reload or a link finds it again. */
  const keepPlace = () => {
    // another address is on its way to route
    if (!$("detail").hidden || map || window.location.hash !== routed) return;
    const at = window.scrollY > $("list").offsetTop - 80 ? firstVisible() : -1;
    const target = listAddress(at > 0 ? unitName(results[at]) : null);
    if (target !== (window.location.hash || "#")) window.history.replaceState(null, "", target);
    routed = window.location.hash;
  };

  const route = () => {
    routed = window.location.hash;
    const { path, found, at } = parse();
    const wasReading = !$("detail").hidden;
    state = found;
    if (path || state.concept || state.word || ["concepts", "words", "rate"].includes(state.view)) {
      show();
      if (path) openPage(path);
      else openConcepts();
      return;
    }
    const same = shownFor === query(listOf(state));
    document.body.classList.remove("reading");
    $("detail").hidden = true;
    $("detail").replaceChildren();
    $("list").hidden = false;
    document.title = `${data.model} · ${data.dataset} – Neuron Lexicon`;
    show();
    if (same && wasReading) {
      window.scrollTo(0, scroll);
      if (active >= 0) focusEntry(active);
    } else if (at) goTo(findUnit(at));
    else if (!same && window.scrollY > $("list").offsetTop) window.scrollTo(0, $("toolbar").offsetTop);
  };

  const toggleMasks = () => {
    const off = document.body.classList.toggle("full");
    $("masks").setAttribute("aria-pressed", String(!off));
    document.querySelectorAll(".trail .masks").forEach((button) => button.setAttribute("aria-pressed", String(!off)));
  };

  const onKey = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || document.querySelector("dialog[open]")) return;
    const typed = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
    const reading = !$("detail").hidden;
    const back = () => { window.location.hash = listAddress(active >= 0 ? unitName(results[active]) : null); };
    const turn = (label) => $("detail").querySelector(`a[aria-label="${label}"]`)?.click();
    const act = {
      "/": () => { if (reading) back(); window.setTimeout(() => { $("q").focus(); $("q").select(); }); },
      m: toggleMasks,
      "?": () => $("glossary").showModal(),
      Escape: () => { if (reading) back(); else /** @type {HTMLElement | null} */ (document.activeElement)?.blur(); },
      ArrowRight: reading ? () => turn("Next unit") : null,
      ArrowLeft: reading ? () => turn("Previous unit") : null,
      ArrowDown: reading ? null : () => focusEntry(active < 0 ? Math.max(0, firstVisible()) : active + 1),
      ArrowUp: reading ? null : () => focusEntry(active - 1),
      Enter: event.target.matches?.(".entry") || (map && !reading && active >= 0 && [document.body, $("list")].includes(event.target))
        ? () => { window.location.hash = address(results[active]); } : null,
    }[event.key];
    if (!act || (typed && event.key !== "Escape")) return;
    event.preventDefault();
    act();
  };

  const start = () => {
    options("layer", [["", "all"], ...data.layers.map((layer) => [layer.name, layer.name])]);
    options("concepts", data.concept_sets.map((set) => [set.name, set.name]));
    options("status", [["", "any"], ...[...new Set(units.status)].sort().map((status) => [status, status])]);
    options("verdict", [["", "any"], ...data.verdicts.map((verdict) => [verdict, verdict])]);
    $("view-map").hidden = !data.map;
    $("view-concepts").hidden = !data.concept_sets.length;
    $("surprising").hidden = !data.concept_sets.length;
    $("random").addEventListener("click", () => { if (results.length) window.location.hash = address(results[Math.floor(Math.random() * results.length)]); });
    $("certain").addEventListener("click", () => {
      const known = Lexicon.measuresOf(setOf(state)).map(([key]) => key);
      change({ sort: ["iou_unseen_low", "iou_low", "iou", "margin", "score"].find((key) => known.includes(key)) || "unit" });
    });
    $("surprising").addEventListener("click", () => change({ sort: "surprise" }));
    for (const kind of ["csv", "json"]) $(`send-${kind}`).addEventListener("click", () => Lexicon.send(kind, setOf(state), rangeOf(state), selection));
    $("concepts-label").hidden = data.concept_sets.length < 2;
    $("range-label").hidden = $("iou-label").hidden = $("proved-label").hidden = !data.concept_sets.length;
    let timer = 0;
    $("q").addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(() => { change({ q: $("q").value }, { step: !typing }); typing = true; }, 120);
    });
    // a form with several fields and no button to submit it does nothing on Enter
    $("q").addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      clearTimeout(timer);
      if (state.q !== $("q").value) change({ q: $("q").value }, { step: false });
      focusEntry(0);
    });
    $("q").addEventListener("blur", () => { typing = false; });
    for (const key of Object.keys(CONTROLS).filter((other) => other !== "q")) {
      $(key).addEventListener("change", () => change(key === "concepts" ? { concepts: $(key).value, asserts: [], negates: [], categories: [] } : { [key]: $(key).value }));
    }
    $("narrow").addEventListener("click", () => {
      const [low, high] = [$("low").value, $("high").value];
      if (low === "" && high === "") return $("low").focus();
      change({ between: [...new Set([...state.between, Lexicon.limit($("measure").value, low, high)])] });
      return $("low").value = $("high").value = "";
    });
    for (const end of ["low", "high"]) $(end).addEventListener("keydown", (event) => { if (event.key === "Enter") { event.preventDefault(); $("narrow").click(); } });
    $("distributions").addEventListener("toggle", distribute);
    $("masks").addEventListener("click", toggleMasks);
    $("detail").addEventListener("click", (event) => { if (event.target.closest(".masks")) toggleMasks(); });
    $("skip").addEventListener("click", (event) => { event.preventDefault(); $("list").focus(); $("list").scrollIntoView(); });
    $("toolbar").addEventListener("submit", (event) => event.preventDefault());
    $("more").addEventListener("click", () => {
      const open = $("toolbar").classList.toggle("open");
      $("more").setAttribute("aria-expanded", String(open));
    });
    $("list").addEventListener("focusin", (event) => {
      const found = event.target.closest("[data-unit]");
      if (found) active = results.indexOf(Number(found.dataset.unit));
    });
    document.addEventListener("click", (event) => { if (/** @type {Element} */ (event.target).closest(".help")) $("glossary").showModal(); });
    $("glossary").addEventListener("click", (event) => { if (event.target === $("glossary")) $("glossary").close(); });
    document.addEventListener("click", (event) => { if (!$("further").contains(event.target)) $("further").open = false; });
    let place = 0;
    window.addEventListener("scroll", () => { clearTimeout(place); place = setTimeout(keepPlace, 200); }, { passive: true });
    window.addEventListener("keydown", onKey);
    window.addEventListener("hashchange", route);
    window.history.scrollRestoration = "manual";
    route();
  };
  start();
})();
