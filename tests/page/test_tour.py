"""The pictures of README's tour: what takes them knows all of them, and they are small without losing the page."""

from __future__ import annotations

import argparse
import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from app.bench import tour, tour_pages
from app.bench.picture import COLOURS, small
from fact_core.errors import InputError
from fact_core.generators import finish
from fact_core.labeling import classes, labels_now, selections
from fact_core.storage import items
from fact_core.storage import project as projects
from fact_core.types import Selection
from fact_core.work.scan import scan
from tests.conftest import MakeImages

ROOT = Path(__file__).resolve().parents[2]
TAKEN = {**dict.fromkeys(tour_pages.FIRST_ROUND, 1440), **{n: s[1] for n, s in tour_pages.SECOND_ROUND.items()}}


def test_the_tour_shows_what_is_taken() -> None:
    shown = re.findall(r"assets/(tour-[a-z]+\.png)", (ROOT / "README.md").read_text("utf-8"))
    assert sorted(shown) == sorted(TAKEN)
    for name, width in TAKEN.items():
        with Image.open(ROOT / "assets" / name) as picture:
            assert (picture.mode, picture.width) == ("P", width), name
        assert (ROOT / "assets" / name).stat().st_size < 300_000, name


def test_a_small_picture_keeps_the_colours_of_the_page() -> None:
    """A photo of a hundred thousand colours beside four marks of some pixels."""
    rng, marks = np.random.default_rng(0), ((255, 0, 90), (0, 119, 73), (42, 91, 224), (255, 255, 255), (252, 252, 252))
    page = np.full((400, 600, 3), 246, dtype=np.uint8)
    page[:, 200:] = rng.integers(0, 256, (400, 400, 3))
    for n, mark in enumerate(marks):
        page[10 * n : 10 * n + 8, :8] = mark
    out = io.BytesIO()
    Image.fromarray(page).save(out, "PNG")
    made = Image.open(io.BytesIO(small(out.getvalue())))
    found = np.asarray(made.convert("RGB"))
    assert made.mode == "P" and len(np.unique(np.asarray(made))) <= COLOURS
    assert (found[:, :200] == page[:, :200]).all()
    assert (
        np.abs(found[:, 200:].astype(int) - page[:, 200:]).mean() < 40
    )  # of photos the nearest of those that are left
    page[399, 599] = (120, 3, 201)  # a single one that is asked for
    Image.fromarray(page).save(out := io.BytesIO(), "PNG")
    asked = Image.open(io.BytesIO(small(out.getvalue(), [(120, 3, 201)]))).convert("RGB")
    assert asked.getpixel((599, 399)) == (120, 3, 201)
    plain = Image.new("RGB", (20, 20), (1, 2, 3))
    plain.save(out := io.BytesIO(), "PNG")
    assert Image.open(io.BytesIO(small(out.getvalue()))).convert("RGB").getpixel((3, 3)) == (1, 2, 3)


def test_the_hand_labels_by_the_folders_and_stops_in_time(tmp_path: Path, make_images: MakeImages) -> None:
    project = projects.create(tmp_path / "project", make_images(tmp_path / "images"))
    finish(scan(project))
    ids = items.pool(project).ids
    selections.save(project, Selection(ids, ("pick",) * len(ids), ids[:0], "random", {}), None)
    classes.ensure_classes(project, ["green", "red"])
    tour.label_some(project, 5, seconds=6.0)
    tour.label_some(project, 7, seconds=6.0)  # it is taken up where it was left
    given = labels_now.snapshot(project)
    folders = {item: Path(path).parent.name for item, path, _ in items.known(project, ids.tolist())}
    assert len(given.ids) == 7
    assert all(given.classes[int(y)] == folders[int(item)] for item, y in zip(given.ids, given.y, strict=True))
    assert {row.lead_time for row in labels_now.history(project)} == {6.0}


def test_what_cannot_be_photographed_is_told_before_anything_is_made(tmp_path: Path) -> None:
    given = argparse.Namespace(images=tmp_path, place=tmp_path / "place", into=tmp_path / "none")
    with pytest.raises(InputError, match="no such folder for the pictures"):
        finish(tour.run(given))
    given.into = tmp_path
    with pytest.raises(InputError):
        finish(tour.run(given))  # no folder of a class
    assert not given.place.exists()
