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

Stamp = tuple[int, int] | None


def register(app: FastAPI, server: Server) -> None:
    """GET /x/assets/HASH/FOLDER/NAME, /x/assets/NAME.svg and /x/text.json."""

    first = files()
    hashed, stamped = version(first), dict(_stamps(first))

    # Only names that lie in the folder right now: nothing of the address becomes part of a path.
    @app.get("/x/assets/{asked}/{folder}/{name}")
    async def script(asked: str, folder: str, name: str) -> Response:
        file = f"{folder}/{name}"
        # A page asks for more than a hundred of them: what is still as it was hashed is not hashed again for each.
        if asked == hashed and file in first and stamped[file] == _stamp(first[file]):
            return _file(first[file], file, FOR_EVER)
        listed = files()
        return _file(listed.get(file), file, FOR_EVER if asked == version(listed) else ASK_AGAIN)

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
    return _hash(FOLDER, _stamps(files() if listed is None else listed))


def _stamps(listed: Mapping[str, Path]) -> tuple[tuple[str, Stamp], ...]:
    return tuple((name, _stamp(path)) for name, path in listed.items())


def _stamp(path: Path) -> Stamp:
    """Time and size of a file; None where it is gone."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


def _file(path: Path | None, name: str, keep: str) -> Response:
    if path is None:
        raise InputError("There is no such file", name[:80])
    return Response(path.read_bytes(), media_type=KINDS[path.suffix], headers={"cache-control": keep})


@lru_cache(maxsize=2)
def _hash(folder: Path, stamps: tuple[tuple[str, Stamp], ...]) -> str:
    found = hashlib.blake2b(digest_size=6)
    for name, _ in stamps:
        content = (folder / name).read_bytes()
        found.update(f"{name} {len(content)}\n".encode() + content)
    return found.hexdigest()
