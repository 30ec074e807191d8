"""Label files as people and other programs write them: format, content, and what is right for each.

One table. The pool is ``PATHS``; a case says which images get which label, which reasons the other rows have, and
which questions have to be answered before anything is taken.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fact_core.config import ImportConfig
from fact_core.errors import InputError
from fact_core.exchange import label_files
from fact_core.exchange.label_files import Reading
from fact_core.types import Pool

PATHS = (
    "east/01.jpg", "east/02.jpg", "west/01.jpg", "west/02.jpg", "oak.jpg", "elm.jpg", "DSC_9.JPG", "042.png",
    "tall tree [3].jpg", "Müller 2.png", "котик.jpg",
)  # fmt: skip
POOL = Pool(Path("/data/woods"), np.arange(1, len(PATHS) + 1), PATHS, PATHS)


@dataclass(frozen=True)
class Case:
    """One file. labels: image -> class; left: reason -> rows; asked: questions that must be answered first.

    said: the person's answers. kind: the reader that should know it. error: words of the refusal instead.
    """

    content: str | bytes
    labels: Mapping[str, str] = field(default_factory=dict)
    left: Mapping[str, int] = field(default_factory=dict)
    asked: tuple[str, ...] = ()
    said: Mapping[str, Any] = field(default_factory=dict)
    kind: str = "csv"
    error: str = ""


def task(image: str, *answers: Any, question: str = "tree", **more: Any) -> dict[str, Any]:
    """A task of Label Studio; each answer is a list of choices, or a whole annotation."""
    annotations = [each if isinstance(each, dict) else note(each, question) for each in answers]
    return {"id": 5, "data": {"image": image}, "annotations": annotations, **more}


def note(choices: list[Any], question: str = "tree", **more: Any) -> dict[str, Any]:
    result = {"id": "r", "type": "choices", "from_name": question, "to_name": "pic", "value": {"choices": choices}}
    return {"id": 1, "was_cancelled": False, "result": [result], **more}


BOX = {
    "result": [{"type": "rectanglelabels", "from_name": "tree", "value": {"x": 1, "y": 1, "rectanglelabels": ["b"]}}]
}
LOCAL = "/data/local-files/?d="
UPLOAD = "/data/upload/4/ab12cd34-"


def studio(*tasks: Any) -> str:
    return json.dumps(list(tasks))


def coco(annotations: list[dict[str, Any]], images: tuple[str, ...] = ("east/01.jpg", "oak.jpg")) -> str:
    listed = [{"id": 10 + n, "file_name": name, "width": 8} for n, name in enumerate(images)]
    names = [{"id": 1, "name": "ash"}, {"id": 2, "name": "yew"}]
    return json.dumps({"info": {}, "images": listed, "categories": names, "annotations": annotations})


def via(attributes: Any, regions: Any = ()) -> dict[str, Any]:
    return {"filename": "oak.jpg", "size": 1, "regions": list(regions), "file_attributes": attributes}


def cvat(inner: str) -> str:
    return f'<?xml version="1.0" encoding="utf-8"?>\n<annotations><version>1.1</version>\n{inner}\n</annotations>'


TREES = (
    '<image name="oak.jpg" {}><tag label="tree"><attribute name="kind">ash</attribute></tag></image>'
    '<image name="elm.jpg" {}><tag label="tree"><attribute name="kind">yew</attribute></tag></image>'
)
OAK, ELM = {"oak.jpg": "ash"}, {"elm.jpg": "yew"}
BOTH = OAK | ELM
ROWS = "oak.jpg,ash\nelm.jpg,yew\n"

CASES: dict[str, Case] = {
    # ---- tables: separators, encodings, heads
    "ours": Case("file_name,label\n" + ROWS, BOTH),
    "semicolons as Excel writes them": Case("file_name;label\noak.jpg;ash\nelm.jpg;yew\n", BOTH),
    "semicolons, a class with a decimal comma": Case(
        "file_name;label\noak.jpg;1,5\n", {"oak.jpg": "1,5"}, said={"labels_several": "names"}
    ),
    "tabs": Case("file_name\tlabel\noak.jpg\tash\nelm.jpg\tyew\n", BOTH),
    "bars": Case("file_name|label\noak.jpg|ash\nelm.jpg|yew\n", BOTH),
    "Excel's sep line": Case("sep=;\nfile_name;label\noak.jpg;ash\n", OAK),
    "Excel's sep line, quoted": Case('"sep=,"\nfile_name,label\noak.jpg,ash\n', OAK),
    "UTF-8 with a mark": Case("\ufefffile_name,label\r\noak.jpg,Fähre\r\n", {"oak.jpg": "Fähre"}),
    "UTF-16 with a mark": Case("file_name\tlabel\noak.jpg\tFähre\n".encode("utf-16"), {"oak.jpg": "Fähre"}),
    "UTF-16 without a mark": Case("file_name,label\noak.jpg,ash\n".encode("utf-16-le"), OAK),
    "UTF-16 the other way round": Case("file_name,label\noak.jpg,ash\n".encode("utf-16-be"), OAK),
    "Latin-1": Case(
        "file_name,label\nMüller 2.png,Fähre\noak.jpg,ash\n".encode("cp1252"), {"Müller 2.png": "Fähre"} | OAK
    ),
    "Latin-1 with signs": Case("file_name,label\noak.jpg,Bär – “groß”\n".encode("cp1252"), {"oak.jpg": "Bär – “groß”"}),
    "Czech letters, which are others in the West, are asked about": Case(
        "file_name,label\noak.jpg,kočka\n".encode("cp1250"), asked=("labels_encoding",), left=None  # type: ignore[arg-type]
    ),
    "Turkish letters, which are others in the West, are asked about": Case(
        "file_name,label\noak.jpg,kuş\n".encode("cp1254"), asked=("labels_encoding",), left=None  # type: ignore[arg-type]
    ),
    **{
        f"{word} as {encoding} writes it is asked about": Case(
            f"file_name,label\noak.jpg,{word}\n".encode(encoding), asked=("labels_encoding",), left=None  # type: ignore[arg-type]
        )
        for word, encoding in (
            ("Bär", "mac_roman"), ("Löwe", "mac_roman"), ("niño", "mac_roman"), ("Bär", "cp850"), ("Löwe", "cp850"),
        )
    },
    "letters of the Mac, said": Case(
        "file_name,label\noak.jpg,Bär\n".encode("mac_roman"), {"oak.jpg": "Bär"}, said={"labels_encoding": "mac_roman"}
    ),
    "French letters, said": Case(
        "file_name,label\noak.jpg,chêne à crème\n".encode("cp1252"), {"oak.jpg": "chêne à crème"},
        said={"labels_encoding": "cp1252"},
    ),
    "Cyrillic of Windows is asked about": Case(
        "file_name,label\nкотик.jpg,кошка\n".encode("cp1251"), asked=("labels_encoding",), left=None  # type: ignore[arg-type]
    ),
    "Cyrillic of Windows, said": Case(
        "file_name,label\nкотик.jpg,кошка\n".encode("cp1251"),
        {"котик.jpg": "кошка"},
        said={"labels_encoding": "cp1251"},
    ),
    "Arabic of Windows is asked about": Case(
        "file_name,label\noak.jpg,قطة\nelm.jpg,كلب\n".encode("cp1256"), asked=("labels_encoding",), left=None  # type: ignore[arg-type]
    ),
    "Arabic of Windows, said": Case(
        "file_name,label\noak.jpg,قطة\n".encode("cp1256"), {"oak.jpg": "قطة"}, said={"labels_encoding": "cp1256"},
    ),
    "bytes that are no text": Case(b"file_name,label\noak.jpg,\x00\x01\xff\xfe\x9d\n", error="Row 2 is not UTF-8"),
    "zeros": Case(b"\0" * 5000, error="Row 1 is no text"),
    "old Mac's line ends": Case("file_name,label\roak.jpg,ash\relm.jpg,yew\r", BOTH),
    "quotes, a comma in a name": Case(
        'file_name,label\n"oak.jpg","3"" bolt, long"\n',
        {"oak.jpg": '3" bolt, long'},
        said={"labels_several": "names"},
    ),
    "a line break in a quoted cell": Case('file_name,note,label\noak.jpg,"a\nb",ash\nelm.jpg,,yew\n', BOTH),
    "blanks in the head": Case('"File Name","Class Label"\noak.jpg,ash\n', OAK),
    "capitals in the head": Case("FILENAME,CATEGORY\noak.jpg,ash\n", OAK),
    "an index without a name": Case(",file_name,label\n0,oak.jpg,ash\n1,elm.jpg,yew\n", BOTH),
    "a comma too many": Case("file_name,label,\noak.jpg,ash,\n", OAK),
    "a short row": Case("file_name,label\noak.jpg,ash\nelm.jpg\n", error="Row 3 of the CSV has too few columns"),
    "a comma without quotes": Case(
        "file_name,label\noak.jpg,ash, common\n", error="Row 2 of the CSV has too many columns"
    ),
    "several labels in columns without a head": Case(
        "TRAIN,gs://b/oak.jpg,ash\nTRAIN,gs://b/elm.jpg,ash,yew\n", asked=("labels_class_column",)
    ),
    "a file packed by gzip": Case(gzip.compress(b"file,label\noak.jpg,ash\n"), error="packed file"),
    "a name twice in an object of JSON": Case(
        '[{"image": "oak.jpg", "label": "ash", "label": "yew"}]', error="one name twice.*label: ash and yew"
    ),
    "FiftyOne with an image twice": Case(
        '{"classes": ["ash", "yew"], "labels": {"oak": 0, "elm": 0, "oak": 1}}', error="oak: 0 and 1"
    ),
    "a name twice with one value": Case(
        '[{"image": "oak.jpg", "label": "ash", "label": "ash", "score": NaN}]', {"oak.jpg": "ash"}, kind="objects"
    ),
    "COCO whose numbers pandas has written": Case(
        '{"images": [{"id": 1, "file_name": "oak.jpg"}, {"id": 2.0, "file_name": "elm.jpg"}], "categories": [{"id": 3, '
        '"name": "ash"}, {"id": 4, "name": "yew"}], "annotations": [{"image_id": 1.0, "category_id": 3.0}, '
        '{"image_id": 2, "category_id": 4}]}', BOTH, kind="coco",
    ),
    "a workbook": Case(b"PK\x03\x04\x14\0", error="Save the sheet as CSV"),
    "an open quote": Case('file_name,label\noak.jpg,ash\nelm.jpg,"yew\n', error="Row 3 of the CSV cannot be read"),
    "empty rows": Case("file_name,label\n\noak.jpg,ash\n,\n", OAK),
    "no head, names without ending": Case("oak,ash\nelm,yew\n", BOTH),
    "no head, the class first": Case("ash;oak\nyew;elm\n", BOTH),
    "no head, numbers": Case("042,7\noak,3\n", {"042.png": "7", "oak.jpg": "3"}),
    "a known head beside an image that is called like one": Case(
        "042,label\noak,ash\n", OAK, asked=("labels_image_column",)
    ),
    "marks that nobody can see": Case(
        "file_name,label\noak.jpg,red\u00a0ash\nelm.jpg,red ash\u200f\n", dict.fromkeys(BOTH, "red ash")
    ),
    "no head": Case("oak.jpg,ash\nelm.jpg,yew\n", BOTH),
    # ---- tables: whose columns
    "Kaggle: id without ending, breed": Case("id,breed\noak,ash\nelm,yew\n", BOTH),
    "Kaggle: image_id, label": Case("image_id,label\noak.jpg,3\n", {"oak.jpg": "3"}),
    "Kaggle: image without ending, level": Case("image,level\noak,0\nelm,4\n", {"oak.jpg": "0", "elm.jpg": "4"}),
    "Kaggle: id_code, diagnosis": Case("id_code,diagnosis\noak,2\n", {"oak.jpg": "2"}),
    "Kaggle: sports": Case(
        "class id,filepaths,labels,data set\n0,east/01.jpg,ice hockey,train\n", {"east/01.jpg": "ice hockey"}
    ),
    "Kaggle: an unknown name for the class is asked": Case(
        "file,habitat\noak.jpg,ash\n", asked=("labels_class_column",), labels=OAK
    ),
    "the column, said": Case("file,habitat\noak.jpg,ash\n", OAK, said={"labels_class_column": "habitat"}),
    "two columns that may be the class": Case(
        "file,label,species\noak.jpg,tree,ash\n", {"oak.jpg": "tree"}, asked=("labels_class_column",)
    ),
    "number and name": Case("path,label,label_name\noak.jpg,0,ash\nelm.jpg,1,yew\n", BOTH),
    "Hugging Face: number and class": Case("file_name,text,label,class\noak.jpg,hi,7,ash\n", OAK),
    "yes or no beside the class": Case("file_name,class,label\noak.jpg,ash,True\n", OAK),
    "category is the part": Case("image,category,label\noak.jpg,train,ash\nelm.jpg,test,yew\n", BOTH),
    "the class, then the part": Case("path,class,split\noak.jpg,ash,train\n", OAK),
    "two columns of files": Case("id,image,label\n1,oak.jpg,ash\n2,elm.jpg,yew\n", BOTH),
    "Hugging Face metadata.csv": Case("file_name,label\neast/01.jpg,ash\nwest/01.jpg,yew\n",
        {"east/01.jpg": "ash", "west/01.jpg": "yew"}),
    "Hugging Face metadata.jsonl": Case(
        '{"file_name": "oak.jpg", "label": "ash"}\n{"file_name": "elm.jpg", "label": "yew"}\n', BOTH, kind="objects"
    ),
    "Hugging Face metadata.jsonl with boxes": Case(
        '{"file_name": "oak.jpg", "objects": {"bbox": [[1, 2, 3, 4]], "categories": [1]}, "label": "ash"}\n',
        OAK, kind="objects",
    ),
    "a JSON list of rows, several labels": Case(
        '[{"image": "oak.jpg", "label": ["ash"]}, {"image": "elm.jpg", "label": ["ash", "yew"]}]',
        OAK, {"several": 1}, kind="objects",
    ),
    "a broken line of JSON": Case('{"file_name": "a.jpg", "label": "a"}\n{"file_name": \n', error="Row 2 of the JSON"),
    "ImageNet's list": Case("east/01.jpg 0\nwest/01.jpg 1\n", {"east/01.jpg": "0", "west/01.jpg": "1"}),
    "VOC's list": Case("east/01  1\nwest/02 -1\n", {"east/01.jpg": "1", "west/02.jpg": "-1"}),
    "a list with a head": Case("file label\noak.jpg ash\nelm.jpg yew\n", BOTH),
    "two columns called alike": Case(
        "file,label,label\noak.jpg,tree,ash\n", {"oak.jpg": "tree"}, asked=("labels_class_column",)
    ),
    "two columns called alike, by pandas": Case(
        "file,label,label.1\noak.jpg,tree,ash\n", {"oak.jpg": "tree"}, asked=("labels_class_column",)
    ),
    "two tables joined by pandas": Case(
        "file,label_x,label_y\noak.jpg,tree,ash\n", {"oak.jpg": "tree"}, asked=("labels_class_column",)
    ),
    "two tables joined by polars, which say the same": Case("file,label,label_right\noak.jpg,ash,ash\n", OAK),
    "a number behind a name that stands alone": Case(
        "file,label,class_1,x.1\noak.jpg,ash,3,4\nelm.jpg,yew,3,4\n", BOTH
    ),
    "two columns of files, by DuckDB": Case(
        "image,image_1,label\noak.jpg,elm.jpg,ash\n", asked=("labels_image_column",), left=None  # type: ignore[arg-type]
    ),
    "the second of two columns called alike, said": Case(
        "file,label,label\noak.jpg,tree,ash\n", OAK, said={"labels_class_column": "label (2)"}
    ),
    "a list whose names have blanks": Case("tall tree [3].jpg ash\noak.jpg ash\n", {"tall tree [3].jpg": "ash"} | OAK),
    "Roboflow one-hot": Case("filename, ash, yew\noak.jpg, 1, 0\nelm.jpg, 0, 1\n", BOTH),
    "Roboflow one-hot, several and none": Case(
        "filename, ash, yew\noak.jpg, 1, 0\nelm.jpg, 1, 1\n042.png, 0, 0\n", OAK, {"several": 1, "none": 1}
    ),
    "one-hot, two columns of one name are asked about": Case(
        "filename,ash,ash,yew\noak.jpg,1,0,0\nelm.jpg,0,0,1\n", asked=("labels_class_column",)
    ),
    "one-hot, two columns of one name by pandas are asked about": Case(
        "filename,ash,ash.1,yew\noak.jpg,1,0,0\nelm.jpg,0,0,1\n", asked=("labels_class_column",)
    ),
    "one-hot beside the numbers of the rows": Case("id,filename,ash,yew\n1,oak.jpg,1,0\n2,elm.jpg,0,1\n", BOTH),
    "one-hot beside an index of pandas": Case(
        "Unnamed: 0,filename,ash,yew\n0,oak.jpg,1,0\n1,elm.jpg,0,1\n2,042.png,1,0\n", BOTH | {"042.png": "ash"}
    ),
    "one-hot beside an index of 0 and 1": Case(
        "Unnamed: 0,filename,ash,yew\n0,oak.jpg,1,0\n1,elm.jpg,0,1\n", BOTH
    ),
    "one-hot beside the part": Case("filename,split,ash,yew\noak.jpg,train,1,0\nelm.jpg,test,0,1\n", BOTH),
    "one-hot with a class that is called like a column of files": Case(
        "filename,photo,drawing\noak.jpg,1,0\nelm.jpg,0,1\n", {"oak.jpg": "photo", "elm.jpg": "drawing"}
    ),
    "numbers at the end, under names": Case(
        "who,photo,height,girth\nkim,oak.jpg,20,3\nkim,elm.jpg,12,2\n", asked=("labels_class_column",)
    ),
    "numbers in the middle, under names": Case(
        "who,a,b,c,d,photo,e,f\nkim,1,2,3,4,oak.jpg,x,y\n", asked=("labels_class_column",)
    ),
    "JSON, a sign that parts lines elsewhere": Case(
        '{"file_name": "oak.jpg", "label": "ash", "note": "a\u2028b"}\n{"file_name": "elm.jpg", "label": "yew"}\n',
        BOTH, kind="objects",
    ),
    "two columns of files that name different images": Case(
        "image,path,label\noak.jpg,elm.jpg,ash\n", asked=("labels_image_column",), left=None  # type: ignore[arg-type]
    ),
    "two columns of files under one name": Case(
        "image,image,label\noak.jpg,elm.jpg,ash\n", asked=("labels_image_column",), left=None  # type: ignore[arg-type]
    ),
    "two columns of files that name the same images": Case(
        "image,path,label\nOAK.jpg,oak.jpg,ash\n", OAK
    ),
    "one-hot with a class called label": Case(
        "filename, label, other\noak.jpg, 1, 0\nelm.jpg, 0, 1\n",
        {"oak.jpg": "label", "elm.jpg": "other"}, asked=("labels_class_column",),
    ),
    "AutoML": Case("TRAIN,gs://b/x/east/01.jpg,ash\nTEST,gs://b/elm.jpg,yew\n", {"east/01.jpg": "ash"} | ELM),
    "AutoML, a class called label": Case("TRAIN,gs://b/oak.jpg,label\n", {"oak.jpg": "label"}),
    "MakeSense": Case('"[ash]",oak.jpg,64,64\n"[ash,yew]",elm.jpg,64,64\n', OAK, {"several": 1}),
    "MakeSense boxes": Case("ash,5,6,20,20,oak.jpg,64,64\n", left={"boxes": 1}),
    "Open Images": Case(
        "ImageID,Source,LabelName,Confidence\noak,verification,/m/01,1\nelm,verification,/m/02,0\n",
        {"oak.jpg": "/m/01"}, {"none": 1},
    ),
    "boxes of TensorFlow": Case(
        "filename,width,height,class,xmin,ymin,xmax,ymax\noak.jpg,9,9,ash,1,1,5,5\noak.jpg,9,9,yew,1,1,5,5\n",
        left={"boxes": 2},
    ),
    "boxes in one row of two": Case("filename,label,bbox\noak.jpg,ash,\nelm.jpg,yew,1 2 3 4\n", OAK, {"boxes": 1}),
    # ---- tables: what the rows say
    "absolute, of another computer": Case(
        "file_name,label\n/mnt/usb/east/01.jpg,ash\nD:\\w\\west\\01.jpg,yew\n",
        {"east/01.jpg": "ash", "west/01.jpg": "yew"},
    ),
    "other case": Case("file_name,label\nOAK.JPG,ash\ndsc_9.jpg,yew\n", OAK | {"DSC_9.JPG": "yew"}),
    "42 is not 042": Case("file_name,label\n42,ash\n042,yew\n", {"042.png": "yew"}, {"unknown": 1}),
    "rows of another folder": Case("file_name,label\ntest/oak.jpg,ash\ntest/elm.jpg,yew\n", left={"elsewhere": 2}),
    "rows of two folders, one of them this one": Case(
        "file_name,label\neast/01.jpg,ash\nold/west/01.jpg,yew\n", {"east/01.jpg": "ash"}, {"elsewhere": 1}
    ),
    "rows of two folders": Case("file_name,label\na/east/01.jpg,ash\nb/west/01.jpg,yew\n", left={"elsewhere": 2}),
    "rows of another folder that is this one": Case(
        "file_name,label\ntest/oak.jpg,ash\ntest/elm.jpg,yew\n", BOTH, said={"labels_moved": "yes"}
    ),
    "rows of another class's folder": Case("file_name,label\nnorth/01.jpg,ash\n", left={"elsewhere": 1}),
    "a name that two have": Case("file_name,label\n01.jpg,ash\noak.jpg,ash\n", OAK, {"ambiguous": 1}),
    "addresses": Case("image,label\nhttps://h.example/oak.jpg?x=1,ash\n%65lm.jpg,yew\n", BOTH),
    "twice, the same": Case("file_name,label\noak.jpg,ash\noak.jpg,ash\n", OAK),
    "twice, different": Case("file_name,label\noak.jpg,ash\noak.jpg,yew\nelm.jpg,yew\n", ELM, {"differing": 1}),
    "a surer row beats a vaguer one": Case(
        "file_name,label\neast/01.jpg,ash\n/old/east/01.jpg,yew\n", {"east/01.jpg": "ash"}, {"elsewhere": 1}
    ),
    "classes that differ in case": Case(
        "file_name,label\noak.jpg,Ash\nelm.jpg,ash\n", {"oak.jpg": "Ash", "elm.jpg": "Ash"}, asked=("labels_case",)
    ),
    "1, 01 and 1.0": Case(
        "file_name,label\noak.jpg,1\nelm.jpg,01\n042.png,1.0\n",
        {"oak.jpg": "1", "elm.jpg": "01", "042.png": "1.0"}, asked=("labels_numbers",),
    ),
    "1, 01 and 1.0 are one": Case(
        "file_name,label\noak.jpg,1.0\nelm.jpg,01\n042.png,1\n",
        {"oak.jpg": "1", "elm.jpg": "1", "042.png": "1"}, said={"labels_numbers": "join"},
    ),
    "cells of pandas for nothing": Case(
        "file_name,label\noak.jpg,nan\nelm.jpg,\n042.png,None\neast/01.jpg,NA\nwest/01.jpg,ash\n",
        {"west/01.jpg": "ash"}, {"empty": 3, "none": 1},
    ),
    "a class that is called NA": Case(
        "file_name,label\noak.jpg,NA\nelm.jpg,yew\n", {"oak.jpg": "NA"} | ELM, said={"labels_empty": "names"}
    ),
    "several labels in a cell": Case(
        'file_name,label\noak.jpg,ash|yew\nelm.jpg,"ash, yew"\n042.png,ash;yew\neast/01.jpg,yew\n',
        {"east/01.jpg": "yew"}, {"several": 3},
    ),
    "tags parted by blanks": Case(
        "image_name,tags\noak.jpg,haze primary\nelm.jpg,agriculture clear primary water\n042.png,cloudy\n"
        "east/01.jpg,slash burn\n",
        {"042.png": "cloudy", "east/01.jpg": "slash burn"}, {"several": 2},
    ),
    "labels parted by blanks, of which one has all of another": Case(
        "image,labels\noak.jpg,scab\nelm.jpg,frog_eye_leaf_spot complex\n042.png,scab frog_eye_leaf_spot complex\n"
        "east/01.jpg,powdery mildew\n",
        OAK | {"oak.jpg": "scab", "east/01.jpg": "powdery mildew"}, {"several": 2},
    ),
    "numbers parted by blanks": Case("Id,Target\noak,16 0\nelm,25\n", {"elm.jpg": "25"}, {"several": 1}),
    "names of two words that have one in common": Case(
        "image,labels\noak.jpg,ice hockey\nelm.jpg,field hockey\n", {"oak.jpg": "ice hockey", "elm.jpg": "field hockey"}
    ),
    "nothing in two spellings is no question": Case(
        "file,label\noak.jpg,nan\nelm.jpg,NaN\n042.png,ash\n", {"042.png": "ash"}, {"empty": 2},
    ),
    "Hugging Face, a class with its number": Case(
        '{"file_name": "oak.jpg", "label": {"id": 0, "name": "ash"}}\n'
        '{"file_name": "elm.jpg", "label": {"id": 1, "name": "yew"}}\n', BOTH, kind="objects",
    ),
    "JSON, a class with its place in the picture": Case(
        '[{"image": "oak.jpg", "label": {"name": "ash", "bbox": [1, 2, 3, 4]}}, '
        '{"image": "elm.jpg", "label": {"label": "yew", "bbox": []}}, '
        '{"image": "042.png", "label": {"label": "yew", "x": 1, "y": 2}}]', ELM, {"boxes": 2}, kind="objects",
    ),
    "FiftyOne, a data set": Case(
        json.dumps({"samples": [
            {"filepath": "data/east/01.jpg", "ground_truth": {"_cls": "Classification", "label": "ash"}, "tags": ["x"]},
            {"filepath": "data/west/01.jpg", "ground_truth": None},
            {"filepath": "data/west/02.jpg", "ground_truth": {"_cls": "Classification", "label": None}},
        ]}), {"east/01.jpg": "ash"}, {"none": 2}, kind="fiftyone",
    ),
    "FiftyOne, a data set with boxes beside, and with two labels of one": Case(
        json.dumps({"samples": [
            {"filepath": "oak.jpg", "tree": {"_cls": "Classification", "label": "ash"},
             "found": {"_cls": "Detections", "detections": []}},
            {"filepath": "elm.jpg", "tree": {"_cls": "Classifications", "classifications": [
                {"label": "ash"}, {"label": "yew"}]}},
        ]}), OAK, {"several": 1}, kind="fiftyone",
    ),
    "FiftyOne, a data set that a model has named": Case(
        json.dumps({"samples": [
            {"filepath": "oak.jpg", "guess": {"_cls": "Classification", "label": "ash", "confidence": 0.41}},
        ]}), OAK, asked=("labels_model",), kind="fiftyone",
    ),
    "FiftyOne, what a model has named beside what a person has": Case(
        json.dumps({"samples": [
            {"filepath": "oak.jpg", "guess": {"_cls": "Classification", "label": "yew", "confidence": 0.41},
             "truth": {"_cls": "Classification", "label": "ash", "confidence": None}},
        ]}), OAK, said={"labels_class_column": "truth"}, kind="fiftyone",
    ),
    "VIA, answers by their numbers": Case(
        json.dumps({"_via_attributes": {"file": {"tree": {"type": "dropdown", "options": {"0": "ash", "1": "yew"}}}},
            "_via_img_metadata": {
                "a": {"filename": "oak.jpg", "regions": [], "file_attributes": {"tree": "0"}},
                "b": {"filename": "elm.jpg", "regions": [], "file_attributes": {"tree": {"1": True}}},
            }}), BOTH, kind="via",
    ),
    "VIA, answers by their names, which are described": Case(
        json.dumps({"_via_attributes": {"file": {"tree": {"type": "radio", "options": {"ash": "A tall one"}}}},
            "_via_img_metadata": {"a": {"filename": "oak.jpg", "regions": [], "file_attributes": {"tree": "ash"}}}}),
        OAK, kind="via",
    ),
    "Label Studio, an answer about the second of several pictures": Case(
        json.dumps([{"id": 1, "data": {"image": "oak.jpg"}, "annotations": [{"result": [
            {"from_name": "kind", "to_name": "image", "item_index": 1, "value": {"choices": ["ash"]}}]}]}]),
        left={"boxes": 1}, kind="label-studio",
    ),
    "FiftyOne, a data set of boxes": Case(
        json.dumps({"samples": [{"filepath": "oak.jpg", "found": {"_cls": "Detections", "detections": [{}]}}]}),
        left={"boxes": 1}, kind="fiftyone",
    ),
    "XML of PASCAL VOC": Case(
        "<annotation><filename>oak.jpg</filename><object><name>ash</name></object></annotation>",
        error="no export of CVAT",
    ),
    "several labels parted by blanks, as others show": Case(
        "image,labels\noak.jpg,ash\nelm.jpg,ash yew\n042.png,yew\n", OAK | {"042.png": "yew"}, {"several": 1}
    ),
    "what an older version wrote for -1": Case("file_name,label\noak.jpg,'-1\nelm.jpg,-1\n",
        {"oak.jpg": "-1", "elm.jpg": "-1"}),
    "our predictions": Case(
        "sample_id,file_path,label,confidence,split,source,annotator,lead_time,created_at\n"
        "5,oak.jpg,ash,0.91,pool,model,,,2026-01-01\n", OAK, asked=("labels_model",),
    ),
    "answers of our predict.py": Case("file_path,label,confidence\noak.jpg,ash,1.0000\n", OAK, asked=("labels_model",)),
    "another model's answers": Case("image,label,confidence\noak.jpg,ash,0.4\n", OAK, asked=("labels_model",)),
    "our labels, with NA and commas": Case(
        "sample_id,file_path,label,confidence,split,source,annotator,lead_time,created_at,note,kind\n"
        '1,oak.jpg,NA,,train,person,,,2026,,label\n2,elm.jpg,"a, b",,train,person,,,2026,,label\n'
        "3,042.png,,,,person,,,2026,,skipped\n",
        {"oak.jpg": "NA", "elm.jpg": "a, b"}, {"none": 1},
    ),
    "one column": Case("file_name\noak.jpg\n", asked=("labels_class_column",)),
    "nothing": Case("", error="no columns"),
    "repeats with blanks": Case("file_name,label\n oak.jpg , ash \n", OAK),
    # ---- Label Studio
    "Label Studio, local files": Case(
        studio(task(LOCAL + "east/01.jpg", ["ash"]), task(LOCAL + "west%2F01.jpg", ["yew"])),
        {"east/01.jpg": "ash", "west/01.jpg": "yew"}, kind="label-studio",
    ),
    "Label Studio, uploads": Case(
        studio(task(UPLOAD + "oak.jpg", ["ash"]), task(UPLOAD + "tall_tree_3.jpg", ["yew"])),
        OAK | {"tall tree [3].jpg": "yew"}, kind="label-studio",
    ),
    "Label Studio, two uploads of one name": Case(
        studio(task(UPLOAD + "oak.jpg", ["ash"]), task("/data/upload/4/ffff0000-oak.jpg", ["ash"])),
        left={"ambiguous": 1}, kind="label-studio",
    ),
    "a list of labels in a cell, in JSON and in Python": Case(
        'file,label\noak.jpg,"[""ash""]"\nelm.jpg,"[""ash"", ""yew""]"\n042.png,"[\'yew\']"\n'
        "west/01.jpg,\"['ash', 'yew']\"\n", OAK | {"042.png": "yew"}, {"several": 2},
    ),
    "another model's answers, with a score": Case(
        "image,label,score\noak.jpg,ash,0.4\n", OAK, asked=("labels_model",)
    ),
    "CVAT for video": Case(cvat('<track id="0" label="ash"><box frame="0"/></track>'), error="names no images"),
    "Label Studio, a name that two folders have": Case(
        studio(task(UPLOAD + "01.jpg", ["ash"])), left={"ambiguous": 1}, kind="label-studio"
    ),
    "Label Studio, cancelled, equal, different": Case(
        studio(
            task("oak.jpg", note(["yew"], was_cancelled=True), ["ash"]),
            task("elm.jpg", ["yew"], ["yew"]),
            task("042.png", ["ash"], ["yew"]),
            task("east/01.jpg", note(["yew"], was_cancelled=True)),
        ),
        BOTH, {"differing": 1, "none": 1}, kind="label-studio",
    ),
    "Label Studio, ground truth": Case(
        studio(task("oak.jpg", ["yew"], note(["ash"], ground_truth=True))), OAK, kind="label-studio"
    ),
    "Label Studio, several choices": Case(
        studio(task("oak.jpg", ["ash", "yew"])), left={"several": 1}, kind="label-studio"
    ),
    "Label Studio, numbers as choices": Case(studio(task("oak.jpg", [3])), {"oak.jpg": "3"}, kind="label-studio"),
    "Label Studio, boxes": Case(studio(task("oak.jpg", BOX)), left={"boxes": 1}, kind="label-studio"),
    "Label Studio, only predictions": Case(
        studio({"id": 1, "data": {"image": "oak.jpg"}, "annotations": [], "predictions": [note(["ash"])]}),
        left={"none": 1}, kind="label-studio",
    ),
    "Label Studio, two questions": Case(
        studio(task("oak.jpg", ["ash"]), task("elm.jpg", ["sharp"], question="quality")),
        OAK, {"none": 1}, asked=("labels_class_column",), kind="label-studio",
    ),
    "Label Studio, the other question": Case(
        studio(task("oak.jpg", ["ash"]), task("elm.jpg", ["sharp"], question="quality")),
        {"elm.jpg": "sharp"}, {"none": 1}, said={"labels_class_column": "quality"}, kind="label-studio",
    ),
    "Label Studio, which of two is better": Case(
        studio({"id": 1, "data": {"a": "oak.jpg", "b": "elm.jpg"}, "annotations": [note(["left"])]}),
        left={"boxes": 1}, asked=("labels_image_column",), kind="label-studio",
    ),
    "Label Studio, choices about a region": Case(
        studio(task("oak.jpg", {"result": [{"from_name": "t", "value": {"x": 1, "width": 2, "choices": ["ash"]}}]})),
        left={"boxes": 1}, kind="label-studio",
    ),
    "Label Studio, a remark and boxes beside the choice": Case(
        studio(task("oak.jpg", {"result": [
            note(["ash"])["result"][0], {"from_name": "remark", "value": {"text": ["hm"]}},
            {"from_name": "box", "value": {"x": 1, "rectanglelabels": ["leaf"]}},
        ]})), OAK, kind="label-studio",
    ),
    "Label Studio, choices called None and a, b": Case(
        studio(task("oak.jpg", ["None"]), task("elm.jpg", ["a, b"])), {"oak.jpg": "None", "elm.jpg": "a, b"},
        kind="label-studio",
    ),
    "Label Studio, Windows' local files": Case(
        studio(task(LOCAL + "east%5C01.jpg", ["ash"])), {"east/01.jpg": "ash"}, kind="label-studio"
    ),
    "Label Studio, taxonomy": Case(
        studio(task("oak.jpg", {"result": [{"from_name": "t", "value": {"taxonomy": [["plant", "ash"]]}}]})),
        OAK, kind="label-studio",
    ),
    "Label Studio, no picture": Case(
        studio({"id": 1, "data": {"text": "hello"}, "annotations": [note(["ash"])]}), left={"unknown": 1},
        kind="label-studio",
    ),
    "Label Studio, a task a line": Case(
        "\n".join(json.dumps(task(name, [label])) for name, label in (("oak.jpg", "ash"), ("elm.jpg", "yew"))),
        BOTH, kind="label-studio",
    ),
    "Label Studio, nothing": Case("[]", kind="label-studio"),
    "Label Studio JSON_MIN": Case(
        json.dumps([
            {"image": LOCAL + "east/01.jpg", "id": 1, "tree": "ash", "annotator": 1, "annotation_id": 2},
            {"image": UPLOAD + "oak.jpg", "id": 2, "tree": {"choices": ["ash", "yew"]}, "annotator": 1},
        ]),
        {"east/01.jpg": "ash"}, {"several": 1}, kind="label-studio",
    ),
    "Label Studio CSV": Case(
        "image,id,tree,annotator,annotation_id,created_at,updated_at,lead_time\n"
        f"{UPLOAD}oak.jpg,1,ash,1,4,2026,2026,3.1\n", OAK,
    ),
    "Label Studio CSV, several choices and boxes": Case(
        "image,id,label,annotator\n"
        f'{LOCAL}east/01.jpg,1,"{{""choices"":[""ash"",""yew""]}}",1\n'
        f'{LOCAL}east/02.jpg,1,"[{{""x"":1,""y"":2,""rectanglelabels"":[""ash""]}}]",1\n'
        f"{LOCAL}west/01.jpg,1,yew,1\n",
        {"west/01.jpg": "yew"}, {"several": 1, "boxes": 1},
    ),
    # ---- other tools
    "COCO": Case(
        coco([{"image_id": 10, "category_id": 1}, {"image_id": 11, "category_id": 2, "bbox": []}]),
        {"east/01.jpg": "ash", "oak.jpg": "yew"}, kind="coco",
    ),
    "COCO with boxes and two labels": Case(
        coco([
            {"image_id": 10, "category_id": 1, "bbox": [1, 2, 3, 4]},
            {"image_id": 11, "category_id": 1}, {"image_id": 11, "category_id": 2},
        ]),
        left={"boxes": 1, "several": 1}, kind="coco",
    ),
    "COCO with annotations of images that it does not list": Case(
        coco([
            {"image_id": 10, "category_id": 1}, {"image_id": 99, "category_id": 2}, {"image_id": 99, "category_id": 1},
            {"category_id": 1}, {"image_id": 98, "category_id": 1, "bbox": [1, 2, 3, 4]}, {"image_id": 42},
        ]),
        {"east/01.jpg": "ash"}, left={"unknown": 3, "boxes": 1, "none": 2}, kind="coco",
    ),
    "COCO of a folder at another place, with an image that it does not list": Case(
        coco([{"image_id": 10, "category_id": 1}, {"image_id": 99, "category_id": 2}], ("x/east/01.jpg", "x/oak.jpg")),
        {"east/01.jpg": "ash"}, left={"unknown": 1, "none": 1}, kind="coco", said={"labels_moved": "yes"},
    ),
    "our own list with images whose file was gone": Case(
        "sample_id,file_path,label,confidence,split,source,annotator,lead_time,created_at,note,kind,file\n"
        "1,oak.jpg,ash,,train,page,me,,,,label,\n2,gone.jpg,ash,,,page,me,,,,label,missing\n"
        "3,new/bad.jpg,ash,,,page,me,,,,label,unreadable\n4,elm.jpg,yew,,,page,me,,,,label,missing\n",
        BOTH, left={"gone": 2},
    ),
    "our own list with a name that is strange": Case(
        "sample_id,file_path,label,confidence,split,source,annotator,lead_time,created_at,note,kind,file\n"
        "1,oak.jpg,ash,,train,page,me,,,,label,\n2,gone.jpg,ash,,train,page,me,,,,label,\n",
        OAK, left={"unknown": 1},
    ),
    "FiftyOne": Case(
        json.dumps({"classes": ["ash", "yew"], "labels": {"oak": 0, "elm": 1, "042": None}}), BOTH, {"none": 1},
        kind="fiftyone",
    ),
    "FiftyOne without its classes": Case(
        json.dumps({"labels": {"oak": 2, "elm": {"label": 7}}}), {"oak.jpg": "2", "elm.jpg": "7"}, kind="fiftyone",
        asked=("labels_unnamed",),
    ),
    "FiftyOne without its classes, numbers are names": Case(
        json.dumps({"labels": {"oak": 2, "elm": 7}}), {"oak.jpg": "2", "elm.jpg": "7"}, kind="fiftyone",
        said={"labels_unnamed": "names"},
    ),
    "FiftyOne with a number beyond its classes": Case(
        json.dumps({"classes": ["ash"], "labels": {"oak": 0, "elm": 1}}), {"oak.jpg": "ash", "elm.jpg": "1"},
        kind="fiftyone", asked=("labels_unnamed",),
    ),
    "COCO without categories": Case(
        json.dumps({"images": [{"id": 1, "file_name": "oak.jpg"}], "annotations": [{"image_id": 1, "category_id": 3}]}),
        {"oak.jpg": "3"}, kind="coco", asked=("labels_unnamed",),
    ),
    "COCO with a category without a name": Case(
        json.dumps({"images": [{"id": 1, "file_name": "oak.jpg"}], "categories": [{"id": 3, "name": ""}],
                    "annotations": [{"image_id": 1, "category_id": 3}]}),
        {"oak.jpg": "3"}, kind="coco", asked=("labels_unnamed",),
    ),
    "lines of JSON with true and false": Case(
        '{"file_name": "oak.jpg", "label": true}\n{"file_name": "elm.jpg", "label": false}\n',
        {"oak.jpg": "true", "elm.jpg": "false"}, kind="objects",
    ),
    "lines of JSON with a number without end": Case(
        '{"file_name": "oak.jpg", "label": 1e400}\n{"file_name": "elm.jpg", "label": 4}\n'
        '{"file_name": "042.png", "label": -Infinity}\n',
        {"elm.jpg": "4"}, {"none": 2}, kind="objects",
    ),
    "names with characters that nobody sees": Case(
        "file_name,label\noak.jpg,ash\nelm.jpg,as\u200bh\u200b\n042.png,\ufeffash\u200d\n",
        {"oak.jpg": "ash", "elm.jpg": "ash", "042.png": "ash"},
    ),
    "letters joined by what has no width": Case(
        "file_name,label\noak.jpg,\U0001f468\u200d\U0001f33e\n", {"oak.jpg": "\U0001f468\u200d\U0001f33e"},
    ),
    "a cell of more than 128 kB beside the label": Case(
        f"file_name,label,note\noak.jpg,ash,{'n' * 140_000}\nelm.jpg,yew,\n", BOTH,
    ),
    "a label of more than 128 kB": Case(
        f"file_name,label\noak.jpg,ash\nelm.jpg,{'m' * 140_000}\n", OAK, {"unfit": 1},
    ),
    "labels that no class can be called": Case(
        f"file_name,label\noak.jpg,ash\nelm.jpg,{'m' * 201}\neast/01.jpg,a\x07b\neast/02.jpg,\"a\nb\"\n"
        "west/01.jpg,\u200b\n",
        OAK, {"unfit": 4},
    ),
    "a label that no class can be called, beside another of the image": Case(
        f"file_name,label\noak.jpg,ash\noak.jpg,{'m' * 201}\nelm.jpg,yew\n", ELM, {"unfit": 1, "differing": 1},
    ),
    "several labels beside one of them": Case(
        "file_name,label\noak.jpg,ash\noak.jpg,ash|yew\nelm.jpg,yew\n", ELM, {"several": 1, "differing": 1},
    ),
    "several labels in a vaguer row": Case(
        "file_name,label\neast/01.jpg,ash\n/old/east/01.jpg,ash|yew\nelm.jpg,yew\n",
        {"east/01.jpg": "ash"} | ELM, {"several": 1},
    ),
    "boxes and nothing beside a label": Case(
        "filename,label,bbox\noak.jpg,ash,\noak.jpg,yew,1 2 3 4\nelm.jpg,yew,\nelm.jpg,,\n", BOTH,
        {"boxes": 1, "none": 1},
    ),
    "a name of more than 128 kB": Case(
        f"file_name,label\n{'a/' * 90_000}oak.jpg,ash\nelm.jpg,yew\n", {"elm.jpg": "yew"}, {"unknown": 1},
    ),
    "comments above the head": Case(
        "# made in May\n# by us, for them\nfile_name,label\noak.jpg,ash\nelm.jpg,yew\n", BOTH,
    ),
    "a row that begins with the sign of comments": Case(
        "#1.jpg,ash\noak.jpg,ash\nelm.jpg,yew\n", BOTH, {"unknown": 1},
    ),
    "FiftyOne with boxes": Case(
        json.dumps({"classes": ["ash"], "labels": {"oak": [{"label": 0, "bounding_box": [0, 0, 1, 1]}]}}),
        left={"boxes": 1}, kind="fiftyone",
    ),
    "CVAT tags": Case(
        cvat('<image id="0" name="oak.jpg"><tag label="ash"/></image><image id="1" name="elm.jpg"><tag label="yew">'
             '<attribute name="a">b</attribute></tag></image>'), BOTH, kind="cvat",
    ),
    "CVAT boxes, two tags, none": Case(
        cvat('<image name="oak.jpg"><box label="ash" xtl="1"/></image><image name="elm.jpg"><tag label="ash"/>'
             '<tag label="yew"/></image><image name="042.png"/>'),
        left={"boxes": 1, "several": 1, "none": 1}, kind="cvat",
    ),
    "CVAT, an attribute of one tag tells the images apart": Case(
        cvat(TREES.format("", "")), kind="cvat", asked=("labels_class_column",), left=None,
    ),
    "CVAT, an attribute, said": Case(
        cvat(TREES.format("", "")), BOTH, kind="cvat", said={"labels_class_column": "tag.kind"},
    ),
    "CVAT, the tag, said": Case(
        cvat(TREES.format("", "")), {"oak.jpg": "tree", "elm.jpg": "tree"}, kind="cvat",
        said={"labels_class_column": "tag"},
    ),
    "CVAT, tags that a network gave": Case(
        cvat('<image name="oak.jpg"><tag label="ash" source="auto"/></image><image name="elm.jpg">'
             '<tag label="yew" source="manual"/></image>'), BOTH, kind="cvat", asked=("labels_model",),
    ),
    "CVAT cut off": Case(cvat("<image>"), error="Row 4 of the XML"),
    "XML of something else": Case("<?xml version='1.0'?><html/>", error="no export of CVAT"),
    "XML that unfolds": Case('<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "b">]><annotations/>', error="declarations"),
    "VIA": Case(json.dumps({"oak.jpg1": via({"class": "ash"})}), OAK, kind="via"),
    "VIA project, ticks and regions": Case(
        json.dumps({"_via_img_metadata": {"a": via({"kind": {"ash": True, "yew": False}})}}), OAK, kind="via"
    ),
    "VIA regions": Case(json.dumps({"a": via({}, [{"shape_attributes": {"x": 1}}])}), left={"boxes": 1}, kind="via"),
    "VIA CSV": Case(
        "filename,file_size,file_attributes,region_count,region_id,region_shape_attributes,region_attributes\n"
        'oak.jpg,9,"{""class"":""ash""}",0,0,"{}","{}"\nelm.jpg,9,"{}",1,0,"{""x"":1}","{}"\n',
        OAK, {"boxes": 1}, kind="via",
    ),
    "how sure a model was, with a decimal comma": Case(
        "file;label;confidence\noak.jpg;ash;0,91\nelm.jpg;yew;1,0\n", BOTH, asked=("labels_model",)
    ),
    "how sure a model was, in percent": Case(
        "file,label,score\noak.jpg,ash,91 %\nelm.jpg,yew,100%\n", BOTH, asked=("labels_model",)
    ),
    "a probability of each class, with decimal commas": Case(
        "file;label;prob_ash;prob_yew\noak.jpg;ash;0,9;0,1\n", OAK, asked=("labels_model",)
    ),
    "Open Images, with decimal commas": Case(
        "ImageID;LabelName;Confidence\noak;ash;1,0\nelm;ash;0,0\n", OAK, {"none": 1}
    ),
    "how sure a model was, in a list beside a list": Case(
        'image,labels,scores\noak.jpg,"[""ash""]","[0.91]"\nelm.jpg,yew,[1]\n', BOTH, asked=("labels_model",)
    ),
    "JSON, how sure a model was, in a list beside a list": Case(
        '[{"image": "oak.jpg", "labels": ["ash"], "scores": [0.91]}, {"image": "elm.jpg", "labels": ["yew"]}]',
        BOTH, kind="objects", asked=("labels_model",),
    ),
    "how sure a model was, by another word": Case(
        "image,label,certainty\noak.jpg,ash,0.4\n", OAK, asked=("labels_model",)
    ),
    "sets of Python in a cell": Case(
        "file,label\noak.jpg,{'ash'}\nelm.jpg,\"{'ash', 'yew'}\"\n042.png,{ash}\n",
        OAK | {"042.png": "{ash}"}, {"several": 1},
    ),
    "COCO, results of a model": Case(
        coco([{"image_id": 10, "category_id": 1, "score": 0.44}]), {"east/01.jpg": "ash"}, {"none": 1}, kind="coco",
        asked=("labels_model",),
    ),
    "COCO, scores of a person, who is sure": Case(
        coco([{"image_id": 10, "category_id": 1, "score": 1.0}]), {"east/01.jpg": "ash"}, {"none": 1}, kind="coco",
    ),
    "FiftyOne's list with how sure a model was": Case(
        json.dumps({"classes": ["ash", "yew"], "labels": {
            "oak": {"label": 0, "confidence": 0.3}, "elm": {"label": 1, "confidence": None}}}),
        BOTH, kind="fiftyone", asked=("labels_model",),
    ),
    "JSON, a class with how sure a model was": Case(
        '[{"image": "oak.jpg", "label": {"name": "ash", "score": 0.4}}, '
        '{"image": "elm.jpg", "label": {"name": "yew"}}]',
        BOTH, kind="objects", asked=("labels_model",),
    ),
    "Roboflow one-hot, its column for images without a label": Case(
        "filename, ash, yew, Unlabeled\noak.jpg, 1, 0, 0\nelm.jpg, 0, 0, 1\n", OAK, {"empty": 1}
    ),
    "what a spreadsheet writes where it cannot reckon": Case(
        "file,label\noak.jpg,ash\nelm.jpg,#REF!\n042.png,#NAME?\neast/01.jpg,#DIV/0!\n", OAK, {"empty": 3}
    ),
    "Prodigy, answers that were not accepted": Case(
        '{"image": "oak.jpg", "label": "ash", "answer": "accept"}\n{"image": "elm.jpg", "label": "ash", "answer": '
        '"reject"}\n{"image": "042.png", "label": "ash", "answer": "ignore"}\n', OAK, {"refused": 2}, kind="objects",
    ),
    "a column answer that says something else": Case(
        "image,label,answer\noak.jpg,ash,accept\nelm.jpg,yew,reject\n042.png,ash,maybe\n", BOTH | {"042.png": "ash"}
    ),
    "Label Studio, what a reviewer has rejected": Case(
        studio(
            task("oak.jpg", note(["yew"], reviews=[{"accepted": False}]), ["ash"]),
            task("elm.jpg", note(["ash"], reviews=[{"accepted": True}, {"accepted": False}])),
            task("042.png", note(["ash"], reviews=[{"accepted": False}, {"accepted": True}])),
            task("east/01.jpg", note([], reviews=[{"accepted": False}])),
        ), OAK | {"042.png": "ash"}, {"refused": 1, "none": 1}, kind="label-studio",
    ),
    "JSON of no known kind": Case('{"a": 1}', error="no known kind"),
    "JSON cut off": Case('[{"id": 1,\n"data": {', error="Row 2 of the JSON"),
    "JSON of brackets": Case("[" * 100_000, error="cannot be read"),
}  # fmt: skip


def test_subsets_of_cvat_part_the_images() -> None:
    given = cvat(TREES.format('subset="Train"', 'subset="Validation"'))
    said = ImportConfig(labels_class_column="tag.kind")
    seen = label_files.understand("file", given.encode(), POOL, {}, said)
    assert {PATHS[item - 1] for item in seen.found.test} == {"elm.jpg"}
    assert dict(seen.found.parts) == {"Train": 1, "Validation": 1}
    alone = label_files.understand("file", given.replace("Train", "default").encode(), POOL, {}, said)
    assert dict(alone.found.parts) == {"Validation": 1}


def understand(case: Case) -> Reading:
    content = case.content if isinstance(case.content, bytes) else case.content.encode()
    return label_files.understand("file", content, POOL, {}, ImportConfig(**case.said))


def test_there_are_enough() -> None:
    assert len(CASES) >= 80


@pytest.mark.parametrize("name", CASES)
def test_a_label_file(name: str) -> None:
    case = CASES[name]
    if case.error:
        with pytest.raises(InputError, match=case.error):
            understand(case)
        return
    seen = understand(case)
    assert tuple(each.option for each in seen.questions if each.must) == case.asked
    if case.left is not None:
        assert {PATHS[item - 1]: each.label for item, each in seen.found.taken.items()} == case.labels
        assert {reason: len(rows) for reason, rows in seen.found.left.items()} == case.left
    assert not seen.columns.table.rows or seen.columns.table.kind == case.kind


@pytest.mark.parametrize("name", CASES)
def test_the_command_line_takes_the_same_or_says_why_not(name: str, tmp_path: Path) -> None:
    """Nothing is taken there that the page would ask about, and no row that names no image here is passed over."""
    case, said = CASES[name], list[str]()
    file = tmp_path / "labels.bin"  # no ending says what it is
    file.write_bytes(case.content if isinstance(case.content, bytes) else case.content.encode())
    config = ImportConfig(**case.said)
    strange = case.left is not None and {"unknown", "elsewhere", "ambiguous"} & set(case.left)
    if case.error or case.asked or strange or not case.labels:
        with pytest.raises(InputError):
            label_files.read_labels(file, POOL, {}, config, said.append)
        if case.error or case.asked or not case.labels:
            return
        config = ImportConfig(**{**case.said, "labels_rows": "known"})
    found = label_files.read_labels(file, POOL, {}, config, said.append)
    assert {PATHS[item - 1]: name for item, name in found.items()} == case.labels
    assert len([line for line in said if line.startswith("not imported, ")]) == len(case.left)
