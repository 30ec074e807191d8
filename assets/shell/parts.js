// Nodes with names: collected while a page is made, so that its drawing finds them.
import { el } from "./dom.js";
import { icon } from "./icons.js";
import { t } from "./text.js";

export class Parts {
  constructor() {
    this.named = {};
  }

  /** An element under a name. */
  part(name, tag, attrs = {}, ...children) {
    return this.keep(name, el(tag, attrs, ...children));
  }

  keep(name, node) {
    this.named[name] = node;
    return node;
  }

  /** A button under its name, which is what it does too. */
  button(name, look, ...inside) {
    return this.part(name, "button", { type: "button", class: `btn ${look}`, "data-act": name }, ...inside);
  }

  /** The same with an icon alone, its words behind it. */
  iconButton(name, image, key, look = "icon") {
    const words = { title: t(key), "aria-label": t(key) };
    return this.part(name, "button", { type: "button", class: `btn ${look}`, "data-act": name, ...words }, icon(image));
  }
}
