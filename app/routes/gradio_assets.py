"""One script of Gradio's, mended on its way to the browser: the sign that something is loading.

While it is shown it counts the time anew in each frame. The one that stands on the page before anything else is taken
away while it counts, and goes on counting for as long as the window is open: sixty frames a second, 6 % of a core, on
a page on which nothing happens. Here it counts only while it is on the page.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from pathlib import Path

from fastapi import FastAPI, Response
from starlette.exceptions import HTTPException

from app.shell.server import Server

FOLDER = Path(str(files("gradio") / "templates" / "frontend" / "assets"))
#: The variable that holds the sign's element, and is empty when it has been taken away.
ELEMENT = re.compile(r"\(\(\)=>\{(?P<element>\w+)&&\w+\(\)&&\(\w+\.status===`pending`\|\|")
#: Count, and do it again in the next frame while there is something to count.
COUNT = re.compile(
    r"(?P<before>function (?P<count>\w+)\(\)\{\w+\(\(\)=>\{\w+\(\w+,\(performance\.now\(\)-[^;{}]{1,20}\)/1e3\),)"
    r"(?P<on>\w+)&&(?P=count)\(\)\}\)\}"
)


def register(app: FastAPI, server: Server) -> None:
    """GET /assets/statustracker-HASH.js, which Gradio would answer as it is."""

    @app.get("/assets/statustracker-{rest}.js", include_in_schema=False)
    def tracker(rest: str) -> Response:
        script = mended(f"statustracker-{rest}.js")
        if not script:
            raise HTTPException(404, "There is nothing here")
        return Response(script, media_type="text/javascript")


@cache
def mended(name: str) -> str:
    """Gradio's script of that name, which is one file's name; "" for none. Another release's stays as it is."""
    if name not in {each.name for each in FOLDER.glob("statustracker-*.js")}:
        return ""
    script = (FOLDER / name).read_text("utf-8")
    element = ELEMENT.search(script)
    if not element:
        return script
    return COUNT.sub(rf"\g<before>\g<on>&&{element['element']}&&\g<count>()}})}}", script)
