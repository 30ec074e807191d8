"""The exported model answers as the page does: the names that classes have now, and the thresholds of the promise."""

from __future__ import annotations

import csv
import importlib.util
import io
import json
import shutil
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from fact_core.analysis.evaluate import report
from fact_core.backbones import load
from fact_core.classifier.model import Classifier, load_model, save_model
from fact_core.classifier.predict import predict
from fact_core.config import ExportConfig, PredictConfig
from fact_core.exchange import export_labels
from fact_core.generators import finish
from fact_core.labeling import acceptances, classes, finishing
from fact_core.labeling.acceptances import OwnGoal
from fact_core.storage import items, run_queue
from fact_core.storage import project as projects
from fact_core.storage.project import Project
from fact_core.types import Evidence
from fact_core.work import export
from fact_core.work import predict as predict_run
from fact_core.work.reports import plain
from fact_core.work.scan import scan

NAMES = ("cat", "dog", "elk", "fox")


@pytest.fixture
def trained(tmp_path: Path) -> tuple[Project, run_queue.Run]:
    """A project of some noise, with a model of four classes that answers more than one of them."""
    chance = np.random.default_rng(0)
    (tmp_path / "images").mkdir()
    for number in range(12):
        noise = Image.fromarray(chance.integers(0, 256, (2 + number, 3, 3), dtype=np.uint8))
        noise.resize((80, 90), Image.Resampling.NEAREST).save(tmp_path / "images" / f"{number:02d}.png")
    project = projects.create(tmp_path / "project", tmp_path / "images")
    finish(scan(project))
    ids = list(classes.ensure_classes(project, NAMES).values())
    backbone = load("tf_efficientnet_lite0", pixels=64, random=True)
    run = run_queue.queue(project, "train", {})
    model = Classifier(backbone, {"ff": nn.Linear(backbone.dim, len(NAMES))}, "ff", NAMES).eval()
    head = model.heads["ff"]
    nn.init.normal_(head.weight, std=0.5, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():  # what all images have in common tells none of them apart
        sources = items.pool(project).sources()
        logits = finish(predict(model, sources, device=torch.device("cpu"), batch=4)).answers["ff"]
        head.bias.sub_(torch.as_tensor(np.log(logits).mean(0)))
    save_model(project.run_folder(run) / "model", model, {})
    stored = plain(report(np.arange(4), np.arange(4), NAMES, "cross-validation"))
    result = {"labels": 4, "classes": NAMES, "class_ids": ids, "ids": [], "phases": [], "report": stored}
    run_queue.finish(project, run, "done", result=result)
    return project, run_queue.get(project, run)


def exported(project: Project, run: run_queue.Run, target: Path) -> ModuleType:
    """predict.py of the exported folder, imported."""
    finish(export.model_into(project, run, target))
    spec = importlib.util.spec_from_file_location("exported_names", target / "predict.py")
    assert spec is not None and spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def table(file: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(file.read_text("utf-8-sig"))))


def answered(project: Project, run: run_queue.Run) -> None:
    """Store the model's answers for the pool, as the run that predicts does."""
    pool = items.pool(project)
    classifier, _ = load_model(project.run_folder(run.id) / "model")
    p = finish(predict(classifier, pool.sources(), device=torch.device("cpu"), batch=4)).answers["ff"]
    file = project.predictions_file(run.id)
    np.savez(file, ids=pool.ids, y=p.argmax(1), confidence=p.max(1), probabilities=p)


def rename_some(project: Project) -> None:
    """Cats and dogs change their names, and foxes become elks."""
    for number, name in ((1, "?"), (2, "cat"), (1, "dog")):
        classes.rename_class(project, number, name)
    classes.merge(project, 4, 3, "merge-1")


@pytest.mark.slow
def test_the_exported_model_says_what_the_page_says_of_classes_that_were_renamed_and_merged(
    trained: tuple[Project, run_queue.Run], tmp_path: Path
) -> None:
    project, run = trained
    rename_some(project)
    answered(project, run)
    export_labels.write_predictions(project, run.id, tmp_path / "page.csv", each_class=True)
    command = exported(project, run, tmp_path / "out")
    assert command.main([str(project.images), "--probabilities", "--out", str(tmp_path / "out.csv")]) == 0
    page, own = table(tmp_path / "page.csv"), table(tmp_path / "out.csv")
    assert {row["label"] for row in page} <= {"dog", "cat", "elk"} and len({row["label"] for row in page}) > 1
    for ours, theirs in zip(page, own, strict=True):
        assert theirs["file_path"].endswith(ours["file_path"]) and theirs["label"] == ours["label"]
        for name in ("confidence", "p_dog", "p_cat", "p_elk"):
            assert float(theirs[name]) == pytest.approx(float(ours[name]), abs=2e-4)
    assert list(own[0]) == ["file_path", "label", "confidence", "p_dog", "p_cat", "p_elk"]
    assert (tmp_path / "out" / "labels.txt").read_text().split() == ["dog", "cat", "elk"]  # an output each
    told = (tmp_path / "out" / "README.md").read_text("utf-8")
    assert "with 3 classes" in told and "(batch, 3)" in told and "p_CLASS" in told


def test_a_stored_report_has_the_names_of_now(trained: tuple[Project, run_queue.Run], tmp_path: Path) -> None:
    project, run = trained
    rename_some(project)
    exported(project, run, tmp_path / "out")
    told = (tmp_path / "out" / "README.md").read_text("utf-8")
    assert "| 0 | dog | 1 |" in told and "| 1 | cat | 1 |" in told
    assert "| – | elk (before the merge) | 1 |".replace("(", "&#40;").replace(")", "&#41;") in told


def test_other_images_are_scored_by_the_names_of_now(trained: tuple[Project, run_queue.Run], tmp_path: Path) -> None:
    project, run = trained
    answered(project, run)
    with np.load(project.predictions_file(run.id)) as stored:
        said = [NAMES[each] for each in stored["y"]]
    now = {"cat": "dog", "dog": "cat", "elk": "elk", "fox": "elk"}
    rename_some(project)
    for item, name in zip(items.get_many(project, items.pool(project).ids.tolist()), said, strict=True):
        (tmp_path / "test" / now[name]).mkdir(parents=True, exist_ok=True)
        (tmp_path / "test" / now[name] / item.path).write_bytes((project.images / item.path).read_bytes())
    config = PredictConfig(run=run.id, images=str(tmp_path / "test"), device="cpu")
    tested = run_queue.get(project, run_queue.queue(project, "predict", {"run": run.id}))
    assert finish(predict_run.run(project, tested, config))["accuracy"] == 1.0


@pytest.mark.slow
def test_auto_sorts_by_the_thresholds_that_were_accepted(
    trained: tuple[Project, run_queue.Run], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each class by its own goal where it has one; what could not be promised of a class is not sorted by it."""
    project, run = trained
    answered(project, run)
    with np.load(project.predictions_file(run.id)) as stored:
        ids, y, sure = stored["ids"], stored["y"], stored["confidence"].astype(np.float32)
    first, other = int(y[0]), next(int(each) for each in y if each != y[0])
    own = (OwnGoal(first + 1, 0.99, float(sure[y == first].max()), 9, 0), OwnGoal(other + 1, 0.99, None, 9, 1))
    checks = (np.zeros(0, np.float32), np.zeros(0, bool))
    evidence = Evidence(ids, y, sure, NAMES, (1, 2, 3, 4), *checks)
    look = acceptances.note_look(project, run.id, 0.9, 0.01, "", threshold=0.0, accepted=1, checks=9, wrong=0, own=own)
    acceptances.accept(project, look, evidence)
    paths = {item.id: item.path for item in items.get_many(project, ids.tolist())}
    taken = {paths[item]: each.name for item, each in acceptances.now(project).items()}
    assert 0 < len(taken) < len(ids)
    command = exported(project, run, tmp_path / "out")
    given = [str(project.images), "--out", str(tmp_path / "out.csv"), "--sort-into", str(tmp_path / "sorted")]
    assert command.main(given) == 0
    assert "no promise" not in capsys.readouterr().err
    found = {each.name: each.parent.name for each in (tmp_path / "sorted").rglob("*.png")}
    assert found == {path: taken.get(path, "unsure") for path in paths.values()}


def test_an_export_that_was_killed_at_its_last_step_is_whole_and_leaves_nothing_beside_it(
    trained: tuple[Project, run_queue.Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project, run = trained
    config = ExportConfig(run=run.id, folder=str(tmp_path / "out"), items=("labels",))
    queued = run_queue.get(project, run_queue.queue(project, "export", {}))
    with monkeypatch.context() as patch:  # the kill comes before it
        patch.setattr(shutil, "rmtree", lambda *_, **__: None)
        first = finish(export.run(project, queued, config))
    assert len(list(tmp_path.glob(".out.*.part"))) == 1
    second = finish(export.run(project, queued, config))
    assert second["files"] == first["files"] == [each.name for each in (tmp_path / "out").iterdir()]
    assert not list(tmp_path.glob(".*"))


def test_a_promise_of_before_a_merge_does_not_go_out_with_the_model_that_answers_otherwise(
    trained: tuple[Project, run_queue.Run], tmp_path: Path
) -> None:
    project, run = trained
    answered(project, run)
    with np.load(project.predictions_file(run.id)) as stored:
        ids, y, sure = stored["ids"], stored["y"], stored["confidence"].astype(np.float32)
    evidence = Evidence(ids, y, sure, NAMES, (1, 2, 3, 4), np.zeros(0, np.float32), np.zeros(0, bool))
    own = (OwnGoal(3, 0.99, 0.7, 9, 0),)

    def promised(merges: str, name: str) -> object:
        told = {"threshold": 0.5, "accepted": 1, "checks": 9, "wrong": 0, "own": own}
        look = acceptances.note_look(project, run.id, 0.9, 0.01 / len(name), merges, **told)  # type: ignore[arg-type]
        acceptances.accept(project, look, evidence)
        exported(project, run, tmp_path / name)
        return json.loads((tmp_path / name / "config.json").read_text("utf-8"))["promise"]

    before = promised("1234", "a")
    assert before == {"goal": 0.9, "threshold": 0.5, "own": [{"goal": 0.99, "threshold": 0.7, "outputs": [2]}]}
    classes.merge(project, 1, 3, "merge-1")
    assert promised("1234", "bb") is None
    after = promised("1234" + finishing.merges(project, run), "ccc")
    assert after == {"goal": 0.9, "threshold": 0.5, "own": [{"goal": 0.99, "threshold": 0.7, "outputs": [0]}]}
