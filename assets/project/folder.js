// The form with the image folder: of a new project, or of the one that is shown.
import { el } from "../shell/dom.js";
import { icon } from "../shell/icons.js";
import { errorBox, toast } from "../shell/notices.js";
import { browseButton } from "../shell/browse.js";
import { openProject } from "../shell/pages.js";
import { wholePath } from "../shell/path_field.js";
import { api } from "../shell/server.js";
import { startRun } from "../shell/state.js";
import { t } from "../shell/text.js";

const PLAIN = { class: "field", spellcheck: "false", autocomplete: "off" };
const small = (key, vars = {}) => el("span", { class: "small" }, t(key, vars));

/** typed(id): what stands in a field now, which outlives that the form is made anew. */
export function newForm({ problem, create, home, typed }) {
  const input = (id, more = {}) => el("input", { ...PLAIN, id, value: typed(id), ...more });
  const submit = (event) => {
    event.preventDefault();
    const links_to = typed("p-links");
    create({ images: typed("p-images"), name: typed("p-name"), folder: typed("p-place"), links_to });
  };
  const wanted = { required: true, placeholder: t("project.folder_example"), dataset: { what: "project.folder" } };
  const images = input("p-images", wanted), place = input("p-place");
  const name = input("p-name", { maxlength: "200", spellcheck: null });
  return el(
    "form",
    { class: "p-form", id: "p-new", onsubmit: submit },
    el(
      "div",
      { class: "p-field" },
      el("label", { class: "full", for: "p-images" }, t("project.folder"), small("project.folder_help")),
      images,
      browseButton(images),
      wholePath(images),
    ),
    problem ? errorBox(problem) : "",
    el("label", {}, t("project.name"), small("project.name_help"), name),
    el(
      "details",
      { id: "p-more" },
      el("summary", {}, icon("chevron-right"), t("project.more_options")),
      el("label", {}, t("project.place"), small("project.place_help", { home }), place),
      wholePath(place),
      el("label", {}, t("project.links"), small("project.links_help"), input("p-links")),
    ),
    el("div", {}, el("button", { class: "link", type: "button", id: "p-demo", onclick: tryDemo }, t("project.demo"))),
  );
}

function tryDemo() {
  return api("/x/projects/open", { demo: true }).then(({ key }) => openProject(key)).catch(toast);
}

/** Another folder makes a new project; the same one is scanned again.
 *  typed: the field as it stood until now, or null: what the person has written there stays. */
export function folderForm({ problem, create, images, scanned, typed }) {
  const button = el("button", { class: "btn", type: "submit" });
  const help = {
    id: "p-images",
    value: typed?.dataset.of === images ? typed.value : images,
    "aria-describedby": "p-images-help",
    dataset: { what: "project.folder", of: images },
  };
  const field = el("input", { ...PLAIN, ...help });
  const other = () => field.value.trim() !== images;
  const rename = () => button.replaceChildren(other() ? t("project.create") : t(again));
  const again = scanned ? "project.scan_again" : "project.scan";
  const submit = (event) => {
    event.preventDefault();
    if (other()) create({ images: field.value });
    else startRun("scan").catch(toast);
  };
  field.addEventListener("input", rename);
  rename();
  const form = el(
    "form",
    { class: "p-field", onsubmit: submit },
    el("label", { class: "full", for: "p-images" }, t("project.folder")),
    el("span", { class: "full small", id: "p-images-help" }, t("project.folder_help")),
    field,
    browseButton(field),
    button,
    wholePath(field),
  );
  return [form, problem ? el("div", { style: { "margin-top": "8px" } }, errorBox(problem)) : ""];
}
