"""The steps that every way without a page has: choose, label what was chosen, train. None is done twice."""

from __future__ import annotations

import dataclasses
import json
import uuid

from fact_core.config import SelectConfig, TrainConfig, to_dict
from fact_core.errors import InputError
from fact_core.headless import again
from fact_core.headless.console import Console
from fact_core.headless.worker_client import WorkerClient
from fact_core.labeling import classes, labels_now, operations, selections
from fact_core.labeling.history import Op
from fact_core.storage import run_queue
from fact_core.storage.project import Project


def choose(found: Project, worker: WorkerClient, config: SelectConfig) -> selections.Stored:
    """The selection of an earlier start, else a new one."""
    return again.selection(found, config) or choose_anew(found, worker, config)


def choose_anew(found: Project, worker: WorkerClient, config: SelectConfig) -> selections.Stored:
    """A new selection."""
    return selections.get(found, int(worker.do("select", dataclasses.asdict(config)).result["selection"]))


def buy(found: Project, chosen: selections.Stored, truth: dict[int, str], source: str, console: Console) -> int:
    """Label the chosen images with what folders or the CSV say. Returns how many have a label."""
    wanted = [int(each) for each in chosen.selection.ids]
    answers = {item: truth[item] for item in wanted if item in truth}
    if not answers:
        raise InputError("None of the chosen images has a label", f"{len(wanted)} chosen images", "Label more images.")
    if len(answers) < len(wanted):
        console.say(f"warning: {len(wanted) - len(answers)} of {len(wanted)} chosen images have no label in the CSV")
    ids = classes.ensure_classes(found, sorted(set(answers.values())))
    now = labels_now.states(found)
    fresh = [item for item, name in answers.items() if item not in now or now[item].class_id != ids[name]]
    ops = [
        Op(seq, "label", item, ids[answers[item]], source=source, annotator="launch.py run")
        for seq, item in enumerate(fresh, start=1)
    ]
    if ops:
        operations.apply(found, f"run-{uuid.uuid4().hex}", ops)
    return len(answers)


def train(found: Project, worker: WorkerClient, config: TrainConfig) -> run_queue.Run:
    """Train; a run with the same options and labels that did not come to its end goes on instead."""
    same = again.training(found, config)
    if same is None:
        return worker.do("train", json.loads(json.dumps(to_dict(config))))
    return worker.resume(same.id) if same.status in ("stopped", "failed") else same
