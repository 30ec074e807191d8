"""The bench of the map: times that add up, of a map that is drawn."""

from __future__ import annotations

import pytest

from fact_core.bench import page_tables, umap_speed
from fact_core.generators import finish


@pytest.mark.slow
def test_a_row_says_where_the_time_went() -> None:
    row = finish(umap_speed.measure(300, 8))
    assert (row["images"], row["width"]) == (300, 8)
    assert row["seconds"] > 0 and row["umap_s"] > 0
    assert abs(row["neighbours_s"] + row["umap_s"] - row["seconds"]) < 0.11
    assert page_tables.umap_table([row]).count("\n") == 2
