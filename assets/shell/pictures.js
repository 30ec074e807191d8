// The pictures that the page shows, by their addresses. An address names an image; what it looks like is known from the
// newest scan on, so that this is part of the address: a file that has changed is seen as it is now.
import { app } from "./app.js";
import { keyed } from "./key.js";

/** Which scan the pictures are of; "" before there is one. */
export function scanned() {
  const scan = app.state && app.state.runs.find((run) => run.kind === "scan" && run.ended);
  return scan ? `${scan.id}-${scan.ended}` : "";
}

export const thumbUrl = (id) => keyed(`/x/${app.key}/thumb/${id}${known("?")}`);
export const imageUrl = (id, max = 0) =>
  keyed(`/x/${app.key}/image/${id}${max ? `?max=${max}` : ""}${known(max ? "&" : "?")}`);

function known(sign) {
  const scan = scanned();
  return scan ? `${sign}v=${scan}` : "";
}

/** After a scan: have the thumbnails that are shown asked for anew; whoever holds pictures hears "fs:pictures". */
export function renewPictures() {
  for (const img of document.querySelectorAll(`img[src*="/x/${app.key}/thumb/"]`)) {
    if (!(img instanceof HTMLImageElement)) continue;
    const id = img.src.match(/\/thumb\/(\d+)/);
    if (id) img.src = thumbUrl(id[1]);
  }
  document.dispatchEvent(new CustomEvent("fs:pictures"));
}
