"""Page 3: give each chosen image its class."""

from __future__ import annotations

from app.shell.forms import piece
from app.shell.server import Server


def build(server: Server) -> None:
    """One own piece: assets/label/page.js draws all of it. Labels go through /x/K/ops, not through Gradio's events."""
    piece("label", elem_classes=("fs-fill",))
