// Files of the person, read in the browser as text.
import { base64 } from "../shell/files.js";
import { fmt } from "../shell/format.js";
import { t } from "../shell/text.js";

const LARGEST = 60e6; // bytes; the server takes 64 MB with what JSON adds

/** A file for the server: {text} where it is UTF-8, else {content}, its bytes in base64. Rejects as ``readText``. */
export async function readFile(file) {
  const bytes = new Uint8Array(await sized(file).arrayBuffer());
  try {
    return { text: new TextDecoder("utf-8", { fatal: true }).decode(bytes) };
  } catch { /* another encoding, which the server finds */ }
  return { content: await base64(sized(file, (LARGEST * 3) / 4)) };
}

function sized(file, most = LARGEST) {
  if (file.size > most) {
    throw { what: t("import.too_large"), found: fmt.bytes(file.size), do: t("import.too_large_do") };
  }
  return file;
}

/** The text of a file. Rejects with {what, found, do} when it is too large or not UTF-8, and then names the row. */
export async function readText(file) {
  const bytes = new Uint8Array(await sized(file).arrayBuffer()), strict = new TextDecoder("utf-8", { fatal: true });
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
