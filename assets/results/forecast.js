// What more labels would probably let be accepted (/x/K/forecast): a line that comes when the server has reckoned it.
import { el } from "../shell/dom.js";
import { fmt } from "../shell/format.js";
import { api } from "../shell/server.js";
import { t } from "../shell/text.js";
import { howGood } from "./ahead.js";

/** The sentence of a forecast, "" where there is none.
 *  @param {{more: number, low: number, likely: number, high: number, open: number}} told */
export function forecastWords({ more, low, likely, high, open }) {
  if (!more) return "";
  const numbers = { more, low, likely, high, open };
  const ends = Object.fromEntries(Object.entries(numbers).map(([name, n]) => [name, fmt.int(n)]));
  if (!high) return t("finish.forecast_none", ends);
  if (!likely) return t("finish.forecast_some", ends);
  const one = low === high ? "_one" : low ? "" : "_from_none";
  return t(`finish.forecast${one}`, ends);
}

export class ForecastLine {
  constructor() {
    this.key = ""; // of what is shown, or asked for
    this.node = el("div", { class: "finish-forecast", hidden: true });
  }

  /** The line for a goal that was asked. key: another one once the answer may be another. */
  of(run, goal, key) {
    const now = `${run}:${goal}:${key}`;
    if (now !== this.key) this.ask(run, goal, now);
    return this.node;
  }

  async ask(run, goal, key) {
    this.key = key;
    this.node.hidden = true;
    try {
      const told = await api(`/forecast?run=${run}&goal=${goal}`);
      if (this.key === key) this.draw(forecastWords(told));
    } catch (error) {
      if (this.key === key) this.key = ""; // the next time it is drawn it is asked again
      console.warn("no forecast:", error);
    }
  }

  draw(words) {
    this.node.hidden = !words;
    if (!words) return this.node.replaceChildren();
    this.node.replaceChildren(
      el("p", { class: "small", id: "finish-forecast" }, words),
      howGood("finish.forecast_how", "finish.forecast_about"),
    );
  }
}
