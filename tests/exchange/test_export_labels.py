from __future__ import annotations

import codecs
import csv
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from fact_core.config import ImportConfig
from fact_core.errors import InputError, RunError
from fact_core.events import Log
from fact_core.exchange import export_labels, import_labels, label_files
from fact_core.generators import finish
from fact_core.images.folder import walk
from fact_core.labeling import classes, notes, operations, selections
from fact_core.labeling.history import Op
from fact_core.storage import db, items, run_queue
from fact_core.storage import project as projects
from fact_core.storage.project import Project
from fact_core.types import Pool, Selection
from fact_core.work.export import _unanswered
from fact_core.work.scan import _read_all, scan
from tests.storage_help import flat_project, paint


def table(file: Path) -> list[dict[str, str]]:
    assert file.read_bytes().startswith(codecs.BOM_UTF8)  # so that Excel knows the encoding
    with open(file, encoding="utf-8-sig", newline="") as text:
        return list(csv.DictReader(text))


@pytest.fixture
def labeled(tmp_path: Path) -> Project:
    """Images 1 and 2 labeled, 2 is a check image, 5 repeats 1."""
    project = flat_project(tmp_path, 4)
    paint(project.images / "=copy.png", 0)
    finish(scan(project))
    selections.save(project, Selection(np.array([1, 2]), ("pick", "audit"), np.array([]), "activeft"), None)
    names = classes.ensure_classes(project, ["=SUM(A1)", "dog"])
    ops = [
        Op(1, "label", 1, names["=SUM(A1)"], 1.25, annotator="@Ada"),
        Op(2, "label", 2, names["dog"], source="csv"),
        Op(3, "skip", 3),
        Op(4, "flag", 4),
    ]
    operations.apply(project, "tab", ops)
    notes.write(project, 1, '=HYPERLINK("x")\nsecond line')
    notes.write(project, 3, "of an image without a label")
    return project


def test_labels_out_and_in_again(labeled: Project, tmp_path: Path) -> None:
    assert export_labels.write_labels(labeled, tmp_path / "out" / "labels.csv") == 4
    first, second, third, fourth = table(tmp_path / "out" / "labels.csv")
    assert tuple(first) == (*export_labels.FIELDS, "note", "kind", "file")
    assert [each["kind"] for each in (first, second, third, fourth)] == ["label", "label", "skipped", "cannot tell"]
    assert [(each["label"], each["split"]) for each in (third, fourth)] == [("", ""), ("", "")]
    assert third["note"] == "of an image without a label"
    assert [first["note"], second["note"]] == ['\'=HYPERLINK("x")\nsecond line', ""]
    assert (first["sample_id"], first["file_path"], first["label"], first["split"]) == (
        "1",
        "000.png",
        "'=SUM(A1)",
        "train",
    )
    assert (first["annotator"], first["lead_time"], first["source"]) == ("'@Ada", "1.250", "person")
    assert (second["label"], second["split"], second["source"], second["lead_time"]) == ("dog", "check", "csv", "")
    assert first["created_at"].endswith("+00:00")
    assert label_files.read_labels(tmp_path / "out" / "labels.csv", items.pool(labeled)) == {1: "=SUM(A1)", 2: "dog"}


def test_who_gave_a_label_is_not_who_took_another_back(tmp_path: Path) -> None:
    project = flat_project(tmp_path, 3)
    oak, elm = classes.ensure_classes(project, ["oak", "elm"]).values()
    source = import_labels.Source("csv", "file_path,label\n000.png,oak\n001.png,oak\n")
    import_labels.commit(project, import_labels.read(project, source), "desk.import-1", "mine")

    def told(item: int) -> tuple[str, ...]:
        export_labels.write_labels(project, tmp_path / "labels.csv")
        with open(tmp_path / "labels.csv", encoding="utf-8-sig", newline="") as file:
            row = next(row for row in csv.DictReader(file) if row["sample_id"] == str(item))
        with db.connect(project.db) as con:
            (view,) = con.view("labels_now").rows_where("image = ?", [item])
        lead = "" if view["seconds"] is None else f"{view['seconds']:.3f}"
        said = tuple(row[name] for name in ("label", "source", "annotator", "lead_time", "created_at"))
        assert said[:4] == (view["class"], view["source"], view["annotator"], lead) and said[4] >= view["labeled_at"]
        return said

    imported = told(1)
    operations.apply(project, "desk", [Op(1, "label", 1, elm, 2.5, "grid", "Kim")])
    labeled = told(1)
    assert (imported[:3], labeled[:4]) == (("oak", "import", ""), ("elm", "grid", "Kim", "2.500"))
    for number, (kind, wanted) in enumerate((("undo", imported), ("redo", labeled)) * 2, start=2):
        operations.apply(project, "desk", [Op(number, kind, 1, annotator="Ann")])  # type: ignore[arg-type]
        assert told(1) == wanted
    for number in (6, 7):
        operations.apply(project, "other", [Op(number, "flag", 1, annotator="Ann")])
        assert told(1) == labeled
    merged = classes.merge(project, oak, elm, "merge-1")
    assert told(2)[:2] == ("elm", "merge")
    classes.unmerge(project, merged.batch, oak)
    assert told(2) == (*imported[:4], told(2)[4]) and told(1) == labeled


def test_labels_whose_file_is_gone_or_damaged_go_out_and_say_so(labeled: Project, tmp_path: Path) -> None:
    operations.apply(labeled, "tab", [Op(5, "label", 3, 2)])
    (labeled.images / "000.png").unlink()
    (labeled.images / "=copy.png").unlink()
    (labeled.images / "001.png").unlink()
    (labeled.images / "002.png").write_bytes(b"no picture")
    finish(scan(labeled))
    assert export_labels.write_labels(labeled, tmp_path / "labels.csv") == 4
    told = [tuple(row[name] for name in ("label", "split", "kind", "file")) for row in table(tmp_path / "labels.csv")]
    assert told == [
        ("'=SUM(A1)", "", "label", "missing"),
        ("dog", "", "label", "missing"),
        ("dog", "", "label", "unreadable"),
        ("", "", "cannot tell", ""),
    ]


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
    train = run_queue.queue(labeled, "train", {})
    run_queue.claim(labeled, "w")
    run_queue.finish(labeled, train, "done", result={"classes": ["=SUM(A1)", "dog"]})
    predict = run_queue.queue(labeled, "predict", {"run": train})
    for number in (train, predict):
        with pytest.raises(RunError, match="no predictions"):
            export_labels.write_predictions(labeled, number, tmp_path / "p.csv")
    answers(labeled, train)
    for number in (train, predict):
        assert export_labels.write_predictions(labeled, number, tmp_path / "p.csv") == 4
        found = table(tmp_path / "p.csv")
        assert [row["file_path"] for row in found] == ["000.png", "001.png", "002.png", "'=copy.png"]
        assert [row["label"] for row in found] == ["'=SUM(A1)", "dog", "dog", "'=SUM(A1)"]
        assert [row["confidence"] for row in found] == ["0.900000", "0.800000", "0.600000", "0.900000"]
        assert [row["split"] for row in found] == ["train", "check", "pool", "pool"]
        assert {row["source"] for row in found} == {"model"}
    (labeled.run_folder(train) / "predictions.npz").write_bytes(b"PK\x03\x04 cut off")
    with pytest.raises(RunError, match="damaged"):
        export_labels.write_predictions(labeled, train, tmp_path / "p.csv")
    assert len(table(tmp_path / "p.csv")) == 4  # the old file is whole


def test_an_answer_about_other_bytes_does_not_go_out_where_a_scan_was_cut_short(
    labeled: Project, tmp_path: Path
) -> None:
    train = run_queue.queue(labeled, "train", {})
    run_queue.finish(labeled, train, "done", result={"classes": ["=SUM(A1)", "dog"]})
    answers(labeled, train)
    paint(labeled.images / "001.png", 99)
    seen = [each for each in walk(labeled.images, labeled.folder, ()).files if each.path == "001.png"]
    items.store(labeled, list(_read_all(labeled.images, seen, 1)))  # and killed before it was settled
    assert export_labels.write_predictions(labeled, train, tmp_path / "p.csv") == 3
    assert [row["file_path"] for row in table(tmp_path / "p.csv")] == ["000.png", "002.png", "'=copy.png"]
    said = [each.text for each in _unanswered(labeled, run_queue.get(labeled, train)) if isinstance(each, Log)]
    assert said == ["2 images have no row: the model was not asked about them. Predict again."]


def test_predictions_follow_a_renamed_class(labeled: Project, tmp_path: Path) -> None:
    first = classes.classes(labeled)[0]
    train = run_queue.queue(labeled, "train", {})
    run_queue.claim(labeled, "w")
    stored = {"classes": [first.name, "gone"], "class_ids": [first.id, 999]}
    run_queue.finish(labeled, train, "done", result=stored)
    answers(labeled, train)
    classes.rename_class(labeled, first.id, "renamed")
    export_labels.write_predictions(labeled, train, tmp_path / "p.csv")
    assert [row["label"] for row in table(tmp_path / "p.csv")] == ["renamed", "gone", "gone", "renamed"]


def test_probabilities_out(labeled: Project, tmp_path: Path) -> None:
    train = run_queue.queue(labeled, "train", {})
    run_queue.claim(labeled, "w")
    run_queue.finish(labeled, train, "done", result={"classes": ["=SUM(A1)", "dog"]})
    answers(labeled, train)
    assert export_labels.write_predictions(labeled, train, tmp_path / "p.csv", each_class=True) == 4
    found = table(tmp_path / "p.csv")
    assert list(found[0])[-2:] == ["p_=SUM(A1)", "p_dog"]
    shares = [(row["p_=SUM(A1)"], row["p_dog"]) for row in found[:2]]
    assert shares == [("0.900000", "0.100000"), ("0.200000", "0.800000")]
    assert export_labels.changed_names(labeled) == ("=SUM(A1)",)


def test_class_names_go_out_as_pandas_reads_them(tmp_path: Path) -> None:
    """Numbers with a sign are classes of many data sets, and NA is one where pandas is told so."""
    pandas = pytest.importorskip("pandas")
    project = flat_project(tmp_path, 5)
    names = classes.ensure_classes(project, ["-1", "+1", "-", "NA", "Zürich, Süd"])
    operations.apply(project, "tab", [Op(n, "label", n, each) for n, each in enumerate(names.values(), start=1)])
    export_labels.write_labels(project, tmp_path / "labels.csv")
    read = pandas.read_csv(tmp_path / "labels.csv", dtype=str, keep_default_na=False)
    assert list(read["label"]) == list(names) and read.columns[0] == "sample_id"
    pool = items.pool(project)
    assert list(label_files.read_labels(tmp_path / "labels.csv", pool).values()) == list(names)


def test_a_reader_that_takes_pieces_and_guesses_types_has_all_rows(tmp_path: Path) -> None:
    """As ``datasets.load_dataset("csv")`` reads: pandas in pieces, types by their values, empty cells as they are."""
    pandas = pytest.importorskip("pandas")
    project = flat_project(tmp_path, 5)
    names = classes.ensure_classes(project, ["NA", "-1", "01", 'cat, "x"'])
    operations.apply(project, "tab", [Op(n, "label", n, each) for n, each in enumerate(names.values(), start=1)])
    export_labels.write_labels(project, tmp_path / "labels.csv")
    with pandas.read_csv(tmp_path / "labels.csv", iterator=True, chunksize=3, keep_default_na=False) as pieces:
        read = [row for piece in pieces for row in piece.to_dict("records")]
    assert list(read[0])[:3] == ["sample_id", "file_path", "label"], "no mark in front of the first name"
    assert [str(row["label"]) for row in read[:3]] == ["NA", "-1", "01"]
    assert [(row["sample_id"], row["file_path"]) for row in read] == [(n + 1, f"{n:03d}.png") for n in range(4)]


def test_check_images_come_back_with_our_own_labels(labeled: Project, tmp_path: Path) -> None:
    export_labels.write_labels(labeled, tmp_path / "labels.csv")
    seen = label_files.understand(
        "file", (tmp_path / "labels.csv").read_bytes(), items.pool(labeled), {}, ImportConfig()
    )
    assert {item: each.label for item, each in seen.found.taken.items()} == {1: "=SUM(A1)", 2: "dog"}
    assert seen.found.test == {2} and len(seen.found.left["none"]) == 2 and not seen.open


def test_a_note_goes_out_without_an_answer_too(tmp_path: Path) -> None:
    project = flat_project(tmp_path, 3)
    notes.write(project, 2, "blurred,\nask Ada")
    assert export_labels.write_labels(project, tmp_path / "labels.csv") == 1
    (row,) = table(tmp_path / "labels.csv")
    assert (row["sample_id"], row["file_path"], row["note"]) == ("2", "001.png", "blurred,\nask Ada")
    assert (row["label"], row["split"], row["kind"]) == ("", "", "open")
    content = (tmp_path / "labels.csv").read_bytes()
    assert not label_files.understand("file", content, items.pool(project), {}, ImportConfig()).found.taken


def test_our_predictions_are_no_labels_without_a_word(tmp_path: Path) -> None:
    project = flat_project(tmp_path, 2)
    row = ("1", "000.png", "cat", "0.9", "pool", "model", "", "", "2026")
    (tmp_path / "p.csv").write_text(export_labels.csv_text(export_labels.FIELDS, [row]), "utf-8-sig")
    with pytest.raises(InputError, match="by a model"):
        label_files.read_labels(tmp_path / "p.csv", items.pool(project))
    taken = ImportConfig(labels_model="take")
    assert label_files.read_labels(tmp_path / "p.csv", items.pool(project), config=taken) == {1: "cat"}


@pytest.mark.parametrize("name", ["[cat]", '{"a": 1}', "NA", "a, b", "'=a", "train"])
def test_the_finished_list_gives_back_names_as_they_are(tmp_path: Path, name: str) -> None:
    project = flat_project(tmp_path, 2)
    operations.apply(project, "tab", [Op(1, "label", 1, classes.add_class(project, name))])
    export_labels.write_finished(project, tmp_path / "finished.csv")
    assert label_files.read_labels(tmp_path / "finished.csv", items.pool(project)) == {1: name}


def test_accepted_answers_far_down_are_no_labels_without_a_word(tmp_path: Path) -> None:
    """The finished list begins with hundreds of images that a person has labeled."""
    project = flat_project(tmp_path, 2)
    rows = [("000.png", "cat", "person", "", "label")] * 300 + [("001.png", "dog", "accepted", "0.93", "label")]
    (tmp_path / "f.csv").write_text(export_labels.csv_text(export_labels.FINISHED_FIELDS, rows), "utf-8-sig")
    with pytest.raises(InputError, match="by a model"):
        label_files.read_labels(tmp_path / "f.csv", items.pool(project))
    other = "\n".join(["file_name,label,confidence", *(["000.png,cat,1"] * 300), "001.png,dog,0.93", ""])
    (tmp_path / "o.csv").write_text(other, "utf-8")
    with pytest.raises(InputError, match="by a model"):
        label_files.read_labels(tmp_path / "o.csv", items.pool(project))


@pytest.mark.parametrize("text", ["=1+1", "+1+1", "-1+cmd|' /C calc'!A0", "+a", "-(1)", "@x", "\tx", "\rx"])
def test_formulas_are_escaped(text: str) -> None:
    """Hostile input 4: names in CSV."""
    assert export_labels.escaped(text) == "'" + text
    assert export_labels.csv_text(["a"], [[text, 1.5, None]]).splitlines()[1].lstrip('"').startswith("'")


@pytest.mark.parametrize(
    "text", ["cat", "'quoted'", "a=b", "", "猫", "-1", "+1", "-", "+", "-1.5", "+2,5", "-3e-4", "-7%"]
)
def test_other_texts_are_not(text: str) -> None:
    assert export_labels.escaped(text) == text


ODD_FILES = [" a.png", "a.png", "x\ry.png", "x\ny.png", "tab\tq.png", 'q"uote.png', 'b, "c".png', "#1.png", "%41.png"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
@pytest.mark.parametrize("write", [export_labels.write_labels, export_labels.write_finished])
def test_whatever_a_file_is_called_its_label_comes_back(tmp_path: Path, write: Callable[[Project, Path], int]) -> None:
    """A blank in front is part of a name, and a carriage return in one ends no row."""
    for number, name in enumerate(ODD_FILES, start=1):
        paint(tmp_path / "images" / name, number)
    project = projects.create(tmp_path / "project", tmp_path / "images")
    finish(scan(project))
    names = classes.ensure_classes(project, ["a", "b"])
    pool = items.pool(project)
    given = {int(item): "a" if path == "a.png" else "b" for item, path in zip(pool.ids, pool.paths, strict=True)}
    assert len(given) == len(ODD_FILES)
    operations.apply(project, "tab", [Op(item, "label", item, names[name]) for item, name in given.items()])
    write(project, tmp_path / "out.csv")
    assert label_files.read_labels(tmp_path / "out.csv", pool) == given


HOSTILE = ["../../x", "CON", ".", "..", "dot.", "/etc/passwd", "a/b", "A\\b", "<img src=x onerror=alert(1)>", "-rf"]


def test_class_names_never_name_a_file(tmp_path: Path) -> None:
    """Hostile input 5: names like ../../x, CON and . make no file or folder, and no link leads an export out."""
    project = flat_project(tmp_path / "here", len(HOSTILE))
    names = classes.ensure_classes(project, HOSTILE)
    operations.apply(project, "tab", [Op(n, "label", n, each) for n, each in enumerate(names.values(), start=1)])
    victim = tmp_path / "victim.csv"
    victim.write_text("mine")
    before = {file for file in tmp_path.rglob("*") if "project" not in file.parts}
    out = tmp_path / "out"
    out.mkdir()
    (out / "labels.csv").symlink_to(victim)
    assert export_labels.write_labels(project, out / "labels.csv") == len(HOSTILE)
    assert [file.name for file in out.iterdir()] == ["labels.csv"] and not (out / "labels.csv").is_symlink()
    assert victim.read_text() == "mine"
    after = {file for file in tmp_path.rglob("*") if "project" not in file.parts}
    assert after - before == {out, out / "labels.csv"}
    found = label_files.read_labels(out / "labels.csv", items.pool(project))
    assert list(found.values()) == HOSTILE  # unique, and as they were


@pytest.mark.parametrize("name", ["CON", "dot.", "con", "<b>"])
def test_folders_with_such_names_are_classes_of_their_own(tmp_path: Path, name: str) -> None:
    """Hostile input 5: such folders are read; two that differ in case alone are never joined in silence."""
    paint(tmp_path / "images" / name / "1.png", 1)
    paint(tmp_path / "images" / f"{name}2" / "2.png", 2)
    paint(tmp_path / "images" / name.swapcase() / "3.png", 3)
    pool = Pool(
        tmp_path / "images", np.arange(1, 4), (f"{name}/1.png", f"{name}2/2.png", f"{name.swapcase()}/3.png"), ()
    )
    with pytest.raises(InputError, match="upper and lower case"):
        label_files.folder_truth(pool, {}, ImportConfig())
    joined = label_files.folder_truth(pool, {}, ImportConfig(labels_case="join"))
    assert joined == {1: name, 2: f"{name}2", 3: name}


def test_a_list_is_of_one_moment_whatever_is_said_while_it_is_written(
    labeled: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A check image that is labeled after its part was looked up would stand there as one that teaches."""
    selection = Selection(np.array([1, 3]), ("pick", "audit"), np.array([]), "activeft")
    selections.save(labeled, selection, None)
    looked = notes.newest

    def meanwhile(project: Project) -> dict[int, str]:
        with ThreadPoolExecutor() as other:  # another window
            ops = [Op(9, "label", 3, 1, annotator="Eve"), Op(10, "label", 1, 2, annotator="Eve")]
            other.submit(operations.apply, project, "other", ops).result()
        return looked(project)

    monkeypatch.setattr(notes, "newest", meanwhile)
    export_labels.write_labels(labeled, tmp_path / "labels.csv")
    first, _, third, _ = table(tmp_path / "labels.csv")
    assert (first["label"], first["annotator"]) == ("'=SUM(A1)", "'@Ada")
    assert (third["kind"], third["split"], third["annotator"]) == ("skipped", "", "")
    monkeypatch.undo()
    export_labels.write_labels(labeled, tmp_path / "labels.csv")
    first, _, third, _ = table(tmp_path / "labels.csv")
    assert (first["label"], first["annotator"]) == ("dog", "Eve")
    assert (third["kind"], third["split"], third["annotator"]) == ("label", "check", "Eve")
