"""Page 2: how many images to label, and which."""

from __future__ import annotations

from app.shell.forms import piece
from app.shell.server import Server


def build(server: Server) -> None:
    """One own piece: assets/select/page.js draws the form (of SelectConfig), the map and the chosen images."""
    piece("select", elem_classes=("fs-fill",))
