// The right pane of the Train page: what goes on now, and the log.
import { app } from "../shell/app.js";
import { el } from "../shell/dom.js";
import { fmt } from "../shell/format.js";
import { redraw } from "../shell/redraw.js";
import { decision, t } from "../shell/text.js";
import { dataOf, follow, shownRun } from "./follow.js";
import { isActive, lasted } from "./runs.js";
import { lower, number, partOf, phaseTitle, share } from "./words.js";

const TICK = 1000, SAYS_COPIED = 1500; // ms
const NEAR = 40; // px from the end of the log: then it is scrolled along

/** The piece "train-now". */
export function trainNow(root) {
  const list = el("dl", { class: "facts" }), lines = el("ol", { class: "log" }), title = el("h2", {}, t("train.now"));
  const none = el("p", { class: "small" }, t("train.no_log")), copy = copyButton(lines);
  const head = el("div", { class: "log-head" }, el("h2", {}, t("train.log")), copy);
  root.replaceChildren(
    el("div", { class: "part train-now" }, title, list),
    el("div", { class: "part train-log" }, head, none, lines),
  );
  const draw = () => {
    const state = app.state, run = state && shownRun(state);
    root.hidden = !run;
    if (!run) return;
    const data = dataOf(run), told = data ? logLines(data, run) : [];
    title.textContent = isActive(run) ? t("train.now") : t("train.last_run", { n: run.number });
    list.replaceChildren(...facts(run, data));
    none.hidden = told.length > 0;
    copy.hidden = !told.length;
    const atEnd = root.scrollHeight - root.scrollTop - root.clientHeight < NEAR;
    const drawn = redraw(lines, [run.id, told.length, run.status], () => told.map(lineOf));
    if (drawn && atEnd) root.scrollTop = root.scrollHeight;
  };
  const tick = setInterval(draw, TICK), off = follow(draw);
  return () => {
    clearInterval(tick);
    off();
  };
}

function copyButton(lines) {
  const copy = el("button", { class: "btn quiet slim push", type: "button" }, t("train.copy"));
  copy.addEventListener("click", async () => {
    const text = [...lines.children].map((each) => each.textContent).join("\n");
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      return;
    }
    copy.textContent = t("train.copied");
    setTimeout(() => {
      copy.textContent = t("train.copy");
    }, SAYS_COPIED);
  });
  return copy;
}

// ---- now
function facts(run, data) {
  const told = (isActive(run) ? under(run, data) : ended(run)).concat(kept(data));
  const rows = told.filter(([, value]) => value !== null && value !== "");
  return rows.flatMap(([key, value], place) => [
    el("dt", {}, t(key)),
    el("dd", { class: place || !isActive(run) ? "" : "strong" }, value),
  ]);
}

function under(run, data) {
  const point = data && data.point, doing = partOf(data), left = doing ? doing.seconds_left : point?.seconds_left;
  return [
    ["train.part", doing ? partWords(doing) : null],
    ["train.time_left", run.status !== "running" ? null : Number.isFinite(left) ? fmt.about(left) : t("train.unknown")],
    ["train.left_in_all", leftInAll(data, point, left)],
    ["train.running_for", run.started ? fmt.time(Math.max(0, Date.now() / 1000 - run.started)) : null],
    ["train.images_per_s", point && point.images_per_s ? point.images_per_s.toFixed(1) : null],
  ];
}

/** What is left of this phase, and what those behind it take; null in the last one, or where one is not known. */
function leftInAll(data, point, left) {
  const phases = data ? data.figure.layout.meta.phases.map((each) => each.name) : [];
  const later = point ? phases.slice(phases.indexOf(point.phase) + 1) : [];
  if (!later.length || !Number.isFinite(left) || later.some((each) => !(each in data.expected))) return null;
  return fmt.about(later.reduce((sum, each) => sum + data.expected[each], left));
}

function partWords({ words, done, total }) {
  return total > 1 ? t("train.part_of", { part: words, done: fmt.int(done), total: fmt.int(total) }) : words;
}

function ended(run) {
  const time = lasted(run);
  return [["train.status", t(`run.${run.status}`)], ["train.took", time === null ? null : fmt.time(time)]];
}

function kept(data) {
  const saved = data && data.saved, memory = data && data.memory_mb;
  const at = () => ({ phase: lower(phaseTitle(data, saved.phase)), step: saved.step });
  return [
    ["train.memory", memory ? fmt.bytes(memory * 1e6) : null],
    ["train.last_saved", saved ? t(saved.step ? "train.saved_at" : "train.saved_in", at()) : null],
  ];
}

// ---- the log
const clock = (at) => new Date(at * 1000).toTimeString().slice(0, 8);

function lineOf({ at, text, level, raw }) {
  const time = el("time", {}, at ? clock(at) : "");
  return el("li", { class: level, title: raw }, time, " ", el("span", {}, text));
}

function logLines(data, run) {
  const lines = data.log.map((event) => ({ at: event.at, ...sentence(data, event) })).filter((line) => line.text);
  if (run.status !== "failed") return lines;
  return [...lines, { at: run.ended, text: t("train.log_failed", { reason: run.reason || "" }), level: "error" }];
}

/** One event of the log in words: {text, level, raw}; {} for what is told elsewhere. */
function sentence(data, { kind, body }) {
  if (kind === "log") return { text: body.text, level: body.level };
  if (kind === "phase_started") {
    const vars = { steps: body.steps, parameters: fmt.int(body.trainable_parameters) };
    return { text: t("train.log_started", { phase: phaseTitle(data, body.phase), ...vars }), level: "info" };
  }
  if (kind === "phase_done") {
    const check = body.check_n > 0, accuracy = share(check ? body.check_accuracy : body.train_accuracy);
    const vars = { time: fmt.time(body.seconds), loss: number(body.train_loss), accuracy };
    const key = check ? "train.log_done_check" : "train.log_done";
    return { text: t(key, { phase: phaseTitle(data, body.phase), ...vars }), level: "info" };
  }
  if (kind === "decision") {
    const { title, value } = decision(body.name, body.value), raw = `${body.name}: ${body.value}`;
    return { text: t("train.log_decision", { name: title, value, reason: body.reason }), level: "info", raw };
  }
  return {}; // "saved" is told under Now
}
