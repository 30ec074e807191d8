// "Label these next": a new round of images that the shown run is unsure of.
import { app } from "../shell/app.js";
import { cancelButton, showDialog } from "../shell/dialog.js";
import { el } from "../shell/dom.js";
import { fmt } from "../shell/format.js";
import { toast } from "../shell/notices.js";
import { goTo } from "../shell/pages.js";
import { api } from "../shell/server.js";
import { startRun } from "../shell/state.js";
import { counted, t } from "../shell/text.js";
import { gainWords, howGood } from "./ahead.js";
import { busyWith } from "./words.js";

const USUAL = 50, SOON = 200; // images; ms after a key
const MINUTE = 60; // s

/** Images of the pool that nobody has labeled. */
export const unlabeled = ({ counts, labels }) => Math.max(0, counts.pool - (labels ? labels.total : 0));

/** Images of this round without an answer. */
export function leftOfRound(state) {
  const labels = state.labels;
  return labels
    ? Math.max(0, labels.picks + labels.checks - labels.picks_done - labels.checks_done - labels.skipped)
    : 0;
}

/** The button; none where the folder is finished, met, and nothing of a round is left. seconds: for a label. */
export function nextButton(data, met, seconds) {
  const left = leftOfRound(app.state), choosing = busyWith("select");
  if (!left && !choosing && (met || !unlabeled(app.state))) return null;
  const words = choosing ? t("next.choosing") : left ? counted("next.go_on", left) : t("next.open");
  const act = () => (left ? goTo("label") : askNext(data, seconds));
  const look = { class: `btn ${met ? "" : "primary"}`, type: "button", id: "results-next", onclick: act };
  const button = el("button", look, words);
  button.disabled = data.run.status !== "done" || Boolean(choosing);
  return button;
}

async function askNext(data, seconds) {
  const state = app.state, last = state.selection && state.selection.config;
  const most = Math.max(1, unlabeled(state));
  const usual = Math.min(most, Number(last && last.budget) || USUAL);
  const number = el("input", {
    class: "field",
    type: "number",
    id: "next-count",
    min: "1",
    max: String(most),
    step: "1",
    value: String(usual),
    oninput: () => say(),
  });
  const time = el("p", { class: "small", role: "status" }),
    gains = new Gains(data.run),
    yes = el("button", { class: "btn primary", type: "button" });
  const say = () => {
    const fine = number.value !== "" && number.checkValidity(), n = fine ? Number(number.value) : 0;
    number.setAttribute("aria-invalid", String(!fine));
    yes.disabled = !fine;
    yes.textContent = fine ? counted("next.yes", n) : t("next.yes_none");
    gains.of(n);
    time.textContent = fine
      ? t("next.time", { time: fmt.about(Math.max(MINUTE, n * (seconds || fmt.pace()))) })
      : t("next.wrong", { most: fmt.int(most) });
  };
  const about = [el("p", {}, t("next.about", { n: data.run.number })), data.since ? sinceNote() : null];
  const body = el(
    "div",
    { class: "next-body" },
    about,
    el("label", { for: "next-count" }, t("next.count")),
    number,
    time,
    gains.node,
    el("p", { class: "small faint" }, t("next.measured")),
  );
  say();
  const wanted = await showDialog(t("next.open"), body, (close) => {
    yes.addEventListener("click", () => close(number.value));
    return [cancelButton(close), yes];
  });
  if (wanted) start(data.run, wanted, last || {});
}

/** What so many labels would bring in accuracy, asked while the number is typed; nothing where nothing is known. */
class Gains {
  constructor(run) {
    this.run = run;
    this.words = el("p", { class: "small", role: "status" });
    this.how = howGood();
    this.node = el("div", {}, this.words, this.how);
    this.how.hidden = true;
    this.turn = 0;
  }

  async of(n) {
    const turn = this.turn += 1;
    await new Promise((done) => setTimeout(done, SOON));
    if (turn !== this.turn) return;
    const told = n ? await api(`/gain?run=${this.run.id}&more=${n}`).catch(() => null) : null;
    if (turn !== this.turn) return; // another number was typed meanwhile
    this.words.textContent = told?.known ? gainWords(told, this.run.number) : "";
    this.how.hidden = !told?.known;
  }
}

const sinceNote = () => el("p", { class: "note warn" }, t("next.since"));

/** As "Add" on Select does it: the queue keeps what it has. */
async function start(run, budget, last) {
  const same = Object.fromEntries(["near", "seed"].filter((name) => name in last).map((name) => [name, last[name]]));
  const round = { strategy: "next", model: run.id, budget, check: 0, extend: Boolean(app.state.selection) };
  try {
    await startRun("select", { ...same, ...round, backbone: run.backbone });
    goTo("select");
  } catch (error) {
    toast(error);
  }
}
