// Menus below a button.
import { el } from "./dom.js";
import { icon } from "./icons.js";
import { floats } from "./notices.js";

const EDGE = 8, APART = 4; // px

/** Open a menu. entries: [{text, act, icon, key, current, disabled} | null for a line]. */
export function showMenu(button, entries) {
  const menu = el("div", { class: "menu", role: "menu", "aria-label": button.getAttribute("aria-label") });
  const opens = button.hasAttribute("aria-haspopup"); // while it is open its button stays, to have the focus again
  const close = () => {
    menu.remove();
    removeEventListener("pointerdown", away, true);
    removeEventListener("keydown", away, true);
    removeEventListener("resize", close);
    button.focus();
    if (opens) button.setAttribute("aria-expanded", "false");
  };
  const away = (event) => {
    const key = event.type === "keydown";
    if (key && event.key !== "Escape" && event.key !== "Tab") return;
    if (!key && menu.contains(event.target)) return;
    if (key) event.preventDefault();
    if (key) event.stopImmediatePropagation();
    close();
  };
  menu.append(...entries.map((entry) => (entry ? line(entry, close) : el("hr"))));
  floats().append(menu);
  if (opens) button.setAttribute("aria-expanded", "true");
  lay(menu, button.getBoundingClientRect());
  addEventListener("pointerdown", away, true);
  addEventListener("keydown", away, true);
  addEventListener("resize", close); // it would stand where its button was
  buttonsOf(menu)[0]?.focus();
  menu.addEventListener("keydown", (event) => walk(menu, event));
}

function line(entry, close) {
  const onclick = () => {
    close();
    entry.act();
  };
  return el(
    "button",
    {
      type: "button",
      role: "menuitem",
      disabled: entry.disabled,
      "aria-current": entry.current ? "true" : null,
      onclick,
    },
    entry.icon ? icon(entry.icon) : "",
    el("span", { class: "clip" }, entry.text),
    entry.key ? el("kbd", { class: "push" }, entry.key) : "",
  );
}

const buttonsOf = (menu) => [...menu.querySelectorAll("button")].filter((each) => !each.disabled);

function lay(menu, at) {
  const below = at.bottom + APART + menu.offsetHeight <= innerHeight - EDGE;
  menu.style.top = `${below ? at.bottom + APART : Math.max(EDGE, at.top - APART - menu.offsetHeight)}px`;
  menu.style.left = `${Math.max(EDGE, Math.min(at.left, innerWidth - menu.offsetWidth - EDGE))}px`;
}

function walk(menu, event) {
  const all = buttonsOf(menu), now = all.findIndex((each) => each === document.activeElement);
  const to = { ArrowDown: now + 1, ArrowUp: now - 1, Home: 0, End: -1 }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  all[(to + all.length) % all.length].focus();
}
