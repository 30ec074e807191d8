"""Finishing a folder by its routes: what is asked of the check images and what that costs, accept, undo, the rest."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.pages.results import forecast
from fact_core.analysis.forecast import LabelGrowth
from fact_core.labeling import acceptances, classes, finishing, labels_now, operations, selections
from fact_core.labeling.acceptances import OwnGoal
from fact_core.labeling.history import Op
from fact_core.storage import db, items, run_queue
from fact_core.storage.project import Project
from fact_core.storage.synthetic import add_items
from fact_core.types import Selection
from tests.page.test_results_routes import Site, site_of
from tests.storage_help import flat_project

__all__ = ["site_of"]  # a fixture

N, CHECKS, STRANGE = 600, 120, 20


@pytest.fixture
def site(tmp_path: Path, site_of: Callable[[Project], Site]) -> Site:
    """600 images, one of which was learned: even numbers are cats, odd ones dogs. 120 are drawn to check."""
    project = flat_project(tmp_path, 1)
    add_items(project, N - 1)
    for name in ("cat", "dog"):
        classes.add_class(project, name)
    ids = items.pool(project).ids
    drawn = np.random.default_rng(0).permutation(ids[1:])[:CHECKS]
    roles = ("pick", *("audit",) * CHECKS)
    selection = Selection(np.append(ids[:1], drawn), roles, np.zeros(0, np.int64), "random", {})
    selections.save(project, selection, None)
    operations.apply(project, "test", [Op(1, "label", int(ids[0]), 1 + int(ids[0]) % 2)])
    train(project)
    return site_of(project)


def train(project: Project, wrong: int = 8, strange: int | None = STRANGE) -> run_queue.Run:
    """A run that is surest of the first images; the last ``wrong`` are wrong, ``strange`` before them strange."""
    run = run_queue.get(project, run_queue.queue(project, "train", {}))
    told = {"ids": [1], "classes": ["cat", "dog"], "class_ids": [1, 2]}
    run_queue.finish(project, run.id, "done", result=told)
    ids = items.pool(project).ids
    y, file = ids % 2, project.predictions_file(run.id)
    y[-wrong:] = 1 - y[-wrong:]
    arrays: dict[str, Any] = {"ids": ids, "y": y, "confidence": np.linspace(1, 0.5, len(ids), dtype=np.float32)}
    if strange is not None:
        arrays["strange"] = np.arange(len(ids)) >= len(ids) - wrong - strange
        arrays["strange"] &= np.arange(len(ids)) < len(ids) - wrong
    file.parent.mkdir(parents=True, exist_ok=True)
    np.savez(file, allow_pickle=False, **arrays)
    return run_queue.get(project, run.id)


def label_checks(project: Project, count: int = CHECKS) -> None:
    checks = [entry.item for entry in selections.queue(project) if entry.role == "audit"][:count]
    ops = [Op(n, "label", item, 1 + item % 2, lead_time=4.0) for n, item in enumerate(checks, start=2)]
    operations.apply(project, "test", ops)


def post(site: Site, what: str, **body: Any) -> Any:
    answer = site.browser.post(f"/x/{site.key}/finish/{what}", json={"run": 0, **body})
    assert answer.status_code == 200, answer.text
    return answer.json()


def refused(site: Site, what: str, **body: Any) -> str:
    answer = site.browser.post(f"/x/{site.key}/finish/{what}", json={"run": 0, **body})
    assert answer.status_code == 400, answer.text
    return str(answer.json()["what"])


def goal_of(found: Any, goal: float) -> Any:
    return next(each for each in found["goals"] if abs(each["goal"] - goal) < 1e-6)


def test_only_a_question_spends_and_the_same_one_spends_nothing(site: Site) -> None:
    label_checks(site.project)
    before = site.get("/finish")
    assert (before["look"], before["chance"], before["seconds"]) == (1, 0.025, 4.0)
    assert goal_of(before, 0.95)["asked"] is None and goal_of(before, 0.95)["takes"] == 72
    assert before["checks"] > 100 and 0.95 <= before["best"] < 0.98
    asked = post(site, "ask", goal=0.95)
    able = goal_of(asked, 0.95)
    assert asked["look"] == 2 and able["asked"] > 300
    assert post(site, "ask", goal=0.95)["look"] == 2 == site.get("/finish")["look"]
    assert post(site, "ask", goal=0.9)["look"] == 3
    assert [round(each.alpha, 4) for each in acceptances.looks(site.project)] == [0.025, 0.0083]
    assert refused(site, "ask", goal=0.951) == "There is no such goal"
    assert refused(site, "accept", goal=0.8).startswith("The check images were not asked")


def test_accept_undo_and_do_again_from_any_window(site: Site) -> None:
    project = site.project
    label_checks(project)
    able = goal_of(post(site, "ask", goal=0.95), 0.95)["asked"]
    labels = labels_now.snapshot(project).ids.tolist()
    done = post(site, "accept", goal=0.95)
    assert (done["accepted"], done["step"]["images"], done["step"]["older"]) == (able, able, False)
    assert done["open"] == N - len(labels) - able and labels_now.snapshot(project).ids.tolist() == labels
    assert post(site, "accept", goal=0.95)["step"] == done["step"]  # clicked twice
    back = post(site, "undo", step=done["step"]["id"])
    assert (back["accepted"], back["step"], back["again"]["images"]) == (0, None, able)
    assert post(site, "undo", step=done["step"]["id"])["again"] == back["again"]  # the other window was slower
    assert post(site, "redo", step=done["step"]["id"])["accepted"] == able == site.get("/finish")["accepted"]
    one = next(iter(acceptances.now(project)))
    operations.apply(project, "test", [Op(500, "label", one, 1)])
    later = site.get("/finish")
    assert (later["accepted"], later["person"]) == (able - 1, len(labels) + 1)
    assert later["step"]["images"] == able - 1, "one number for what is accepted"
    assert goal_of(later, 0.95)["asked"] == able - 1  # nothing new was asked of the check images
    train(project)
    newer = site.get("/finish")
    assert newer["step"]["older"] and newer["accepted"] == able - 1 and goal_of(newer, 0.95)["asked"] is None


@pytest.mark.slow
def test_more_labels_are_forecast_once_a_goal_was_asked(site: Site) -> None:
    """Reading it spends no look; it is another one once something is labeled; none where too little is open."""
    project = site.project
    train(project, strange=200)
    label_checks(project)
    early = site.browser.get(f"/x/{site.key}/forecast?goal=0.85&run=0")
    assert early.status_code == 400 and early.json()["what"].startswith("The check images were not asked")
    able = goal_of(post(site, "ask", goal=0.85), 0.85)["asked"]
    told = site.get("/forecast?goal=0.85&run=0")
    open_now = N - 1 - CHECKS
    assert (told["more"], told["open"]) == (100, open_now - 100)
    assert 0 <= told["low"] <= told["likely"] <= told["high"] <= open_now - 100 and told["high"] > 0
    assert site.get("/forecast?goal=0.85&run=0") == told and len(acceptances.looks(project)) == 1
    free = [int(i) for i in items.pool(project).ids if int(i) not in labels_now.states(project)]
    operations.apply(project, "test", [Op(900 + i, "label", i, 1 + i % 2) for i in free[:50]])
    later = site.get("/forecast?goal=0.85&run=0")
    assert later["open"] == open_now - 150 and later != told
    assert open_now - able > 100
    operations.apply(project, "test", [Op(900 + i, "label", i, 1 + i % 2) for i in free[-150:]])
    assert site.get("/forecast?goal=0.85&run=0")["more"] == 0


def test_the_rest_is_listed_class_by_class_surest_first(site: Site) -> None:
    label_checks(site.project)
    post(site, "ask", goal=0.95)
    post(site, "accept", goal=0.95)
    body = site.browser.get(f"/x/{site.key}/rest").content
    start = 4 + int.from_bytes(body[:4], "little")
    head = json.loads(body[4:start])
    named = sum(n for _, n in head["classes"])
    ids = np.frombuffer(body, "<i4", named + head["strange"], start)
    sure = np.frombuffer(body, "u1", named, start + 4 * len(ids))
    assert len(body) == start + 4 * len(ids) + named
    cats = head["classes"][0][1]
    assert (np.diff(sure[:cats].astype(int)) <= 0).all() and (np.diff(sure[cats:].astype(int)) <= 0).all()
    taken, said = set(acceptances.now(site.project)), set(labels_now.states(site.project))
    assert set(ids.tolist()) == set(items.pool(site.project).ids.tolist()) - taken - said
    assert len(ids) == site.get("/finish")["open"]


def test_what_is_missing_is_said(site: Site) -> None:
    assert site.get("/finish")["checks"] == 0 and site.get("/finish")["best"] == 0
    label_checks(site.project, 20)
    few = site.get("/finish")
    assert few["best"] < 0.9 and goal_of(post(site, "ask", goal=0.95), 0.95)["asked"] == 0
    assert refused(site, "accept", goal=0.95).startswith("No answer may be accepted")
    train(site.project, strange=None)
    assert site.get("/finish")["strange"] == -1
    assert refused(site, "ask", goal=0.9) == "The answers are of an earlier version"


def test_an_earlier_look_that_lets_more_through_is_offered(site: Site) -> None:
    """All looks hold at once: a later training that lets nothing through takes nothing away from an earlier one."""
    label_checks(site.project)
    first = run_queue.list_runs(site.project, "train")[0]
    able = goal_of(post(site, "ask", goal=0.9), 0.9)["asked"]
    assert able > 0
    second = train(site.project, wrong=100)
    found = goal_of(post(site, "ask", goal=0.9), 0.9)
    assert found["asked"] < able and found["before"] == {"run": first.id, "number": 1, "able": able}
    assert goal_of(site.get("/finish"), 0.85)["before"] is None  # not asked at this goal
    item = int(next(each for each in items.pool(site.project).ids if each not in labels_now.states(site.project)))
    operations.apply(site.project, "test", [Op(900, "label", item, 1)])
    assert goal_of(site.get("/finish"), 0.9)["before"]["able"] == able - 1
    after = post(site, "accept", goal=0.9, by=first.id)
    assert (after["run"], after["accepted"], after["step"]["run"], after["step"]["older"]) == (
        second.id,
        able - 1,
        1,
        True,
    )


def test_a_class_may_have_a_goal_of_its_own(site: Site) -> None:
    """Dogs at 90 %, all others at 80 %: one look, two promises. What cannot be promised spends nothing."""
    label_checks(site.project)
    before = site.get("/finish")
    dogs = next(each for each in before["classes"] if each["id"] == 2)
    assert dogs["checks"] > 40 and sum(each["open"] for each in before["classes"]) > 300 and before["splits"] == []
    refusal = refused(site, "ask", goal=0.8, own={"2": 0.995})
    assert refusal == "99.5% cannot be promised of “dog”" and site.get("/finish")["look"] == 1
    assert refused(site, "ask", goal=0.9, own={"2": 0.8}).startswith("The goal of a class cannot be lower")
    assert refused(site, "ask", goal=0.8, own={"9": 0.8}) == "The model does not know this class"
    asked = post(site, "ask", goal=0.8, own={"2": 0.9})
    (split,) = asked["splits"]
    (part,) = split["parts"]
    assert (split["goal"], part["class_id"], part["goal"], asked["look"]) == (0.8, 2, 0.9, 2)
    assert 0 < part["able"] < split["asked"] and goal_of(asked, 0.8)["asked"] is None
    assert post(site, "ask", goal=0.8, own={"2": 0.9})["look"] == 2
    assert refused(site, "accept", goal=0.8).startswith("The check images were not asked")
    done = post(site, "accept", goal=0.8, own={"2": 0.9})
    assert done["accepted"] == split["asked"] and done["step"]["own"] == {"2": 0.9}
    named = [each.class_id for each in acceptances.now(site.project).values()]
    assert named.count(2) == part["able"]


def test_what_more_check_images_would_buy_is_told(site: Site) -> None:
    label_checks(site.project, 60)
    found = site.get("/finish")
    above = [each for each in found["goals"] if each["goal"] > found["best"] + 1e-6]
    assert all(each["lacks"] is None or each["lacks"] > 0 for each in above) and above[0]["lacks"]
    assert all(each["lacks"] is None for each in found["goals"] if each["goal"] <= found["best"] + 1e-6)
    asked = goal_of(post(site, "ask", goal=0.9), 0.9)
    assert asked["asked"] > 0 and asked["then"] >= 0.9 and asked["needs"] is None


def test_a_forecast_counts_what_would_teach_now_whatever_was_taken_back(site: Site) -> None:
    project = site.project
    run = run_queue.list_runs(project, "train")[0]
    label_checks(project)
    ids = [int(each) for each in items.pool(project).ids]
    free = [each for each in ids if each not in {entry.item for entry in selections.queue(project)}][:3]
    operations.apply(project, "more", [Op(n, "label", item, 1) for n, item in enumerate(free, start=1)])
    assert forecast.labels_of(project, run, N) == LabelGrowth(1, 3, forecast.MORE)
    operations.apply(project, "more", [Op(4, "undo"), Op(5, "undo")])
    assert forecast.labels_of(project, run, N) == LabelGrowth(1, 1, forecast.MORE)
    operations.apply(project, "more", [Op(6, "undo"), Op(7, "clear", 1)])  # what the model learned is taken back, too
    growth = forecast.labels_of(project, run, N)
    assert (growth.since, growth.learned + growth.since) == (-1, 0) and growth.growth == forecast.MORE


def test_the_goal_of_a_class_goes_with_it_when_it_becomes_another_one(site: Site) -> None:
    """The model knows no class of the new name: what it says of the old one is of the new one, and so its goal."""
    project = site.project
    label_checks(project)
    run, own = run_queue.list_runs(project, "train")[0], 0.8
    told = {"threshold": 0.6, "accepted": 1, "checks": 90, "wrong": 0, "own": (OwnGoal(1, 0.9, own, 59, 0),)}
    acceptances.note_look(project, run.id, 0.8, 0.025, finishing.gather(project, run).basis, **told)  # type: ignore[arg-type]
    before = post(site, "accept", goal=0.8, own={1: 0.9})
    post(site, "undo", step=before["step"]["id"])
    feline = classes.add_class(project, "feline")
    classes.merge(project, 1, feline, "merge-1")
    (split,) = site.get("/finish")["splits"]
    assert [(part["class_id"], part["goal"]) for part in split["parts"]] == [(feline, 0.9)]
    assert refused(site, "accept", goal=0.8, own={1: 0.9}).startswith("The check images were not asked")
    after = post(site, "accept", goal=0.8, own={feline: 0.9})
    assert after["step"]["images"] == before["step"]["images"] == split["asked"]
    assert all(each.confidence >= own for each in acceptances.now(project).values() if each.class_id == feline)


def test_nothing_is_asked_while_a_scan_has_yet_to_find_whose_bytes_lie_where(site: Site) -> None:
    """Of some check images nobody knows what was answered then: the question would be another one when it has ended."""
    project = site.project
    label_checks(project)
    check = next(entry.item for entry in selections.queue(project) if entry.role == "audit")
    with db.writing(project.db, project.id) as con:
        con.execute("UPDATE item SET was = digest, digest = 'other' WHERE id = ?", (check,))
        db.bump(con)
    assert refused(site, "ask", goal=0.8).startswith("A scan has yet to find") and not acceptances.looks(project)
    with db.writing(project.db, project.id) as con:
        con.execute("UPDATE item SET digest = was, was = '' WHERE id = ?", (check,))
        db.bump(con)
    post(site, "ask", goal=0.8)
    assert len(acceptances.looks(project)) == 1
