"""Suggestions: right where the classes lie apart, and honest about how sure they are."""

# ruff: noqa: F401, F811 - the fixture "page" stands in another file
from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from app.pages.label import suggestions
from fact_core.analysis.suggest import MOST_LABELS, STRENGTH, suggest, thinned
from fact_core.errors import InputError
from fact_core.labeling import classes, operations
from fact_core.labeling.history import Op
from fact_core.storage import items, run_queue
from fact_core.storage.feature_store import FeatureStore
from fact_core.types import FloatArray, IntArray
from tests.page.conftest import routes
from tests.page.test_label_routes import Page, page


def blobs(n: int, spread: float, seed: int = 0) -> tuple[FloatArray, IntArray]:
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((4, 16))
    y = rng.integers(0, 4, n)
    return (centres[y] + spread * rng.standard_normal((n, 16))).astype(np.float32), y


def test_it_is_logistic_regression_on_rows_of_unit_length() -> None:
    x, y = blobs(400, 0.8)
    rows = np.arange(0, 400, 10)
    found = suggest(x, rows, y[rows] + 5)
    assert found is not None and found.labels == 40
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    share = LogisticRegression(C=STRENGTH, max_iter=1000).fit(unit[rows], y[rows]).predict_proba(unit)
    assert (found.y == share.argmax(1) + 5).mean() > 0.995
    assert np.allclose(found.confidence, share.max(1), atol=0.01)
    assert (found.y == y + 5).mean() > 0.8


def test_it_says_how_sure_it_is() -> None:
    x, y = blobs(4000, 1.5, 1)
    rows = np.arange(0, 4000, 20)
    found = suggest(x, rows, y[rows])
    assert found is not None
    right = found.y == y
    assert abs(float(found.confidence.mean()) - float(right.mean())) < 0.1
    assert right[found.confidence > 0.9].mean() > right[found.confidence < 0.5].mean() + 0.2


def test_no_class_or_one_class_gives_none() -> None:
    x, _ = blobs(50, 1.0)
    assert suggest(x, np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)) is None
    assert suggest(x, np.arange(5), np.full(5, 2)) is None


def test_rows_of_zeros_and_of_nan_do_no_harm() -> None:
    x, y = blobs(200, 0.8)
    x[3], x[4, 2], x[5] = 0, np.nan, np.inf
    found = suggest(x, np.arange(0, 200, 4), y[::4])
    assert (
        found is not None
        and np.isfinite(found.confidence).all()
        and ((found.confidence > 0) & (found.confidence <= 1)).all()
    )


def test_labels_that_do_not_fit_are_refused() -> None:
    x, _ = blobs(20, 1.0)
    with pytest.raises(InputError):
        suggest(x, np.array([1, 20]), np.array([0, 1]))
    with pytest.raises(InputError):
        suggest(x, np.array([1, 2, 3]), np.array([0, 1]))


def test_many_labels_are_thinned_out_evenly_and_the_rare_are_kept() -> None:
    y = np.array([0] * 9000 + [1] * 30 + [2] * 5000)
    kept = thinned(y, MOST_LABELS)
    count = np.bincount(y[kept])
    assert len(kept) <= MOST_LABELS and len(set(kept)) == len(kept) and (np.diff(kept) > 0).all()
    assert count[1] == 30 and abs(count[0] - count[2]) <= 1 and len(kept) > MOST_LABELS - 3
    assert kept[count[0] - 1] > 8500, "only the first ones of a class are kept"
    assert np.array_equal(thinned(y[:50], 100), np.arange(50))


# ---- the route


def read(page: Page) -> tuple[dict[str, Any], IntArray, IntArray, IntArray]:
    raw = page.get("/suggest")
    length = struct.unpack("<I", raw[:4])[0]
    head = json.loads(raw[4 : 4 + length])
    n, at = head["n"], 4 + length
    assert len(raw) == at + 7 * n and at % 4 == 0
    ids = np.frombuffer(raw, "<i4", n, at)
    return head, ids, np.frombuffer(raw, "<u2", n, at + 4 * n), np.frombuffer(raw, "u1", n, at + 6 * n)


def with_features(page: Page, config: dict[str, Any] | None = None, key: str = "net-1") -> FloatArray:
    """Features in which odd and even images lie apart, as a features run with these options leaves them."""
    pool = items.pool(page.project)
    x = np.zeros((len(pool), 4), dtype=np.float32)
    x[np.arange(len(pool)), np.arange(len(pool)) % 2] = 1
    x += 0.05 * np.random.default_rng(0).standard_normal(x.shape).astype(np.float32)
    FeatureStore.open(page.project.features_folder(key), 4).append(pool.digests, x)
    run = run_queue.queue(page.project, "features", config or {})
    claimed = run_queue.claim(page.project, "test")
    assert claimed is not None and claimed.id == run
    run_queue.finish(page.project, run, "done", result={"key": key, "images": len(pool), "bad": 0})
    return x


def test_the_route_answers_for_the_pool_and_learns_with_each_label(page: Page) -> None:
    nothing = {"n": 0, "classes": [], "labels": 0, "why": "features", "by": "labels", "words": ""}
    assert read(page)[0] == nothing
    with_features(page)
    one, two = classes.add_class(page.project, "odd"), classes.add_class(page.project, "even")
    assert read(page)[0]["why"] == "labels"
    operations.apply(page.project, "t", [Op(1, "label", page.ids[0], two), Op(2, "label", page.ids[1], one)])
    head, ids, y, sure = read(page)
    assert head["n"] == 12 and head["classes"] == [one, two] and head["labels"] == 2
    assert list(ids) == sorted(page.ids)
    named = [head["classes"][place] for place in y]
    assert named == [two, one] * 6 and (sure > 127).all()

    operations.apply(page.project, "t", [Op(3, "label", page.ids[0], one), Op(4, "label", page.ids[1], two)])
    head, _, y, _ = read(page)
    assert [head["classes"][place] for place in y] == [one, two] * 6


def test_the_labels_of_check_images_teach_nothing(page: Page) -> None:
    with_features(page)
    one, two = classes.add_class(page.project, "odd"), classes.add_class(page.project, "even")
    ops = [Op(1, "label", page.ids[0], two), Op(2, "label", page.ids[1], one), Op(3, "label", page.ids[5], one)]
    operations.apply(page.project, "t", [*ops, Op(4, "label", page.ids[6], two)])
    assert read(page)[0]["labels"] == 2


def test_deleted_features_are_no_error(page: Page) -> None:
    with_features(page)
    (page.project.features_folder("net-1") / "x.f32").unlink()
    assert read(page)[0]["why"] == "features"
    assert suggestions.packed  # the route stays
