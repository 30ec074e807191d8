"""The benches of the page: figures of what was seen, a synthetic pool, and small real runs in Chromium."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from app.bench import __main__ as command
from app.bench import browser, figures, label, pool, windows
from app.bench import map as maps
from fact_core.bench import page_tables
from fact_core.errors import DeviceError
from fact_core.generators import finish
from fact_core.labeling import classes, labels_now, selections
from fact_core.storage import items
from fact_core.types import Step

KEYS = 12
CHROMIUM = any(map(shutil.which, browser.NAMES))


# ---- figures ---------------------------------------------------------------------------------------


def test_percentiles_are_measured_values() -> None:
    assert figures.percentile([], 95) is None
    assert figures.percentile([7.0], 50) == 7.0
    assert figures.percentile(list(range(1, 21)), 95) == 19
    assert figures.percentile(list(range(1, 22)), 95) == 20
    assert figures.percentile([1.0, 2.0, 3.0, 4.0], 50) == 2.0


@settings(deadline=None)
@given(some.lists(some.integers(0, 10_000), min_size=1), some.integers(1, 100))
def test_a_percentile_is_the_smallest_value_that_enough_do_not_exceed(values: list[int], share: int) -> None:
    found = figures.percentile(values, share)
    assert found in values
    enough = share * len(values) / 100 - 1e-6
    assert sum(each <= found for each in values) >= enough
    assert sum(each < found for each in values) < enough + 1e-5


def test_the_later_of_both_times_counts() -> None:
    seen = [
        {"at": 100.04, "shown": 130.0},  # painted later than it lay in the page
        {"at": 200.0, "shown": 290.0},  # the frame after the key did not hold it yet
        {"at": 300.0, "shown": 309.0},  # no entry: painted within 16 ms
        {"at": 400.0, "shown": None},  # never came
    ]
    events = [
        {"start": 100.0, "duration": 48.0},
        {"start": 200.0, "duration": 24.0},
        {"start": 400.0, "duration": 16.0},
    ]
    assert figures.paint_times(seen, events, "shown") == [48.0, 90.0, 9.0, figures.NEVER_MS]
    assert figures.paint_times([], events, "shown") == []


@pytest.mark.parametrize(
    ("stored", "lost", "reordered"),
    [
        ([(1, 5), (2, 6), (3, 5)], 0, 0),
        ([(1, 5), (3, 5)], 1, 0),
        ([], 3, 0),
        ([(2, 6), (1, 5), (3, 5)], 0, 1),
        ([(3, 5), (1, 5), (2, 6)], 0, 2),
        ([(1, 5), (2, 7), (3, 5)], 1, 0),  # another class than the key's
        ([(9, 9), (1, 5), (2, 6), (3, 5)], 0, 0),  # somebody else's
    ],
)
def test_lost_and_reordered(stored: list[figures.Label], lost: int, reordered: int) -> None:
    assert figures.lost_and_reordered([(1, 5), (2, 6), (3, 5)], stored) == (lost, reordered)


@settings(deadline=None)
@given(some.lists(some.tuples(some.integers(1, 50), some.integers(1, 9)), unique=True), some.data())
def test_what_is_left_out_is_lost_and_only_a_sorted_history_has_nothing_reordered(
    given_labels: list[figures.Label], data: some.DataObject
) -> None:
    kept = [each for each in given_labels if data.draw(some.booleans())]
    stored = data.draw(some.permutations(kept))
    lost, reordered = figures.lost_and_reordered(given_labels, stored)
    assert lost == len(given_labels) - len(kept)
    assert (reordered == 0) == (list(stored) == kept)


def test_a_row_of_labels_counts_from_what_was_on_screen() -> None:
    seen = [
        {"at": 0.0, "digit": 1, "id": 4, "early": False, "shown": 30.0},
        {"at": 10.0, "digit": 7, "id": 5, "early": True, "shown": 260.0},  # its image had not been painted
        {"at": 200.0, "digit": 0, "id": 5, "early": False, "shown": 260.0},
    ]
    row = figures.label_row(1000, seen, [], [(4, 11), (5, 20)], list(range(11, 21)), "a computer")
    assert row == {
        "pool": 1000,
        "keys": 3,
        "early": 1,
        "key_to_next_image_ms_p50": 30.0,
        "key_to_next_image_ms_p95": 60.0,
        "lost": 0,
        "reordered": 0,
        "device": "a computer",
    }
    # The second label went to the image before it: the one that was shown is without.
    assert figures.label_row(1000, seen, [], [(4, 11), (4, 20)], list(range(11, 21)), "")["lost"] == 1


@pytest.mark.parametrize(("frames", "rate"), [([], None), ([5.0], None), ([5.0, 5.0], None), ([0, 20, 100], 20.0)])
def test_frame_rate(frames: Sequence[float], rate: float | None) -> None:
    assert figures.frame_rate(frames) == rate


def test_tables_say_what_was_not_measured() -> None:
    rows = [{"pool": 200_000, "first_paint_s": 2.5, "lasso_paint_ms": None, "renderer": "not a column"}]
    head, _, line = page_tables.map_table(rows).splitlines()
    assert head.startswith("| dots | first paint, s |")
    assert line == "| 200,000 | 2.5 | – | – | – | – | – | – | – |"
    assert page_tables.label_table([]).count("\n") == 1


# ---- the pool --------------------------------------------------------------------------------------


def test_a_pool_has_a_queue_of_files_and_a_map_of_all(tmp_path: Path) -> None:
    images = pool.paint_images(tmp_path / "images", 3, (64, 48))
    project = pool.make(tmp_path / "pool", images, 50)
    assert len(items.pool(project).ids) == 50
    queue = [entry.item for entry in selections.queue(project)]
    assert len(queue) == 3
    assert [items.path_of(project, item).is_file() for item in queue] == [True] * 3
    assert len(classes.classes(project)) == 10
    assert labels_now.history(project) == []
    assert np.load(project.cache / "maps" / f"{pool.KEY}.npy").shape == (50, 2)
    assert np.load(project.cache / "maps" / f"{pool.KEY}.ids.npy").tolist() == items.pool(project).ids.tolist()


def test_more_files_than_images_are_refused(tmp_path: Path) -> None:
    images = pool.paint_images(tmp_path / "images", 3, (64, 48))
    with pytest.raises(ValueError, match="more than 2 images"):
        pool.make(tmp_path / "pool", images, 2)


@settings(deadline=None)
@given(some.integers(1, 3000), some.integers(0, 5))
def test_a_gap_parts_the_places(count: int, seed: int) -> None:
    places = pool.places(count, seed)
    assert places.shape == (count, 2)
    assert np.abs(places).max() <= 1
    assert (np.abs(places[:, 0]) >= 0.029).all()
    assert (places[:, 0] < 0).sum() == round(pool.LEFT * count)


# ---- the command -----------------------------------------------------------------------------------


def test_the_command_lists_the_benches_of_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["bench", "nothing"]) == 2
    said = capsys.readouterr().err
    assert "label" in said and "map" in said and "tables" in said
    with pytest.raises(SystemExit) as ended:
        command.main(["bench", "map", "--help"])
    assert ended.value.code == 0
    assert {"--full", "--json"} <= set(capsys.readouterr().out.replace("[", " ").replace("]", " ").split())


def test_without_chromium_it_is_said_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("playwright.sync_api")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DeviceError, match=r"Chromium.*apt install"), browser.chromium():
        pass


# ---- real runs ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pool.paint_images(tmp_path_factory.mktemp("images"), 40, (800, 600))


def measured(step: Step[dict[str, Any]]) -> dict[str, Any]:
    """The bench starts a browser of its own: in a thread of its own, as this one may have the session's."""
    with ThreadPoolExecutor(1) as one:
        return one.submit(finish, step).result()


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(not CHROMIUM, reason="there is no Chromium")
def test_keys_are_measured_in_chromium(images: Path, tmp_path: Path) -> None:
    pytest.importorskip("playwright.sync_api")
    project = pool.make(tmp_path / "pool", images, 600)
    row = measured(label.measure(project, 600, tmp_path / "home", keys=KEYS))
    assert (row["pool"], row["keys"], row["lost"], row["reordered"]) == (600, KEYS, 0, 0)
    assert 0 < row["key_to_next_image_ms_p50"] <= row["key_to_next_image_ms_p95"] <= figures.NEVER_MS
    given_labels = [each for each in labels_now.history(project) if each.op == "label"]
    assert len({each.item for each in given_labels}) == KEYS - row["early"]  # early ones: the machine was busy


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(not CHROMIUM, reason="there is no Chromium")
def test_the_map_is_measured_in_chromium(images: Path, tmp_path: Path) -> None:
    pytest.importorskip("playwright.sync_api")
    row = measured(maps.measure(pool.make(tmp_path / "pool", images, 600), 600, tmp_path / "home"))
    assert row["pool"] == 600
    assert row["lasso_points"] == round(pool.LEFT * 600)
    for name in (
        "first_paint_s",
        "first_after_start_s",
        "click_to_paint_ms_p95",
        "click_to_image_ms_p95",
        "lasso_paint_ms",
        "frames_per_s",
    ):
        assert row[name] > 0, name
    assert max(row["click_to_paint_ms_p95"], row["lasso_paint_ms"]) < figures.NEVER_MS


def test_what_each_window_heard_is_looked_for_in_the_history() -> None:
    heard = [[("a", 1), ("a", 2), ("a", 3)], [("b", 1), ("b", 2)]]
    whole = [("a", 1), ("b", 1), ("a", 2), ("x", 1), ("b", 2), ("a", 3)]
    assert windows.checked(heard, whole) == (0, 0)
    assert windows.checked(heard, whole[1:]) == (1, 0)
    assert windows.checked(heard, [whole[2], whole[0], *whole[3:], whole[1]]) == (0, 2)


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(not CHROMIUM, reason="there is no Chromium")
def test_windows_that_label_at_once_lose_nothing(images: Path, tmp_path: Path) -> None:
    """Hostile input 12: several windows label the same project by keys."""
    pytest.importorskip("playwright.sync_api")
    project = pool.make(tmp_path / "pool", images, 40)
    row = measured(windows.label(project, tmp_path / "home", keys=10, windows=3))
    assert (row["lost"], row["reordered"]) == (0, 0) and 20 <= row["labels"] <= 30
    assert len([each for each in labels_now.history(project) if each.op == "label"]) == row["labels"]
    assert row["mb_early"] > 50 and row["mb_late"] > 50


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_memory_of_trainings_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "SETTLED", 1)
    few = {"lm.steps": 5, "lm.views": 1}
    (row,) = finish(windows.train(tmp_path, 2, most=60, **few))
    assert row["trainings"] == 2 and row["mb_late"] > 100 and row["lost"] is None
