"""The words that other tools use: names of columns, of parts of a data set, of nothing."""

from __future__ import annotations

import re

#: What the column of the file may be called, the surest first: ours, then what other tools write.
FILE_COLUMNS = (
    "file_path", "filepath", "filepaths", "file_paths", "file_name", "filename", "filenames", "file_names", "path",
    "paths", "image_path", "img_path", "image_file", "image_filename", "file", "files", "image_name", "img_name",
    "image", "images", "img", "photo", "picture", "image_url", "img_url", "url", "uri", "image_id", "imageid",
    "img_id", "id_code", "id",
)  # fmt: skip
LABEL_COLUMNS = (
    "label", "labels", "label_name", "labelname", "class", "classes", "class_name", "classname", "class_label",
    "category", "category_name", "categories", "breed", "species", "level", "diagnosis", "target", "tag", "tags",
    "choice", "ground_truth", "gt",
)  # fmt: skip
#: What a column is called that numbers rows or images; it is no class, also where it says 0 and 1 alone.
ROW_COLUMNS = frozenset(("id", "image_id", "imageid", "img_id", "id_code", "index", "unnamed:_0"))
#: What a column is called where one cell may name several classes; where it nearly always does.
LISTS = frozenset(("labels", "classes", "categories"))
TAGS = frozenset(("tags", "keywords", "attributes", "attribute_ids"))
#: Columns of boxes: what has a value there is about a part of the image.
BOX_COLUMNS = frozenset((
    "xmin", "xmax", "ymin", "ymax", "x_min", "x_max", "y_min", "y_max", "x1", "x2", "y1", "y2", "bbox", "bbox_x",
    "bbox_y", "bounding_box", "box", "segmentation", "polygon", "points", "region_shape_attributes",
    "predictionstring", "encodedpixels",
))  # fmt: skip
#: Parts of a data set that their maker kept apart from training.
TEST_WORDS = frozenset((
    "test", "testing", "val", "valid", "validation", "dev", "eval", "evaluation", "holdout", "hold_out",
))  # fmt: skip
CHECK = "check"  # our own word for that part
OWN_PARTS = frozenset((CHECK, "pool", "left_out"))  # what our lists of labels and predictions say beside "train"
TRAIN_WORDS = frozenset(("train", "training"))
SPLIT_WORDS = TEST_WORDS | TRAIN_WORDS | {"unassigned"}
#: What the column of the part is called.
SPLIT_COLUMNS = ("split", "splits", "subset", "set", "partition", "part", "phase", "usage", "ml_use", "data_set")
GROUP_COLUMNS = ("group", "group_id", "patient", "patient_id", "subject", "subject_id", "series", "series_id", "video")
#: Cells that mean "no class" to most tools; a class may still be called so.
EMPTY_WORDS = frozenset((
    "nan", "none", "null", "na", "n/a", "n.a.", "<na>", "#n/a", "nat", "nil", "undefined",
    "unlabeled", "unlabelled", "(blank)",  # Roboflow's column for images without a label, a spreadsheet's pivot
    "#ref!", "#name?", "#div/0!", "#value!", "#null!", "#num!",  # what a spreadsheet writes where it cannot reckon
))  # fmt: skip
#: What a tool says of an answer in a column "answer": Prodigy. Only the first lets it count.
ANSWERS = ("accept", "reject", "ignore")

_IMAGE = re.compile(r"\.(jpe?g|jpe|jfif|png|webp|bmp|gif|tiff?)([?#].*)?$", re.IGNORECASE)
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")


def looks_like_an_image(cell: str) -> bool:
    """Whether a text ends like the name of an image file."""
    return bool(_IMAGE.search(cell.strip()))


def plain(name: str) -> str:
    """The name of a column without case, blanks and dashes: "File Name" -> "file_name"."""
    return re.sub(r"[\s\-]+", "_", name.strip().casefold())


def names_a_part(folder: str) -> bool:
    """Whether a folder is called like a part of a data set: "test", and also "val2017" and "test_images"."""
    words = re.findall(r"[^\W\d_]+", folder.casefold())
    return folder.casefold() in SPLIT_WORDS or any(word in SPLIT_WORDS for word in words)


def is_number(text: str) -> bool:
    """Whether a text is a plain number."""
    return bool(_NUMBER.fullmatch(text.strip()))
