// Try it: a photo that is dropped, pasted, chosen or taken is answered at once by the model of the run that is shown.
// Several are a gallery, and a table to take along. Nothing of them is kept.
import { keepList, see } from "../review/address.js";
import { app } from "../shell/app.js";
import { showDialog } from "../shell/dialog.js";
import { classMark, el } from "../shell/dom.js";
import { base64 } from "../shell/files.js";
import { fmt } from "../shell/format.js";
import { errorBox, toast } from "../shell/notices.js";
import { thumbUrl } from "../shell/pictures.js";
import { redraw } from "../shell/redraw.js";
import { api } from "../shell/server.js";
import { counted, t } from "../shell/text.js";
import { hasCamera, takePhoto } from "./camera.js";
import { csv } from "./csv.js";
import { filesOf, folderField, isImage, MOST } from "./try_ways.js";

const IMAGES = "image/*,.tif,.tiff,.bmp,.webp";

/** One photo: where it can be seen, how its answer is asked for, and that.
 *  @typedef {{name: string, url: string, ask: () => Promise<any>, answer: any, error: any}} Photo */

export class TryIt {
  /** run() -> the run that is shown, or null while it has no model; isShown(): whether Results is what one sees. */
  constructor(run, isShown) {
    this.run = run;
    this.isShown = isShown;
    /** @type {Photo[]} */
    this.photos = [];
    this.at = 0; // the photo that is shown large
    this.turn = 0; // another batch ends the one before
    this.asked = 0; // the run that the photos were answered by
    this.close = null;
    this.button = el(
      "button",
      { type: "button", class: "btn", id: "results-try", onclick: () => this.open() },
      t("try.open"),
    );
    const paste = (event) => this.onPaste(event),
      over = (event) => this.onOver(event),
      drop = (event) => this.onDrop(event);
    /** @type {[string, (event: any) => void][]} */
    const heard = [["paste", paste], ["dragover", over], ["drop", drop]];
    for (const [name, act] of heard) document.addEventListener(name, act);
    this.destroy = () => {
      for (const [name, act] of heard) document.removeEventListener(name, act);
      this.forget();
    };
  }

  forget() {
    this.turn += 1;
    for (const each of this.photos) if (each.url.startsWith("blob:")) URL.revokeObjectURL(each.url);
    this.photos = [];
  }

  // ---- the ways in
  get listens() {
    return Boolean(this.run()) && this.isShown() && (this.close || !document.querySelector("dialog[open]"));
  }

  onPaste(event) {
    const files = [...(event.clipboardData?.files || [])].filter(isImage);
    const written = event.clipboardData?.types.includes("text/plain") && event.target.closest?.("input, textarea");
    if (!files.length || !this.listens || written) return; // what is pasted into a field is its text, where it has any
    event.preventDefault();
    this.take(files);
  }

  onOver(event) {
    if (!this.listens || !event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
  }

  onDrop(event) {
    if (!this.listens || !event.dataTransfer?.files.length) return;
    event.preventDefault();
    filesOf(event.dataTransfer).then((files) => this.take(files), toast);
  }

  chosen(files) {
    this.take([...files]);
  }

  open() {
    this.build();
    const foot = (close) => {
      this.close = close;
      return el("button", { class: "btn", type: "button", onclick: () => close() }, t("dialog.close"));
    };
    showDialog(t("try.title"), this.body, foot).then(() => {
      this.close = null;
      this.forget();
    });
    this.draw();
  }

  build() {
    const input = (id, more) =>
      el("input", {
        type: "file",
        id,
        class: "try-file",
        hidden: true,
        ...more,
        onchange: (event) => this.chosen(event.target.files),
      });
    const one = input("try-files", { accept: IMAGES, multiple: true }),
      folder = input("try-folder", { webkitdirectory: true });
    const button = (key, opens) =>
      el("button", { type: "button", class: "btn", dataset: { id: key }, onclick: () => opens.click() }, t(key));
    const touch = matchMedia("(pointer: coarse)").matches;
    const ways = [
      button("try.choose", one),
      hasCamera()
        ? el(
          "button",
          { type: "button", class: "btn", id: "try-camera", onclick: () => this.photograph() },
          t("try.take"),
        )
        : null,
      touch ? null : button("try.folder", folder),
    ];
    this.zone = el(
      "div",
      { class: "try-zone" },
      el("p", { class: "small" }, t(touch ? "try.hint_touch" : "try.hint")),
      el("div", { class: "try-ways" }, ways),
    );
    this.zone.append(folderField((path) => this.takeFolder(path)));
    this.said = el("p", { class: "small try-said", role: "status" });
    this.large = el("div", { class: "try-large" });
    this.gallery = el("ul", { class: "try-gallery" });
    this.body = el("div", { class: "try" }, this.zone, one, folder, this.said, this.large, this.gallery);
  }

  // ---- asking, one after the other
  take(files) {
    const images = files.filter(isImage), run = this.run();
    if (!run) return;
    if (!images.length) {
      toast(t("try.no_image"), "bad");
      return;
    }
    if (!this.close) this.open();
    this.forget();
    if (images.length > MOST) toast(t("try.too_many", { n: fmt.int(images.length), most: fmt.int(MOST) }), "bad");
    this.answerAll(
      run,
      images.slice(0, MOST).map((file) => ({
        name: file.webkitRelativePath || file.name,
        url: URL.createObjectURL(file),
        ask: async () => api("/try", { run: run.id, content: await base64(file) }),
        answer: null,
        error: null,
      })),
    );
  }

  async photograph() {
    try {
      const photo = await takePhoto();
      if (photo) this.take([photo]);
    } catch (error) {
      toast(error);
    }
  }

  /** The photos of a folder that the server reads. */
  async takeFolder(path) {
    const run = this.run();
    if (!run) return;
    const { token, names, more, left, passed } = await api("/try-folder", { path });
    if (passed) {
      const key = passed > left.length ? "try.folder_left_more" : "try.folder_left";
      toast(counted(key, passed, { most: fmt.int(left.length) }), "bad");
    }
    if (more) toast(t("try.folder_more", { most: fmt.int(names.length) }), "bad");
    this.forget();
    const photo = (name, more) => ({ name, url: "", ask: () => null, answer: null, error: null, ...more });
    this.answerAll(run, [
      ...names.map((name, at) => photo(name, { ask: () => api("/try-file", { run: run.id, token, at }) })),
      ...left.map(({ path, reason }) => photo(path, { error: { what: reason, found: "", do: "" } })),
    ]);
  }

  async answerAll(run, photos) {
    const turn = this.turn;
    Object.assign(this, { at: 0, asked: run.id, photos });
    this.draw();
    for (const each of photos.filter(({ error }) => !error)) {
      try {
        each.answer = await each.ask();
        if (each.answer.thumb) each.url = `data:image/jpeg;base64,${each.answer.thumb}`;
      } catch (error) {
        each.error = error;
      }
      if (turn !== this.turn) return;
      this.draw();
    }
  }

  // ---- drawing
  draw() {
    const { photos } = this, done = photos.filter((each) => each.answer || each.error).length, n = photos.length;
    const words = done === n
      ? (n > 1 ? counted("try.done", n) : "")
      : t(done ? "try.at_work" : "try.loading", { done: fmt.int(done), total: fmt.int(n) });
    redraw(this.said, [words, n > 1 && done], () => [words, " ", n > 1 && done ? this.csvButton() : ""]);
    const shown = photos[this.at];
    redraw(
      this.large,
      [this.turn, this.at, shown && [shown.answer, shown.error && shown.error.what]],
      () => shown ? this.answer(shown) : [],
    );
    redraw(
      this.gallery,
      [this.turn, this.at, photos.map((each) => [each.answer, Boolean(each.error)])],
      () => n > 1 ? photos.map((each, i) => this.tile(each, i)) : [],
    );
  }

  answer(photo) {
    const { answer, error } = photo, classOf = (name) => (app.state.classes || []).find((each) => each.name === name);
    const side = error ? errorBox(error) : !answer ? el("p", { class: "small faint" }, t("results.loading")) : [
      answer.unlike ? unlike(classOf(answer.top[0][0])) : null,
      el("ol", { class: "rv-top" }, answer.top.map(([name, share], place) => line(name, share, place, classOf(name)))),
      answer.near.length
        ? [
          el("h2", {}, t("review.near")),
          el("ul", { class: "rv-near" }, answer.near.map((each) => this.near(each, answer.near, classOf))),
        ]
        : null,
    ];
    const picture = photo.url ? el("img", { src: photo.url, alt: photo.name }) : "";
    if (picture) picture.addEventListener("error", () => picture.remove()); // what no browser shows, such as TIFF
    return [
      el(
        "div",
        { class: "try-picture" },
        picture,
        el("p", { class: "small clip", dir: "auto", title: photo.name }, photo.name),
      ),
      el("div", { class: "try-answer" }, side),
    ];
  }

  near({ id, name, alike }, all, classOf) {
    const words = t("review.near_alt", { name, alike: fmt.pct(alike, 0) });
    const open = () => {
      this.close?.();
      see({ run: this.asked, list: keepList("try", all.map((each) => each.id)), image: id });
    };
    return el(
      "li",
      {},
      el(
        "button",
        {
          type: "button",
          class: "thumb-open",
          dataset: { id: `try-near-${id}` },
          title: words,
          "aria-label": words,
          onclick: open,
        },
        el("img", { class: "thumb", src: thumbUrl(id), alt: "" }),
        el("span", { class: "results-class" }, markOf(classOf(name)), el("span", { class: "clip" }, name)),
      ),
    );
  }

  tile(photo, i) {
    const { answer, error } = photo, [name, share] = answer ? answer.top[0] : ["", 0];
    const words = error
      ? t("try.failed")
      : answer
      ? t("review.says", { name, sure: fmt.pct(share, 0) })
      : t("results.loading");
    const open = () => {
      this.at = i;
      this.draw();
      this.body.scrollIntoView({ block: "start" });
    };
    return el(
      "li",
      {},
      el(
        "button",
        {
          type: "button",
          class: "thumb-open",
          dataset: { id: `try-${i}` },
          "aria-current": this.at === i ? "true" : null,
          title: photo.name,
          "aria-label": `${photo.name}: ${words}`,
          onclick: open,
        },
        photo.url ? el("img", { class: "thumb", src: photo.url, alt: "" }) : el("span", { class: "thumb" }),
        el("span", { class: "clip" }, error ? t("try.failed") : name || "…"),
        el("span", { class: "num small" }, answer ? (answer.unlike ? t("try.unlike_short") : fmt.pct(share, 0)) : ""),
      ),
    );
  }

  csvButton() {
    return el("button", { type: "button", class: "link", id: "try-csv", onclick: () => this.save() }, t("try.csv"));
  }

  save() {
    const rows = this.photos.map(({ name, answer, error }) => {
      const [label, share] = answer ? answer.top[0] : ["", ""];
      return [
        name,
        label,
        answer ? share.toFixed(4) : "",
        answer ? (answer.unlike === null ? "" : String(answer.unlike)) : "",
        error ? error.what : "",
      ];
    });
    const url = URL.createObjectURL(
      new Blob([csv(["file_path", "label", "confidence", "unlike", "error"], rows)], { type: "text/csv" }),
    );
    el("a", { href: url, download: "answers.csv" }).click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
  }
}

const markOf = (each) => (each ? classMark(each) : null);

function line(name, share, place, each) {
  return el(
    "li",
    { class: place ? "" : "rv-first" },
    el("span", { class: "results-class" }, markOf(each), el("span", { class: "clip" }, name)),
    el("span", { class: "num" }, fmt.pct(share)),
    el("span", { class: "meter" }, el("i", { style: { width: `${100 * share}%` } })),
  );
}

// A photo that is like no class: a warning, but where the answer is the class of just those.
function unlike(said) {
  const right = Boolean(said && said.other);
  return el(
    "p",
    { class: right ? "note" : "note warn", id: "try-unlike" },
    t(right ? "try.unlike_other" : "try.unlike"),
  );
}
