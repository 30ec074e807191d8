"""The bench of the class for what fits no other one, on a small folder of coloured pictures."""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
import pytest

from fact_core.bench import other_class, tables
from fact_core.bench.known_folder import KnownFolder
from fact_core.errors import ConfigError
from fact_core.generators import finish
from tests.finetune_help import backbone, coloured


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> KnownFolder:
    made = coloured(tmp_path_factory.mktemp("colours"), [0, 1, 2] * 20)
    return KnownFolder(list(made.files), made.x, made.y, backbone(), {"dataset": "colours", "classes": 3})


def row_of(read: KnownFolder, others: int) -> dict[str, Any]:
    own = {"wanted": 2, "each": 6, "others": others, "asked": 30}
    asked = {**read.about, "method": "lm+", "preset": "quick", "seed": 0, "overrides": own}
    return {**asked, **finish(other_class.measured(read, asked, "cpu"))}


def test_its_labels_put_aside_what_fits_no_class(read: KnownFolder) -> None:
    without, with_it = row_of(read, 0), row_of(read, 8)
    assert with_it["found"] > 0.8 and with_it["found"] > without["found"]
    assert without["wanted"] > 0.7 and with_it["wanted"] > 0.7
    text = other_class.table([without, with_it])
    assert "| colours | 2 of 3 | `lm+`, quick | 6 | 8 | 1 |" in text and len(text.splitlines()) == 4


def test_figures_count_what_is_put_aside_as_right_where_it_fits_no_class() -> None:
    y, said = np.array([0, 0, 1, 2, 2, 2]), np.array([0, 2, 1, 0, 2, 1])
    strange = np.array([False, False, True, True, False, False])
    found = other_class.figures(y, said, strange, 2)
    assert found == {"wanted": 0.333333, "lost": 0.666667, "found": 0.666667, "accuracy": 0.5}


def test_wanted_classes_and_labels_are_drawn() -> None:
    y, rng = np.repeat(np.arange(5), 8), np.random.default_rng(0)
    found = other_class.wanted(y, 2, rng)
    assert np.bincount(found).tolist() == [8, 8, 24]
    rows = other_class.labeled(found, 2, 3, 4, rng)
    assert np.bincount(found[rows]).tolist() == [3, 3, 4] and len(set(rows.tolist())) == 10
    with pytest.raises(ConfigError, match="too few images"):
        other_class.labeled(found, 2, 8, 4, rng)


def test_more_labels_of_the_others_have_made_more_of_all_right() -> None:
    """As RESULTS says it: in each folder, with both recipes, on the mean of the seeds; and more of the others found."""
    rows = tables.rows("other-class")
    for about in {(row["dataset"], row["method"]) for row in rows}:
        own = [row for row in rows if (row["dataset"], row["method"]) == about]
        by = [[row for row in own if row["overrides"]["others"] == count] for count in (0, 10, 40)]
        for figure in ("accuracy", "found"):
            means = [float(np.mean([row[figure] for row in some])) for some in by]
            assert means == sorted(means) and all(len(some) == 3 for some in by), (about, figure, means)


def test_the_flags_are_checked() -> None:
    parser = argparse.ArgumentParser()
    other_class.add_arguments(parser)
    given = parser.parse_args(["--data", "x", "--wanted", "3", "--methods", "nothing"])
    assert given.others == "0,10,40"
    with pytest.raises(ConfigError, match="no recipe called 'nothing'"):
        finish(other_class.run(given))
