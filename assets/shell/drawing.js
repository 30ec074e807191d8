// Nodes of drawings.

/** A node of SVG.
 *  @param {string} name
 *  @param {Record<string, any>} attributes
 *  @param {...(Node | string)} children */
export function drawn(name, attributes, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, String(value));
  node.append(...children);
  return node;
}
