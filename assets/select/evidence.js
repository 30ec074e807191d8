// The Select page's figures: how well the chosen images stand for the pool, beside random choices and other strategies;
// the regions without a pick; how the images were chosen.
(function () {
  "use strict";

  const MEASURES = ["mean", "worst", "covered", "objective"]; // smaller is better, but for "covered"
  const PENDING = new Set(["queued", "running"]);
  const FEW = 4; // regions that are listed at once

  // act: look(id), title(strategy), choices() of strategies, chosen(id): whether an image is chosen now
  function create(FS, host, act) {
    const el = FS.el, t = FS.t;
    const show = { covered: (v) => FS.fmt.pct(v), objective: (v) => v.toFixed(2), mean: (v) => v.toFixed(3), worst: (v) => v.toFixed(3) };
    const about = (state) => (state && state.selection && state.selection.config && state.selection.config.evidence) || null;
    const parts = { plots: el("div", { class: "sv-plots" }), others: el("div", { class: "sv-others" }), regions: el("div", { class: "sv-regions" }) };
    let wanted = "", all = false, meter = null;
    host.append(el("h2", {}, t("select.evidence")), parts.plots, parts.others, parts.regions);

    // What did not change stays as it is: focus, an open list and a click under way are not lost.
    function fill(name, key, make) {
      const now = JSON.stringify(key);
      if (parts[name].dataset.of === now) return;
      parts[name].dataset.of = now;
      parts[name].replaceChildren(...make());
    }

    function draw(state) {
      const found = about(state);
      host.hidden = !found;
      if (!found) return;
      const compared = comparisons(state), rows = rowsOf(found, compared), titles = rows.map((row) => row.name);
      fill("plots", [state.selection.id, titles], () => [...MEASURES.map((measure) => plot(measure, rows, state.selection.strategy)), note(found, compared)]);
      drawOthers(state, found, compared);
      drawRegions(state, found);
    }

    // -------------------------------------------------------------- four small plots
    function comparisons(state) { // newest first; one for each strategy
      const seen = new Map();
      for (const run of state.runs) {
        const result = run.kind === "compare" && run.status === "done" && run.result;
        if (result && result.selection === state.selection.id && !seen.has(result.strategy)) seen.set(result.strategy, result);
      }
      return seen;
    }
    function rowsOf(found, compared) {
      return [{ kind: "this", name: t("select.this_choice"), values: found.chosen }, { kind: "lot", name: t("select.by_lot"), draws: found.random },
        ...[...compared.values()].reverse().map((result) => ({ kind: "other", name: act.title(result.strategy), values: result }))];
    }
    function plot(measure, rows, strategy) {
      const ends = rows.flatMap((row) => (row.draws ? [row.draws[measure].low, row.draws[measure].high] : [row.values[measure]]));
      const least = Math.min(...ends), most = Math.max(...ends), room = Math.max(most - least, 1e-6) * 0.06;
      const at = (value) => `${(100 * (value - least + room)) / (most - least + 2 * room)}%`;
      const says = strategy === "random" ? null : verdict(measure, rows[0].values[measure], rows[1].draws[measure]);
      return el("section", { class: "sv-plot", "aria-label": t(`select.measure_${measure}`) },
        el("h3", {}, t(`select.measure_${measure}`)), el("p", { class: "small" }, t(`select.about_${measure}`)),
        el("ul", {}, rows.map((row) => line(measure, row, at))), says && el("p", { class: `small sv-says ${says.good ? "" : "sv-warn"}` }, t(says.key)));
    }
    // One line: a name, a track with a dot (and the range of the draws), the value.
    function line(measure, row, at) {
      const draws = row.draws && row.draws[measure], value = draws ? draws.mean : row.values[measure];
      const range = draws ? t("select.range", { low: show[measure](draws.low), high: show[measure](draws.high) }) : "";
      const dot = el("i", { class: `sv-dot sv-${row.kind}`, style: { left: at(value) } });
      const band = draws && el("i", { class: "sv-range", style: { left: at(draws.low), right: `calc(100% - ${at(draws.high)})` } });
      return el("li", { class: `sv-line sv-is-${row.kind}`, title: range || null }, el("span", { class: "sv-name clip", title: row.name }, row.name),
        el("span", { class: "sv-track", "aria-hidden": "true" }, band, dot), el("b", {}, show[measure](value)), range && el("span", { class: "sr" }, range));
    }
    function verdict(measure, ours, draws) {
      const sign = measure === "covered" ? -1 : 1, [best, last] = sign > 0 ? [draws.low, draws.high] : [draws.high, draws.low];
      if (Math.abs(best - last) < 1e-6) return null; // every choice is the same here
      if (sign * ours < sign * best) return { good: true, key: "select.better_all" };
      if (sign * ours < sign * draws.mean) return { good: true, key: "select.better_some" };
      const worse = sign * ours > sign * last ? "select.worse_all" : "select.not_better";
      return { good: false, key: measure === "worst" ? `${worse}_worst` : worse };
    }
    function note(found, compared) {
      const says = [t("select.lot_note")];
      if (found.known) says.push(t(found.known === 1 ? "select.known_one" : "select.known", { n: FS.fmt.int(found.known) }));
      if (found.sample < found.pool) says.push(t("select.judged_sample", { n: FS.fmt.int(found.sample) }));
      for (const result of compared.values()) if (result.instead) says.push(t("select.compared_instead", { name: act.title(result.strategy), instead: act.title(result.instead) }));
      return el("p", { class: "small sv-note" }, says.join(" "));
    }

    // -------------------------------------------------------------- another strategy, on demand
    function drawOthers(state, found, compared) {
      const newest = state.runs.find((each) => each.kind === "compare"), run = newest && PENDING.has(newest.status) ? newest : null;
      const failed = newest && newest.status === "failed" && newest.created > state.selection.created;
      const trouble = failed ? newest.reason : "", waits = run && run.status === "queued";
      const list = run ? [] : act.choices().filter((each) => !["random", state.selection.strategy].includes(each.value) && !compared.has(each.value)
        && !(each.needs_labels && found.known === 0)); // without labels it would choose as ActiveFT does
      fill("others", [run && [run.id, run.stopping, waits, act.title(run.config.strategy)], list.map((each) => each.value), trouble], () => [
        ...(run ? comparing(run, waits) : list.length ? offer(list) : []), ...(trouble ? [FS.errorBox({ what: t("select.compare_failed"), found: trouble })] : [])]);
      if (!run) return;
      const at = state.run && state.run.id === run.id ? state.run.progress : null;
      meter.style.width = `${at && at.total ? Math.min(100, (100 * at.done) / at.total) : 0}%`;
    }
    function comparing(run, waits) {
      meter = el("i", {});
      return [el("p", { class: "small", role: "status" }, t(waits ? "select.compare_waits" : "select.comparing", { name: act.title(run.config.strategy) })), el("div", { class: "meter" }, meter),
        el("button", { type: "button", class: "btn slim sv-stop", disabled: run.stopping, onclick: () => FS.stop(run.id).catch(FS.toast) }, FS.icon("stop"), t(run.stopping ? "select.stopping" : "select.stop"))];
    }
    function offer(choices) {
      const list = el("select", { class: "field", "aria-label": t("select.compare_with") }, choices.map((each) => el("option", { value: each.value }, each.title)));
      if (choices.some((each) => each.value === wanted)) list.value = wanted;
      const help = el("p", { class: "small" });
      const say = () => { wanted = list.value; help.textContent = choices.find((each) => each.value === wanted).help; };
      list.addEventListener("change", say);
      say();
      const start = (event) => {
        const button = event.currentTarget;
        button.disabled = true;
        FS.start("compare", { strategy: wanted }).catch(FS.toast).finally(() => { button.disabled = false; });
      };
      return [el("div", { class: "sv-compare" }, list, el("button", { type: "button", class: "btn", onclick: start }, t("select.compare"))), help];
    }

    // -------------------------------------------------------------- regions without a pick
    const gaps = (state) => { const found = about(state); return found ? found.gaps.filter((gap) => !act.chosen(gap.item)) : []; };
    const size = (gap) => t(gap.size === 1 ? "select.region_one" : "select.region", { n: FS.fmt.int(gap.size) });
    function drawRegions(state, found) {
      const list = gaps(state), share = FS.fmt.pct(found.gap_share);
      fill("regions", [state.selection.id, list.map((gap) => gap.item), all], () => {
        const head = el("h3", {}, t("select.gaps"));
        if (!list.length) return [head, el("p", { class: "small" }, t("select.no_gaps"))];
        const count = found.gap_count || found.gaps.length, short = list.length > FEW + 1, few = short && !all ? list.slice(0, FEW) : list;
        const more = el("button", { type: "button", class: "btn quiet slim sv-more", onclick: () => { all = !all; drawRegions(state, found); } },
          t(all ? "select.gaps_few" : "select.gaps_all", { n: list.length }));
        return [el("div", { class: "sv-head" }, head, el("span", { class: "small" }, t("select.gaps_found", { n: FS.fmt.int(count), share }))),
          el("p", { class: "small" }, t("select.gaps_hint")), ...few.map(region), short ? more : ""];
      });
    }
    function region(gap) {
      return el("button", { type: "button", class: "sv-gap", onclick: () => act.look(gap.item) }, el("img", { src: FS.thumb(gap.item), alt: "", loading: "lazy", draggable: "false" }),
        el("span", {}, size(gap), el("small", {}, t("select.region_far", { far: show.mean(gap.distance) }))));
    }

    return { draw, gaps, region: (state, id) => { const gap = gaps(state).find((each) => each.item === id); return gap && { title: size(gap), line: t("select.key_gap") }; } };
  }

  // How they were chosen. title(option, value): what the form calls a value; told: [name, value] of other facts.
  function how(FS, host, selection, told, title) {
    const info = (selection.config && selection.config.info) || {};
    const rows = [["strategy", title("strategy", selection.strategy)], ["backbone", title("backbone", selection.backbone)], ...told,
      ["time", FS.fmt.time(selection.seconds)], ["seed", selection.config && selection.config.seed]];
    if (info.instead) rows.splice(1, 0, ["instead", FS.t("select.instead", { name: title("strategy", info.instead) })]);
    if (info.near_duplicates) {
      rows.push(["near", FS.t(info.near_duplicates === 1 ? "select.near_one" : "select.near_from", { n: FS.fmt.int(info.near_duplicates), near: info.near })]);
    }
    if (info.sample) rows.push(["sample", FS.t("select.sampled", { n: FS.fmt.int(info.sample) })]);
    host.replaceChildren(FS.el("h2", {}, FS.t("select.how")), FS.el("dl", { class: "facts" },
      rows.filter(([, value]) => value !== undefined && value !== null).map(([name, value]) => [FS.el("dt", {}, FS.t(`select.how_${name}`)), FS.el("dd", {}, String(value))])));
  }

  window.FactSelectEvidence = { create, how };
})();
