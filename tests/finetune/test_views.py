"""Training under another view than the crop: what is measured, named and gated sees what the view says.

The class of these pictures stands at their ends alone, which the crop of the middle never sees.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from fact_core.backbones import Backbone
from fact_core.classifier.predict import predict
from fact_core.compute.image_batches import load_eval, normalise
from fact_core.events import Log, PhaseDone, Point, Progress
from fact_core.features.extract import tokens
from fact_core.finetune import weight_mix
from fact_core.finetune.live_check import live_check
from fact_core.finetune.naming import NAMED
from fact_core.finetune.training_run import CheckSet
from fact_core.generators import finish
from tests.finetune_help import COLOURS, CPU, Coloured, backbone, drain, steps, tiny

LENGTHS = (120, 140, 100)  # of the long side; the short one is 48


def seeing(view: str) -> Backbone:
    return backbone(view=view)


def edged(folder: Path, y: list[int], view: str, seed: int = 0) -> Coloured:
    """Noise in the middle, the colour of the class at both ends of the long side; every other one is upright."""
    rng, files = np.random.default_rng(seed), []
    folder.mkdir(parents=True)
    for i, each in enumerate(y):
        long = LENGTHS[i % len(LENGTHS)]
        image = Image.fromarray(rng.integers(0, 256, (48, long, 3), dtype=np.uint8))
        end = (long - 48) // 2 - 4
        image.paste(COLOURS[each], (0, 0, end, 48))
        image.paste(COLOURS[each], (long - end, 0, long, 48))
        files.append(folder / f"{i:02}.png")
        (image.transpose(Image.Transpose.ROTATE_90) if i % 2 else image).save(files[-1])
    return Coloured(tuple(files), np.array(y), tokens(seeing(view), files, CPU)[0].numpy())


def run(tmp_path: Path, view: str, recipe: str, **values: object):
    more = {name: values.pop(name) for name in ("reuse", "unlabelled", "folder") if name in values}
    data = edged(tmp_path / f"{view}-own", [0, 1, 2] * 10, view)
    held = edged(tmp_path / f"{view}-held", [0, 1, 2] * 5, view, seed=1)
    check = CheckSet(held.files, held.y, held.x)
    training = steps(data, tiny(recipe, **values), backbone=seeing(view), check=check, **more)
    events, trained = drain(training)
    return events, trained, held


def test_the_live_check_sees_the_view_and_tells_of_all(tmp_path: Path) -> None:
    held = edged(tmp_path / "held", [0, 1, 2, 0, 1, 2, 2], "whole")
    pre = seeing("whole").preprocess
    found = finish(live_check(CheckSet(held.files, held.y, held.x), pre, 32, "last"))
    assert found is not None and len(found) == 7 and len(found.shapes) == 4
    smaller = sorted((p.numpy().tobytes(), int(c)) for ps, y in found.shapes for p, c in zip(ps, y, strict=True))
    wanted = [load_eval(file, pre.at(32)) for file in held.files]
    assert smaller == sorted((p.tobytes(), int(c)) for p, c in zip(wanted, held.y, strict=True))


@pytest.mark.parametrize("view", ["crop", "squash", "whole"])
def test_only_who_sees_the_ends_knows_the_class(tmp_path: Path, view: str) -> None:
    """By phase 1, by the live check of phase 2, by phases 2 and 3 at their end, and by predictions alike."""
    lasting = {"ff.backbone_lr": 0.0, "ff.head_lr": 1e-7, "ff.steps": 3, "ff.gate": "half"}
    events, trained, held = run(tmp_path, view, "fact", **lasting)
    said = [each.check_accuracy for each in events if isinstance(each, PhaseDone)]
    said += [each.check_accuracy for each in events if isinstance(each, Point) and each.phase == "ff"][-1:]
    named = finish(predict(trained.classifier, held.files, device=CPU, batch=4))
    said += [float((each.argmax(1) == held.y).mean()) for each in named.answers.values()]
    assert len(said) == 6 and all(each is not None for each in said)
    assert min(said) > 0.8 if view != "crop" else max(said) < 0.7, said
    assert trained.classifier.backbone.preprocess.view == view


def test_answers_do_not_depend_on_the_shapes_beside(tmp_path: Path) -> None:
    _, trained, held = run(tmp_path, "whole", "lp-ft")
    named = finish(predict(trained.classifier, held.files, device=CPU, batch=4)).answers["ff"]
    pre = trained.classifier.backbone.preprocess
    for row, file in enumerate(held.files):
        with torch.no_grad():
            alone = trained.classifier(normalise(load_eval(file, pre)[None], pre, CPU))
        assert np.allclose(named[row], alone[0].numpy(), atol=1e-4)


@pytest.mark.slow
def test_self_training_and_the_gate_count_every_image_once(tmp_path: Path) -> None:
    pool = edged(tmp_path / "pool", [0, 1, 2] * 13, "whole", seed=2)
    values = {
        "st.steps": 3,
        "st.rounds": 1,
        "st.names": "network",
        "ff.gate": "choose",
        "ff.backbone_lr": 1e-6,
        "ff.head_lr": 1e-7,
    }
    several = replace(pool, files=(*pool.files, tmp_path / "gone.png"))
    events, trained, _ = run(tmp_path, "whole", "fact+", unlabelled=several.files, **values)
    progress = [each for each in events if isinstance(each, Progress)]
    done = [each.done for each in progress if each.step == NAMED]
    assert done == sorted(set(done)) and done[-1] == 40
    gate = [each for each in progress if each.step == weight_mix.PART and each.unit not in ("folds", "steps")]
    for total in {each.total for each in gate}:
        asked = [each.done for each in gate if each.total == total]
        assert len(asked) > 3 and max(asked) == total and asked.count(total) * len(weight_mix.SHARES) >= 3
    assert [each.phase for each in trained.phases] == ["lp", "ff", "st", "lm"]
    assert any("cannot be read" in each.text for each in events if isinstance(each, Log))


def test_a_network_tuned_under_one_view_is_not_taken_over_under_another(tmp_path: Path) -> None:
    reuse = tmp_path / "kept"
    for view in ("crop", "whole", "squash"):
        events, _, _ = run(tmp_path, view, "lp-ft", reuse=reuse)
        assert not any("taken over" in each.text for each in events if isinstance(each, Log))
    assert len(list(reuse.glob("*.safetensors"))) == 3


def test_a_training_stopped_under_one_view_begins_anew_under_another(tmp_path: Path) -> None:
    data = edged(tmp_path / "own", [0, 1, 2] * 4, "crop")
    for view, goes_on in (("crop", False), ("crop", True), ("whole", False)):
        training = steps(data, tiny("lp-ft"), tmp_path / "checkpoint", backbone=seeing(view))
        told = []
        for event in training:
            told.append(event)
            if isinstance(event, Point) and (event.phase, event.step) == ("ff", 2):
                training.close()
                break
        assert any("Going on after" in each.text for each in told if isinstance(each, Log)) is goes_on
