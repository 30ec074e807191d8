// What all of the page knows: the project of the address, the page that is shown, the newest state.

export const PAGES = ["project", "select", "label", "train", "results"];

/** The question of the page's address; empty where there is no window. */
export const address = new URLSearchParams(globalThis.location?.search ?? "");

/** wish: what one page asks of another, which takes it when it is shown: check images, an image, what is open, a
 *  run, what a run left to be reviewed. */
export const app = {
  key: address.get("p") || "",
  page: "project",
  state: /** @type {State | null} */ (null),
  wish: { checks: 0, image: 0, open: false, run: 0, rest: 0 },
};
