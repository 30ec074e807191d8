// The review's grid: each image with what the model said.
import { ClickGrid } from "../images/click_grid.js";
import { t } from "../shell/text.js";
import { makeTile, writeTile } from "./tile.js";

export class ReviewGrid extends ClickGrid {
  /** owner: {facts(id), classOf(name), open(id), changed()}. */
  constructor(owner) {
    super("rv", t("review.grid"), owner);
  }

  /** @override */
  make(id) {
    return makeTile(id);
  }

  /** @override */
  write(tile, id) {
    writeTile(tile, this.owner.facts(id), this.owner.classOf);
  }
}
