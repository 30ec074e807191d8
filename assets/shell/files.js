// Files that the person gives, as the server takes them: within JSON.

/** The bytes of a file in base64.
 *  @param {Blob} file
 *  @returns {Promise<string>} */
export function base64(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result).split(",")[1] || "");
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });
}
