"""What an earlier start of the same command has done already: looked up in the project, never remembered elsewhere."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from fact_core.config import SelectConfig, TrainConfig, from_dict
from fact_core.errors import ConfigError
from fact_core.labeling import labels_now, selections
from fact_core.storage import groups, run_queue, usable, view
from fact_core.storage.project import Project
from fact_core.work.export_note import written
from fact_core.work.versions import versions


def selection(found: Project, config: SelectConfig) -> selections.Stored | None:
    """The newest selection, where it was made in the same way, seen in the same way, from the same pool."""
    newest, latest = next(_chosen(found), None), selections.latest(found)
    if newest is None or not latest or latest.id != newest[1].id:
        return None
    run, _ = newest
    return latest if _made_by(run, config) and _as_now(found, config, latest, run.id) else None


def selection_like(found: Project, config: SelectConfig) -> selections.Stored | None:
    """The newest of all selections that was made in the same way, seen in the same way, from the same pool."""
    for run, kept in _chosen(found):
        if _made_by(run, config):
            return kept if _as_now(found, config, kept, run.id) else None
    return None


def _chosen(found: Project) -> Iterator[tuple[run_queue.Run, selections.Stored]]:
    """The runs that have chosen, the newest first; also one that was killed after it had."""
    for run in run_queue.list_runs(found, "select"):
        if kept := selections.of_run(found, run.id):
            yield run, kept


def _made_by(run: run_queue.Run, config: SelectConfig | TrainConfig) -> bool:
    """Whether the run had these options. Those that an earlier version did not know count at their usual values."""
    try:
        return from_dict(type(config), run.config) == config
    except ConfigError:  # it knew an option that there is no more
        return False


def _as_now(found: Project, config: SelectConfig, kept: selections.Stored, run_id: int) -> bool:
    """Whether a selection was seen, grouped and made from what there is now."""
    if kept.config.get("seen", "crop") != _asked(found, config):  # those of earlier versions do not say
        return False
    if kept.config.get("groups", groups.NONE) != groups.chosen(found):
        return False
    if "images" in kept.config:  # a scan that was killed has told nobody what it found
        return bool(kept.config["images"] == usable.fingerprint(found))
    since = [run.result for run in run_queue.list_runs(found, "scan") if run.id > run_id]
    return not any(each.get(key) for each in since for key in ("added", "changed", "removed"))


def training(found: Project, config: TrainConfig) -> run_queue.Run | None:
    """The last training of these options, where it began with these labels: to be resumed, or whole.

    A whole one only where no library has changed, and it has seen the images as they are seen now.
    """
    same = [run for run in run_queue.list_runs(found, "train") if _made_by(run, config)]
    if not same or not _has_labels(found, same[0]):
        return None
    last = same[0]
    if last.status in ("stopped", "failed"):
        return last
    whole = last.versions == versions() and Path(last.result["model"], "config.json").is_file()
    return last if whole and _seen(last.result) == _asked(found, config) else None


def export_into(found: Project, folder: Path) -> run_queue.Run | None:
    """The last export that has written that folder, where all of it is still there."""
    target = folder.absolute()
    into = (run for run in run_queue.list_runs(found, "export") if run.config["folder"] == str(target))
    return next((run for run in into if written(found, run.id, target)), None)


def exported(found: Project, config: TrainConfig, folder: Path, asked: str) -> bool:
    """Whether the folder holds a training with these options. asked: the view that the project is to get, if any."""
    done = export_into(found, folder)
    if done is None:
        return False
    trained = run_queue.get(found, done.config["run"])
    wanted = replace(config, selection=trained.config["selection"])
    name = asked if asked and config.view == view.PROJECT else config.view
    return _made_by(trained, wanted) and _seen(trained.result) == view.seen_by(found, config.backbone, name)


def _seen(about: Mapping[str, Any]) -> str:
    """The view of a training; those of earlier versions do not say: it was the crop."""
    return str(about.get("view", "crop"))


def _asked(found: Project, config: SelectConfig | TrainConfig) -> str:
    return view.seen_by(found, config.backbone, config.view)


def _has_labels(found: Project, run: run_queue.Run) -> bool:
    """Whether the labels that a run began with are those that it would begin with now: no other ones, and none more."""
    file = found.run_folder(run.id) / "labels.json"
    if not file.is_file():
        return True  # it had not begun
    kept = json.loads(file.read_text("utf-8"))
    now = labels_now.snapshot(found, "pick", int(run.config["selection"]) or None)
    then = {item: kept["classes"][y] for item, y in zip(kept["ids"], kept["y"], strict=True)}
    return then == {int(i): now.classes[int(y)] for i, y in zip(now.ids, now.y, strict=True)}
