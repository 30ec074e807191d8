// The Select page's form, made from the fields of SelectConfig.
// It shows what the newest selection was made with, until the person enters something else; that is kept in the browser
// for this selection.
import { app } from "../shell/app.js";
import { el } from "../shell/dom.js";
import { icon } from "../shell/icons.js";
import { keep, kept } from "../shell/kept.js";
import { chooseBackbone, chosenBackbone } from "../shell/person.js";
import { t } from "../shell/text.js";
import { Budget } from "./budget.js";
import { makeField } from "./fields.js";
import { titleOf } from "./weights.js";

const FIRST = ["strategy", "check"]; // they stand right behind the budget
const PART = 5; // at most one image of so many is suggested as a check image
const APART = ["budget", "extend"]; // "extend" is a button of its own beside "Select again"

export class SelectForm {
  /** changed() after each change.
   *  @param {HTMLElement} host
   *  @param {Field[]} fields
   *  @param {Chosen | null} selection  the newest one
   *  @param {() => void} changed
   *  @param {HTMLElement} beside  stands behind the check images */
  constructor(host, fields, selection, changed, beside) {
    this.host = host;
    this.beside = beside;
    this.changed = changed;
    this.known = new Map(fields.map((field) => [field.name, field]));
    this.name = `fact.select.${app.key}`;
    this.of = selection ? selection.id : 0;
    this.values = this.begin(fields, selection);
    this.before = null; // check images that stood there before only they were asked for
    const more = () => this.values.check;
    this.budget = new Budget(this.known.get("budget"), this.values.budget, (value) => this.set("budget", value), more);
    this.fields = new Map();
    this.build(fields);
    this.budget.draw();
    this.followBackbone();
    document.addEventListener("fs:backbone", this.followBackbone);
  }

  destroy() {
    document.removeEventListener("fs:backbone", this.followBackbone);
  }

  begin(fields, selection) {
    const defaults = Object.fromEntries(fields.map((field) => [field.name, field.default]));
    /** @type {Record<string, any>} */
    const values = { ...defaults, ...this.valid(selection && selection.config), extend: false };
    this.suggested = selection ? 0 : values.check; // check images, until the person says how many
    values.budget = String(values.budget);
    try {
      const draft = JSON.parse(kept(this.name));
      if (draft && draft.of === this.of) {
        Object.assign(values, this.valid(draft.values));
        this.suggested = 0;
      }
    } catch { /* nothing kept */ }
    return values;
  }

  valid(stored) {
    return Object.fromEntries(Object.entries(stored || {}).filter(([name]) => this.known.has(name)));
  }

  build(fields) {
    const make = (field) => {
      const made = makeField(field, this);
      this.fields.set(field.name, made);
      return made.node;
    };
    const rest = fields.filter((field) => !APART.includes(field.name));
    const first = FIRST.filter((name) => this.known.has(name)).map((name) => this.known.get(name));
    const plain = rest.filter((field) => !field.expert && !FIRST.includes(field.name));
    const expert = rest.filter((field) => field.expert);
    const title = el("summary", {}, icon("chevron-right"), t("select.more"));
    const more = el("details", { class: "sl-more" }, title, expert.map(make));
    this.host.replaceChildren(
      this.budget.node,
      ...first.map(make),
      el("div", {}, this.beside),
      ...plain.map(make),
      more,
    );
  }

  /** The person has begun to write, perhaps nothing that counts yet: a larger pool proposes no other number. */
  begun(name) {
    if (name === "check") this.suggested = 0;
  }

  set(name, value) {
    this.values[name] = value;
    this.begun(name);
    keep(this.name, JSON.stringify({ of: this.of, values: this.values }));
    if (name === "backbone") chooseBackbone(value);
    if (name === "check") this.budget.draw(); // they take time too
    this.changed();
  }

  // The Project page has a list of backbones too: both show the same choice.
  followBackbone = () => {
    const field = this.known.get("backbone");
    if (!field) return;
    this.values.backbone = chosenBackbone(field.default);
    this.remark();
  };

  /** Weights have come or gone: the list of backbones says which are here. */
  remark() {
    this.fields.get("backbone")?.say();
  }

  titleOf(name, value) {
    return name === "backbone" ? titleOf(value) : "";
  }

  count() {
    return this.budget.count();
  }

  problem() {
    return this.budget.problem();
  }

  setPool(n) {
    const checks = Math.min(this.suggested, Math.floor(n / PART));
    if (this.suggested && checks !== this.values.check) {
      this.values.check = checks;
      this.checks.value = String(checks);
      this.fields.get("check").say();
    }
    this.budget.setPool(n);
  }

  /** What the form calls a value. */
  titles(name, value) {
    return this.choices(name).find((each) => each.value === value)?.title;
  }

  choices(name) {
    return this.known.get(name).choices;
  }

  lock(yes) {
    for (const each of this.host.querySelectorAll("input")) each.disabled = yes;
    for (const each of this.host.querySelectorAll("select")) each.disabled = yes;
  }

  // ---- check images
  get checks() {
    return /** @type {HTMLInputElement} */ (this.host.querySelector("input#sf-check"));
  }

  writeChecks(n) {
    this.checks.value = String(n);
    this.checks.dispatchEvent(new Event("input"));
  }

  suggestChecks(n) {
    this.writeChecks(n);
    this.checks.focus();
  }

  /** Only check images: the other fields are out of the way, theirs has the focus and a number. 0: all fields again. */
  onlyChecks(n) {
    const field = this.checks, earlier = this.before ?? this.values.check;
    for (const each of this.host.children) each.toggleAttribute("hidden", n > 0 && !each.contains(field));
    if (!n && this.before === null) return;
    this.before = n ? earlier : null;
    this.writeChecks(n || earlier);
    if (!n) return;
    field.focus();
    field.select();
    field.scrollIntoView({ block: "nearest" });
  }
}
