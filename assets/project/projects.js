// The list of projects: open one, make one, delete one.
import { app } from "../shell/app.js";
import { askFirst, cancelButton, showDialog } from "../shell/dialog.js";
import { el } from "../shell/dom.js";
import { fmt } from "../shell/format.js";
import { icon } from "../shell/icons.js";
import { showMenu } from "../shell/menu.js";
import { errorBox, toast } from "../shell/notices.js";
import { openProject } from "../shell/pages.js";
import { wholePath } from "../shell/path_field.js";
import { api } from "../shell/server.js";
import { refreshState } from "../shell/state.js";
import { t } from "../shell/text.js";
import { browseButton } from "../shell/browse.js";
import { duplicateProject, openPacked, packProject } from "./pack.js";

/** The nodes of the list. act: {making, startNew(), openOther(), open(key), rename(project), remove(project)}. */
export function listNodes(projects, act) {
  const fresh = { class: "btn quiet push", type: "button", onclick: act.startNew };
  const other = { class: "link", type: "button", onclick: act.openOther };
  return [
    el(
      "div",
      { class: "pane-head" },
      el("h2", {}, t("project.projects")),
      el("button", fresh, icon("plus"), t("project.new")),
    ),
    projects.length
      ? el("div", { class: "rows" }, projects.map((each) => row(each, act)))
      : el("p", { class: "p-empty small", style: { flex: "1" } }, t("project.empty_list")),
    el(
      "div",
      { class: "foot small" },
      el("button", other, t("project.open_other")),
      el("br"),
      el("button", { class: "link", type: "button", id: "p-packed", onclick: openPacked }, t("project.unpack")),
      el("p", { style: { "margin-top": "8px" } }, t("project.list_note")),
    ),
  ];
}

function row(each, act) {
  const current = each.key === app.key && !act.making;
  const open = { class: "main", type: "button", id: `p-${each.key}`, title: each.folder };
  const more = { class: "btn icon", type: "button", "aria-label": `${t("project.more")}: ${each.name}` };
  const entries = [
    {
      text: t("project.where", { folder: each.folder }),
      icon: "folder",
      act: () => navigator.clipboard?.writeText(each.folder),
    },
    { text: t("project.rename"), icon: "edit", act: () => act.rename(each) },
    { text: t("project.duplicate"), icon: "copy", act: () => duplicateProject(each) },
    { text: t("project.pack"), icon: "download", act: () => packProject(each) },
    null,
    { text: t("project.delete"), icon: "trash", act: () => act.remove(each) },
  ];
  return el(
    "div",
    { class: `p-row ${current ? "current" : ""}` },
    el(
      "button",
      { ...open, "aria-current": current ? "true" : null, onclick: () => act.open(each.key) },
      el("span", { class: "name clip" }, each.name),
      el("span", { class: "small" }, fmt.when(each.opened)),
      el("span", { class: "small sub clip" }, standing(each)),
    ),
    el("button", { ...more, onclick: (event) => showMenu(event.currentTarget, entries) }, icon("more")),
  );
}

function standing(each) { // how far a project is
  if (each.problem) return each.problem;
  if (each.labeled) return t("project.labeled", { done: fmt.int(each.labeled) });
  return each.pool ? t("project.images_n", { n: fmt.int(each.pool) }) : t("project.not_scanned");
}

/** Ask for another name. Whether the list has to be read again. */
export async function renameProject(each) {
  const look = { class: "field", id: "p-rename", maxlength: "200", value: each.name, autocomplete: "off" };
  const field = el("input", look), note = el("div");
  const name = async (close) => {
    try {
      close(await api("/x/projects/rename", { key: each.key, name: field.value }));
    } catch (error) {
      note.replaceChildren(errorBox(error));
    }
  };
  const body = [el("label", {}, t("project.name"), field), note];
  const renamed = await showDialog(t("project.rename"), body, (close) => {
    field.addEventListener("keydown", (event) => event.key === "Enter" && name(close));
    const yes = { class: "btn primary", type: "button", onclick: () => name(close) };
    return [cancelButton(close), el("button", yes, t("project.rename_yes"))];
  });
  if (renamed) refreshState();
  return Boolean(renamed);
}

/** Ask, then delete a project. Whether the list has to be read again. */
export async function removeProject(each) {
  const yes = await askFirst({
    title: t("project.delete_title", { name: each.name }),
    text: t("project.delete_text"),
    yes: t("project.delete_yes"),
    danger: true,
  });
  if (!yes) return false;
  await api("/x/projects/delete", { key: each.key });
  if (each.key === app.key) {
    location.href = "/";
    return false;
  }
  toast(t("project.deleted", { name: each.name }));
  return true;
}

/** Ask for the folder of a project and open it. */
export function openOther() {
  const look = { class: "field", id: "p-open", spellcheck: "false", autocomplete: "off" };
  const field = el("input", { ...look, dataset: { what: "project.open_field" } });
  const note = el("div"), help = el("span", { class: "small" }, t("project.open_help"));
  const open = async (close) => {
    try {
      const { key } = await api("/x/projects/open", { folder: field.value });
      close();
      openProject(key);
    } catch (error) {
      note.replaceChildren(errorBox(error));
    }
  };
  const label = el("label", { class: "full", for: "p-open" }, t("project.open_field"), help);
  const body = [el("div", { class: "p-field" }, label, field, browseButton(field, true), wholePath(field)), note];
  return showDialog(t("project.open_title"), body, (close) => {
    field.addEventListener("keydown", (event) => event.key === "Enter" && open(close));
    const yes = { class: "btn primary", type: "button", onclick: () => open(close) };
    return [cancelButton(close), el("button", yes, t("project.open_yes"))];
  });
}
