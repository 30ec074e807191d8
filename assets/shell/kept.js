// What the browser keeps. A full or forbidden store keeps it for this load only.
import { app } from "./app.js";

/** A value of this person, or null. */
export function kept(name) {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

export function keep(name, value) {
  try {
    localStorage.setItem(name, value);
  } catch { /* it holds for this visit */ }
}

// ---- what outlives a reload of this window: the map's view, the selection, the colouring
const place = (name) => `fs-map-${app.key}-${name}`;

export function keepSession(name, value) {
  try {
    sessionStorage.setItem(place(name), JSON.stringify(value));
  } catch { /* it holds for this load */ }
}

export function keptSession(name) {
  try {
    return JSON.parse(sessionStorage.getItem(place(name)));
  } catch {
    return null;
  }
}
