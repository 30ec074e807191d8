"""Other tools' JSON: COCO, FiftyOne, VIA, and plain objects, one a row (Hugging Face ``metadata.jsonl``).

They are read here, not by Datumaro, which would bring OpenCV and dozens of packages for these few lines.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from fact_core.errors import InputError
from fact_core.exchange.readers.jsons import as_number, as_text, dicts
from fact_core.exchange.readers.studio import of_value
from fact_core.exchange.readers.table import BOX, NOTHING, Cell, Said, Table, agreed, one_of
from fact_core.exchange.words import BOX_COLUMNS, FILE_COLUMNS, is_number, plain

Rows = list[tuple[int, tuple[Cell, ...]]]


def is_coco(value: Any) -> bool:
    """COCO: images, categories, and annotations that join them."""
    return isinstance(value, dict) and all(isinstance(value.get(key), list) for key in ("images", "annotations"))


def coco(value: Any) -> Table:
    """An annotation without a box is a label of the whole image; of an image that is not listed it is a row of its own.

    InputError for one number of two images or classes.
    """
    _one_each(value["images"], "file_name", "images")
    _one_each(value.get("categories"), "name", "categories")
    names = {as_number(each.get("id")): as_text(each.get("name")) for each in dicts(value.get("categories"))}
    said: dict[str, list[Said]] = {}
    unnamed: dict[str, None] = {}
    unlisted = list[tuple[Cell, ...]]()
    annotations = dicts(value["annotations"])
    for each in annotations:
        part = any(each.get(key) not in (None, [], {}, 0) for key in ("bbox", "segmentation", "keypoints"))
        category = as_number(each.get("category_id"))
        if not part and category and not names.get(category):
            unnamed[category] = None
        label = BOX if part else one_of([names.get(category) or category])
        said.setdefault(as_number(each.get("image_id")), []).append(label)
    rows: Rows = []
    for number, each in enumerate(dicts(value["images"]), start=1):
        name = as_text(each.get("file_name")) or as_text(each.get("coco_url"))
        rows.append((number, (name, _several(said.get(as_number(each.get("id")), [])))))
    for image in sorted(said.keys() - {as_number(each.get("id")) for each in dicts(value["images"])}):
        nobody = Said((f"image_id {image or 'none'}, which the file does not list",), "none")
        unlisted += [(nobody, each) for each in said[image]]
    rows += enumerate(unlisted, start=len(rows) + 1)
    by_model = (1,) if any(map(_has_confidence, annotations)) else ()
    columns = ("file_name", "category")
    return Table("coco", "Image", "JSON", columns, rows, (0,), (1,), unnamed=tuple(unnamed), by_model=by_model)


def _one_each(listed: object, name: str, what: str) -> None:
    """InputError where one number stands for two things, as after two files were joined."""
    known: dict[str, str] = {}
    for each in dicts(listed):
        number, own = as_number(each.get("id")), as_text(each.get(name))
        if (other := known.setdefault(number, own)) != own:
            raise InputError(
                f"Two {what} of the JSON have one id",
                f"{number or 'none'}: {other} and {own}"[:200],
                "Number them anew.",
            )


def is_fiftyone(value: Any) -> bool:
    """FiftyOne's image classification: classes, and a number for each name without ending; or a whole data set."""
    if not isinstance(value, dict) or "images" in value:
        return False
    samples = dicts(value.get("samples"))
    return isinstance(value.get("labels"), dict) or (bool(samples) and all("filepath" in each for each in samples))


def fiftyone(value: Any) -> Table:
    """Numbers stand for places in ``classes``; texts are classes themselves."""
    if not isinstance(value.get("labels"), dict):
        return _fiftyone_samples(dicts(value["samples"]))
    classes = value.get("classes") if isinstance(value.get("classes"), list) else []
    unnamed: dict[str, None] = {}
    rows: Rows = [
        (number, (as_text(name), _fiftyone_label(label, classes, unnamed)))
        for number, (name, label) in enumerate(value["labels"].items(), start=1)
    ]
    by_model = (1,) if any(map(_has_confidence, value["labels"].values())) else ()
    columns = ("file", "label")
    return Table("fiftyone", "Entry", "JSON", columns, rows, (0,), (1,), unnamed=tuple(unnamed), by_model=by_model)


def _fiftyone_samples(samples: list[dict[str, Any]]) -> Table:
    """A data set: each field that holds labels is a question; what lies in a part of the image is a box."""
    said = [{name: _fiftyone_field(each) for name, each in sample.items()} for sample in samples]
    known = [(name, told) for each in said for name, told in each.items() if told is not None]
    questions = list(dict.fromkeys(name for name, told in known if told.names) or dict.fromkeys(dict(known)))
    rows: Rows = [
        (number, (as_text(sample["filepath"]), *(told.get(name) or NOTHING for name in questions)))
        for number, (sample, told) in enumerate(zip(samples, said, strict=True), start=1)
    ]
    places = tuple(range(1, len(questions) + 1))
    guessed = (at for at in places if any(_has_confidence(sample.get(questions[at - 1])) for sample in samples))
    columns = ("filepath", *questions)
    return Table("fiftyone", "Sample", "JSON", columns, rows, (0,), places, by_model=tuple(guessed))


def _has_confidence(value: object) -> bool:
    """Whether a label says how sure a model was; who labels by hand leaves that open, or is wholly sure."""
    if not isinstance(value, dict):
        return False
    shares = [value.get(name) for name in ("confidence", "score")]
    listed = value.get("classifications")
    return any(isinstance(each, float) and each % 1 for each in shares) or any(map(_has_confidence, dicts(listed)))


def _fiftyone_field(value: object) -> Said | None:
    """What a field of a sample says; None where it is no label."""
    kind = value.get("_cls") if isinstance(value, dict) else None
    if kind == "Classification":
        return one_of([as_text(value["label"])]) if isinstance(value, dict) and value.get("label") else NOTHING
    if kind == "Classifications" and isinstance(value, dict):
        return one_of([as_text(each.get("label")) for each in dicts(value.get("classifications"))])
    return BOX if kind in ("Detections", "Detection", "Polylines", "Keypoints", "Segmentation") else None


def _fiftyone_label(label: object, classes: list[Any], unnamed: dict[str, None]) -> Said:
    """What an entry says; a number that has no name is noted in ``unnamed``."""
    if isinstance(label, list):
        found = [_fiftyone_label(each, classes, unnamed) for each in label]
        return BOX if any(each == BOX for each in found) else _several(found)
    if isinstance(label, dict):
        return BOX if "bounding_box" in label else _fiftyone_label(label.get("label"), classes, unnamed)
    if isinstance(label, int) and not isinstance(label, bool) and 0 <= label < len(classes):
        return one_of([as_text(classes[label])])
    if isinstance(label, int | float) and as_text(label):
        unnamed[as_text(label)] = None
    return one_of([as_text(label)])


def is_via(value: Any) -> bool:
    """VIA (VGG Image Annotator): files with regions and attributes, alone or inside a project."""
    files = value.get("_via_img_metadata", value) if isinstance(value, dict) else None
    some = list(files.values())[:20] if isinstance(files, dict) else []
    return bool(some) and all(isinstance(each, dict) and "filename" in each and "regions" in each for each in some)


def via(value: Any) -> Table:
    """The attributes of a file are questions; its regions are boxes."""
    files = list(value.get("_via_img_metadata", value).values())
    options = _via_options(value)
    read = [_via_attributes(each.get("file_attributes"), options) for each in files]
    questions = list(dict.fromkeys(name for each in read for name in each)) or ["class"]
    rows: Rows = []
    for number, (each, attributes) in enumerate(zip(files, read, strict=True), start=1):
        nothing = BOX if each.get("regions") else NOTHING
        said = (attributes.get(name, nothing) for name in questions)
        rows.append((number, (as_text(each.get("filename")), *said)))
    columns = ("filename", *(f"{name} (attribute)" if name == "filename" else name for name in questions))
    return Table("via", "File", "JSON", columns, rows, (0,), tuple(range(1, len(columns))))


def via_csv(table: Table) -> Table:
    """VIA's CSV, a row a region: the attributes of the file, which stand in a cell as JSON, become columns."""
    heads = [plain(name) for name in table.columns]
    if not {"filename", "file_attributes", "region_count"} <= set(heads):
        return table
    file, said, count = (heads.index(name) for name in ("filename", "file_attributes", "region_count"))
    full = [(number, cells) for number, cells in table.rows if len(cells) > max(file, said, count)]
    read = [_via_attributes(_json(str(cells[said])), {}) for _, cells in full]
    questions = list(dict.fromkeys(name for each in read for name in each)) or ["class"]
    rows: Rows = []
    for (number, cells), attributes in zip(full, read, strict=True):
        nothing = NOTHING if str(cells[count]).strip() in ("", "0") else BOX
        rows.append((number, (cells[file], *(attributes.get(name, nothing) for name in questions))))
    return Table("via", "Row", "CSV", ("filename", *questions), rows, (0,), tuple(range(1, len(questions) + 1)))


def _json(cell: str) -> Any:
    try:
        return json.loads(cell)
    except (ValueError, RecursionError):
        return None


def _via_options(value: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Question -> number of an answer -> what it is called, where a project numbers the answers."""
    told = value.get("_via_attributes")
    asked = told.get("file") if isinstance(told, dict) else None
    lists = {str(name): each.get("options") for name, each in (asked or {}).items() if isinstance(each, dict)}
    return {
        name: {str(key): as_text(text) for key, text in each.items()}
        for name, each in lists.items()
        if isinstance(each, dict) and all(is_number(str(key)) for key in each)
    }


def _via_attributes(value: object, options: Mapping[str, Mapping[str, str]]) -> dict[str, Said]:
    """A text, or an object of what is ticked in a list; by their names where ``options`` has some."""
    if not isinstance(value, dict):
        return {}
    ticked = {
        name: [key for key, on in each.items() if on is True or on == "true"]
        if isinstance(each, dict)
        else [as_text(each)]
        for name, each in value.items()
    }
    return {
        str(name): one_of([options.get(str(name), {}).get(text, "").strip() or text for text in names])
        for name, names in ticked.items()
        if any(text.strip() for text in names)
    }


def is_objects(value: Any) -> bool:
    """A list of objects with a field that names a file."""
    some = dicts(value[:50]) if isinstance(value, list) else []
    return bool(some) and any(plain(key) in FILE_COLUMNS and isinstance(some[0][key], str) for key in some[0])


def objects(value: Any) -> Table:
    """Each object is a row, each key a column."""
    columns = tuple(dict.fromkeys(str(key) for each in dicts(value) for key in each))
    rows: Rows = [
        (number, tuple(_cell(each.get(key)) for key in columns) if isinstance(each, dict) else ("",) * len(columns))
        for number, each in enumerate(value, start=1)
    ]
    guessed = {key for each in dicts(value) for key, said in each.items() if _has_confidence(said)}
    by_model = tuple(place for place, key in enumerate(columns) if key in guessed)
    return Table("objects", "Row", "JSON", columns, rows, by_model=by_model)


def _cell(value: object) -> Cell:
    if isinstance(value, dict):
        if any(plain(str(key)) in BOX_COLUMNS or key in ("x", "rle", "start") for key, each in value.items() if each):
            return BOX
        named = next((value[key] for key in ("label", "name") if isinstance(value.get(key), str | int | list)), None)
        return of_value(value if named is None else {"choices": named})
    if isinstance(value, list):
        return (
            BOX if any(isinstance(each, dict | list) for each in value) else one_of([as_text(each) for each in value])
        )
    if isinstance(value, bool):  # a class, as it is where a table says so
        return "true" if value else "false"
    return as_text(value)


def _several(said: list[Said]) -> Said:
    """Two labels that one image has side by side."""
    found = agreed(said)
    return Said(found.names, "several") if found.why == "differ" else found
