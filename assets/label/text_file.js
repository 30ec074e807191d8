// Files of the person, read in the browser as text.
import { fmt } from "../shell/format.js";
import { t } from "../shell/text.js";

const LARGEST = 60e6; // bytes; the server takes 64 MB with what JSON adds

/** The text of a file. Rejects with {what, found, do} when it is too large or not UTF-8, and then names the row. */
export async function readText(file) {
  if (file.size > LARGEST) {
    throw { what: t("import.too_large"), found: fmt.bytes(file.size), do: t("import.too_large_do") };
  }
  const bytes = new Uint8Array(await file.arrayBuffer()), strict = new TextDecoder("utf-8", { fatal: true });
  try {
    return strict.decode(bytes);
  } catch { /* which row? */ }
  let row = 1;
  for (let from = 0; from < bytes.length; row++) {
    const end = bytes.indexOf(10, from), to = end < 0 ? bytes.length : end + 1;
    try {
      strict.decode(bytes.subarray(from, to));
    } catch {
      break;
    }
    from = to;
  }
  throw { what: t("import.not_utf8", { row: fmt.int(row) }), found: file.name, do: t("import.not_utf8_do") };
}
