"""Options of what is read from files and written to them: exports, sorted folders, files of labels."""

from __future__ import annotations

from dataclasses import dataclass

from fact_core.options import option

#: How sorted images lie in their folders.
SORT_WAYS = ("copy", "hardlink", "symlink", "list")


@dataclass(frozen=True)
class ExportConfig:
    """Writing the result into a new folder."""

    run: int = option(0, "Run", "The training run to export.", low=0)
    folder: str = option("", "Into", "A new folder. Nothing is overwritten.")
    items: tuple[str, ...] = option(("model",), "What", "What is written.")


@dataclass(frozen=True)
class SortConfig:
    """Sorting the images into folders, one a class."""

    run: int = option(0, "Run", "The training run whose answers are taken; 0: the newest.", low=0)
    folder: str = option("", "Into", "A new folder. Nothing is overwritten.")
    way: str = option("copy", "As", "What lies in the folders: copies, links, or only a list.", choices=SORT_WAYS)
    threshold: float = option(
        0.0,
        "Answers of the model",
        "Answers that are at least so sure are taken where there is no label (0.9: 90 %); 0: none are.",
        low=0.0,
        high=1.0,
    )
    undo: bool = option(False, "Take back", "Remove what an earlier sorting has made in the folder.", expert=True)


@dataclass(frozen=True)
class ImportConfig:
    """How a file or folders of labels are to be read: what is not sure is asked, and left as "ask" it stays open."""

    labels_image_column: str = option(
        "", "Column of the file", "The column that names the image; empty: found by itself."
    )
    labels_class_column: str = option(
        "", "Column of the class", "The column or question that gives the class; empty: found."
    )
    labels_level: int = option(
        0, "Folder of the class", "Which folder below the image folder is the class, 1 the topmost; 0: found.", low=0
    )
    labels_folder: str = option(
        "",
        "Folder of the names",
        "The sub-folder in which the file's names begin; empty: the image folder.",
    )
    labels_encoding: str = option("", "Encoding", "Such as utf-8 or cp1252; empty: found by itself.")
    labels_case: str = option(
        "ask",
        "Upper and lower case",
        "Classes that only case tells apart: an error, or joined into one.",
        choices=("ask", "join"),
    )
    labels_numbers: str = option(
        "ask",
        "1, 01 and 1.0",
        "Classes that are one number: an error, joined into one, or kept apart.",
        choices=("ask", "join", "apart"),
    )
    labels_unnamed: str = option(
        "ask",
        "Numbers without names",
        "Numbers of classes that the file gives no name for: an error, or names themselves.",
        choices=("ask", "names"),
    )
    labels_empty: str = option(
        "none", "nan, None, NA", "Cells with such words: no label, or names of classes.", choices=("none", "names")
    )
    labels_several: str = option(
        "none",
        "a|b and a,b",
        "Cells with such signs: several labels, which are left out, or the name of one class.",
        choices=("none", "names"),
    )
    labels_model: str = option(
        "ask",
        "Answers of a model",
        "A file with the answers of a model: an error, or taken as labels.",
        choices=("ask", "take"),
    )
    labels_moved: str = option(
        "no",
        "Another folder",
        "Whether rows that name another folder mean the images here all the same.",
        choices=("no", "yes"),
    )
    labels_rows: str = option(
        "all",
        "Rows",
        "Rows that name no image here: an error (all must), or passed over (known).",
        choices=("all", "known"),
    )
