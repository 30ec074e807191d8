// The Label page's keys: heard first (capture phase), never while the person types or a dialog is open.
(function () {
  "use strict";

  const TYPING = "input, textarea, select, [contenteditable]:not([contenteditable=false])";
  const NATIVE = "button, a, summary, [role=button], [role=tab], [role=menuitem]";

  // Calls the functions of ``act`` while ``root`` is on the screen. Returns what ends it.
  // act.grid() says whether the grid is shown, act.own(letter) the place of the class with that key of its own, or -1.
  function listen(root, ready, act) {
    const both = {
      Escape: { run: act.escape },
      Backspace: { run: act.undo },
      Delete: { run: act.clear },
      Enter: { run: act.accept },
      NumpadEnter: { run: act.accept },
      KeyF: { run: act.flag },
      KeyN: { run: act.add },
      KeyG: { run: act.view },
      Slash: { run: () => act.find("") },
    };
    const one = {
      ArrowLeft: { repeats: true, run: () => act.move(-1) },
      ArrowRight: { repeats: true, run: () => act.move(1) },
      Home: { run: () => act.move(-1e9) },
      End: { run: () => act.move(1e9) },
      Space: { run: act.skip },
    };
    const grid = {
      ArrowLeft: { repeats: true, run: (event) => act.step(-1, event) },
      ArrowRight: { repeats: true, run: (event) => act.step(1, event) },
      ArrowUp: { repeats: true, run: (event) => act.row(-1, event) },
      ArrowDown: { repeats: true, run: (event) => act.row(1, event) },
      PageUp: { repeats: true, run: () => act.page(-1) },
      PageDown: { repeats: true, run: () => act.page(1) },
      Home: { run: () => act.step(-1e9, {}) },
      End: { run: () => act.step(1e9, {}) },
      Space: { run: act.toggle },
    };
    const signs = {
      "?": { run: act.sheet },
      "+": { repeats: true, run: () => act.zoom(1.25) },
      "-": { repeats: true, run: () => act.zoom(0.8) },
    };

    function meant(event) {
      const graph = event.getModifierState("AltGraph"), sign = [...event.key].length === 1 ? event.key.toLowerCase() : ""; // as if without Caps Lock
      const letter = /\p{L}/u.test(sign) ? sign : "", place = sign.trim() ? act.own(sign) : -1;
      if (event.altKey && !graph) return null;
      if ((event.ctrlKey || event.metaKey) && !graph) {
        if (sign === "z") return { run: event.shiftKey ? act.redo : act.undo };
        if (sign === "a" && act.grid()) return { run: act.all };
        return sign === "y" ? { run: act.redo } : null;
      }
      if (signs[event.key]) return signs[event.key];
      const arrows = act.grid() ? grid[event.code] : one[event.code];
      if (place >= 0 && !letter) return { run: () => act.give(place) }; // signs may need Shift or AltGr
      if (graph || (event.shiftKey && !(act.grid() && arrows))) return null;
      const digit = /^(?:Digit|Numpad)([0-9])$/.exec(event.code);
      if (digit) return { run: () => act.give((Number(digit[1]) + 9) % 10) };
      if (arrows) return arrows;
      if (place >= 0) return { run: () => act.give(place) };
      if (both[event.code]) return both[event.code];
      return letter && act.many() ? { run: () => act.find(letter) } : null;
    }

    function onKey(event) {
      const target = event.target;
      if (event.isComposing || !root.offsetParent || !ready() || document.querySelector("dialog[open]")) return;
      if (target.closest && target.closest(TYPING)) return;
      const wish = meant(event);
      if (!wish || (event.repeat && !wish.repeats)) return;
      // A control reached with Tab keeps Space and Enter for itself, a menu its arrows.
      if (target.closest && target.closest("[role=menu]")) return;
      if (["Space", "Enter", "NumpadEnter"].includes(event.code) && target.matches && target.matches(NATIVE) && target.matches(":focus-visible")) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      wish.run(event);
    }
    document.addEventListener("keydown", onKey, true);
    return () => document.removeEventListener("keydown", onKey, true);
  }

  window.FactLabelKeys = { listen };
})();
