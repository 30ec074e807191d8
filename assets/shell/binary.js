// The binary answers of app/routes/binary.py: a header in JSON, then columns of numbers.

/** The header, and where the first column begins.
 *  @param {ArrayBuffer} buffer */
export function unpacked(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  return { head: JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length))), at: 4 + length };
}
