// Looking for a folder by clicking, in place of typing its path.
import { cancelButton, showDialog } from "./dialog.js";
import { el } from "./dom.js";
import { icon } from "./icons.js";
import { errorBox } from "./notices.js";
import { api } from "./server.js";
import { counted, t } from "./text.js";

/** The button that fills a field with a folder; the field hears it as if it were typed.
 *  @param {HTMLInputElement} field
 *  @param {boolean} [project]  a project's own folder is looked for */
export function browseButton(field, project = false) {
  const onclick = async () => {
    const chosen = await chooseFolder(field.value, project);
    if (!chosen) return;
    // While the person looked, the form may have been made anew.
    const made = field.isConnected ? null : document.getElementById(field.id);
    const now = made instanceof HTMLInputElement ? made : field;
    now.value = chosen;
    now.dispatchEvent(new Event("input", { bubbles: true }));
    now.focus();
  };
  const look = { class: "btn", type: "button", "aria-label": `${t("browse.open")}: ${t(field.dataset.what)}`, onclick };
  return el("button", look, icon("folder"), t("browse.open"));
}

/** Ask for a folder. Its path, or undefined. begin: where to look first, if that is there.
 *  @param {string} begin
 *  @param {boolean} project
 *  @param {string} [title] */
export function chooseFolder(begin, project, title = t(project ? "browse.title_project" : "browse.title")) {
  const place = el("div", { class: "p-browse" });
  let now = null, asked = 0;
  const yes = el("button", { class: "btn primary", type: "button" }, t("browse.take"));
  const go = async (at, quiet = false) => {
    const turn = asked = asked + 1;
    yes.disabled = true; // else it would take the folder before the one that was just clicked
    try {
      const found = await api(`/x/folder?at=${encodeURIComponent(at)}`);
      if (turn !== asked) return; // another folder was clicked meanwhile
      now = found;
      draw(place, now, go, project);
    } catch (error) {
      if (turn !== asked) return;
      if (quiet) return go("");
      place.prepend(errorBox(error));
    }
    yes.disabled = !now;
  };
  go(begin, true);
  return showDialog(title, place, (close) => {
    yes.addEventListener("click", () => close(now.path));
    return [cancelButton(close), yes];
  });
}

function draw(place, now, go, project) {
  const link = (text, at, look = "link") => el("button", { class: look, type: "button", onclick: () => go(at) }, text);
  const places = now.places.map((each) => link(each.name, each.path));
  const up = link(t("browse.up"), now.parent, "btn slim");
  up.disabled = !now.parent;
  const row = (each) => el("li", {}, link([icon("folder"), each.name], each.path, "p-folder"));
  const here = project
    ? t(now.project ? "browse.is_project" : "browse.no_project")
    : now.images || now.folders.length || now.more
    ? counted("browse.images", now.images)
    : t("browse.images_nothing");
  place.replaceChildren(
    el("nav", { class: "p-places", "aria-label": t("browse.places") }, places),
    el("div", { class: "p-here" }, up, el("b", { class: "clip", title: now.path }, now.path)),
    el("p", { class: "small", role: "status" }, here, now.more ? ` ${t("browse.more")}` : ""),
    now.folders.length
      ? el("ul", { class: "p-folders" }, now.folders.map(row))
      : el("p", { class: "small" }, t("browse.none")),
    now.parent ? "" : el("p", { class: "small" }, t("browse.beyond")),
  );
  /** @type {HTMLElement | null} */ (place.querySelector(".p-folder"))?.focus();
}
