"""Data sets of masks in every form, and what is wrong with them: named, and nothing begun."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fact_core.errors import ConfigError, ImageError, InputError
from fact_core.generators import finish
from fact_core.images import decode
from fact_core.segment import folders, masks
from fact_core.segment.folders import FORMS, checked, open_masked
from fact_core.segment.masks import Coding
from fact_core.segment.metric import UNLABELLED
from tests.segment import miniature

#: form -> (train, validation, test) images, classes
FOUND = {"camvid": (4, 2, 2, 11), "voc": (2, 0, 1, 21), "ade20k": (1, 0, 1, 150), "own": (5, 0, 1, 3)}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_read(form: str, tmp_path: Path) -> None:
    data = finish(checked(open_masked(form, miniature.MAKERS[form](tmp_path / "d"))))
    *counts, classes = FOUND[form]
    assert [len(data.parts[part].images) for part in folders.PARTS] == counts and len(data.classes) == classes
    part = data.parts["train"]
    mask = masks.read(data.root / part.masks[0], data.coding)
    assert mask.shape == (36, 48) and (mask[:3, :3] == UNLABELLED).all()
    assert set(np.unique(mask)) == {UNLABELLED, 0, 1, 2}
    assert all(Path(a).stem == Path(b).stem for a, b in zip(part.images, part.masks, strict=True))


def test_names_of_classes_and_the_parts_of_ones_own(tmp_path: Path) -> None:
    ade = open_masked("ade20k", miniature.ade20k(tmp_path / "ade"))
    assert ade.classes[0] == "thing 1" and ade.coding.first == 1
    (tmp_path / "ade" / "objectInfo150.txt").unlink()
    assert open_masked("ade20k", tmp_path / "ade").classes[149] == "class 150"
    root = miniature.own(tmp_path / "own", 10)
    flat = open_masked("own", root)
    train, test = (set(flat.parts[part].images) for part in ("train", "test"))
    assert len(train) == 8 and len(test) == 2 and not train & test
    assert open_masked("own", root).parts == flat.parts
    for kind in ("images", "masks"):
        for part, names in (("train", "0123456"), ("val", "7"), ("test", "89")):
            (root / kind / part).mkdir()
            for name in names:
                (root / kind / f"{name}.png").rename(root / kind / part / f"{name}.png")
    parted = open_masked("own", root)
    assert [len(parted.parts[part].images) for part in folders.PARTS] == [7, 1, 2]
    assert open_masked("own", root, unlabelled=-1).coding.unlabelled == ()


def spoil(root: Path, how: str) -> None:
    target = root / "masks" / "3.png"
    if how == "size":
        Image.fromarray(np.zeros((36, 47), np.uint8)).save(target)
    elif how == "value":
        Image.fromarray(np.full((36, 48), 7, np.uint8)).save(target)
    elif how == "colours":
        Image.fromarray(np.zeros((36, 48, 3), np.uint8)).save(target)
    elif how == "jpeg":
        Image.fromarray(np.zeros((36, 48), np.uint8)).save(target, "JPEG")
    elif how == "damaged":
        target.write_bytes(target.read_bytes()[:90])
    elif how == "empty":
        target.write_bytes(b"")
    elif how == "no mask":
        target.unlink()
    elif how == "no image":
        (root / "images" / "3.png").unlink()
    elif how == "classes":
        (root / "classes.txt").write_text("ground\nground\n")


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("size", "masks/3.png: The mask is not of its image's size. Found: 47 x 36, its image 48 x 36"),
        ("value", "masks/3.png: The mask has values that are no class. Found: 7; classes are 0 to 2, left out: 255"),
        ("colours", "masks/3.png: The mask has colours where classes are needed"),
        ("jpeg", "masks/3.png: A mask must be a PNG"),
        ("damaged", "masks/3.png: The "),
        ("empty", "masks/3.png: The file is empty"),
        ("no mask", "images/3.png has no mask in masks"),
        ("no image", "masks/3.png has no image in images"),
        ("classes", "2 names, 1 different"),
    ],
)
def test_what_is_wrong_is_named(how: str, words: str, tmp_path: Path) -> None:
    """Hostile input 7: masks, too, are reported by name."""
    root = miniature.own(tmp_path / "d")
    spoil(root, how)
    with pytest.raises(InputError) as caught:
        finish(checked(open_masked("own", root)))
    assert words in str(caught.value)


def test_many_faults_are_counted_and_the_first_are_named(tmp_path: Path) -> None:
    root = miniature.own(tmp_path / "d", 9)
    for file in (root / "masks").iterdir():
        Image.fromarray(np.full((36, 48), 9, np.uint8)).save(file)
    with pytest.raises(InputError, match=r"cannot be used: 9.*and 4 more"):
        finish(checked(open_masked("own", root)))


def test_a_list_leads_to_no_other_folder(tmp_path: Path) -> None:
    """Hostile input 1: names in VOC's lists are file names, never paths."""
    root = miniature.voc(tmp_path / "d")
    file = root / "ImageSets" / "Segmentation" / "val.txt"
    for name in ("../../etc/passwd", "..", "a\\b"):
        file.write_text(f"{name}\n")
        with pytest.raises(InputError, match="no file name"):
            open_masked("voc", root)
    file.write_text("gone\n")
    with pytest.raises(InputError, match="not there"):
        open_masked("voc", root)
    file.write_text("")
    with pytest.raises(InputError, match=r"no file name|no images"):
        open_masked("voc", root)


def test_a_link_that_leads_out_is_refused(tmp_path: Path) -> None:
    """Hostile input 1: a symlink inside the folder that points out of it."""
    root = miniature.own(tmp_path / "d")
    (tmp_path / "out.png").write_bytes((root / "masks" / "3.png").read_bytes())
    (root / "masks" / "3.png").unlink()
    (root / "masks" / "3.png").symlink_to(tmp_path / "out.png")
    with pytest.raises(InputError, match=r"masks/3.png"):
        open_masked("own", root)


def test_unknown_forms_and_missing_folders(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="camvid, voc, ade20k, own"):
        open_masked("cityscapes", tmp_path)
    with pytest.raises(InputError, match="no such data folder"):
        open_masked("own", tmp_path / "none")
    with pytest.raises(InputError, match="no such folder"):
        open_masked("camvid", tmp_path)


def test_a_mask_that_is_written_is_read_as_the_same(tmp_path: Path) -> None:
    coding = Coding(("a", "b", "c"), (255,), first=1)
    mask = np.array([[0, 1], [2, UNLABELLED]], np.int16)
    masks.picture(mask, coding).save(tmp_path / "m.png")
    assert masks.indices(tmp_path / "m.png").tolist() == [[1, 2], [3, 255]]
    assert (masks.read(tmp_path / "m.png", coding) == mask).all()
    colours = np.array(masks.palette()).reshape(256, 3)
    assert colours[:4].tolist() == [[0, 0, 0], [128, 0, 0], [0, 128, 0], [128, 128, 0]]
    assert len(np.unique(colours, axis=0)) == 256


@pytest.mark.parametrize("mode", ["1", "L", "P", "I;16"])
def test_every_kind_of_one_channel_is_read(mode: str, tmp_path: Path) -> None:
    values = np.array([[0, 1], [1, 0]])
    kind = {"1": bool, "I;16": np.uint16}.get(mode, np.uint8)
    image = Image.fromarray(values.astype(kind))
    if mode == "P":
        image.putpalette([0, 0, 0, 9, 9, 9])
    image.save(tmp_path / "m.png")
    assert masks.indices(tmp_path / "m.png").tolist() == values.tolist()


@pytest.mark.parametrize("mode", ["1", "L", "P", "I;16"])
@pytest.mark.parametrize("turned", range(1, 9))
def test_a_mask_lies_as_its_exif_says_like_its_picture(mode: str, turned: int, tmp_path: Path) -> None:
    """What a program that keeps EXIF has saved as a mask: those of 2, 3 and 4 would lie wrong in silence."""
    stored = np.array([[0, 1, 1, 0], [1, 0, 0, 0]])
    kind = {"1": bool, "I;16": np.uint16}.get(mode, np.uint8)
    mask, exif = Image.fromarray(stored.astype(kind)), Image.Exif()
    exif[0x0112] = turned
    if mode == "P":
        mask.putpalette([0, 0, 0, 9, 9, 9])
    mask.save(tmp_path / "m.png", exif=exif)
    Image.fromarray((255 * stored).astype(np.uint8)).save(tmp_path / "picture.png", exif=exif)
    picture = np.asarray(decode.decode(tmp_path / "picture.png").convert("L")) // 255
    assert masks.indices(tmp_path / "m.png").tolist() == picture.tolist()


@pytest.mark.parametrize("bits", [2, 4])
def test_greys_of_few_bits_are_no_classes(bits: int, tmp_path: Path) -> None:
    """Pillow gives 17 for 1 of 15, which is another class where there are so many."""
    rows = zlib.compress(bytes([0, 0b00011011, 0, 0b00011011]))
    parts = (b"IHDR" + struct.pack(">IIBBBBB", 8 // bits, 2, bits, 0, 0, 0, 0), b"IDAT" + rows, b"IEND")
    chunks = [struct.pack(">I", len(each) - 4) + each + struct.pack(">I", zlib.crc32(each)) for each in parts]
    (tmp_path / "m.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))
    with pytest.raises(ImageError, match=f"greys where classes are needed.*{bits} bits.*8 bits"):
        masks.read(tmp_path / "m.png", Coding(tuple(map(str, range(200)))))


def test_a_mask_that_is_far_too_large_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    """Hostile input 7: a decompression bomb."""
    head = b"IHDR" + struct.pack(">IIBBBBB", 30_000, 30_000, 1, 0, 0, 0, 0)
    body = b"IDAT" + zlib.compress(b"")
    chunks = [struct.pack(">I", len(each) - 4) + each + struct.pack(">I", zlib.crc32(each)) for each in (head, body)]
    (tmp_path / "m.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))
    with pytest.raises(ImageError, match="too large"):
        masks.indices(tmp_path / "m.png")
