"use strict";

/* A long list made of blocks: only those near the window hold entries. Beyond `LONGEST` entries the list is cut into parts, as
   browsers limit how high a page can be (Firefox: 17.9 million pixels). */
(() => {
  const { el, integer } = Lexicon;
  const LONGEST = { entries: 12000, tiles: 60000 };
  const SIZE = { entries: 20, tiles: 120 };

  /**
   * `render(unit)` makes an entry; `headingOf(unit)` gives the heading under which it stands, if there are headings.
   * @param {HTMLElement} container
   * @param {(unit: number) => HTMLElement} render
   * @returns {BlockList}
   */
  Lexicon.blockList = (container, render) => {
    const height = { entries: 240, tiles: 30 };
    let [units, kind, headingOf, from, blocks] = [[], "entries", null, 0, []];

    const mount = (block) => {
      if (block.node.childElementCount > (block.heading ? 1 : 0)) return;
      block.node.append(el("div", { class: kind }, units.slice(block.first, block.end).map(render)));
      block.node.style.height = "";
      if (block.node.offsetHeight && block.end - block.first === SIZE[kind]) height[kind] = block.node.offsetHeight / SIZE[kind];
    };
    const unmount = (block) => {
      if (!block.node.querySelector("[data-unit]") || block.node.contains(document.activeElement)) return;
      block.node.style.height = `${block.node.offsetHeight}px`;
      block.node.lastElementChild.remove();
    };
    const observer = new IntersectionObserver((changes) => {
      for (const { isIntersecting, target } of changes) {
        const block = blocks[Number(/** @type {HTMLElement} */ (target).dataset.block)];
        if (block && block.node === target) (isIntersecting ? mount : unmount)(block);
      }
    }, { rootMargin: "1500px 0px" });

    const turn = (to, text) => el("p", { class: "notice" }, el("button", { type: "button", class: "quiet", onclick: () => {
      draw(to);
      container.scrollIntoView();
    } }, text));

    /* Show the part of the list that begins at this position. */
    const draw = (start) => {
      observer.disconnect();
      from = start;
      const end = Math.min(units.length, from + LONGEST[kind]);
      blocks = [];
      for (let first = from; first < end;) {
        const heading = headingOf && (first === from || headingOf(units[first]) !== headingOf(units[first - 1])) ? headingOf(units[first]) : null;
        let last = first + 1;
        while (last < end && last - first < SIZE[kind] && (!headingOf || headingOf(units[last]) === headingOf(units[first]))) last += 1;
        const node = el("section", { class: "block", "data-block": blocks.length }, heading === null ? null : el("h2", { class: "layer-heading" }, Lexicon.name(heading)));
        node.style.height = `${(last - first) * height[kind] + (heading === null ? 0 : 50)}px`;
        blocks.push({ first, end: last, node, heading: heading !== null });
        first = last;
      }
      container.replaceChildren(
        ...(from > 0 ? [turn(Math.max(0, from - LONGEST[kind]), `Show units ${integer(Math.max(0, from - LONGEST[kind]) + 1)} to ${integer(from)}`)] : []),
        ...blocks.map((block) => block.node),
        ...(end < units.length ? [turn(end, `Show units ${integer(end + 1)} to ${integer(Math.min(units.length, end + LONGEST[kind]))}`)] : []));
      if (blocks.length) mount(blocks[0]);
      blocks.forEach((block) => observer.observe(block.node));
    };

    return {
      show: (found, { tiles, heading }) => {
        [units, kind, headingOf] = [found, tiles ? "tiles" : "entries", heading];
        draw(0);
      },
      /* The entry at a position of the list, which is shown if it is not yet. */
      nodeAt: (position) => {
        if (position < from || position >= from + LONGEST[kind]) draw(Math.floor(position / LONGEST[kind]) * LONGEST[kind]);
        const block = blocks.find(({ end }) => position < end);
        mount(block);
        return block.node.querySelectorAll("[data-unit]")[position - block.first];
      },
    };
  };
})();
