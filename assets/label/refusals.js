// What a person has marked as not what it looks like. Undone with the step in which the others got their class.

export class Refusals {
  constructor() {
    /** @type {Map<number, Set<number>>} */
    this.of = new Map(); // class -> images that are not it
    this.steps = [];
  }

  /** These are not of a class; first: one of those that became so in the same step.
   *  @param {number} classId
   *  @param {Iterable<number>} images
   *  @param {number} first */
  add(classId, images, first) {
    const fresh = [...images].filter((id) => !this.of.get(classId)?.has(id));
    this.of.set(classId, new Set([...(this.of.get(classId) || []), ...fresh]));
    this.steps.push({ classId, fresh, first });
  }

  /** Take back what was refused in steps that were undone since: what was labeled then waits again.
   *  @param {(id: number) => boolean} isOpen */
  follow(isOpen) {
    for (const { classId, fresh } of this.steps.filter(({ first }) => isOpen(first))) {
      for (const id of fresh) this.of.get(classId).delete(id);
    }
    this.steps = this.steps.filter(({ first }) => !isOpen(first));
  }
}
