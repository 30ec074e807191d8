// The Label page's keys: heard first (capture phase), never while the person types or a dialog is open.
(function () {
  "use strict";

  const TYPING = "input, textarea, select, [contenteditable]:not([contenteditable=false])";
  const NATIVE = "button, a, summary, [role=button], [role=tab], [role=menuitem]";

  // Calls the functions of ``act`` while ``root`` is on the screen. Returns what ends it.
  function listen(root, ready, act) {
    const plain = {
      ArrowLeft: { repeats: true, run: () => act.move(-1) },
      ArrowRight: { repeats: true, run: () => act.move(1) },
      Home: { run: () => act.move(-1e9) },
      End: { run: () => act.move(1e9) },
      Space: { run: act.skip },
      Backspace: { run: act.undo },
      Delete: { run: act.clear },
      KeyF: { run: act.flag },
      KeyN: { run: act.add },
    };
    const signs = {
      "?": { run: act.sheet },
      "+": { repeats: true, run: () => act.zoom(1.25) },
      "-": { repeats: true, run: () => act.zoom(0.8) },
    };

    function meant(event) {
      if (event.altKey) return null;
      if (event.ctrlKey || event.metaKey) {
        if (event.key.toLowerCase() === "z") return { run: event.shiftKey ? act.redo : act.undo };
        return event.key.toLowerCase() === "y" ? { run: act.redo } : null;
      }
      if (signs[event.key]) return signs[event.key];
      if (event.shiftKey) return null;
      const digit = /^(?:Digit|Numpad)([0-9])$/.exec(event.code);
      return digit ? { run: () => act.give((Number(digit[1]) + 9) % 10) } : plain[event.code] || null;
    }

    function onKey(event) {
      const target = event.target;
      if (event.isComposing || !root.offsetParent || !ready() || document.querySelector("dialog[open]")) return;
      if (target.closest && target.closest(TYPING)) return;
      const wish = meant(event);
      if (!wish || (event.repeat && !wish.repeats)) return;
      // A control reached with Tab keeps Space for itself.
      if (event.code === "Space" && target.matches && target.matches(NATIVE) && target.matches(":focus-visible")) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      wish.run();
    }
    document.addEventListener("keydown", onKey, true);
    return () => document.removeEventListener("keydown", onKey, true);
  }

  window.FactLabelKeys = { listen };
})();
