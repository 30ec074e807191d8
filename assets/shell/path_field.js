// Below a field for a path: where it leads in full, before anything is done there.
import { el } from "./dom.js";
import { api } from "./server.js";
import { t } from "./text.js";

const CALM = 200; // ms without a key until it is asked

/** The place of these words; empty while the path stands in full in the field.
 *  @param {HTMLInputElement} field */
export function wholePath(field) {
  const place = el("span", { class: "small whole-path", role: "status" });
  let timer = null, newest = 0;
  const look = async () => {
    const text = field.value.trim(), mine = newest += 1;
    const says = text ? await leadsTo(text) : "";
    if (mine === newest) place.replaceChildren(says);
  };
  field.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(look, CALM);
  });
  look();
  return place;
}

async function leadsTo(text) {
  try {
    const { path } = await api(`/x/path?text=${encodeURIComponent(text)}`);
    return path === text ? "" : t("path.whole", { path });
  } catch (error) {
    return error.status === 400 ? [error.what, error.found].filter(Boolean).join(": ") : "";
  }
}
