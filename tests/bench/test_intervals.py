"""The 95 % interval holds the truth in 93 to 97 % of 1,000 simulations."""

from __future__ import annotations

import pytest

from fact_core.bench import intervals
from fact_core.generators import finish


@pytest.mark.parametrize("kind", sorted(intervals.KINDS))
def test_it_holds_the_truth(kind: str) -> None:
    row = finish(intervals.coverage(kind, 1_000, seed=1))
    assert 0.93 <= row["held"] <= 0.97, row
    if kind == "groups":
        assert row["naive_held"] < 0.92 and row["width"] > row["naive_width"]
    assert intervals.table([row]).count("\n") == 2
