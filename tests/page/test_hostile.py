"""Rows 1 to 4 and 9 of what hostile input may do, against the whole application: files, addresses, origins, names."""

from __future__ import annotations

import io
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from starlette.routing import Mount

from app.routes.assets import version
from app.shell.server import Server
from fact_core.folders import data_folder
from fact_core.generators import finish
from fact_core.storage import items, run_queue
from fact_core.storage import project as projects
from fact_core.work.scan import scan
from tests.page.site_help import PORT, Site, whole_site
from tests.storage_help import paint

# Gradio leaves the event loop open in which it built a page.
pytestmark = pytest.mark.filterwarnings(
    "ignore:unclosed:ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)
CANARY = "CANARY-5d1c"
METADATA = "http://169.254.169.254/latest/meta-data/"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with whole_site(tmp_path_factory.mktemp("hostile")) as made:
        yield made


# ---- 1. files by their path


def prefixes(key: str) -> list[str]:
    """Every way of the address that looks like one to a file."""
    ours = ["/", "/x/", f"/x/{key}/", f"/x/{key}/image/", f"/x/{key}/thumb/", "/x/assets/", f"/x/assets/{version()}/"]
    gradios = ["/assets/", "/static/", "/static/img/", "/file=", "/file/", "/svelte/", "/proxy=", "/custom_component/"]
    return [*ours, *gradios, *(f"/gradio_api{each}" for each in gradios)]


def spellings(file: Path, start: Path) -> list[str]:
    """A file's path in all the ways in which it could slip through."""
    up = "../" * 12 + str(file).lstrip("/")
    near = os.path.relpath(file, start)
    plain = [str(file), str(file).lstrip("/"), up, near, f"....//{near}", str(file).upper(), f"file://{file}", METADATA]
    windows = [f"\\\\localhost\\c$\\{file.name}", f"C:\\{file.name}", f"c:/{file.name}", f"//localhost/{file}"]
    encoded = [
        up.replace("../", each) for each in ("%2e%2e/", "%2e%2e%2f", "%252e%252e%252f", "..%5c", "..%c0%af", "..;/")
    ]
    return [
        *plain,
        *windows,
        *encoded,
        f"{up}%00.png",
        f"{up}%2500.svg",
        f"{near}?x=.png",
        f"{file.name}%20",
        f"{file}.",
    ]


@pytest.mark.slow
def test_no_file_comes_by_its_path(site: Site) -> None:
    """Hostile input 1: the database, runs, the log, the working directory, the images, and the system's own files."""
    run = site.project.folder / "runs" / "1"
    run.mkdir(parents=True, exist_ok=True)
    data_folder().mkdir(parents=True, exist_ok=True)
    places = [run, site.project.folder, site.project.images, Path.cwd(), data_folder()]
    for place in places:
        (place / "secret.txt").write_text(CANARY)
        (place / "secret.svg").write_text(f"<svg>{CANARY}</svg>")
    files = [place / name for place in places for name in ("secret.txt", "secret.svg")]
    asked = 0
    for file in [*files, site.project.db, Path("/etc/passwd")]:
        for spelling in spellings(file, Path.cwd()):
            spelling = spelling.replace(" ", "%20").replace("\\", "%5c") if asked % 2 else spelling
            for prefix in prefixes(site.key):
                answer = site.raw(prefix + spelling)
                asked += 1
                where = (prefix + spelling, answer.status_code)
                assert CANARY.encode() not in answer.content, where
                assert b"root:" not in answer.content and b"SQLite format" not in answer.content, where
                # A question behind our own page's address is only a question.
                assert 400 <= answer.status_code < 500 or "?" in spelling, where
    assert asked > 3_000


# ---- 2. images by their id


def test_an_images_type_is_that_of_what_was_decoded(site: Site, tmp_path: Path) -> None:
    """Hostile input 2: never that of its name; and what is no picture is not served at all."""
    folder = tmp_path / "images"
    paint(folder / "png.jpg", 1, format="PNG")
    paint(folder / "gif.png", 2, format="GIF")
    paint(folder / "tiff.webp", 3, format="TIFF")
    for number, name in enumerate(("page.png", "drawing.svg", "page.html", "script.jpg")):
        (folder / name).write_text(f"<svg xmlns='http://www.w3.org/2000/svg'><script>alert({number})</script></svg>")
    project = projects.create(tmp_path / "p", folder)
    finish(scan(project))
    key = site.server.open(project.folder)
    pool = items.pool(project)
    assert sorted(pool.paths) == ["gif.png", "png.jpg", "tiff.webp"]
    for number in range(1, 12):
        for way in ("image", "thumb"):
            answer = site.client.get(f"/x/{key}/{way}/{number}")
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert "default-src 'self'" in answer.headers["content-security-policy"]
            if number in pool.ids:
                shown = Image.open(io.BytesIO(answer.content))
                assert answer.headers["content-type"] == Image.MIME[str(shown.format)]
                assert shown.format in ("PNG", "JPEG", "WEBP"), "what every browser shows alike"
            else:
                assert answer.status_code == 400 and "<script" not in answer.text
                assert answer.headers["content-type"] == "application/json"


# ---- 3. who asks


def all_routes(app: Any, prefix: str = "") -> set[str]:
    """Every address that the application knows, ours and Gradio's; places are filled with 1."""
    found = set()
    for route in app.routes:
        path = prefix + getattr(route, "path", "")
        if isinstance(route, Mount):
            found |= all_routes(route.app, path) if hasattr(route.app, "routes") else {path or "/"}
        elif hasattr(route, "original_router"):  # FastAPI's include_router
            found |= all_routes(route.original_router, prefix + route.include_context.prefix)
        elif path:
            found.add(
                "".join(part.partition("}")[2] if "}" in part else part for part in path.replace("{", "1{").split("{"))
            )
    return found


FORGED = [
    {"host": "evil.example"},
    {"host": f"evil.example:{PORT}"},
    {"host": f"127.0.0.1.evil.example:{PORT}"},
    {"origin": "https://evil.example"},
    {"origin": "null"},
    {"origin": f"http://127.0.0.1:{PORT + 1}"},
    {"origin": f"http://localhost:{PORT}"},
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
]


def test_what_security_counts_is_not_more_than_there_is(site: Site) -> None:
    from tests.page.test_fuzz import ROUTES

    told = (Path(__file__).parents[2] / "SECURITY.md").read_text("utf-8").replace("\n", " ").replace(",", "")
    counts = r"(\d+) forged requests to the application's (\d+) addresses.* each of our (\d+) routes"
    found = re.search(counts, told)
    assert found is not None
    addresses = len(all_routes(site.app))
    assert (
        addresses >= int(found[2]) and int(found[1]) == int(found[2]) * len(FORGED) * 12
    )  # 3 ways to be let in, 4 bodies
    assert len(ROUTES) >= int(found[3])


@pytest.mark.parametrize("forged", FORGED, ids=lambda forged: " ".join(*forged.items()))
def test_no_other_page_gets_anything_on_any_route(site: Site, forged: dict[str, str]) -> None:
    """Hostile input 3: with the cookie and the key, with the cookie, and with nothing; the queue and uploads, too."""
    routes = all_routes(site.app)
    assert {"/x/app", "/gradio_api/upload", "/gradio_api/queue/join", "/config"} <= routes and len(routes) > 80
    cookie = site.client.headers["cookie"]
    bare = {"cookie": "", "x-fact-studio": ""}
    for path in sorted(routes):
        for headers in ({}, {"x-fact-studio": ""}, bare):
            for method, more in (
                ("GET", {}),
                ("POST", {"json": {}}),
                ("POST", {"files": {"files": ("a.html", b"<script>")}}),
                ("POST", {"content": b"{}", "headers": {"content-type": "text/plain"}}),
            ):
                sent = {**more.get("headers", {}), **headers, **forged}  # type: ignore[dict-item]
                answer = site.raw(path, method, **{**more, "headers": sent})
                assert answer.status_code == 403, (method, path, headers, answer.status_code)
                assert "access-control-allow-origin" not in answer.headers and "set-cookie" not in answer.headers
    assert site.client.headers["cookie"] == cookie and site.client.get("/x/app").status_code == 200


def test_no_route_shows_anything_to_who_has_not_been_let_in(site: Site) -> None:
    """Hostile input 3: neither to nobody nor to who has only seen the cookie."""
    from app.shell.guard import _is_plain

    for path in sorted(all_routes(site.app)):
        for method in ("GET", "POST"):
            more: dict[str, Any] = {"json": {}} if method == "POST" else {}
            nobody = site.raw(path, method, **more, headers={"cookie": "", "x-fact-studio": ""})
            assert nobody.status_code in (403, 404), (method, path, nobody.status_code)
            if not _is_plain(path):
                seen = site.raw(path, method, **more, headers={"x-fact-studio": ""})
                assert seen.status_code in (403, 404), (method, path, seen.status_code)


# ---- 4. names


@pytest.mark.parametrize(
    "name", ["<img src=x onerror=alert(1)>", "</script><script>alert(1)", "\u202egpj.exe", "=1+1", "👩‍🌾"]
)
def test_a_name_is_told_as_text_and_never_as_a_page(site: Site, tmp_path: Path, name: str) -> None:
    """Hostile input 4: of a class, a project, a folder and a file; told as JSON, which no browser reads as HTML."""
    folder = tmp_path / name.replace("/", "∕")
    paint(folder / f"{name.replace('/', '∕')}.png", 5)
    answer = site.client.post("/x/projects/new", json={"images": str(folder), "name": name, "folder": ""})
    if "\u202e" in name:  # it would turn around the text beside it
        assert answer.status_code == 400 and "\u202e" not in answer.text
        answer = site.client.post("/x/projects/new", json={"images": str(folder), "name": "plain"})
    key = answer.json()["key"]
    made = site.server.project(key).folder
    assert made.parent == data_folder() and not set(made.name) & set("<>/\\=\u202e")
    told = [site.client.post(f"/x/{key}/classes", json={"op": "add", "name": name})]
    told += [site.client.get(f"/x/{key}/{each}") for each in ("state", "queue", "found", f"find?name={name[:3]}")]
    for each in [*told, site.client.get("/x/app")]:
        assert (
            each.headers["content-type"] == "application/json" and each.headers["x-content-type-options"] == "nosniff"
        )
    site.server._let_go(key)


# ---- 9. names in command lines


@pytest.mark.slow
def test_a_name_never_reaches_a_shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hostile input 9: the real child works in a folder whose name is a command, on files whose names are some."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "a; touch pwned; $(touch pwned) `touch pwned` | touch pwned & --help '\"\n"
    paint(folder / "images" / "-rf $(touch pwned).png", 1)
    paint(folder / "images" / "; touch pwned;.png", 2)
    server = Server()
    key = server.create(str(folder / "images"), "$(touch pwned)", str(folder / "project"))
    project = server.project(key)
    run = server.start(key, "scan", {})
    until = time.monotonic() + 120
    while run_queue.get(project, run).open and time.monotonic() < until:
        server.tend(key)
        time.sleep(0.2)
    found = run_queue.get(project, run)
    server._let_go(key)
    assert (found.status, items.counts(project).pool) == ("done", 2), found.reason
    assert not list(tmp_path.rglob("pwned"))
