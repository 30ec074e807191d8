"""The data sets of the paper's tables, each on a miniature in its own file format."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from fact_core.bench.dataset_files import BANNER
from fact_core.bench.datasets import DATASETS, PAPER_BUDGETS, Dataset, fixed_test, open_dataset
from fact_core.bench.longtail import counts, long_tailed
from fact_core.config import parse_budget
from fact_core.errors import ConfigError, InputError, StorageError
from fact_core.generators import finish


def opened(name: str, data: Path, cache: Path) -> Dataset:
    return finish(open_dataset(name, data, cache))


def picture(file: Path, value: int, size: tuple[int, int] = (30, 50)) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (value, value, value)).save(file)


def folders(root: Path, test: str = "test") -> Path:
    for part, count in (("train", 3), (test, 2)):
        for value, name in enumerate(("cat", "ant")):
            for i in range(count):
                picture(root / part / name / f"{i}.png", 50 * value)
    return root


@pytest.mark.parametrize("name", [name for name in DATASETS if not name.endswith("-lt")])
def test_every_data_set_can_be_folders(name: str, tmp_path: Path) -> None:
    found = opened(name, folders(tmp_path, "val" if name == "imagenet" else "test"), tmp_path / "cache")
    assert found.name == (f"{tmp_path.name} (own)" if name == "own" else name) and found.classes == ("ant", "cat")
    assert found.train_y.tolist() == [0, 0, 0, 1, 1, 1] and found.train[0] == "train/ant/0.png"
    files, y = found.tests["test"]
    assert y.tolist() == [0, 0, 1, 1] and all((found.root / file).is_file() for file in files)
    assert name in PAPER_BUDGETS


@pytest.mark.parametrize("name", DATASETS)
def test_an_empty_folder_is_refused_in_words(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="train/<class>"):
        opened(name, tmp_path, tmp_path / "cache")


def test_folders_that_cannot_be_are_refused_in_words(tmp_path: Path) -> None:
    picture(tmp_path / "train" / "one" / "a.png", 1)
    (tmp_path / "test").mkdir()
    with pytest.raises(InputError, match="a sub-folder for each class"):
        opened("cars", tmp_path, tmp_path)
    picture(tmp_path / "train" / "two" / "a.png", 1)
    with pytest.raises(InputError, match="There are no images"):
        opened("cars", tmp_path, tmp_path)
    picture(tmp_path / "test" / "three" / "a.png", 1)
    with pytest.raises(InputError, match=r"classes that the training folder lacks.*three"):
        opened("cars", tmp_path, tmp_path)
    with pytest.raises(ConfigError, match="no data set called 'mnist'"):
        opened("mnist", tmp_path, tmp_path)


def test_a_folder_of_ones_own_is_halved(tmp_path: Path) -> None:
    """Class by class, every image on one side, the same halves each time; folders without images are no classes."""
    for value, (name, count) in enumerate((("ant", 4), ("cat", 5))):
        for i in range(count):
            picture(tmp_path / name / "more" / f"{i}.png", 50 * value)
    (tmp_path / "empty").mkdir()
    found = opened("own", tmp_path, tmp_path / "cache")
    test, test_y = found.tests["test"]
    assert found.classes == ("ant", "cat") and found.train_y.tolist() == [0, 0, 1, 1, 1]
    assert test_y.tolist() == [0, 0, 1, 1] and not set(found.train) & set(test) and len({*found.train, *test}) == 9
    assert all(
        (found.root / name).is_file() and name.startswith("cat/") == bool(y)
        for name, y in zip(test, test_y, strict=True)
    )
    assert opened("own", tmp_path, tmp_path / "cache").train == found.train
    picture(tmp_path / "dog" / "0.png", 7)
    with pytest.raises(InputError, match="one to test"):
        opened("own", tmp_path, tmp_path / "cache")


def cifar(folder: Path, labels: int, files: dict[str, int]) -> dict[str, Any]:
    """Binary files of so many records; returns what was written."""
    rng = np.random.default_rng(0)
    folder.mkdir(parents=True, exist_ok=True)
    written = {}
    for name, count in files.items():
        rows = rng.integers(0, 256, (count, labels + 3072), dtype=np.uint8)
        rows[:, labels - 1] = np.arange(count) % 2
        rows.tofile(folder / name)
        written[name] = rows
    return written


@pytest.mark.parametrize("nested", [True, False])
def test_cifar_10_in_its_binary_files(nested: bool, tmp_path: Path) -> None:
    folder = tmp_path / "data" / "cifar-10-batches-bin" if nested else tmp_path / "data"
    rows = cifar(folder, 1, {"data_batch_1.bin": 4, "data_batch_2.bin": 2, "test_batch.bin": 3})
    (folder / "batches.meta.txt").write_text("airplane\nautomobile\n\n")
    found = opened("cifar10", tmp_path / "data", tmp_path / "cache")
    assert found.classes == ("airplane", "automobile") and found.train_y.tolist() == [0, 1, 0, 1, 0, 1]
    assert len(found.tests["test"][0]) == 3
    with Image.open(found.root / found.train[5]) as image:
        pixels = np.asarray(image)
    planes = rows["data_batch_2.bin"][1, 1:].reshape(3, 32, 32)  # red, green, blue
    assert pixels.shape == (32, 32, 3) and np.array_equal(pixels.transpose(2, 0, 1), planes)


def test_cifar_100_has_the_fine_label(tmp_path: Path) -> None:
    folder = tmp_path / "cifar-100-binary"
    cifar(folder, 2, {"train.bin": 4, "test.bin": 2})
    (folder / "fine_label_names.txt").write_text("apple\nbee\n")
    found = opened("cifar100", tmp_path, tmp_path / "cache")
    assert found.train_y.tolist() == [0, 1, 0, 1] and found.train[1] == "train/bee/00001.png"


def test_images_are_written_once_and_a_stopped_start_goes_on(tmp_path: Path) -> None:
    cifar(tmp_path, 1, {"data_batch_1.bin": 600, "test_batch.bin": 2})
    (tmp_path / "batches.meta.txt").write_text("a\nb\n")
    step = open_dataset("cifar10", tmp_path, tmp_path / "cache")
    next(step), next(step)  # two events: the first image, and image 500
    step.close()
    early = sorted((tmp_path / "cache").rglob("*.png"))
    assert 500 <= len(early) < 600
    times = [each.stat().st_mtime_ns for each in early]
    found = opened("cifar10", tmp_path, tmp_path / "cache")
    assert [each.stat().st_mtime_ns for each in early] == times
    assert all((found.root / each).is_file() for each in found.train)
    (found.root / found.train[0]).unlink()
    opened("cifar10", tmp_path, tmp_path / "cache")  # a finished set is not looked through again
    assert not (found.root / found.train[0]).exists()


@pytest.mark.parametrize("damage", [b"", b"4 ", b"{", b"null", b"\xff\xfe", b"[" * 100_000, b"9" * 5_000])
def test_a_damaged_note_of_what_is_written_is_written_again(damage: bytes, tmp_path: Path) -> None:
    cifar(tmp_path, 1, {"data_batch_1.bin": 5, "test_batch.bin": 2})
    (tmp_path / "batches.meta.txt").write_text("a\nb\n")
    found = opened("cifar10", tmp_path, tmp_path / "cache")
    note = found.root / "train-written.json"
    assert note.read_text() == "5"
    note.write_bytes(damage)
    (found.root / found.train[0]).unlink()
    opened("cifar10", tmp_path, tmp_path / "cache")
    assert note.read_text() == "5" and (found.root / found.train[0]).is_file()


def test_other_images_never_stand_in_for_these(tmp_path: Path) -> None:
    """A cache that has served another copy of the data set, or one with other names of classes."""
    cifar(tmp_path, 1, {"data_batch_1.bin": 4, "test_batch.bin": 2})
    (tmp_path / "batches.meta.txt").write_text("a\nb\n")
    first = opened("cifar10", tmp_path, tmp_path / "cache")
    raw = (tmp_path / "data_batch_1.bin").read_bytes()
    (tmp_path / "data_batch_1.bin").write_bytes(raw[:1] + bytes(3072) + raw[3073:])
    second = opened("cifar10", tmp_path, tmp_path / "cache")
    assert second.train == first.train
    with Image.open(second.root / second.train[0]) as image, Image.open(first.root / first.train[0]) as before:
        assert not np.asarray(image).any() and np.asarray(before).any()
    (tmp_path / "batches.meta.txt").write_text("a\nc\n")
    third = opened("cifar10", tmp_path, tmp_path / "cache")
    assert third.train[1] == "train/c/00001.png" and (third.root / third.train[1]).is_file()
    (tmp_path / "batches.meta.txt").write_text("a\n../c\n")
    with pytest.raises(InputError, match="no folder can have"):
        opened("cifar10", tmp_path, tmp_path / "cache")


def test_a_part_of_a_data_set_is_said(tmp_path: Path) -> None:
    said = [str(event) for event in open_dataset("cifar10", folders(tmp_path), tmp_path)]
    assert ["2 classes, 6 training, 4 test images instead of 10, 50,000, 10,000" in each for each in said] == [True]


@pytest.mark.parametrize(
    ("name", "images", "wanted"),
    [
        ("cifar10", 50_000, [50, 100, 250, 500, 1000]),
        ("cifar10-lt", 12_406, [62, 124, 248]),
        ("cifar100", 50_000, [500, 1000, 2500, 5000]),
        ("cifar100-lt", 10_847, [542, 1084, 2169, 3254]),
        ("cars", 8_144, [407, 814, 1628, 2443]),
        ("aircraft", 6_667, [333, 666, 1333, 2000]),
        ("imagenet", 1_281_167, [6_405, 12_811, 25_623]),
    ],
)
def test_the_papers_budgets(name: str, images: int, wanted: list[int]) -> None:
    """The budgets of the tables of FACT."""
    assert [parse_budget(f"{ratio:g}%", images) for ratio in PAPER_BUDGETS[name]] == wanted


def test_damaged_and_pickled_cifar_is_refused_in_words(tmp_path: Path) -> None:
    cifar(tmp_path / "bad", 1, {"data_batch_1.bin": 2, "test_batch.bin": 2})
    (tmp_path / "bad" / "batches.meta.txt").write_text("a\n")
    with pytest.raises(InputError, match="unknown class"):
        opened("cifar10", tmp_path / "bad", tmp_path / "cache")
    (tmp_path / "bad" / "data_batch_1.bin").write_bytes(b"123")
    with pytest.raises(InputError, match="3 bytes are not whole images"):
        opened("cifar10", tmp_path / "bad", tmp_path / "cache")
    for name, file in (("cifar-10-batches-py", "data_batch_1"), ("cifar-100-python", "train")):
        (tmp_path / "old" / name).mkdir(parents=True)
        (tmp_path / "old" / name / file).write_bytes(b"\x80\x02.")
    for given in ("old", "old/cifar-10-batches-py"):
        with pytest.raises(InputError, match=r"pickled version.*binary version \(cifar-10-batches-bin\)"):
            opened("cifar10", tmp_path / given, tmp_path / "cache")
    for given in ("old", "old/cifar-100-python"):
        with pytest.raises(InputError, match=r"pickled version.*binary version \(cifar-100-binary\)"):
            opened("cifar100", tmp_path / given, tmp_path / "cache")


def test_the_folder_with_the_classes_is_the_test(tmp_path: Path) -> None:
    """ImageNet's own ``test`` has no classes: its labelled images lie in ``val``."""
    folders(tmp_path, "val")
    picture(tmp_path / "test" / "ILSVRC2012_test_1.png", 1)
    assert opened("imagenet", tmp_path, tmp_path / "cache").tests["test"][0][0] == "val/ant/0.png"


def test_what_a_killed_process_left_half_written_is_written_whole(tmp_path: Path, monkeypatch: Any) -> None:
    cifar(tmp_path, 1, {"data_batch_1.bin": 4, "test_batch.bin": 2})
    (tmp_path / "batches.meta.txt").write_text("a\nb\n")

    def die(image: Image.Image, file: Path) -> None:
        file.write_bytes(b"half a PNG")
        raise OSError(28, "No space left on device", str(file))

    with monkeypatch.context() as patch:
        patch.setattr(Image.Image, "save", die)
        with pytest.raises(StorageError, match="disk is full"):
            opened("cifar10", tmp_path, tmp_path / "cache")
    assert not list((tmp_path / "cache").rglob("*.png"))  # neither an image nor a draft of one
    (folder,) = (tmp_path / "cache").rglob("a")
    (folder / ".00000.1.part.png").write_bytes(b"half a PNG")  # as a power cut leaves it
    found = opened("cifar10", tmp_path, tmp_path / "cache")
    for name in (*found.train, *found.tests["test"][0]):
        with Image.open(found.root / name) as image:
            assert image.size == (32, 32)


def test_cars_with_the_devkit_and_with_tables(tmp_path: Path) -> None:
    for part, count in (("train", 2), ("test", 1)):
        for i in range(count):
            picture(tmp_path / f"cars_{part}" / f"{i:05}.jpg", 10 * i)
        fields = np.zeros(count, dtype=[("fname", object), ("class", object)])
        fields["fname"], fields["class"] = [f"{i:05}.jpg" for i in range(count)], [2 - i for i in range(count)]
        name = "cars_train_annos.mat" if part == "train" else "cars_test_annos_withlabels.mat"
        (tmp_path / "devkit").mkdir(exist_ok=True)
        savemat(tmp_path / "devkit" / name, {"annotations": fields})
    with pytest.raises(InputError, match=r"StanfordCars.*devkit"):
        opened("cars", tmp_path, tmp_path / "cache")
    savemat(tmp_path / "devkit" / "cars_meta.mat", {"class_names": np.array(["BMW X6", "Audi"], dtype=object)})
    found = opened("cars", tmp_path, tmp_path / "cache")
    assert found.classes == ("Audi", "BMW X6") and found.train_y.tolist() == [0, 1]
    (tmp_path / "cars_test").rename(tmp_path / "inner")  # as some archives unpack
    (tmp_path / "cars_test").mkdir()
    (tmp_path / "inner").rename(tmp_path / "cars_test" / "cars_test")
    assert opened("cars", tmp_path, tmp_path / "cache").tests["test"][0] == ("cars_test/cars_test/00000.jpg",)
    told = tmp_path / "devkit" / "cars_test_annos_withlabels.mat"
    told.rename(tmp_path / "devkit" / "cars_test_annos.mat")
    with pytest.raises(InputError, match=r"is missing.*cars_test_annos_withlabels.mat.*does not say what the cars are"):
        opened("cars", tmp_path, tmp_path / "cache")
    (tmp_path / "devkit" / "cars_test_annos.mat").rename(told)
    (tmp_path / "train.csv").write_text("file_name,label\n00000.jpg,Audi\n00009.jpg,BMW X6\n")
    with pytest.raises(InputError, match=r"missing.*00009"):
        opened("cars", tmp_path, tmp_path / "cache")
    meta = (tmp_path / "devkit" / "cars_meta.mat").read_bytes()
    (tmp_path / "train.csv").unlink()
    for cut in range(0, len(meta), 16):  # a download that broke off
        (tmp_path / "devkit" / "cars_meta.mat").write_bytes(meta[:cut])
        with pytest.raises(InputError, match="devkit of StanfordCars cannot be read"):
            opened("cars", tmp_path, tmp_path / "cache")
    (tmp_path / "train.csv").write_bytes(b"file_name,label\n\xff.jpg,Audi\n")
    with pytest.raises(InputError, match="CSV cannot be read"):
        opened("cars", tmp_path, tmp_path / "cache")
    (tmp_path / "devkit" / "cars_meta.mat").write_bytes(b"no file of MATLAB's " * 20)
    (tmp_path / "train.csv").unlink()
    with pytest.raises(InputError, match="devkit of StanfordCars cannot be read"):
        opened("cars", tmp_path, tmp_path / "cache")
    (tmp_path / "train.csv").write_text("file_name,label\n00000.jpg\n")
    with pytest.raises(InputError, match="columns file_name and label"):
        opened("cars", tmp_path, tmp_path / "cache")
    (tmp_path / "train.csv").write_text("name\n1\n")
    with pytest.raises(InputError, match="columns file_name and label"):
        opened("cars", tmp_path, tmp_path / "cache")


def test_cars_with_two_tables(tmp_path: Path) -> None:
    for part, rows in (("train", "1.jpg,BMW X6\n2.jpg,Audi\n"), ("test", "3.jpg,Audi\n")):
        (tmp_path / f"{part}.csv").write_text(f"file_name,label\n{rows}")
        for line in rows.splitlines():
            picture(tmp_path / f"cars_{part}" / line.partition(",")[0], 9)
    found = opened("cars", tmp_path, tmp_path / "cache")
    assert found.classes == ("Audi", "BMW X6") and found.train == ("cars_train/1.jpg", "cars_train/2.jpg")
    assert found.train_y.tolist() == [1, 0] and found.tests["test"][0] == ("cars_test/3.jpg",)
    assert found.tests["test"][1].tolist() == [0]


def test_cars_count_their_classes_from_1(tmp_path: Path) -> None:
    fields = np.zeros(2, dtype=[("fname", object), ("class", object)])
    fields["fname"], fields["class"] = ["1.jpg", "2.jpg"], [0, 1]
    (tmp_path / "devkit").mkdir()
    for name in ("cars_train_annos.mat", "cars_test_annos_withlabels.mat"):
        savemat(tmp_path / "devkit" / name, {"annotations": fields})
    savemat(tmp_path / "devkit" / "cars_meta.mat", {"class_names": np.array(["BMW X6", "Audi"], dtype=object)})
    with pytest.raises(InputError, match=r"cannot be read.*class 0"):
        opened("cars", tmp_path, tmp_path / "cache")


def aircraft(root: Path) -> Path:
    data = root / "fgvc-aircraft-2013b" / "data"
    for name in ("001", "002", "003"):
        picture(data / "images" / f"{name}.jpg", 200)
    (data / "images_variant_trainval.txt").write_text("001 707-320\n002 A300 B4\n")
    (data / "images_variant_test.txt").write_text("003 A300 B4\n")
    return data


def test_aircraft_that_cannot_be_are_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"(?s)FGVC-Aircraft.*train/<class>.*images_variant_trainval"):
        opened("aircraft", tmp_path, tmp_path / "cache")
    data = aircraft(tmp_path)
    whole = (data / "images" / "002.jpg").read_bytes()
    for damaged in (b"", b"no photo", whole[: len(whole) * 2 // 3]):
        (data / "images" / "002.jpg").write_bytes(damaged)
        with pytest.raises(InputError, match=r"photo.*002\.jpg"):
            opened("aircraft", tmp_path, tmp_path / "cache")
    (data / "images" / "002.jpg").unlink()
    with pytest.raises(InputError, match=r"photo.*002\.jpg"):
        opened("aircraft", tmp_path, tmp_path / "cache")
    picture(tmp_path / "outside.jpg", 1)
    (data / "images_variant_trainval.txt").write_text("../../../outside 707-320\n")
    with pytest.raises(InputError, match="no file can have"):
        opened("aircraft", tmp_path, tmp_path / "cache")
    assert not list((tmp_path / "cache").rglob("outside.jpg"))


def test_aircraft_in_another_split_are_written_again(tmp_path: Path) -> None:
    data = aircraft(tmp_path)
    opened("aircraft", tmp_path, tmp_path / "cache")
    (data / "images_variant_trainval.txt").write_text("001 707-320\n003 A300 B4\n")
    (data / "images_variant_test.txt").write_text("002 A300 B4\n")
    assert opened("aircraft", tmp_path, tmp_path / "cache").train == ("train/001.jpg", "train/003.jpg")


def test_aircraft_lose_their_banner(tmp_path: Path) -> None:
    turned = Image.Exif()
    turned[0x0112] = 6  # a camera's note that the photo is to be shown on its side
    Image.new("RGB", (30, 50)).save(aircraft(tmp_path) / "images" / "001.jpg", exif=turned)
    found = opened("aircraft", tmp_path, tmp_path / "cache")
    assert found.classes == ("707-320", "A300 B4") and found.train_y.tolist() == [0, 1]
    with Image.open(found.root / found.train[0]) as image:
        assert image.size == (30, 50 - BANNER)


KAGGLES = "ILSVRC/Data/CLS-LOC"
#: ILSVRC2012_ID, WNID, children: as in the devkit the numbers have another order than the WNIDs, and groups come last
SYNSETS = [(1, "n03", 0), (2, "n01", 0), (3, "n02", 0), (4, "n00", 2)]


def devkit(root: Path, numbers: str = "2\n1\n3\n2\n", synsets: Any = SYNSETS) -> Path:
    """The development kit's two files; a struct array (N, 1) with all its fields."""
    data = root / "ILSVRC2012_devkit_t12" / "data"
    data.mkdir(parents=True, exist_ok=True)
    names = ("ILSVRC2012_ID", "WNID", "words", "gloss", "num_children", "children", "wordnet_height")
    rows = np.zeros((len(synsets), 1), dtype=[(each, object) for each in (*names, "num_train_images")])
    for row, (number, wnid, children) in zip(rows[:, 0], synsets, strict=True):
        below = np.arange(1.0, children + 1)
        values = (float(number), wnid, f"{wnid}, thing", "a thing", float(children), below, float(children > 0), 2.0)
        for name, value in zip(rows.dtype.names or (), values, strict=True):
            row[name] = value
    savemat(data / "meta.mat", {"synsets": rows}, do_compression=True)
    (data / "ILSVRC2012_validation_ground_truth.txt").write_text(numbers)
    return data


def solution(root: Path, *lines: str) -> Path:
    """Kaggle's table: one line an image in any order, the WNID before each of its boxes."""
    table = root / "LOC_val_solution.csv"
    every = [f"ILSVRC2012_val_{i:08},{wnid} 1 2 30 40 {wnid} 5 6 7 8 " for i, wnid in ((4, "n01"), (2, "n03"))]
    every += [f"ILSVRC2012_val_{i:08},{wnid} 1 2 30 40 " for i, wnid in ((1, "n01"), (3, "n02"))]
    table.write_text("\n".join(("ImageId,PredictionString", *(lines or every))) + "\n")
    return table


def imagenet(root: Path) -> Path:
    """Three classes of two images, and four validation images side by side."""
    for wnid in ("n01", "n02", "n03"):
        for i in range(2):
            picture(root / "train" / wnid / f"{wnid}_{i}.JPEG", 9)
    for i in range(1, 5):
        picture(root / "val" / f"ILSVRC2012_val_{i:08}.JPEG", 9)
    return root


def imagenet_of(data: Path) -> Dataset:
    """Opened, and looked at whether anything was written."""
    before = sorted(data.rglob("*"))
    found = opened("imagenet", data, data.parent / "cache")
    assert sorted(data.rglob("*")) == before and not (data.parent / "cache").exists()
    assert all((found.root / file).is_file() for file in (*found.train, *found.tests["test"][0]))
    return found


@pytest.mark.parametrize("truth", [devkit, solution])
@pytest.mark.parametrize(("place", "beside"), [("", ""), (KAGGLES, ""), (KAGGLES, "ILSVRC"), (KAGGLES, KAGGLES)])
def test_imagenet_in_its_own_form(truth: Any, place: str, beside: str, tmp_path: Path) -> None:
    root = imagenet(tmp_path / "data" / place)
    truth(tmp_path / "data" / beside)
    picture(root / "test" / "ILSVRC2012_test_00000001.JPEG", 9)  # no class is known of these
    (root / "val" / "._ILSVRC2012_val_00000001.JPEG").write_bytes(b"a Mac's note")
    found = imagenet_of(tmp_path / "data")
    assert found.classes == ("n01", "n02", "n03") and found.train_y.tolist() == [0, 0, 1, 1, 2, 2]
    files, y = found.tests["test"]
    assert files == tuple(f"val/ILSVRC2012_val_{i:08}.JPEG" for i in range(1, 5)) and y.tolist() == [0, 2, 1, 0]


def test_imagenet_sorted_at_kaggles_place(tmp_path: Path) -> None:
    root = folders(tmp_path / "data" / KAGGLES, "val")
    found = imagenet_of(tmp_path / "data")
    assert found.root == root and found.tests["test"][1].tolist() == [0, 0, 1, 1]


def test_imagenets_truth_is_not_looked_for_outside_the_folder(tmp_path: Path) -> None:
    data = imagenet(tmp_path / "data")
    solution(tmp_path), devkit(tmp_path)
    with pytest.raises(InputError, match=r"their classes is missing.*4 images.*devkit.*LOC_val_solution.*val/<wnid>"):
        imagenet_of(data)
    devkit(data, synsets=[(1, "n03", 0), (2, "n01", 0), (3, "n02", 0)])
    solution(data, "nonsense")  # beside the devkit it is not read
    assert imagenet_of(data).tests["test"][1].tolist() == [0, 2, 1, 0]


@pytest.mark.parametrize(
    ("numbers", "synsets", "said"),
    [
        ("2\n1\n3\n", SYNSETS, r"another length.*3 lines.*4 images.*all validation images"),
        ("", SYNSETS, r"another length.*0 lines"),
        ("2\n1\n4\n2\n", SYNSETS, r"no class of the devkit.*'4', line 3.*again"),  # a group of classes
        ("2\n\n3\n2\n", SYNSETS, r"no class of the devkit.*'', line 2"),
        ("2\n1\nn02\n2\n", SYNSETS, r"no class of the devkit.*'n02', line 3"),
        ("2\n1\n3\n2\n", [*SYNSETS, (5, "n09", 0)], None),
        ("2\n1\n3\n5\n", [*SYNSETS, (5, "n09", 0)], r"no training folder.*1, such as 'n09'; 3 folders.*WNID"),
        ("2\n1\n3\n2\n", [(4, "n00", 2)], r"devkit of ImageNet cannot be read.*meta\.mat: 0 classes"),
        ("2\n1\n3\n2\n", [*SYNSETS, (3, "n09", 0)], r"cannot be read.*4 classes have 3 numbers"),
        ("2\n1\n3\n2\n", [*SYNSETS, (5, "n03", 0)], r"cannot be read.*4 classes have 4 numbers and 3 WNIDs"),
        ("2\n1\n3\n2\n", [*SYNSETS, (float("nan"), "n09", 0)], r"cannot be read.*NaN"),
    ],
)
def test_imagenets_devkit_that_cannot_be_is_refused_in_words(
    numbers: str, synsets: Any, said: str | None, tmp_path: Path
) -> None:
    data = imagenet(tmp_path / "data")
    devkit(data, numbers, synsets)
    if said is None:  # the devkit may know more classes than the images have
        assert imagenet_of(data).tests["test"][1].tolist() == [0, 2, 1, 0]
        return
    with pytest.raises(InputError, match=said):
        imagenet_of(data)


def test_a_damaged_devkit_of_imagenet_is_refused_in_words(tmp_path: Path) -> None:
    data = imagenet(tmp_path / "data")
    meta = devkit(data) / "meta.mat"
    whole = meta.read_bytes()
    for content in (*(whole[:cut] for cut in range(0, len(whole), 16)), b"no file of MATLAB's " * 20):
        meta.write_bytes(content)
        with pytest.raises(InputError, match=r"devkit of ImageNet cannot be read.*meta\.mat.*again"):
            imagenet_of(data)
    savemat(meta, {"synsets": np.arange(3)})
    with pytest.raises(InputError, match="devkit of ImageNet cannot be read"):
        imagenet_of(data)
    savemat(meta, {"classes": np.arange(3)})
    with pytest.raises(InputError, match=r"devkit of ImageNet cannot be read.*synsets"):
        imagenet_of(data)
    meta.unlink()
    with pytest.raises(InputError, match=r"devkit of ImageNet cannot be read.*meta\.mat"):
        imagenet_of(data)
    devkit(data)
    (meta.parent / "ILSVRC2012_validation_ground_truth.txt").write_bytes(b"2\n\xff\n")
    with pytest.raises(InputError, match="ImageNet is no text"):
        imagenet_of(data)


def test_imagenets_truth_never_shifts(tmp_path: Path) -> None:
    """One image gone and a copy of another there: as many as before, in another order."""
    data = imagenet(tmp_path / "data")
    devkit(data)
    (data / "val" / "ILSVRC2012_val_00000002.JPEG").rename(data / "val" / "ILSVRC2012_val_00000003 (1).JPEG")
    with pytest.raises(InputError, match=r"missing or renamed.*00000003 \(1\) in the place of \S+00000002"):
        imagenet_of(data)


def test_kaggles_table_that_cannot_be_is_refused_in_words(tmp_path: Path) -> None:
    data = imagenet(tmp_path / "data")
    lines = solution(data).read_text().splitlines()[1:]
    for given, said in (
        (lines[:3], r"another length.*3 lines.*4 images"),
        ([*lines, lines[0]], r"another length.*5 lines"),
        ([*lines[:3], lines[0]], r"lacks images.*1, such as ILSVRC2012_val_00000003"),
        ([*lines[:3], "ILSVRC2012_val_00000003,n09 1 2 3 4"], r"no training folder.*n09"),
        ([*lines[:3], "ILSVRC2012_val_00000003, "], r"columns ImageId and PredictionString, filled in"),
        ([*lines[:3], "ILSVRC2012_val_00000003"], r"columns ImageId and PredictionString, filled in"),
    ):
        solution(data, *given)
        with pytest.raises(InputError, match=said):
            imagenet_of(data)
    (data / "LOC_val_solution.csv").write_bytes(b"ImageId,PredictionString\n\xff,n01\n")
    with pytest.raises(InputError, match="CSV cannot be read"):
        imagenet_of(data)


def test_imagenet_without_images_is_refused_in_words(tmp_path: Path) -> None:
    data = tmp_path / "data"
    for wnid in ("n01", "n02", "n03"):
        (data / "train" / wnid).mkdir(parents=True)
    (data / "val").mkdir()
    with pytest.raises(InputError, match="There are no images"):
        imagenet_of(data)
    picture(data / "test" / "ILSVRC2012_test_00000001.JPEG", 9)
    with pytest.raises(InputError, match=r"There are no images.*val"):
        imagenet_of(data)
    for i in range(1, 5):
        picture(data / "val" / f"ILSVRC2012_val_{i:08}.JPEG", 9)
    devkit(data)
    with pytest.raises(InputError, match=r"There are no images.*train"):
        imagenet_of(data)


def test_the_long_tail_has_the_papers_sizes() -> None:
    """The sizes that follow from the factor 0.01."""
    assert counts(5000, 10) == [5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50]
    assert sum(counts(5000, 10)) == 12_406 and sum(counts(1000, 10)) == 2_478
    assert sum(counts(500, 100)) == 10_847 and sum(counts(100, 100)) == 2_131


def test_the_long_tail_keeps_what_the_authors_loop_keeps() -> None:
    y = np.arange(400) % 4
    np.random.seed(0)  # noqa: NPY002 - the literal form
    literal = []
    for each, count in enumerate([100, 21, 4, 1]):
        index = np.where(y == each)[0]
        np.random.shuffle(index)  # noqa: NPY002
        literal += index[:count].tolist()
    assert long_tailed(y, 4).tolist() == literal


def test_a_long_tailed_set_has_both_tests(tmp_path: Path) -> None:
    for part in ("train", "test"):
        for name in ("a", "b", "c"):
            for i in range(100):
                picture(tmp_path / part / name / f"{i:03}.png", i, (4, 4))
    found = opened("cifar10-lt", tmp_path, tmp_path / "cache")
    assert np.bincount(found.train_y).tolist() == [100, 10, 1]
    assert np.bincount(found.tests["test"][1]).tolist() == [100, 10, 1]
    assert np.bincount(found.tests["balanced"][1]).tolist() == [100, 100, 100]
    (tmp_path / "train" / "b" / "000.png").unlink()
    with pytest.raises(InputError, match=r"as many images of every class.*from 99 to 100"):
        opened("cifar10-lt", tmp_path, tmp_path / "cache")


def test_the_fixed_test_is_even_and_always_the_same() -> None:
    y = np.repeat(np.arange(10), 1000)
    files = [str(i) for i in range(10_000)]
    rows = fixed_test(files, y, 2000)
    assert np.bincount(y[rows]).tolist() == [200] * 10 and len(set(rows.tolist())) == 2000
    assert rows.tolist() == fixed_test(files, y, 2000).tolist() == sorted(rows.tolist())
    assert rows.tolist() != fixed_test(files, y, 2000, seed=1).tolist()
    uneven = np.repeat([0, 1, 2], [700, 250, 50])
    assert np.bincount(uneven[fixed_test(files[:1000], uneven, 100)]).tolist() == [70, 25, 5]
    for count in (0, 1000, 5000):
        assert fixed_test(files[:1000], uneven, count).tolist() == list(range(1000))
