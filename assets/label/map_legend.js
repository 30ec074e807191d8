// The legend of the label page's map: a click hides, a double click isolates.
import { classMark, colourMark, el } from "../shell/dom.js";
import { fmt } from "../shell/format.js";
import { redraw } from "../shell/redraw.js";
import { t } from "../shell/text.js";
import { membersOf } from "./map_colours.js";

export class Legend {
  /** look: {mode, groups, store, suggest, columns, pool}, as it is now; changed() after the person hid something. */
  constructor(host, changed) {
    this.host = host;
    this.changed = changed;
    this.hidden = new Set(); // "MODE:KEY"
    this.before = []; // what was hidden before the first click of a double click
    this.mode = "";
  }

  isHidden(key) {
    return this.hidden.has(`${this.mode}:${key}`);
  }

  toggle(key) {
    if (!this.hidden.delete(`${this.mode}:${key}`)) this.hidden.add(`${this.mode}:${key}`);
    this.changed();
  }

  isolate(key, all) {
    const alone = !this.isHidden(key) && all.every((each) => each === key || this.isHidden(each));
    for (const each of all) this.hidden.delete(`${this.mode}:${each}`);
    for (const each of alone ? [] : all) if (each !== key) this.hidden.add(`${this.mode}:${each}`);
    this.changed();
  }

  draw(look) {
    const { mode, store, suggest, pool, current } = look, n = store.tally();
    const rest = Math.max(0, pool - Object.values(n).reduce((sum, each) => sum + each, 0));
    const rows = rowsOf(look), all = rows.map(([key]) => key);
    const empty = ["like", "sure"].includes(mode) && !look.columns;
    const shown = rows.map(([key, , words, count]) => [key, words, count, this.isHidden(key)]);
    const key = [mode, current, pool, n, empty, suggest.reason(), shown, store.classes.map((each) => each.colour)];
    redraw(this.host, key, () => [
      current && entry("current", "label.key_current", null),
      entry("ring", "label.state_open", n.open),
      n.skip > 0 && entry("cross", "label.state_skip", n.skip),
      n.flag > 0 && entry("flag", "label.state_flag", n.flag),
      pool > 0 && entry("pool", "label.key_pool", rest),
      rows.map((row) => this.button(row, all)),
      note(mode, empty, suggest),
    ]);
  }

  button([key, mark, words, n], all) {
    const made = el(
      "button",
      {
        type: "button",
        class: "lb-key",
        "aria-pressed": String(!this.isHidden(key)),
        title: t("label.legend_hint"),
        dataset: { key },
      },
      mark,
      el("span", { dir: "auto" }, words),
      el("small", {}, fmt.int(n)),
    );
    made.addEventListener("mousedown", (event) => event.preventDefault());
    made.addEventListener("click", (event) => {
      if (event.shiftKey) return this.isolate(key, all);
      if (event.detail > 1) return;
      this.before = [...this.hidden];
      this.toggle(key);
    });
    made.addEventListener("dblclick", () => { // as if its first click had not been
      this.hidden = new Set(this.before);
      this.isolate(key, all);
    });
    return made;
  }
}

const sign = (kind) => el("i", { class: `lb-sign lb-sign-${kind}`, "aria-hidden": "true" });

function entry(kind, key, n) {
  return el("span", { class: "lb-key" }, sign(kind), t(key), n === null ? "" : el("small", {}, fmt.int(n)));
}

function note(mode, empty, suggest) {
  const why = suggest.on ? suggest.reason() || t("label.why_labels") : t("label.why_off");
  if (empty) return el("span", { class: "lb-key" }, why);
  return mode === "sure" ? el("span", { class: "lb-key" }, t("label.fainter")) : false;
}

/** What can be hidden, as [key, mark, words, number]. */
function rowsOf({ mode, groups, store, suggest, columns }) {
  const used = (n) =>
    store.classes.map((each) => [each.id, classMark(each), each.name, n(each)]).filter(([, , , count]) => count > 0);
  if (mode === "label") return used((each) => store.counts.get(each.id) || 0);
  if ((mode === "like" || mode === "sure") && columns) return used((each) => suggest.list(each.id).length);
  if (mode === "group" && groups) return groupRows(groups);
  if (mode !== "chosen" && mode !== "part") return [];
  const n = { pick: 0, check: 0 };
  for (const part of membersOf(mode, store).values()) n[part] += 1;
  const row = (part) => [part, sign(part === "pick" ? "pick" : "darkdot"), t(`label.${mode}_${part}`), n[part]];
  return ["pick", "check"].filter((part) => n[part]).map(row);
}

function groupRows(groups) {
  const sizes = new Map();
  groups.of.forEach((each) => sizes.set(each, (sizes.get(each) || 0) + 1));
  const sorted = [...sizes].sort((a, b) => a[0] - b[0]);
  return sorted.map(([each, n]) => [each, colourMark(each), t("label.group", { n: each + 1 }), n]);
}
