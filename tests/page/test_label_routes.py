"""The routes of the Select and Label pages, on a real project of small images."""

from __future__ import annotations

import json
import struct
import threading
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from app.routes import maps
from app.shell.server import Server
from fact_core.labeling import labels_now, selections
from fact_core.storage import items, project, run_queue
from fact_core.storage.project import Project
from fact_core.types import Selection
from fact_core.work.scan import scan

HOSTILE = '<img src=x onerror="alert(1)">'


@dataclass
class Page:
    """A client of the routes of one project with 12 images: 5 picks, 2 check images, 2 candidates."""

    client: TestClient
    project: Project
    key: str
    ids: list[int]

    def get(self, path: str, status: int = 200) -> Any:
        answer = self.client.get(f"/x/{self.key}{path}")
        assert answer.status_code == status, answer.text
        return answer.json() if "json" in answer.headers["content-type"] else answer.content

    def post(self, path: str, body: Any, status: int = 200) -> Any:
        answer = self.client.post(f"/x/{self.key}{path}", json=body)
        assert answer.status_code == status, answer.text
        return answer.json()


@pytest.fixture
def page(tmp_path: Path, routes: tuple[TestClient, Any]) -> Iterator[Page]:
    folder = tmp_path / "images"
    folder.mkdir()
    for number in range(12):
        Image.new("RGB", (20 + number, 16), (20 * number, 9, 90)).save(folder / f"{number:02d}.png")
    made = project.create(tmp_path / "project", folder, "Test")
    for _ in scan(made):
        pass
    ids = [int(i) for i in items.pool(made).ids]
    chosen = Selection(np.array(ids[:7]), ("pick",) * 5 + ("audit",) * 2, np.array(ids[7:9]), "random")
    selections.save(made, chosen, None)
    client, current = routes
    server = current.server = Server()
    yield Page(client, made, server.open(made.folder), ids)
    server.close()


def op(seq: int, kind: str, item: int, class_id: int | None = None) -> dict[str, Any]:
    return {"seq": seq, "kind": kind, "item": item, "class_id": class_id, "lead_time": 1.5}


def add_class(page: Page, name: str) -> int:
    return int(page.post("/classes", {"op": "add", "name": name})["id"])


def test_queue_lists_the_chosen_images_in_order_and_what_was_labeled_besides(page: Page) -> None:
    cat = add_class(page, "cat")
    page.post("/ops", {"client": "a", "ops": [op(1, "label", page.ids[1], cat), op(2, "label", page.ids[10], cat)]})
    queue = page.get("/queue")
    assert [entry["id"] for entry in queue["entries"]] == page.ids[:7]
    assert [entry["role"] for entry in queue["entries"]] == ["pick"] * 5 + ["audit"] * 2
    entry = {
        "id": page.ids[1],
        "path": "01.png",
        "w": 21,
        "h": 16,
        "role": "pick",
        "rank": 1,
        "note": "",
        "source": "",
        "copies": [],
    }
    assert queue["entries"][1] == {**entry, "state": "label", "class": cat}
    assert queue["entries"][0]["state"] is None
    assert queue["others"] == [{"id": page.ids[10], "state": "label", "class": cat}]
    assert queue["classes"] == [
        {"id": cat, "name": "cat", "position": 0, "count": 2, "colour": 0, "key": "", "other": False}
    ]


def test_a_label_is_committed_before_the_answer_and_a_repeated_one_changes_nothing(page: Page) -> None:
    cat = add_class(page, "cat")
    body = {"client": "a", "ops": [op(1, "label", page.ids[0], cat), op(2, "skip", page.ids[1])]}
    first = page.post("/ops", body)
    assert first["last_seq"] == 2
    assert first["states"] == {
        str(page.ids[0]): {"kind": "label", "class": cat},
        str(page.ids[1]): {"kind": "skip", "class": None},
    }
    assert first["classes"][0]["count"] == 1
    assert len(labels_now.history(page.project)) == 2
    assert page.post("/ops", body)["states"] == first["states"]
    assert len(labels_now.history(page.project)) == 2


def test_counts_are_of_labels_that_training_can_use(page: Page) -> None:
    """A repeat, a missing image and one that cannot be read keep their labels, but nothing can use these."""
    cat, dog = add_class(page, "cat"), add_class(page, "dog")
    ops = [op(seq, "label", item, cat if seq < 4 else dog) for seq, item in enumerate(page.ids[:6], 1)]
    page.post("/ops", {"client": "tab", "ops": ops})
    files = sorted(page.project.images.iterdir())
    files[0].unlink()
    files[1].write_bytes(b"junk")
    files[5].write_bytes(files[4].read_bytes())
    for _ in scan(page.project):
        pass
    known, state = labels_now.snapshot(page.project), page.get("/state")
    assert known.ids.tolist() == page.ids[2:5] and len(labels_now.states(page.project)) > 3
    assert [(each["name"], each["count"]) for each in state["classes"]] == [("cat", 1), ("dog", 2)]
    assert state["labels"]["total"] == 3 and page.get("/queue")["classes"] == state["classes"]


def test_many_windows_at_once_lose_nothing(page: Page) -> None:
    cat = add_class(page, "cat")

    def window(name: str) -> None:
        for seq in range(1, 11):
            page.post("/ops", {"client": name, "ops": [op(seq, "label", page.ids[seq], cat)]})

    threads = [threading.Thread(target=window, args=(f"window-{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(labels_now.history(page.project)) == 40
    assert page.get("/queue")["classes"][0]["count"] == 10


def test_cannot_tell_takes_the_label_away_and_undo_brings_it_back(page: Page) -> None:
    cat, item = add_class(page, "cat"), page.ids[0]
    pair = [op(2, "clear", item), op(3, "flag", item)]
    answer = page.post("/ops", {"client": "a", "ops": [op(1, "label", item, cat), *pair]})
    assert answer["states"][str(item)] == {"kind": "flag", "class": None}
    assert page.get("/queue")["entries"][0]["state"] == "flag"
    answer = page.post("/ops", {"client": "a", "ops": [op(4, "undo", item), op(5, "undo", item)]})
    assert answer["states"][str(item)] == {"kind": "label", "class": cat}
    answer = page.post("/ops", {"client": "a", "ops": [op(6, "redo", item), op(7, "redo", item)]})
    assert answer["states"][str(item)] == {"kind": "flag", "class": None}


BAD_OPS: tuple[dict[str, Any], ...] = (
    {"kind": "label", "item": 10**9, "class_id": 1},
    {"kind": "label", "item": 2**63, "class_id": 1},
    {"kind": "label", "item": -1, "class_id": 1},
    {"kind": "label", "item": "1", "class_id": 1},
    {"kind": "label", "item": True, "class_id": 1},
    {"kind": "label", "item": 1, "class_id": 99},
    {"kind": "label", "item": 1},
    {"kind": "delete", "item": 1},
    {"kind": ["label"], "item": 1},
    {"kind": "skip"},
    {"kind": "skip", "item": 1, "seq": -1},
    {"kind": "skip", "item": 1, "seq": "x"},
    {"kind": "skip", "item": 1, "lead_time": "soon"},
    {"kind": "skip", "item": 1, "lead_time": -3},
    {"kind": "skip", "item": 1, "annotator": 7},
)


def test_a_bad_operation_is_refused_in_words_and_nothing_of_its_batch_is_stored(page: Page) -> None:
    good = op(1, "label", page.ids[0], add_class(page, "cat"))
    for bad in BAD_OPS:
        answer = page.post("/ops", {"client": "a", "ops": [good, {"seq": 2, **bad}]}, 400)
        assert answer["what"], bad
    assert labels_now.history(page.project) == []


def test_the_shape_of_a_request_is_checked(page: Page) -> None:
    for body in (
        [],
        {"client": "a"},
        {"client": "a", "ops": [1]},
        {"client": 5, "ops": []},
        {"client": "a", "ops": {}},
    ):
        page.post("/ops", body, 422)
    page.post("/ops", {"client": "", "ops": []}, 400)
    page.post("/reject", {"item": "1"} | {"item": {}}, 422)


def test_a_bulk_of_labels_fits_into_one_request(page: Page) -> None:
    cat = add_class(page, "cat")
    ops = [op(seq, "label", page.ids[seq % 12], cat) for seq in range(1, 5001)]
    assert page.post("/ops", {"client": "a", "ops": ops})["last_seq"] == 5000
    page.post("/ops", {"client": "b", "ops": [op(1, "skip", page.ids[0])] * 50_001}, 400)


def test_classes_are_added_and_renamed_and_their_names_are_only_text(page: Page) -> None:
    first = add_class(page, HOSTILE)
    answer = page.post("/classes", {"op": "rename", "id": first, "name": "  =1+1  "})
    assert answer["classes"] == [
        {"id": first, "name": "=1+1", "position": 0, "count": 0, "colour": 0, "key": "", "other": False}
    ]
    add_class(page, "Cat")
    for bad in ("cat", "", "   ", "a\nb", "x" * 201):
        assert page.post("/classes", {"op": "add", "name": bad}, 400)["what"]
    page.post("/classes", {"op": "rename", "id": 999, "name": "dog"}, 400)
    page.post("/classes", {"op": "explode", "name": "dog"}, 400)
    assert len(page.get("/queue")["classes"]) == 2


def test_reject_puts_the_next_best_into_its_place(page: Page) -> None:
    answer = page.post("/reject", {"item": page.ids[2]})
    assert answer["replacement"] == page.ids[7]
    assert [entry["id"] for entry in answer["queue"]["entries"]][2] == page.ids[7]
    assert answer["queue"]["next_best"] == 1
    assert page.post("/reject", {"item": page.ids[2]}, 400)["what"]


def test_what_an_earlier_round_has_rejected_is_told_and_chosen_again(page: Page) -> None:
    """No later round picks it by itself: without the list nobody could bring it back."""
    page.post("/reject", {"item": page.ids[2]})
    kept = selections.latest(page.project)
    assert kept is not None
    selections.save(page.project, kept.selection, None, extends=True)
    again = page.post("/reject", {"item": page.ids[0]})["queue"]
    assert again["rejected"] == [page.ids[0], page.ids[2]]  # those of the newest round first
    answer = page.post("/reject/undo", {"item": page.ids[2]})["queue"]
    assert answer["rejected"] == [page.ids[0]]
    assert [entry["id"] for entry in answer["entries"] if entry["source"]] == [page.ids[2]]
    page.post("/ops", {"client": "a", "ops": [op(1, "exclude", page.ids[0])]})
    assert page.get("/queue")["rejected"] == []
    assert page.post("/reject/undo", {"item": page.ids[5]}, 400)["what"]


def test_item_says_what_is_known_of_any_image(page: Page) -> None:
    assert page.get(f"/item?id={page.ids[11]}") == {
        "id": page.ids[11],
        "path": "11.png",
        "w": 31,
        "h": 16,
        "note": "",
        "copies": [],
    }
    for bad in (0, -1, 10**6, 2**70):
        assert page.get(f"/item?id={bad}", 400)["what"]
    page.get("/item?id=../../etc/passwd", 422)


def read_map(data: bytes) -> tuple[dict[str, Any], np.ndarray, np.ndarray]:
    (length,) = struct.unpack("<I", data[:4])
    head = json.loads(data[4 : 4 + length])
    start = -(-(4 + length) // 4) * 4
    xy = np.frombuffer(data, "<f4", 2 * head["n"], start).reshape(-1, 2)
    ids = np.frombuffer(data, "<i4", head["n"], start + xy.nbytes)
    assert start + xy.nbytes + ids.nbytes == len(data)
    return head, xy, ids


def draw(made: Project, kind: str, key: str, xy: np.ndarray, ids: list[int]) -> None:
    (made.cache / "maps").mkdir(parents=True, exist_ok=True)
    np.save(made.cache / "maps" / f"{key}.npy", xy)
    np.save(made.cache / "maps" / f"{key}.ids.npy", np.array(ids))
    run = run_queue.queue(made, kind, {})
    run_queue.claim(made, "test")
    run_queue.finish(made, run, "done", result={"key": key})


def test_the_map_shows_pca_first_then_umap(page: Page) -> None:
    assert page.get("/map", 400)["what"] == "There is no map yet"
    assert maps.brief(page.project) == {"kind": None, "key": None}
    first = np.arange(24, dtype=np.float32).reshape(12, 2)
    draw(page.project, "features", "f1", first, page.ids)
    head, xy, ids = read_map(page.get("/map"))
    assert head == {"n": 12, "kind": "pca", "key": "f1"}
    assert np.array_equal(xy, first)
    assert ids.tolist() == page.ids
    better = -first
    better[3] = np.nan  # a point without a place is left out
    draw(page.project, "map", "m1", better, page.ids)
    head, xy, ids = read_map(page.get("/map"))
    assert head == {"n": 11, "kind": "umap", "key": "m1"}
    assert ids.tolist() == page.ids[:3] + page.ids[4:]
    assert np.array_equal(xy[0], better[0])


def test_a_deleted_map_falls_back_and_a_damaged_one_is_an_error_in_words(page: Page) -> None:
    draw(page.project, "features", "f1", np.zeros((12, 2), np.float32), page.ids)
    draw(page.project, "map", "m1", np.ones((12, 2), np.float32), page.ids)
    (page.project.cache / "maps" / "m1.npy").unlink()
    assert maps.brief(page.project) == {"kind": "pca", "key": "f1"}
    (page.project.cache / "maps" / "f1.npy").write_bytes(b"not an array")
    assert page.get("/map", 507)["do"]


def test_the_form_is_made_from_the_options(page: Page) -> None:
    fields = {each["name"]: each for each in page.client.get("/x/options/select").json()["fields"]}
    assert fields["budget"]["default"] == "50"
    assert fields["check"]["low"] == 0
    assert fields["strategy"]["choices"][0]["value"] == "activeft"
    assert all(each["title"] and each["help"] for each in fields["strategy"]["choices"])
    strategies = {each["value"]: each for each in fields["strategy"]["choices"]}
    assert strategies["margin"]["needs_labels"] and not strategies["activeft"]["needs_labels"]
    assert strategies["probcover"]["most"] > strategies["activeft"]["most"] == 0
    assert {each["value"] for each in fields["variant"]["choices"]} == {"code", "paper"}
    assert page.client.get("/x/options/nonsense").status_code == 400


def test_an_unknown_project_is_told(page: Page) -> None:
    assert page.client.get("/x/abcdef/queue").status_code == 404


def test_images_are_added_to_the_choice_and_taken_out_again(page: Page) -> None:
    answer = page.post("/choice", {"ids": [page.ids[10], page.ids[5], page.ids[10]]})
    assert (answer["ids"], answer["check"]) == ([page.ids[10]], 1)
    entries = answer["queue"]["entries"]
    assert [entry["id"] for entry in entries] == [*page.ids[:5], page.ids[10], *page.ids[5:7]]
    assert [entry["source"] for entry in entries] == [*[""] * 5, "by hand", "", ""]
    back = page.post("/choice/undo", {"ids": answer["ids"]})
    assert back["ids"] == [page.ids[10]] and len(back["queue"]["entries"]) == 7
    for bad in ("1", [0], [-1], ["x"], None):
        page.post("/choice", {"ids": bad}, 422)


def test_a_name_is_found_in_both_forms_of_an_accent(page: Page) -> None:
    Image.new("RGB", (9, 9), (1, 2, 3)).save(page.project.images / unicodedata.normalize("NFD", "Café.png"))
    for _ in scan(page.project):
        pass
    for form in ("NFC", "NFD"):
        assert page.get("/find?name=" + quote(unicodedata.normalize(form, "CAFÉ")))["total"] == 1
