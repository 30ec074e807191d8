// What tests/page/test_access.py asks of a page, as functions of window.access.
(() => {
  "use strict";

  // ---- names -------------------------------------------------------------------------------------------
  const words = (e) => e.getAttribute("aria-label") || e.innerText || e.labels?.[0]?.innerText || e.title || e.id || "";
  const keyOf = (e) => `${e.tagName.toLowerCase()} ${words(e).replace(/\s+/g, " ").trim().slice(0, 60)}`;
  const placeOf = (e) => `${e.tagName.toLowerCase()}#${e.id}.${[...e.classList].join(".")}`;
  const shown = (e) => e.checkVisibility({ visibilityProperty: true }) && e.getClientRects().length > 0;

  // ---- axe: the violations of a page, one line each ------------------------------------------------------
  /** All rules; or, where only colours differ from what was looked at before, those about colours. */
  async function violations(coloursOnly) {
    const which = coloursOnly ? { runOnly: ["color-contrast", "link-in-text-block"] } : {};
    const found = await axe.run(document, { resultTypes: ["violations"], ...which });
    if (!found.passes.length) throw new Error("no rule of axe was run");
    return found.violations.flatMap((each) => each.nodes.map((node) =>
      `${each.impact} ${each.id} at ${node.target.join(" ")}: ${node.failureSummary.replace(/\s+/g, " ")}`));
  }

  // ---- the keyboard ---------------------------------------------------------------------------------------
  /** Of a group of radio buttons Tab goes to the one that is chosen. */
  const isStop = (e) => e.type !== "radio" || e.checked || ![...document.getElementsByName(e.name)].some((each) => each.checked);
  const tabbable = () => [...document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex]")]
    .filter((e) => e.tabIndex >= 0 && !e.disabled && !e.closest("[inert]") && shown(e) && isStop(e));

  function frame(e) {
    const s = getComputedStyle(e);
    const outline = s.outlineStyle === "none" ? "" : `${s.outlineStyle} ${s.outlineWidth} ${s.outlineColor}`;
    return [outline, s.boxShadow, s.borderColor].join(";");
  }
  /** How an element and what stands around it are framed; Gradio's lists are framed outside, the grid by its tile. */
  function ring(e) {
    const around = [e, e.parentElement, e.parentElement?.parentElement, e.closest(".wrap")];
    return [...around, document.querySelector(".seeing .lg-focus .lg-picture") || document.querySelector(".lg-focus .lg-picture")].filter(Boolean).map(frame).join("|");
  }
  /** The sides on which an outline is cut off. */
  function clipped(e) {
    const s = getComputedStyle(e), box = e.getBoundingClientRect(), cut = new Set();
    if (s.outlineStyle === "none") return [];
    const far = parseFloat(s.outlineOffset) + Math.min(1, parseFloat(s.outlineWidth));
    for (let up = e.parentElement; up && getComputedStyle(up).position !== "fixed"; up = up.parentElement) {
      const style = getComputedStyle(up), room = up.getBoundingClientRect();
      const over = { left: room.left - box.left, right: box.right - room.right, top: room.top - box.top, bottom: box.bottom - room.bottom };
      for (const [side, by] of Object.entries(over)) {
        const way = ["left", "right"].includes(side) ? style.overflowX : style.overflowY;
        const longer = ["top", "bottom"].includes(side) && box.height > room.height; // a pane that is scrolled through
        if (way !== "visible" && by + far > 0 && !longer) cut.add(side);
      }
    }
    return [...cut];
  }
  /** Lists in a row with other things whose field is too narrow for one of their names: [name, its width, the room], in
   *  px. In a form, where a field is as wide as its pane, names may be longer. */
  function cutNames() {
    const pen = document.createElement("canvas").getContext("2d");
    return [...document.querySelectorAll("select:not(.field), select.rv-order")].filter((e) => e.checkVisibility() && e.clientWidth).flatMap((e) => {
      const s = getComputedStyle(e), right = Math.max(18, parseFloat(s.paddingRight)); // the arrow stands there
      pen.font = `${s.fontWeight} ${s.fontSize} ${s.fontFamily}`;
      const room = e.clientWidth - parseFloat(s.paddingLeft) - right;
      return [...e.options].map((each) => [each.text, Math.round(pen.measureText(each.text).width), Math.round(room)]);
    }).filter(([, width, room]) => width > room);
  }
  /** Where an element stands: -2 in the header, -1 in the page's head, else how far from the left its pane begins. */
  function region(e) {
    const found = e.closest("header, .page-head, .results-top, .pane, .fs-pane, .lb-bar, dialog");
    if (!found) return 0;
    return found.matches("header") ? -2 : found.matches(".page-head, .results-top") ? -1 : Math.round(found.getBoundingClientRect().left);
  }

  let first = null, last = null, before = "";
  /** Go to the second stop; Shift+Tab from there begins a walk. */
  function begin() {
    first = last = null;
    tabbable()[1].focus();
  }
  /** Where the focus is now. seen: whether the element before looked different while it had the focus. */
  function step() {
    const now = document.activeElement, seen = last ? !last.isConnected || ring(last) !== before : null;
    if (now === document.body || now === first) return { end: now === first, seen };
    first ||= now;
    last = now;
    before = ring(now);
    return { key: keyOf(now), region: region(now), clipped: clipped(now), seen };
  }

  // ---- widths -----------------------------------------------------------------------------------------------
  /** What reaches beyond the window or has to be pushed sideways. Only wide tables, charts and the strips may. */
  function sideways() {
    const found = [];
    for (const e of document.querySelectorAll("body, body *")) {
      if (e.closest(".matrix-scroll, .chart-scroll, .results-runtable, .lb-strip, .sl-strip, .sr") || !shown(e)) continue;
      const scrolls = e === document.body || ["auto", "scroll"].includes(getComputedStyle(e).overflowX);
      if (scrolls && e.scrollWidth > e.clientWidth + 1) found.push(`${placeOf(e)} is ${e.scrollWidth} wide in ${e.clientWidth}`);
      const { left, right } = e.getBoundingClientRect(), used = e.matches("a, button, input, select, textarea, summary");
      if (used && (left < -1 || right > innerWidth + 1)) found.push(`${keyOf(e)} ends at ${Math.round(right)} of ${innerWidth}`);
    }
    return found;
  }

  // ---- motion -------------------------------------------------------------------------------------------------
  const long = (times) => times.split(",").some((each) => parseFloat(each) * (each.trim().endsWith("ms") ? 1 : 1000) > 10);
  /** What can move for longer than 10 ms (transitions, animations, smooth scrolling), and what moves right now. */
  function moving() {
    const found = new Set();
    for (const e of document.querySelectorAll("*"))
      for (const part of [null, "::before", "::after"]) {
        const s = getComputedStyle(e, part), name = `${placeOf(e)}${part || ""}`;
        if (long(s.transitionDuration) || long(s.transitionDelay)) found.add(`${name}: transition of ${s.transitionProperty}`);
        if (s.animationName !== "none" && long(s.animationDuration)) found.add(`${name}: animation ${s.animationName}`);
        if (s.scrollBehavior === "smooth") found.add(`${name}: smooth scrolling`);
      }
    for (const each of document.getAnimations()) if (each.playState === "running") found.add(`running: ${each.animationName || each.id}`);
    const chart = document.querySelector("#train-chart")?.layout;
    if (chart?.transition?.duration > 10) found.add("the charts ease");
    return [...found];
  }
  /** The sizes in % that the map draws its marks in after the key 1 has answered an image. */
  async function growth() {
    const main = document.querySelector("script[src*='/shell/main.js']").src;
    const { pens } = await import(new URL("../map/marks.js", main));
    const sizes = new Set(), draw = pens.draw;
    pens.draw = (look, mark, x, y, grown) => (sizes.add(Math.round(100 * grown)), draw(look, mark, x, y, grown));
    document.dispatchEvent(new KeyboardEvent("keydown", { key: "1", code: "Digit1", bubbles: true }));
    await new Promise((done) => setTimeout(done, 600));
    pens.draw = draw;
    return [...sizes].sort((a, b) => a - b);
  }

  /** Show in the grid what looks like a class, once there are suggestions. */
  function showLike() {
    const list = document.querySelector(".lb-grid select"), tell = () => list.dispatchEvent(new Event("change"));
    tell();
    const like = [...list.options].find((each) => each.value.startsWith("like:"));
    if (like) list.value = like.value;
    tell();
    return Boolean(like);
  }

  window.access = { violations, cutNames, keyOf, tabbable, begin, step, sideways, moving, growth, showLike };
})();
