"""Odd images: each kind planted among flowers that are drawn here, and how many of them its list holds in front."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from fact_core.analysis import odd
from fact_core.analysis.odd import BRIGHT, CLIPS, DARK, Bounds, Measures, light_of, likeness, z_scores
from fact_core.generators import finish
from fact_core.types import FloatArray

USUAL, PLANTED = 200, 10


def flower(rng: np.random.Generator, side: int = 128) -> Image.Image:
    """A flower before a soft background."""
    low = rng.integers(30, 150, (4, 4, 3)).astype(np.uint8)
    picture = Image.fromarray(low).resize((side, side), Image.Resampling.BICUBIC)
    draw, petals = ImageDraw.Draw(picture), int(rng.integers(5, 12))
    colour = tuple(int(each) for each in rng.integers(120, 240, 3))
    middle, long = side * rng.uniform(0.35, 0.65, 2), side * rng.uniform(0.15, 0.3)
    for angle in np.linspace(0, 2 * np.pi, petals, endpoint=False):
        x, y = middle + long * np.array([np.cos(angle), np.sin(angle)])
        draw.ellipse((x - long / 2, y - long / 2, x + long / 2, y + long / 2), fill=colour, outline=(60, 40, 40))
    draw.ellipse((*(middle - long / 2), *(middle + long / 2)), fill=(90, 60, 20))
    return picture.filter(ImageFilter.GaussianBlur(0.5))


def seen(picture: Image.Image) -> tuple[float, float, float]:
    return light_of(np.asarray(picture.convert("L"), dtype=np.float32) / 255)


def features(rng: np.random.Generator) -> FloatArray:
    """(USUAL + 2 PLANTED, 32): five kinds of flowers; PLANTED of a kind of their own; PLANTED near copies of the first.

    Those of their own kind are unlike each other, too."""
    kinds = rng.normal(size=(5, 32)) + 3
    usual = kinds[rng.integers(0, 5, USUAL)] + rng.normal(scale=1.2, size=(USUAL, 32))
    alone = rng.normal(scale=3, size=(PLANTED, 32)) - 1
    copies = usual[:PLANTED] + rng.normal(scale=0.02, size=(PLANTED, 32))
    return np.concatenate([usual, alone, copies]).astype(np.float32)


@pytest.fixture(scope="module")
def measured() -> tuple[Measures, dict[str, set[int]]]:
    """Usual flowers, then those of each kind; kind -> its rows."""
    rng = np.random.default_rng(0)
    pictures, sides = [flower(rng) for _ in range(USUAL)], [128] * (USUAL + 2 * PLANTED)
    pictures += [flower(rng) for _ in range(PLANTED)]  # unlike the others by their features alone
    pictures += [each.copy() for each in pictures[:PLANTED]]
    planted = {"unlike": set(range(USUAL, USUAL + PLANTED)), "twin": set(range(USUAL + PLANTED, USUAL + 2 * PLANTED))}
    x = features(rng)
    made = {
        "blurred": lambda: flower(rng).filter(ImageFilter.GaussianBlur(float(rng.uniform(2.5, 5)))),
        "dark": lambda: flower(rng).point(lambda v: v * 0.1),
        "bright": lambda: flower(rng).point(lambda v: v * 2.5 + 100),
        "tiny": lambda: flower(rng).resize((24, 24)),
    }
    for kind, make in made.items():
        planted[kind] = set(range(len(pictures), len(pictures) + PLANTED))
        pictures += [make() for _ in range(PLANTED)]
        sides += [24 if kind == "tiny" else 128] * PLANTED
    rest = x[rng.integers(0, USUAL, len(pictures) - len(x))]
    x = np.concatenate([x, rest + rng.normal(scale=1.2, size=rest.shape)]).astype(np.float32)
    light = np.array([seen(each) for each in pictures], dtype=np.float32)
    return Measures(*light.T, np.array(sides), *finish(likeness(x))), planted


@pytest.mark.parametrize("kind", ["unlike", "blurred", "dark", "bright", "tiny", "twin"])
def test_the_list_holds_what_was_planted_in_front(measured: tuple[Measures, dict[str, set[int]]], kind: str) -> None:
    found, planted = measured
    rows = odd.odd(found)[kind].tolist()
    assert len(planted[kind] & set(rows[:PLANTED])) >= 0.8 * PLANTED, (kind, rows)
    assert len(set(rows) - planted[kind]) <= 0.05 * USUAL


def test_what_is_strange_is_found_though_several_are_alike() -> None:
    """Six screenshots of one chat among flowers: each has its like beside it."""
    rng = np.random.default_rng(2)
    usual, shots = features(rng)[:USUAL], rng.normal(scale=3, size=(1, 32)) - 1
    x = np.concatenate([usual, shots + rng.normal(scale=0.3, size=(6, 32))]).astype(np.float32)
    assert np.flatnonzero(odd.UNLIKE.odd(finish(likeness(x))[0])).tolist() == [*range(USUAL, USUAL + 6)]
    few = finish(likeness(x[USUAL - 1 : USUAL + 3]))[0]  # fewer than ten others: the farthest of them
    assert few.argmax() == 0


def test_a_twin_names_what_it_repeats_and_the_first_is_nobody_s(measured: tuple[Measures, dict[str, set[int]]]) -> None:
    found, planted = measured
    for row in odd.odd(found)["twin"].tolist():
        assert found.twin[row] < row
    assert [found.twin[row] for row in sorted(planted["twin"])] == list(range(PLANTED))


def test_what_is_only_much_alike_is_no_twin() -> None:
    """Two footballs belong together, and neither is to be left out; a copy is."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=(60, 256))  # the usual distance of two of them is 1
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    beside = rng.normal(size=(2, 256))
    beside -= (beside * x[:2]).sum(axis=1, keepdims=True) * x[:2]
    beside /= np.linalg.norm(beside, axis=1, keepdims=True)
    for row, cosine in enumerate((0.96, 0.89)):
        x = np.vstack([x, cosine * x[row] + np.sqrt(1 - cosine**2) * beside[row]])
    apart, twin, alike, off = finish(likeness(x.astype(np.float32)))
    assert twin[60:].tolist() == [0, 1] and np.allclose(off[60:], [0.04, 0.11], atol=0.01)
    usual = np.full(len(x), 0.5)
    found = odd.odd(Measures(usual, usual, 0 * usual, np.full(len(x), 128), apart, twin, alike, off))
    assert found["twin"].tolist() == [60]


def test_what_is_odd_depends_on_the_pool_and_on_hard_bounds() -> None:
    night = np.full(50, 0.1) + np.linspace(0, 0.01, 50)
    assert not DARK.odd(night).any()  # among night shots a night shot is usual
    assert DARK.odd(np.append(night, 0.01))[-1]  # and a black one is not
    day = np.full(50, 0.5) + np.linspace(0, 0.01, 50)
    assert DARK.odd(np.append(day, 0.1)).tolist() == [False] * 50 + [True]
    assert not DARK.odd(np.append(day, 0.3)).any()  # far from the others, and light enough all the same
    assert not BRIGHT.odd(day).any()
    assert not odd.TINY.odd(np.log(np.full(30, 8.0))).any()  # a pool of icons
    assert odd.TINY.odd(np.log(np.append(np.full(30, 400.0), 8.0))).tolist() == [False] * 30 + [True]


def test_where_many_stand_before_a_white_ground_a_white_ground_is_not_odd() -> None:
    shots = np.concatenate([np.linspace(0, 0.02, 250), np.linspace(0.4, 0.8, 40)])
    assert not CLIPS.odd(shots).any()  # 40 of 290 drawings and cut-out pianos
    assert np.flatnonzero(CLIPS.odd(shots[:252])).tolist() == [250, 251]  # two of 252 are odd


def test_scores_are_those_of_the_normal_distribution_and_bear_what_is_missing() -> None:
    values = np.random.default_rng(0).normal(5, 2, 20_000)
    assert np.abs(z_scores(values) - (values - 5) / 2).max() < 0.2
    assert z_scores(np.array([1.0, 1.0, 1.0])).tolist() == [0, 0, 0]
    assert z_scores(np.array([])).tolist() == []
    found = Bounds(z=3, always=9, never=0).odd(np.array([1.0, np.nan, 1.1, 10.0]))
    assert found.tolist() == [False, False, False, True]


def test_pictures_too_small_to_have_edges() -> None:
    assert light_of(np.ones((2, 2), dtype=np.float32)) == (0.0, 1.0, 1.0)
    assert light_of(np.zeros((1, 9), dtype=np.float32)) == (0.0, 0.0, 0.0)
    sharp, light, _ = light_of(np.eye(5, dtype=np.float32))
    assert sharp > 0 and light == pytest.approx(0.2)


def test_a_large_pool_is_judged_among_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    x = features(np.random.default_rng(1))
    far = finish(likeness(x))[0]
    monkeypatch.setattr(odd, "MOST", 120)
    less, twin, *_ = finish(likeness(x))
    assert len(less) == len(x) and (twin < np.arange(len(x))).all()
    assert np.corrcoef(far, less)[0, 1] > 0.9
    assert [each.tolist() for each in finish(likeness(x[:1]))] == [[0], [-1], [0], [0]]
