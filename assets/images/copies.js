// That other files have the very same bytes, in words.
import { counted } from "../shell/text.js";

const FEW = 3; // names

/** "the same bytes as X"; "" for an image without copies.
 *  @param {string[] | undefined} copies  their paths */
export function sameBytes(copies) {
  if (!copies || !copies.length) return "";
  const names = copies.slice(0, FEW).map((path) => path.split("/").pop()).join(", ");
  return counted("image.same_bytes", copies.length, { names });
}
