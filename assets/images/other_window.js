// What another window has done meanwhile that changes what is done here: told, never passed over.
import { toast } from "../shell/notices.js";
import { fmt } from "../shell/format.js";
import { t } from "../shell/text.js";

const KEYS = 10; // classes that have a key by their place

/** Whether a key that gave one class gives another one now. One that gives nothing any more is harmless.
 *  @param {ClassRow[]} before
 *  @param {ClassRow[]} after */
export function keysMoved(before, after) {
  const own = new Map(after.filter((each) => each.key).map((each) => [each.key, each.id]));
  const other = (id, now) => now !== undefined && now !== id;
  return before.some((each, at) =>
    (at < KEYS && other(each.id, after[at]?.id)) || (each.key && other(each.id, own.get(each.key)))
  );
}

/** Tell of labels that an answer given here has taken the place of, and offer to give them back.
 *  @param {import("./store.js").LabelStore} store
 *  @param {Over} [over] */
export async function tellOver(store, over = {}) {
  const ids = Object.keys(over).map(Number);
  if (!ids.length) return;
  const words = ids.length > 1 ? t("label.over", { n: fmt.int(ids.length) }) : await aboutOne(store, over, ids[0]);
  toast(words, "bad", { text: t("label.undo"), act: () => store.giveBack(over) });
}

/** Tell of images that an undo or redo given here could not change.
 *  @param {import("./store.js").LabelStore} store
 *  @param {number[]} [ids] */
export async function tellStays(store, ids = []) {
  if (!ids.length) return;
  const one = async () => t("label.stays_one", { image: await nameOf(store, ids[0]) });
  toast(ids.length > 1 ? t("label.stays", { n: fmt.int(ids.length) }) : await one(), "bad");
}

async function aboutOne(store, over, id) {
  return t("label.over_one", { image: await nameOf(store, id), was: store.classOf(over[id].class)?.name || "" });
}

async function nameOf(store, id) {
  const item = await store.item(id).catch(() => null);
  return item ? item.path.split("/").pop() : t("label.image");
}
