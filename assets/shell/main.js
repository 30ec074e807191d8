// Where the page begins: what each piece is, and what Gradio's handlers may call.
import { keyList } from "../label/key_list.js";
import { labelPage } from "../label/page.js";
import { projectPage } from "../project/page.js";
import { resultsPage } from "../results/page.js";
import { warm } from "../results/store.js";
import { reviewKeys } from "../review/keys.js";
import { selectKeys } from "../select/keys.js";
import { selectPage } from "../select/page.js";
import { trainCharts } from "../train/chart_pane.js";
import { shownRun } from "../train/follow.js";
import { trainEfforts, valuesOf, wantedEffort } from "../train/efforts.js";
import { choose, fill, submit } from "../train/form.js";
import { trainRecipes, wantedRecipe } from "../train/recipes.js";
import { trainHead } from "../train/head.js";
import { trainNow } from "../train/now.js";
import { trainRunsList, trainSettings } from "../train/settings.js";
import { weigh } from "../train/times.js";
import { lower } from "../train/words.js";
import { app } from "./app.js";
import { header } from "./header.js";
import { addHelp, listenForHelp } from "./help.js";
import { onNewKey, sendKey } from "./key.js";
import { errorBox, toast, watchTrouble } from "./notices.js";
import { followAddress, goTo } from "./pages.js";
import { attach, fillPieces } from "./pieces.js";
import { api, askAgainForPictures } from "./server.js";
import { onState, refreshState, startRun, watchWindow } from "./state.js";
import { setWords, t } from "./text.js";
import { firstColours, isDark } from "./theme.js";

/** Name of a piece, as app/shell/forms.py puts it on the page -> (root) => cleanup. */
const PIECES = {
  header,
  project: projectPage,
  select: selectPage,
  label: labelPage,
  "train-head": trainHead,
  "train-settings": trainSettings,
  "train-recipes": trainRecipes,
  "train-efforts": trainEfforts,
  "train-runs": trainRunsList,
  "train-charts": trainCharts,
  "train-now": trainNow,
  results: resultsPage,
};

/** All that scripts outside of these modules can reach: Gradio's handlers, and the tests.
 *  Gradio may have put pieces on the page before this ran: they wait in a plain list of that name. */
function publish() {
  const early = window.FactStudio ? window.FactStudio.pieces : [];
  window.FactStudio = {
    pieces: { push: ([name, host]) => attach(name, host) },
    train: { choose, fill, submit, weigh, effort: valuesOf, wantedEffort, wantedRecipe, shownRun, lower },
    get state() {
      return app.state;
    },
    wish: app.wish,
    start: startRun,
    go: goTo,
    dark: isDark,
    toast,
    errorBox,
    t,
  };
  for (const [name, host] of early) attach(name, host);
}

async function begin() {
  firstColours();
  watchTrouble();
  askAgainForPictures();
  watchWindow();
  onNewKey(() => dispatchEvent(new Event("online"))); // ask again at once, the queue of labels too
  listenForHelp();
  addHelp("select", () => [selectKeys()]);
  addHelp("label", () => [keyList()]);
  addHelp("results", () => [reviewKeys()]);
  setWords(await api("/x/text.json"));
  fillPieces(PIECES);
  await refreshState();
  await followAddress();
  onState(warm);
}

sendKey();
publish();
begin();
