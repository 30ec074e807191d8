"""A photo that is no part of the project, answered by a trained model in a process of its own."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from fact_core.backbones import load
from fact_core.classifier.model import Classifier, save_model
from fact_core.errors import FactError, ImageError, InputError, RunError
from fact_core.features.extract import tokens
from fact_core.generators import finish
from fact_core.labeling import classes, operations
from fact_core.labeling.history import Op
from fact_core.storage import items, run_queue
from fact_core.storage import project as projects
from fact_core.storage.project import Project
from fact_core.work.pool_features import load_here, open_store
from fact_core.work.scan import scan
from fact_core.work.trial import Trial, serve

NAME = "tf_efficientnet_lite0"
COLOURS = {"red": (200, 30, 30), "green": (30, 190, 40)}


def picture(name: str, seed: int) -> Image.Image:
    noise = np.random.default_rng(seed).integers(-25, 25, (48, 48, 3)) + np.array(COLOURS[name])
    return Image.fromarray(np.clip(noise, 0, 255).astype(np.uint8))


def as_file(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, int]:
    """(a project with features, 11 labels a class and a model that tells the classes apart, the run of that model)."""
    folder = tmp_path_factory.mktemp("trial")
    for place, name in enumerate(COLOURS):
        (folder / "images" / name).mkdir(parents=True)
        for number in range(11):
            picture(name, 100 * place + number).save(folder / "images" / name / f"{number}.png")
    project = projects.create(folder / "project", folder / "images")
    finish(scan(project))
    backbone, pool = load_here(project, NAME, torch.device("cpu")), items.pool(project)
    x = tokens(backbone, pool.sources(), torch.device("cpu"))[0].numpy()
    open_store(project, backbone).append(pool.digests, x)
    numbers = [classes.add_class(project, name) for name in ("green", "red")]
    y = np.array([path.startswith("red/") for path in pool.paths], dtype=int)
    ops = [Op(n, "label", int(i), numbers[k]) for n, (i, k) in enumerate(zip(pool.ids, y, strict=True), 1)]
    operations.apply(project, "test", ops)
    head = nn.Linear(backbone.dim, 2)
    apart = x[y == 1].mean(0) - x[y == 0].mean(0)
    middle = (x[y == 1].mean(0) + x[y == 0].mean(0)) / 2
    way = torch.from_numpy(np.stack([-apart, apart]))
    with torch.no_grad():
        head.weight.copy_(way)
        head.bias.copy_(-way @ torch.from_numpy(middle))
    run = run_queue.queue(project, "train", {"backbone": NAME})
    run_queue.claim(project, "test")
    save_model(project.run_folder(run) / "model", Classifier(load(NAME), {"lp": head}, "lp", ("green", "red")), {})
    result = {"classes": ["green", "red"], "class_ids": numbers, "labels": len(y), "ids": pool.ids.tolist()}
    run_queue.finish(project, run, "done", result=result)
    return project, run


@pytest.mark.slow
def test_a_photo_is_answered_with_what_is_like_it(made: tuple[Project, int]) -> None:
    project, run = made
    trial = Trial(project)
    found = trial.answer(run, as_file(picture("red", 999)))
    assert (found.top[0][0], found.w, found.h, found.loaded, found.unlike) == ("red", 48, 48, True, False)
    assert sum(share for _, share in found.top) == pytest.approx(1, abs=1e-3)
    assert len(found.near) == 6 and {each["name"] for each in found.near} == {"red"}
    assert [each["alike"] for each in found.near] == sorted((each["alike"] for each in found.near), reverse=True)
    again = trial.answer(run, as_file(picture("green", 998)))
    assert (again.top[0][0], again.loaded) == ("green", False)


def test_what_looks_like_no_class_says_so(made: tuple[Project, int]) -> None:
    project, run = made
    stripes = np.zeros((64, 64, 3), dtype=np.uint8)
    stripes[:, ::8] = stripes[:, 1::8] = (40, 90, 255)
    assert Trial(project).answer(run, as_file(Image.fromarray(stripes))).unlike is True


@pytest.mark.parametrize("content", [b"no image", b"\x89PNG\r\n\x1a\n", b"<svg xmlns='http://www.w3.org/2000/svg'/>"])
def test_what_is_no_photo_is_told_in_words(made: tuple[Project, int], content: bytes) -> None:
    with pytest.raises(ImageError):
        Trial(made[0]).answer(made[1], content)


def test_a_run_without_a_model_is_refused(made: tuple[Project, int]) -> None:
    project, _ = made
    failed = run_queue.queue(project, "train", {})
    with pytest.raises(FactError, match="not done yet"):
        Trial(project).answer(failed, as_file(picture("red", 1)))
    run_queue.claim(project, "test")
    run_queue.finish(project, failed, "failed", reason="no memory")
    with pytest.raises(RunError, match="no finished model"):
        Trial(project).answer(failed, as_file(picture("red", 1)))


def test_photo_after_photo_goes_through_the_pipe_and_nothing_is_kept(made: tuple[Project, int]) -> None:
    project, run = made
    files = sorted(each for each in project.folder.rglob("*") if each.is_file())
    photos = [as_file(picture("red", 5)), b"broken", as_file(picture("green", 6))]
    asked = b"".join(json.dumps({"run": run, "bytes": len(each)}).encode() + b"\n" + each for each in photos)
    out = io.BytesIO()
    serve(Trial(project), io.BytesIO(asked), out)
    told = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [each["top"][0][0] if "top" in each else each["error"]["what"] for each in told] == [
        "red", "It is not an image of a known format", "green"
    ]  # fmt: skip
    assert sorted(each for each in project.folder.rglob("*") if each.is_file()) == files


def test_a_file_is_answered_with_a_small_picture_of_it(made: tuple[Project, int], tmp_path: Path) -> None:
    project, run = made
    picture("red", 7).resize((1200, 600)).save(tmp_path / "large.png")
    (tmp_path / "notes.png").write_bytes(b"no image")
    files = [tmp_path / name for name in ("large.png", "notes.png", "gone.png")]
    asked = b"".join(json.dumps({"run": run, "file": str(each)}).encode() + b"\n" for each in files)
    out = io.BytesIO()
    serve(Trial(project), io.BytesIO(asked), out)
    found, broken, gone = (json.loads(line) for line in out.getvalue().splitlines())
    assert found["top"][0][0] == "red" and found["w"] == 1200
    with Image.open(io.BytesIO(base64.b64decode(found["thumb"]))) as small:
        assert (small.format, small.size) == ("JPEG", (512, 256))
    assert broken["error"]["what"] == "It is not an image of a known format"
    assert gone["error"]["what"] == "This file cannot be read" and "gone.png" in gone["error"]["found"]


def test_where_the_model_looked_is_the_part_that_decides(made: tuple[Project, int], tmp_path: Path) -> None:
    """A picture that is red on the left and green on the right; what is cut off at the sides is told."""
    project, run = made
    pixels = np.concatenate([np.asarray(picture("red", 40)), np.asarray(picture("green", 9))], 1)
    Image.fromarray(pixels).save(project.images / "half.png")
    finish(scan(project))
    pool = items.pool(project)
    item = int(pool.ids[pool.paths.index("half.png")])
    found = Trial(project).where(run, item)
    cells = np.array(found.cells)
    assert (found.method, cells.max()) == ("cam", 255)
    half = cells.shape[1] // 2
    sides = {"red": cells[:, :half].sum(), "green": cells[:, -half:].sum()}
    assert max(sides, key=sides.__getitem__) == found.name
    left, top, right, bottom = found.box
    assert 0.2 < left < 0.35 and left + right == pytest.approx(1, abs=1e-3) and 0 <= top < bottom <= 1
    with pytest.raises(InputError, match="no such image"):
        Trial(project).where(run, 9999)
