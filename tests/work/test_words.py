"""Words held against a pool, and names of classes in a training, through the project: with a stand-in that is right.

The stand-in's projection takes the mean feature of each colour to the place of its name, so that names say something.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from fact_core.backbones import loading
from fact_core.backbones.text_tower import read_text
from fact_core.choices import TEXT_SIDES
from fact_core.choices.text_sides import OPEN_CLIP, TOKENIZER
from fact_core.config import CompareConfig, FeaturesConfig, SelectConfig, WordsConfig, from_dict, to_dict
from fact_core.config import TrainConfig as Options
from fact_core.errors import ConfigError, InputError, WeightsError
from fact_core.events import Decision, Log
from fact_core.generators import finish
from fact_core.labeling import classes, labels_now, other_class, selections
from fact_core.pretrained import text_weights, weights
from fact_core.pretrained.text_weights import TextFiles
from fact_core.select import choose
from fact_core.select.words import Words
from fact_core.storage import db, items, project, run_queue, word_scores
from fact_core.storage.feature_store import FeatureStore
from fact_core.storage.project import Project
from fact_core.work import compare, features, scan, select, strategy_request, train, words
from fact_core.work.pool_features import pool_features
from tests.finetune_help import drain
from tests.text_help import CLIP, NETWORK, write_text_side
from tests.work.test_worker import COLOURS, label_all, make_images, quick
from tests.work_help import copied

CONFIG = WordsConfig(backbone=NETWORK)


def run_of(made: Project, kind: str, config: Any = None) -> run_queue.Run:
    return run_queue.get(made, run_queue.queue(made, kind, config or {}))


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """15 images of three colours with features, and a text side that knows the colours."""
    folder = tmp_path_factory.mktemp("words")
    save_file(dict(loading.load(NETWORK, random=True).network.state_dict()), folder / "weights.safetensors")
    write_text_side(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(weights, "_look", lambda name: weights.Located("file", folder / "weights.safetensors"))
        patch.setattr(text_weights, "_look", lambda name: TextFiles(folder / OPEN_CLIP, folder / TOKENIZER))
        patch.setitem(TEXT_SIDES, NETWORK, CLIP)
        made = project.create(folder / "project", make_images(folder / "images", each=5))
        finish(scan.scan(made))
        finish(features.run(made, run_of(made, "features"), FeaturesConfig(backbone=NETWORK, device="cpu")))
        _teach(made, folder)
        yield made


def _teach(made: Project, folder: Path) -> None:
    pool, x, _ = pool_features(made, NETWORK, "auto")
    colour = np.array([path.split("/")[0] for path in pool.paths])
    means = torch.tensor(np.stack([x[colour == each].mean(axis=0) for each in COLOURS]))
    tower = read_text(NETWORK, folder / OPEN_CLIP, folder / TOKENIZER)
    places = finish(tower.class_features(list(COLOURS)))
    tensors = load_file(folder / OPEN_CLIP)
    # Far from what all images have in common, which would be most of each.
    tensors["visual.proj"] = torch.linalg.pinv(means - means.mean(dim=0)) @ (places - places.mean(dim=0))
    save_file(tensors, folder / OPEN_CLIP)


@pytest.fixture
def made(ready: Project, tmp_path: Path) -> Project:
    return copied(ready, tmp_path)


def test_the_names_of_the_classes_find_their_images_before_any_label(made: Project) -> None:
    ids = classes.ensure_classes(made, [*COLOURS, "rest"])
    other_class.mark(made, ids["rest"], True)
    told = finish(words.run(made, run_of(made, "words"), CONFIG))
    assert told["texts"] == list(COLOURS) and told["classes"] == [ids[each] for each in COLOURS] and told["n"] == 15
    found = word_scores.load(made, told["key"])
    assert found is not None
    truth = [each.path.split("/")[0] for each in items.get_many(made, found.ids.tolist())]
    assert [told["texts"][best] for best in found.logits.argmax(axis=1)] == truth
    assert found.logits.shape == (15, 3) and found.logits.max() <= np.exp(3.0) + 1e-3, "logits are scale times a cosine"


def test_what_is_looked_for_is_kept_and_asked_once(made: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    query = dataclasses.replace(CONFIG, query=" blue ")
    told = finish(words.run(made, run_of(made, "words"), query))
    assert told["texts"] == ["blue"] and told["classes"] == []
    monkeypatch.setattr(words, "load_text", None)  # it would fail: nothing is encoded again
    assert finish(words.run(made, run_of(made, "words"), query)) == told
    file = word_scores.file_of(made, told["key"])
    file.write_bytes(file.read_bytes()[:100])
    assert word_scores.load(made, told["key"]) is None


def test_only_the_newest_answers_are_kept(made: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(word_scores, "KEPT", 2)
    for number in range(4):
        word_scores.save(made, str(number), np.array([2, 1]), ["b", "a"], np.array([[2.0], [1.0]], np.float32))
    kept = [word_scores.load(made, str(number)) for number in range(4)]
    assert sum(each is not None for each in kept) == 2 and kept[3] is not None
    told = (kept[3].ids.tolist(), kept[3].digests.tolist(), kept[3].logits.tolist())
    assert told == ([1, 2], [b"a", b"b"], [[1.0], [2.0]]), "by the images' numbers"


def test_another_picture_under_a_name_is_looked_at_anew(made: Project) -> None:
    query = dataclasses.replace(CONFIG, query="blue")
    before = word_scores.load(made, finish(words.run(made, run_of(made, "words"), query))["key"])
    pool, x, key = pool_features(made, NETWORK, "auto")
    red, blue = (next(row for row, path in enumerate(pool.paths) if name in path) for name in ("red", "blue"))
    FeatureStore.open(made.features_folder(key), x.shape[1]).append(["other"], x[[blue]])
    with db.writing(made.db, made.id) as con:  # as a scan has seen it
        con.table("item").update(int(pool.ids[red]), {"digest": "other"})
    after = word_scores.load(made, finish(words.run(made, run_of(made, "words"), query))["key"])
    assert before is not None and after is not None and before.ids.tolist() == after.ids.tolist()
    (changed,) = np.flatnonzero(before.digests != after.digests)
    assert before.ids[changed] == pool.ids[red]
    assert after.logits[changed] == pytest.approx(before.logits[before.ids == pool.ids[blue]][0])
    assert after.logits[changed, 0] != before.logits[changed, 0]


def test_without_classes_or_a_text_side_it_says_what_to_do(made: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="no classes yet"):
        finish(words.run(made, run_of(made, "words"), CONFIG))
    monkeypatch.setattr(text_weights, "_look", lambda name: None)
    with pytest.raises(WeightsError, match=r"--text"):
        finish(words.run(made, run_of(made, "words"), dataclasses.replace(CONFIG, query="blue")))


def test_a_training_asks_the_names_and_says_when_they_cannot_help(
    made: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = {"budget": "15", "backbone": NETWORK, "device": "cpu", "near": 0.0, "iterations": 5}
    finish(select.run(made, run_of(made, "select"), from_dict(SelectConfig, {**to_dict(SelectConfig()), **values})))
    label_all(made)
    plain = quick(recipe="lp", backbone=NETWORK, device="cpu")
    config = from_dict(Options, plain)
    events, told = drain(train.run(made, run_of(made, "train", plain), config))
    (decision,) = (each for each in events if isinstance(each, Decision) and each.name == "lp.words")
    assert decision.scores is not None and set(decision.scores) == {"0", "0.1", "0.3", "1"}
    assert told["decisions"][0]["name"] == "lp.words"
    monkeypatch.setattr(text_weights, "_look", lambda name: None)
    events, told = drain(train.run(made, run_of(made, "train", plain), config))
    assert told["decisions"] == [] or all(each["name"] != "lp.words" for each in told["decisions"])
    assert any(isinstance(each, Log) and "The names of the classes cannot help" in each.text for each in events)


def test_vecaf_chooses_by_names_answers_and_labels(made: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    values = {"budget": "6", "backbone": NETWORK, "device": "cpu", "near": 0.0, "iterations": 5, "strategy": "vecaf"}
    config = from_dict(SelectConfig, {**to_dict(SelectConfig()), **values})
    finish(select.run(made, run_of(made, "select"), config))
    assert (first := selections.latest(made)) is not None
    assert first.config["info"]["instead"] == "activeft", "no labels: nothing is asked of names"
    label_all(made)
    given: list[Words | None] = []
    real = choose.choose_images

    def watched(*args: Any, **options: Any) -> Any:
        given.append(options["words"])
        return (yield from real(*args, **options))

    monkeypatch.setattr(strategy_request, "choose_images", watched)
    finish(select.run(made, run_of(made, "select"), dataclasses.replace(config, budget="4", extend=True)))
    (told,) = given
    names = labels_now.snapshot(made, "pick").classes
    assert told is not None and told.names.shape == (len(names), CLIP.dim) and len(told.images) == 15
    pool = items.pool(made)
    near = [names[int((each @ told.names.T).argmax())] for each in told.images]
    assert near == [path.split("/")[0] for path in pool.paths], "images and names lie in one space"
    latest = selections.latest(made)
    assert latest is not None and len(latest.picks) == 10 and "instead" not in latest.config["info"]
    compared = finish(compare.run(made, run_of(made, "compare"), CompareConfig(strategy="vecaf")))
    assert compared["strategy"] == "vecaf" and given[1] is not None


def test_vecaf_says_at_once_where_no_names_can_be_read(made: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    config = dataclasses.replace(SelectConfig(), backbone="tf_efficientnet_lite0", strategy="vecaf")
    with pytest.raises(ConfigError, match=r"captions.*Or choose VeCAF-lite"):
        select.needs(made, run_of(made, "select"), config)
    monkeypatch.setattr(text_weights, "_look", lambda name: None)
    with pytest.raises(WeightsError, match=r"--text.*Or choose VeCAF-lite"):
        select.needs(made, run_of(made, "select"), dataclasses.replace(config, backbone=NETWORK))
