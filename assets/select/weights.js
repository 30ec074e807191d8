// Which backbones can be used now: their weights are here, or have to be downloaded on the Project page first.
(function () {
  "use strict";

  const AGAIN = 2000; // ms, while a download is going on

  function create(FS, changed) {
    const t = FS.t;
    let rows = [], timer = 0, gone = false;

    async function refresh() {
      clearTimeout(timer);
      if (gone || FS.page !== "select") return;
      try { rows = (await FS.api("/x/backbones")).backbones; } catch { return; } // nothing is known: nothing is forbidden
      if (gone) return;
      if (rows.some((row) => row.busy)) timer = setTimeout(refresh, AGAIN);
      changed();
    }
    document.addEventListener("fs:page", refresh);
    refresh();

    const of = (name) => rows.find((row) => row.name === name);
    function title(name) {
      const row = of(name);
      if (!row) return "";
      const how = row.ready ? "ready" : row.busy ? "busy" : row.bytes ? "download" : "absent";
      return t(`select.weights_${how}`, { name: row.title, size: FS.fmt.bytes(row.bytes) });
    }
    /** Why a selection with this backbone cannot begin, or "". With features of an earlier selection no weights are needed. */
    function lack(name, selection) {
      const row = of(name);
      if (!row || row.ready || (selection && selection.backbone === name)) return "";
      return t(row.busy ? "select.lack_busy" : row.bytes ? "select.lack" : "select.lack_file", { name: row.title, size: FS.fmt.bytes(row.bytes) });
    }
    return { title, lack, destroy() { gone = true; clearTimeout(timer); document.removeEventListener("fs:page", refresh); } };
  }

  window.FactSelectWeights = { create };
})();
