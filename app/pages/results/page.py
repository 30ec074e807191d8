"""Page 5: how good the classifier is and what that rests on; mistakes, predictions, export."""

from __future__ import annotations

from app.shell.forms import piece
from app.shell.server import Server


def build(server: Server) -> None:
    """One own piece: assets/results/page.js draws all of it from /x/KEY/results."""
    piece("results", elem_classes=("fs-fill",))
