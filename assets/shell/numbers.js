// Numbers as the page writes them. What is not known is a dash.

const WHOLE = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const UNITS = ["B", "kB", "MB", "GB", "TB"];
export const UNKNOWN = "–";

/** 1797 -> "1,797". */
export const int = (n) => (Number.isFinite(n) ? WHOLE.format(n) : UNKNOWN);

/** 0.775 -> "77.5 %". */
export const pct = (x, digits = 1) => (Number.isFinite(x) ? `${(100 * x).toFixed(digits)} %` : UNKNOWN);

/** 2400000 -> "2.4 MB". */
export function bytes(n) {
  if (!Number.isFinite(n)) return UNKNOWN;
  let i = 0, rest = n;
  for (; rest >= 1000 && i < UNITS.length - 1; i += 1) rest /= 1000;
  return `${rest >= 10 || i === 0 ? Math.round(rest) : rest.toFixed(1)} ${UNITS[i]}`;
}
