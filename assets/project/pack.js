// A project in one file, a project from such a file, a second one like it: dialogs that follow a job of the server.
import { cancelButton, showDialog } from "../shell/dialog.js";
import { el } from "../shell/dom.js";
import { fmt } from "../shell/format.js";
import { errorBox, toast } from "../shell/notices.js";
import { openProject } from "../shell/pages.js";
import { wholePath } from "../shell/path_field.js";
import { api } from "../shell/server.js";
import { t } from "../shell/text.js";
import { browseButton } from "../shell/browse.js";

const AGAIN = 400; // ms between two looks at a job

const input = (id, value = "", what = "") => {
  const look = { class: "field", id, value, spellcheck: "false", autocomplete: "off" };
  return el("input", { ...look, dataset: { what } });
};
const small = (key) => el("span", { class: "small" }, t(key));

/** Write a project into one file. */
export async function packProject(each) {
  const file = input("p-pack", `${each.folder}.zip`), images = el("input", { type: "checkbox", id: "p-pack-images" });
  const body = [
    el("label", {}, t("project.pack_file"), small("project.pack_help"), file, wholePath(file)),
    el("label", { class: "p-check" }, images, el("span", {}, t("project.pack_images"))),
  ];
  const send = () => api("/x/projects/pack", { key: each.key, file: file.value, images: images.checked });
  const done = await jobDialog(t("project.pack"), body, t("project.pack_yes"), send);
  if (done) toast(t("project.packed", { name: each.name, file: file.value }), "good");
}

/** Make a project of a packed file and open it. */
export async function openPacked() {
  const file = input("p-unpack"), to = input("p-unpack-to", "", "project.unpack_to");
  const images = input("p-unpack-images", "", "project.unpack_images");
  const folder = (field, help) => [
    el("label", { class: "full", for: field.id }, t(field.dataset.what), small(help)),
    field,
    browseButton(field),
    wholePath(field),
  ];
  const body = [
    el("label", {}, t("project.pack_file"), small("project.unpack_help"), file, wholePath(file)),
    el("div", { class: "p-field" }, folder(images, "project.unpack_images_help")),
    el("div", { class: "p-field" }, folder(to, "project.unpack_to_help")),
  ];
  const send = () => api("/x/projects/unpack", { file: file.value, folder: to.value, images: images.value });
  const done = await jobDialog(t("project.unpack"), body, t("project.unpack_yes"), send);
  if (done) openProject(done.key);
}

/** Make a second project of the same images. */
export async function duplicateProject(each) {
  const name = input("p-duplicate", t("project.copy_of", { name: each.name }).slice(0, 200));
  const body = el("label", {}, t("project.name"), small("project.duplicate_help"), name);
  const send = () => api("/x/projects/duplicate", { key: each.key, name: name.value });
  const done = await jobDialog(t("project.duplicate"), body, t("project.duplicate_yes"), send);
  if (done) openProject(done.key);
}

/** A dialog whose work takes a while: a bar and what is left; leaving it stops the work. The job, or undefined. */
function jobDialog(title, form, yes, send) {
  const note = el("div"), meter = progress();
  let job = null, left = false;
  const stop = () => {
    left = true;
    if (job && !job.ended) api("/x/jobs/leave", { number: job.number }).catch(toast);
  };
  return showDialog(title, [form, meter.node, note], (close) => {
    const start = el("button", { class: "btn primary", type: "button" }, yes);
    const go = async () => {
      start.disabled = true;
      note.replaceChildren();
      try {
        job = await send();
        await followed(job.number, (now) => meter.tell(job = now), () => left);
        if (job.problem) throw job.problem;
        if (!left) close(job);
      } catch (error) {
        note.replaceChildren(errorBox(error));
      }
      meter.tell(null);
      start.disabled = false;
    };
    start.onclick = go;
    const cancel = cancelButton(() => {
      stop();
      close();
    });
    return [cancel, start];
  }, stop);
}

async function followed(number, tell, left) {
  for (;;) {
    const now = await api(`/x/jobs/${number}`);
    tell(now);
    if (now.ended || left()) return;
    await new Promise((resolve) => setTimeout(resolve, AGAIN));
  }
}

function progress() {
  const fill = el("i", {}), said = el("span", { class: "small", role: "status" });
  const bar = { class: "meter", role: "progressbar", "aria-valuemin": 0, "aria-valuemax": 100 };
  const meter = el("div", { ...bar, "aria-label": t("project.working") }, fill);
  const node = el("div", { class: "p-run", hidden: true }, said, meter);
  const tell = (now) => {
    node.hidden = !now || now.ended;
    if (node.hidden) return;
    const percent = now.total ? Math.min(100, (100 * now.done) / now.total) : 0;
    const left = now.seconds_left === null ? "" : t("run.left", { time: fmt.about(now.seconds_left) });
    const done = { done: fmt.int(now.done), total: fmt.int(now.total), unit: now.unit };
    said.textContent = now.total ? `${t("project.working_n", done)} ${left}` : t("project.working");
    meter.setAttribute("aria-valuenow", String(Math.round(percent)));
    fill.style.width = `${percent}%`;
  };
  return { node, tell };
}
