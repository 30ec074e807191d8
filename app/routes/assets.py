"""Our style sheets, scripts and sentences.

The address of a script holds one hash over the content of all of them, ``/x/assets/HASH/label/page.js``: relative
imports inherit it, and what is asked for by the present hash may be kept for ever.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from fastapi import FastAPI, Response

from app.shell.server import Server
from app.shell.text import sentences
from fact_core.errors import InputError

FOLDER = Path(__file__).resolve().parents[2] / "assets"
KINDS = {".css": "text/css", ".js": "text/javascript"}
#: The present hash names the content; any other, of a page from before an update, gets what there is now.
FOR_EVER, ASK_AGAIN = "public, max-age=31536000, immutable", "no-cache"

Stamp = tuple[str, int, int]


def register(app: FastAPI, server: Server) -> None:
    """GET /x/assets/HASH/FOLDER/NAME, /x/assets/NAME.svg and /x/text.json."""

    # Only names that lie in the folder right now: nothing of the address becomes part of a path.
    @app.get("/x/assets/{asked}/{folder}/{name}")
    def script(asked: str, folder: str, name: str) -> Response:
        listed = files()
        found = listed.get(f"{folder}/{name}")
        if found is None:
            raise InputError("There is no such file", f"{folder}/{name}"[:80])
        content = found.read_bytes()
        keep = FOR_EVER if asked == version(listed) else ASK_AGAIN
        return Response(content, media_type=KINDS[found.suffix], headers={"cache-control": keep})

    @app.get("/x/assets/{name}")
    def picture(name: str) -> Response:
        found = {each.name: each for each in FOLDER.glob("*.svg")}.get(name)
        if found is None:
            raise InputError("There is no such file", name[:80])
        return Response(found.read_bytes(), media_type="image/svg+xml", headers={"cache-control": ASK_AGAIN})

    @app.get("/x/text.json")
    def text() -> dict[str, str]:
        return sentences()


def files() -> dict[str, Path]:
    """The scripts and style sheets as they lie in their folders now: "label/page.js" -> its path."""
    found = (each for each in FOLDER.glob("*/*") if each.suffix in KINDS and not each.name.endswith(".test.js"))
    return {f"{each.parent.name}/{each.name}": each for each in sorted(found)}


def version(listed: Mapping[str, Path] | None = None) -> str:
    """The hash over all of them. They are read again only when one of them has another time or size.

    listed: what ``files`` says now, where that is known already.
    """
    stats = ((name, path.stat()) for name, path in (files() if listed is None else listed).items())
    return _hash(FOLDER, tuple((name, each.st_mtime_ns, each.st_size) for name, each in stats))


@lru_cache(maxsize=2)
def _hash(folder: Path, stamps: tuple[Stamp, ...]) -> str:
    found = hashlib.blake2b(digest_size=6)
    for name, _, _ in stamps:
        content = (folder / name).read_bytes()
        found.update(f"{name} {len(content)}\n".encode() + content)
    return found.hexdigest()
