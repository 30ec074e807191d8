"""Our own routes, asked as the page asks them: projects, state, images, runs, assets."""

from __future__ import annotations

import io
import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from PIL import Image
from starlette.testclient import TestClient

from app.routes import assets
from app.shell import computer
from app.shell.server import Server, checked, key_of
from app.shell.text import sentences
from fact_core.choices import DEFAULT_BACKBONE, VIEWS
from fact_core.errors import ConfigError
from fact_core.events import Log, Progress
from fact_core.generators import finish
from fact_core.labeling import classes, operations, selections
from fact_core.labeling.history import Op
from fact_core.storage import items, run_events, run_process, run_queue, view
from fact_core.storage import project as projects
from fact_core.types import Selection
from fact_core.work.scan import scan
from tests.storage_help import paint


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Five pictures, one of them twice, and one that is no picture."""
    images = tmp_path / "images"
    for number in range(5):
        paint(images / f"{number}.png", number, (40, 20))
    (images / "again.png").write_bytes((images / "0.png").read_bytes())
    (images / "broken.jpg").write_bytes(b"no picture")
    return images


@pytest.fixture
def key(client: TestClient, server: Server, folder: Path) -> str:
    """The key of a scanned project."""
    made: str = client.post("/x/projects/new", json={"images": str(folder), "name": "Five"}).json()["key"]
    finish(scan(server.project(made)))
    run = run_queue.list_runs(server.project(made))[0]
    run_queue.finish(server.project(made), run.id, "done")
    return made


def test_a_new_project_is_open_listed_and_will_be_scanned(client: TestClient, server: Server, folder: Path) -> None:
    key = client.post("/x/projects/new", json={"images": str(folder), "name": "Five"}).json()["key"]
    assert key == key_of(server.project(key).folder)
    assert [row["name"] for row in client.get("/x/app").json()["projects"]] == ["Five"]
    state = client.get(f"/x/{key}/state").json()
    assert (state["run"]["kind"], state["run"]["status"]) == ("scan", "queued")
    assert state["counts"]["pool"] == 0


def test_the_state_tells_what_is_free_now(client: TestClient, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """And not what was free when the server started."""
    for free in (2, 1):
        monkeypatch.setattr(computer, "memory", lambda free=free: (3, free))
        assert client.get(f"/x/{key}/state").json()["computer"]["memory_free"] == free


@pytest.mark.parametrize("images", ["", "  ", "/there/is/no/such/folder", "a\0b"])
def test_a_folder_that_cannot_be_used_is_told_in_words(client: TestClient, images: str) -> None:
    answer = client.post("/x/projects/new", json={"images": images})
    assert answer.status_code == 400
    assert set(answer.json()) == {"what", "found", "do"}
    assert client.get("/x/app").json()["projects"] == []


def test_a_project_that_another_process_has_open_is_told_in_words(
    client: TestClient, tmp_path: Path, folder: Path
) -> None:
    other = projects.create(tmp_path / "p", folder)
    with projects.lock(other):
        answer = client.post("/x/projects/open", json={"folder": str(tmp_path / "p")})
    assert answer.status_code == 409
    assert str(os.getpid()) in answer.json()["found"]
    assert client.post("/x/projects/open", json={"folder": str(tmp_path / "p")}).status_code == 200


def test_the_state_tells_the_counts_and_the_steps(client: TestClient, key: str) -> None:
    state = client.get(f"/x/{key}/state").json()
    counts = state["counts"]
    assert (counts["files"], counts["pool"], counts["duplicates"], counts["unreadable"]) == (7, 5, 1, 1)
    assert counts["sizes"][0] == [40, 20, 6] or counts["sizes"][0] == [40, 20, 5]
    assert [(step["key"], step["state"]) for step in state["steps"]] == [
        ("project", "done"),
        ("select", "begun"),
        ("label", "todo"),
        ("train", "todo"),
        ("results", "todo"),
    ]
    assert state["steps"][0]["fact"] == "5 images"


def test_a_training_is_seen_in_the_steps_until_it_has_ended(client: TestClient, server: Server, key: str) -> None:
    """Whatever page is shown; also where an earlier one is done, whose time would stand there."""
    project = server.project(key)

    def told() -> list[str]:
        step = client.get(f"/x/{key}/state").json()["steps"][3]
        return [step["state"], step["fact"]]

    assert told() == ["todo", ""]
    for _ in range(2):
        run = run_queue.queue(project, "train", {})
        assert told() == ["busy", "waits"]
        assert run_queue.claim(project, "test") is not None
        assert told() == ["busy", "running"]
        run_queue.finish(project, run, "done", result={})
        assert told() == ["done", "0 s"]


def test_the_state_is_sent_again_only_after_a_change(client: TestClient, server: Server, key: str) -> None:
    first = client.get(f"/x/{key}/state").json()
    assert client.get(f"/x/{key}/state?known={first['version']}").json() == {
        "version": first["version"],
        "unchanged": True,
    }
    classes.add_class(server.project(key), "daisy")
    second = client.get(f"/x/{key}/state?known={first['version']}").json()
    assert [each["name"] for each in second["classes"]] == ["daisy"]


def test_figures_and_comparisons_are_there_after_a_reload(client: TestClient, server: Server, key: str) -> None:
    project = server.project(key)
    ids = items.pool(project).ids
    evidence = {"radius": 0.2, "chosen": {"mean": 0.1}, "gaps": [{"item": int(ids[4]), "size": 2, "distance": 0.4}]}
    chosen = Selection(ids[:3], ("pick",) * 3, ids[3:4], "activeft", {"evidence": evidence})
    selections.save(project, chosen, None, 1.5)
    wrong = client.post(f"/x/{key}/run", json={"kind": "compare", "config": {"strategy": "best"}})
    assert wrong.status_code == 400 and "best" in wrong.text
    run = client.post(f"/x/{key}/run", json={"kind": "compare", "config": {"strategy": "kcenter"}}).json()["run"]
    run_queue.finish(project, run, "done", result={"selection": 1, "strategy": "kcenter", "mean": 0.2})
    state = client.get(f"/x/{key}/state").json()
    assert state["selection"]["config"]["evidence"] == evidence
    shown = next(each for each in state["runs"] if each["id"] == run)
    assert (shown["kind"], shown["status"], shown["config"]) == (
        "compare",
        "done",
        {"strategy": "kcenter", "now": False},
    )
    assert shown["result"] == {"selection": 1, "strategy": "kcenter", "mean": 0.2}


def test_trainings_have_numbers_of_their_own(client: TestClient, server: Server, key: str) -> None:
    """The same number in the state, which lists all runs, and beside the events of one."""
    project = server.project(key)
    first, scan, second = (run_queue.queue(project, kind, {}) for kind in ("train", "compare", "train"))
    told = {each["id"]: each["number"] for each in client.get(f"/x/{key}/state").json()["runs"]}
    assert {each: told[each] for each in (first, scan, second)} == {first: 1, scan: None, second: 2}
    assert [client.get(f"/x/{key}/events?run={each}").json()["run"]["number"] for each in (scan, second)] == [None, 2]


def test_the_header_says_that_a_gpu_is_not_used(client: TestClient, server: Server, key: str) -> None:
    """Once a run that was free to choose went by it; one that was told to take the CPU says nothing of it."""
    server.gpu = "Tesla K80"
    project = server.project(key)

    def told() -> tuple[str, str]:
        state = client.get(f"/x/{key}/state").json()
        return state["device"], state["device_note"]

    assert told() == ("Tesla K80", "")
    run_queue.note(project, run_queue.queue(project, "features", {"device": "cpu"}), device="CPU, 2 threads")
    assert told() == ("Tesla K80", "")
    why = "CPU, 2 threads; GPU not used: its driver is too old"
    run_queue.note(project, run_queue.queue(project, "features", {}), device=why)
    assert told() == ("CPU", why)
    run_queue.note(project, run_queue.queue(project, "features", {}), device="Tesla K80, 12 GB")
    assert told() == ("Tesla K80", "")


def test_labels_move_the_steps_on(client: TestClient, server: Server, key: str) -> None:
    project = server.project(key)
    ids = items.pool(project).ids
    selections.save(project, Selection(ids[:3], ("pick", "pick", "audit"), ids[3:], "random"), None, 1.5)
    daisy = classes.add_class(project, "daisy")
    operations.apply(project, "test", [Op(1, "label", int(ids[0]), daisy), Op(2, "skip", int(ids[1]))])
    state = client.get(f"/x/{key}/state").json()
    assert state["selection"] | {"created": 0, "config": {}, "mark": ""} == {
        "id": 1,
        "strategy": "random",
        "budget": 2,
        "picks": 2,
        "checks": 1,
        "seconds": 1.5,
        "backbone": None,
        "run": None,
        "created": 0,
        "config": {},
        "mark": "",
        "changed": 0,
    }
    assert state["labels"] == {
        "picks": 2,
        "checks": 1,
        "picks_done": 1,
        "checks_done": 0,
        "skipped": 1,
        "total": 1,
        "trained": False,
        "pace": None,
    }
    assert state["steps"][2] == {"key": "label", "title": "Label", "fact": "1 of 3", "state": "begun"}
    operations.apply(project, "test", [Op(3, "label", int(ids[2]), daisy, lead_time=2.5)])
    after = client.get(f"/x/{key}/state").json()
    assert after["labels"]["pace"] == 2.5  # by which the Select page reckons, as Results does
    assert [step["state"] for step in after["steps"]] == ["done", "done", "done", "begun", "todo"]
    assert client.get("/x/app").json()["projects"][0]["labeled"] == 2


def test_found_lists_the_reasons_and_some_images(client: TestClient, key: str) -> None:
    found = client.get(f"/x/{key}/found").json()
    assert [row["path"] for row in found["problems"]] == ["broken.jpg"]
    assert found["problems"][0]["reason"]
    assert found["repeats"] == [["again.png", "0.png"]]
    assert len(found["preview"]) == 5


def test_what_the_networks_see_is_chosen_for_the_project(client: TestClient, server: Server, key: str) -> None:
    told = client.get(f"/x/{key}/found").json()["view"]
    assert told["chosen"] == "auto" and [each["value"] for each in told["choices"]] == ["auto", *VIEWS]
    assert all(each["title"] and each["help"] for each in told["choices"])
    before = client.get(f"/x/{key}/state").json()["version"]
    assert client.post(f"/x/{key}/view", json={"name": "whole"}).json() == {"chosen": "whole"}
    assert client.get(f"/x/{key}/state").json()["version"] != before
    assert view.chosen(server.project(key)) == client.get(f"/x/{key}/found").json()["view"]["chosen"] == "whole"
    refused = client.post(f"/x/{key}/view", json={"name": "fisheye"})
    assert refused.status_code == 400 and "crop, squash, whole" in refused.json()["do"]
    assert view.chosen(server.project(key)) == "whole"


def test_the_form_of_a_selection_leaves_the_view_to_the_project(client: TestClient) -> None:
    names = [each["name"] for each in client.get("/x/options/select").json()["fields"]]
    assert "backbone" in names and "view" not in names


def test_a_project_is_found_again_after_a_restart(client: TestClient, server: Server, key: str) -> None:
    server.close()
    assert client.get(f"/x/{key}/state").json()["project"]["name"] == "Five"


def test_an_unknown_project_is_told_in_words(client: TestClient) -> None:
    answer = client.get("/x/0123456789ab/state")
    assert answer.status_code == 404
    assert answer.json()["what"] == "This project is not there any more"


def test_a_project_is_renamed_everywhere_and_stays_where_it_is(client: TestClient, server: Server, key: str) -> None:
    place, before = server.project(key).folder, client.get(f"/x/{key}/state").json()["project"]
    assert client.post("/x/projects/rename", json={"key": key, "name": " Zoo <b> "}).json() == {"name": "Zoo <b>"}
    assert client.get(f"/x/{key}/state").json()["project"] == before | {"name": "Zoo <b>"}
    assert [each["name"] for each in client.get("/x/app").json()["projects"]] == ["Zoo <b>"]
    for name in ("", " ", "a" * 201, "a\u202eb", "a\nb"):
        refused = client.post("/x/projects/rename", json={"key": key, "name": name})
        assert refused.status_code == 400 and "project name" in refused.json()["what"]
    assert server.project(key).name == "Zoo <b>" and server.project(key).folder == place
    server.close()  # a later start
    assert client.get(f"/x/{key}/state").json()["project"]["name"] == "Zoo <b>"


def test_deleting_leaves_the_images(client: TestClient, server: Server, key: str, folder: Path) -> None:
    place = server.project(key).folder
    assert client.post("/x/projects/delete", json={"key": key}).json() == {"deleted": True}
    assert not place.exists()
    assert len(list(folder.iterdir())) == 7
    assert client.get("/x/app").json()["projects"] == []


def test_a_project_with_a_run_is_not_deleted(client: TestClient, server: Server, key: str) -> None:
    server.start(key, "scan", {})
    assert client.post("/x/projects/delete", json={"key": key}).status_code == 404
    assert client.get(f"/x/{key}/state").json()["project"]["name"] == "Five"


def test_thumbnails_and_images_come_by_id(client: TestClient, key: str) -> None:
    thumb = client.get(f"/x/{key}/thumb/1")
    assert thumb.headers["content-type"] == "image/jpeg"
    assert Image.open(io.BytesIO(thumb.content)).size == (40, 20)
    again = client.get(f"/x/{key}/thumb/1", headers={"if-none-match": thumb.headers["etag"]})
    assert again.status_code == 304
    image = client.get(f"/x/{key}/image/1?max=10")
    assert image.headers["content-type"] == "image/png"
    assert image.headers["x-content-type-options"] == "nosniff"
    assert Image.open(io.BytesIO(image.content)).size == (10, 5)
    assert client.get(f"/x/{key}/image/1").headers["content-type"] == "image/png"


@pytest.mark.parametrize("item", ["0", "-1", "99", str(2**63), str(10**30)])
def test_an_id_that_is_not_there_is_refused(client: TestClient, key: str, item: str) -> None:
    assert client.get(f"/x/{key}/thumb/{item}").status_code == 400
    assert client.get(f"/x/{key}/image/{item}").status_code == 400


@pytest.mark.parametrize("item", ["0.png", "..", "%2e%2e%2fproject.sqlite", "1%00", "etc%2fpasswd"])
def test_a_path_is_never_an_id(client: TestClient, key: str, item: str) -> None:
    """Hostile input 2: the image route takes an id."""
    assert client.get(f"/x/{key}/thumb/{item}").status_code in (404, 422)
    assert client.get(f"/x/{key}/image/{item}").status_code in (404, 422)


def test_a_file_that_became_a_page_is_not_served(client: TestClient, key: str, folder: Path) -> None:
    """Hostile input 2: HTML never inline."""
    (folder / "1.png").write_text("<html><script>alert(1)</script>")
    answer = client.get(f"/x/{key}/image/2")
    assert answer.status_code == 400
    assert "script" not in answer.text


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_a_link_that_leads_out_is_not_served(client: TestClient, key: str, folder: Path, tmp_path: Path) -> None:
    """Hostile input 1: a symlink inside the image folder that points out of it."""
    secret = paint(tmp_path / "secret.png", 9)
    (folder / "1.png").unlink()
    (folder / "1.png").symlink_to(secret)
    assert client.get(f"/x/{key}/image/2").status_code == 400


def test_a_run_is_queued_stopped_and_resumed(client: TestClient, server: Server, key: str) -> None:
    run = client.post(f"/x/{key}/run", json={"kind": "select", "config": {"budget": "2", "seed": 7}}).json()["run"]
    assert run_queue.get(server.project(key), run).config["budget"] == "2"
    assert client.get(f"/x/{key}/state").json()["run"]["id"] == run
    client.post(f"/x/{key}/stop", json={"run": run})
    assert run_queue.get(server.project(key), run).status == "stopped"
    client.post(f"/x/{key}/resume", json={"run": run})
    assert run_queue.get(server.project(key), run).status == "queued"


def test_a_second_training_is_refused_in_words_until_the_first_is_over(
    client: TestClient, server: Server, key: str
) -> None:
    """Two windows press Train: the second would hide the first, which could no longer be stopped."""

    def post(path: str, body: dict[str, Any]) -> Any:
        return client.post(f"/x/{key}/{path}", json=body)

    train = {"kind": "train", "config": {"preset": "quick"}}
    first = post("run", train).json()["run"]
    told = post("run", train)
    assert told.status_code == 400
    assert told.json()["found"] == "Run 1 (FACT+) waits for its turn." and "stop it" in told.json()["do"]
    assert [run.id for run in run_queue.list_runs(server.project(key), "train")] == [first]
    claimed = run_queue.claim(server.project(key), "worker")
    assert claimed is not None and claimed.id == first
    assert post("run", train).json()["found"] == "Run 1 (FACT+) is running."
    assert post("run", {"kind": "scan", "config": {}}).status_code == 200  # other work may wait
    run_queue.finish(server.project(key), first, "stopped")
    second = post("run", train).json()["run"]
    assert post("resume", {"run": first}).json()["found"] == "Run 2 (FACT+) waits for its turn."
    assert post("resume", {"run": second}).status_code == 200  # it waits itself: nothing changes


@pytest.mark.parametrize(
    ("kind", "config", "told"),
    [
        ("select", {"budget": "6"}, "larger than the pool"),
        ("select", {"budget": "0"}, "at least 1"),
        ("select", {"budget": "many"}, "not a number"),
        ("select", {"strategy": "best"}, "Strategy"),
        ("select", {"colour": "red"}, "no option"),
        ("train", {"ff.steps": 0}, "Steps"),
        ("train", {"preset": "slow"}, "preset"),
        ("dance", {}, "no run called"),
    ],
)
def test_wrong_options_are_told_before_anything_is_queued(
    client: TestClient, server: Server, key: str, kind: str, config: dict[str, object], told: str
) -> None:
    answer = client.post(f"/x/{key}/run", json={"kind": kind, "config": config})
    assert answer.status_code == 400
    assert told in answer.json()["what"]
    assert len(run_queue.list_runs(server.project(key))) == 1


def test_a_preset_fills_in_what_is_not_given() -> None:
    assert checked("train", {"preset": "quick", "ff.batch": 8})["ff"]["steps"] == 100
    assert checked("train", {"preset": "quick", "ff.batch": 8})["ff"]["batch"] == 8
    with pytest.raises(ConfigError):
        checked("train", {"ff.batch": 0})


def test_events_come_once_and_in_order(client: TestClient, server: Server, key: str) -> None:
    project = server.project(key)
    run = run_queue.queue(project, "train", {})
    run_events.append_events(project, run, [Log("one"), Progress("ff", 1, 4)])
    first = client.get(f"/x/{key}/events?run={run}").json()
    assert [(each["kind"], each["body"].get("text")) for each in first["events"]] == [
        ("log", "one"),
        ("progress", None),
    ]
    run_events.append_events(project, run, [Log("two")])
    second = client.get(f"/x/{key}/events?run={run}&since={first['cursor']}").json()
    assert [each["body"]["text"] for each in second["events"]] == ["two"]
    assert second["run"]["id"] == run
    assert client.get(f"/x/{key}/log?run={run}").json() == {"text": ""}


@pytest.mark.parametrize("query", ["run=99", f"run={2**70}", "run=-1", "run=a", "run=1&since=-1"])
def test_wrong_events_are_refused(client: TestClient, key: str, query: str) -> None:
    assert client.get(f"/x/{key}/events?{query}").status_code in (400, 422)


@pytest.mark.parametrize("body", ["", "{", "[]", "null", '{"kind": 3}', '{"kind": "scan", "config": []}'])
def test_a_body_that_is_no_request_is_told_in_words(client: TestClient, key: str, body: str) -> None:
    answer = client.post(f"/x/{key}/run", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 422
    assert answer.json()["what"] == "The request is not as it should be"


def test_an_error_of_ours_shows_no_traceback(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(projects, "recent", lambda: 1 / 0)
    answer = client.get("/x/app")
    assert answer.status_code == 500
    assert "Traceback" not in answer.text and answer.json()["found"] == "ZeroDivisionError"


@pytest.mark.parametrize(("name", "kind"), [("label/page.js", "text/javascript"), ("shell/base.css", "text/css")])
def test_assets_are_kept_for_ever_under_their_hash(client: TestClient, name: str, kind: str) -> None:
    answer = client.get(f"/x/assets/{assets.version()}/{name}")
    assert answer.status_code == 200 and answer.content == (assets.FOLDER / name).read_bytes()
    assert answer.headers["content-type"].startswith(kind)
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"


def test_an_old_hash_gets_the_present_file_and_may_not_keep_it(client: TestClient) -> None:
    answer = client.get("/x/assets/0123456789ab/label/page.js")
    assert answer.status_code == 200 and answer.content == (assets.FOLDER / "label/page.js").read_bytes()
    assert answer.headers["cache-control"] == "no-cache"


def test_what_changes_while_the_program_runs_is_served_as_it_is_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assets, "FOLDER", tmp_path)
    for name in ("label/a.js", "map/b.js"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text("1")
    app = FastAPI()
    assets.register(app, Server())
    base, asked = f"/x/assets/{assets.version()}", TestClient(app)
    (tmp_path / "label/a.js").write_text("22")
    (tmp_path / "label/new.js").write_text("3")
    for name, text, keep in (
        ("label/a", "22", "no-cache"),
        ("label/new", "3", "no-cache"),
        ("map/b", "1", "immutable"),
    ):
        answer = asked.get(f"{base}/{name}.js")
        assert answer.text == text and answer.headers["cache-control"].endswith(keep)


def test_the_hash_is_of_all_scripts_and_styles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assets, "FOLDER", tmp_path)
    (tmp_path / "label").mkdir()
    (tmp_path / "map").mkdir()
    seen = [assets.version()]
    for name, text in (("label/a.js", "1"), ("label/a.js", "22"), ("map/a.css", "22"), ("label/a.test.js", "1")):
        (tmp_path / name).write_text(text)
        seen.append(assets.version())
    assert len(set(seen)) == 4 and seen[3] == seen[4], "tests beside the scripts are no part of the page"
    (tmp_path / "map/a.css").rename(tmp_path / "map/b.css")
    assert assets.version() not in seen
    assert set(assets.files()) == {"label/a.js", "map/b.css"}


def test_the_logo_is_served(client: TestClient) -> None:
    assert client.get("/x/assets/logo.svg").headers["content-type"] == "image/svg+xml"


@pytest.mark.parametrize("name", ["..%2fREADME.md", "README.md", ".gitignore", "logo.svg%00", "", "%2e%2e"])
def test_nothing_but_assets_is_served(client: TestClient, name: str) -> None:
    assert client.get(f"/x/assets/{name}").status_code in (400, 404)


@pytest.mark.parametrize(
    "name",
    [
        "label/none.js",
        "images/store.test.js",
        "..%2fREADME.md",
        "../app/main.py",
        "%2e%2e/main.py",
        "label/%00",
        "label",
    ],
)
def test_nothing_beside_the_scripts_is_served(client: TestClient, name: str) -> None:
    for hash_ in (assets.version(), "..", "%2e%2e", "label"):
        assert client.get(f"/x/assets/{hash_}/{name}").status_code in (400, 404)


def test_the_sentences_are_whole(client: TestClient) -> None:
    told = client.get("/x/text.json").json()
    assert told == sentences()
    assert all(isinstance(text, str) and text for text in told.values())


def test_backbones_say_what_is_ready(client: TestClient) -> None:
    rows = client.get("/x/backbones").json()
    ready = {row["name"]: row["ready"] for row in rows["backbones"]}
    assert ready[rows["recommended"]], "its weights come with the program"
    assert not rows["proposed"] or not ready[rows["proposed"]], "what is here already needs no proposal"
    assert (rows["reason"] == "here") == (rows["recommended"] == DEFAULT_BACKBONE)
    many = client.get("/x/backbones", params={"images": 10**9}).json()
    assert (many["recommended"], many["reason"], many["proposed"]) == (DEFAULT_BACKBONE, "here", ""), "too many to see"
    # Where nothing downloads the weights, the person is told which file to bring.
    assert all(row["ready"] or row["bytes"] > 0 or "Bring the file" in row["detail"] for row in rows["backbones"])
    assert client.post("/x/weights", json={"name": "nothing"}).status_code == 400


@pytest.mark.slow
def test_a_weights_file_that_is_refused_says_why(client: TestClient, tmp_path: Path) -> None:
    name = "vit_small_patch16_224.dino"

    def row() -> dict[str, Any]:
        return next(each for each in client.get("/x/backbones").json()["backbones"] if each["name"] == name)

    for file, words in (
        (str(tmp_path / "nothing.pth"), "does not exist"),
        (str(tmp_path), "does not have one file of weights"),
        ("a\0b", "This is not a path"),
    ):
        answer = client.post("/x/weights", json={"name": name, "file": file})
        assert answer.status_code == 400 and words in answer.json()["what"]
    (tmp_path / "w.safetensors").write_bytes(b"hello")
    told = client.post("/x/weights", json={"name": name, "file": str(tmp_path / "w.safetensors")}).json()
    assert told["busy"]
    until = time.monotonic() + 240
    while row()["busy"] and time.monotonic() < until:
        time.sleep(0.2)
    assert "cannot be read" in row()["failed"] and row()["file"] and not row()["own"]
    assert client.post("/x/weights/forget", json={"name": name}).status_code == 400


@pytest.mark.slow
def test_a_file_without_a_name_is_recognised_or_it_says_why_not(client: TestClient, tmp_path: Path) -> None:
    """By its tensors, in a process of its own: then its network is in the table, with weights of one's own."""
    import timm
    from safetensors.torch import save_file

    def given(architecture: str) -> dict[str, Any]:
        file = tmp_path / f"{architecture}.safetensors"
        save_file(timm.create_model(architecture).state_dict(), file)
        told: dict[str, Any] = client.post("/x/weights", json={"name": "", "file": str(file)}).json()
        assert told["busy"] and told["finding"]
        until = time.monotonic() + 240
        while told["busy"] and time.monotonic() < until:
            time.sleep(0.5)
            told = client.get("/x/backbones").json()
        return told

    told = given("test_vit")
    row = next(each for each in told["backbones"] if each["name"] == "timm:test_vit.r160_in1k")
    assert row["own"] and row["ready"] and not row["listed"] and not told["not_found"] and not told["finding"]
    assert "The file is a resnet18" in given("resnet18")["not_found"]
    assert client.post("/x/networks/forget", json={"name": row["name"]}).status_code == 200
    assert row["name"] not in [each["name"] for each in client.get("/x/backbones").json()["backbones"]]


def test_a_network_of_timm_is_added_by_its_name_or_it_says_why_not(client: TestClient) -> None:
    for name, words in (("nothing", "no backbone called"), ("timm:no_such", "no network called"), ("timm:", "no name")):
        answer = client.post("/x/networks", json={"name": name})
        assert answer.status_code == 400 and words in answer.json()["what"]
    listed = client.post("/x/networks", json={"name": "timm:convnext_tiny.fb_in1k"}).json()["backbones"]
    assert all(row["listed"] for row in listed)  # it is the listed one
    added = client.post("/x/networks", json={"name": "timm:resnet18.a1_in1k"}).json()["backbones"][-1]
    assert added["name"] == "timm:resnet18.a1_in1k" and {"fact-prompt", "ln"} <= set(added["unfit"])
    assert not added["ready"] and added["bytes"] > 4 * added["parameters"]


def test_a_child_that_cannot_start_fails_the_run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.shell.server.RESPAWN_SECONDS", 0.0)
    server = Server()
    key = server.create(str(folder))
    project = server.project(key)
    broken = "import sys; print('no such module'); sys.exit(1)"

    def spawn(project: projects.Project, idle: float, **options: object) -> object:
        import subprocess
        import sys

        with open(project.folder / "worker.log", "ab") as log:
            return subprocess.Popen([sys.executable, "-c", broken], stdout=log)

    monkeypatch.setattr(run_process, "spawn_worker", spawn)
    run = server.start(key, "scan", {})
    end = time.monotonic() + 20
    while run_queue.get(project, run).status == "queued" and time.monotonic() < end:
        server.tend(key)
        time.sleep(0.05)
    found = run_queue.get(project, run)
    server.close()
    assert found.status == "failed"
    assert "no such module" in found.reason


@pytest.mark.slow
def test_a_real_child_scans(folder: Path) -> None:
    """The one test here that starts the real child."""
    server = Server()
    key = server.create(str(folder))
    project = server.project(key)
    run = server.start(key, "scan", {})
    end = time.monotonic() + 60
    while run_queue.get(project, run).open and time.monotonic() < end:
        server.tend(key)
        time.sleep(0.2)
    found = run_queue.get(project, run)
    server._let_go(key)  # ends the child too
    assert (found.status, found.reason) == ("done", "")
    assert items.counts(project).pool == 5


def test_two_windows_open_the_same_project_at_once(server: Server, tmp_path: Path, folder: Path) -> None:
    projects.create(tmp_path / "p", folder)
    keys: list[str] = []
    threads = [threading.Thread(target=lambda: keys.append(server.open(tmp_path / "p"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keys) == 8 and len(set(keys)) == 1


def test_a_path_is_told_in_full_before_anything_is_done_there(
    client: TestClient, server: Server, key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is typed is relative to the person's home, here and in the run that follows."""
    monkeypatch.setenv("HOME", str(tmp_path / "person"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "person"))
    (tmp_path / "started").mkdir()
    monkeypatch.chdir(tmp_path / "started")
    whole = str((tmp_path / "person" / "models" / "new").resolve())
    for text in ("models/new", "~/models/new", whole):
        assert client.get("/x/path", params={"text": text}).json() == {"path": whole}
        body = {"kind": "export", "config": {"run": 1, "folder": text, "items": ["labels"]}}
        run = client.post(f"/x/{key}/run", json=body).json()["run"]
        assert run_queue.get(server.project(key), run).config["folder"] == whole
    for text in ("a\0b", "x" * 300, "~nobody-of-this-name"):
        assert client.get("/x/path", params={"text": text}).status_code == 400
        answer = client.post(f"/x/{key}/run", json={"kind": "export", "config": {"run": 1, "folder": text}})
        assert answer.status_code == 400 and answer.json()["what"] == "This is not a path"
    assert not (tmp_path / "person").exists() and not any((tmp_path / "started").iterdir()), "nothing was made"
    (tmp_path / "person" / "pictures").mkdir(parents=True)
    made = client.post("/x/projects/new", json={"images": "pictures", "folder": "sorted"}).json()["key"]
    assert server.project(made).images == (tmp_path / "person" / "pictures").resolve()
    assert server.project(made).folder == (tmp_path / "person" / "sorted").resolve()
