from __future__ import annotations

import csv
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from storage_help import drain, flat_project, paint

from fact_core import exchange, labels, runs, scan, selections
from fact_core import project as projects
from fact_core.errors import FactError, InputError, RunError
from fact_core.project import Project
from fact_core.types import Pool, Selection


def a_pool(*paths: str, root: str = "/data/images") -> Pool:
    n = len(paths)
    return Pool(Path(root), np.arange(1, n + 1), paths, tuple(f"{i:x}" for i in range(n)))


POOL = a_pool("a/one.png", "a/two.png", "b/two.png", 'b/ö, "x".png')


def read(folder: Path, text: str | bytes, pool: Pool = POOL, **options: object) -> dict[int, str]:
    file = folder / "labels.csv"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return exchange.read_labels(file, pool, **options)  # type: ignore[arg-type]


def table(file: Path) -> list[dict[str, str]]:
    with open(file, encoding="utf-8", newline="") as text:
        return list(csv.DictReader(text))


def test_files_are_found_by_path_then_by_a_name_that_is_unique(tmp_path: Path) -> None:
    assert read(tmp_path, "file_name,label\na/two.png,cat\none.png,dog\n") == {2: "cat", 1: "dog"}
    assert read(tmp_path, "file_path,label\n/data/images/b/two.png,cat\n./a//one.png,dog\n") == {3: "cat", 1: "dog"}
    assert read(tmp_path, "label,x,FILE_PATH\ncat,9,a\\two.png\n") == {2: "cat"}
    assert read(tmp_path, b"\xef\xbb\xbffile_name,label\r\none.png,K\xc3\xa4tzchen\r\n\r\n") == {1: "Kätzchen"}
    assert read(tmp_path, 'file_name,label\n"b/o\u0308, ""x"".png",cat\n') == {4: "cat"}  # composed or not
    assert read(tmp_path, "file_name,label\n/elsewhere/one.png,cat\n") == {1: "cat"}
    assert read(tmp_path, "file_name,label\none.png,Cat\na/two.png,CAT\n") == {1: "Cat", 2: "Cat"}
    assert read(tmp_path, "file_name,label\none.png,cat\na/two.png,\none.png,cat\n") == {1: "cat"}


def test_repeats_and_unreadable_files_are_known(tmp_path: Path) -> None:
    aliases = {"z/copy.png": 2, "broken.png": None}
    text = "file_name,label\nz/copy.png,cat\nbroken.png,dog\n"
    assert read(tmp_path, text, aliases=aliases) == {2: "cat"}
    with pytest.raises(InputError, match="Row 2"):
        read(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no columns"),
        ("name,label\na,b\n", "no columns"),
        ("file_name,class\na,b\n", "no columns"),
        ("file_name,label\n", "no labels"),
        ("file_name,label\none.png,cat\nnine.png,dog\n", "Row 3 .*no such image.*nine.png"),
        ("file_name,label\n\n\ntwo.png,dog\n", "Row 4 .*several images"),
        ("file_name,label\n../../etc/passwd,dog\n", "Row 2 .*no such image"),
        ("file_name,label\none.png\n", "Row 2 .*too few columns"),
        ("file_name,label\none.png,cat\none.png,dog\n", "Row 3 .*another label"),
        ('file_name,label\none.png,"a\nb"\n', "Row 2 .*cannot be shown"),
        ('file_name,label\none.png,cat\na/two.png,"x\n', "Row 3 .*cannot be read"),
        (f"file_name,label\none.png,{'x' * 201}\n", "Row 2 .*too long"),
        (f"file_name,label\none.png,{'x' * 200_000}\n", "Row 2 .*cannot be read"),
        (b"file_name,label\none.png,cat\na/two.png,\xe4\n", "Row 3 .*not UTF-8"),
        ("file_name,label\none.png,cat\n".encode("utf-16"), "Row 1 .*not UTF-8"),
        (b"file_name,label\none.png,a\0b\n", "Row 2 "),
    ],
)
def test_bad_files_are_refused_with_the_row(tmp_path: Path, text: str | bytes, words: str) -> None:
    with pytest.raises(InputError, match=f"(?s){words}"):
        read(tmp_path, text)


def test_no_file_at_all(tmp_path: Path) -> None:
    for file in (tmp_path / "gone.csv", tmp_path, Path("nul\0")):
        with pytest.raises(InputError, match="no such CSV"):
            exchange.read_labels(file, POOL)


def test_a_million_rows_end_in_time(tmp_path: Path) -> None:
    started = time.monotonic()
    text = "file_name,label\n" + "a/one.png,cat\n" * 300_000 + "gone.png,cat\n"
    with pytest.raises(InputError, match="Row 300002 "):
        read(tmp_path, text)
    assert time.monotonic() - started < 30


@settings(max_examples=80, deadline=None)
@given(st.binary(max_size=120))
def test_any_bytes_are_read_or_refused_in_words(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    folder = tmp_path_factory.mktemp("csv")
    for text in (content, b"file_name,label\n" + content):
        try:
            read(folder, text)
        except FactError as error:
            assert error.what


def test_folder_names_are_classes() -> None:
    pool = a_pool("train/cat/a.png", "val/cat/b.png", "Dog/c.png", "dog/d.png", "<b>/e.png")
    assert exchange.folder_labels(pool) == {1: "cat", 2: "cat", 3: "Dog", 4: "Dog", 5: "<b>"}
    with pytest.raises(InputError, match="directly in the image folder"):
        exchange.folder_labels(a_pool("cat/a.png", "b.png"))
    with pytest.raises(InputError, match="cannot be shown"):
        exchange.folder_labels(a_pool("c\nat/a.png"))


def test_class_folders_of_test_images(tmp_path: Path) -> None:
    for name in ("cat/a.png", "dog/b.png", "dog/.hidden.png"):
        paint(tmp_path / "test" / name)
    files, names = exchange.read_class_folders(tmp_path / "test")
    assert [file.name for file in files] == ["a.png", "b.png"]
    assert names == ["cat", "dog"]
    with pytest.raises(InputError, match="no such folder"):
        exchange.read_class_folders(tmp_path / "gone")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no images"):
        exchange.read_class_folders(tmp_path / "empty")
    paint(tmp_path / "test" / "c.png")
    with pytest.raises(InputError, match="directly"):
        exchange.read_class_folders(tmp_path / "test")


@pytest.fixture
def labeled(tmp_path: Path) -> Project:
    """Images 1 and 2 labeled, 2 is a check image, 5 repeats 1."""
    project = flat_project(tmp_path, 4)
    paint(project.images / "=copy.png", 0)
    drain(scan.scan(project))
    selections.save(project, Selection(np.array([1, 2]), ("pick", "audit"), np.array([]), "activeft"), None)
    names = labels.ensure_classes(project, ["=SUM(A1)", "dog"])
    ops = [
        labels.Op(1, "label", 1, names["=SUM(A1)"], 1.25, annotator="@Ada"),
        labels.Op(2, "label", 2, names["dog"], source="csv"),
        labels.Op(3, "skip", 3),
    ]
    labels.apply(project, "tab", ops)
    return project


def test_labels_out_and_in_again(labeled: Project, tmp_path: Path) -> None:
    assert exchange.write_labels(labeled, tmp_path / "out" / "labels.csv") == 2
    first, second = table(tmp_path / "out" / "labels.csv")
    assert tuple(first) == exchange.FIELDS
    assert (first["sample_id"], first["file_path"], first["label"], first["split"]) == (
        "1",
        "000.png",
        "'=SUM(A1)",
        "train",
    )
    assert (first["annotator"], first["lead_time"], first["source"]) == ("'@Ada", "1.250", "person")
    assert (second["label"], second["split"], second["source"], second["lead_time"]) == ("dog", "check", "csv", "")
    assert first["created_at"].endswith("+00:00")
    assert exchange.read_labels(tmp_path / "out" / "labels.csv", scan.pool(labeled)) == {1: "=SUM(A1)", 2: "dog"}


def answers(project: Project, run_id: int) -> None:
    folder = project.run_folder(run_id)
    folder.mkdir(parents=True)
    p = np.array([[0.9, 0.1], [0.2, 0.8], [0.4, 0.6]], np.float32)
    np.savez(
        folder / "predictions.npz",
        allow_pickle=False,
        ids=np.array([1, 2, 3]), y=p.argmax(1), confidence=p.max(1), probabilities=p,
    )  # fmt: skip


def test_predictions_out(labeled: Project, tmp_path: Path) -> None:
    train = runs.queue(labeled, "train", {})
    runs.claim(labeled, "w")
    runs.finish(labeled, train, "done", result={"classes": ["=SUM(A1)", "dog"]})
    predict = runs.queue(labeled, "predict", {"run": train})
    for number in (train, predict):
        with pytest.raises(RunError, match="no predictions"):
            exchange.write_predictions(labeled, number, tmp_path / "p.csv")
    answers(labeled, train)
    for number in (train, predict):
        assert exchange.write_predictions(labeled, number, tmp_path / "p.csv") == 4
        found = table(tmp_path / "p.csv")
        assert [row["file_path"] for row in found] == ["000.png", "001.png", "002.png", "'=copy.png"]
        assert [row["label"] for row in found] == ["'=SUM(A1)", "dog", "dog", "'=SUM(A1)"]
        assert [row["confidence"] for row in found] == ["0.900000", "0.800000", "0.600000", "0.900000"]
        assert [row["split"] for row in found] == ["train", "check", "pool", "pool"]
        assert {row["source"] for row in found} == {"model"}
    (labeled.run_folder(train) / "predictions.npz").write_bytes(b"PK\x03\x04 cut off")
    with pytest.raises(RunError, match="damaged"):
        exchange.write_predictions(labeled, train, tmp_path / "p.csv")
    assert len(table(tmp_path / "p.csv")) == 4  # the old file is whole


def test_predictions_follow_a_renamed_class(labeled: Project, tmp_path: Path) -> None:
    first = labels.classes(labeled)[0]
    train = runs.queue(labeled, "train", {})
    runs.claim(labeled, "w")
    stored = {"classes": [first.name, "gone"], "class_ids": [first.id, 999]}
    runs.finish(labeled, train, "done", result=stored)
    answers(labeled, train)
    labels.rename_class(labeled, first.id, "renamed")
    exchange.write_predictions(labeled, train, tmp_path / "p.csv")
    assert [row["label"] for row in table(tmp_path / "p.csv")] == ["renamed", "gone", "gone", "renamed"]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\tx", "\rx"])
def test_formulas_are_escaped(text: str) -> None:
    assert exchange.escaped(text) == "'" + text
    assert exchange.csv_text(["a"], [[text, 1.5, None]]).splitlines()[1].lstrip('"').startswith("'")


@pytest.mark.parametrize("text", ["cat", "'quoted'", "a=b", "", "猫"])
def test_other_texts_are_not(text: str) -> None:
    assert exchange.escaped(text) == text


@settings(max_examples=100, deadline=None)
@given(st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), min_size=1, max_size=20))
def test_any_class_name_survives_a_round_trip(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    try:
        cleaned = projects.clean_name(name)
    except InputError:
        return
    if cleaned.startswith("'") and cleaned[1:].startswith(("=", "+", "-", "@")):
        return  # cannot be told from an escaped one
    text = exchange.csv_text(["file_name", "label"], [["a/one.png", cleaned]])
    assert read(tmp_path_factory.mktemp("trip"), text) == {1: cleaned}
