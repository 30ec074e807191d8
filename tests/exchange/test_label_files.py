"""Labels are read out of CSV files, names of folders and exports of Label Studio; nothing is guessed."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fact_core.config import ImportConfig
from fact_core.errors import FactError, InputError
from fact_core.exchange import export_labels, label_files, readers
from fact_core.exchange.matching import Finder, Hit
from fact_core.exchange.readers.table import Said
from fact_core.files import clean_name
from fact_core.types import Pool


def a_pool(*paths: str, root: str = "/data/images") -> Pool:
    n = len(paths)
    return Pool(Path(root), np.arange(1, n + 1), paths, tuple(f"{i:x}" for i in range(n)))


POOL = a_pool("a/one.png", "a/two.png", "b/two.png", 'b/ö, "x".png')


def read(folder: Path, text: str | bytes, pool: Pool = POOL, **options: object) -> dict[int, str]:
    file = folder / "labels.csv"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return label_files.read_labels(file, pool, **options)  # type: ignore[arg-type]


JOIN = ImportConfig(labels_case="join")


def test_files_are_found_by_path_then_by_a_name_that_is_unique(tmp_path: Path) -> None:
    assert read(tmp_path, "file_name,label\na/two.png,cat\none.png,dog\n") == {2: "cat", 1: "dog"}
    assert read(tmp_path, "file_path,label\n/data/images/b/two.png,cat\n./a//one.png,dog\n") == {3: "cat", 1: "dog"}
    assert read(tmp_path, "label,x,FILE_PATH\ncat,9,a\\two.png\n") == {2: "cat"}
    assert read(tmp_path, b"\xef\xbb\xbffile_name,label\r\none.png,K\xc3\xa4tzchen\r\n\r\n") == {1: "Kätzchen"}
    assert read(tmp_path, 'file_name,label\n"b/o\u0308, ""x"".png",cat\n') == {4: "cat"}  # composed or not
    assert read(tmp_path, "file_name,label\n/elsewhere/a/one.png,cat\n") == {1: "cat"}
    moved = ImportConfig(labels_moved="yes")
    assert read(tmp_path, "file_name,label\n/elsewhere/one.png,cat\n", config=moved) == {1: "cat"}
    text = "file_name,label\none.png,Cat\na/two.png,CAT\n"
    assert read(tmp_path, text, config=JOIN) == {1: "Cat", 2: "Cat"}
    with pytest.raises(InputError, match="Cat = CAT"):
        read(tmp_path, text)
    assert read(tmp_path, "file_name,label\none.png,cat\na/two.png,\none.png,cat\n") == {1: "cat"}


@pytest.mark.slow
def test_a_file_of_very_many_columns_is_read_or_refused_soon(tmp_path: Path) -> None:
    """A line of megabytes may have a million columns. One for each class is the most that makes sense."""
    names, spent = [f"c{number}" for number in range(readers.MOST_COLUMNS - 1)], time.process_time()
    ones = ["0"] * len(names)
    ones[7] = "1"
    rows = f"file_name,{','.join(names)}\none.png,{','.join(ones)}\n"
    assert read(tmp_path, rows) == {1: "c7"}
    with pytest.raises(InputError, match="too many columns"):
        read(tmp_path, "file_name,more," + rows.partition(",")[2])
    with pytest.raises(InputError, match="too many columns"):
        read(tmp_path, ",".join(["x"] * 500_000) + "\n" + "1," * 499_999)
    assert time.process_time() - spent < 60  # it took minutes


def test_repeats_and_unreadable_files_are_known(tmp_path: Path) -> None:
    aliases = {"z/copy.png": 2, "broken.png": None}
    text = "file_name,label\nz/copy.png,cat\nbroken.png,dog\n"
    assert read(tmp_path, text, aliases=aliases) == {2: "cat"}
    with pytest.raises(InputError, match="Row 2"):
        read(tmp_path, text)


@pytest.mark.parametrize("header", ["filename,class", "Image, Category", "label,path", "file,split,label"])
def test_columns_may_have_the_names_of_other_tools(tmp_path: Path, header: str) -> None:
    cells = {**dict.fromkeys(("filename", "image", "path", "file"), "one.png"), "split": "train"}
    row = ",".join(cells.get(name.strip().lower(), "cat") for name in header.split(","))
    assert read(tmp_path, f"{header}\n{row}\n") == {1: "cat"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no columns"),
        ("name,label\na,b\n", "no columns"),
        ("file_name,answer\na,b\n", "no columns"),
        ("file_name,label\n", "no labels"),
        ("file_name,label\none.png,cat\nnine.png,dog\n", "Row 3 .*no such image.*nine.png"),
        ("file_name,label\n\n\ntwo.png,dog\n", "Row 4 .*several images"),
        ("file_name,label\n../../etc/passwd,dog\n", "Row 2 .*no such image"),
        ("file_name,label\n/elsewhere/one.png,dog\n", "Row 2 .*another folder"),
        ("file_name,label\none.png\n", "Row 2 .*too few columns"),
        ("file_name,label\none.png,cat\none.png,dog\n", "no labels"),
        ('file_name,label\none.png,cat\na/two.png,"x\n', "Row 3 .*cannot be read"),
        (b"file_name,label\none.png,cat\na/two.png,\xe4\xff\x81\n", "Row 3 .*not UTF-8|encoding .*not sure"),
        (b"file_name,label\none.png,cat\na/two.png,\x01\xff\n", "Row 3 .*not UTF-8"),
        (b"\xff\xfef\0i\0l\0e", "no columns|not UTF-16"),
    ],
)
def test_bad_files_are_refused_with_the_row(tmp_path: Path, text: str | bytes, words: str) -> None:
    with pytest.raises(InputError, match=f"(?s){words}"):
        read(tmp_path, text)


@pytest.mark.parametrize(
    ("label", "words"),
    [('"a\nb"', "cannot be shown"), ("x" * 201, "too long"), ("x" * 200_000, "too long"), ("a\0b", "cannot be shown")],
)
def test_a_label_that_no_class_can_have_is_left_out_and_told(tmp_path: Path, label: str, words: str) -> None:
    said: list[str] = []
    with pytest.raises(InputError, match="no labels"):
        read(tmp_path, f"file_name,label\none.png,{label}\n", say=said.append)
    assert "Row 2 of the CSV: one.png" in said[-1] and words in said[-1]
    assert read(tmp_path, f"file_name,label\none.png,{label}\na/two.png,dog\n", say=said.append) == {2: "dog"}


def test_two_labels_of_one_image_leave_it_out_and_say_so(tmp_path: Path) -> None:
    said: list[str] = []
    text = "file_name,label\none.png,cat\nz/copy.png,dog\na/two.png,dog\nb/copy.png,cat\n"
    aliases = {"z/copy.png": 1, "b/copy.png": 2}
    with pytest.raises(InputError, match="no labels"):
        read(tmp_path, text, aliases=aliases, say=said.append)
    assert read(tmp_path, text + "b/two.png,dog\n", aliases=aliases, say=said.append) == {3: "dog"}
    assert "z/copy.png" in said[-1] and "one.png" in said[-1] and "Row 3" in said[-1]


def test_no_file_at_all(tmp_path: Path) -> None:
    for file in (tmp_path / "gone.csv", tmp_path, Path("nul\0")):
        with pytest.raises(InputError, match="no such CSV"):
            label_files.read_labels(file, POOL)


@pytest.mark.slow
def test_a_million_rows_end_in_time(tmp_path: Path) -> None:
    started = time.process_time()
    text = "file_name,label\n" + "a/one.png,cat\n" * 300_000 + "gone.png,cat\n"
    with pytest.raises(InputError, match="Row 300002 "):
        read(tmp_path, text)
    assert time.process_time() - started < 30


@settings(max_examples=80, deadline=None)
@given(st.binary(max_size=120))
def test_any_bytes_are_read_or_refused_in_words(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    folder = tmp_path_factory.mktemp("csv")
    for text in (content, b"file_name,label\n" + content):
        try:
            read(folder, text)
        except FactError as error:
            assert error.what


@settings(max_examples=100, deadline=None)
@given(st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), min_size=1, max_size=20))
def test_any_class_name_survives_a_round_trip(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    try:
        cleaned = clean_name(name)
    except InputError:
        return
    if cleaned[0] in "[{" and cleaned[-1] in "]}":
        return  # what other tools write for several
    literal = ImportConfig(labels_empty="names", labels_several="names")
    text = export_labels.csv_text(["file_name", "label"], [["a/one.png", cleaned]])
    assert read(tmp_path_factory.mktemp("trip"), text, config=literal) == {1: cleaned}


@pytest.mark.parametrize(
    ("images", "classes"),
    [
        (({"id": 1}, {"id": 1}), (1, 2)),
        (({}, {}), (1, 2)),
        (({"id": 1}, {"id": "1"}), (1, 2)),
        (({"id": 1}, {"id": 2}), (1, 1)),
    ],
)
def test_one_number_of_two_images_or_classes_is_an_error(
    tmp_path: Path, images: tuple[dict[str, object], ...], classes: tuple[int, ...]
) -> None:
    listed = [each | {"file_name": name} for each, name in zip(images, ("a/one.png", "a/two.png"), strict=True)]
    named = [{"id": each, "name": name} for each, name in zip(classes, ("ash", "yew"), strict=True)]
    joined = {"images": listed, "annotations": [{"image_id": 1, "category_id": 1}], "categories": named}
    with pytest.raises(InputError, match="one id"):
        read(tmp_path, json.dumps(joined))


def test_answers_of_a_model_with_a_column_for_each_class_are_asked_about(tmp_path: Path) -> None:
    text = "file_path,label,confidence,p_ash,p_yew\na/one.png,ash,1.000000,1.000000,0.000000\n"
    with pytest.raises(InputError, match="model"):
        read(tmp_path, text)


@pytest.mark.parametrize("head, sure", [("score", "97.1"), ("p_ash,p_yew", "0.9,0.1"), ("Prob ash,Prob yew", "0,0.7")])
def test_other_programs_answers_are_asked_about_too(tmp_path: Path, head: str, sure: str) -> None:
    with pytest.raises(InputError, match="model"):
        read(tmp_path, f"file_path,label,{head}\na/one.png,ash,{sure}\n")
    whole = ",".join("1" for _ in sure.split(","))  # such as how sure a person was, from 1 to 5
    assert read(tmp_path, f"file_path,label,{head}\na/one.png,ash,{whole}\n") == {1: "ash"}


OWN = ("sample_id", "file_path", "label", "source", "lead_time")


@pytest.mark.parametrize("names", [("=a", "'=a"), ("-x", "'-x"), ("[cat]", "cat"), ('{"choices": ["z"]}', "z")])
def test_our_own_file_gives_back_names_that_look_alike(tmp_path: Path, names: tuple[str, str]) -> None:
    pool = a_pool("'=1.png", "=1.png")
    rows = [(1, "'=1.png", names[0], "person", ""), (2, "=1.png", names[1], "person", "")]
    assert read(tmp_path, export_labels.csv_text(OWN, rows), pool) == {1: names[0], 2: names[1]}


def test_folders_are_called_as_they_are() -> None:
    paths = ("[cat]/1.png", "cat/1.png", "'=x/1.png", "[a, b]/1.png")
    found = label_files.folder_truth(a_pool(*paths), {}, ImportConfig())
    assert found == {n: path.rpartition("/")[0] for n, path in enumerate(paths, start=1)}


def test_numbers_of_rows_are_not_names_where_another_column_has_those(tmp_path: Path) -> None:
    pool = a_pool("0.png", "1.png")
    text = "id,title,label\n0,1.png,cat\n1,0.png,dog\n"
    with pytest.raises(InputError, match="columns"):
        read(tmp_path, text, pool)
    assert read(tmp_path, text, pool, config=ImportConfig(labels_image_column="title")) == {2: "cat", 1: "dog"}


def studio(*tasks: object) -> list[tuple[object, ...]]:
    """The cells of each task: the address of its picture, then what it says to each question."""
    return [cells for _, cells in readers.read(json.dumps(tasks).encode(), "label-studio").table.rows]


def task(image: str, *choices: list[str], **more: object) -> dict[str, object]:
    annotations = [{"result": [{"type": "choices", "value": {"choices": each}}]} for each in choices]
    return {"id": 1, "data": {"image": image}, "annotations": annotations, **more}


@pytest.mark.parametrize(
    ("address", "item"),
    [
        ("/data/local-files/?d=pets%2Fa%2Ftwo.png", 2),
        ("/data/local-files/?d=a/one.png", 1),
        ("/data/upload/3/0a1b2c3d-one.png", 1),
        ("https://images.example/b/two.png?size=9", 3),
        ("s3://bucket/b/%C3%B6%2C%20%22x%22.png", 4),
        ("b\\two.png", 3),
        ("one.png", 1),
        ("/data/upload/3/0a1b2c3d-two.png", 0),  # two images have this name
        ("/data/upload/3/nine.png", 0),
        ("http://[half", 0),
    ],
)
def test_label_studio_names_images_in_many_ways(address: str, item: int) -> None:
    ((file, said),) = studio(task(address, ["cat"]))
    assert said == Said(("cat",))
    assert Finder(POOL, {}).look(str(file)).item == item


def test_label_studio_choices() -> None:
    cancelled = {"was_cancelled": True, "result": [{"value": {"choices": ["dog"]}}]}
    boxes = {"result": [{"value": {"x": 1, "rectanglelabels": ["dog"]}}, {"value": {"choices": "cat"}}, 7]}
    entries = studio(
        task("a.png", ["cat"], ["cat"]),
        task("b.png", ["cat"], ["dog"]),
        task("c.png", ["cat", "dog"]),
        task("d.png"),
        {"data": {"image": "x/e.PNG", "text": "f.txt"}, "annotations": [cancelled, boxes]},
        {"data": {"image": 5}, "completions": [{"result": "none"}], "file_upload": "00ff00ff-g.png"},
    )
    assert [said for _, said in entries] == [
        Said(("cat",)),
        Said(("cat", "dog"), "differ"),
        Said(("cat", "dog"), "several"),
        Said(why="none"),
        Said(("cat",)),
        Said(why="none"),
    ]
    assert entries[0][0] == "a.png"


def test_label_studio_without_a_field_called_image() -> None:
    (first, *_), (second, *_) = studio(
        {"data": {"picture": "x/e.PNG", "text": "f.txt"}, "annotations": []},
        {"data": {"picture": 5}, "file_upload": "00ff00ff-g.png", "annotations": []},
    )
    assert (first, second) == ("x/e.PNG", "5")
    ((file, *_),) = studio({"data": {"image": None}, "file_upload": "00ff00ff-g.png", "annotations": []})
    assert file == "00ff00ff-g.png"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "Row 1 of the JSON"),
        ('[\n{"data": {}},\n{"data": ]', "Row 3 of the JSON"),
        ('{"data": {}}', "no export of Label Studio"),
        ('[{"image": "a.png", "choice": "cat"}]', "Task 1 of the JSON has no data"),
        ('[{"data": {}}, 5]', "Task 2"),
        ("[" * 100_000, "cannot be read"),
        ("[" + "9" * 10_000 + "]", "cannot be read"),
    ],
)
def test_what_is_no_label_studio_export_is_refused(text: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        readers.read(text.encode(), "label-studio")


KEYS = (
    "data", "image", "annotations", "result", "value", "choices", "images", "categories", "labels", "classes", "id",
    "annotator", "file_name", "label", "filename", "regions", "file_attributes", "file_upload", "taxonomy",
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(["", "label-studio"]),
    st.recursive(
        st.none() | st.text(max_size=5) | st.integers(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner),
    ),
)
def test_any_json_is_read_or_refused_in_words(kind: str, content: object) -> None:
    for value in (content, [content], [{"data": content}], [{"data": {"image": "a.png"}, "annotations": content}]):
        try:
            table = readers.read(json.dumps(value).encode(), kind).table
            for _, cells in table.rows:
                assert len(cells) == len(table.columns)
                assert all(isinstance(each, str | Said) for each in cells)
            label_files.understand("file", json.dumps(value).encode(), POOL, {}, ImportConfig())
        except FactError as error:
            assert error.what


def test_a_folder_at_another_place_is_known_by_its_last_parts() -> None:
    find = Finder(POOL, {"b/copy.png": 3, "z/broken.png": None})
    assert find.look("/mnt/elsewhere/b/two.png").item == 3
    assert find.look("C:\\pets\\a\\two.png").item == 2
    assert find.look("/mnt/elsewhere/c/two.png").outcome == "elsewhere"
    assert find.look("/old/b/copy.png").item == 3
    assert find.look("broken.png").outcome == "unreadable"
    assert find.look("") == find.look("..") == find.look("/") == Hit("unknown")
