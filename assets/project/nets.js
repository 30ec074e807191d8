// The backbone in use, one to think of instead, and the table of all: where their weights come from.
import { app } from "../shell/app.js";
import { askBackbones, backbones, onBackbones, readBackbones, takeBackbones } from "../shell/backbones.js";
import { askFirst, cancelButton, showDialog } from "../shell/dialog.js";
import { el } from "../shell/dom.js";
import { fmt } from "../shell/format.js";
import { icon } from "../shell/icons.js";
import { errorBox, toast } from "../shell/notices.js";
import { chooseBackbone, chosenBackbone } from "../shell/person.js";
import { redraw } from "../shell/redraw.js";
import { t } from "../shell/text.js";
import { comparedNow, comparison } from "./compare.js";
import { Networks, offButton } from "./networks.js";

// Heading of a column -> its class.
const COLUMNS = { name: null, parameters: "num minor", licence: "num minor", features: "num", weights: "end" };
const GAP = { style: { "margin-top": "8px" } };

export class Nets {
  constructor(changed) {
    this.changed = changed;
    this.unfolded = false; // the table of all
    this.others = new Networks(changed);
    this.node = el("section", { class: "part" });
  }

  begin() {
    this.off = onBackbones(this.changed);
    readBackbones().catch(toast);
  }

  read() {
    readBackbones().catch(() => {});
  }

  destroy() {
    this.off();
  }

  draw() {
    const told = backbones();
    this.node.hidden = !told;
    if (!told) return;
    const all = told.backbones, chosen = chosenBackbone(told.recommended);
    const own = { class: "link", type: "button", id: "p-own", disabled: told.busy, onclick: () => ownFile(chosen) };
    const failed = (net) => t(net.file ? "project.b_file_failed" : "project.b_failed", { name: net.title });
    redraw(this.node, [told, chosen, all.map(featuresTime), comparedNow()], () => [
      el(
        "div",
        { class: "p-head" },
        el("h2", { id: "p-nets" }, t("project.backbone")),
        el("span", { class: "small push" }, t("project.backbone_note")),
      ),
      card(all.find((net) => net.name === chosen) ?? all.find((net) => net.name === told.recommended), told),
      suggestion(told, chosen),
      all.filter((net) => net.failed).map((net) => el("div", GAP, errorBox({ what: failed(net), found: net.failed }))),
      this.fold(table(all.map((net) => row(net, told, chosen, this.changed))), all.length),
      comparison(this.changed),
      told.finding ? el("p", { class: "small", role: "status", ...GAP }, t("project.b_finding")) : "",
      told.not_found ? el("div", GAP, errorBox({ what: t("project.b_not_found"), found: told.not_found })) : "",
      el("p", { class: "small", ...GAP }, t("project.b_network"), " ", el("button", own, t("project.b_file"))),
    ]);
  }

  /** The table, which opens at a click and stays open while it is drawn again. */
  fold(all, number) {
    const ontoggle = (event) => {
      this.unfolded = event.target.open;
    };
    const title = el("summary", {}, icon("chevron-right"), t("project.b_change", { number }));
    return el("details", { id: "p-change", open: this.unfolded, ontoggle }, title, all, this.others.node);
  }
}

/** The one in use: what it is good for, and what reading the images takes. */
function card(net, told) {
  const advised = net.name === told.recommended;
  return el(
    "div",
    { class: "p-net" },
    el(
      "div",
      { class: "line" },
      el("b", {}, net.title),
      advised ? el("span", { class: "tag" }, t("project.b_recommended")) : "",
      el("span", { class: "push" }, standing(net, told.busy, "card-")),
    ),
    el("p", { class: "small" }, net.help),
    el("p", { class: "small" }, reading(net), " ", advised ? t(`project.b_why_${told.reason}`) : ""),
  );
}

/** A stronger one, whose weights are a click away. */
function suggestion(told, chosen) {
  const net = told.backbones.find((each) => each.name === told.proposed);
  if (!net || net.name === chosen) return "";
  const words = el("span", {}, el("b", {}, net.title), ` ${net.help} ${reading(net)}`);
  return el("div", { class: "note p-proposed" }, words, net.ready ? "" : standing(net, told.busy, "propose-"));
}

const reading = (net) => {
  const time = featuresTime(net);
  return time === "–" ? "" : t("project.b_reading", { time });
};

function table(rows) {
  const heads = Object.entries(COLUMNS).map(([name, look]) =>
    el("th", { scope: "col", class: look }, t(`project.b_${name}`))
  );
  return el(
    "table",
    { class: "p-backbones", "aria-labelledby": "p-nets" },
    el("thead", {}, el("tr", {}, heads)),
    el("tbody", {}, rows),
  );
}

function featuresTime(net) { // what it takes to read the pool with it: as it was measured here, or about
  const { runs, counts } = app.state, pool = counts ? counts.pool : 0;
  if (!pool) return "–";
  const of = (run) => run.kind === "features" && run.status === "done" && run.config.backbone === net.name;
  const done = runs.find((run) => of(run) && run.result && run.result.images_per_s > 0);
  return fmt.about(done ? pool / done.result.images_per_s : pool * net.seconds_per_image);
}

function row(net, told, chosen, changed) {
  const is = net.name === chosen;
  const choose = () => {
    chooseBackbone(net.name);
    changed();
  };
  const radio = { class: "radio", type: "radio", name: "p-backbone", id: `p-net-${net.name}`, checked: is };
  return el(
    "tr",
    { class: is ? "chosen" : "" },
    el(
      "td",
      {},
      el(
        "label",
        {},
        el("input", { ...radio, onchange: choose }),
        el("span", {}, net.title),
        told.recommended === net.name ? el("span", { class: "tag" }, t("project.b_recommended")) : "",
        el("span", { class: "small p-for" }, net.help),
        net.published ? el("span", { class: "small p-for" }, t("project.b_published", net)) : "",
        wordsOf(net, told.busy),
        net.listed || is ? "" : el("span", { class: "small p-for" }, offButton(net)),
      ),
    ),
    el("td", { class: "num minor" }, `${(net.parameters / 1e6).toFixed(1)} M`),
    el("td", { class: "num minor" }, net.licence),
    el("td", { class: "num" }, featuresTime(net)),
    el("td", { class: "end" }, standing(net, told.busy)),
  );
}

/** What is said of a text side: that names of classes and words can be read, or the button that brings it. */
function wordsOf({ name, words }, busy) {
  if (!words) return "";
  if (words.busy || words.ready) {
    return el("span", { class: "small p-for" }, t(words.busy ? "project.b_words_busy" : "project.b_words_ready"));
  }
  const look = { class: "btn slim", type: "button", id: `p-words-${name}`, title: words.detail, disabled: busy };
  const get = async () => takeBackbones(await askBackbones("/x/weights", { name, file: "", text: true }));
  const size = { size: fmt.bytes(words.bytes) };
  return el(
    "span",
    { class: "small p-for" },
    t("project.b_words"),
    words.failed ? el("span", { class: "bad" }, words.failed, " ") : "",
    el("button", { ...look, onclick: () => get().catch(toast) }, t("project.b_words_get", size)),
  );
}

/** Where a backbone's weights are, or the button that brings them; ``place``: where it stands, of several. */
function standing(net, busy, place = "") {
  const button = (what, onclick, ...inside) => {
    const look = { class: "btn slim", type: "button", id: `p-${place}${what}-${net.name}`, title: net.detail };
    return el("button", { ...look, disabled: busy, onclick }, ...inside);
  };
  if (net.busy) {
    const loading = net.percent === null ? t("project.b_downloading") : t("project.b_percent", net);
    return el("span", { class: "tag", role: "status" }, net.file ? t("project.b_checking") : loading);
  }
  if (net.own) return button("own", () => forget(net).catch(toast), icon("check"), t("project.b_own"));
  if (net.ready) return el("span", { class: "tag good", title: net.detail }, icon("check"), t("project.b_ready"));
  if (!net.bytes) return button("bring", () => ownFile(net.name), t("project.b_bring"));
  const download = async () => {
    if (await agreed(net)) takeBackbones(await askBackbones("/x/weights", { name: net.name }));
  };
  return button("get", download, t("project.b_download", { size: fmt.bytes(net.bytes) }));
}

/** Whether the person knows the conditions of a licence and still wants the network. */
async function agreed(net) {
  const title = `${net.title}: ${net.licence}`;
  return !net.conditions || await askFirst({ title, text: net.conditions, yes: t("project.b_agreed") });
}

async function forget(net) {
  const title = `${net.title}: ${t("project.b_own")}`, text = `${net.detail} ${t("project.b_forget_text")}`;
  if (!await askFirst({ title, text, yes: t("project.b_forget") })) return;
  takeBackbones(await askBackbones("/x/weights/forget", { name: net.name }));
}

/** Ask for a file of weights that the person has. */
function ownFile(wanted) {
  const all = backbones().backbones;
  const option = (each) => el("option", { value: each.name, selected: each.name === wanted }, each.title);
  const unknown = el("option", { value: "" }, t("project.b_file_unknown"));
  const net = el("select", { class: "field", id: "p-own-net" }, unknown, all.map(option));
  const plain = { spellcheck: "false", autocomplete: "off", placeholder: t("project.b_file_example") };
  const file = el("input", { class: "field", id: "p-own-file", ...plain });
  // Where nothing downloads the weights, the words that say which file to look for.
  const which = el("p", { class: "small", id: "p-own-which" }), note = el("div");
  const sayWhich = () => {
    const it = all.find((each) => each.name === net.value);
    which.textContent = !it ? t("project.b_file_finds") : it.ready || it.bytes ? "" : it.detail;
  };
  net.addEventListener("change", sayWhich);
  sayWhich();
  const send = async (close) => {
    try {
      takeBackbones(await askBackbones("/x/weights", { name: net.value, file: file.value }));
      close();
    } catch (error) {
      note.replaceChildren(errorBox(error));
    }
  };
  const help = el("span", { class: "small" }, t("project.b_file_help"));
  const path = el("label", {}, t("project.b_file_path"), help, file);
  const body = [el("label", {}, t("project.b_file_for"), net), which, path, note];
  return showDialog(t("project.b_file"), body, (close) => {
    const look = { class: "btn primary", type: "button", disabled: true, onclick: () => send(close) };
    const yes = el("button", look, t("project.b_file_yes"));
    file.addEventListener("input", () => {
      yes.disabled = !file.value.trim();
    });
    file.addEventListener("keydown", (event) => event.key === "Enter" && file.value.trim() && send(close));
    return [cancelButton(close), yes];
  });
}
