// The camera: what it sees, and a photo of it.
import { cancelButton, showDialog } from "../shell/dialog.js";
import { el } from "../shell/dom.js";
import { t } from "../shell/text.js";

/** Whether the browser has a way to a camera. */
export const hasCamera = () => Boolean(navigator.mediaDevices?.getUserMedia);

/** A photo by the camera, or null where the person leaves. Rejects where there is no camera, or it may not be used.
 *  @returns {Promise<File | null>} */
export async function takePhoto() {
  const stream = await opened();
  const video = el("video", { class: "try-video", autoplay: true, muted: true, playsinline: true });
  video.muted = true;
  video.srcObject = stream;
  try {
    const taken = await showDialog(t("try.camera"), video, (close) => {
      const shot = { class: "btn primary", type: "button", id: "try-shot", onclick: () => close(true) };
      return [cancelButton(close), el("button", shot, t("try.shot"))];
    });
    return taken ? await photoOf(video) : null;
  } finally {
    stream.getTracks().forEach((track) => track.stop());
  }
}

async function opened() {
  try {
    return await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
  } catch (problem) {
    const refused = problem.name === "NotAllowedError";
    throw Object.assign(new Error(problem.name), {
      what: t(refused ? "try.camera_refused" : "try.camera_none"),
      found: "",
      do: t(refused ? "try.camera_allow" : "try.camera_plug"),
    });
  }
}

/** @returns {Promise<File>} */
async function photoOf(video) {
  if (!video.videoWidth) await new Promise((seen) => video.addEventListener("loadeddata", seen, { once: true }));
  const canvas = el("canvas", {});
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  canvas.getContext("2d").drawImage(video, 0, 0);
  const blob = await new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.95));
  return new File([blob], t("try.camera_name"), { type: "image/jpeg" });
}
