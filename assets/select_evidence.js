// The Select page's figures: how well the chosen images stand for the pool, beside random choices and other strategies.
(function () {
  "use strict";

  const MEASURES = ["mean", "worst", "covered", "objective"]; // smaller is better, but for "covered"
  const PENDING = new Set(["queued", "running"]);

  function create(FS, host, act) {
    const el = FS.el, t = FS.t;
    let drawn = "", wanted = "";

    const show = { covered: (v) => `${(100 * v).toFixed(1)} %`, objective: (v) => v.toFixed(2), mean: (v) => v.toFixed(3), worst: (v) => v.toFixed(3) };

    // One line of a small plot: a name, a track with a dot (and the range of the draws), the value.
    function line(measure, row, low, high) {
      const at = (value) => `${(100 * (value - low)) / Math.max(high - low, 1e-9)}%`;
      const value = row.range ? row.range.mean : row.values[measure], says = show[measure](value);
      const track = el("span", { class: "sv-track", "aria-hidden": "true" });
      if (row.range) {
        const band = el("i", { class: "sv-range" });
        band.style.left = at(row.range.low);
        band.style.right = `calc(100% - ${at(row.range.high)})`;
        track.append(band);
      }
      const dot = el("i", { class: `sv-dot sv-${row.kind}` });
      dot.style.left = at(value);
      track.append(dot);
      const title = row.range ? t("select.range", { low: show[measure](row.range.low), high: show[measure](row.range.high) }) : "";
      return el("li", { class: `sv-line sv-is-${row.kind}`, title }, el("span", { class: "sv-name clip" }, row.name), track, el("b", {}, says));
    }
    function plot(measure, rows) {
      const each = rows.map((row) => (row.kind === "lot" ? { ...row, range: row.values[measure] } : row));
      const all = each.flatMap((row) => (row.range ? [row.range.low, row.range.high] : [row.values[measure]]));
      const least = Math.min(...all), most = Math.max(...all), room = Math.max(most - least, 1e-6) * 0.06;
      return el("section", { class: "sv-plot", "aria-label": t(`select.measure_${measure}`) },
        el("h3", {}, t(`select.measure_${measure}`)), el("p", { class: "small" }, t(`select.about_${measure}`)),
        el("ul", {}, each.map((row) => line(measure, row, least - room, most + room))));
    }
    function region(gap) {
      const says = t(gap.size === 1 ? "select.region_one" : "select.region", { n: FS.fmt.int(gap.size) });
      return el("button", { type: "button", class: "sv-gap", title: says, "aria-label": says, onclick: () => act.look(gap.item) },
        el("img", { src: FS.thumb(gap.item), alt: "", loading: "lazy", draggable: "false" }), el("span", {}, FS.fmt.int(gap.size)));
    }

    function rowsOf(state, about) {
      const selection = state.selection, seen = new Map();
      for (const run of state.runs) {
        const result = run.kind === "compare" && run.status === "done" && run.result;
        if (result && result.selection === selection.id && !seen.has(result.strategy)) seen.set(result.strategy, result);
      }
      return [{ kind: "this", name: t("select.this_choice"), values: about.chosen }, { kind: "lot", name: t("select.by_lot"), values: about.random },
        ...[...seen.values()].map((result) => ({ kind: "other", name: act.title(result.strategy), values: result, strategy: result.strategy }))];
    }

    function draw(state) {
      const about = state.selection && state.selection.config && state.selection.config.evidence;
      host.hidden = !about;
      if (!about) return;
      const rows = rowsOf(state, about), run = state.runs.find((each) => each.kind === "compare" && PENDING.has(each.status));
      const last = state.runs.find((each) => each.kind === "compare"), trouble = last && last.status === "failed" ? last.reason : "";
      const busy = run && state.run && state.run.id === run.id ? state.run.progress : null;
      const now = JSON.stringify([state.selection.id, rows.map((row) => row.name), run && run.id, busy && [busy.done, busy.total], trouble]);
      if (now === drawn) return;
      drawn = now;
      const open = host.querySelector("details") ? host.querySelector("details").open : false;
      const others = act.choices().filter((each) => each.value !== state.selection.strategy && each.value !== "random" && !rows.some((row) => row.strategy === each.value));
      host.replaceChildren(el("h2", {}, t("select.evidence")), ...MEASURES.map((measure) => plot(measure, rows)), compare(others, run, busy, trouble), gaps(about, open));
    }

    function compare(others, run, busy, trouble) {
      const nodes = [];
      if (run) {
        const share = busy && busy.total ? Math.min(1, busy.done / busy.total) : 0, bar = el("i", {});
        bar.style.width = `${100 * share}%`;
        nodes.push(el("p", { class: "small", role: "status" }, t("select.comparing", { name: act.title(run.config.strategy) })), el("div", { class: "meter" }, bar),
          el("button", { type: "button", class: "btn slim", disabled: run.stopping, onclick: () => FS.stop(run.id).catch(FS.toast) }, t(run.stopping ? "select.stopping" : "select.stop")));
      } else if (others.length) {
        const list = el("select", { class: "field", "aria-label": t("select.compare_with") }, others.map((each) => el("option", { value: each.value }, each.title)));
        if (others.some((each) => each.value === wanted)) list.value = wanted;
        const help = el("p", { class: "small" });
        const say = () => { wanted = list.value; help.textContent = (others.find((each) => each.value === list.value) || {}).help || ""; };
        list.addEventListener("change", say);
        say();
        nodes.push(el("div", { class: "sv-compare" }, list, el("button", { type: "button", class: "btn", onclick: () => FS.start("compare", { strategy: list.value }).catch(FS.toast) }, t("select.compare"))), help);
      }
      if (trouble) nodes.push(FS.errorBox({ what: t("select.compare_failed"), found: trouble }, "bad"));
      return el("div", { class: "sv-others" }, nodes);
    }
    function gaps(about, open) {
      const n = about.gaps.length;
      if (!n) return el("p", { class: "small" }, t("select.no_gaps"));
      return el("details", { class: "sl-more", open }, el("summary", {}, FS.icon("chevron-right"), t(n === 1 ? "select.gap_one" : "select.gaps", { n, share: (100 * about.gap_share).toFixed(1) })),
        el("p", { class: "small" }, t("select.gaps_hint")), el("div", { class: "sv-gaps" }, about.gaps.map(region)));
    }
    return { draw };
  }

  window.FactSelectEvidence = { create };
})();
