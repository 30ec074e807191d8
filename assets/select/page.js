// The Select page: form, progress, the map with the chosen images, strip and grid, a closer look, reject.
import { PoolMap } from "../map/map.js";
import { app } from "../shell/app.js";
import { onBackbones, readBackbones } from "../shell/backbones.js";
import { el } from "../shell/dom.js";
import { fmt } from "../shell/format.js";
import { icon } from "../shell/icons.js";
import { toast } from "../shell/notices.js";
import { goTo } from "../shell/pages.js";
import { redraw } from "../shell/redraw.js";
import { api } from "../shell/server.js";
import { onState, refreshState, startRun, stopRun } from "../shell/state.js";
import { t } from "../shell/text.js";
import { bringNew, Chosen, drawChosen, isTile, markTile } from "./chosen.js";
import { Evidence } from "./evidence.js";
import { SelectForm } from "./form.js";
import { buildFrame } from "./frame.js";
import { Groups } from "./groups.js";
import { Hand } from "./hand.js";
import { factsOf } from "./how.js";
import { press } from "./keys.js";
import { drawLook, drawNothing, hintOf, itemOf, rejectable, returnable } from "./look.js";
import { OddView } from "./odd.js";
import { drawRun, isPending, pendingRun, stepText } from "./progress.js";
import { lackOf } from "./weights.js";
import { amounts, isAnswered, toLabel } from "./words.js";

const VIEWS = ["map", "grid", "odd"];

/** The piece "select". */
export function selectPage(root) {
  const page = new SelectPage(root);
  page.begin();
  return () => page.destroy();
}

class SelectPage {
  constructor(root) {
    this.root = root;
    this.form = null;
    this.fields = null; // what the form is made of
    this.only = false; // the form asks for check images alone
    this.chosen = new Chosen();
    this.loaded = null; // the version of the queue that is shown
    this.now = 0; // the image that is looked at
    this.shown = ""; // the kind of answer that it is shown with
    this.view = "map";
    this.busy = false;
    this.gone = false;
    this.hand = new Hand(this);
    this.parts = buildFrame(root, this);
    this.groups = new Groups();
    this.odd = new OddView({
      look: (id) => this.look(id),
      draw: () => this.draw(),
      showOdd: () => this.show("odd"),
      answered: () => this.shown !== this.kindOf(this.now) && this.look(this.now),
    });
    this.parts.odd.append(this.odd.host);
    this.parts.note.append(this.odd.note);
    this.map = new PoolMap(this.parts.map, {
      label: t("select.map_alt"),
      onPick: (id) => this.look(id),
      onSelect: (ids) => this.hand.loop(ids),
      describe: (id) => this.describe(id),
      onPicture: () => this.draw(),
    });
    this.evidence = new Evidence(this.parts.evidence, {
      title: (value) => this.title("strategy", value),
      chosen: (id) => Boolean(this.chosen.entryOf(id)),
      isOut: (id) => this.kindOf(id) === "exclude",
      choices: () => (this.form ? this.form.choices("strategy") : []),
      ...this.hand.acts,
      look: (id) => this.look(id).then(() => this.parts.look.scrollIntoView({ block: "nearest" })),
    });
  }

  begin() {
    const onPage = () => {
      if (app.page !== "select") return;
      readBackbones().catch(() => {});
      this.draw();
      if (app.state?.counts) this.odd.follow(app.state);
    };
    api("/x/options/select").then((answer) => {
      this.fields = answer.fields;
      if (!this.gone) this.draw();
    });
    document.addEventListener("fs:page", onPage);
    document.addEventListener("fs:select", this.ask);
    document.addEventListener("keydown", this.onKey, true);
    this.ends = [
      onBackbones(() => {
        if (this.form) this.form.remark();
        this.draw();
      }),
      onState((state) => {
        this.map.follow(state.map);
        this.load(state);
        this.draw();
        if (state.counts) this.odd.follow(state);
      }),
      () => document.removeEventListener("fs:page", onPage),
      () => document.removeEventListener("fs:select", this.ask),
      () => document.removeEventListener("keydown", this.onKey, true),
    ];
    onPage();
    this.look(0);
  }

  destroy() {
    this.gone = true;
    this.ends.forEach((end) => end());
    this.map.destroy();
    this.odd.destroy();
    if (this.form) this.form.destroy();
  }

  title(name, value) {
    return (this.form && this.form.titles(name, value)) || value;
  }

  // ---- starting
  primary() {
    const run = pendingRun(app.state);
    if (run) stopRun(run.id).catch(toast);
    else if (this.only) this.startChecks();
    else if (this.chosen.picks.length) this.toLabel();
    else this.start(false);
  }

  toLabel() {
    goTo("label");
    app.wish.open = true;
    document.dispatchEvent(new CustomEvent("fs:label"));
  }

  // Another page may ask for check images: app.wish.checks = how many, then the event "fs:select".
  ask = () => {
    const n = app.wish.checks, state = app.state;
    if (!n || !this.form || !state.counts || pendingRun(state)) return;
    app.wish.checks = 0;
    this.only = Boolean(state.selection); // the first selection cannot be one of check images alone
    this.form.onlyChecks(this.only ? n : 0);
    if (!this.only) this.form.suggestChecks(n);
    this.draw();
  };

  leave() {
    this.only = false;
    if (this.form) this.form.onlyChecks(0);
    this.draw();
  }

  async startChecks() {
    const { check, seed } = this.form.values, backbone = app.state.selection.backbone;
    if (await this.run({ backbone, seed, budget: "0", check, extend: true })) this.leave();
  }

  start(extend) {
    if (!this.form || this.busy) return;
    const wrong = this.form.problem();
    if (wrong) toast(wrong, "bad");
    else this.run({ ...this.form.values, extend });
  }

  /** Whether the selection could be queued. */
  async run(config) {
    let done = true;
    this.busy = true;
    this.draw();
    try {
      await startRun("select", config);
    } catch (error) {
      done = false;
      toast(error);
    }
    this.busy = false;
    this.draw();
    return done;
  }

  // ---- drawing
  draw() {
    const state = app.state;
    if (!state || !state.counts) return;
    this.followSelection(state);
    const run = pendingRun(state), n = this.chosen.picks.length, { parts, form } = this;
    const lack = form && !this.only ? lackOf(form.values.backbone, state.selection) : "";
    if (form) {
      form.setPool(state.counts.pool);
      form.lock(Boolean(run));
    }
    this.groups.follow(state, Boolean(run));
    parts.fact.textContent = this.factText(state, run, lack);
    this.drawPrimary(state, run, lack);
    this.drawAgain(Boolean(run), lack);
    drawRun(parts.run, state, run);
    parts.zoom.hidden = !this.map.data;
    parts.view_odd.hidden = !this.odd.isThere && this.view !== "odd";
    parts.view_grid.hidden = !n;
    parts.views.hidden = !n && parts.view_odd.hidden;
    const drawing = state.runs.some((each) => each.kind === "map" && isPending(each));
    parts.about.textContent = t(state.map?.kind === "pca" && drawing ? "map.first" : "select.map_colour");
    this.drawHow(state);
    this.evidence.draw(state);
    this.hand.draw();
    bringNew(this);
  }

  // The form is made anew for each selection: it shows what that was made with.
  followSelection(state) {
    const of = state.selection ? state.selection.id : 0;
    if (!this.fields || (this.form && this.form.of === of)) return;
    if (this.form) this.form.destroy();
    if (this.form && this.view === "odd") this.show("map"); // what is chosen anew is what one wants to see
    this.only = false;
    this.form = new SelectForm(this.parts.form, this.fields, state.selection, () => this.draw(), this.groups.host);
    this.ask();
  }

  factText(state, run, lack) {
    const n = this.chosen.picks.length, pool = fmt.int(state.counts.pool);
    if (run) return stepText(state, run);
    const key = isAnswered(state) ? "select.chosen_done" : "select.chosen_of";
    if (n) return t(key, { what: amounts(n, this.chosen.checks.length), pool });
    if (lack) return lack;
    return state.counts.pool ? t("select.to_choose", { pool }) : t(state.run ? "select.scanning" : "select.no_pool");
  }

  drawPrimary(state, run, lack) {
    const button = this.parts.primary, says = this.primaryText(state, run);
    button.className = `btn sl-primary ${run ? "" : "primary"}`;
    button.disabled = run ? run.stopping : this.busy || !this.mayStart(state, lack);
    if (button.textContent === says) return; // a click under way is not lost
    button.replaceChildren(...(run ? [icon("stop"), says] : [says]));
  }

  mayStart(state, lack) {
    if (this.only) return this.form.values.check > 0;
    if (this.chosen.picks.length) return true; // on to the label page
    return Boolean(this.form && state.counts.pool && !this.form.problem() && !lack);
  }

  primaryText(state, run) {
    const n = this.chosen.picks.length, wants = this.form ? Math.max(0, this.form.count()) : 0;
    if (run) return t(run.stopping ? "select.stopping" : "select.stop");
    if (this.only) return t("select.only_do", { n: fmt.int(this.form.values.check) });
    if (n) return toLabel(state, n + this.chosen.checks.length);
    return t("select.primary", { what: amounts(wants, this.form ? this.form.values.check : 0) });
  }

  drawAgain(running, lack) {
    const { parts, form, chosen } = this, n = chosen.picks.length, check = form ? form.values.check : 0;
    const link = (key, onclick) => el("button", { type: "button", class: "link", onclick }, t(key));
    parts.again.hidden = !n || !form || running || this.only;
    parts.lack.hidden = !lack || running;
    redraw(parts.lack, lack, () => [lack, " ", link("select.to_project", () => goTo("project"))]);
    parts.only.hidden = !this.only || running;
    if (this.only) {
      const trained = app.state.runs.some((each) => each.kind === "predict" && each.status === "done");
      const words = t("select.only", {
        n: fmt.int(check),
        then: t(trained ? "select.only_then" : "select.only_train"),
      });
      redraw(parts.only, [check, trained], () => [words, " ", link("select.only_not", () => this.leave())]);
    }
    if (parts.again.hidden) return;
    const what = amounts(Math.max(0, form.count()), check);
    parts.now.textContent = t("select.now", { what: amounts(n, chosen.checks.length) });
    parts.add.textContent = t("select.add", { what });
    parts.anew.textContent = t("select.again", { what });
    parts.add.disabled = parts.anew.disabled = this.busy || Boolean(lack || form.problem());
  }

  drawHow(state) {
    const { how, kept } = this.parts, { picks, checks } = this.chosen, selection = state.selection;
    how.hidden = !selection;
    if (!selection) return;
    const told = [["picks", fmt.int(picks.length)], ["checks", fmt.int(checks.length)]];
    const key = [selection.id, picks.length, Boolean(this.form)];
    redraw(how, key, () => factsOf(selection, told, (name, value) => this.title(name, value)));
    kept.textContent = t("select.kept", { n: fmt.int(state.counts.pool) });
  }

  // ---- the chosen images
  async load(state) {
    const version = state.version.split(".").slice(0, 2).join(".");
    const key = state.selection ? `${state.selection.id}.${version}` : "";
    if (key === this.loaded) return;
    this.loaded = key;
    try {
      this.take(key ? await api("/queue") : { entries: [] });
    } catch (error) {
      this.loaded = null;
      toast(error);
    }
  }

  take(queue) {
    this.chosen.take(queue);
    if (this.now && !this.map.data && !this.chosen.entryOf(this.now)) this.now = 0;
    this.drawChosen();
    this.draw();
  }

  drawChosen() {
    const held = isTile(document.activeElement), any = this.chosen.picks.length > 0;
    drawChosen(this, any ? this.evidence.gaps(app.state) : [], (id) => this.look(id));
    this.look(this.now);
    if (held) markTile(this.root, this.now)?.focus({ preventScroll: true });
  }

  kindOf = (id) => this.odd.kindOf(id);
  besides = (id) => t(this.kindOf(id) === "exclude" ? "select.is_out" : "select.not_chosen"); // what it is called

  describe(id) {
    const entry = this.chosen.entryOf(id), hint = hintOf(entry, this.hand.may(), this.kindOf(id));
    if (!entry) return { ...(this.evidence.region(app.state, id) || { title: this.besides(id) }), hint };
    return { title: this.chosen.numberOf(entry), line: entry.path.split("/").pop(), hint };
  }

  show(name) {
    const { parts } = this;
    this.view = name;
    for (const each of VIEWS) parts[`view_${each}`].setAttribute("aria-pressed", String(each === name));
    parts.heading.textContent = t(`select.${name}`);
    parts.mapside.hidden = parts.about.hidden = parts.strip.hidden = name !== "map";
    parts.grid.hidden = name !== "grid";
    parts.stripside.hidden = name === "odd";
    parts.odd.hidden = name !== "odd";
    this.odd.show(name === "odd");
    this.drawChosen();
    bringNew(this);
    this.map.resize();
  }

  // ---- a closer look
  async look(id) {
    const { parts, chosen } = this;
    this.now = id;
    this.map.setCurrent(id);
    markTile(this.root, id);
    if (!id) return drawNothing(parts.look);
    const all = [id, ...this.odd.twins(id)].map((each) => chosen.entryOf(each) || itemOf(each));
    const [entry, ...twins] = await Promise.all(all);
    if (!entry || this.now !== id) return;
    const tile = this.root.querySelector(".sl-strip [aria-current]");
    if (tile) parts.strip.scrollLeft = tile.offsetLeft + tile.offsetWidth / 2 - parts.strip.clientWidth / 2;
    const act = { ...this.hand.acts, step: (by) => this.step(by), reject: (item) => this.reject(item) };
    const stands = { mayAdd: this.hand.may(), kind: this.shown = this.kindOf(id), rejected: chosen.isOut(id) };
    const more = { look: (item) => this.look(item), putBack: (item) => this.odd.putBack(item).catch(toast) };
    const number = entry.role ? chosen.numberOf(entry) : this.besides(id);
    drawLook(parts.look, entry, number, { ...stands, twins: twins.filter(Boolean) }, { ...act, ...more });
  }

  step(by) {
    const all = this.chosen.entries, at = all.findIndex((entry) => entry.id === this.now);
    const to = at < 0 ? (by > 0 ? 0 : all.length - 1) : (at + by + all.length) % all.length;
    if (!all[to]) return;
    const held = isTile(document.activeElement);
    this.look(all[to].id);
    if (held) markTile(this.root, this.now).focus();
  }

  async reject(id) {
    if (this.busy) return;
    this.busy = true;
    try {
      const answer = await api("/reject", { item: id });
      const undo = { text: t("choice.undo"), act: () => this.hand.undoReject(id) };
      toast(t(answer.replacement ? "select.rejected" : "select.rejected_last"), "", undo);
      this.now = answer.replacement || 0;
      this.take(answer.queue);
      if (this.now) this.map.grow(this.now);
      refreshState();
    } catch (error) {
      toast(error);
    } finally {
      this.busy = false;
      this.draw();
    }
  }

  onKey = (event) => {
    if (this.view === "odd") return this.odd.press(event);
    press(event, this.root, Boolean(this.loaded), this.keys());
  };

  /** What each key does, by code. */
  keys() {
    const aim = this.map.hovered || this.now, aimed = this.chosen.entryOf(aim);
    return {
      KeyR: () => (returnable(aimed) ? this.hand.takeBack([aim]) : rejectable(aimed) && this.reject(aim)),
      KeyA: () => aim && !aimed && !this.kindOf(aim) && this.hand.add([aim]),
      ArrowRight: () => this.step(1),
      ArrowLeft: () => this.step(-1),
    };
  }
}
