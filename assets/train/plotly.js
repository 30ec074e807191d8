// plotly.js as the installed package has it, fetched when the first chart is drawn.

let loading = null;

/** The library. version: part of its address, so that none is stale. */
export function loadPlotly(version) {
  if (window.Plotly) return Promise.resolve(window.Plotly);
  loading = loading || new Promise((done, fail) => {
    const script = document.createElement("script");
    script.src = `/x/plotly.js?v=${encodeURIComponent(version || "")}`;
    script.onload = () => (window.Plotly ? done(window.Plotly) : fail(new Error("plotly")));
    script.onerror = () => {
      loading = null;
      fail(new Error("plotly"));
    };
    document.head.append(script);
  });
  return loading;
}
