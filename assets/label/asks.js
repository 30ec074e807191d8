// What the label page asks the person: who labels, a note on an image.
import { cancelButton, closeButton, showDialog } from "../shell/dialog.js";
import { el } from "../shell/dom.js";
import { toast } from "../shell/notices.js";
import { person, setPerson } from "../shell/person.js";
import { api } from "../shell/server.js";
import { t } from "../shell/text.js";
import { keyList } from "./key_list.js";

/** The sheet of keys, with the name of who labels. */
export function showKeys() {
  const words = { "aria-label": t("label.person"), placeholder: t("label.person_none") };
  const name = el("input", { type: "text", class: "lb-edit", maxlength: "100", value: person(), ...words });
  name.addEventListener("input", () => setPerson(name.value.trim()));
  const field = el("label", { class: "lb-person" }, el("span", {}, t("label.person")), name);
  return showDialog(t("label.keys"), el("div", { class: "lb-sheet" }, keyList(), field), closeButton);
}

/** Ask for the note of an image, and save it. Whether it was saved. */
export async function askNote(item) {
  const look = { class: "lb-note", maxlength: "2000", rows: "4", "aria-label": t("label.note") };
  const before = await newest(item), written = () => ({ text: area.value });
  if (document.querySelector("dialog[open]")) return false; // asked for twice
  const area = el("textarea", { ...look, value: before });
  const answer = showDialog(t("label.note"), el("div", {}, area), (close) => {
    const save = { class: "btn primary", type: "button", onclick: () => close(written()) };
    return [cancelButton(close), el("button", save, t("label.note_save"))];
  }, () => (area.value.trim() === before ? undefined : { ...written(), left: true }));
  const saved = await answer;
  if (!saved) return false;
  await keepNote(item, saved.text);
  // Left by Esc or a click beside it: what was written is not lost, and can be taken back.
  const back = { text: t("label.undo"), act: () => keepNote(item, before).catch(toast) };
  if (saved.left) toast(t("label.note_saved"), "", back);
  return true;
}

// What the queue says may be older than what was written a moment ago, here or in another window.
async function newest(item) {
  try {
    return (await api(`/item?id=${item.id}`)).note || "";
  } catch {
    return item.note || ""; // the program does not answer: what is known here
  }
}

async function keepNote(item, text) {
  await api("/note", { item: item.id, text, annotator: person() });
  item.note = text.trim();
}
