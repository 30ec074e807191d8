// Measures inside the page. It runs before the page's own scripts. All times are performance.now(), in ms.
//   keys     [{at, digit, id, early, shown}]  a digit: which image was there, whether it had been painted, when the next
//                                             one was there, decoded
//   clicks   [{at, id, marked, shown}]        a click on the map: when another dot was marked as current, when its image was there
//   lassos   [{at, painted}]                  the end of a drag with a tool: when the map was painted again
//   draws    times at which the map's dots were drawn
//   events   [{name, start, duration}]        the browser's entries: from an input to the next frame that was presented
//   first    when all dots of the map were drawn for the first time
(() => {
  "use strict";
  const NEVER = 5000;
  const probe = (window.factProbe = { keys: [], clicks: [], lassos: [], draws: [], events: [], first: null, map: null, current: 0, mode: "", renderer: "" });

  new PerformanceObserver((list) => {
    for (const each of list.getEntries()) probe.events.push({ name: each.name, start: each.startTime, duration: each.duration });
  }).observe({ type: "event", durationThreshold: 16, buffered: true });

  // -------------------------------------------------------------- the image
  const picture = () => document.querySelector("#page-label .lb-frame img");
  const idOf = (img) => Number((/\/image\/(\d+)/.exec((img && img.src) || "") || [])[1] || 0);
  const loaded = (img) => img && img.complete && img.naturalWidth > 0;

  function follow(row) { // each frame: is another image there, complete? decode() says when its pixels are ready
    const look = () => {
      const img = picture();
      if (loaded(img) && idOf(img) !== row.id) {
        img.decode().then(() => { if (picture() === img) row.shown = performance.now(); else look(); }, () => requestAnimationFrame(look)); // it was replaced meanwhile
      } else if (performance.now() - row.at < NEVER) requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  }

  addEventListener("keydown", (event) => {
    if (probe.mode !== "keys" || event.repeat || !/^Digit\d$/.test(event.code)) return;
    const id = idOf(picture()), stage = document.querySelector("#page-label .lb-stage");
    const row = { at: event.timeStamp, digit: Number(event.key), id, early: Number(stage.dataset.seen) !== id, shown: null };
    probe.keys.push(row);
    follow(row);
  }, true);

  // -------------------------------------------------------------- the map
  const waiting = []; // told when the next picture of the map's dots is ready
  const marking = []; // rows of clicks: told when the marks are drawn with another current image

  const ours = (canvas, name) => canvas.classList && canvas.classList.contains(name) && canvas.closest("#page-label");
  function drawn(canvas, gl, count) {
    if (!ours(canvas, "fm-base")) return;
    const now = performance.now(), whole = Boolean(probe.map && probe.map.data) && count >= probe.map.data.n;
    if (probe.draws.at(-1) !== now) probe.draws.push(now);
    if (gl && !probe.renderer) {
      const more = gl.getExtension("WEBGL_debug_renderer_info");
      probe.renderer = gl.getParameter(more ? more.UNMASKED_RENDERER_WEBGL : gl.RENDERER);
    }
    const asked = waiting.splice(0);
    if (probe.first === null && whole) {
      probe.first = 0;
      asked.push((at) => requestAnimationFrame(() => { probe.first = Math.max(at, performance.now()); }));
    }
    if (asked.length) ready(gl, () => asked.forEach((tell) => tell(performance.now())));
  }

  function ready(gl, tell) { // when the graphics process has done what it was given
    if (!gl) return void setTimeout(tell); // after the frame that it was drawn for
    const fence = gl.fenceSync(gl.SYNC_GPU_COMMANDS_COMPLETE, 0);
    gl.flush();
    const look = () => {
      if (gl.isContextLost() || gl.getSyncParameter(fence, gl.SYNC_STATUS) === gl.SIGNALED) tell(); else setTimeout(look, 1);
    };
    setTimeout(look);
  }

  for (const [kind, at] of [["drawArrays", 2], ["drawArraysInstanced", 2], ["drawElements", 1]]) {
    const real = WebGL2RenderingContext.prototype[kind];
    WebGL2RenderingContext.prototype[kind] = function (...given) {
      real.apply(this, given);
      drawn(this.canvas, this, kind === "drawArraysInstanced" ? given[at] * given[3] : given[at]);
    };
  }
  const put = CanvasRenderingContext2D.prototype.putImageData;
  CanvasRenderingContext2D.prototype.putImageData = function (...given) {
    put.apply(this, given);
    drawn(this.canvas, null, Infinity);
  };
  const clear = CanvasRenderingContext2D.prototype.clearRect; // how each drawing of the marks begins
  CanvasRenderingContext2D.prototype.clearRect = function (...given) {
    clear.apply(this, given);
    if (!marking.length || !ours(this.canvas, "fm-top")) return;
    for (const row of marking.splice(0)) {
      if (probe.current === row.id) marking.push(row); else setTimeout(() => { row.marked = performance.now(); });
    }
  };

  // The label page's map, to know where its dots lie. Each map says when it is made.
  document.addEventListener("fs:map", ({ target, detail: map }) => {
    if (!target.closest("#page-label")) return;
    probe.map = map;
    const set = map.setCurrent;
    map.setCurrent = (id) => { probe.current = id; set.call(map, id); };
  });

  addEventListener("pointerup", (event) => {
    if (!event.target.classList.contains("fm-top")) return;
    if (probe.mode === "clicks") {
      const row = { at: event.timeStamp, id: idOf(picture()), marked: null, shown: null };
      probe.clicks.push(row);
      marking.push(row);
      follow(row);
    } else if (probe.mode === "lasso") {
      const row = { at: event.timeStamp, painted: null };
      probe.lassos.push(row);
      waiting.push((at) => { row.painted = at; });
    }
  }, true);
})();
