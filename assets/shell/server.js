// Asking our own routes.
import { app } from "./app.js";
import { keyed } from "./key.js";
import { t } from "./text.js";

/** A request that failed: what is wrong, what was found, what to do. status 0: no answer at all. */
export class Refused extends Error {
  /** @param {Partial<Problem>} body
   *  @param {number} status */
  constructor(body, status) {
    super(body.what || t("error.unknown"));
    this.what = this.message;
    this.found = body.found || "";
    this.do = body.do || "";
    this.status = status;
  }
}

/** GET without a body, POST with one. A path that starts with /x/ is taken as it is. Rejects with a Refused.
 *  @param {string} path
 *  @param {any} [body]
 *  @param {RequestInit & {raw?: boolean}} [options]  raw: the bytes of an answer that is no JSON
 *  @returns {Promise<any>} */
export async function api(path, body = undefined, options = {}) {
  const url = path.startsWith("/x/") ? path : `/x/${app.key}${path}`;
  const post = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  const { raw, ...more } = options;
  let answer;
  try {
    answer = await fetch(url, { ...(body === undefined ? {} : post), ...more });
  } catch (problem) {
    if (problem.name === "AbortError") throw problem;
    setOffline(true);
    throw new Refused({ what: t("error.network") }, 0);
  }
  const json = (answer.headers.get("content-type") || "").includes("json");
  const data = json ? await answer.json() : await (raw ? answer.arrayBuffer() : answer.text());
  if (!answer.ok) throw new Refused(json && data.what ? data : {}, answer.status);
  return data;
}

/** Whether the program answers. Told to all as "fs:offline". */
export function setOffline(yes) {
  if (document.body.classList.contains("fs-offline") === yes) return;
  document.body.classList.toggle("fs-offline", yes);
  document.dispatchEvent(new CustomEvent("fs:offline", { detail: yes }));
}

/** Pictures that did not come while the program was away are asked for again: nothing else would do it. */
export function askAgainForPictures() {
  const missed = new Set();
  document.addEventListener("error", ({ target }) => {
    if (target instanceof HTMLImageElement && missed.size < 1000) missed.add(target);
  }, true);
  document.addEventListener("fs:offline", (event) => {
    if (event.detail) return;
    for (const image of missed) {
      const source = image.getAttribute("src");
      if (source) image.setAttribute("src", keyed(source)); // asks again, with the key of now
    }
    missed.clear();
  });
}
