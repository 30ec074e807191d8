// Images that the person adds to the choice: sent, told in words, undone. For the maps of Select and Label.
import { toast } from "../shell/notices.js";
import { api } from "../shell/server.js";
import { refreshState } from "../shell/state.js";
import { counted, t } from "../shell/text.js";

const LEFT = ["check", "beside_check", "answered", "left_out", "chosen", "unknown"]; // why an image is left as it is

/** What came of it, in words.
 *  @param {AddedByHand} found */
export function addedWords(found) {
  const n = found.ids.length, left = LEFT.filter((kind) => found[kind]);
  const first = n ? counted("choice.added", n) : t("choice.none");
  return [first, ...left.map((kind) => counted(`choice.${kind}`, found[kind]))].join(" ");
}

/** Make images picks. after(answer): the queue is another one. Nothing is thrown: what is wrong is said.
 *  @param {number[]} ids
 *  @param {(answer: AddedByHand) => void} after */
export async function addByHand(ids, after) {
  try {
    /** @type {AddedByHand} */
    const found = await api("/choice", { ids });
    const undo = { text: t("choice.undo"), act: () => takeBack(found.ids, after) };
    toast(addedWords(found), found.ids.length ? "good" : "", found.ids.length ? undo : null);
    after(found);
    refreshState();
  } catch (error) {
    toast(error);
  }
}

/** Take them out again.
 *  @param {number[]} ids
 *  @param {(answer: any) => void} after */
export async function takeBack(ids, after) {
  try {
    const found = await api("/choice/undo", { ids });
    const stay = found.answered ? ` ${counted("choice.stay", found.answered)}` : "";
    toast(counted("choice.undone", found.ids.length) + stay);
    after(found);
    refreshState();
  } catch (error) {
    toast(error);
  }
}
