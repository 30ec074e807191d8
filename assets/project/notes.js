// What a person should know of the images that were found: how deep pixels are shown, and where links lead.
import { el } from "../shell/dom.js";
import { fmt } from "../shell/format.js";
import { toast } from "../shell/notices.js";
import { api } from "../shell/server.js";
import { refreshState } from "../shell/state.js";
import { t } from "../shell/text.js";

/** @typedef {{folder: string, keeper: string, files: number}} Outside */
/** @typedef {{notes: string[], links: {followed: string[], outside: Outside[]}}} Told */

/** The nodes under the figures. found: the answer of /x/KEY/found, or null.
 *  @param {Told | null} found */
export function notes(found) {
  if (!found) return [];
  const { followed, outside } = found.links;
  return [
    ...found.notes.map((note) => el("p", { class: "p-note" }, note)),
    ...outside.map((each) => offer(each, [...followed, each.folder])),
    ...followed.map((folder) => kept(folder, followed.filter((each) => each !== folder))),
  ];
}

/** @param {Outside} each  @param {string[]} folders */
function offer(each, folders) {
  const { folder, files, keeper } = each, key = keeper ? "project.links_of" : "project.links_out";
  const text = t(files === 1 ? `${key}_one` : key, { n: fmt.int(files), folder, keeper });
  return line("p-follow", text, t("project.follow"), folders);
}

/** @param {string} folder  @param {string[]} others */
function kept(folder, others) {
  return line("p-unfollow", t("project.followed", { folder }), t("project.unfollow"), others);
}

/** @param {string} id  @param {string} text  @param {string} act  @param {string[]} folders  allowed after the click */
function line(id, text, act, folders) {
  const send = () => api("/links", { folders }).then(refreshState).catch(toast);
  const button = { class: "btn slim", type: "button", "data-act": id, onclick: send };
  return el("p", { class: "p-note" }, el("span", {}, text), el("button", button, act));
}
