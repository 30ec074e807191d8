"""The whole way without a page: scan, features, selection, labels, training, predictions, export.

A front process like the page's server: it queues the same runs for a worker child, in the
same project. Labels come from folder names or a file of labels, only for the images that the budget buys.

The same command given again goes on where the last one ended. No step remembers that for the others; each looks
into the project for what it may keep:

    scan, features   the runs themselves pass over the images that they know
    odd images       ``odd_images.look``: what was measured of them, where it is of the whole pool
    selection        ``again.selection``: the newest one, where it was made in the same way from the same pool
    labels           ``_buy``: only images that have no label, or another one
    training         ``again.training``: a run of the same options and labels is resumed; a finished one is taken as
                     it is, unless a library has changed
    predictions      made anew
    export           ``_export``: one of that training into that folder is kept
"""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import fact_core
from fact_core.choices import AUTO, PRESETS
from fact_core.config import ImportConfig, SelectConfig, TrainConfig, parse_budget
from fact_core.errors import ConfigError, InputError
from fact_core.exchange import export_labels, folders, label_files
from fact_core.headless import again, first, grouping, odd_images, rounds, steps, test_part
from fact_core.headless.console import Console
from fact_core.headless.pool_rest import check_images, pool_rest
from fact_core.headless.worker_client import WorkerClient
from fact_core.labeling import labels_now, other_class, selections
from fact_core.storage import items, links, project, run_queue, sound, usable, view
from fact_core.storage.project import Project
from fact_core.types import Pool


@dataclass(frozen=True)
class Order:
    """What ``launch.py run`` was asked for. ``labels_from``: "folders", or a file's path; ``labels``: how to read."""

    images: Path
    labels_from: str
    select: SelectConfig
    train: TrainConfig
    project: Path | None = None
    test_images: Path | None = None
    export: Path | None = None
    labels: ImportConfig = field(default_factory=ImportConfig)
    follow_links: tuple[Path, ...] = ()  # folders outside of the image folder; none: those of the project
    view: str = ""  # what the network sees of each picture; "": what the project says
    goal: rounds.Goal | None = None  # rounds until all is accepted for it; None: one shot
    finished: Path | None = None  # the list of the finished folder; None: in the project's folder
    keep_test: bool = False  # what is called val or test becomes check images
    odd_images: bool = False  # look for them: each picture is read once more
    other_class: str = ""  # the name of the class that holds what fits no other one; "": what the project says
    groups: str = ""  # which images belong together, a way of choices.GROUPINGS; "": what the project says


@dataclass(frozen=True)
class Done:
    """What the steps have given. truth: image id -> class name; features: the result of that run; goal: of rounds."""

    pool: Pool
    budget: int
    truth: dict[int, str]
    features: dict[str, Any]
    chosen: selections.Stored
    trained: run_queue.Run
    goal: dict[str, Any] | None
    odd: dict[str, list[str]]  # kind -> files; none where nobody asked
    tested: float | None  # accuracy on the test images, 0..1


def run_all(order: Order, console: Console) -> dict[str, Any]:
    """The whole way. Returns what ``--json`` writes. FactError in words when something cannot be done."""
    started = time.monotonic()
    _check_first(order)
    found = project.open_or_create(_folder(order), order.images)
    with sound.hold(found), WorkerClient(found, console) as worker:
        project.remember(found)
        console.say(f"project {found.folder}")
        worker.end_leftovers()
        if order.follow_links:
            links.allow(found, order.follow_links)
        if order.view:
            view.choose(found, order.view)
        done = _steps(order, found, worker, console)
    return _summary(order, found, done, started)


def _steps(order: Order, found: Project, worker: WorkerClient, console: Console) -> Done:
    """One step after the other, each on what the former ones have put into the project."""
    device = order.train.device
    worker.do("scan", {})
    pool = items.pool(found)
    if not len(pool):
        path, reason = (items.problems(found) or [("", "The folder holds none")])[0]
        told = f"{path}: {reason}" if path else reason
        raise InputError("No image of this folder can be read", told, "Choose another folder.")
    budget = parse_budget(order.select.budget, len(pool))
    truth = _truth(found, pool, order, console)
    if order.other_class:
        _hold_others(found, order.other_class, truth)
    grouping.group(found, order.groups, pool, truth, order.labels_from, order.labels)
    asked = {"backbone": order.train.backbone, "device": device, "view": order.train.view}
    features = worker.do("features", asked).result
    odd = odd_images.look(found, worker, order.train) if order.odd_images else {}
    select = dataclasses.replace(order.select, budget=str(budget))
    source = "folders" if order.labels_from == "folders" else "csv"
    goal: dict[str, Any] | None = None
    if order.goal:
        ended = rounds.run(found, worker, console, order.goal, select, order.train, truth, source)
        chosen, trained, goal = ended.chosen, ended.trained, _finished(order, found, order.goal, ended)
    else:
        chosen = _choose(found, worker, order, select, pool)
        count = steps.buy(found, chosen, truth, source, console)
        if order.test_images:  # before hours of work: a class that is not trained is never answered
            folders.read_class_folders(order.test_images, known=_bought(found, chosen))
        console.say(f"{count} labels from {order.labels_from}")
        trained = steps.train(found, worker, dataclasses.replace(order.train, selection=chosen.id))
        worker.do("predict", {"run": trained.id, "device": device})
    tested = _test(worker, trained.id, order.test_images, device)
    if order.export:
        _export(found, worker, trained.id, order.export)
    return Done(pool, budget, truth, features, chosen, trained, goal, odd, tested)


def _choose(found: Project, worker: WorkerClient, order: Order, select: SelectConfig, pool: Pool) -> selections.Stored:
    """The selection, with what is called val or test as its check images where the person wants that."""
    if not order.keep_test:
        return steps.choose(found, worker, select)
    held = label_files.test_part(order.labels_from, pool, usable.aliases(found), order.labels)
    return test_part.choose(found, worker, select, held)


def _finished(order: Order, found: Project, goal: rounds.Goal, ended: rounds.Ended) -> dict[str, Any]:
    """Write the finished folder's list. What ``--json`` says of the goal."""
    file = (order.finished or found.folder / "finished.csv").absolute()
    export_labels.write_finished(found, file)
    return {
        "goal": goal.share,
        "own": dict(goal.own),
        "rounds": ended.told,
        "accepted_round": ended.taken,
        "images": rounds.counts(found),
        "finished": str(file),
    }


def _check_first(order: Order) -> None:
    """Complain before hours of work, not after them."""
    if order.goal:
        rounds.check_first(order.goal, order.select)
        if order.keep_test:
            raise ConfigError(
                "--goal and --keep-test do not go together",
                "what is promised rests on check images that are drawn at random from the pool",
                "Leave one of them out.",
            )
    fixed = order.train.view
    if fixed != view.PROJECT and order.view not in ("", AUTO, fixed):
        effort = PRESETS[order.train.preset].title
        raise ConfigError(
            f"The effort {effort} has the view {fixed}", f"You gave {order.view}.", "Choose another effort."
        )
    first.together(
        *first.places(order.images, order.labels_from, order.test_images, order.follow_links, order.select.budget)
    )
    out = order.export
    if out and out.exists() and (not out.is_dir() or any(out.iterdir())) and not _exported_before(order, out):
        raise InputError("The folder for the export is not empty", str(out), "Choose a new folder.")


def _folder(order: Order) -> Path:
    """The project folder: the given one, else that of the newest project of these images, else a new one."""
    if order.project:
        return order.project
    root = project.image_folder(order.images)
    known = next((Path(each.folder) for each in project.recent() if Path(each.images) == root), None)
    return known or project.default_folder(root.name)


def _truth(found: Project, pool: Pool, order: Order, console: Console) -> dict[int, str]:
    """Image id -> class name of all that is known. Only bought images are labeled; the rest scores the result."""
    aliases = usable.aliases(found)
    if order.labels_from == "folders":
        return label_files.folder_truth(pool, aliases, order.labels, console.say)
    return label_files.read_labels(Path(order.labels_from), pool, aliases, order.labels, console.say)


def _hold_others(found: Project, name: str, truth: dict[int, str]) -> None:
    """Make the class that holds what fits no other one. ConfigError when no label says so."""
    if name not in truth.values():
        known = ", ".join(sorted(set(truth.values()))[:10])
        raise ConfigError("--other-class is no class of the labels", name, f"Classes are: {known}.")
    other_class.add(found, name)


def _bought(found: Project, chosen: selections.Stored) -> set[str]:
    """The classes that training will know."""
    labels = labels_now.snapshot(found, selection=chosen.id)
    return {labels.classes[int(y)] for y in labels.y}


def _export(found: Project, worker: WorkerClient, trained: int, folder: Path) -> None:
    """Write the classifier, unless this command has done so before."""
    before = again.export_into(found, folder)
    if before is None or before.config["run"] != trained:
        worker.do("export", {"run": trained, "folder": str(folder.absolute()), "items": ["model"]})


def _exported_before(order: Order, folder: Path) -> bool:
    """Whether the folder holds what the same command has exported: a training with these options."""
    at = _folder(order)
    if not (at / project.DATABASE).is_file():
        return False
    return again.exported(project.open_project(at), order.train, folder, order.view)


def _test(worker: WorkerClient, run_id: int, folder: Path | None, device: str) -> float | None:
    """Accuracy on a folder of other images, 0..1."""
    if folder is None:
        return None
    config = {"run": run_id, "images": str(folder.absolute()), "device": device}
    return float(worker.do("predict", config).result["accuracy"])


def _summary(order: Order, found: Project, done: Done, started: float) -> dict[str, Any]:
    """What ``--json`` writes."""
    trained, seen = done.trained, done.features
    rest = pool_rest(found, found.predictions_file(trained.id), trained, done.truth)
    return {
        "budget": done.budget,
        "classes": trained.result["classes"],
        "labels": trained.result["labels"],
        "selection": _selection(done.chosen, done.pool),
        "features": {key: seen[key] for key in ("seconds", "images_per_s", "images", "n_new") if key in seen},
        "phases": [_phase(each) for each in trained.result["phases"]],
        "accuracy": {**rest, **check_images(found, trained), "test": done.tested},
        "self_training_images": trained.self_taught,
        "seconds_total": time.monotonic() - started,
        "device": trained.result["device"],
        "seed": order.train.seed,
        "versions": {"fact_studio": fact_core.__version__, **trained.versions},
        "recipe": order.train.recipe,
        "preset": order.train.preset,
        "backbone": order.train.backbone,
        "view": trained.result["view"],
        "goal": done.goal,
        "odd": done.odd,
        "project": str(found.folder),
        "run": trained.id,
        "decisions": trained.result["decisions"],
        "export": str(order.export.absolute()) if order.export else None,
    }


def _selection(chosen: selections.Stored, pool: Pool) -> dict[str, Any]:
    ids = [int(each) for each, role in zip(chosen.selection.ids, chosen.selection.roles, strict=True) if role == "pick"]
    files = dict(zip((int(each) for each in pool.ids), pool.paths, strict=True))
    named = [files[each] for each in ids if each in files]
    return {"strategy": chosen.selection.strategy, "seconds": chosen.seconds, "ids": ids, "files": named}


def _phase(done: dict[str, Any]) -> dict[str, Any]:
    keys = ("seconds", "epochs", "steps", "train_loss", "train_accuracy", "peak_memory_mb")
    return {"name": done["phase"], **{key: done.get(key) for key in keys}}
