// What the Train form's choices need: whether recipe and backbone fit, and whether the backbone's weights are here.
(function () {
  "use strict";

  const AGAIN = 3000; // ms between looks at the weights while some that are wanted are missing
  const form = { recipe: "", backbone: "", fit: {}, nets: new Map(), asked: 0, listeners: new Set() };
  const tell = () => { for (const listener of form.listeners) listener(); };

  /** The form's choices as they stand now. ``known.fit``: recipe -> {phases, never: backbones that it cannot train}. */
  function choose(recipe, backbone, known) {
    Object.assign(form, { recipe, backbone, fit: known.fit });
    const place = document.getElementById("train-form");
    // assets/train.css hides the options of phases that this recipe does not have.
    if (place && known.fit[recipe]) place.dataset.phases = known.fit[recipe].phases.join(" ");
    look(true);
    tell();
  }

  /** Why a run with these settings cannot start, as {text, page}: null where nothing is known to stand in its way. */
  function obstacle(recipe, backbone) {
    const fit = form.fit[recipe], net = form.nets.get(backbone), t = FS.t;
    const title = net ? net.title : backbone;
    if (fit && fit.never.includes(backbone)) return { text: t("train.no_fit", { recipe: t(`recipe.${recipe}`), backbone: title }) };
    if (!net || net.ready) return null;
    const text = net.bytes ? t("train.no_weights", { backbone: title, size: FS.fmt.bytes(net.bytes) }) : t("train.no_file", { backbone: title });
    return { text, page: "project" };
  }

  /** Ask which weights are here: when the page opens, when a choice changes, and while the chosen ones are missing. */
  async function look(now = false) {
    if (FS.page !== "train" || document.hidden) return;
    const net = form.nets.get(form.backbone);
    if (Date.now() - form.asked < AGAIN || (!now && net && net.ready)) return;
    form.asked = Date.now();
    let told;
    try { told = await FS.api("/x/backbones"); } catch { return; }
    const marks = (nets) => JSON.stringify([...nets.values()].map((each) => [each.name, each.ready]));
    const before = marks(form.nets);
    form.nets = new Map(told.backbones.map((each) => [each.name, each]));
    if (marks(form.nets) === before) return;
    const button = document.querySelector("#train-nets button, button#train-nets");
    if (button) button.click(); // the list of backbones marks them
    tell();
  }
  document.addEventListener("fs:page", () => { form.asked = 0; look(true); });
  setInterval(look, AGAIN);

  window.FactTrainForm = { form, choose, obstacle, listen: (fn) => form.listeners.add(fn) };
})();
