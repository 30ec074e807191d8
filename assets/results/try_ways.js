// Ways in for photos that are tried: what was dropped, and a folder by its path.
import { browseButton } from "../shell/browse.js";
import { el } from "../shell/dom.js";
import { errorBox } from "../shell/notices.js";
import { t } from "../shell/text.js";

export const MOST = 500; // photos at a time
const NAMED = /\.(jpe?g|jpe|jfif|png|webp|bmp|gif|tiff?)$/i;

/** @param {File} file */
export const isImage = (file) => file.type.startsWith("image/") || NAMED.test(file.name);

/** A field for the path of a folder on the computer that answers. take(path) rejects with what is wrong with it. */
export function folderField(take) {
  const field = el("input", {
    class: "field",
    type: "text",
    id: "try-path",
    spellcheck: "false",
    autocomplete: "off",
    placeholder: t("try.path_hint"),
    "aria-label": t("try.path"),
    dataset: { what: t("try.path") },
  });
  const trouble = el("div"), go = el("button", { class: "btn", type: "button", id: "try-go" }, t("try.path_go"));
  const answer = async () => {
    trouble.replaceChildren();
    go.disabled = true;
    try {
      await take(field.value);
    } catch (error) {
      trouble.replaceChildren(errorBox(error));
    } finally {
      go.disabled = false;
    }
  };
  go.addEventListener("click", answer);
  field.addEventListener("keydown", (event) => event.key === "Enter" && !event.isComposing && answer());
  return el(
    "div",
    { class: "try-path" },
    el("div", { class: "try-pathline" }, field, browseButton(field), go),
    trouble,
  );
}

/** The files that were dropped, those in folders too.
 *  @param {DataTransfer} data
 *  @returns {Promise<File[]>} */
export async function filesOf(data) {
  const entries = [...data.items].map((each) => each.webkitGetAsEntry?.()).filter(Boolean);
  const files = entries.length ? (await Promise.all(entries.map(inside))).flat() : [...data.files];
  return files.slice(0, 10 * MOST);
}

/** @returns {Promise<File[]>} */
async function inside(entry) {
  if (entry.isFile) return [await new Promise((resolve, reject) => entry.file(resolve, reject))];
  const reader = entry.createReader(), found = [];
  for (;;) { // a reader tells a hundred at a time
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length || found.length > MOST) break;
    found.push(...some);
  }
  return (await Promise.all(found.map(inside))).flat();
}
