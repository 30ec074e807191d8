"""Page 1: which images, what was found in their folder, which backbones are ready."""

from __future__ import annotations

from app.shell.forms import piece
from app.shell.server import Server


def build(server: Server) -> None:
    """One own piece: assets/project/page.js draws all of it from the state."""
    piece("project", elem_classes=("fs-fill",))
