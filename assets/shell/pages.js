// Going from page to page, and from project to project.
import { app, PAGES } from "./app.js";

/** Open a project. */
export function openProject(key, page = "project") {
  location.href = `/?p=${encodeURIComponent(key)}#${page}`;
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
  document.body.dataset.page = page;
  document.dispatchEvent(new CustomEvent("fs:page", { detail: page }));
}

function toAddress() {
  const { page } = asked();
  if (PAGES.includes(page) && (app.key || page === "project")) show(page);
  else goTo("project");
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
