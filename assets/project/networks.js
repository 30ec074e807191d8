// Any network of timm's, found by its name and added to the table of backbones.
import { askBackbones, takeBackbones } from "../shell/backbones.js";
import { el } from "../shell/dom.js";
import { fmt } from "../shell/format.js";
import { errorBox, toast } from "../shell/notices.js";
import { chooseBackbone } from "../shell/person.js";
import { api } from "../shell/server.js";
import { counted, t } from "../shell/text.js";

/** What precedes the name of a network that is none of the listed ones. */
const TIMM = "timm:";

/** A field for words of a name, and the networks that have them. added() is called once one is in the table. */
export class Networks {
  constructor(added) {
    this.added = added;
    this.busy = false;
    const plain = { type: "search", spellcheck: "false", autocomplete: "off" };
    this.words = el("input", { class: "field", id: "p-network-words", ...plain, "aria-describedby": "p-network-help" });
    this.words.addEventListener("keydown", (event) => event.key === "Enter" && this.look());
    this.button = el("button", { class: "btn", type: "button", onclick: () => this.look() }, t("project.n_look"));
    this.found = el("div", { class: "p-networks", role: "status" });
    this.node = el(
      "section",
      { class: "p-other" },
      el("label", { for: "p-network-words" }, t("project.n_title")),
      el("p", { class: "small", id: "p-network-help" }, t("project.n_help")),
      el("div", { class: "line" }, this.words, this.button),
      this.found,
    );
  }

  async look() {
    await this.wait(t("project.n_looking"), async () => {
      const { networks, total } = await api(`/x/networks?words=${encodeURIComponent(this.words.value)}`);
      this.found.replaceChildren(...this.shown(networks, total));
    });
  }

  /** Say what is done, do it, and say what went wrong. */
  async wait(words, work) {
    if (this.busy) return;
    this.busy = this.button.disabled = true;
    this.found.replaceChildren(el("p", { class: "small" }, words));
    try {
      await work();
    } catch (error) {
      this.found.replaceChildren(errorBox(error));
    }
    this.busy = this.button.disabled = false;
  }

  shown(networks, total) {
    if (!total) return [el("p", {}, t("project.n_none"))];
    const told = { shown: fmt.int(networks.length), total: fmt.int(total) };
    const head = networks.length < total ? t("project.n_found", told) : counted("project.n_found_all", total);
    const columns = ["project.b_name", "project.b_parameters", "project.b_licence", "project.n_pixels"];
    const heads = columns.map((key, place) => el("th", { scope: "col", class: place ? "num" : "" }, t(key)));
    const rows = networks.map((each) => this.row(each));
    return [
      el("p", { class: "small" }, head),
      el(
        "table",
        { class: "p-backbones" },
        el("thead", {}, el("tr", {}, heads, el("th", { class: "end" }))),
        el("tbody", {}, rows),
      ),
    ];
  }

  row(network) {
    const { name, licence, pixels, parameters } = network;
    const look = { class: "btn slim", type: "button", "aria-label": `${t("project.n_add")}: ${name}` };
    return el(
      "tr",
      {},
      el("td", { class: "p-network" }, name),
      el("td", { class: "num" }, parameters ? `${(parameters / 1e6).toFixed(1)} M` : "–"),
      el("td", { class: "num" }, licence),
      el("td", { class: "num" }, t("project.n_side", { n: pixels })),
      el("td", { class: "end" }, el("button", { ...look, onclick: () => this.add(name) }, t("project.n_add"))),
    );
  }

  async add(title) {
    await this.wait(t("project.n_adding"), async () => {
      const answer = await askBackbones("/x/networks", { name: TIMM + title });
      takeBackbones(answer);
      // A listed one may be the same network: it is then chosen.
      const row = answer.backbones.find((each) => each.name === TIMM + title) ||
        answer.backbones.find((each) => each.name === title);
      if (row) chooseBackbone(row.name);
      this.found.replaceChildren(el("p", {}, t("project.n_added", { name: row ? row.title : title })));
      this.added();
    });
  }
}

/** The button that takes an added network off the table again. */
export function offButton(net) {
  const off = async () => takeBackbones(await askBackbones("/x/networks/forget", { name: net.name }));
  return el("button", { class: "link", type: "button", onclick: () => off().catch(toast) }, t("project.n_off"));
}
