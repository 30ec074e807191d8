"""The classifier and the folder it is stored in; its answers for many images."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from fact_core.backbones import Backbone, Tokens
from fact_core.classifier.model import Classifier, load_model, save_model
from fact_core.classifier.predict import predict
from fact_core.errors import DeviceError, WeightsError
from fact_core.events import Log, Progress
from fact_core.finetune.pipeline import Trained
from tests.finetune_help import CPU, NAMES, PIXELS, Coloured, all_heads, coloured, drain, same, steps, tiny
from tests.steps_help import heard


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Coloured:
    return coloured(tmp_path_factory.mktemp("images"), [0, 1, 2] * 3)


@pytest.fixture(scope="module")
def fact(data: Coloured) -> Trained:
    trained: Trained = drain(steps(data, tiny("fact")))[1]
    return trained


@pytest.fixture(scope="module")
def lp(data: Coloured) -> Trained:
    trained: Trained = drain(steps(data, tiny("lp")))[1]
    return trained


def images(n: int = 4) -> torch.Tensor:
    return torch.randn(n, 3, PIXELS, PIXELS, generator=torch.Generator().manual_seed(0))


def test_answers_are_probabilities_of_the_final_head(fact: Trained) -> None:
    with torch.inference_mode():
        answers, each_head = fact.classifier(images()), all_heads(fact.classifier, images())
    assert answers.shape == (4, 3) and torch.allclose(answers.sum(1), torch.ones(4), atol=1e-5)
    assert set(each_head) == {"ff", "lm"}
    assert torch.allclose(each_head["lm"].exp(), answers, atol=1e-6)


def test_a_stored_model_comes_back_to_the_bit(fact: Trained, tmp_path: Path) -> None:
    save_model(tmp_path / "model", fact.classifier, {"recipe": "fact"})
    again, meta = load_model(tmp_path / "model")
    assert same(again, fact.classifier) and meta == {"recipe": "fact"}
    assert again.classes == NAMES and again.final == "lm" and again.probe is not None
    assert again.backbone.key == fact.classifier.backbone.key
    assert again.backbone.preprocess == fact.classifier.backbone.preprocess
    with torch.inference_mode():
        assert torch.allclose(again(images()), fact.classifier(images()), atol=1e-5)  # another memory layout
    assert sorted(each.name for each in (tmp_path / "model").iterdir()) == ["config.json", "model.safetensors"]


def test_a_model_of_one_phase(lp: Trained, tmp_path: Path) -> None:
    assert set(lp.classifier.heads) == {"lp"} and lp.classifier.probe is None and lp.probe is not None
    save_model(tmp_path, lp.classifier, {})
    assert same(load_model(tmp_path)[0], lp.classifier)


def test_strange_class_names_survive(lp: Trained, tmp_path: Path) -> None:
    names = ('<img src=x onerror="1">', "../../x", "\u202eabc🌷")
    strange = Classifier(lp.classifier.backbone, dict(lp.classifier.heads), "lp", names)
    save_model(tmp_path, strange, {})
    assert load_model(tmp_path)[0].classes == names


def test_a_folder_without_a_whole_model_is_refused_in_words(lp: Trained, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no whole model"):
        load_model(tmp_path)
    save_model(tmp_path, lp.classifier, {})
    file = tmp_path / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(WeightsError, match="no whole model"):
        load_model(tmp_path)


def test_a_model_of_another_format_is_refused_in_words(lp: Trained, tmp_path: Path) -> None:
    save_model(tmp_path, lp.classifier, {})
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "format": 99}))
    with pytest.raises(WeightsError, match="another version"):
        load_model(tmp_path)


@pytest.mark.parametrize(
    "told", [{"kind": "prompt", "length": 3}, {"kind": "suffix", "length": 3}, {"kind": "prompt", "long": 3}]
)
def test_prompts_that_the_stored_network_cannot_carry_are_refused_in_words(
    told: dict[str, object], lp: Trained, tmp_path: Path
) -> None:
    save_model(tmp_path, lp.classifier, {})
    config = json.loads((tmp_path / "config.json").read_text())
    assert config.pop("adapters") is None
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert same(load_model(tmp_path)[0], lp.classifier)  # as an older version stored it
    (tmp_path / "config.json").write_text(json.dumps({**config, "adapters": told}))
    with pytest.raises(WeightsError, match="not known"):
        load_model(tmp_path)


def test_one_pass_gives_the_answers_of_every_phase(fact: Trained, data: Coloured) -> None:
    events, found = drain(predict(fact.classifier, data.files, device=CPU, batch=4, x=data.x))
    assert list(found.answers) == ["lp", "ff", "lm"] and found.final == "lm" and not found.bad
    for answers in found.answers.values():
        assert answers.shape == (9, 3) and answers.dtype == np.float32
        assert np.allclose(answers.sum(1), 1, atol=1e-3)
    assert np.mean(found.answers["lp"].argmax(1) == data.y) > 0.8
    assert [each.done for each in events if isinstance(each, Progress)] == [4, 8, 9]


def test_without_features_the_first_phase_is_left_out(fact: Trained, data: Coloured) -> None:
    _, found = drain(predict(fact.classifier, data.files[:2], device=CPU))
    assert list(found.answers) == ["ff", "lm"]


def test_a_probe_alone_reads_no_images(lp: Trained, data: Coloured) -> None:
    nowhere = [Path("/nowhere") / file.name for file in data.files]
    _, found = drain(predict(lp.classifier, nowhere, device=CPU, x=data.x))
    assert list(found.answers) == ["lp"] and np.mean(found.answers["lp"].argmax(1) == data.y) > 0.8
    _, seen = drain(predict(lp.classifier, data.files, device=CPU))
    assert np.allclose(found.answers["lp"], seen.answers["lp"], atol=0.02)


def test_an_image_that_cannot_be_decoded_is_reported(fact: Trained, data: Coloured, tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"not a picture")
    files = [data.files[0], broken, data.files[1]]
    _, found = drain(predict(fact.classifier, files, device=CPU))
    assert list(found.bad) == [1] and found.bad[1]
    assert np.isnan(found.answers["lm"][1]).all() and np.isfinite(found.answers["lm"][[0, 2]]).all()


class SmallMemory(nn.Module):
    """A backbone whose device has memory for ``room`` images."""

    def __init__(self, backbone: Backbone, room: int) -> None:
        super().__init__()
        self.inner, self.room, self.preprocess = backbone, room, backbone.preprocess

    def forward(self, x: torch.Tensor) -> Tokens:
        if len(x) > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory")
        found: Tokens = self.inner(x)
        return found


def with_room(classifier: Classifier, room: int) -> Classifier:
    small = copy.deepcopy(classifier)
    small.backbone = SmallMemory(small.backbone, room)  # type: ignore[assignment]
    return small


def test_out_of_memory_answers_in_smaller_pieces_and_says_so(fact: Trained, data: Coloured) -> None:
    """Hostile input 15: CUDA out of memory while predicting: once told, and the same answers."""
    files = list(data.files)
    whole, _ = heard(predict(fact.classifier, files, device=CPU))
    found, events = heard(predict(with_room(fact.classifier, 3), files, device=CPU, batch=8))
    for name, answers in whole.answers.items():
        assert np.allclose(found.answers[name], answers, atol=1e-5)
    told = [each.text for each in events if isinstance(each, Log)]
    assert [text.partition(" at a time")[0] for text in told] == ["Out of memory: going on with 2 images"]  # once
    with pytest.raises(DeviceError, match="Not even one image"):
        heard(predict(with_room(fact.classifier, 0), files, device=CPU))
