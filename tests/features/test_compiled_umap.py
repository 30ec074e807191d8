"""What numba has compiled for umap is kept, and a map is the same."""

from __future__ import annotations

import subprocess
import sys

import pytest

MAP = """
import sys
if sys.argv[1] == "plain":
    import umap
import numpy as np
from fact_core.features.umap_map import umap_map
from fact_core.generators import finish
xy = finish(umap_map(np.random.default_rng(0).normal(size=(40, 16)).astype(np.float32)))
from umap.layouts import _nb_optimize_layout_euclidean_single_epoch as epoch
print(xy.tobytes().hex(), sum(epoch.stats.cache_hits.values()))
"""


def drawn(how: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", MAP, how], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.slow
def test_a_later_process_compiles_nothing_and_draws_the_same() -> None:
    drawn("kept")  # whoever comes first compiles
    (plain, none), (kept, hits) = drawn("plain"), drawn("kept")
    assert plain == kept and (none, hits) == ("0", "1")
