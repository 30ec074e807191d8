// How many images are chosen: number, slider and unit of one value, as the command line takes it: "50", or "2%".
import { app } from "../shell/app.js";
import { el } from "../shell/dom.js";
import { fmt } from "../shell/format.js";
import { t } from "../shell/text.js";

const SLIDER = { images: [2, 200], part: [0.5, 20] }; // its ends, and its steps
const STEP = { images: 1, part: 0.5 };

export class Budget {
  /** field: title and help; changed(value) takes each new value; more(): check images, which are labeled as well. */
  constructor(field, value, changed, more) {
    this.more = more;
    this.field = field;
    this.value = value;
    this.changed = changed;
    this.unit = value.endsWith("%") ? "part" : "images";
    this.pool = 0;
    const amount = { type: "text", inputmode: "decimal", class: "field sl-number", id: "sf-budget" };
    this.amount = el("input", { ...amount, autocomplete: "off" });
    this.slider = el("input", { type: "range", class: "sl-range", "aria-label": field.title });
    this.ends = [el("span", { class: "small" }), el("span", { class: "small" })];
    this.pace = el("p", { class: "small" });
    this.wrong = el("p", { class: "small sl-wrong", role: "alert", hidden: true });
    this.units = Object.keys(SLIDER).map((each) => {
      return el("input", { type: "radio", name: "sf-unit", value: each, onchange: () => this.convert(each) });
    });
    this.node = this.build();
    this.listen();
  }

  build() {
    const radio = (input) => el("label", { class: "sl-radio" }, input, t(`select.unit_${input.value}`));
    const units = { class: "sl-units", role: "radiogroup", "aria-label": this.field.title };
    return el(
      "div",
      { class: "sl-field" },
      el("div", { class: "sl-row" }, el("label", { for: "sf-budget" }, this.field.title), this.amount),
      this.pace,
      el("div", { class: "sl-slide" }, this.ends[0], this.slider, this.ends[1]),
      el("div", units, this.units.map(radio)),
      this.wrong,
    );
  }

  listen() {
    this.amount.addEventListener("input", () => {
      const told = /^(\d*\.?\d+)\s*(%?)$/.exec(this.amount.value.trim().replace(",", "."));
      if (told && told[2]) this.unit = "part";
      this.write(told ? Number(told[1]) : 0);
    });
    this.amount.addEventListener("blur", () => {
      if (!this.problem()) this.amount.value = String(parseFloat(this.value)); // the sign has gone to the unit
    });
    this.slider.addEventListener("input", () => {
      this.amount.value = this.slider.value;
      this.write(Number(this.slider.value));
    });
  }

  /** Images that the budget buys; as parse_budget does it. */
  count() {
    const number = parseFloat(this.value);
    return this.unit === "part" ? Math.trunc(this.pool * number * 0.01) : number;
  }

  /** Why it cannot be, or "". */
  problem() {
    const n = this.count();
    if (!Number.isFinite(n) || n < 1) return t("select.too_small", { pool: fmt.int(this.pool) });
    if (this.unit === "images" && !Number.isInteger(n)) return t("select.not_whole");
    return this.pool && n > this.pool ? t("select.too_large", { pool: fmt.int(this.pool) }) : "";
  }

  setPool(n) {
    if (n === this.pool) return;
    this.pool = n;
    this.draw();
  }

  convert(to) {
    const images = this.count(), part = Math.round((1000 * images) / Math.max(1, this.pool)) / 10;
    this.unit = to;
    this.write(to === "part" ? Math.max(0.1, part) : Math.max(1, Math.round(images) || 50));
  }

  write(number) {
    this.value = this.unit === "part" ? `${number}%` : String(number);
    this.draw();
    this.changed(this.value);
  }

  draw() {
    const [low, high] = SLIDER[this.unit], number = parseFloat(this.value);
    const top = this.unit === "images" ? Math.max(low, Math.min(high, this.pool || high)) : high;
    Object.assign(this.slider, { min: low, max: top, step: STEP[this.unit], value: number });
    this.ends[0].textContent = String(low);
    this.ends[1].textContent = String(top);
    const share = (100 * (Number(this.slider.value) - low)) / Math.max(1e-9, top - low);
    this.slider.style.setProperty("--part", `${share}%`);
    if (document.activeElement !== this.amount) this.amount.value = String(number);
    for (const each of this.units) each.checked = each.value === this.unit;
    this.drawPace();
  }

  drawPace() {
    const n = this.count(), bad = this.pool ? this.problem() : "";
    const part = this.unit === "part" && n >= 1 ? `${t("select.part_is", { n: fmt.int(n) })} ` : "";
    const lately = app.state && app.state.labels ? app.state.labels.pace : null;
    const key = this.more()
      ? (lately ? "select.pace_checks_own" : "select.pace_checks")
      : (lately ? "select.pace_own" : "select.pace");
    const all = n + this.more(), seconds = all * (lately || fmt.pace());
    const time = fmt.time(all < 10 ? seconds : Math.max(60, Math.round(seconds / 60) * 60));
    const pace = n >= 1 ? t(key, { time, n: fmt.int(all) }) : "";
    this.pace.textContent = `${this.field.help} ${part}${pace}`;
    this.amount.setAttribute("aria-invalid", String(Boolean(bad)));
    this.wrong.textContent = bad;
    this.wrong.hidden = !bad;
  }
}
