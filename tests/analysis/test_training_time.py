"""fact_core.analysis.training_time: what a training will take, by what the computer did before."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from fact_core.analysis.training_time import LEARNED, LIGHT, Amount, expected, in_words, learned, looks, proposed
from fact_core.config import to_dict, train_config
from fact_core.phase_config import side_to_answer

FEW = Amount(labels=20, classes=4, pool=1000, checks=10)
CPU = "CPU (some), 2 threads"


@dataclass
class Done:
    """A row of the queue."""

    kind: str
    config: dict[str, Any]
    result: dict[str, Any] = field(default_factory=dict)
    device: str = CPU
    status: str = "done"


def features(rate: float, **more: Any) -> Done:
    result = {"images_per_s": rate, "n_new": 500, **more.pop("result", {})}
    return Done("features", {"backbone": "tf_efficientnet_lite0", **more.pop("config", {})}, result, **more)


def trained(preset: str, seconds: dict[str, float], labels: int = 20, **values: Any) -> Done:
    phases = [{"phase": name, "seconds": each, "steps": 10, "check_n": 10} for name, each in seconds.items()]
    result = {"phases": phases, "labels": labels, "classes": ["a", "b", "c", "d"]}
    return Done("train", to_dict(train_config(preset, **{"recipe": "fact", **values})), result)


def test_a_look_is_what_the_features_took_and_a_learned_picture_takes_more() -> None:
    config = train_config("quick", recipe="fact")
    found = expected(config, FEW, [features(10.0)], True)
    area = (128 / 224) ** 2
    assert found["lp"] == pytest.approx(20 / 10)
    assert found["ff"] == pytest.approx((100 * 20 * area * LEARNED + 30) / 10)  # a batch has no more than 20 images
    assert found["lm"] == pytest.approx((2 * 256 + 30 + LIGHT) / 10)


def test_self_training_names_the_pool_in_every_round() -> None:
    config = train_config("quick", recipe="fact+")
    found = looks(config, FEW, True)
    area = (128 / 224) ** 2
    rounds = config.st.by_round(20, 32)
    assert len(rounds) == 3
    small = (side_to_answer(128, 0.15, 0.875) / 224) ** 2  # students answer at a smaller side
    seen = 990 + (2 * 990 + 30) * small
    assert found["st"] == pytest.approx(sum(rounds) * 32 * area * LEARNED + seen)


def test_two_halves_are_trained_only_where_labels_are_many_enough() -> None:
    config = train_config("standard", recipe="fact")
    assert learned(config, 20, 4)["ff"] == 2 * learned(config, 19, 4)["ff"] * 20 // 19
    assert learned(train_config("quick", recipe="fact"), 20, 4)["ff"] == 100 * 20


def test_an_earlier_training_is_the_better_witness_and_the_newest_counts() -> None:
    config = train_config("quick", recipe="fact")
    older, newer = trained("quick", {"lp": 1, "ff": 50, "lm": 10}), trained("quick", {"lp": 2, "ff": 70, "lm": 20})
    found = expected(config, FEW, [newer, older, features(10.0)], True)
    assert found == pytest.approx({"lp": 2, "ff": 70, "lm": 20})
    twice = expected(train_config("quick", recipe="fact", **{"ff.steps": 200}), FEW, [newer], True)
    assert 70 * 1.8 < twice["ff"] < 70 * 2
    plus = expected(train_config("quick", recipe="fact+"), FEW, [newer, features(10.0)], True)
    assert plus["ff"] == pytest.approx(70)
    assert plus["st"] == pytest.approx(looks(train_config("quick", recipe="fact+"), FEW, True)["st"] / 10)


@pytest.mark.parametrize(
    "other",
    [
        features(10.0, config={"backbone": "convnextv2_atto"}),
        features(10.0, device="NVIDIA H100"),
        features(10.0, status="failed"),
        features(10.0, result={"n_new": 3}),
        features(0.0),
        Done("train", {"recipe": "none of ours", "backbone": "tf_efficientnet_lite0"}),
        trained("quick", {"lp": 1, "ff": 50, "lm": 10}, labels=0),
    ],
)
def test_nothing_is_said_without_a_witness(other: Done) -> None:
    found = expected(train_config("quick", recipe="fact+"), FEW, [other], True)
    assert found == {}


def test_a_gpu_is_judged_by_what_the_gpu_did() -> None:
    runs = [features(10.0), features(1000.0, device="NVIDIA H100")]
    slow, fast = (expected(train_config("quick", recipe="fact"), FEW, runs, cpu) for cpu in (True, False))
    assert sum(slow.values()) > 50 * sum(fast.values())


def test_times_are_told_roughly() -> None:
    assert [in_words(each) for each in (1, 41, 95, 700, 7500)] == ["5 s", "40 s", "2 min", "12 min", "2 h 5 min"]


def test_the_longest_effort_that_is_short_enough_is_proposed() -> None:
    assert proposed({}) == ""
    assert proposed({"quick": 60, "standard": 1100, "paper": 1200}) == "standard"
    assert proposed({"quick": 60, "standard": 1300, "paper": 9000}) == "quick"
    assert proposed({"quick": 5000, "standard": 50_000, "paper": 900_000}) == "quick"
