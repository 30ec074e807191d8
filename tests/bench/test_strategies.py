"""``launch.py bench strategies`` on small pictures: rows, what is not done twice, the same model for every choice."""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image
from sklearn.linear_model import LogisticRegression

from app.pages.select.text import TEXT
from fact_core import cli
from fact_core.bench import expansion, strategies, strategies_plot
from fact_core.bench.rows import read_rows
from fact_core.choices import one_shot
from fact_core.config import SelectConfig

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """CIFAR-10 as folders, four training and two test images a class."""
    folder, rng = tmp_path_factory.mktemp("cifar"), np.random.default_rng(0)
    for index, name in enumerate(CLASSES):
        colour = np.array([(index * 77) % 256, (index * 151) % 256, (index * 29) % 256]) * 0.7
        for side, count in (("train", 4), ("test", 2)):
            (folder / side / name).mkdir(parents=True)
            for number in range(count):
                pixels = np.clip(colour + rng.integers(0, 77, (32, 32, 3)), 0, 255).astype(np.uint8)
                Image.fromarray(pixels).save(folder / side / name / f"{number:04d}.png")
    return folder


def start(pictures: Path, tmp_path: Path, *more: str) -> tuple[int, list[dict[str, object]]]:
    file = tmp_path / "rows.json"
    words = ["bench", "strategies", "--data", str(pictures), "--pixels", "64", "--cache", str(pictures / "cache")]
    code = cli.main([*words, "--budgets", "6,10", "--json", str(file), "--device", "cpu", *more])
    return code, json.loads(file.read_text())


@pytest.mark.slow
def test_rows_table_and_nothing_twice(pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, rows = start(pictures, tmp_path, "--strategies", "activeft,random", "--seeds", "2")
    assert code == 0 and len(rows) == 8
    one = next(row for row in rows if row["labels"] == 6)
    assert (one["strategy"], one["labels"], one["method"], one["seed"]) == ("activeft", 6, "lm", 0)
    assert one["test_images"] == 20 and 0 <= one["accuracy"] <= 1 and len(one["rows"]) == 6
    assert one["classes_found"] == len({row // 4 for row in one["rows"]})
    out = capsys.readouterr()
    assert "| strategy | 6 labels | 10 labels | mean | seconds |" in out.out and "| ActiveFT |" in out.out
    _, again = start(pictures, tmp_path, "--strategies", "activeft,random", "--seeds", "2")
    assert again == rows and "chosen in" not in capsys.readouterr().err
    _, more = start(pictures, tmp_path, "--strategies", "random", "--seeds", "3")
    assert len(more) == 10 and more[:8] == rows
    shown = capsys.readouterr().out
    assert "| Random |" in shown and "| ActiveFT |" not in shown  # what was asked for


def test_errors_in_words(pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words, said in (
        (["--data", str(tmp_path / "none")], "no such data folder"),
        (["--data", str(pictures), "--strategies", "best"], "no strategy called 'best'"),
        (["--data", str(pictures), "--budgets", "many"], "--budgets needs whole numbers"),
    ):
        assert cli.main(["bench", "strategies", *words]) != 0
        assert said in capsys.readouterr().err


def test_the_model_is_a_balanced_logistic_regression() -> None:
    """Against scikit-learn's, where there are too few labels to choose C."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(3, 12))
    y = np.array([0, 0, 0, 1, 1, 2])
    x = (centres[y] + 0.3 * rng.normal(size=(6, 12))).astype(np.float32)
    test = (centres[rng.integers(3, size=200)] + 0.8 * rng.normal(size=(200, 12))).astype(np.float32)
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    theirs = LogisticRegression(C=strategies.LmConfig().C, class_weight="balanced", tol=1e-8, max_iter=5000)
    wanted = theirs.fit(unit, y).predict(test / np.linalg.norm(test, axis=1, keepdims=True))
    assert (strategies.answers(x, y, test, 3, 0) == wanted).mean() > 0.99
    assert (strategies.answers(x[:3], y[:3], test, 3, 0) == 0).all()  # one class only: nothing to learn


def test_the_table_puts_the_best_first() -> None:
    """And last what was not measured at all budgets."""
    row = {"labels": 50, "selection_seconds": 1.0}
    rows = [{**row, "strategy": name, "accuracy": value} for name, value in (("random", 0.5), ("activeft", 0.6))]
    rows += [{**each, "labels": 9, "accuracy": each["accuracy"] - 0.2} for each in rows]
    rows += [{**row, "strategy": "activeft", "accuracy": 0.62}, {**row, "strategy": "gone", "accuracy": 0.9}]
    lines = strategies.table(rows).splitlines()
    assert lines[0] == "| strategy | 9 labels | 50 labels | mean | seconds |"
    assert lines[2] == "| ActiveFT | 40.0 | 61.0 ± 1.4 | 50.5 | 1.0 |"
    assert lines[3] == "| Random | 30.0 | 50.0 | 40.0 | 1.0 |"
    assert lines[-1] == "| gone | not run | 90.0 | – | 1.0 |"


def test_an_order_that_does_not_depend_on_the_budget_is_chosen_once(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, rows = start(pictures, tmp_path, "--strategies", "kcenter,random", "--seeds", "2")
    cells = {(row["strategy"], row["labels"], row["seed"]): row for row in rows}
    assert set(cells) == {("kcenter", n, 0) for n in (6, 10)} | {
        ("random", n, seed) for n in (6, 10) for seed in (0, 1)
    }
    for name, seed in (("kcenter", 0), ("random", 0), ("random", 1)):
        assert cells[name, 6, seed]["rows"] == cells[name, 10, seed]["rows"][:6]
        assert cells[name, 6, seed]["selection_seconds"] == cells[name, 10, seed]["selection_seconds"]


def test_the_plot_has_a_line_for_each_strategy_that_was_measured_throughout() -> None:
    rows = [
        {"strategy": name, "labels": n, "accuracy": value + n / 1000}
        for name, value in (("activeft", 0.5), ("random", 0.495), ("<b>", 0.49))
        for n in (50, 100)
    ]
    text = strategies_plot.svg([*rows, {"strategy": "kmeans", "labels": 50, "accuracy": 0.9}])
    root = ElementTree.fromstring(text)
    space = "{http://www.w3.org/2000/svg}"
    assert len(root.findall(f"{space}polyline")) == 3
    said = [each.text for each in root.findall(f"{space}text")]
    assert {"ActiveFT", "Random", "<b>", "50 labels", "100 labels"} <= set(said) and "k-means" not in said
    heights = sorted(float(each.get("y", 0)) for each in root.findall(f"{space}text")[-3:])
    assert heights[1] - heights[0] >= 14.9 and heights[2] - heights[1] >= 14.9  # the names do not touch
    with pytest.raises(ValueError, match="two budgets"):
        strategies_plot.svg(rows[:1])


def test_what_the_select_page_says_of_the_default_was_measured() -> None:
    """The sentence beside the default strategy: 5 points above random, no strategy clearly better."""
    rows = read_rows(Path(__file__).parents[2] / "fact_core/bench/results/strategies-cifar10.json", needed=True)
    found: dict[str, dict[int, list[float]]] = {}
    for row in rows:
        found.setdefault(row["strategy"], {}).setdefault(row["labels"], []).append(row["accuracy"])
    means = {
        name: 100 * statistics.mean(statistics.mean(each) for each in by_labels.values())
        for name, by_labels in found.items()
    }
    default = SelectConfig().strategy
    assert set(means) == set(one_shot()), "a strategy was not measured"
    assert 4.5 <= means[default] - means["random"] < 5.5
    assert sorted(means, key=lambda name: -means[name])[:3] == ["typiclust", "activeft", "kmeans"]
    assert max(means.values()) - means[default] < 0.5
    assert "5 points" in TEXT["select.default"] and "TypiClust and k-means" in TEXT["select.default"]


@pytest.mark.slow
def test_guessed_labels_are_measured_beside_those_of_a_person(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "expansion.json"
    words = ["bench", "expansion", "--data", str(pictures), "--pixels", "64", "--cache", str(pictures / "cache")]
    assert cli.main([*words, "--budgets", "10", "--seeds", "1", "--device", "cpu", "--json", str(file)]) == 0
    rows = json.loads(file.read_text())
    assert [row["form"] for row in rows] == list(expansion.FORMS) and {row["strategy"] for row in rows} == {"activeft"}
    _, plain = start(pictures, tmp_path, "--strategies", "activeft", "--seeds", "1")
    wanted = next(row["accuracy"] for row in plain if row["labels"] == 10)
    for row in rows:
        assert row["alone"] == wanted  # the same choice and the same model as in the other bench
        assert 0 < row["guesses"] <= 30 and 0 <= row["right"] <= 1 and 0 <= row["with"] <= 1
    assert "| labels | guesses by | guesses | right | labels alone | with guesses |" in capsys.readouterr().out
