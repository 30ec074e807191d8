// Finishing the folder: a goal, what can be accepted for it, what is accepted and what is left (/x/K/finish).
import { app } from "../shell/app.js";
import { el } from "../shell/dom.js";
import { fmt } from "../shell/format.js";
import { toast } from "../shell/notices.js";
import { goTo } from "../shell/pages.js";
import { redraw } from "../shell/redraw.js";
import { api } from "../shell/server.js";
import { stampNow, startRun } from "../shell/state.js";
import { counted, t } from "../shell/text.js";
import { askChecks } from "./accuracy.js";
import { meter, notes, percent, unlabeled } from "./finish_facts.js";
import { ForecastLine } from "./forecast.js";
import { keepGoals, keptGoals } from "./goals.js";
import { OwnGoals, partWords } from "./own_goals.js";
import { canLook } from "./words.js";

const USUAL = 0.95;
const MORE = 100; // check images, as app/pages/results/finish.py has it
const MINUTE = 60; // s

/** How many check images would carry it. */
const needs = (found) => found.needs ? counted("finish.needs", found.needs) : t("finish.needs_none");

/** What more check images would buy, in words. */
const then = (best) => ({ more: fmt.int(MORE), best: percent(best) });

export class Finish {
  /** changed(): how far the folder is may be another. */
  constructor(changed) {
    this.changed = changed;
    this.key = ""; // of what is shown
    this.busy = false;
    this.data = /** @type {Finishing | null} */ (null);
    this.own = new OwnGoals(() => this.set());
    this.forecast = new ForecastLine();
    this.goal = 0; // until the person, or what is accepted, says one
    this.number = 0; // of the run that is shown
    this.move = (goal) => (this.goal = goal);
    this.top = el("div");
    this.slider = el("div");
    this.says = el("div", { class: "finish-says", "aria-live": "polite" });
    this.node = el(
      "section",
      { class: "part results-finish", id: "results-finish", hidden: true },
      el("h2", {}, t("finish.title")),
      this.top,
      this.slider,
      this.own.node,
      this.says,
    );
  }

  update(data) {
    this.node.hidden = !canLook(data) || !this.data;
    if (!canLook(data) || app.page !== "results") return;
    this.number = data.run.number;
    const key = `${data.run.id}:${data.predicted.id}:${stampNow()}`;
    if (key === this.key) return;
    this.key = key;
    this.read(data.run.id, key);
  }

  /** {met, seconds}: whether nothing is left to be labeled or accepted, and a person's time for a label. */
  stand() {
    const { data } = this;
    return { met: Boolean(data && data.open <= 0), seconds: data ? data.seconds : 0 };
  }

  async read(run, key) {
    try {
      const found = await api(`/finish?run=${run}`);
      if (this.key === key) this.take(found);
    } catch (error) {
      this.key = "";
      console.warn("no way to finish:", error);
    }
  }

  take(found) {
    const first = !this.data || this.data.run !== found.run;
    this.data = found;
    if (first) this.recall(found);
    this.node.hidden = false;
    this.draw();
  }

  /** The goals that the person set last, whichever run was shown; else those of what is accepted; else the usual. */
  recall({ step, best, classes }) {
    const last = keptGoals() || (step && !step.older ? step : null), own = Object.entries(last?.own || {});
    this.own.set(Object.fromEntries(own.filter(([id]) => classes.some((each) => each.id === Number(id)))));
    this.goal = last?.goal || Math.min(USUAL, best || USUAL);
  }

  /** The person has set a goal. */
  set() {
    keepGoals(this.goal, this.own.goals);
    this.draw();
  }

  /** Ask the server to do something of it; what it answers is shown. */
  async post(path, body, words) {
    if (this.busy) return;
    this.busy = true;
    this.draw();
    try {
      this.data = await api(`/finish/${path}`, { run: this.data.run, ...body });
      if (words) toast(words(this.data), "good", this.undoing(path));
    } catch (error) {
      toast(error);
    }
    this.busy = false;
    this.draw();
  }

  undoing(path) {
    return path === "undo" ? null : { text: t("finish.undo"), act: () => this.undo() };
  }

  undo = () => this.data.step && this.post("undo", { step: this.data.step.id }, () => t("finish.undone"));

  redo = () => this.post("redo", { step: this.data.again.id }, (now) => counted("finish.accepted", now.accepted));

  accept(by) {
    const body = { goal: this.goal, own: this.own.goals, by };
    this.post("accept", body, (now) => counted("finish.accepted", now.accepted));
  }

  // ---- drawing
  draw() {
    const { data, goal, busy } = this;
    redraw(this.top, [data, busy], () => [this.how(), meter(data), notes(data, this.number), this.acts()]);
    const asks = data.checks > 0 && data.strange >= 0 && unlabeled(data) > 0;
    redraw(this.slider, [asks, data.goals.length, data.run], () => asks ? this.slide() : null);
    this.own.draw(asks ? data : null, goal);
    redraw(this.says, [data, goal, busy, this.own.goals], () => this.words());
    this.changed();
  }

  how() {
    return this.data.step ? null : el("p", { class: "small finish-how" }, t("finish.how"));
  }

  acts() {
    const { step, again, open, strange } = this.data, review = t(step ? "finish.review" : "finish.review_open");
    const button = (id, words, act, kind = "") =>
      el("button", { class: `btn slim ${kind}`, type: "button", id, disabled: this.busy, onclick: act }, words);
    return el(
      "div",
      { class: "finish-acts" },
      open > 0 && strange >= 0 ? button("finish-review", review, () => this.review()) : null,
      step ? button("finish-undo", t("finish.undo"), this.undo, "quiet") : null,
      again ? button("finish-redo", t("finish.redo", { n: fmt.int(again.images) }), this.redo, "quiet") : null,
    );
  }

  slide() {
    const { goals } = this.data, last = goals.length - 1;
    const nearest = () => goals.reduce((best, each, i) => gap(each) < gap(goals[best]) ? i : best, 0);
    const gap = (each) => Math.abs(each.goal - this.goal);
    const value = el("output", { class: "num", for: "finish-goal" });
    const range = el("input", {
      type: "range",
      class: "sl-range",
      id: "finish-goal",
      min: "0",
      max: String(last),
      step: "1",
      oninput: () => {
        this.goal = goals[Number(range.value)].goal;
        say();
        this.set();
      },
    });
    const label = el("label", { for: "finish-goal" });
    const say = () => {
      range.setAttribute("aria-valuetext", percent(this.goal));
      range.style.setProperty("--part", `${(100 * Number(range.value)) / last}%`);
      label.textContent = t("finish.goal", { goal: percent(this.goal) });
      value.textContent = percent(this.goal);
    };
    range.value = String(nearest());
    this.goal = goals[Number(range.value)].goal;
    this.move = (goal) => {
      this.goal = goal;
      range.value = String(nearest());
      say();
      this.set();
    };
    say();
    return el("div", { class: "finish-goal" }, label, el("div", { class: "sl-slide" }, range, value));
  }

  words() {
    const { data } = this;
    if (!unlabeled(data)) return null;
    if (data.strange < 0) return this.earlier();
    if (!data.checks) return this.noChecks();
    const found = data.goals.find((each) => Math.abs(each.goal - this.goal) < 1e-6);
    if (!found) return null;
    if (this.own.any) return this.split(found);
    if (found.asked === null) return found.goal > data.best + 1e-6 ? this.takes(found) : this.question();
    return [...(found.asked ? this.can(found) : this.cannot(found)), this.before(found.before)];
  }

  /** What an earlier training let through at the same goal, where that is more. */
  before(found) {
    const { step } = this.data;
    if (!found || (step && step.run === found.number)) return null;
    const told = { number: fmt.int(found.number), able: fmt.int(found.able) };
    const button = { class: "btn slim", type: "button", id: "finish-before", disabled: this.busy };
    const onclick = () => this.accept(found.run);
    return el(
      "div",
      { class: "finish-before" },
      el("p", { class: "small" }, t("finish.before", told)),
      el("button", { ...button, onclick }, t("finish.before_accept", told)),
    );
  }

  /** Where classes have goals of their own. */
  split(plain) {
    const found = this.data.splits.find((each) => this.own.are(each, this.goal));
    if (!found) return plain.goal > this.data.best + 1e-6 ? this.takes(plain) : this.question();
    return [...partWords(found.parts), ...(found.asked ? this.can(found) : this.cannot(found))];
  }

  earlier() {
    const again = () => startRun("predict", { run: this.data.run }).catch(toast);
    return [
      el("p", {}, t("finish.earlier")),
      el("button", { class: "btn slim", type: "button", onclick: again }, t("results.predict_again")),
    ];
  }

  noChecks() {
    const takes = this.data.goals.find((each) => Math.abs(each.goal - USUAL) < 1e-6).takes;
    const n = Math.ceil(takes / 10) * 10, able = unlabeled(this.data) > n; // else none would be left to accept
    return [
      el("p", {}, t("finish.none")),
      able ? this.more(n, t("finish.choose_checks", { n: fmt.int(n) })) : el("p", {}, t("finish.few")),
    ];
  }

  more(n, words) {
    return el("button", { class: "btn slim", type: "button", id: "finish-more", onclick: () => askChecks(n) }, words);
  }

  /** What a goal takes that cannot be kept whatever the check images say. */
  takes(found) {
    const { best, checks } = this.data, lacking = found.lacks < unlabeled(this.data) ? found.lacks : null;
    const told = { goal: percent(found.goal), takes: fmt.int(found.takes), checks: fmt.int(checks) };
    const set = () => this.move(best);
    return [
      el("p", {}, t("finish.takes", told)),
      el("p", { class: "small" }, best ? t("finish.best", { best: percent(best) }) : t("finish.best_none")),
      this.data.open > 0 ? el("p", { class: "small" }, this.lacks(lacking)) : null,
      el(
        "div",
        { class: "finish-acts" },
        best
          ? el(
            "button",
            { class: "btn slim", type: "button", id: "finish-set", onclick: set },
            t("finish.set", { best: percent(best) }),
          )
          : null,
        lacking === null ? null : this.more(lacking, counted("finish.more", lacking)),
      ),
    ];
  }

  /** How many check images more a goal takes, beside those there are. */
  lacks(more) {
    if (more === null) return t("finish.lacks_none");
    return t("finish.lacks", { more: fmt.int(more), all: fmt.int(this.data.checks + more) });
  }

  question() {
    const asked = this.data.look - 1;
    const ask = { class: "btn slim", type: "button", id: "finish-ask", disabled: this.busy };
    const { best, checks } = this.data, most = Math.abs(this.goal - best) < 1e-6;
    const told = { best: percent(best), checks: fmt.int(checks) };
    return [
      most ? el("p", { class: "small" }, t("finish.most", told)) : null,
      el(
        "button",
        { ...ask, onclick: () => this.post("ask", { goal: this.goal, own: this.own.goals }) },
        t(this.busy ? "finish.asking" : "finish.ask"),
      ),
      el("p", { class: "small faint" }, asked ? counted("finish.costs_again", asked) : t("finish.costs")),
    ];
  }

  can(found) {
    const { data } = this, open = data.open + data.accepted, left = open - found.asked;
    const long = fmt.about(Math.max(MINUTE, left * (data.seconds || fmt.pace())));
    const time = t(data.seconds ? "finish.time" : "finish.time_usual", { time: long });
    const told = { able: fmt.int(found.asked), open: fmt.int(open), left: fmt.int(left), time };
    const stands = data.step && !data.step.older && this.own.are(data.step, found.goal);
    const back = data.again; // what was accepted, and taken back: its own button accepts the same again
    const redone = back && !back.older && back.images === found.asked && this.own.are(back, found.goal);
    const words = stands
      ? left > 0 && counted("finish.left", left, told)
      : t(left > 0 ? "finish.can" : "finish.can_all", told);
    const button = { class: "btn slim", type: "button", id: "finish-accept", disabled: this.busy };
    return [
      words && el("p", { id: "finish-can" }, words),
      el(
        "p",
        { class: "small faint" },
        t("finish.rests", { checks: fmt.int(found.checks), wrong: fmt.int(found.wrong) }),
      ),
      left > 0 && found.then ? el("p", { class: "small faint" }, t("finish.then", then(found.then))) : null,
      stands || redone
        ? null
        : el("button", { ...button, onclick: () => this.accept(0) }, counted("finish.accept", found.asked)),
      left > 0 ? this.later(found) : null,
    ];
  }

  cannot(found) {
    const told = { goal: percent(found.goal), checks: fmt.int(found.checks), wrong: fmt.int(found.wrong) };
    const lowest = found === this.data.goals[0], train = () => goTo("select");
    return [
      el("p", {}, t(lowest ? "finish.cannot_lowest" : "finish.cannot", told)),
      found.parts ? null : el("p", { class: "small" }, needs(found)),
      this.later(found),
      el("button", { class: "btn slim", type: "button", onclick: train }, t("finish.choose_more")),
    ];
  }

  /** What more labels would probably bring; nothing where classes have goals of their own. */
  later(found) {
    return found.parts ? null : this.forecast.of(this.data.run, found.goal, this.key);
  }

  review() {
    app.wish.rest = this.data.run;
    goTo("label");
    document.dispatchEvent(new CustomEvent("fs:label"));
  }
}
