// Which backbones a selection can use now: their weights are here, or have to be downloaded on the Project page first.
import { backboneOf } from "../shell/backbones.js";
import { fmt } from "../shell/format.js";
import { t } from "../shell/text.js";

/** A backbone in the list, with what it lacks; "" where nothing is known. */
export function titleOf(name) {
  const row = backboneOf(name);
  if (!row) return "";
  const how = row.ready ? "ready" : row.busy ? "busy" : row.bytes ? "download" : "absent";
  return t(`select.weights_${how}`, { name: row.title, size: fmt.bytes(row.bytes) });
}

/** Why a selection with this backbone cannot begin, or "". With features of an earlier one no weights are needed.
 *  @param {string} name
 *  @param {Chosen | null} selection */
export function lackOf(name, selection) {
  const row = backboneOf(name); // nothing is known: nothing is forbidden
  if (!row || row.ready || (selection && selection.backbone === name)) return "";
  const key = row.busy ? "select.lack_busy" : row.bytes ? "select.lack" : "select.lack_file";
  return t(key, { name: row.title, size: fmt.bytes(row.bytes) });
}
