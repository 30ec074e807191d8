"""The routes of words on the Label page: what is missing, what a run has found, suggestions before the first label."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.pages.label import words
from app.shell.server import Server
from fact_core.generators import finish
from fact_core.labeling import classes, operations, other_class
from fact_core.labeling.history import Op
from fact_core.pretrained import text_weights
from fact_core.pretrained.text_weights import TextFiles
from fact_core.storage import items, run_queue, word_scores
from fact_core.types import IntArray
from fact_core.work.scan import scan
from tests.analysis.test_suggest import read, with_features
from tests.page.test_label_routes import Page, page
from tests.storage_help import paint

__all__ = ["page"]

NETWORK = "vit_base_patch16_clip_quickgelu_224.openai"


@pytest.fixture
def worded(page: Page, monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    """The page with features by a backbone that knows words and is ready."""
    monkeypatch.setattr(text_weights, "_look", lambda name: TextFiles(Path("weights"), Path("tokenizer.json")))
    monkeypatch.setattr(Server, "tend", lambda self, key, *, now=False: None)  # what a child does is the worker's test
    with_features(page, {"backbone": NETWORK})
    yield page


def answered(page: Page, query: str, logits: Any, names: dict[str, int] | None = None) -> IntArray:
    """A run that has held the pool against words. The ids of its rows."""
    run = run_queue.queue(page.project, "words", {"backbone": NETWORK, "query": query})
    claimed = run_queue.claim(page.project, "test")
    assert claimed is not None and claimed.id == run
    pool = items.pool(page.project)
    ids = np.sort(pool.ids)
    by_id = dict(zip(pool.ids.tolist(), pool.digests, strict=True))
    digests = [by_id[each] for each in ids.tolist()]
    word_scores.save(page.project, f"key{run}", ids, digests, np.asarray(logits, dtype=np.float32))
    told = {"key": f"key{run}", "features": "net-1", "texts": list(names or {query: 0})}
    run_queue.finish(page.project, run, "done", result={**told, "classes": list((names or {}).values())})
    return ids


def test_it_says_what_is_missing(page: Page) -> None:
    assert page.get("/words/ready")["why"] == "features"
    with_features(page, {"backbone": "tf_efficientnet_lite0"})
    here = page.get("/words/ready")
    assert (here["why"], here["title"]) == ("none", "EfficientNet-Lite0")
    assert "cannot be used here" in page.post("/words", {"query": "sky"}, 400)["what"]
    with_features(page, {"backbone": NETWORK}, "net-2")
    here = page.get("/words/ready")
    assert here["why"] == "missing" and "licence MIT" in here["detail"] and here["bytes"] > 600_000_000
    assert not run_queue.list_runs(page.project, "words")


@pytest.mark.slow
def test_the_text_side_is_fetched_and_a_download_in_vain_says_why(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    with_features(page, {"backbone": NETWORK})
    refused = page.client.post("/x/weights", json={"name": "tf_efficientnet_lite0", "text": True})
    assert refused.status_code == 400 and "pictures with captions" in refused.json()["what"]
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert page.client.post("/x/weights", json={"name": NETWORK, "text": True}).status_code == 200
    assert page.get("/words/ready")["busy"]
    until = time.monotonic() + 240
    while page.get("/words/ready")["busy"] and time.monotonic() < until:
        time.sleep(0.2)
    assert "HF_HUB_OFFLINE is set" in page.get("/words/ready")["failed"]


def test_what_is_looked_for_is_asked_once_and_the_best_come_first(
    worded: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert worded.get("/words?query=sky")["state"] == "ask"
    for _ in range(2):
        worded.post("/words", {"query": " sky "})
    assert len(run_queue.list_runs(worded.project, "words")) == 1
    assert worded.get("/words?query=sky")["state"] == "waits"
    run_queue.finish(worded.project, run_queue.claim(worded.project, "test").id, "failed", "no memory")  # type: ignore[union-attr]
    assert worded.get("/words?query=sky")["reason"] == "no memory"
    ids = answered(worded, "sky", np.arange(12)[:, None])
    found = worded.get("/words?query=sky")
    assert found["state"] == "done" and found["ids"] == ids[::-1].tolist() and found["n"] == 12
    operations.apply(worded.project, "t", [Op(1, "exclude", int(ids[11]))])
    assert worded.get("/words?query=sky")["ids"][0] == ids[10], "what is left out is not found"
    monkeypatch.setattr(words, "LEAST", 3)
    assert worded.get("/words?query=sky")["ids"] == ids[10:7:-1].tolist(), "the best of them"
    assert worded.post("/words", {"query": "x" * 300}, 400)["what"] == "This is too long to look for"


def test_names_suggest_before_the_first_label_and_give_way_to_labels(worded: Page) -> None:
    assert read(worded)[0]["words"] == "few"
    names = classes.ensure_classes(worded.project, ["odd", "even", "rest"])
    other_class.mark(worded.project, names.pop("rest"), True)
    head, *_ = read(worded)
    assert (head["n"], head["words"], head["why"]) == (0, "ask", "labels")
    rows = np.arange(12) % 2
    answered(worded, "", 5.0 * np.eye(2)[1 - rows], names)
    head, ids, y, sure = read(worded)
    assert (head["by"], head["why"], head["labels"]) == ("words", "", 0) and (sure > 240).all()
    assert [head["classes"][place] for place in y] == [names["even"], names["odd"]] * 6
    # Wrong names give way as soon as labels of each class have neighbours that are right.
    wrong = [names["odd"], names["even"]] * 2
    operations.apply(worded.project, "t", [Op(n, "label", int(ids[n - 1]), each) for n, each in enumerate(wrong, 1)])
    head, _, y, _ = read(worded)
    assert head["by"] == "labels" and [head["classes"][place] for place in y] == [names["odd"], names["even"]] * 6


def test_other_classes_or_images_are_asked_anew(worded: Page) -> None:
    names = classes.ensure_classes(worded.project, ["odd", "even"])
    answered(worded, "", np.eye(2)[np.arange(12) % 2], names)
    assert read(worded)[0]["by"] == "words"
    classes.rename_class(worded.project, names["odd"], "uneven")
    assert read(worded)[0]["words"] == "ask"
    answered(worded, "", np.eye(2)[np.arange(12) % 2], {"uneven": names["odd"], "even": names["even"]})
    assert read(worded)[0]["by"] == "words"
    key = f"key{run_queue.list_runs(worded.project, 'words')[0].id}"
    kept = word_scores.load(worded.project, key)
    assert kept is not None
    word_scores.save(worded.project, key, kept.ids[1:], kept.digests[1:].astype(str).tolist(), kept.logits[1:])
    classes.rename_class(worded.project, names["odd"], "odd")
    assert read(worded)[0]["words"] == "ask"
    classes.rename_class(worded.project, names["odd"], "uneven")  # the file is read again
    assert read(worded)[0]["words"] == "ask", "an image came since"


def test_what_was_put_back_or_holds_other_bytes_is_asked_anew(worded: Page) -> None:
    ids, pool = np.sort(items.pool(worded.project).ids), items.pool(worded.project)
    operations.apply(worded.project, "t", [Op(1, "exclude", int(ids[0]))])
    answered(worded, "sky", np.arange(11.0)[:, None])
    assert worded.get("/words?query=sky")["n"] == 11
    operations.apply(worded.project, "t", [Op(2, "clear", int(ids[0]))])
    assert worded.get("/words?query=sky")["state"] == "ask", "it is not among what was looked at"
    answered(worded, "sky", np.arange(12.0)[:, None])
    assert worded.get("/words?query=sky")["ids"][0] == ids[-1]
    best = dict(zip(pool.ids.tolist(), pool.paths, strict=True))[int(ids[-1])]
    paint(worded.project.images / best, 10_007)
    finish(scan(worded.project))
    found = worded.get("/words?query=sky")  # its new bytes have no features yet
    assert (found["n"], found["ids"][0]) == (11, ids[-2]), "what was found is another picture now"
    with_features(worded, {"backbone": NETWORK})
    assert worded.get("/words?query=sky")["state"] == "ask"


def test_suggestions_follow_other_bytes_under_a_name(worded: Page) -> None:
    names = classes.ensure_classes(worded.project, ["odd", "even"])
    pool = items.pool(worded.project)
    marks = [Op(n, "label", int(pool.ids[n]), names[("even", "odd")[n % 2]]) for n in (1, 2, 3, 4)]
    operations.apply(worded.project, "t", marks)
    _, ids, _, _ = read(worded)
    assert int(pool.ids[8]) in ids
    paint(worded.project.images / pool.paths[8], 10_003)
    finish(scan(worded.project))
    _, ids, _, _ = read(worded)
    assert int(pool.ids[8]) not in ids, "nothing is known of the picture that lies there now"
