// Numbers and times in words.
import { bytes, int, pct, UNKNOWN } from "./numbers.js";
import { t } from "./text.js";

const DAY = 86400000; // ms

function time(s) {
  if (!Number.isFinite(s)) return UNKNOWN;
  if (s < 0.95) return t("time.moment");
  const n = Math.round(s);
  if (n < 60) return t("time.seconds", { n });
  if (n < 600) {
    return n % 60 ? t("time.minutes_seconds", { m: Math.floor(n / 60), s: n % 60 }) : t("time.minutes", { n: n / 60 });
  }
  const minutes = Math.round(n / 60);
  if (minutes < 60) return t("time.minutes", { n: minutes });
  return t("time.hours", { h: Math.floor(minutes / 60), m: minutes % 60 });
}

function about(s) {
  const round = s < 45 ? Math.max(1, Math.ceil(s / 5) * 5) : Math.max(60, 60 * Math.round(s / 60));
  return t("time.about", { time: time(round) });
}

function when(at) {
  const then = new Date(at * 1000), now = new Date();
  const days = Math.round((new Date().setHours(0, 0, 0, 0) - new Date(at * 1000).setHours(0, 0, 0, 0)) / DAY);
  const past = Date.now() / 1000 - at;
  if (Math.abs(past) < 300) return t("time.now");
  if (days === 0) return t("time.today");
  if (days === 1) return t("time.yesterday");
  const year = then.getFullYear() === now.getFullYear() ? {} : { year: /** @type {const} */ ("numeric") };
  return then.toLocaleDateString("en-GB", { day: "numeric", month: "short", ...year });
}

const clock = (at) => new Date(at * 1000).toLocaleTimeString("en-GB");

/** Seconds a label, until the person's own pace is known. */
const pace = () => Number(t("pace.seconds"));

/** Times are in seconds; ``clock`` and ``when`` take seconds since 1970. */
export const fmt = { int, pct, bytes, time, about, clock, when, pace };
