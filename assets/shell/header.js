// The header: projects, the five steps, the computer, colours and help.
import { app, PAGES } from "./app.js";
import { el } from "./dom.js";
import { showHelp } from "./help.js";
import { icon, logo } from "./icons.js";
import { showMenu } from "./menu.js";
import { goTo, openProject } from "./pages.js";
import { redraw } from "./redraw.js";
import { api } from "./server.js";
import { onState } from "./state.js";
import { t } from "./text.js";
import { isDark, setDark } from "./theme.js";

const MOST_PROJECTS = 12;
const EVENTS = ["fs:page", "fs:theme"];

/** The piece "header". */
export function header(root) {
  const draw = () => drawHeader(root);
  const drop = onState(draw);
  for (const name of EVENTS) document.addEventListener(name, draw);
  return () => {
    drop();
    for (const name of EVENTS) document.removeEventListener(name, draw);
  };
}

// While a run works the state is told twice a second: a click on a button that is replaced between press and
// release would be lost.
function drawHeader(root) {
  const state = app.state;
  if (!state) return;
  const known = state.steps && state.steps.length;
  const steps = known ? state.steps : PAGES.map((key) => ({ key, title: t(`step.${key}`), fact: "", state: "todo" }));
  const project = state.project, dark = isDark();
  const key = [steps, app.page, dark, state.device, state.device_note, project && [project.key, project.name]];
  const drawn = redraw(root, key, () =>
    el(
      "header",
      { class: "top" },
      brand(project, steps),
      el("nav", { class: "steps", "aria-label": t("step.steps") }, steps.map(stepButton)),
      tools(state, dark),
      el("div", { class: "segments", "aria-hidden": "true" }, steps.map((step) => el("i", { class: status(step) }))),
    ));
  if (drawn) document.title = [project && project.name, t("app.name")].filter(Boolean).join(" · ");
}

function brand(project, steps) {
  const at = Math.max(0, PAGES.indexOf(app.page)), menu = { type: "button", "aria-haspopup": "menu" };
  const projects = { class: "btn quiet", ...menu, dataset: { id: "projects" }, onclick: openProjects };
  const where = { class: "where", ...menu, onclick: (event) => showMenu(event.currentTarget, stepEntries(steps)) };
  return el(
    "div",
    { class: "brand" },
    logo(),
    el("span", { class: "name" }, t("app.name")),
    el("span", { class: "slash" }, "/"),
    el(
      "button",
      projects,
      el("span", { class: "clip" }, project ? project.name : t("header.projects")),
      icon("chevron-down"),
    ),
    el(
      "button",
      where,
      el("b", {}, steps[at].title),
      el("span", {}, t("step.of", { n: at + 1 })),
      icon("chevron-down"),
    ),
  );
}

async function openProjects(event) {
  const button = event.currentTarget;
  const { projects } = await api("/x/app");
  const entries = projects.slice(0, MOST_PROJECTS).map((each) => ({
    text: each.name,
    current: each.key === app.key,
    act: () => openProject(each.key),
  }));
  const all = { text: t("header.all_projects"), icon: "folder", act: () => goTo("project") };
  showMenu(button, [...entries, ...(projects.length ? [null] : []), all]);
}

const status = (step) => (step.key === app.page ? "current" : step.state);

function stepEntries(steps) {
  const words = (step) => (step.fact ? t("step.fact", { title: step.title, fact: step.fact }) : step.title);
  return steps.map((step) => ({ text: words(step), current: step.key === app.page, act: () => goTo(step.key) }));
}

function stepButton(step, i) {
  const state = status(step);
  const open = app.key && app.state.project ? true : step.key === "project";
  const attributes = {
    type: "button",
    class: state,
    dataset: { id: step.key },
    disabled: !open,
    title: open ? null : t("step.locked"),
    "aria-current": state === "current" ? "step" : null,
    onclick: () => goTo(step.key),
  };
  return el(
    "button",
    attributes,
    el("span", { class: "ball" }, state === "done" ? icon("check") : String(i + 1)),
    step.title,
    step.fact ? el("span", { class: "fact" }, step.fact) : "",
  );
}

/** @param {State} state */
function tools({ device, device_note: note }, dark) {
  const tool = (id, image, words, onclick) =>
    el(
      "button",
      { class: "btn icon", type: "button", dataset: { id }, title: words, "aria-label": words, onclick },
      icon(image),
    );
  const local = () => el("span", { class: "clip" }, t(note ? "header.passed" : "header.local", { device }));
  return el(
    "div",
    { class: "tools" },
    device ? el("span", { class: "device", title: note || null }, icon("cpu"), local()) : "",
    tool(
      "theme",
      dark ? "sun" : "moon",
      t(dark ? "header.theme_light" : "header.theme_dark"),
      () => setDark(!isDark()),
    ),
    tool("help", "help", t("header.help"), showHelp),
  );
}
