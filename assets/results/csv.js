// Answers as a table that spreadsheets open, as fact_core/exchange/export_labels.py writes it.

const FORMULA = /^'*[=+\-@\t\r]/; // what a spreadsheet would run
const HARMLESS = /^[+-]?(\d+([.,]\d+)*)?([eE][+-]?\d+)?%?$/;

/** A cell: quoted where it has to be, with an apostrophe in front where a spreadsheet would run it. */
export function cell(value) {
  let text = String(value);
  if (typeof value === "string" && FORMULA.test(text) && !HARMLESS.test(text)) text = `'${text}`;
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** CSV in UTF-8 with its mark, without which Excel takes it for another encoding.
 *  @param {string[]} head
 *  @param {any[][]} rows */
export const csv = (head, rows) => `\ufeff${[head, ...rows].map((row) => row.map(cell).join(",")).join("\n")}\n`;
