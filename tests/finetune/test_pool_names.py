"""What images of the pool are called by a classifier and their neighbours together."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from fact_core.events import Decision, Event, PhaseDone
from fact_core.finetune import light_pool, naming, pool_names
from fact_core.finetune.training_run import CheckSet
from fact_core.generators import finish
from tests.finetune_help import Coloured, coloured, drain, steps, tiny


def clusters(each: int = 60, classes: int = 3, noise: float = 1.0, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Features (n, 40), none below 0, in one cloud a class."""
    rng = np.random.default_rng(seed)
    middles = rng.random((classes, 40)) * 4
    y = np.repeat(np.arange(classes), each)
    x = np.abs(middles[y] + rng.normal(0, noise, (len(y), 40)))
    return torch.from_numpy(x).float(), torch.from_numpy(y)


def test_neighbours_correct_a_classifier_that_saw_little() -> None:
    x, y = clusters()
    labelled = torch.tensor([0, 60, 120])
    rest = torch.tensor([row for row in range(180) if row not in labelled.tolist()])
    rng = torch.Generator().manual_seed(0)
    answers = (torch.nn.functional.one_hot(y[rest], 3) + 1.2 * torch.randn(len(rest), 3, generator=rng)).log_softmax(1)
    said = finish(pool_names.called(answers, x[rest], x[labelled], y[labelled]))
    before = float((answers.argmax(1) == y[rest]).float().mean())
    assert before < 0.8 and float((said.argmax(1) == y[rest]).float().mean()) > 0.98
    assert torch.allclose(said.sum(1), torch.ones(len(rest)), atol=1e-5)


def test_a_class_without_a_label_is_never_named() -> None:
    x, y = clusters()
    labelled = torch.tensor([0, 60])  # none of the last class, which is in the pool
    answers = torch.zeros(100, 4).log_softmax(1)
    said = finish(pool_names.called(answers, x[80:], x[labelled], y[labelled] * 2))
    assert said.shape == (100, 4) and not said[:, [1, 3]].any() and said[:, [0, 2]].sum() > 0


def test_one_label_of_one_class_is_no_error() -> None:
    x, _ = clusters(5)
    said = finish(pool_names.called(torch.zeros(10, 2), x[5:], x[:1], torch.tensor([1])))
    assert said.argmax(1).tolist() == [1] * 10


def test_labels_left_out_say_whether_neighbours_help() -> None:
    x, y = clusters(noise=2.0)
    rows = torch.arange(0, 180, 9)  # 20 labels of 3 classes
    pool = torch.tensor([row for row in range(180) if row % 9])
    asked = finish(pool_names.left_out(x[rows], y[rows], x[pool], torch.Generator().manual_seed(0)))
    assert asked is not None and asked.n == 20 and not asked.worse and asked.with_pool >= 15


def test_where_neighbours_mislead_labels_left_out_say_so() -> None:
    """Two classes that one direction tells apart, while all that makes images neighbours has nothing to do with it."""
    rng = np.random.default_rng(0)
    nature = rng.integers(0, 12, 500)
    x = np.abs(rng.random((12, 200))[nature] * 3 + rng.normal(0, 0.05, (500, 200)))
    y = rng.integers(0, 2, 500)
    x[:, 0] = 5 + 5 * y
    given = torch.from_numpy(x).float()
    asked = finish(
        pool_names.left_out(given[:60], torch.from_numpy(y[:60]), given[60:], torch.Generator().manual_seed(0))
    )
    assert asked is not None and asked.worse and asked.without > asked.with_pool


def test_nothing_can_be_left_out_of_single_labels() -> None:
    x, y = clusters(4)
    assert finish(pool_names.left_out(x[::4], y[::4], x[1:4], torch.Generator())) is None
    assert finish(pool_names.left_out(x, y, x[:0], torch.Generator())) is None


Y = [0, 1, 2, 0, 1, 2]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Coloured:
    return coloured(tmp_path_factory.mktemp("labelled"), Y)


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Coloured:
    return coloured(tmp_path_factory.mktemp("pool"), [0, 1, 2] * 6, seed=1)


def decision(events: list[Event]) -> Decision:
    return next(each for each in events if isinstance(each, Decision) and each.name == light_pool.NAMED)


def test_the_light_model_learns_from_the_pool(data: Coloured, pool: Coloured) -> None:
    events, trained = drain(steps(data, tiny("lm+"), unlabelled=pool.files, unlabelled_x=pool.x))
    assert 3 <= int(decision(events).value) <= 9
    _, alone = drain(steps(data, tiny("lm+")))
    own, other = (each.classifier.heads["lm"].pooled_line.weight for each in (trained, alone))
    assert not torch.allclose(own, other)
    (done,) = [each for each in events if isinstance(each, PhaseDone)]
    assert done.phase == "lm" and done.train_accuracy > 0.8


def test_without_a_pool_it_learns_from_the_labels(data: Coloured) -> None:
    events, trained = drain(steps(data, tiny("lm+")))
    assert decision(events).value == "0" and "no image of the pool" in decision(events).reason
    assert trained.classifier.final == "lm"


def test_names_that_labels_left_out_speak_against_are_not_learned_from(
    data: Coloured, pool: Coloured, monkeypatch: pytest.MonkeyPatch
) -> None:
    def worse(*_: object) -> object:
        yield from ()
        return pool_names.LeftOut(1, 5, 6, True)

    monkeypatch.setattr(pool_names, "left_out", worse)
    events, trained = drain(steps(data, tiny("lm+"), unlabelled=pool.files, unlabelled_x=pool.x))
    assert decision(events).value == "0" and "of 6 labels left out 1" in decision(events).reason
    _, alone = drain(steps(data, tiny("lm+")))
    own, other = (each.classifier.heads["lm"].pooled_line.weight for each in (trained, alone))
    assert torch.equal(own, other)


def test_labels_left_out_are_held_against_all_of_the_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where it lies class by class: the first images alone would speak for one class."""
    x, y = clusters(each=300)
    rows = torch.arange(0, 900, 45)
    rest = torch.tensor([row for row in range(900) if row % 45])
    monkeypatch.setattr(pool_names, "LOOKED_AT", 200)
    asked = finish(pool_names.left_out(x[rows], y[rows], x[rest], torch.Generator().manual_seed(0)))
    assert asked is not None and asked.with_pool == asked.n == 20


def test_names_are_proved_on_check_images_that_are_as_sure() -> None:
    """Each class has its own bar: the least sure of its images that teach."""
    shares = torch.tensor([[0.9, 0.1], [0.7, 0.3], [0.6, 0.4], [0.55, 0.45], [0.2, 0.8], [0.4, 0.6]])
    checked = torch.tensor([[0.7, 0.3], [0.69, 0.31], [0.95, 0.05], [0.2, 0.8], [0.21, 0.79]])
    assert pool_names.proved(shares, checked, torch.tensor([0, 0, 1, 1, 1])) == (2, 3)
    assert pool_names.proved(shares, checked[:0], torch.zeros(0, dtype=torch.int64)) == (0, 0)
    assert pool_names.proved(shares[:4], checked[3:], torch.tensor([1, 1])) == (0, 0)  # nothing taught that class


def check_of(data: Coloured) -> CheckSet:
    return CheckSet(data.files, np.asarray(data.y), np.asarray(data.x))


def test_the_light_model_tells_what_the_pool_was_good_for(data: Coloured, pool: Coloured) -> None:
    held = check_of(data)
    _, trained = drain(steps(data, tiny("lm+"), unlabelled=pool.files, unlabelled_x=pool.x, check=held))
    (proved,) = [each for each in trained.decisions if each.name == light_pool.PROVED]
    right, asked = (int(each) for each in proved.value.split(" of "))
    assert 0 < right <= asked <= len(held.y) and f"{asked} of {len(held.y)} check images" in proved.reason
    _, without = drain(steps(data, tiny("lm+"), unlabelled=pool.files, unlabelled_x=pool.x))
    own, other = (each.classifier.heads["lm"].pooled_line.weight for each in (trained, without))
    assert torch.equal(own, other)  # check images teach nothing, without their classes either


def test_images_of_no_class_do_not_teach(data: Coloured, pool: Coloured, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def last_half(x: object, y: object, given: np.ndarray) -> np.ndarray:
        asked.append(len(given))
        return np.arange(len(given)) >= len(given) // 2

    monkeypatch.setattr("fact_core.analysis.novelty.strangers", last_half)
    events, trained = drain(steps(data, tiny("lm+"), unlabelled=pool.files, unlabelled_x=pool.x))
    (apart,) = [each for each in trained.decisions if each.name == light_pool.APART]
    assert asked == [18] and apart.value == "9" and "of 18 images" in apart.reason
    assert 3 <= int(decision(events).value) <= 6


def test_a_pool_of_nothing_but_strangers_teaches_nothing(
    data: Coloured, pool: Coloured, monkeypatch: pytest.MonkeyPatch
) -> None:
    everyone = "fact_core.analysis.novelty.strangers"
    monkeypatch.setattr(everyone, lambda x, y, given: np.ones(len(given), dtype=np.bool_))
    events, trained = drain(steps(data, tiny("lm+"), unlabelled=pool.files, unlabelled_x=pool.x))
    assert decision(events).value == "0"
    _, alone = drain(steps(data, tiny("lm+")))
    own, other = (each.classifier.heads["lm"].pooled_line.weight for each in (trained, alone))
    assert torch.equal(own, other)
    config = tiny("fact+", **{"ff.gate": "off", "st.steps": 2})
    _, trained = drain(steps(data, config, unlabelled=pool.files, unlabelled_x=pool.x))
    told = {each.name: each for each in trained.decisions}
    assert (
        told["st.images"].value == "0" and "belong" in told["st.images"].reason and told["st.strangers"].value == "18"
    )


def test_what_is_like_no_class_is_of_the_class_for_that() -> None:
    """Its own images are no class that anything could be like."""
    x, y = clusters(each=12, classes=4, noise=0.3)
    apart = pool_names.strangers(x, y, x, other=3)
    assert apart[y == 3].all() and apart[y != 3].float().mean() < 0.2
    assert not pool_names.strangers(x, y, x)[y == 3].all()
    shares = torch.full((len(x), 4), 0.25)
    assert pool_names.with_other(shares, x, x, y, -1) is shares
    found = pool_names.with_other(shares, x, x, y, 3)
    assert found[apart].tolist() == [[0, 0, 0, 1]] * int(apart.sum()) and (found[~apart] == 0.25).all()
    assert (shares == 0.25).all()


@pytest.mark.parametrize("recipe", ["lm+", "fact+"])
def test_images_of_no_class_teach_the_class_for_them(
    recipe: str, data: Coloured, pool: Coloured, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without such a class nothing is learned from them, so that the pool names six images in place of nine."""
    strange = torch.tensor([0, 1, 2] * 6) == 2
    monkeypatch.setattr(pool_names, "strangers", lambda x, y, given, other=-1: strange[: len(given)])
    taught: list[list[int]] = []

    def as_named(shares: torch.Tensor, part: float = 0.5) -> tuple[torch.Tensor, torch.Tensor]:
        rows, named = surest(shares, part)
        taught.append(named.tolist())
        return rows, named

    surest = pool_names.surest
    for where in (pool_names, naming):
        monkeypatch.setattr(where, "surest", as_named)
    values = {} if recipe == "lm+" else {"ff.gate": "off", "st.steps": 2, "st.rounds": 1, "st.names": "neighbours"}
    told = {}
    for other in (-1, 2):
        _, trained = drain(steps(data, tiny(recipe, **values), unlabelled=pool.files, unlabelled_x=pool.x, other=other))
        told[other] = next(each for each in trained.decisions if each.name.endswith(".strangers"))
    assert told[-1].value == told[2].value == "6"
    assert told[-1].reason.endswith("nothing is learned from them") and told[2].reason.endswith("they teach “blue”")
    without, with_them = taught[0], taught[-1]
    assert len(without) <= 6 and with_them.count(2) >= 3


def test_more_labels_a_class_let_more_names_teach() -> None:
    found = [pool_names.share(labels, 10) for labels in (10, 50, 100, 250, 400, 100_000)]
    assert found == pytest.approx([0.5, 0.5, 0.6, 0.732, 0.8, 0.8], abs=1e-3)
    assert pool_names.share(1000, 1000) == 0.5  # what counts is labels of a class
    sure = torch.linspace(0.5, 1.0, 10)
    rows, _ = pool_names.surest(torch.stack([sure, 1 - sure], dim=1), 0.8)
    assert rows.tolist() == list(range(2, 10))
