"""The routes of the Train and Results pages, on a project with stored runs."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from app.pages.results import findings, outcome
from app.shell.decision_text import decision_words
from app.shell.server import Server
from fact_core.config import to_dict, train_config
from fact_core.events import Event, Log, PhaseDone, PhaseStarted, Point, Saved
from fact_core.generators import finish
from fact_core.labeling import classes, operations, selections
from fact_core.labeling.history import Op
from fact_core.storage import db, items, run_events, run_queue
from fact_core.storage import project as projects
from fact_core.storage.project import Project
from fact_core.types import IntArray, Pool, Selection
from fact_core.work.scan import scan
from tests.storage_help import flat_project


@dataclass(frozen=True)
class Site:
    """A project and a browser that may look at it."""

    project: Project
    browser: TestClient
    key: str

    def get(self, path: str) -> Any:
        answer = self.browser.get(f"/x/{self.key}{path}")
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture
def site_of(routes: tuple[TestClient, Any]) -> Iterator[Callable[[Project], Site]]:
    """Opens projects; at the end they are closed."""
    client, current = routes
    server = current.server = Server()
    yield lambda project: Site(project, client, server.open(project.folder))
    server.close()


@pytest.fixture
def foldered(tmp_path: Path, make_images: Callable[..., Path], site_of: Callable[[Project], Site]) -> Site:
    """24 images in the folders green and red."""
    project = projects.create(tmp_path / "project", make_images(tmp_path / "images"))
    finish(scan(project))
    return site_of(project)


def truth_of(pool: Pool) -> IntArray:
    return np.array([path.startswith("red/") for path in pool.paths], dtype=np.int64)


def label(project: Project, checks: int = 4) -> IntArray:
    """Label every third image by its folder: the last ``checks`` of them as check images. The ids trained on."""
    pool = items.pool(project)
    rows = np.arange(0, len(pool), 3)
    if checks:  # some from each end, so that both classes are checked
        half = checks // 2
        rows = np.concatenate([rows[half : len(rows) - half], rows[:half], rows[len(rows) - half :]])
    roles = ("pick",) * (len(rows) - checks) + ("audit",) * checks
    none = np.zeros(0, dtype=np.int64)
    selections.save(project, Selection(pool.ids[rows], roles, none, "random", {}), None)
    ids = classes.ensure_classes(project, ["green", "red"])
    y = truth_of(pool)
    ops = [
        Op(seq=n, kind="label", item=int(pool.ids[row]), class_id=ids["red" if y[row] else "green"])
        for n, row in enumerate(rows, start=1)
    ]
    operations.apply(project, "test", ops)
    return pool.ids[rows[: len(rows) - checks]]


EVENTS: list[Event] = [
    Log("lp, quick, seed 0, CPU"),
    PhaseStarted("lp", 0, ("lp",), 10, 1.0, 42),
    Point("lp", 1, 10, 0.1, 0.7, 0.5),
    Point("lp", 2, 10, 0.2, 0.6, 0.75, check_loss=0.8, check_accuracy=0.5),
    Saved("lp", 2),
    PhaseDone("lp", 3.0, 1.0, 2, 0.6, 0.75, 0.8, 0.5, 4, peak_memory_mb=120.0),
]


def train(project: Project, trained_on: IntArray, wrong: int = 2, predict: bool = True, unproved: str = "") -> int:
    """A done training run of recipe lp whose model errs on the first ``wrong`` images of the pool."""
    run = run_queue.queue(project, "train", to_dict(train_config("quick", recipe="lp")))
    assert run_queue.claim(project, "test") is not None
    run_events.append_events(project, run, EVENTS)
    pool = items.pool(project)
    result = {
        "phases": [asdict(EVENTS[-1])],
        "decisions": [{"name": "lp.C", "value": "10", "reason": "lowest log-loss"}],
        "report": None,
        "labels": len(trained_on),
        "ids": [int(each) for each in trained_on],
        "classes": ["green", "red"],
        "counts": [2, 2],
        "unproved": unproved,
    }
    run_queue.finish(project, run, "done", result=result)
    if predict:
        y = truth_of(pool)
        y[:wrong] = 1 - y[:wrong]
        folder = project.run_folder(run)
        folder.mkdir(parents=True, exist_ok=True)
        sure = np.full(len(y), 0.75, dtype=np.float32)
        p = np.full((len(y), 2), 0.25)
        p[np.arange(len(y)), y] = 0.75
        np.savez(folder / "predictions.npz", ids=pool.ids, y=y, confidence=sure, probabilities=p, phase_lp=y)
        done = run_queue.queue(project, "predict", {"run": run})
        assert run_queue.claim(project, "test") is not None
        run_queue.finish(project, done, "done", result={"run": run, "images": len(y)})
    return run


def test_plotly_comes_from_the_installed_package(foldered: Site) -> None:
    answer = foldered.browser.get("/x/plotly.js")
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/javascript")
    assert "immutable" in answer.headers["cache-control"]
    assert b"plotly.js v" in answer.content[:500]


def test_the_chart_of_an_older_run_has_the_phases_that_it_had(foldered: Site) -> None:
    """L3FACT had no self-training once; its runs stored the options of it all the same."""
    config = train_config("standard", recipe="l3fact+")
    assert "st" in config.phases
    run = run_queue.queue(foldered.project, "train", to_dict(config))
    assert run_queue.claim(foldered.project, "test") is not None
    first = foldered.get(f"/chart?run={run}")["figure"]["layout"]["meta"]["phases"]
    assert [each["name"] for each in first] == list(config.phases)  # before it has told anything
    run_events.append_events(foldered.project, run, [PhaseStarted("lp", 0, ("lp", "lora", "lm"), 10, 1.0, 42)])
    told = foldered.get(f"/chart?run={run}")["figure"]["layout"]["meta"]["phases"]
    assert [each["name"] for each in told] == ["lp", "lora", "lm"]
    run_queue.finish(foldered.project, run, "stopped")


def test_the_chart_is_rebuilt_from_stored_events(foldered: Site) -> None:
    run = train(foldered.project, label(foldered.project))
    chart = foldered.get(f"/chart?run={run}")
    trace = chart["figure"]["layout"]["meta"]["traces"]["lp"]["loss"]
    assert chart["figure"]["data"][trace]["y"] == [0.7, 0.6]
    assert (chart["labels"], chart["checks"], chart["memory_mb"]) == (4, 4, 120.0)
    assert [event["kind"] for event in chart["log"]] == ["log", "phase_started", "saved", "phase_done"]
    assert chart["point"]["step"] == 2 and chart["saved"]["step"] == 2
    assert chart["progress"] is None  # a point came after it
    assert foldered.get(f"/events?run={run}&since={chart['cursor']}")["events"] == []


def test_check_images_come_before_everything_else(foldered: Site) -> None:
    run = train(foldered.project, label(foldered.project))
    found = foldered.get("/results")
    measured = found["measured"]
    assert found["run"]["id"] == run and found["run"]["number"] == 1
    assert (measured["kind"], measured["right"], measured["n"]) == ("check", 3, 4)
    assert [(each["true"], each["said"]) for each in measured["mistakes"]] == [(0, 1)]
    assert (
        found["also"]["kind"] == "folders" and found["also"]["n"] == 16
    )  # neither the 4 labels nor the 4 check images
    assert found["phases"][0]["accuracy"] == 0.75
    assert found["classes"] == [{"name": "green", "labels": 2}, {"name": "red", "labels": 2}]
    assert found["since"] is None and found["predicted"]["ready"] is True


def test_without_check_images_folders_say_it(foldered: Site) -> None:
    train(foldered.project, label(foldered.project, checks=0))
    measured = foldered.get("/results")["measured"]
    assert (measured["kind"], measured["right"], measured["n"]) == ("folders", 15, 16)


def test_folders_that_are_not_the_classes_are_not_the_truth(foldered: Site) -> None:
    label(foldered.project, checks=0)
    red = next(row for row in classes.classes(foldered.project) if row.name == "red")
    classes.rename_class(foldered.project, red.id, "crimson")
    run = train(foldered.project, np.array([1]))
    file = foldered.project.run_folder(run) / "predictions.npz"
    answers = outcome.read_answers(file, ("green", "crimson"))
    _, truth, kind = findings.known_classes(foldered.project, run_queue.get(foldered.project, run), answers)
    assert (truth, kind) == ({}, "")


def test_with_nothing_to_measure_on_it_says_so(tmp_path: Path, site_of: Callable[[Project], Site]) -> None:
    site = site_of(flat_project(tmp_path))
    train(site.project, label(site.project, checks=0))
    found = site.get("/results")
    assert found["measured"] is None and found["also"] is None
    assert found["on_training"]["n"] == 2


def test_labels_since_a_run_are_counted(foldered: Site) -> None:
    train(foldered.project, label(foldered.project))
    pool = items.pool(foldered.project)
    one = classes.classes(foldered.project)[0]
    operations.apply(foldered.project, "later", [Op(seq=1, kind="label", item=int(pool.ids[1]), class_id=one.id)])
    assert foldered.get("/results")["since"] == {"new": 0, "changed": 1}, "a run that has not kept its labels"


def test_a_check_image_that_is_left_out_is_in_no_figure(foldered: Site) -> None:
    run = train(foldered.project, label(foldered.project))
    found = foldered.get("/results")
    checks = [entry.item for entry in selections.queue(foldered.project) if entry.role == "audit"]
    operations.apply(foldered.project, "desk.one", [Op(1, "exclude", checks[-1])])
    fewer = foldered.get("/results")
    assert (found["measured"]["n"], fewer["measured"]["n"], fewer["since"]) == (4, 3, None)
    assert (found["uncounted"], fewer["uncounted"]) == (0, 1), "said beside the figure"
    assert foldered.get("/state")["labels"]["checks"] == len(checks) - 1
    with io.StringIO(foldered.browser.get(f"/x/{foldered.key}/predictions.csv?run={run}").text) as file:
        assert sum(row["split"] == "left out" for row in csv.DictReader(file)) == 1
    operations.apply(foldered.project, "desk.one", [Op(2, "undo")])
    again = foldered.get("/results")
    assert (again["measured"]["n"], again["uncounted"]) == (4, 0)


def test_check_images_that_were_shown_and_got_no_class_are_told_beside_the_figure(foldered: Site) -> None:
    """Skipped, marked "cannot tell", left out, rejected; not one that nobody has looked at, nor one that teaches."""
    project = foldered.project
    train(project, label(project, 6))
    checks = [entry.item for entry in selections.queue(project) if entry.role == "audit"]
    kinds = ("skip", "clear", "exclude", "clear", "flag", "clear")
    operations.apply(project, "desk.one", [Op(n, kind, checks[n]) for n, kind in enumerate(kinds)])
    operations.apply(project, "desk.one", [Op(9, "flag", checks[1])])
    latest = selections.latest(project)
    assert latest is not None
    selections.reject(project, latest.id, checks[5])
    found = foldered.get("/results")
    assert (found["uncounted"], found["measured"]["n"]) == (4, 1)


def test_a_clock_that_was_set_hides_no_new_label(foldered: Site) -> None:
    """The labels that the run has kept are compared, not times: here it began in an hour from now."""
    project = foldered.project
    trained_on = label(project)
    run = train(project, trained_on)
    ids = {each.name: each.id for each in classes.classes(project)}
    y = truth_of(items.pool(project))[np.isin(items.pool(project).ids, trained_on)]
    learned = np.sort(trained_on)
    kept = {"ids": learned.tolist(), "y": y.tolist(), "classes": ["green", "red"]}
    kept["class_ids"] = [ids["green"], ids["red"]]
    (project.run_folder(run) / "labels.json").write_text(json.dumps(kept), "utf-8")
    with db.connect(project.db) as con:
        con.execute("UPDATE run SET started = started + 3600, created = created + 3600")
    assert foldered.get("/results")["since"] is None
    other, changed = int(items.pool(project).ids[1]), int(learned[0])
    for place, (op, since) in enumerate(
        (
            (Op(1, "label", other, ids["red"]), {"new": 1, "changed": 0}),
            (Op(3, "label", changed, ids["green" if y[0] else "red"]), {"new": 0, "changed": 1}),
            (Op(5, "clear", changed), {"new": 0, "changed": 1}),
            (Op(7, "exclude", changed), {"new": 0, "changed": 1}),
        )
    ):
        operations.apply(project, "later", [op])
        assert foldered.get("/results")["since"] == since, op
        operations.apply(project, "later", [Op(2 * place + 2, "undo")])
        assert foldered.get("/results")["since"] is None, op
    with db.connect(project.db) as con:
        con.execute("UPDATE run SET started = 1, created = 1")
    operations.apply(project, "later", [Op(9, "flag", changed)])
    classes.rename_class(project, ids["red"], "crimson")
    assert foldered.get("/results")["since"] is None, "a mark and another name are no other labels"


def test_predictions_as_columns_and_as_csv(foldered: Site) -> None:
    run = train(foldered.project, label(foldered.project))
    body = foldered.browser.get(f"/x/{foldered.key}/predictions?run={run}").content
    length = int.from_bytes(body[:4], "little")
    header = json.loads(body[4 : 4 + length])
    assert header == {"n": 24, "classes": ["green", "red"]} and (4 + length) % 4 == 0
    assert len(body) == 4 + length + 24 * 7
    answer = foldered.browser.get(f"/x/{foldered.key}/predictions.csv?run={run}")
    lines = answer.text.splitlines()
    assert answer.headers["content-disposition"] == 'attachment; filename="predictions-1.csv"'
    assert len(lines) == 25 and "confidence" in lines[0]


def test_before_the_pool_is_predicted(foldered: Site) -> None:
    run = train(foldered.project, label(foldered.project), predict=False)
    found = foldered.get("/results")
    assert found["predicted"] is None and found["measured"] is None
    assert found["phases"][0]["n"] == 4  # what the phase itself saw
    for path in ("predictions", "predictions.csv"):
        answer = foldered.browser.get(f"/x/{foldered.key}/{path}?run={run}")
        assert answer.status_code == 400 and "no predictions" in answer.json()["what"]


def test_runs_that_are_not_there_are_told_in_words(foldered: Site) -> None:
    for path in ("results", "results?run=99", "chart?run=99", "predictions.csv"):
        answer = foldered.browser.get(f"/x/{foldered.key}/{path}")
        assert answer.status_code == 400 and answer.json()["what"], path


def test_a_run_without_a_model_has_nothing_to_measure(foldered: Site) -> None:
    """The page says that it failed or was stopped, not that there were no check labels."""
    label(foldered.project)
    for status, reason in (("failed", "The disk is full."), ("stopped", "")):
        run = run_queue.queue(foldered.project, "train", to_dict(train_config("quick", recipe="lp")))
        assert run_queue.claim(foldered.project, "test") is not None
        run_queue.finish(foldered.project, run, status, reason=reason)
        found = foldered.get(f"/results?run={run}")
        assert (found["run"]["status"], found["run"]["reason"]) == (status, reason)
        assert found["measured"] is None and found["checks"] == 4 and found["classes"] == []


def test_what_the_program_chose_is_told_in_words(foldered: Site) -> None:
    run = train(foldered.project, label(foldered.project))
    assert foldered.get(f"/results?run={run}")["decisions"][0]["words"] == "lp.C: 10"  # not known: as it is


def test_every_decision_has_words() -> None:
    """Of every name that the program gives a decision; none shows it."""
    assert decision_words("ff.interpolation", "0.5") == ("Finetuned weights kept", "50 %, the rest is pretrained")
    known = {"lm.C": "30", "lm.C_map": "3", "ff.interpolation": "1", "st.images": "828", "ff.keep": "best_test"}
    for name, value in [*known.items(), *(("lm.mode", mode) for mode in ("both", "lr", "map_lr", "joint_lbfgs"))]:
        title, said = decision_words(name, value)
        assert title != name and "_" not in said and "{" not in said


def test_an_export_goes_into_a_folder_that_does_not_exist(foldered: Site) -> None:
    train(foldered.project, label(foldered.project))
    first = Path(foldered.get("/results")["export_into"])
    assert first.name.endswith("-classifier-run1")  # a bare number looks like a copy
    assert first.parent == foldered.project.folder.parent and not first.exists()
    first.mkdir()
    assert foldered.get("/results")["export_into"] == f"{first}-2"


def test_kept_answers_are_about_the_files_of_now(foldered: Site) -> None:
    """An image that another one has replaced under its name has no answer any more, also where answers are kept."""
    project = foldered.project
    run = train(project, label(project))
    file, pool = project.predictions_file(run), items.pool(project)
    with np.load(file) as stored:
        np.savez(file, **stored, digests=np.array(pool.digests, dtype=np.bytes_))
    before = foldered.get("/results")["measured"]["n"]
    check = next(entry.item for entry in selections.queue(project) if entry.role == "audit")
    path = project.images / pool.paths[pool.ids.tolist().index(check)]
    Image.new("RGB", (32, 32), (1, 2, 3)).save(path)
    finish(scan(project))
    assert foldered.get("/results")["measured"]["n"] == before - 1
