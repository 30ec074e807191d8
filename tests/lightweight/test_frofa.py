"""FroFA against literal loops written from its table of operations, and against PIL."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance, ImageFilter, ImageOps
from torch import Tensor

from fact_core import backbones
from fact_core.choices import FROFA, resolve
from fact_core.errors import ConfigError
from fact_core.lightweight import frofa_policies
from fact_core.lightweight.frofa import FORMS, augment, brightness

GEOMETRIC = ("rotate", "shear-x", "shear-y", "translate-x", "translate-y")
POLICIES = {"autoaugment": frofa_policies.AUTOAUGMENT, "trivialaugment": frofa_policies.TRIVIALAUGMENT}
SINGLE = sorted(set(FROFA) - {"none", *POLICIES})
POINTWISE = sorted(set(SINGLE) - {"sharpness", *GEOMETRIC})

Grid = list[list[float]]  # one channel of one sample, rows of values


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def feature_maps(n: int = 3, h: int = 4, w: int = 5, channels: int = 6) -> Tensor:
    """(n, h, w, C) in double, as a CNN gives them (channels first in memory); with ties, and channel 1 constant."""
    drawn = torch.randn(n, channels, h, w, generator=generator(), dtype=torch.float64)
    drawn = (drawn * 6).round() / 6 * torch.arange(1, channels + 1, dtype=torch.float64)[:, None, None]
    drawn[:, 1] = 0.25
    return drawn.permute(0, 2, 3, 1)


# ---------------------------------------------------------------- the literal form


def each_token(change: Callable[[float, float], float]) -> Callable[[Grid, list[float], float], Grid]:
    return lambda grid, elements, level: [[change(x, level) for x in row] for row in grid]


def literal_posterize(x: float, level: float) -> float:
    bits = 8 - round(7 * abs(level))
    step = 2 ** (8 - bits)
    return (round(x * 255) // step) * step / 255


def literal_contrast(grid: Grid, elements: list[float], level: float) -> Grid:
    mean = sum(elements) / len(elements)
    return [[min(1.0, max(0.0, mean + (x - mean) * (1 + level))) for x in row] for row in grid]


def literal_sharpness(grid: Grid, elements: list[float], level: float) -> Grid:
    out = [list(row) for row in grid]
    for i in range(1, len(grid) - 1):
        for j in range(1, len(grid[0]) - 1):
            smooth = sum(grid[i + a][j + b] * (5 if a == b == 0 else 1) for a in (-1, 0, 1) for b in (-1, 0, 1)) / 13
            out[i][j] = min(1.0, max(0.0, smooth + (grid[i][j] - smooth) * (1 + level)))
    return out


def literal_equalize(grid: Grid, elements: list[float], level: float) -> Grid:
    below_top = sum(each < max(elements) for each in elements)
    return [[sum(each < x for each in elements) / max(1, below_top) for x in row] for row in grid]


def moved(source: Callable[[float, float, float, int, int], tuple[float, float]]) -> Callable[..., Grid]:
    """``source`` (x, y, level, h, w) says where, from the centre of the map, a token reads."""

    def change(grid: Grid, elements: list[float], level: float) -> Grid:
        h, w = len(grid), len(grid[0])
        out = [[0.0] * w for _ in range(h)]
        for i in range(h):
            for j in range(w):
                x, y = source(j - (w - 1) / 2, i - (h - 1) / 2, level, h, w)
                x, y = x + (w - 1) / 2, y + (h - 1) / 2
                for a in (math.floor(y), math.floor(y) + 1):
                    for b in (math.floor(x), math.floor(x) + 1):
                        if 0 <= a < h and 0 <= b < w:
                            out[i][j] += grid[a][b] * (1 - abs(y - a)) * (1 - abs(x - b))
        return out

    return change


def turned(x: float, y: float, level: float, h: int, w: int) -> tuple[float, float]:
    angle = math.radians(30) * level
    return x * math.cos(angle) - y * math.sin(angle), x * math.sin(angle) + y * math.cos(angle)


LITERAL: dict[str, Callable[[Grid, list[float], float], Grid]] = {
    "brightness": each_token(lambda x, level: min(1.0, max(0.0, x + level))),
    "contrast": literal_contrast,
    "posterize": each_token(literal_posterize),
    "solarize": each_token(lambda x, level: 1 - x if x > 1 - abs(level) else x),
    "sharpness": literal_sharpness,
    "invert": each_token(lambda x, level: 1 - x),
    "equalize": literal_equalize,
    "rotate": moved(turned),
    "shear-x": moved(lambda x, y, level, h, w: (x + 0.3 * level * y, y)),
    "shear-y": moved(lambda x, y, level, h, w: (x, y + 0.3 * level * x)),
    "translate-x": moved(lambda x, y, level, h, w: (x + 0.45 * level * w, y)),
    "translate-y": moved(lambda x, y, level, h, w: (x, y + 0.45 * level * h)),
}
BY_CHANCE = ("invert", "equalize")


def literal_step(unit: Tensor, name: str, strength: float, form: str, draw: Tensor) -> Tensor:
    """One sample (h, w, C) within 0..1; draw: one number, or one a channel."""
    out = torch.empty_like(unit)
    for c in range(unit.shape[-1]):
        d = float(draw[0 if form == "default" else c])
        elements = unit[..., c] if form == "channel-squared" else unit
        if name in BY_CHANCE and (d + 1) / 2 >= strength:
            out[..., c] = unit[..., c]
        else:
            grid = LITERAL[name](unit[..., c].tolist(), elements.flatten().tolist(), d * strength)
            out[..., c] = torch.tensor(grid, dtype=unit.dtype)
    return out


def literal(maps: Tensor, form: str, change: Callable[[list[Tensor]], list[Tensor]]) -> Tensor:
    """``change`` of the samples scaled to 0..1, scaled back; channels without spread stay."""
    units, lows, spans = [], torch.empty(len(maps), maps.shape[-1]), torch.empty(len(maps), maps.shape[-1])
    lows, spans = lows.double(), spans.double()
    for i, sample in enumerate(maps):
        unit = torch.empty_like(sample)
        for c in range(maps.shape[-1]):
            over = sample[..., c] if form == "channel-squared" else sample
            lows[i, c], spans[i, c] = over.min(), over.max() - over.min()
            unit[..., c] = (sample[..., c] - lows[i, c]) / (spans[i, c] if spans[i, c] >= 1e-6 else 1)
        units.append(unit)
    out = maps.clone()
    for i, unit in enumerate(change(units)):
        for c in range(maps.shape[-1]):
            if spans[i, c] >= 1e-6:
                out[i, ..., c] = unit[..., c] * spans[i, c] + lows[i, c]
    return out


def draws(n: int, form: str, channels: int, source: torch.Generator) -> Tensor:
    return torch.rand(n, 1 if form == "default" else channels, generator=source) * 2 - 1


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", SINGLE)
def test_an_operation_equals_its_literal_form(name: str, form: str) -> None:
    maps = feature_maps()
    drawn = draws(3, form, 6, generator(7))
    wanted = literal(
        maps, form, lambda units: [literal_step(u, name, 0.8, form, drawn[i]) for i, u in enumerate(units)]
    )
    found = augment(maps, name, 0.8, generator(7), form=form)
    torch.testing.assert_close(found, wanted, atol=1e-9, rtol=0)
    assert not torch.equal(found, maps)
    if name in POINTWISE:
        tokens = augment(maps.reshape(3, 20, 6), name, 0.8, generator(7), form=form)
        torch.testing.assert_close(tokens.reshape(maps.shape), wanted, atol=1e-9, rtol=0)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", POLICIES)
def test_a_policy_equals_its_literal_form(name: str, form: str) -> None:
    """Row and chances are drawn for each sample, then the steps of the table in its order."""
    maps, source, table = feature_maps(n=24, h=3), generator(5), POLICIES[name]

    def change(units: list[Tensor]) -> list[Tensor]:
        rows = torch.randint(len(table), (24,), generator=source)
        chances = torch.rand(24, 2 if name == "autoaugment" else 1, generator=source)
        for row, steps in enumerate(table):
            for place, (operation, probability, magnitude) in enumerate(steps):
                taken = [i for i in range(24) if rows[i] == row and chances[i, place] < probability]
                drawn = draws(len(taken), form, 6, source)
                for i, draw in zip(taken, drawn, strict=True):
                    units[i] = literal_step(units[i], operation.__name__, 0.9 * magnitude, form, draw)
        return units

    wanted = literal(maps, form, change)
    torch.testing.assert_close(augment(maps, name, 0.9, generator(5), form=form), wanted, atol=1e-9, rtol=0)
    assert not torch.equal(wanted, maps)


def test_policies_are_stylistic_and_use_every_such_operation() -> None:
    for table in POLICIES.values():
        used = {operation.__name__ for steps in table for operation, _, _ in steps}
        assert used == set(SINGLE) - set(GEOMETRIC)
        assert all(0 < p <= 1 and 0 < m <= 1 for steps in table for _, p, m in steps)


# ---------------------------------------------------------------- by hand, and PIL


def unit_of(name: str, unit: Tensor, strength: float, seed: int = 0) -> tuple[Tensor, float]:
    """The operation on one map (h, w) within 0..1, and its draw."""
    out = resolve(FROFA[name].target)(unit[None, ..., None], strength, FORMS["default"], generator(seed))
    return out[0, ..., 0], float(torch.rand(1, generator=generator(seed)) * 2 - 1)


def seed_near(wanted: float) -> int:
    """A seed whose first draw |d| is near that number."""
    return min(range(300), key=lambda s: abs(abs(float(torch.rand(1, generator=generator(s)) * 2 - 1)) - wanted))


def test_posterize_to_one_bit_by_hand() -> None:
    """One bit of 8 stays: below 128 all is 0, from there 128."""
    out, _ = unit_of("posterize", torch.tensor([[0, 127, 128, 255]]) / 255, 1.0, seed_near(1.0))
    assert (out * 255).round().int().tolist() == [[0, 0, 128, 128]]


def test_solarize_half_by_hand() -> None:
    out, _ = unit_of("solarize", torch.tensor([[0.0, 0.25, 0.75, 1.0]]), 1.0, seed_near(0.5))
    assert out.tolist() == [[0.0, 0.25, 0.25, 0.0]]


def test_equalize_by_hand() -> None:
    """Of four elements three lie below the largest; none, one and three lie below 0, 0.1 and 1."""
    out, _ = unit_of("equalize", torch.tensor([[0.0, 0.1], [0.1, 1.0]]), 1.0)
    assert out.flatten().tolist() == pytest.approx([0, 1 / 3, 1 / 3, 1])


@pytest.mark.parametrize("name", BY_CHANCE)
def test_strength_is_the_probability_of_what_has_no_degree(name: str) -> None:
    maps = torch.rand(1, 3, 3, 2000, generator=generator())
    changed = (augment(maps, name, 0.3, generator(1)) - maps).abs().amax(dim=(0, 1, 2)) > 1e-4
    assert 0.26 < changed.float().mean() < 0.34
    assert ((augment(maps, name, 1.0, generator(1)) - maps).abs().amax(dim=(0, 1, 2)) > 1e-4).all()


def test_translate_moves_whole_tokens_by_hand() -> None:
    """A level that is one token of four moves all by one; what comes in is the smallest value."""
    seed = seed_near(0.8)
    _, d = unit_of("none", torch.zeros(1, 1), 0.0, seed)
    strength = 0.25 / 0.45 / abs(d)
    row = torch.tensor([[[[1.0], [2.0], [3.0], [5.0]]]])
    wanted = [2, 3, 5, 1] if d > 0 else [1, 1, 2, 3]
    out = resolve(FROFA["translate-x"].target)((row - 1) / 4, strength, FORMS["default"], generator(seed))
    assert (out * 4 + 1).flatten().tolist() == pytest.approx(wanted, abs=1e-4)


@pytest.mark.parametrize("name", ["posterize", "solarize", "equalize", "contrast", "sharpness", "brightness", "invert"])
def test_an_operation_equals_pil(name: str) -> None:
    """On 256 tokens of whole numbers; PIL rounds in between, so that blends differ by 1 of 255."""
    grey = np.random.default_rng(0).integers(0, 255, (16, 16)).astype(np.uint8)
    grey[3, 4] = 255  # the largest once: then PIL's equalizing has a step of exactly 1
    picture = Image.fromarray(grey)
    for seed in range(4):
        out, d = unit_of(name, torch.from_numpy(grey).double() / 255, 1.0, seed)
        smooth, mean = picture.filter(ImageFilter.SMOOTH), Image.new("L", (16, 16), int(grey.mean() + 0.5))
        wanted = {
            "posterize": lambda d=d: ImageOps.posterize(picture, 8 - round(7 * abs(d))),
            "solarize": lambda d=d: ImageOps.solarize(picture, math.floor(255 * (1 - abs(d))) + 1),
            "equalize": lambda: ImageOps.equalize(picture),
            "contrast": lambda d=d, mean=mean: Image.blend(mean, picture, 1 + d),
            "sharpness": lambda d=d, smooth=smooth: Image.blend(smooth, picture, 1 + d),
            "brightness": lambda d=d: picture.point(lambda v: round(v + 255 * d)),
            "invert": lambda: ImageOps.invert(picture),
        }[name]()
        off = np.abs(out.numpy() * 255 - np.asarray(wanted).astype(float)).max()
        assert off <= {"contrast": 1.6, "sharpness": 2.1, "brightness": 0.51}.get(name, 1e-6), (seed, d)
    assert ImageEnhance.Sharpness(picture).degenerate.tobytes() == smooth.tobytes()


# ---------------------------------------------------------------- edges


def test_brightness_is_the_same_by_either_way() -> None:
    """``brightness`` skips the scaling; the operation as policies use it does not."""
    maps = feature_maps().float()
    for form, kind in FORMS.items():
        over = (1, 2) if kind.own_range else (1, 2, 3)
        low, high = maps.amin(dim=over, keepdim=True), maps.amax(dim=over, keepdim=True)
        span = (high - low).clamp(min=1e-3)
        slow = resolve(FROFA["brightness"].target)((maps - low) / span, 0.6, kind, generator(2)) * span + low
        fast = augment(maps, "brightness", 0.6, generator(2), form=form)
        assert torch.equal(fast, brightness(maps, 0.6, generator(2), form=form))
        live = torch.ones(6, dtype=torch.bool) if form != "channel-squared" else torch.arange(6) != 1
        torch.testing.assert_close(fast[..., live], slow[..., live])


@pytest.mark.parametrize("name", sorted(FROFA))
def test_constant_channels_and_samples_stay(name: str) -> None:
    maps = torch.rand(4, 3, 5, 3, generator=generator())
    maps[..., 1] = 7.5
    out = augment(maps, name, 1.0, generator(3))
    assert torch.equal(out[..., 1], maps[..., 1])
    maps[..., 1] = torch.linspace(0, 9e-7, 15).reshape(3, 5)  # a spread below the limit is none
    assert torch.equal(augment(maps, name, 1.0, generator(3))[..., 1], maps[..., 1])
    for form in FORMS:
        still = torch.full((2, 3, 3, 4), -2.0)
        assert torch.equal(augment(still, name, 1.0, generator(3), form=form), still)


@pytest.mark.parametrize("form", FORMS)
def test_a_sample_does_not_depend_on_the_others(form: str) -> None:
    """Ranges and means are of one sample: the first is the same whoever stands beside it."""
    maps = torch.rand(2, 3, 4, 5, generator=generator())
    other = torch.stack((maps[0], maps[1] * 100))
    for name in SINGLE:
        one, two = (augment(each, name, 0.7, generator(4), form=form)[0] for each in (maps, other))
        torch.testing.assert_close(one, two, msg=name)


def test_small_grids_have_nothing_to_sharpen() -> None:
    maps = torch.rand(2, 2, 7, 3, generator=generator())
    torch.testing.assert_close(augment(maps, "sharpness", 1.0, generator()), maps)


def test_none_and_strength_zero_draw_nothing() -> None:
    maps, source = torch.rand(2, 9, 3), generator(1)
    before = source.get_state()
    assert augment(maps, "none", 0.7, source) is maps
    assert all(augment(maps, name, 0.0, source) is maps for name in FROFA)
    assert torch.equal(source.get_state(), before)


@pytest.mark.parametrize("name", ["sharpness", *GEOMETRIC, *POLICIES])
def test_spatial_operations_without_a_grid_are_refused(name: str) -> None:
    for seed in range(3):
        with pytest.raises(ConfigError, match=r"where a token lies.*without a grid.*brightness"):
            augment(torch.rand(1, 9, 3), name, 0.5, generator(seed))


def test_unknown_names_forms_strengths_and_shapes_are_refused() -> None:
    maps = torch.rand(1, 3, 3, 2)
    with pytest.raises(ConfigError, match="trivialaugment"):
        augment(maps, "mixup", 0.5, generator())
    with pytest.raises(ConfigError, match="channel-squared"):
        augment(maps, "contrast", 0.5, generator(), form="element")
    for wrong in (-0.1, 1.5, math.nan):
        with pytest.raises(ConfigError, match="between 0 and 1"):
            augment(maps, "contrast", wrong, generator())
    for shape in ((4,), (2, 8), (1, 2, 3, 3, 2)):
        with pytest.raises(ConfigError, match="features"):
            augment(torch.rand(shape), "contrast", 0.5, generator())


def test_class_tokens_never_get_here() -> None:
    """A vision transformer's patches are its tokens after the class token, row by row."""
    backbone = backbones.load("vit_small_patch16_224.dino", pixels=48, random=True).eval()
    x = torch.randn(2, 3, 48, 48, generator=generator())
    with torch.no_grad():
        patches = backbone(x).patches
        everything = backbone.network.forward_features(x)
    assert backbone.num_prefix == 1 and everything.shape == (2, 10, 384)
    assert patches.shape == (2, 3, 3, 384)
    torch.testing.assert_close(patches.reshape(2, 9, 384), everything[:, 1:])
    assert augment(patches, "autoaugment", 0.5, generator()).shape == (2, 3, 3, 384)
