// What lets this window in beside the cookie, which other programs of this computer see (app/shell/keys.py says why).
// The page in front of this one has put it into localStorage, which belongs to this program's port alone.

const STORED = "fact-studio.key", HEADER = "X-Fact-Studio", OURS = /^\/(x|gradio_api)\//;

/** page: sent with every request; pictures: stands in the addresses of pictures and downloads.
 *  @returns {{page: string, pictures: string}} */
export function keys() {
  const none = { page: "", pictures: "" };
  try {
    return { ...none, ...JSON.parse(localStorage.getItem(STORED)) };
  } catch {
    return none;
  }
}

/** The address of a picture or a download, with its key. A key that stands there already, of an earlier start, goes.
 *  @param {string} address */
export function keyed(address) {
  const [path, query] = address.split("?"), parts = new URLSearchParams(query);
  parts.set("s", keys().pictures);
  return `${path}?${parts}`;
}

/** Requests of this page carry its key, whoever makes them: Gradio asks for its queue by itself. */
export function sendKey() {
  const plain = globalThis.fetch;
  globalThis.fetch = (asked, init) => {
    const url = new URL(asked instanceof Request ? asked.url : String(asked), location.href);
    if (url.origin !== location.origin || !OURS.test(url.pathname)) return plain(asked, init);
    const headers = new Headers(init?.headers ?? (asked instanceof Request ? asked.headers : undefined));
    headers.set(HEADER, keys().page);
    return plain(asked, { ...init, headers });
  };
}

/** Hear that another window was let in: by a program that was started anew, so that this one may go on.
 *  @param {() => void} listener */
export function onNewKey(listener) {
  addEventListener("storage", ({ key }) => key === STORED && listener());
}
