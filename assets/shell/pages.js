// Going from page to page, and from project to project.
import { app, PAGES } from "./app.js";
import { keep, kept } from "./kept.js";

/** The page of a project on which this browser was last; of a project that it has not seen, the first. */
export function lastPage(key) {
  const page = kept(`fs-page-${key}`);
  return PAGES.includes(page) ? page : "project";
}

/** Open a project, where one left off. */
export function openProject(key) {
  location.href = `/?p=${encodeURIComponent(key)}#${lastPage(key)}`;
  if (key === app.key) location.reload();
}

/** The page that an address names, and what it asks of it: "#results?is=wrong". */
export function asked() {
  const [page, query = ""] = location.hash.slice(1).split("?");
  return { page, query: new URLSearchParams(query) };
}

/** Go to a page. Without a project there is only the first. */
export function goTo(page) {
  if (!PAGES.includes(page) || (!app.key && page !== "project")) return;
  if (location.hash.slice(1) !== page) history.pushState(null, "", `${location.pathname}${location.search}#${page}`);
  show(page);
}

// Told to all as "fs:page".
function show(page) {
  const button = document.querySelector(`#page-${page}-button`);
  if (button instanceof HTMLElement) button.click();
  app.page = page;
  if (app.key) keep(`fs-page-${app.key}`, page);
  document.body.dataset.page = page;
  document.dispatchEvent(new CustomEvent("fs:page", { detail: page }));
}

function toAddress() {
  const { page } = asked();
  if (PAGES.includes(page) && (app.key || page === "project")) show(page);
  else goTo(app.key ? lastPage(app.key) : "project");
}

/** Show the page of the address, now and whenever it changes. */
export async function followAddress() {
  addEventListener("hashchange", toAddress);
  addEventListener("popstate", toAddress);
  // Gradio draws its tabs a moment later than its pieces.
  for (let i = 0; i < 100 && !document.querySelector("#page-project-button"); i += 1) {
    await new Promise((done) => setTimeout(done, 50));
  }
  toAddress();
}
