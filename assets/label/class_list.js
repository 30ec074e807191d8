// The list of classes on the Label page: rows that give a class, their menu, dragging, adding.
// Names are written as text only. What changes classes lies in class_acts.js.
import { arrange, calm, classColour, classMark, classShape, colourMark, el } from "../shell/dom.js";
import { fmt } from "../shell/format.js";
import { icon } from "../shell/icons.js";
import { showMenu } from "../shell/menu.js";
import { t } from "../shell/text.js";
import { ClassActs } from "./class_acts.js";

const FAR = 6; // px that a row is moved before it counts as dragged

function editor(value, label, done) {
  const input = el("input", {
    type: "text",
    class: "lb-edit",
    maxlength: "200",
    "aria-label": label,
    placeholder: label,
    spellcheck: "false",
    autocomplete: "off",
  });
  input.value = value;
  let over = false;
  const end = (text) => {
    if (!over) {
      over = true;
      done(text);
    }
  };
  input.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    if (event.key === "Enter") end(input.value.trim());
    else if (event.key === "Escape") end("");
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  input.addEventListener("blur", () => end(input.value.trim()));
  queueMicrotask(() => {
    input.focus();
    input.select();
  });
  return input;
}

// Rows stay the same nodes while their numbers change: a click that is under way is never lost.
export class ClassList {
  constructor(host, store, { give, redraw }) {
    this.host = host;
    this.store = store;
    this.give = give;
    this.redraw = redraw;
    this.acts = new ClassActs(this.store);
    this.rows = new Map(); // class id -> its row
    this.editing = null; // "new", or the id of a class
    this.dragged = null; // the line that the person moves
    this.last = this.plain("label.add_class", "+", () => this.edit("new"), this.caps("N"));
    this.none = this.plain("classes.none", "+", () => this.acts.addOther(), this.caps());
    this.none.title = t("classes.none_help");
    this.listing = this.plain("classes.list", "", () => this.acts.list(), this.caps());
  }

  edit(what) {
    this.editing = what;
    this.redraw();
  }

  finish(work) {
    this.editing = null;
    this.redraw();
    return work;
  }

  place(id) {
    return this.store.classes.findIndex((each) => each.id === id);
  }

  plain(key, sign, act, caps) {
    return el(
      "li",
      { class: "lb-class" },
      calm(
        el(
          "button",
          { type: "button", class: "lb-give lb-add", onclick: act },
          caps,
          el("span", { class: "lb-plus", "aria-hidden": "true" }, sign),
          t(key),
        ),
      ),
    );
  }

  caps(...keys) {
    return el("span", { class: "lb-caps" }, keys.filter(Boolean).map((key) => el("kbd", {}, key)));
  }

  numbered(index) {
    return index < 10 ? String((index + 1) % 10) : "";
  }

  // ---- rows
  row(id) {
    if (this.rows.has(id)) return this.rows.get(id);
    const made = {
      caps: this.caps(),
      mark: colourMark(0),
      name: el("span", { class: "lb-name", dir: "auto" }),
      needs: el("span", { class: "lb-needs" }),
      holds: el("span", { class: "lb-holds" }),
      count: el("span", { class: "lb-count" }),
      stamp: "",
    };
    made.give = calm(
      el(
        "button",
        {
          type: "button",
          class: "lb-give",
          onclick: () => this.give(id),
        },
        made.caps,
        made.mark,
        el("span", { class: "lb-called" }, made.name, made.needs, made.holds),
        made.count,
      ),
    );
    made.more = el("button", {
      type: "button",
      class: "btn icon lb-more",
      "aria-haspopup": "menu",
      onclick: () => this.menu(id),
    }, icon("more"));
    made.line = el("li", { class: "lb-class", dataset: { id } }, made.give, made.more);
    made.line.addEventListener("contextmenu", (event) => {
      event.preventDefault();
      this.menu(id);
    });
    made.line.addEventListener("pointerdown", (event) => this.drag(event, made));
    made.line.addEventListener("keydown", (event) => this.keys(event, id));
    this.rows.set(id, made);
    return made;
  }

  update(each, index, current, begun) {
    const made = this.row(each.id), count = this.store.counts.get(each.id) || 0, given = current === each.id;
    const stamp = JSON.stringify([each, index < 10 && index, count, given, begun]);
    if (stamp === made.stamp) return made.line; // thousands of rows are drawn after every key
    made.stamp = stamp;
    made.caps.replaceChildren(
      ...[this.numbered(index), each.key.toUpperCase()].filter(Boolean).map((key) => el("kbd", {}, key)),
    );
    made.mark.className = `mark ${classShape(each)}`;
    made.mark.style.setProperty("--mark", classColour(each));
    made.name.textContent = made.name.title = each.name;
    const needs = count === 1 ? t("label.needs_one") : begun && !count ? t("label.needs_two") : "";
    made.needs.textContent = needs;
    made.holds.textContent = each.other && !needs ? t("classes.none_is") : ""; // a row has room for two lines
    made.count.textContent = fmt.int(count);
    made.give.setAttribute("aria-pressed", String(given));
    made.more.setAttribute("aria-label", t("classes.menu", { name: each.name }));
    made.more.title = t("classes.menu", { name: each.name });
    return made.line;
  }

  editLine(each, index) {
    return el(
      "li",
      { class: "lb-class" },
      this.caps(this.numbered(index)),
      classMark(each),
      editor(
        each.name,
        t("label.rename"),
        (name) => this.finish(name && name !== each.name && this.acts.rename(each.id, name)),
      ),
    );
  }

  newLine() {
    return el(
      "li",
      { class: "lb-class" },
      this.caps("N"),
      el("span", { class: "lb-plus" }, "+"),
      editor("", t("label.new_class"), (name) => this.finish(name && this.acts.add(name))),
    );
  }

  // ---- menu, keys, dragging
  menu(id) {
    const each = this.store.classOf(id), at = this.place(id), n = this.store.classes.length;
    if (!each) return;
    showMenu(this.row(id).more, [
      { text: t("classes.rename"), icon: "edit", key: t("classes.cap_rename"), act: () => this.edit(id) },
      { text: t("classes.colour"), act: () => this.acts.colour(this.store.classOf(id) || each) },
      { text: t("classes.key"), key: each.key.toUpperCase(), act: () => this.acts.key(this.store.classOf(id) || each) },
      null,
      { text: t("classes.up"), key: t("classes.cap_up"), disabled: at === 0, act: () => this.move(id, -1) },
      { text: t("classes.down"), key: t("classes.cap_down"), disabled: at === n - 1, act: () => this.move(id, 1) },
      null,
      { text: t(each.other ? "classes.ordinary" : "classes.other"), act: () => this.acts.other(each) },
      { text: t("classes.merge"), disabled: n < 2, act: () => this.acts.merge(this.store.classOf(id) || each) },
      { text: t("classes.delete"), icon: "trash", act: () => this.acts.remove(this.store.classOf(id) || each) },
    ]);
  }

  keys(event, id) {
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (event.altKey && step) this.move(id, step);
    else if (event.key === "F2" && !event.altKey && !event.ctrlKey) this.edit(id);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  async move(id, step) {
    const order = this.store.classes.map((each) => each.id), from = order.indexOf(id), to = from + step;
    if (from < 0 || to < 0 || to >= order.length) return;
    [order[from], order[to]] = [order[to], order[from]];
    const focused = document.activeElement === this.row(id).more ? this.row(id).more : this.row(id).give;
    await this.acts.reorder(order);
    focused.focus(); // a moved node loses it
  }

  drag(event, made) {
    if (
      event.button || event.pointerType === "touch" || made.more.contains(event.target) ||
      getComputedStyle(this.host).display === "grid"
    ) return;
    const start = event.clientY, before = this.orderNow();
    const moved = (now) => {
      if (!this.dragged && Math.abs(now.clientY - start) < FAR) return;
      this.dragged = made.line;
      this.host.classList.add("lb-dragging");
      this.dragged.classList.add("lb-dragged");
      const others = [...this.host.querySelectorAll("li[data-id]")].filter((line) => line !== this.dragged);
      const next = others.find((line) => now.clientY < line.getBoundingClientRect().top + line.offsetHeight / 2) ||
        this.last;
      if (this.dragged.nextSibling !== next) this.host.insertBefore(this.dragged, next);
      this.dragged.scrollIntoView({ block: "nearest" });
    };
    const ended = async (now) => {
      removeEventListener("pointermove", moved);
      for (const end of ["pointerup", "pointercancel"]) removeEventListener(end, ended);
      if (!this.dragged) return;
      const order = now.type === "pointerup" ? this.orderNow() : before;
      this.host.classList.remove("lb-dragging");
      this.dragged.classList.remove("lb-dragged");
      this.host.addEventListener("click", this.swallow, true); // the click that ends a drag gives no class
      setTimeout(() => this.host.removeEventListener("click", this.swallow, true));
      if (String(order) !== String(before)) await this.acts.reorder(order);
      this.dragged = null;
      this.redraw();
    };
    addEventListener("pointermove", moved);
    for (const end of ["pointerup", "pointercancel"]) addEventListener(end, ended);
  }

  orderNow() {
    return [...this.host.querySelectorAll("li[data-id]")].map((line) => Number(line.dataset.id));
  }

  swallow = (event) => {
    event.stopPropagation();
    event.preventDefault();
  };

  draw(current) {
    // Never under the person's hands.
    if (this.dragged || (this.editing !== null && this.host.querySelector("input"))) return;
    const begun = [...this.store.counts.values()].some((n) => n > 0);
    const lines = this.store.classes.map((
      each,
      i,
    ) => (this.editing === each.id ? this.editLine(each, i) : this.update(each, i, current, begun)));
    this.host.classList.toggle("lb-twokeys", this.store.classes.some((each, i) => each.key && i < 10));
    const { classes } = this.store, none = classes.length && !classes.some((each) => each.other) ? [this.none] : [];
    arrange(this.host, [...lines, this.editing === "new" ? this.newLine() : this.last, ...none, this.listing]);
    if (this.rows.size > this.store.classes.length + 50) {
      for (const id of this.rows.keys()) if (this.place(id) < 0) this.rows.delete(id);
    }
  }

  add() {
    this.edit("new");
  }

  flash(id) {
    const { line } = this.row(id);
    line.classList.add("lb-given");
    setTimeout(() => line.classList.remove("lb-given"), 120);
  }
}
