// What the scan found. The Stop button stays where it is while the figures below it grow.
import { app } from "../shell/app.js";
import { el } from "../shell/dom.js";
import { fmt } from "../shell/format.js";
import { redraw } from "../shell/redraw.js";
import { t } from "../shell/text.js";
import { notes } from "./notes.js";
import { bar, figures, problems, scanNote, scanRun } from "./parts.js";

export class Found {
  constructor() {
    this.head = el("div");
    this.run = el("div");
    this.rest = el("div");
    this.node = el("section", { class: "part" }, this.head, this.run, this.rest);
    this.note = null; // {node, tell} of the scan under way
    this.noteOf = 0;
  }

  /** found: the answer of /x/KEY/found, or null. */
  draw(project, found) {
    const { counts, run: active, runs } = app.state, scans = project ? runs.filter(isScan) : [];
    const run = project && active && isScan(active) ? active : null, newest = scans[0];
    this.node.hidden = !project || !(run || newest || counts.files);
    if (this.node.hidden) return;
    const said = run ? "" : scanned(scans.find((each) => each.status === "done"));
    redraw(this.head, [said], () =>
      el(
        "div",
        { class: "p-head" },
        el("h2", {}, t("project.found")),
        el("span", { class: "small push" }, said),
      ));
    if (run) this.tell(run);
    redraw(this.run, [run && run.id, newest && [newest.id, newest.status]], () => {
      const note = run ? this.note.node : scanNote(newest);
      return note ? el("div", { style: { "margin-bottom": "16px" } }, note) : "";
    });
    redraw(this.rest, [counts, found], () => [
      counts.files ? [figures(counts), bar(counts)] : "",
      notes(found),
      problems(counts, found),
    ]);
  }

  tell(run) {
    if (this.noteOf !== run.id) Object.assign(this, { note: scanRun(run), noteOf: run.id });
    this.note.tell(run);
  }
}

const isScan = (run) => run.kind === "scan";

function scanned(done) {
  if (!done) return "";
  const when = fmt.when(done.ended).replace(t("time.now"), t("time.today"));
  return t("project.scanned", { when, clock: fmt.clock(done.ended).slice(0, 5), time: fmt.time(done.seconds) });
}
