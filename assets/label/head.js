// The head of the label page: how far one is, the pace, what is saved and what waits.
import { el } from "../shell/dom.js";
import { fmt } from "../shell/format.js";
import { icon } from "../shell/icons.js";
import { redraw } from "../shell/redraw.js";
import { onState } from "../shell/state.js";
import { t } from "../shell/text.js";
import { drawRefused } from "./refused.js";

const PACE = 6; // seconds an image, until the person's own pace is known
const FEW = 5; // labels until it is
const STAYS = 10000; // ms that a notice stays
const BREATH = 600; // ms in which no key closes it: that one was meant for an image

const SYNC_ICONS = { saved: "check", saving: "arrows", waiting: "warn", refused: "warn" };

const both = (one, other) => Object.fromEntries(Object.entries(one).map(([name, n]) => [name, n + other[name]]));

export class Head {
  /** redraw: called where a training has learned from the labels meanwhile, or no longer. */
  constructor(parts, store, redraw) {
    this.parts = parts;
    this.store = store;
    this.parts.undo.disabled = this.parts.redo.disabled = true; // until the steps are known
    this.paces = [];
    this.celebrated = "";
    this.timer = null;
    this.since = 0;
    this.trained = false;
    this.end = onState((state) => {
      if (this.trained === Boolean(state.labels?.trained)) return;
      this.trained = Boolean(state.labels?.trained);
      redraw();
    });
    document.addEventListener("keydown", this.onKey, true);
  }

  tally(role) {
    const isOut = (id) => this.store.stateOf(id)?.kind === "exclude"; // the queue is read without it in a moment
    const of = this.store.entries.filter((entry) => entry.role === role && !isOut(entry.id)),
      count = { total: of.length, label: 0, skip: 0, flag: 0 };
    for (const entry of of) {
      const state = this.store.stateOf(entry.id);
      if (state) count[state.kind]++;
    }
    count.open = count.total - count.label - count.skip - count.flag;
    return count;
  }

  /** now: the image that is shown, or null; rest: what a model left is reviewed, so nothing ends with the queue. */
  draw(now, rest) {
    const picks = this.tally("pick"), checks = this.tally("audit"), shown = now && now.at >= 0 ? now.role : "";
    const checking = shown ? shown === "audit" : picks.open === 0 && checks.total > 0;
    const main = both(picks, checks), skipped = main.skip;
    const ended = picks.open === 0 && checks.open === 0, { parts } = this;
    parts.done.textContent = fmt.int(main.label);
    const counts = { total: fmt.int(main.total), n: fmt.int(checks.total) };
    parts.of.textContent = t(checks.total ? "label.of_checks" : "label.of", counts);
    parts.meter.style.width = `${(100 * (main.total - main.open)) / Math.max(1, main.total)}%`;
    const labels = this.trainable(checks);
    const notes = this.notes(main, ended ? 0 : skipped), more = this.asides(main, checking, picks, checks, labels);
    parts.facts.textContent = notes.join(", ");
    parts.facts.title = [...notes, ...more].join(", ");
    parts.skipped.hidden = !skipped || !ended;
    redraw(parts.skipped, skipped, () => this.goBack(skipped));
    const hint = checks.label ? t("label.train_hint", { n: fmt.int(checks.label) }) : "";
    parts.tally.title = hint;
    parts.tally.textContent = checks.label ? t("label.labels_check", { n: fmt.int(checks.label) }) : t("label.labels");
    this.drawTrain(labels, ended && !rest, hint); // in the midst of the rest it is not the next thing to do
    this.drawUndo();
    this.notice(picks, checks, rest ? null : labels);
    this.sync();
  }

  /** Labels that are trained on, also those beside the chosen images. */
  trainable(checks) {
    let labels = 0 - checks.label; // -0 would be written so
    for (const each of this.store.classes) labels += this.store.counts.get(each.id) || 0;
    return labels;
  }

  get usualPace() {
    // The first ones, while classes are thought of and added, say little.
    const known = [...Array(Math.max(0, FEW - this.paces.length)).fill(PACE), ...this.paces];
    return known.sort((a, b) => a - b)[known.length >> 1];
  }

  notes(main, skipped) {
    const minutes = Math.ceil((main.open * this.usualPace) / 60), found = [];
    if (main.open) found.push(t("label.left", { time: fmt.time(Math.max(60, minutes * 60)) }));
    if (skipped) found.push(t("label.n_skipped", { n: skipped }));
    if (main.flag) found.push(t("label.n_flagged", { n: main.flag }));
    return found;
  }

  // What is good to know but not now stands behind the pointer.
  asides(main, checking, picks, checks, labels) {
    const anHour = Math.round(3600 / Math.max(this.usualPace, 0.1) / 10) * 10, found = [];
    if (this.paces.length > 4 && main.open) found.push(t("label.an_hour", { n: fmt.int(anHour) }));
    if (labels > picks.label) found.push(t("label.beside", { n: fmt.int(labels - picks.label) }));
    if (!checking && picks.open && checks.total) found.push(t("label.then_checks", { n: checks.total }));
    return found;
  }

  drawTrain(labels, ended, hint) {
    const { train, long } = this.parts;
    const kinds = this.store.classes.filter((each) => this.store.counts.get(each.id) > 0).length;
    long.textContent = t(labels === 1 ? "label.train_one" : "label.train", { n: fmt.int(labels) });
    train.className = `btn ${ended && !this.trained ? "primary" : "tinted"}`;
    train.disabled = labels === 0 || kinds < 2;
    train.title = kinds < 2 ? t("label.train_two") : hint;
  }

  drawUndo() {
    const { undo, redo } = this.parts, held = document.activeElement;
    undo.disabled = !this.store.undoable.length && !this.store.offered;
    redo.disabled = !this.store.redoable.length;
    if (held === undo && undo.disabled) redo.focus(); // a button that is turned off loses the focus
    else if (held === redo && redo.disabled) undo.focus();
  }

  notice(picks, checks, labels) { // labels: that are trained on; null: it is no time to say so
    const skipped = picks.skip + checks.skip;
    let text = "";
    if (labels !== null && this.store.entries.length && picks.open === 0) {
      // The check images count once the last of them is looked through, as they do in the line above.
      const them = checks.open ? picks : both(picks, checks);
      const key = them.label === them.total ? "label.all_done" : "label.all_seen";
      const done = t(key, { n: them.label, total: them.total });
      if (checks.open === checks.total && checks.total) text = `${done} ${t("label.next_checks", { n: checks.total })}`;
      else if (checks.open === 0) {
        const train = checks.label ? "label.then_train_checks" : "label.then_train";
        text = `${done} ${t(this.trained ? "label.then_results" : train, { n: fmt.int(labels) })}`;
      }
    }
    if (text === this.celebrated) return;
    this.celebrated = text;
    clearTimeout(this.timer);
    this.parts.notice.hidden = !text;
    if (!text) return;
    const button = (act, ...inside) =>
      el("button", {
        type: "button",
        "data-act": act,
        ...(act === "hideNotice" ? { class: "btn icon", "aria-label": t("dialog.close") } : { class: "link" }),
      }, inside);
    this.parts.notice.replaceChildren(
      el("span", {}, text),
      checks.open === 0 && skipped ? button("endSkipped", this.goBack(skipped)) : "",
      button("hideNotice", icon("x")),
    );
    this.timer = setTimeout(this.hush, STAYS);
    this.since = performance.now();
  }

  // It is read once: the next key, or a while, closes it.
  hush = () => {
    clearTimeout(this.timer);
    this.parts.notice.hidden = true;
  };

  onKey = (event) => {
    const { notice } = this.parts;
    if (!notice.hidden && !notice.contains(event.target) && performance.now() - this.since > BREATH) this.hush();
  };

  goBack(n) {
    return [
      t("label.n_skipped", { n: fmt.int(n) }),
      el("span", {}, `: ${t(n === 1 ? "label.to_skipped_one" : "label.to_skipped")}`),
    ];
  }

  number(item) {
    const of = this.store.entries.filter((entry) => entry.role === item.role),
      n = of.findIndex((entry) => entry.id === item.id) + 1;
    return t(item.role === "audit" ? "label.check_number" : "label.number", { n, total: of.length });
  }

  sync() {
    const { waiting, offline, trouble } = this.store.sync, node = this.parts.sync;
    // "saved" is never said of what is still on its way, nor of what could not be stored.
    const refused = this.store.queue.refused.length;
    const state = waiting ? (offline ? "waiting" : "saving") : refused ? "refused" : "saved";
    if (node.dataset.state !== state || state !== "saved") {
      node.dataset.state = state;
      const words = t(`label.sync_${state}`, { n: state === "refused" ? refused : waiting });
      node.replaceChildren(icon(SYNC_ICONS[state]), el("span", {}, words));
    }
    drawRefused(this.parts.refused, this.store.queue, (id) => this.store.items.get(id)?.path?.split("/").pop() || "");
    this.parts.offline.hidden = state !== "waiting";
    if (state !== "waiting") return;
    this.parts.offline.textContent = trouble
      ? `${trouble} ${t("label.waiting_here", { n: waiting })}`
      : t(waiting === 1 ? "label.offline_one" : "label.offline", { n: waiting });
  }

  destroy() {
    clearTimeout(this.timer);
    this.end();
    document.removeEventListener("keydown", this.onKey, true);
  }

  pace(seconds) {
    this.paces = [...this.paces.slice(-19), Math.min(seconds, 60)];
  }
}
