// Page 1, Project: list, image folder, what was found, backbones, preview, this computer.
// Places are filled again only when what they show has changed: typing and focus survive.
import { app } from "../shell/app.js";
import { el } from "../shell/dom.js";
import { fmt } from "../shell/format.js";
import { errorBox, toast } from "../shell/notices.js";
import { goTo, lastPage, openProject } from "../shell/pages.js";
import { thumbUrl } from "../shell/pictures.js";
import { redraw } from "../shell/redraw.js";
import { api } from "../shell/server.js";
import { onState } from "../shell/state.js";
import { counted, t } from "../shell/text.js";
import { folderForm, newForm } from "./folder.js";
import { Found } from "./found.js";
import { Nets } from "./nets.js";
import { nextStep } from "./next.js";
import { computer } from "./parts.js";
import { ViewPart } from "./view.js";
import { listNodes, openOther, removeProject, renameProject } from "./projects.js";

/** The piece "project". */
export function projectPage(root) {
  const page = new ProjectPage(root);
  page.begin();
  return () => page.destroy();
}

class ProjectPage {
  constructor(root) {
    this.root = root;
    this.info = null; // /x/app
    this.found = null; // /x/K/found
    this.foundFor = ""; // what that was asked for
    this.making = !app.key; // the form for a new project shows
    this.problem = null; // error of the form
    this.wasShown = false; // a project that was here and does not answer now is not left
    this.lost = false; // the project of the address cannot be shown: the form for a new one stands in
    this.ended = false;
    this.head = el("div", { class: "page-head" });
    this.list = el("nav", { class: "pane p-list", "aria-label": t("project.projects") });
    this.folder = el("section", { class: "part" });
    this.preview = el("section");
    this.computer = el("section", { class: "part" });
    this.foundPart = new Found();
    this.nets = new Nets(() => this.draw());
    this.viewPart = new ViewPart();
    const parts = [this.folder, this.foundPart.node, this.nets.node, this.viewPart.node];
    const main = el("div", { class: "pane p-main" }, parts);
    const side = el("aside", { class: "pane" }, this.preview, this.computer);
    root.replaceChildren(this.head, el("div", { class: "panes p-panes" }, this.list, main, side));
  }

  begin() {
    this.drop = onState((state) => {
      const lost = Boolean(state.problem);
      if (this.lost !== lost) this.making = this.lost = lost;
      this.draw();
      if (!state.project) return;
      this.wasShown = true;
      this.loadFound().catch(toast);
    });
    document.addEventListener("fs:page", this.onPage);
    this.loadInfo().catch(toast);
    this.nets.begin();
  }

  destroy() {
    this.ended = true;
    this.drop();
    this.nets.destroy();
    document.removeEventListener("fs:page", this.onPage);
  }

  /** The project that is shown, or null while a new one is made. */
  get project() {
    return this.making ? null : app.state.project;
  }

  draw() {
    if (!app.state) return;
    this.drawHead();
    this.drawList();
    this.drawFolder();
    this.foundPart.draw(this.project, this.found);
    this.nets.draw();
    this.viewPart.draw(this.project, this.found);
    this.drawPreview();
    this.drawComputer();
  }

  // ---- head and list
  drawHead() {
    const { project } = this, { counts, problem } = app.state, busy = Boolean(project && scanning());
    const step = project ? nextStep(app.state) : null;
    redraw(this.head, [this.making, project, counts && counts.pool, busy, problem, step], () => {
      if (!project) {
        return [
          el("h1", {}, t("project.title")),
          el("span", { class: "fact" }, t("project.local")),
          el("button", { class: "btn primary", type: "submit", form: "p-new" }, t("project.create")),
        ];
      }
      const ready = counts.pool ? counted("project.ready", counts.pool) : t("project.none");
      const next = { class: "btn primary", type: "button", disabled: busy || !counts.pool };
      return [
        el("h1", { class: "clip" }, project.name),
        el("span", { class: "fact clip" }, busy ? t("project.scanning") : ready),
        el("button", { ...next, onclick: () => toStep(step.page) }, step.words),
      ];
    });
  }

  drawList() {
    const projects = this.info ? this.info.projects : [], { making } = this;
    redraw(this.list, [this.info && projects, making, app.key], () =>
      listNodes(projects, {
        making,
        startNew: () => this.startNew(),
        openOther: () => openOther().catch(toast),
        open: (key) => this.open(key),
        rename: (each) => this.rename(each).catch(toast),
        remove: (each) => this.remove(each).catch(toast),
      }));
  }

  open(key) {
    if (key !== app.key) return openProject(key);
    this.making = false;
    this.draw();
  }

  startNew() {
    this.making = true;
    this.problem = null;
    this.draw();
    this.field("p-images")?.focus();
  }

  async rename(each) {
    if (await renameProject(each)) await this.loadInfo();
  }

  async remove(each) {
    if (await removeProject(each)) await this.loadInfo();
  }

  // ---- image folder
  field(id) {
    return /** @type {HTMLInputElement | null} */ (this.root.querySelector(`#${id}`));
  }

  drawFolder() {
    const { project, problem } = this, state = app.state;
    const lost = state.problem && !state.project ? state.problem : null, scanned = Boolean(project) && hasScans();
    const latest = app.key || !this.info ? null : this.info.projects.find((each) => !each.problem);
    const key = [!project, project, problem, lost && lost.what, scanned, this.info && this.info.home, latest];
    const form = { problem, create: (values) => this.create(values) };
    redraw(this.folder, key, () => [
      lost ? el("div", { style: { "margin-bottom": "16px" } }, errorBox(lost)) : "",
      latest ? goOn(latest) : "",
      project
        ? folderForm({ ...form, images: project.images, scanned, typed: this.field("p-images") })
        : newForm({ ...form, home: this.info ? this.info.home : "", typed: (id) => this.field(id)?.value ?? "" }),
    ]);
  }

  async create(values) {
    this.problem = null;
    try {
      const { key } = await api("/x/projects/new", values);
      openProject(key);
    } catch (error) {
      this.problem = { what: error.what, found: error.found, do: error.do };
      this.draw();
      this.field("p-images")?.setAttribute("aria-invalid", "true");
    }
  }

  // ---- preview and computer
  drawPreview() {
    const ids = this.project && this.found ? this.found.preview : [];
    const image = (id) => el("img", { src: thumbUrl(id), alt: "", loading: "lazy", width: 60, height: 60 });
    this.preview.hidden = !ids.length;
    redraw(this.preview, ids, () => [
      el(
        "div",
        { class: "pane-head" },
        el("h2", {}, t("project.preview")),
        el("span", { class: "small push" }, t("project.preview_n", { n: ids.length })),
      ),
      el("div", { class: "p-preview", style: { padding: "0 16px 16px" } }, ids.map(image)),
    ]);
    this.computer.style.borderTop = ids.length ? "1px solid var(--line)" : "0";
  }

  drawComputer() {
    if (!this.info) return;
    const here = this.info.computer;
    const key = [here.cores, fmt.bytes(here.memory_free), fmt.bytes(here.disk_free), here.gpu];
    redraw(this.computer, key, () => computer(here));
  }

  // ---- data
  async loadInfo() {
    this.info = await api("/x/app");
    if (!this.ended) this.draw();
  }

  async loadFound() {
    const { counts, runs } = app.state, scan = runs.find((run) => run.kind === "scan");
    const key = JSON.stringify([counts.files, counts.pool, counts.unreadable, counts.missing, scan?.id, scan?.status]);
    if (key === this.foundFor || app.page !== "project") return;
    if (scanning() && this.found && this.found.preview.length) return; // while it scans, one look is enough
    this.foundFor = key;
    this.found = await api("/found");
    if (this.ended) return;
    this.draw();
    await this.loadInfo();
  }

  onPage = () => {
    const state = app.state;
    // An address of no project has no other page.
    if (app.page !== "project" && state && state.problem && !this.wasShown) return goTo("project");
    if (app.page !== "project" || !state) return;
    this.loadInfo().catch(() => {});
    this.nets.read();
    if (state.project) this.loadFound().catch(toast);
  };
}

function toStep(page) {
  goTo(page);
  app.wish.open = page === "label"; // to what waits, wherever one was
  if (page === "label") document.dispatchEvent(new CustomEvent("fs:label"));
}

const scanning = () => app.state.run && app.state.run.kind === "scan";
const hasScans = () => app.state.runs.some((run) => run.kind === "scan");

/** Before a new project is made: the one that was open last, where one left off. */
function goOn(latest) {
  const where = { name: latest.name, page: t(`step.${lastPage(latest.key)}`) };
  const go = { class: "btn slim", type: "button", id: "p-continue", onclick: () => openProject(latest.key) };
  return el(
    "div",
    { class: "note p-proposed p-go-on" },
    el("span", {}, t("project.left_off", where)),
    el("button", go, t("project.continue")),
  );
}
