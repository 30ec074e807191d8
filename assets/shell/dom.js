// Making nodes. Text reaches the page only as text nodes.

/** An element. "on..." listens, "style" takes custom properties too; false and null leave an attribute or child out.
 *  @template {keyof HTMLElementTagNameMap} Tag
 *  @param {Tag} tag
 *  @param {Record<string, any>} [attrs]
 *  @param {...any} children  nodes, texts, lists of them
 *  @returns {HTMLElementTagNameMap[Tag]} */
export function el(tag, attrs = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attrs || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "class") node.className = value;
    else if (name === "style") { for (const [key, each] of Object.entries(value)) node.style.setProperty(key, each); }
    else if (name === "dataset") Object.assign(node.dataset, value);
    else if (name === "value" || name === "checked") Object.assign(node, { [name]: value });
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...present(children));
  return node;
}

/** Nested lists of children as one, without those that are left out. */
export function present(children) {
  return children.flat(Infinity).filter((each) => each !== null && each !== undefined && each !== false);
}

/** Put these nodes into a place; touches only what differs, and keeps the focus. */
export function arrange(host, nodes) {
  const same = nodes.length === host.childNodes.length && nodes.every((node, i) => host.childNodes[i] === node);
  if (same) return;
  const focused = document.activeElement; // a moved node loses the focus
  const held = focused instanceof HTMLElement && host.contains(focused) ? focused : null;
  host.replaceChildren(...nodes);
  if (held && held.isConnected && held !== document.activeElement) held.focus({ preventScroll: true });
}

/** A button that takes no focus from the mouse: Space must go on meaning "skip". */
export function calm(button) {
  button.addEventListener("mousedown", (event) => event.preventDefault());
  return button;
}

// ---- colours and shapes of classes: twelve colours, then the next shape
export const colourOf = (i) => `var(--c${(i % 12) + 1})`;
export const shapeOf = (i) => (i < 12 ? "disc" : i < 24 ? "square" : "diamond");
export function colourMark(i) {
  return el("span", { class: `mark ${shapeOf(i)}`, style: { "--mark": colourOf(i) }, "aria-hidden": "true" });
}
// The same of a class as the server tells it.
export const classColour = (each) => colourOf(each.colour);
export const classShape = (each) => shapeOf(each.colour);
export const classMark = (each) => colourMark(each.colour);
