// The goals that the person has set for this project: kept in the browser, as no run says what somebody wants.
import { app } from "../shell/app.js";
import { keep, kept } from "../shell/kept.js";

const place = () => `fs-goals-${app.key}`;

/** goal: of all classes; own: class -> its own.
 *  @param {number} goal
 *  @param {Record<number, number>} own */
export const keepGoals = (goal, own) => keep(place(), JSON.stringify({ goal, own }));

/** What was kept, or null.
 *  @returns {{goal: number, own: Record<number, number>} | null} */
export function keptGoals() {
  try {
    const found = JSON.parse(kept(place()) || "null");
    return found && found.goal > 0 && found.goal < 1 ? { goal: found.goal, own: found.own || {} } : null;
  } catch {
    return null; // somebody else's text
  }
}
