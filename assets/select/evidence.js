// The Select page's figures: how well the chosen images stand for the pool, another strategy on demand, the regions
// without a pick.
import { app } from "../shell/app.js";
import { backboneOf } from "../shell/backbones.js";
import { el } from "../shell/dom.js";
import { fmt } from "../shell/format.js";
import { icon } from "../shell/icons.js";
import { errorBox, toast } from "../shell/notices.js";
import { thumbUrl } from "../shell/pictures.js";
import { redraw } from "../shell/redraw.js";
import { startRun, stopRun } from "../shell/state.js";
import { counted, t } from "../shell/text.js";
import { MEASURES, plot, rowsOf, winners, written } from "./plots.js";

const PENDING = new Set(["queued", "running"]);
const FEW = 4; // regions that are listed at once

/** Whether a run came after a choice: by their numbers where both have one, for a clock may have been set back. */
const isSince = (run, { run: chose, created }) => (chose ? run.id > chose : run.created > created);

/** What a choice of unsure images is to be judged by. */
function unsure({ by, picks, rest }) {
  if (picks === null || rest === null) return t("select.doubt_unknown");
  return t(`select.doubt_${by}`, { picks: fmt.pct(picks, 0), rest: fmt.pct(rest, 0) });
}

// Who is the best by which measure, a sentence each.
function wins(rows) {
  const named = (measures) => measures.map((each) => t(`select.measure_${each}`)).join(", ");
  const words = (name, measures) => t(name ? "select.wins" : "select.wins_tie", { name, measures: named(measures) });
  return [...winners(rows)].map(([name, measures]) => el("p", { class: "small sv-wins" }, words(name, measures)));
}

// act: look(id), add(id) to the choice, title(strategy), choices() of strategies, chosen(id): whether it is chosen now
export class Evidence {
  constructor(host, act) {
    this.host = host;
    this.act = act;
    this.parts = {
      plots: el("div", { class: "sv-plots" }),
      others: el("div", { class: "sv-others" }),
      regions: el("div", { class: "sv-regions" }),
    };
    this.wanted = "";
    this.all = false;
    this.meter = null;
    this.host.append(el("h2", {}, t("select.evidence")), this.parts.plots, this.parts.others, this.parts.regions);
  }

  about(state) {
    const selection = state && state.selection, found = selection && selection.config && selection.config.evidence;
    return (found && this.anew(state)?.evidence) || found || null;
  }

  /** The newest figures of the choice as it is now, where it was judged anew. */
  anew(state) {
    const { id, mark } = state.selection;
    const runs = state.runs.filter((run) => run.kind === "compare" && run.status === "done" && run.result?.evidence);
    return runs.map((run) => run.result).find((result) => result.selection === id && result.mark === mark);
  }

  draw(state) {
    const found = this.about(state);
    this.host.hidden = !found;
    if (!found) return;
    const compared = this.comparisons(state), rows = rowsOf(found, compared, this.act.title);
    const stale = state.selection.changed && !this.anew(state) ? state.selection.changed : 0;
    const key = [state.selection.id, state.selection.mark, stale, found.radius, rows.map((row) => row.name)];
    redraw(this.parts.plots, key, () => [
      stale ? this.stale(stale) : null,
      found.doubt ? el("p", { class: "sv-doubt" }, unsure(found.doubt)) : null,
      ...wins(rows),
      MEASURES.map((measure) => plot(measure, rows, !found.doubt && state.selection.strategy !== "random")),
      this.note(found, compared),
    ]);
    this.drawOthers(state, found, compared);
    this.drawRegions(state, found);
  }

  comparisons(state) { // newest first; one for each strategy
    const seen = new Map();
    for (const run of state.runs) {
      const result = run.kind === "compare" && run.status === "done" && run.result;
      if (result && result.strategy && result.selection === state.selection.id && !seen.has(result.strategy)) {
        seen.set(result.strategy, result);
      }
    }
    return seen;
  }

  stale(n) {
    const running = app.state.runs.some((run) => run.kind === "compare" && PENDING.has(run.status));
    const onclick = (event) => this.start(event.currentTarget, { now: true });
    const button = el(
      "button",
      { type: "button", class: "btn slim", disabled: running, onclick },
      t("select.judge_now"),
    );
    return el("p", { class: "small sv-warn sv-stale" }, counted("select.judged_before", n), " ", button);
  }

  start(button, config) {
    button.disabled = true;
    startRun("compare", config).catch(toast).finally(() => {
      button.disabled = false;
    });
  }

  note(found, compared) {
    const says = [t("select.lot_note")], state = app.state;
    if (state?.selection?.changed && this.anew(state)) says.unshift(t("select.judged_now"));
    if (found.known) says.push(t(found.known === 1 ? "select.known_one" : "select.known", { n: fmt.int(found.known) }));
    if (found.sample < found.pool) says.push(t("select.judged_sample", { n: fmt.int(found.sample) }));
    for (const result of compared.values()) {
      if (result.instead) {
        says.push(
          t("select.compared_instead", {
            name: this.act.title(result.strategy),
            instead: this.act.title(result.instead),
          }),
        );
      }
    }
    return el("p", { class: "small sv-note" }, says.join(" "));
  }

  // ---- another strategy, on demand
  drawOthers(state, found, compared) {
    const newest = state.runs.find((each) => each.kind === "compare"),
      run = newest && PENDING.has(newest.status) ? newest : null;
    const failed = newest && newest.status === "failed" && isSince(newest, state.selection);
    const trouble = failed ? newest.reason : "", waits = run && run.status === "queued";
    const list = run
      ? []
      : this.act.choices().filter((each) =>
        !["random", state.selection.strategy].includes(each.value) && !compared.has(each.value) &&
        !(each.needs_labels && found.known === 0) && // without labels it would choose as ActiveFT does
        !(each.words && !backboneOf(state.selection.backbone)?.words?.ready)
      );
    redraw(this.parts.others, [
      run && [run.id, run.stopping, waits, this.act.title(run.config.strategy)],
      list.map((each) => each.value),
      trouble,
    ], () => [
      ...(run ? this.comparing(run, waits) : list.length ? this.offer(list) : []),
      ...(trouble ? [errorBox({ what: t("select.compare_failed"), found: trouble })] : []),
    ]);
    if (!run) return;
    const at = state.run && state.run.id === run.id ? state.run.progress : null;
    this.meter.style.width = `${at && at.total ? Math.min(100, (100 * at.done) / at.total) : 0}%`;
  }

  comparing(run, waits) {
    const own = run.config.now ? "judging" : "comparing";
    const words = run.config.now && waits ? "judging_waits" : waits ? "compare_waits" : own;
    this.meter = el("i", {});
    return [
      el(
        "p",
        { class: "small", role: "status" },
        t(`select.${words}`, { name: this.act.title(run.config.strategy) }),
      ),
      el("div", { class: "meter" }, this.meter),
      el(
        "button",
        {
          type: "button",
          class: "btn slim sv-stop",
          disabled: run.stopping,
          onclick: () => stopRun(run.id).catch(toast),
        },
        icon("stop"),
        t(run.stopping ? "select.stopping" : "select.stop"),
      ),
    ];
  }

  offer(choices) {
    const list = el(
      "select",
      { class: "field", "aria-label": t("select.compare_with") },
      choices.map((each) => el("option", { value: each.value }, each.title)),
    );
    if (choices.some((each) => each.value === this.wanted)) list.value = this.wanted;
    const help = el("p", { class: "small" });
    const say = () => {
      this.wanted = list.value;
      help.textContent = choices.find((each) => each.value === this.wanted).help;
    };
    list.addEventListener("change", say);
    say();
    const start = (event) => this.start(event.currentTarget, { strategy: this.wanted });
    return [
      el(
        "div",
        { class: "sv-compare" },
        list,
        el("button", { type: "button", class: "btn", onclick: start }, t("select.compare")),
      ),
      help,
    ];
  }

  // ---- regions without a pick
  gaps(state) {
    const found = this.about(state);
    return found ? found.gaps.filter((gap) => !this.act.chosen(gap.item) && !this.act.isOut(gap.item)) : [];
  }

  size(gap) {
    return t(gap.size === 1 ? "select.region_one" : "select.region", { n: fmt.int(gap.size) });
  }

  drawRegions(state, found) {
    const list = this.gaps(state), share = fmt.pct(found.gap_share);
    redraw(this.parts.regions, [state.selection.id, list.map((gap) => gap.item), this.all], () => {
      const head = el("h3", {}, t("select.gaps"));
      if (!list.length) return [head, el("p", { class: "small" }, t("select.no_gaps"))];
      const count = found.gap_count || found.gaps.length,
        told = count > list.length ? "select.gaps_largest" : "select.gaps_found",
        short = list.length > FEW + 1,
        few = short && !this.all ? list.slice(0, FEW) : list;
      const more = el("button", {
        type: "button",
        class: "btn quiet slim sv-more",
        onclick: () => {
          this.all = !this.all;
          this.drawRegions(state, found);
        },
      }, t(this.all ? "select.gaps_few" : "select.gaps_all", { n: list.length }));
      return [
        el(
          "div",
          { class: "sv-head" },
          head,
          el("span", { class: "small" }, t(told, { n: fmt.int(count), share, shown: fmt.int(list.length) })),
        ),
        el("p", { class: "small" }, t("select.gaps_hint")),
        few.map((gap) => this.regionLine(gap)),
        short ? more : "",
      ];
    });
  }

  regionLine(gap) {
    const look = el(
      "button",
      { type: "button", class: "sv-gap", onclick: () => this.act.look(gap.item) },
      el("img", { src: thumbUrl(gap.item), alt: "", loading: "lazy", draggable: "false" }),
      el("span", {}, this.size(gap), el("small", {}, t("select.region_far", { far: written.mean(gap.distance) }))),
    );
    const words = { "aria-label": t("choice.add_region_of", { region: this.size(gap) }), title: t("choice.add") };
    const onclick = () => this.act.add(gap.item);
    const add = el("button", { type: "button", class: "btn slim", ...words, onclick }, t("choice.add_region"));
    return el("div", { class: "sv-region" }, look, add);
  }

  region(state, id) {
    const gap = this.gaps(state).find((each) => each.item === id);
    return gap && { title: this.size(gap), line: t("select.key_gap") };
  }
}
