"""The steps that every way without a page has: choose, label what was chosen, train. None is done twice."""

from __future__ import annotations

import dataclasses
import json
import uuid
from collections.abc import Sequence

from fact_core.config import SelectConfig, TrainConfig, to_dict
from fact_core.errors import InputError
from fact_core.headless import again
from fact_core.headless.console import Console
from fact_core.headless.worker_client import WorkerClient
from fact_core.labeling import classes, labels_now, operations, selections
from fact_core.labeling.history import Op
from fact_core.storage import db, items, run_queue
from fact_core.storage.project import Project

COMMAND = "launch.py run"  # who has given its labels
SHOWN = 5  # images, by name


def choose(found: Project, worker: WorkerClient, config: SelectConfig) -> selections.Stored:
    """The selection of an earlier start, else a new one."""
    return again.selection(found, config) or choose_anew(found, worker, config)


def choose_anew(found: Project, worker: WorkerClient, config: SelectConfig) -> selections.Stored:
    """A new selection."""
    return selections.get(found, int(worker.do("select", dataclasses.asdict(config)).result["selection"]))


def buy(found: Project, chosen: selections.Stored, truth: dict[int, str], source: str, console: Console) -> int:
    """Label the chosen images with what folders or the CSV say. Returns for how many they say something.

    What this command gave before goes with what they say now, chosen still or not; what they say nothing of any more
    keeps it, which is told. What anybody else has said stays: a person has seen the image.
    """
    wanted = [int(each) for each in chosen.selection.ids]
    answers = {item: truth[item] for item in wanted if item in truth}
    if not answers:
        raise InputError("None of the chosen images has a label", f"{len(wanted)} chosen images", "Label more images.")
    if len(answers) < len(wanted):
        console.say(f"warning: {len(wanted) - len(answers)} of {len(wanted)} chosen images have no label in the CSV")
    with db.moment(found.db):
        now, givers = labels_now.states(found), labels_now.givers(found)
    said = {item for item, state in now.items() if state.kind != "none" or state.flagged}
    mine = {item for item in said if now[item].kind == "label" and givers[item].annotator == COMMAND}
    told = answers | {item: truth[item] for item in mine if item in truth}
    ids = classes.ensure_classes(found, sorted(set(told.values())))
    other = {item: name for item, name in told.items() if item not in said or now[item].class_id != ids[name]}
    kept = sorted(other.keys() & (said - mine))
    if kept:
        many = (
            f"{len(kept)} images keep what was said of them" if len(kept) > 1 else "1 image keeps what was said of it"
        )
        console.say(f"{many} on the page: {_named(found, kept)}")
    if silent := sorted(mine.intersection(items.pool_ids(found).tolist()) - truth.keys()):
        many = f"{len(silent)} images keep" if len(silent) > 1 else "1 image keeps"
        console.say(
            f"warning: {many} a label of an earlier start that is not among those of now: {_named(found, silent)}"
        )
    fresh = [(item, name) for item, name in other.items() if item not in said - mine]
    ops = [
        Op(seq, "label", item, ids[name], source=source, annotator=COMMAND)
        for seq, (item, name) in enumerate(fresh, start=1)
    ]
    if ops:
        operations.apply(found, f"run-{uuid.uuid4().hex}", ops)
    return len(answers)


def _named(found: Project, ids: Sequence[int]) -> str:
    shown = [path for _, path, _ in items.known(found, ids[:SHOWN])]
    return ", ".join(shown) + (", ..." if len(ids) > SHOWN else "")


def train(found: Project, worker: WorkerClient, config: TrainConfig) -> run_queue.Run:
    """Train; a run with the same options and labels that did not come to its end goes on instead."""
    same = again.training(found, config)
    if same is None:
        return worker.do("train", json.loads(json.dumps(to_dict(config))))
    return worker.resume(same.id) if same.status in ("stopped", "failed") else same
