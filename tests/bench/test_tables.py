"""Tables and claims from rows: means, missing cells, the paper's numbers only where the cell is the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fact_core.bench import claims, grids, paper, tables
from fact_core.bench.order import brought_by
from fact_core.bench.rows import read_rows, write_rows
from fact_core.bench.tables_json import as_json


def row(method: str, labels: int, accuracy: float, seed: int = 0, **more: Any) -> dict[str, Any]:
    """A row as the runner writes it."""
    light = method in ("lm", "fact", "l3fact")
    plain = {
        "dataset": "cifar10",
        "backbone": "tf_efficientnet_lite0",
        "image_size": 96,
        "strategy": "activeft",
        "labels": labels,
        "ratio": 100 * labels / 50_000,
        "method": method,
        "frofa": "brightness" if light else None,
        "preset": "standard",
        "seed": seed,
        "accuracy": accuracy,
        "balanced_accuracy": None,
        "test_images": 2000,
        "seconds": 60.0,
        "trainable_parameters": 1000,
        "overrides": {},
        "device": "CPU, 2 threads",
    }
    return {**plain, **more}


CELLS = [
    *(row("ff", n, 0.40 + n / 1000, seed) for n in (50, 100) for seed in (0, 1)),
    *(row("lp", n, 0.50 + n / 1000, seed) for n in (50, 100) for seed in (0, 1)),
    *(row("lm", n, 0.50 + n / 1000, seed) for n in (50, 100) for seed in (0, 1)),
    *(row("lp-ft", n, 0.52 + n / 1000, seed) for n in (50, 100) for seed in (0, 1)),
    row("fact", 50, 0.58),
    row("fact", 50, 0.60, 1),
    row("fact", 100, 0.63),
]


def test_the_main_table_has_means_deviations_and_says_what_is_missing() -> None:
    lines = tables.main_table(CELLS).splitlines()
    assert lines[0] == "| method | 50 labels | 100 labels |"
    assert lines[2] == "| `ff` | 45.0 ± 0.0 | 50.0 ± 0.0 |"  # first of the paper's order, not of the file's
    assert lines[-3] == "| `fact` | 59.0 ± 1.4 | 63.0 (1 of 2 seeds) |"
    assert lines[-1].startswith("cifar10, tf_efficientnet_lite0 at 96 px, effort standard, activeft; 2,000 test images")
    assert "| `ff` | 45.0 | not run |" in tables.main_table([row("ff", 50, 0.45), row("lp", 100, 0.5)])


def test_rows_of_another_backbone_or_effort_stand_in_a_table_of_their_own() -> None:
    text = tables.main_table([*CELLS, row("lp", 50, 0.9, preset="paper"), row("lp", 50, 0.1, backbone="other")])
    assert text.count("| method |") == 3
    assert "90.0" in text and "| `lp` | 55.0 ± 0.0 |" in text  # not mixed into the mean


def test_the_papers_numbers_stand_only_beside_the_same_cell() -> None:
    same = {"backbone": paper.BACKBONE, "image_size": paper.PIXELS, "test_images": 10_000}
    assert "(76.30 in Table I)" in tables.main_table([row("lp-paper", 50, 0.7, **same)])
    others: tuple[dict[str, Any], ...] = (
        {"backbone": paper.BACKBONE},
        {"image_size": 224},
        {**same, "dataset": "cars"},
        {**same, "strategy": "random"},
        {**same, "ratio": 0.5},
        {**same, "test_images": 2000},
        {**same, "overrides": {"lp.epochs": 1}},
    )
    for other in others:
        assert "Table I" not in tables.main_table([row("lp-paper", 50, 0.7, **other)])
    part = row("lp-paper", 5, 0.7, ratio=0.1, **same)  # 0.1 % of a part of the data set is another cell
    assert "Table I" not in tables.main_table([part])
    assert "(about 85.0 in Table I)" in tables.main_table([row("ff", 250, 0.7, **same)])  # from memory
    assert "Table I" not in tables.main_table([row("lp", 50, 0.7, **same)])  # the converged probe is not the paper's


def test_long_tail_time_ablation_steps_and_parameters() -> None:
    tailed = [row("lp", 62, 0.8, dataset="cifar10-lt", balanced_accuracy=0.5, macro_recall=0.4)]
    assert all(f"| `lp` | {figure} |" in tables.lt_table(tailed) for figure in ("80.0", "50.0", "40.0"))
    assert "| `lp` | 1.00 ± 0.00 |" in tables.efficiency_table([row("lp", 50, 0.5), row("lp", 50, 0.5, 1)])
    ablation = tables.frofa_table([*CELLS, row("fact", 50, 0.57, frofa="none"), row("fact", 50, 0.60, 1, frofa="none")])
    assert "| `fact` | 50 | 59.0 ± 1.4 | 58.5 ± 2.1 | +0.5 |" in ablation
    assert "| FACT: `lp-ft` → `fact` | +2.0 | +1.0 (1 of 2 seeds) |" in tables.steps_table(CELLS)
    assert "| L3FACT: `lp` → `lp-lora` | not run | not run |" in tables.steps_table(CELLS)
    taught = [*CELLS, row("fact+", 50, 0.64), row("fact+", 50, 0.65, 1)]
    assert "| FACT: `fact` → `fact+` | +5.5 | not run |" in tables.steps_table(taught)


def test_rows_of_earlier_versions_keep_their_meaning(tmp_path: Path) -> None:
    """ "fact" learned from the pool once, where it had a phase for it."""
    then = [
        row("fact", 50, 0.6, phase_seconds={"ff": 1.0, "st": 2.0, "lm": 1.0}),
        row("l3fact", 50, 0.6, phase_seconds={"st": 1.0}, overrides={"st.steps": 90}),
        row("fact", 100, 0.6, phase_seconds={"ff": 1.0, "lm": 1.0}),
        row("lp", 50, 0.5),
    ]
    write_rows(tmp_path / "rows.json", then)
    now = read_rows(tmp_path / "rows.json")
    assert [each["method"] for each in now] == ["fact+", "l3fact+", "fact", "lp"]
    way = {"st.rounds": 1, "st.names": "network"}
    assert [each["overrides"] for each in now] == [{"st.steps": 300, **way}, {"st.steps": 90, **way}, {}, {}]
    write_rows(tmp_path / "rows.json", now)
    assert read_rows(tmp_path / "rows.json") == now


def test_what_learns_from_the_pool_is_held_against_what_does_not() -> None:
    cells = [row("fact", 50, 0.60), row("fact+", 50, 0.65), *(row(name, 50, 0.5) for name in ("ff", "lm", "lp"))]
    found = {each.text: each.holds for each in claims.claims([*cells, row("lp-ft", 50, 0.6)])}
    assert found["fact+ less fact, mean over 1 budget (points)"] is True
    assert found["fact+ less fact in the worst cell, 50 labels (points)"] is True
    worse = [*cells, row("lp-ft", 50, 0.6), row("fact", 100, 0.7), row("fact+", 100, 0.68)]
    found = {each.text: each.holds for each in claims.claims(worse)}
    assert found["fact+ less fact in the worst cell, 100 labels (points)"] is False


def test_the_headline_says_what_is_not_measured() -> None:
    cells = [row("ff", 50, 0.5), row("ff", 50, 0.6, 1), row("fact+", 50, 0.7)]
    text = tables.headline(cells)
    assert "| Full finetune alone (`ff`) | 55.0 |" in text and "(`lp-ft`) | not run |" in text
    assert "(`fact+`) | 70.0 (1 of 2 seeds) |" in text


def test_parameters_and_their_share_beside_the_papers() -> None:
    def cells(backbone: str) -> list[dict[str, Any]]:
        given = {"ff": 21_669_514, "lp": 3_850, "l3fact": 151_306, "fact-prefix": 142_090}
        about = {"backbone": backbone, "image_size": paper.PIXELS}
        return [row(name, 50, 0.6, trainable_parameters=n, **about) for name, n in given.items()]

    text = tables.peft_table(cells(paper.BACKBONE))
    assert "| `l3fact` | 151,306 (0.69 %) | 151,306 (0.69 %) | 60.0 |" in text
    assert "| `fact-prefix` | 142,090 (0.65 %) | 0.65 % | 60.0 |" in text
    assert "| `ff` | 21,669,514 | 21,669,514 (100 %) | 60.0 |" in text
    assert "| `l3fact` | 151,306 (0.69 %) | – | 60.0 |" in tables.peft_table(cells("another"))


def test_the_json_has_what_the_tables_show() -> None:
    same = {"backbone": paper.BACKBONE, "image_size": 224, "test_images": 2478, "dataset": "cifar10-lt", "ratio": 0.5}
    same["overrides"] = brought_by("cifar10-lt")  # as every row of it
    tailed = [
        row("fact", 62, 0.9, seed, balanced_accuracy=0.5 + seed / 10, macro_recall=0.4, **same) for seed in (0, 1)
    ]
    (cell,) = as_json(tailed)["cells"]
    assert (cell["seeds"], cell["accuracy"], cell["deviation"], cell["minutes"]) == (2, 0.9, 0.0, 1.0)
    assert (cell["paper"], cell["trainable_parameters"]) == (pytest.approx(0.9092), 1000)
    assert (cell["balanced_accuracy"], cell["macro_recall"]) == (pytest.approx(0.55), pytest.approx(0.4))
    assert cell["dataset"] == "cifar10-lt" and cell["frofa"] == "brightness"
    found = as_json(CELLS)
    assert {each["paper"] for each in found["cells"]} == {None}
    steps = {(each["after"], each["labels"]): each["points"] for each in found["steps"]}
    assert steps["fact", 50] == pytest.approx(2.0) and steps["lp-lora", 50] is None
    assert [each["text"] for each in found["claims"]] == [each.text for each in claims.claims(CELLS)]


def test_the_papers_long_tail_stands_beside_rows_with_the_options_that_the_data_set_brings() -> None:
    same = {"backbone": paper.BACKBONE, "image_size": 224, "test_images": 2478, "dataset": "cifar10-lt", "ratio": 0.5}
    own = {**same, "overrides": brought_by("cifar10-lt"), "trainable_parameters": 151_306}
    assert "90.0 (90.92 in Table II)" in tables.lt_table([row("fact", 62, 0.9, **own)])
    assert "| `l3fact` | 151,306 | 151,306 (0.69 %) |" in tables.peft_table([row("l3fact", 62, 0.9, **own)])
    changed = {**own, "overrides": {**brought_by("cifar10-lt"), "lp.C": 10.0}}
    assert "in Table II" not in tables.lt_table([row("fact", 62, 0.9, **changed)])
    assert brought_by("cifar10") == {}


def test_what_rests_on_fewer_seeds_says_so_in_every_table() -> None:
    cells = [*(row("lp", 50, 0.5, seed) for seed in (0, 1)), row("lp-ft", 50, 0.6), row("fact", 50, 0.7)]
    cells += [row("fact", 50, 0.6, frofa="none")]
    assert "| 60.0 (1 of 2 seeds) |" in tables.peft_table(cells)
    assert "| +10.0 (1 of 2 seeds) |" in tables.steps_table(cells)
    assert "| 70.0 (1 of 2 seeds) | 60.0 (1 of 2 seeds) |" in tables.frofa_table(cells)
    text = tables.backbones_table([*cells, row("lp", 50, 0.5, backbone="other")])
    assert "| other at 96 px | `lp` | 50.0 (1 of 2 seeds) |" in text
    assert "fact less lp, mean over 1 budget (points; 1 of 2 seeds)" in claims.claims_table(cells)
    assert {each["seeds"] for each in as_json(cells)["steps"] if each["points"] is not None} == {1}


def test_weights_that_differ_from_cell_to_cell_are_all_told() -> None:
    """The light model chooses its reading, and how many of its weights answer with it."""
    cells = [row("lm", 50, 0.5, seed, trainable_parameters=n) for seed, n in enumerate((12_810, 1_655_316, 12_810))]
    assert "| `lm` | 12,810 or 1,655,316 | – |" in tables.peft_table(cells)
    assert as_json(cells)["cells"][0]["trainable_parameters"] is None


def test_nothing_is_claimed_of_rows_without_fact_and_no_papers_minutes_of_a_persons_own_images() -> None:
    assert claims.claims_table([row("lp", 50, 0.5)]) == claims.claims_table([row("fact", 50, 0.5)]) == ""
    assert "effort standard, activeft; 2,000 test images; seeds 0; CPU, 2 threads:" in claims.claims_table(
        [row("fact", 50, 0.5), row("lp", 50, 0.5)]
    )
    assert paper.MINUTES not in tables.efficiency_table([row("fact", 50, 0.5, dataset="photos (own)")])
    assert paper.MINUTES in tables.efficiency_table([row("fact", 50, 0.5)])


def test_the_steps_of_the_preset_paper_begin_with_its_own_probe() -> None:
    cells = [row(name, 50, 0.5 + 0.05 * i, preset="paper") for i, name in enumerate(("lp", "lp-paper", "lp-ft"))]
    assert "| FACT: `lp-paper` → `lp-ft` | +5.0 |" in tables.steps_table(cells)


def test_minutes_of_two_devices_are_not_mixed() -> None:
    cells = [row("lp", 50, 0.5), row("lp", 50, 0.5, 1, device="a GPU", seconds=6.0)]
    assert all(each in tables.efficiency_table(cells) for each in ("| `lp` | 1.00 |", "| `lp` | 0.10 |"))


def test_a_table_of_backbones_needs_two() -> None:
    assert tables.backbones_table(CELLS) == ""
    text = tables.backbones_table([row("lp", 50, 0.5), row("lp", 50, 0.6, backbone="other", image_size=224)])
    assert "| tf_efficientnet_lite0 at 96 px | `lp` | 50.0 |" in text and "| other at 224 px | `lp` | 60.0 |" in text


def test_a_cell_that_was_measured_again_counts_once() -> None:
    again = [*CELLS, row("fact", 50, 0.70, 1)]
    assert "| `fact` | 64.0 ± 8.5 |" in tables.main_table(again)
    assert [len(part) for part in grids.groups(again)] == [len(CELLS)]


def test_the_readme_table_marks_the_best_of_each_column() -> None:
    text = tables.readme_table(CELLS)
    assert "| `fact` | **59.0** | **63.0** (1 of 2 seeds) |" in text and "| `lp-ft` | 57.0 | 62.0 |" in text


def test_the_readme_table_of_a_long_tail_has_both_tests() -> None:
    cells = [row("lp", 50, 0.7, dataset="cifar10-lt", balanced_accuracy=0.4), row("ff", 50, 0.6, dataset="cifar10-lt")]
    balanced, tailed = tables.readme_lt_table(cells).split("The paper's test:")
    assert "| `lp` | **40.0** |" in balanced and "| `ff` | not run |" in balanced
    assert "| `lp` | **70.0** |" in tailed and "| `ff` | 60.0 |" in tailed


def test_the_ablations_rows_do_not_enter_other_tables() -> None:
    off = [row("fact", 50, 0.0, frofa="none"), row("fact", 50, 0.0, 1, frofa="none")]
    assert "| `fact` | 59.0 ± 1.4 |" in tables.main_table([*CELLS, *off])
    found = [each for each in as_json([*CELLS, *off])["cells"] if (each["method"], each["labels"]) == ("fact", 50)]
    assert {each["frofa"]: round(each["accuracy"], 9) for each in found} == {"brightness": 0.59, "none": 0.0}
    assert claims.claims([*CELLS, *off]) == claims.claims(CELLS)


def test_claims_hold_fail_or_are_not_measured() -> None:
    found = {each.text: each for each in claims.claims(CELLS)}
    over_ff = found["fact less ff, mean over 2 budgets (points; 1 of 2 seeds)"]
    assert over_ff.value == pytest.approx((14 + 13) / 2) and over_ff.holds
    worst = found["fact less the best of lm, lp, lp-ft in the worst cell, 100 labels (points; 1 of 2 seeds)"]
    assert worst.value == pytest.approx(1.0) and worst.holds
    assert {each.method for each in found.values()} == {"fact"}  # nothing is claimed of a method that was not run
    missing = "| l3fact less ff, mean over 3 budgets (points); missing at 50, 100, 250 labels | not measured | +3 | – |"
    assert missing in claims.claims_table([*CELLS, row("l3fact", 250, 0.7)])
    bad = [row("fact", 50, 0.50), row("lp", 50, 0.53), row("lp-ft", 50, 0.50), row("ff", 50, 0.48), row("lm", 50, 0.5)]
    failing = {each.text: each.holds for each in claims.claims(bad)}
    assert failing["fact less ff, mean over 1 budget (points)"] is False
    assert failing["fact less lp, mean over 1 budget (points)"] is False
    assert failing["fact less lm, mean over 1 budget (points)"] is True  # equal is not worse
    assert next(holds for text, holds in failing.items() if "in the worst cell" in text) is False


def test_a_claim_does_not_hold_by_what_was_left_out() -> None:
    short = [each for each in CELLS if (each["method"], each["labels"]) not in (("ff", 100), ("lm", 100))]
    found = {each.text: each for each in claims.claims(short)}
    for text in (
        "fact less ff, mean over 2 budgets (points); missing at 100 labels",
        "fact less the best of lm, lp, lp-ft in the worst cell (points; 1 of 2 seeds); missing at 100 labels",
    ):
        assert found[text].value is None and found[text].holds is None, text
    assert found["fact less lp-ft, mean over 2 budgets (points; 1 of 2 seeds)"].holds
    failed = [*short, row("lp", 50, 0.70), row("lp", 50, 0.70, 1)]  # a cell that fails needs no other
    text = "fact less the best of lm, lp, lp-ft in the worst cell, 50 labels (points); missing at 100 labels"
    worst = next(each for each in claims.claims(failed) if each.text == text)
    assert worst.value == pytest.approx(-11.0) and worst.holds is False


def test_l3fact_is_held_against_lp_lora_as_well() -> None:
    cells = [row("l3fact", 50, 0.60), *(row(name, 50, 0.5) for name in ("ff", "lm", "lp", "lp-ft"))]
    found = {each.text: each.holds for each in claims.claims([*cells, row("lp-lora", 50, 0.63)])}
    assert found["l3fact less the best of lm, lp, lp-ft in the worst cell, 50 labels (points)"] is True
    assert found["l3fact less lp-lora, mean over 1 budget (points)"] is False
    assert found["l3fact less lp-lora in the worst cell, 50 labels (points)"] is False
    equal = {each.text: each.holds for each in claims.claims([*cells, row("lp-lora", 50, 0.60)])}
    assert equal["l3fact less lp-lora, mean over 1 budget (points)"] is False  # above, not equal
    assert equal["l3fact less lp-lora in the worst cell, 50 labels (points)"] is True


def test_the_last_bit_of_a_difference_does_not_decide() -> None:
    found = {each.text: each.holds for each in claims.claims([row("fact", 50, 0.459), row("lm", 50, 0.464)])}
    assert 100 * 0.459 - 100 * 0.464 < -0.5  # in floating point
    assert found["fact less lm, mean over 1 budget (points)"] is True


def test_claims_are_about_one_table() -> None:
    with pytest.raises(ValueError, match="unpack"):
        claims.claims([*CELLS, row("lp", 50, 0.9, preset="paper")])


def test_only_seeds_that_both_have_are_compared() -> None:
    cells = [row("fact", 50, 0.6), row("fact", 50, 0.9, 1), row("lp", 50, 0.5)]
    assert grids.gain(cells, 50, "fact", "lp") == pytest.approx(10.0)


def test_the_time_of_the_paper_preset() -> None:
    cells = [
        row("fact", 250, 0.6, preset="paper", seconds=300.0),
        row("ff", 250, 0.6, preset="paper", seconds=500.0),
        row("fact", 1000, 0.6, preset="paper", seconds=390.0),
        row("ff", 1000, 0.6, preset="paper", seconds=1000.0),
    ]
    last = claims.claims(cells)[-1]
    assert last.value == pytest.approx(0.39) and last.holds and "1000 labels" in last.text
    assert claims.claims(cells[:2])[-1].holds is False
    assert claims.claims(cells[:3])[-1].holds is None  # 250 labels do not stand for 1,000


def test_all_tables_together() -> None:
    text = tables.all_tables(CELLS)
    for title in ("## Accuracy", "## Minutes", "## What each phase adds", "## Claims"):
        assert title in text
    assert "## Long tail" not in text and "## With and without" not in text


def test_a_method_measured_without_frofa_only_keeps_its_rows() -> None:
    cells = [
        row("lp", 50, 0.5),
        row("fact", 50, 0.6),
        row("fact", 50, 0.7, frofa="none"),
        row("lm", 50, 0.8, frofa="none"),
    ]
    kept = [(each["method"], each["accuracy"]) for each in grids.with_frofa(cells)]
    assert kept == [("lp", 0.5), ("fact", 0.6), ("lm", 0.8)]


def test_the_ablation_of_one_table_leaves_the_others_alone() -> None:
    off = [row("lm", 50, 0.5, frofa="none"), row("lm", 50, 0.4, frofa="none", backbone="other")]
    cells = [row("lm", 50, 0.6), *off]
    assert [(each["backbone"], each["accuracy"]) for each in grids.with_frofa(cells)] == [
        ("tf_efficientnet_lite0", 0.6),
        ("other", 0.4),
    ]


def test_an_interrupted_training_stands_in_no_table_of_minutes() -> None:
    cells = [row("ff", 50, 0.5, seconds=600.0), row("ff", 50, 0.5, 1, seconds=6.0, resumed=True)]
    assert "| `ff` | 10.00 (1 of 2 seeds) |" in tables.efficiency_table(cells)
    assert [each["minutes"] for each in as_json(cells)["cells"]] == [10.0]
    assert "| `ff` | not measured |" in tables.efficiency_table([row("ff", 50, 0.5, seconds=600.0, disturbed=True)])
    paper = [row("ff", 50, 0.5, preset="paper"), row("fact", 50, 0.6, preset="paper", seconds=1.0, resumed=True)]
    assert next(each for each in claims.claims(paper) if each.text.startswith("seconds")).holds is None
