"""Pictures and links over the routes: what is shown is what was scanned, and nothing outside what is allowed."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from app.shell.server import Server
from fact_core.generators import finish
from fact_core.labeling import classes, labels_now, operations
from fact_core.labeling.history import Op
from fact_core.storage import items, links
from fact_core.storage.project import Project
from fact_core.work.scan import scan
from tests.storage_help import paint

pytestmark = pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")


def scanned(client: TestClient, server: Server, images: Path, **more: str) -> str:
    key: str = client.post("/x/projects/new", json={"images": str(images), **more}).json()["key"]
    finish(scan(server.project(key)))
    return key


def seen(client: TestClient, address: str) -> np.ndarray:
    answer = client.get(address)
    assert answer.status_code == 200, answer.text
    return np.asarray(Image.open(io.BytesIO(answer.content)).convert("RGB")).astype(int)


def test_the_large_picture_is_what_the_network_sees(client: TestClient, server: Server, tmp_path: Path) -> None:
    root = tmp_path / "images"
    root.mkdir()
    icon = Image.new("RGBA", (40, 20), (0, 0, 0, 0))
    icon.paste((0, 0, 0, 255), (0, 0, 10, 10))
    icon.save(root / "a.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (40, 20), "red").save(root / "b.jpg", exif=exif)
    deep = np.linspace(0, 1020, 800).reshape(20, 40).astype(np.uint16)
    Image.fromarray(deep).save(root / "c.png")
    key = scanned(client, server, root)
    white = seen(client, f"/x/{key}/image/1?max=1024")
    assert white[0, 0].tolist() == [0, 0, 0] and white[19, 39].tolist() == [255, 255, 255]
    assert seen(client, f"/x/{key}/image/2").shape == (40, 20, 3)
    ramp = seen(client, f"/x/{key}/image/3?max=1024")[:, :, 0]
    assert ramp[0, 0] == 0 and ramp[19, 39] == 254 and len(np.unique(ramp)) > 200
    assert np.abs(seen(client, f"/x/{key}/thumb/3")[:, :, 0] - ramp).max() < 12
    assert "10 bits are used" in client.get(f"/x/{key}/found").json()["notes"][0]


def test_a_label_given_while_files_are_renumbered_is_of_the_picture_that_was_seen(
    client: TestClient, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A scan of many images takes minutes: it has stored other bytes under a name before it knows whose they are."""
    root, colours = tmp_path / "images", [10, 60, 110, 160]
    for number, colour in enumerate(colours):
        paint(root / f"{number}.png", (colour, 0, 0))
    key = scanned(client, server, root)
    project = server.project(key)
    names = classes.ensure_classes(project, [str(each) for each in colours])
    (root / "0.png").unlink()
    for number in (1, 2, 3):
        (root / f"{number}.png").rename(root / f"{number - 1}.png")
    settle, shown = items.settle, dict[int, int]()

    def label_what_is_seen(*asked: Any) -> Any:
        for item in range(1, 5):
            for address in (f"/x/{key}/image/{item}", f"/x/{key}/thumb/{item}"):
                if client.get(address).status_code == 200:
                    shown[item] = min(colours, key=lambda red: abs(red - int(seen(client, address)[0, 0, 0])))
        ops = [Op(item, "label", item, names[str(red)]) for item, red in shown.items()]
        operations.apply(project, "tab", ops)
        return settle(*asked)

    monkeypatch.setattr(items, "settle", label_what_is_seen)
    finish(scan(project))
    for item, state in labels_now.states(project).items():
        red = int(seen(client, f"/x/{key}/image/{item}")[0, 0, 0]) if items.get(project, item) else colours[0]
        assert names[str(red)] == state.class_id, "the label of another picture"
    assert all(client.get(f"/x/{key}/thumb/{item}").status_code == 200 for item in (2, 3, 4)), "settled"


def test_a_renamed_image_is_not_shown_as_a_new_one_before_its_scan_has_ended(
    client: TestClient, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The row that it has until then becomes that of the old name, with all that was said of it."""
    root = tmp_path / "images"
    for number in range(3):
        paint(root / f"{number}.png", number)
    key = scanned(client, server, root)
    (root / "0.png").rename(root / "new name.png")
    paint(root / "really new.png", 9)
    settle, answers = items.settle, dict[str, int]()

    def look(project: Project, present: set[str]) -> Any:
        for item, path, _ in items.known(project, range(1, 6)):
            answers[path] = client.get(f"/x/{key}/thumb/{item}").status_code
        return settle(project, present)

    monkeypatch.setattr(items, "settle", look)
    finish(scan(server.project(key)))
    assert (answers["new name.png"], answers["really new.png"], answers["1.png"]) == (400, 200, 200)
    assert client.get(f"/x/{key}/thumb/1").status_code == 200


def test_a_picture_that_was_replaced_is_not_shown_and_read_again(
    client: TestClient, server: Server, tmp_path: Path
) -> None:
    root = tmp_path / "images"
    file = paint(root / "a.png", 1)
    paint(root / "b.png", 2)
    key = scanned(client, server, root)
    before, tag = file.stat(), client.get(f"/x/{key}/image/1").headers["etag"]
    paint(file, 9)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    for address in (f"/x/{key}/image/1", f"/x/{key}/thumb/1"):
        answer = client.get(address)
        assert answer.status_code == 400 and answer.json()["do"] == "Scan the folder again."
    assert finish(scan(server.project(key))).changed == 1
    assert client.get(f"/x/{key}/image/1").headers["etag"] != tag


def test_links_are_offered_followed_and_no_longer_followed(client: TestClient, server: Server, tmp_path: Path) -> None:
    root, store = tmp_path / "images", tmp_path / "store"
    paint(root / "own.png", 1)
    (root / "linked.png").symlink_to(paint(store / "x.png", 2))
    (root / "secret.png").symlink_to(paint(tmp_path / "secret" / "x.png", 3))
    key = scanned(client, server, root)
    project = server.project(key)
    told = client.get(f"/x/{key}/found").json()["links"]
    assert told["followed"] == [] and sum(each["files"] for each in told["outside"]) == 2
    assert client.post(f"/x/{key}/links", json={"folders": [str(store)]}).json() == {"followed": [str(store)]}
    finish(scan(project))
    linked = next(each for each in items.pool(project).ids.tolist() if items.path_of(project, each).parent == store)
    assert client.get(f"/x/{key}/image/{linked}").status_code == 200
    assert [path for path, _ in items.problems(project)] == ["secret.png"]
    (root / "linked.png").unlink()
    (root / "linked.png").symlink_to(tmp_path / "secret" / "x.png")
    assert client.get(f"/x/{key}/image/{linked}").status_code == 400
    assert client.post(f"/x/{key}/links", json={"folders": []}).json() == {"followed": []}


@pytest.mark.parametrize("folders", [["/"], ["~"], ["gone/nowhere"], ["\0"], ["x" * 10_000], "/tmp", [1], [None], None])
def test_folders_that_cannot_be_allowed(client: TestClient, server: Server, tmp_path: Path, folders: object) -> None:
    """Hostile input 1: neither everything nor what is no folder can be opened to links."""
    paint(tmp_path / "images" / "a.png")
    key = scanned(client, server, tmp_path / "images")
    assert 400 <= client.post(f"/x/{key}/links", json={"folders": folders}).status_code < 500
    assert links.allowed(server.project(key)) == ()


def test_a_new_project_may_name_the_folder_of_its_links(client: TestClient, server: Server, tmp_path: Path) -> None:
    root, store = tmp_path / "images", tmp_path / "store"
    root.mkdir()
    (root / "a.png").symlink_to(paint(store / "x.png", 2))
    bad = client.post("/x/projects/new", json={"images": str(root), "links_to": str(tmp_path / "gone")})
    assert bad.status_code == 400 and client.get("/x/app").json()["projects"] == []
    key = scanned(client, server, root, links_to=str(store))
    assert len(items.pool(server.project(key))) == 1
