// Finding a class by its first letters, for projects with more classes than keys: type, Enter.
(function () {
  "use strict";

  // How well a name fits what was typed: at its start, at the start of a word, the letters in order; -1: not at all.
  // What fits alike stays in the list's order, which the person knows.
  function fit(name, typed) {
    const low = name.toLocaleLowerCase(), text = typed.toLocaleLowerCase();
    if (!text) return 0;
    if (low.startsWith(text)) return low === text ? 500 : 400;
    const word = low.split(/[\s_\-./()]+/).findIndex((part) => part.startsWith(text));
    if (word > 0) return 300;
    if (low.includes(text)) return 200;
    let from = 0, gaps = 0;
    for (const letter of text) {
      const at = low.indexOf(letter, from);
      if (at < 0) return -1;
      gaps += at - from;
      from = at + 1;
    }
    return 100 - gaps;
  }
  const matches = (classes, typed) => classes.map((each, place) => ({ each, place, score: fit(each.name, typed) }))
    .filter((found) => found.score >= 0).sort((a, b) => b.score - a.score || a.place - b.place);

  // A box over the list of classes. give(classId) is called once; Escape and a click elsewhere close it.
  function create(FS, host, classes, give) {
    let box = null, chosen = 0;
    function close() { // removing it takes the focus away, which closes it
      const was = box;
      box = null;
      if (was) was.remove();
    }
    function open(typed) {
      close();
      const list = FS.el("ul", { class: "lb-found", role: "listbox", id: "lb-found" });
      const input = FS.el("input", { type: "text", class: "lb-edit", "aria-label": FS.t("label.find"), placeholder: FS.t("label.find"), role: "combobox",
        "aria-expanded": "true", "aria-controls": "lb-found", autocomplete: "off", spellcheck: "false", maxlength: "200" });
      box = FS.el("div", { class: "lb-finder" }, input, list);
      const found = () => matches(classes(), input.value.trim()).slice(0, 8);
      const take = (id) => { close(); give(id); };
      function draw() {
        const lines = found();
        chosen = Math.max(0, Math.min(chosen, lines.length - 1));
        list.replaceChildren(...lines.map(({ each }, i) => FS.el("li", { role: "option", id: `lb-found-${i}`, "aria-selected": String(i === chosen),
          onpointerdown: (event) => { event.preventDefault(); take(each.id); } }, FS.classMark(each), FS.el("span", { dir: "auto" }, each.name))));
        if (!lines.length) list.append(FS.el("li", { class: "small" }, FS.t("label.find_none")));
        input.setAttribute("aria-activedescendant", lines.length ? `lb-found-${chosen}` : "");
      }
      input.addEventListener("input", () => { chosen = 0; draw(); });
      input.addEventListener("keydown", (event) => {
        if (event.isComposing) return;
        const lines = found();
        if (event.key === "Enter") { if (lines[chosen]) take(lines[chosen].each.id); }
        else if (event.key === "Escape") close();
        else if (event.key === "ArrowDown") { chosen = (chosen + 1) % Math.max(1, lines.length); draw(); }
        else if (event.key === "ArrowUp") { chosen = (chosen + lines.length - 1) % Math.max(1, lines.length); draw(); }
        else return;
        event.preventDefault();
        event.stopPropagation();
      });
      input.addEventListener("blur", close);
      host.append(box);
      input.value = typed;
      chosen = 0;
      draw();
      input.focus();
    }
    return { open, close };
  }

  window.FactFind = { create, matches };
})();
