// The Select page's form, made from the fields of SelectConfig: title, help above the field, limits, choices.
// It shows what the newest selection was made with, until the person enters something else; that is kept in the browser
// for this selection.
(function () {
  "use strict";

  const SLIDER = { images: [2, 200], part: [0.5, 20] };

  // selection: the newest one, or null; weights: what is known of a backbone's weights (select_weights.js)
  function create(FS, host, fields, { selection, weights, changed }) {
    const el = FS.el, t = FS.t, known = new Map(fields.map((field) => [field.name, field]));
    const kept = `fact.select.${FS.p}`, of = selection ? selection.id : 0;
    const values = { ...Object.fromEntries(fields.map((field) => [field.name, field.default])), ...valid(selection && selection.config), extend: false };
    values.budget = String(values.budget);
    try { const draft = JSON.parse(localStorage.getItem(kept)); if (draft.of === of) Object.assign(values, valid(draft.values)); } catch { /* nothing kept */ }
    let unit = String(values.budget).endsWith("%") ? "part" : "images", pool = 0;

    function valid(stored) { return Object.fromEntries(Object.entries(stored || {}).filter(([name]) => known.has(name))); }
    function set(name, value) {
      values[name] = value;
      try { localStorage.setItem(kept, JSON.stringify({ of, values })); } catch { /* it holds for this visit */ }
      drawPace();
      changed();
    }

    function labelled(name, input, help) {
      const field = known.get(name), id = `sf-${name}`;
      input.id = id;
      return el("div", { class: "sl-field" }, el("label", { for: id }, field.title), help || el("p", { class: "small" }, field.help), input);
    }
    function number(name) {
      const field = known.get(name), whole = field.type === "int";
      const input = el("input", { type: "number", class: "field sl-number", min: field.low, max: field.high, step: whole ? 1 : "any", value: String(values[name]) });
      input.addEventListener("input", () => {
        const value = Number(input.value), fine = input.value !== "" && input.checkValidity();
        input.setAttribute("aria-invalid", String(!fine));
        if (fine) set(name, value);
      });
      return input;
    }
    function list(name) {
      const field = known.get(name), about = el("p", { class: "small" }), rest = el("p", { class: "small" });
      const fold = el("details", { class: "sl-why" }, el("summary", { class: "small" }, t("select.why")), rest);
      const input = el("select", { class: "field" }, name === "strategy" ? strategies(field) : field.choices.map((each) => el("option", { value: each.value }, each.title)));
      const say = () => {
        const chosen = field.choices.find((each) => each.value === values[name]);
        about.textContent = chosen && chosen.help ? chosen.help : field.help;
        rest.textContent = chosen ? notes(field, chosen).join(" ") : "";
        fold.hidden = !rest.textContent;
      };
      if (!field.choices.some((each) => each.value === values[name])) values[name] = field.default;
      input.value = values[name];
      input.addEventListener("change", () => { set(name, input.value); say(); if (name === "backbone") FS.setBackbone(input.value); });
      if (name === "backbone") follow = () => { input.value = values.backbone = FS.backbone(field.default); say(); mark(); };
      const mark = () => { for (const option of input.options) option.textContent = weights.title(option.value) || field.choices.find((each) => each.value === option.value).title; };
      if (name === "backbone") remark = mark;
      say();
      return labelled(name, input, el("div", {}, about, fold));
    }
    function strategies(field) { // those that learn from labels stand apart
      const option = (each) => el("option", { value: each.value }, each.value === field.default ? t("select.recommended", { name: each.title }) : each.title);
      const group = (label, list) => el("optgroup", { label: t(label) }, list.map(option));
      return [group("select.from_pool", field.choices.filter((each) => !each.needs_labels)), group("select.from_labels", field.choices.filter((each) => each.needs_labels))];
    }
    function notes(field, chosen) {
      if (field.name !== "strategy") return [];
      return [chosen.value === field.default && t("select.default"), chosen.needs_labels && t("select.needs_labels"),
        chosen.most > 0 && t("select.most", { n: FS.fmt.int(chosen.most) })].filter(Boolean);
    }
    // The Project page has a list of backbones too: both show the same choice.
    let follow = () => {}, remark = () => {};
    const onBackbone = () => follow();
    document.addEventListener("fs:backbone", onBackbone);
    function check(name) {
      const input = el("input", { type: "checkbox", checked: values[name] });
      input.addEventListener("change", () => set(name, input.checked));
      const field = known.get(name);
      return el("div", { class: "sl-field" }, el("label", { class: "sl-check" }, input, field.title), el("p", { class: "small" }, field.help));
    }
    function one(name) {
      const field = known.get(name);
      if (field.choices) return list(name);
      return field.type === "bool" ? check(name) : labelled(name, number(name));
    }

    // -------------------------------------------------------------- the budget: number, slider and unit of one value
    const amount = el("input", { type: "text", inputmode: "decimal", class: "field sl-number", id: "sf-budget", autocomplete: "off" });
    const slider = el("input", { type: "range", class: "sl-range", "aria-label": known.get("budget").title });
    const ends = [el("span", { class: "small" }), el("span", { class: "small" })], pace = el("p", { class: "small" });
    const wrong = el("p", { class: "small sl-wrong", role: "alert", hidden: true });
    const units = ["images", "part"].map((each) => {
      const input = el("input", { type: "radio", name: "sf-unit", value: each });
      input.addEventListener("change", () => convert(each));
      return el("label", { class: "sl-radio" }, input, t(`select.unit_${each}`));
    });
    function count() { // images that the budget buys; as parse_budget does it
      const number = parseFloat(values.budget);
      return unit === "part" ? Math.trunc(pool * number * 0.01) : number;
    }
    function convert(to) {
      const images = count();
      unit = to;
      const number = to === "part" ? Math.max(0.1, Math.round((1000 * images) / Math.max(1, pool)) / 10) : Math.max(1, Math.round(images) || 50);
      write(number);
      drawBudget();
    }
    function write(number) { set("budget", unit === "part" ? `${number}%` : String(number)); }
    function drawBudget() {
      const [low, high] = SLIDER[unit], top = unit === "images" ? Math.max(low, Math.min(high, pool || high)) : high;
      Object.assign(slider, { min: low, max: top, step: unit === "part" ? 0.5 : 1, value: parseFloat(values.budget) });
      ends[0].textContent = low;
      ends[1].textContent = top;
      slider.style.setProperty("--part", `${(100 * (slider.value - low)) / Math.max(1e-9, top - low)}%`);
      if (document.activeElement !== amount) amount.value = parseFloat(values.budget);
      for (const each of units) each.firstChild.checked = each.firstChild.value === unit;
      drawPace();
    }
    function problem() {
      const n = count();
      if (!Number.isFinite(n) || n < 1) return t("select.too_small", { pool: FS.fmt.int(pool) });
      if (unit === "images" && !Number.isInteger(n)) return t("select.not_whole");
      return pool && n > pool ? t("select.too_large", { pool: FS.fmt.int(pool) }) : "";
    }
    function drawPace() {
      const n = count(), bad = pool ? problem() : "";
      const part = unit === "part" && n >= 1 ? `${t("select.part_is", { n: FS.fmt.int(n) })} ` : "";
      pace.textContent = `${known.get("budget").help} ${part}${n >= 1 ? t("select.pace", { time: FS.fmt.time(n < 10 ? n * 6 : Math.round(n / 10) * 60) }) : ""}`;
      amount.setAttribute("aria-invalid", String(Boolean(bad)));
      wrong.textContent = bad;
      wrong.hidden = !bad;
    }
    // As the command line takes it: "50", or "2%" of the pool.
    amount.addEventListener("input", () => {
      const told = /^(\d*\.?\d+)\s*(%?)$/.exec(amount.value.trim().replace(",", "."));
      if (told && told[2]) unit = "part";
      write(told ? Number(told[1]) : 0);
      drawBudget();
    });
    amount.addEventListener("blur", () => { if (!problem()) amount.value = parseFloat(values.budget); }); // the sign has gone to the unit
    slider.addEventListener("input", () => { write(Number(slider.value)); amount.value = slider.value; drawBudget(); });
    const budget = el("div", { class: "sl-field" },
      el("div", { class: "sl-row" }, el("label", { for: "sf-budget" }, known.get("budget").title), amount),
      pace, el("div", { class: "sl-slide" }, ends[0], slider, ends[1]),
      el("div", { class: "sl-units", role: "radiogroup", "aria-label": known.get("budget").title }, units), wrong);

    // "extend" is a button of its own beside "Select again".
    const rest = fields.filter((field) => !["budget", "extend"].includes(field.name));
    const plain = rest.filter((field) => !field.expert), expert = rest.filter((field) => field.expert);
    const more = el("details", { class: "sl-more" }, el("summary", {}, FS.icon("chevron-right"), t("select.more")), expert.map((field) => one(field.name)));
    host.replaceChildren(budget, ...["strategy", "check"].filter((name) => known.has(name)).map(one),
      ...plain.filter((field) => !["strategy", "check"].includes(field.name)).map((field) => one(field.name)), more);
    drawBudget();
    follow();

    let before = null; // check images that stood there before only they were asked for
    const checks = () => host.querySelector("#sf-check");
    function writeChecks(n) { checks().value = n; checks().dispatchEvent(new Event("input")); }
    return {
      values, count, problem, of,
      remark: () => remark(),
      // Only check images: the other fields are out of the way, theirs has the focus and a number.
      onlyChecks(n) {
        const field = checks(), earlier = before ?? values.check;
        for (const each of host.children) each.hidden = n > 0 && !each.contains(field);
        if (!n && before === null) return;
        before = n ? earlier : null;
        writeChecks(n || earlier);
        if (n) { field.focus(); field.select(); field.scrollIntoView({ block: "nearest" }); }
      },
      destroy() { document.removeEventListener("fs:backbone", onBackbone); },
      suggestChecks(n) {
        writeChecks(n);
        checks().focus();
      },
      titles(name, value) { const found = known.get(name).choices.find((each) => each.value === value); return found && found.title; },
      choices: (name) => known.get(name).choices,
      setPool(n) { if (n !== pool) { pool = n; drawBudget(); } },
      lock(yes) { for (const each of host.querySelectorAll("input, select")) each.disabled = yes; },
    };
  }

  window.FactSelectForm = { create };
})();
