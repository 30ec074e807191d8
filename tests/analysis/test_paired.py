"""Two classifiers on the same images: by hand, and how often the interval holds the truth."""

from __future__ import annotations

import numpy as np
import pytest

from fact_core.analysis.paired import between, mcnemar, paired


def test_mcnemar_by_hand() -> None:
    assert mcnemar(5, 0) == pytest.approx(2 / 32)
    assert mcnemar(1, 3) == pytest.approx(2 * 5 / 16)
    assert mcnemar(4, 4) == 1.0 and mcnemar(0, 0) == 1.0


def test_a_difference_and_whether_it_is_chance() -> None:
    found = paired(100, 10, 1)
    assert (found.difference, found.sure) == (0.09, True)
    assert found.interval[0] > 0 and found.interval[0] < 0.09 < found.interval[1]
    other = paired(100, 1, 10)
    assert other.interval == pytest.approx((-found.interval[1], -found.interval[0])) and other.difference == -0.09
    nothing = paired(40, 0, 0)
    assert nothing.difference == 0 and not nothing.sure and nothing.interval[0] < 0 < nothing.interval[1]
    assert paired(1, 1, 0).interval[1] <= 1


@pytest.mark.parametrize(("n", "win", "lose"), [(30, 0.1, 0.05), (100, 0.15, 0.05), (400, 0.04, 0.03)])
def test_the_interval_holds_the_truth_19_times_of_20(n: int, win: float, lose: float) -> None:
    draws = np.random.default_rng(n).multinomial(n, [win, lose, 1 - win - lose], 2000)
    held = [low <= win - lose <= high for low, high in (paired(n, int(w), int(v)).interval for w, v, _ in draws)]
    assert 0.93 <= np.mean(held) <= 0.985


@pytest.mark.parametrize("n", [100, 233, 1000])
def test_the_interval_and_the_verdict_never_contradict_each_other(n: int) -> None:
    """41 lost and 22 won of 233 is such a case: the interval alone would leave out 0, the exact test says chance."""
    found = [paired(n, won, lost) for won in range(0, 50, 3) for lost in range(50)]
    assert all(each.sure == (each.interval[0] > 0 or each.interval[1] < 0) for each in found)
    assert all(mcnemar(each.won, each.lost) < 0.05 for each in found if each.sure)
    assert all(each.interval[0] <= each.difference <= each.interval[1] for each in found if each.won + each.lost)


def test_images_that_belong_together_count_once() -> None:
    """Ten images of one group are one piece of evidence, whatever they say."""
    first, second = np.ones(20, dtype=bool), np.r_[np.zeros(10, dtype=bool), np.ones(10, dtype=bool)]
    alone = between(first, second)
    assert alone == paired(20, 10, 0) and alone.sure
    assert between(first, second, np.arange(20)) == alone
    one_burst = between(first, second, np.r_[np.zeros(10, dtype=int), np.arange(1, 11)])
    assert one_burst.difference == alone.difference and not one_burst.sure
    assert one_burst.interval[0] < alone.interval[0] and one_burst.interval[1] > alone.interval[1]
    single = between(first, second, np.zeros(20, dtype=int))
    assert (single.interval, single.sure) == ((-1.0, 1.0), False)
