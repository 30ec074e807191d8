"""POST /x/K/try: a photo from outside the project, answered at once."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Body, FastAPI

from app.pages.results.trials import try_photo
from app.routes.bodies import file_of
from app.routes.runs import LARGEST
from app.shell.server import Server


def register(app: FastAPI, server: Server) -> None:
    """POST /x/K/try {run, content}: content is a photo's bytes in base64; see ``fact_core.work.trial.Answer``."""

    @app.post("/x/{key}/try")
    def tried(key: str, run: Annotated[int, Body(ge=0, le=LARGEST)], content: Annotated[str, Body()]) -> dict[str, Any]:
        return try_photo(server.opened(key), run, file_of(content))
