"""One contract over every strategy, way to group images and FroFA: a new entry is tested by being there.

That of the backbones: tests/backbones/test_backbones.py.
"""

import re

import numpy as np
import pytest
import torch

from fact_core.analysis.groups import numbers
from fact_core.choices import FROFA, GROUPINGS, RECIPES, STRATEGIES, resolve
from fact_core.errors import ConfigError, FactError, InputError
from fact_core.exchange import import_labels
from fact_core.exchange.readers import READERS
from fact_core.exchange.readers import read as read_table
from fact_core.generators import finish
from fact_core.lightweight.frofa import FORMS, augment
from fact_core.select.choose import choose_images
from fact_core.select.picks import Picks, unit
from fact_core.types import PoolFacts

#: Steps of ActiveFT, where nothing is asked of how good its picks are.
FEW = {"iterations": 60}


def pick_rows(name, x, budget, labeled=(3, 7), y=(0, 1), seed=1, **options):
    labeled, y = np.array(labeled, dtype=np.int64), None if y is None else np.array(y, dtype=np.int64)
    x = np.asarray(x, dtype=np.float32)
    return finish(choose_images(name, x, budget, labeled, y, np.random.default_rng(seed), **options))


def some_rows(n=40, dims=8):
    return np.random.default_rng(0).normal(size=(n, dims)).astype(np.float32)


@pytest.mark.parametrize("name", sorted(STRATEGIES))
class TestStrategy:
    def test_picks_distinct_unlabeled_rows_the_same_for_a_seed(self, name):
        x = some_rows()
        kept = x.copy()
        picks = pick_rows(name, x, 6)
        assert isinstance(picks, Picks) and picks.rows.dtype == picks.next_best.dtype == np.int64
        everything = picks.rows.tolist() + picks.next_best.tolist()
        assert len(picks.rows) == 6 and len(set(everything)) == len(everything) >= 26
        assert not {3, 7} & set(everything) and min(everything) >= 0 and max(everything) < 40
        again = pick_rows(name, x, 6)
        assert (again.rows == picks.rows).all() and (again.next_best == picks.next_best).all()
        assert (x == kept).all()

    @pytest.mark.parametrize(("labeled", "y"), [((), ()), ((), None), ((3, 7), None), ((3, 7), (1, 1))])
    def test_works_with_few_labels_or_none(self, name, labeled, y):
        rows = pick_rows(name, some_rows(), 6, labeled, y, **FEW).rows
        assert len(set(rows)) == 6 and not set(labeled) & set(rows)

    @pytest.mark.parametrize("budget", [1, 37, 38])
    def test_one_image_and_the_whole_pool(self, name, budget):
        picks = pick_rows(name, some_rows(), budget, **FEW)
        assert len(set(picks.rows)) == budget and not {3, 7} & set(picks.rows)
        assert len(set(picks.next_best) | set(picks.rows)) == 38 if budget > 17 else True

    @pytest.mark.parametrize("budget", [0, -1, 39])
    def test_refuses_a_budget_that_cannot_be(self, name, budget):
        with pytest.raises(ConfigError, match="budget"):
            pick_rows(name, some_rows(), budget)

    def test_refuses_features_that_are_not_numbers(self, name):
        x = some_rows()
        x[5, 2] = np.nan
        with pytest.raises(InputError, match="not numbers"):
            pick_rows(name, x, 4)

    def test_stands_identical_and_doubled_images_and_rows_of_zeros(self, name):
        assert len(set(pick_rows(name, np.ones((30, 4)), 9).rows)) == 9
        assert len(set(pick_rows(name, np.zeros((30, 4)), 9).rows)) == 9
        assert len(set(pick_rows(name, np.repeat(some_rows(20), 2, axis=0), 9, near=0.1).rows)) == 9

    def test_a_doubled_image_is_chosen_once(self, name):
        x = np.repeat(some_rows(30), 2, axis=0)
        picks = pick_rows(name, x, 10, near=0.1)
        assert len(set(picks.rows // 2)) == 10 and not {1, 3} & set(picks.rows // 2)  # rows 3, 7 are labeled

    def test_says_whether_the_budget_or_chance_changes_its_order(self, name):
        x, choice = some_rows(60), STRATEGIES[name]
        first = pick_rows(name, x, 6).rows.tolist()
        if choice.prefix:
            assert pick_rows(name, x, 20).rows[:6].tolist() == first
        if not choice.chance:
            assert all(pick_rows(name, x, 6, seed=seed).rows.tolist() == first for seed in range(2, 5))

    def test_the_front_of_the_order_is_a_good_smaller_set(self, name):
        """The first half of the picks comes closer to the pool than as many images drawn by lot."""
        if not STRATEGIES[name].covers:
            pytest.skip("is not meant to cover the pool")
        rng = np.random.default_rng(0)
        x = np.concatenate([rng.normal(size=(60, 6)) * 0.1 + centre for centre in rng.normal(size=(8, 6))])
        found = np.mean([_cover(x, pick_rows(name, x, 16, (), (), seed=seed).rows[:8]) for seed in range(5)])
        lot = np.mean([_cover(x, rng.choice(len(x), 8, replace=False)) for _ in range(50)])
        assert found > lot


def _cover(x, rows):
    u = unit(x)
    return (u @ u[rows].T).max(1).mean()


@pytest.mark.parametrize("name", sorted(READERS))
def test_reader_of_labels(name):
    """Says what it reads; anything that is not its kind is refused in words or gives a table whose rows fit it."""
    reader = READERS[name]
    assert reader.title and name in import_labels.SOURCE_KINDS
    for text in ("", "[]", "{}", "[{}]", "a,b\nc,d\n", "<a/>", "null", '{"images": [], "annotations": []}', "\0"):
        try:
            table = read_table(text.encode(), name).table
        except FactError as error:
            assert error.what
            continue
        assert table.unit and table.of and table.kind in READERS
        assert all(0 <= place < len(table.columns) for place in (*table.files, *table.labels))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", sorted(FROFA))
def test_frofa(name, form):
    """Finite, of the same shape, within the range of its sample; the same seed gives the same; strength 0 nothing."""
    maps = torch.randn(6, 4, 3, 5, generator=torch.Generator().manual_seed(0)) * 10
    kept = maps.clone()
    for strength in (0.1, 1.0):
        found = [augment(maps, name, strength, torch.Generator().manual_seed(1), form=form) for _ in range(2)]
        assert found[0].shape == maps.shape and found[0].dtype == maps.dtype and found[0].isfinite().all()
        assert torch.equal(found[0], found[1]) and torch.equal(maps, kept)
        over = (1, 2) if form == "channel-squared" else (1, 2, 3)
        assert (found[0] >= maps.amin(dim=over, keepdim=True)).all()
        assert (found[0] <= maps.amax(dim=over, keepdim=True)).all()
    assert torch.equal(found[0], maps) == (name == "none")
    assert torch.equal(augment(maps, name, 0.0, torch.Generator().manual_seed(1), form=form), maps)
    assert FROFA[name].title and FROFA[name].help.endswith(".") and callable(resolve(FROFA[name].target))


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_what_a_recipe_takes_is_measured_and_not_told_by_its_help(name):
    """ "seconds" stood beside "about 4 min here"."""
    assert not re.search(r"second|minute|hour|quick", RECIPES[name].help)


@pytest.mark.parametrize("name", sorted(GROUPINGS))
def test_grouping(name):
    """A name for each image, the same in any order of the pool; nothing is known: nothing belongs together."""
    choice, rng = GROUPINGS[name], np.random.default_rng(0)
    assert choice.title and choice.help.endswith(".")
    paths = tuple(f"film{n // 4}/take{n // 2}_{n:03d}.jpg" for n in range(24))
    x = np.repeat(rng.normal(size=(12, 9)), 2, axis=0).astype(np.float32)
    facts = PoolFacts(paths, 1e9 + 60.0 * (np.arange(24) // 2), ("A",) * 24, ("p",) * 24, (), x)
    names = finish(resolve(choice.target)(facts))
    assert len(names) == 24 and all(isinstance(each, str) for each in names)
    turn = rng.permutation(24)
    turned = PoolFacts(tuple(paths[i] for i in turn), facts.taken[turn], ("A",) * 24, ("p",) * 24, (), x[turn])
    again = numbers(finish(resolve(choice.target)(turned)))
    same = numbers(names)[turn]
    assert ((again[:, None] == again) == (same[:, None] == same)).all()
    bare = PoolFacts(tuple("abc"), np.zeros(3), ("",) * 3, ("",) * 3)
    assert finish(resolve(choice.target)(bare)) == ["", "", ""]
    assert finish(resolve(choice.target)(PoolFacts((), np.zeros(0), (), ()))) == []
