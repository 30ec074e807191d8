// What scripts find on the window: our one namespace, and the library that draws charts.
interface Window {
  FactStudio: any;
  Plotly: any;
}
