// Parts of the Project page that only draw what they are given.
import { el } from "../shell/dom.js";
import { fmt } from "../shell/format.js";
import { icon } from "../shell/icons.js";
import { asSentence, errorBox } from "../shell/notices.js";
import { stopRun } from "../shell/state.js";
import { counted, t } from "../shell/text.js";

const figure = (text, name) => el("div", {}, el("b", {}, text), el("span", { class: "small" }, name));
// The note of a scan under way. It is made once and then told what changes: a button that is made anew at every
// progress loses the click that falls in between.
export function scanRun(run) {
  const said = el("span", {}), left = el("span", { class: "small" }), fill = el("i", {});
  const stop = el(
    "button",
    {
      class: "btn slim push",
      type: "button",
      id: "p-scan-stop",
      onclick: () => stopRun(run.id),
    },
    icon("stop"),
    t("project.stop"),
  );
  const meter = el("div", {
    class: "meter",
    role: "progressbar",
    "aria-valuemin": 0,
    "aria-valuemax": 100,
    "aria-label": t("run.scan"),
  }, fill);
  const node = el("div", { class: "p-run" }, el("div", { class: "line" }, said, left, stop), meter);
  const tell = (now) => {
    const at = now.progress;
    const percent = at && at.total ? (100 * at.done) / at.total : 0;
    said.textContent = at
      ? t("project.scanning_n", { done: fmt.int(at.done), total: fmt.int(at.total) })
      : t("project.scanning");
    left.textContent = at && at.seconds_left ? t("run.left", { time: fmt.about(at.seconds_left) }) : "";
    stop.disabled = Boolean(now.stopping);
    meter.setAttribute("aria-valuenow", String(Math.round(percent)));
    fill.style.width = `${percent}%`;
  };
  return { node, tell };
}
export function scanNote(newest) {
  if (newest && newest.status === "failed") {
    return errorBox({ what: t("project.scan_failed"), found: newest.reason, do: "" });
  }
  if (newest && newest.status === "stopped") return errorBox({ what: t("project.scan_stopped") }, "warn");
  return "";
}
export function figures(counts) {
  const size = counts.sizes[0];
  const one = counts.sizes.length === 1;
  return el(
    "div",
    { class: "p-figures" },
    figure(fmt.int(counts.files), t("project.files")),
    figure(fmt.int(counts.pool), t("project.pool")),
    figure(fmt.int(counts.duplicates), t("project.duplicates")),
    figure(fmt.int(counts.unreadable), t("project.unreadable")),
    counts.missing ? figure(fmt.int(counts.missing), t("project.missing")) : "",
    size ? figure(`${size[0]} × ${size[1]}`, t(one ? "project.all_sizes" : "project.most_sizes")) : "",
    figure(fmt.bytes(counts.bytes), t("project.bytes")),
  );
}
export function problems(counts, found) {
  const rows = found ? found.problems : [];
  if (!rows.length && !counts.duplicates && !counts.excluded) return "";
  const more = found && found.total > rows.length ? found.total - rows.length : 0;
  return el(
    "table",
    { class: "p-problems" },
    el(
      "thead",
      {},
      el(
        "tr",
        {},
        el("th", { scope: "col" }, t("project.not_in_pool")),
        el("th", { scope: "col" }, t("project.reason")),
      ),
    ),
    el(
      "tbody",
      {},
      rows.map((each) =>
        el("tr", {}, el("td", { title: each.path }, each.path), el("td", { class: "small" }, asSentence(each.reason)))
      ),
      more ? el("tr", {}, el("td", {}, t("project.more_problems", { n: fmt.int(more) })), el("td", {})) : "",
      (found?.repeats || []).map(([path, of]) =>
        el("tr", {}, el("td", { title: path }, path), el("td", { class: "small" }, t("project.repeats", { of })))
      ),
      kept(counts.duplicates, "duplicate"),
      kept(counts.excluded, "left_out"),
    ),
  );
}
function kept(n, key) {
  const words = counted(`project.n_${key}`, n);
  return n ? el("tr", {}, el("td", {}, words), el("td", { class: "small" }, t(`project.${key}_reason`))) : "";
}
export const bar = (counts) =>
  el(
    "div",
    { class: "p-bar", "aria-hidden": "true" },
    [["pool", counts.pool], ["dup", counts.duplicates], ["bad", counts.unreadable]].filter(([, n]) => n).map((
      [name, n],
    ) => el("i", { class: name, style: { flex: `${n} 1 0` } })),
  );
const gigabytes = (n) => fmt.bytes(n).replace(/ GB$/, "");
export const computer = (here) => [
  el("h2", { style: { "margin-bottom": "8px" } }, t("project.computer")),
  el(
    "dl",
    { class: "facts" },
    el("dt", {}, t("project.processor")),
    el("dd", {}, t("project.cores", { n: here.cores })),
    el("dt", {}, t("project.memory")),
    el(
      "dd",
      {},
      here.memory_free
        ? t("project.free_of", { free: gigabytes(here.memory_free), all: fmt.bytes(here.memory) })
        : fmt.bytes(here.memory),
    ),
    el("dt", {}, t("project.gpu")),
    el("dd", {}, here.gpu || t("project.no_gpu")),
    el("dt", {}, t("project.disk")),
    el("dd", {}, t("project.free", { free: fmt.bytes(here.disk_free) })),
  ),
  here.gpu ? "" : el("p", { class: "note", style: { "margin-top": "12px" } }, t("project.no_gpu_note")),
];
