// What is left of the folder by a model's answers, class by class, the surest first (app/pages/results/finish.py).
import { unpacked } from "../shell/binary.js";
import { api } from "../shell/server.js";

/** The same as Suggestions give: of(id) -> {class, sure} | null, list(classId) -> ids; strange: ids of no class. */
export class Rest {
  /** @param {ArrayBuffer} buffer */
  constructor(buffer) {
    const { head, at } = unpacked(buffer), { classes, strange } = head;
    const named = classes.reduce((sum, [, n]) => sum + n, 0), ids = new Int32Array(buffer, at, named + strange);
    const sure = new Uint8Array(buffer, at + 4 * (named + strange), named);
    this.found = new Map();
    this.lists = new Map();
    this.strange = Array.from(ids.subarray(named));
    let from = 0;
    for (const [each, n] of classes) {
      this.lists.set(each, Array.from(ids.subarray(from, from + n)));
      for (let row = from; row < from + n; row++) this.found.set(ids[row], { class: each, sure: sure[row] / 255 });
      from += n;
    }
  }

  of(id) {
    return this.found.get(id) || null;
  }

  list(classId) {
    return this.lists.get(classId) || [];
  }
}

/** The rest by a training run's answers.
 *  @param {number} run */
export const loadRest = async (run) => new Rest(await api(`/rest?run=${run}`, undefined, { raw: true }));
