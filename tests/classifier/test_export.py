"""The exported folder: whole, right, inert, and usable without this program."""

from __future__ import annotations

import argparse
import csv
import importlib.util
import io
import json
import math
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import nn

from fact_core.analysis.evaluate import report
from fact_core.backbones import load
from fact_core.classifier import export
from fact_core.classifier.export import FILES, write_model
from fact_core.classifier.model import Classifier, load_model
from fact_core.classifier.model_card import UNPROVED, card, code, plain
from fact_core.compute.image_batches import Preprocess, load_eval
from fact_core.errors import InputError, RunError
from fact_core.events import Log
from fact_core.exchange import export_labels
from fact_core.lightweight.light import LightHead
from fact_core.storage import project as projects
from fact_core.storage import run_queue
from fact_core.types import About
from fact_core.work import export as export_run
from tests.images.image_help import png16
from tests.steps_help import heard

NASTY = ("<img src=x onerror=alert(1)>", "=1+1", "a|b\u202e`x`", "[x](javascript:y) {{K}}")
PIXELS = 64


def classifier(classes: tuple[str, ...] = NASTY, mode: str = "both") -> Classifier:
    """Seeded random weights, large enough to tell pictures apart."""
    backbone = load("tf_efficientnet_lite0", pixels=PIXELS, random=True)
    generator = torch.Generator().manual_seed(0)
    head = LightHead(backbone.dim, backbone.token_dim, 16, len(classes), mode)
    for each in head.parameters():
        nn.init.normal_(each, std=0.2, generator=generator)
    if mode != "lr":
        nn.init.normal_(head.basis, std=0.05, generator=generator)
    return Classifier(backbone, {"lm": head, "ff": nn.Linear(backbone.dim, len(classes))}, "lm", classes).eval()


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures of every awkward kind."""
    folder = tmp_path_factory.mktemp("images")
    rng = np.random.default_rng(0)
    # smooth pictures, so that JPEG and resizing keep something to see
    small = Image.fromarray(rng.integers(0, 256, (6, 9, 3), dtype=np.uint8))
    photo = small.resize((300, 200), Image.Resampling.BICUBIC)
    exif = Image.Exif()
    exif[0x0112] = 6
    photo.save(folder / "turned.jpg", exif=exif)
    photo.save(folder / "plain.png")
    photo.resize((4000, 3000)).save(folder / "large.jpg", quality=70)
    photo.resize((1500, 70)).save(folder / "wide.webp")
    photo.resize((40, 30)).save(folder / "tiny.bmp")
    photo.quantize(16).save(folder / "palette.gif")
    photo.convert("CMYK").save(folder / "print.jpg")
    photo.convert("1").save(folder / "bits.png")
    alpha = photo.convert("RGBA")
    alpha.putalpha(Image.linear_gradient("L").resize(photo.size))
    alpha.save(folder / "alpha.png")
    clear = photo.quantize(8)
    clear.save(folder / "clear.png", transparency=3)
    deep = np.linspace(0, 65535, 200 * 300).reshape(200, 300)
    Image.fromarray(deep.astype(np.uint16)).save(folder / "deep.png")
    Image.fromarray((deep / 65535).astype(np.float32)).save(folder / "float.tif")
    endless = (deep / 65535).astype(np.float32)
    endless[::9, ::7] = np.inf
    Image.fromarray(endless).save(folder / "endless.tif")
    Image.fromarray((deep / 16).astype(np.uint16)).save(folder / "twelve.png")
    (folder / "colours.png").write_bytes(png16(np.stack([deep / 16] * 3, axis=2).astype(np.uint16)))
    return folder


@pytest.fixture(scope="module")
def exported(images: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("export") / "model"
    truth = np.array([0, 1, 2, 3])
    about = About(None, None, np.array([True, False, False, False]), 1.5, np.full(4, 0.7))
    checked = report(truth, np.array([0, 1, 2, 0]), NASTY, "4 check images", np.full(4, 0.9), about)
    result, events = heard(
        write_model(
            target,
            classifier(),
            {"recipe": "fact", "note": "</script>\n# heading"},
            sample_files=sorted(images.iterdir()),
            report=checked,
            figures={"labels": 50, "seconds": 12.5},
        )
    )
    assert result["folder"] == str(target) and result["checked"] == 15
    assert result["largest_difference"] <= 1e-4
    assert not [e for e in events if isinstance(e, Log)]
    return target


def module(folder: Path) -> ModuleType:
    """predict.py of the folder, imported."""
    spec = importlib.util.spec_from_file_location("exported_predict", folder / "predict.py")
    assert spec and spec.loader
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def command(folder: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-W", "error", str(folder / "predict.py"), *map(str, arguments)]
    return subprocess.run(line, capture_output=True, text=True, encoding="utf-8", cwd=folder.parent, check=False)


@pytest.mark.slow
def test_the_folder_is_whole(exported: Path) -> None:
    assert sorted(each.name for each in exported.iterdir()) == sorted(FILES)
    assert [each.name for each in exported.parent.iterdir()] == ["model"]
    config = json.loads((exported / "config.json").read_text("utf-8"))
    assert config["id2label"]["1"] == "=1+1" and config["label2id"]["=1+1"] == 1
    assert config["size"] == PIXELS and config["resize"] == int(PIXELS / config["crop_pct"])
    assert (exported / "labels.txt").read_text("utf-8").splitlines() == list(NASTY)
    assert load_file(exported / "model.safetensors")


def test_the_exported_model_is_a_model_of_this_program(exported: Path, images: Path) -> None:
    again, meta = load_model(exported)
    assert again.classes == NASTY and meta["recipe"] == "fact"
    x = torch.rand(2, 3, PIXELS, PIXELS, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(again(x), classifier()(x))


def test_onnx_is_one_file_with_names_and_a_free_batch(exported: Path) -> None:
    onnx.checker.check_model(str(exported / "model.onnx"))
    session = onnxruntime.InferenceSession(str(exported / "model.onnx"), providers=["CPUExecutionProvider"])
    (into,), (out,) = session.get_inputs(), session.get_outputs()
    assert (into.name, out.name) == ("images", "probabilities")
    assert isinstance(into.shape[0], str) and into.shape[1:] == [3, PIXELS, PIXELS]
    for n in (1, 2, 5):
        found = session.run(None, {"images": np.zeros((n, 3, PIXELS, PIXELS), np.float32)})[0]
        assert found.shape == (n, len(NASTY)) and np.allclose(found.sum(axis=1), 1, atol=1e-5)


def test_predict_sees_exactly_the_pictures_that_training_saw(exported: Path, images: Path) -> None:
    pre = classifier().backbone.preprocess
    model = module(exported).Model(exported)
    for file in sorted(images.iterdir()):
        assert np.array_equal(model.picture(file), load_eval(file, pre)), file.name


def test_predict_answers_like_the_classifier(exported: Path, images: Path) -> None:
    files = sorted(images.iterdir())
    model, trained = module(exported).Model(exported), classifier()
    pictures = np.stack([load_eval(file, trained.backbone.preprocess) for file in files])
    x = export.normalise(pictures, trained.backbone.preprocess, torch.device("cpu"))
    with torch.no_grad():
        wanted = trained(x).numpy()
    np.testing.assert_allclose(model.probabilities(list(pictures)), wanted, atol=1e-4)


def test_the_command_prints_csv_and_names_bad_files(exported: Path, images: Path, tmp_path: Path) -> None:
    mixed = tmp_path / "mixed"
    (mixed / "=sub").mkdir(parents=True)
    (mixed / ".hidden").mkdir()
    for place in ("=sub/one.jpg", ".hidden/no.jpg", "two.png"):
        (mixed / place).write_bytes((images / "turned.jpg").read_bytes())
    (mixed / "empty.jpg").write_bytes(b"")
    (mixed / "notes.txt").write_text("no picture")
    done = command(exported, mixed)
    assert done.returncode == 1 and "empty.jpg" in done.stderr and "Traceback" not in done.stderr
    rows = list(csv.DictReader(done.stdout.splitlines()))
    assert [Path(row["file_path"]).name for row in rows] == ["two.png", "one.jpg"]
    assert {row["label"] for row in rows} <= {"'" + each if each.startswith("=") else each for each in NASTY}
    assert all(0.25 <= float(row["confidence"]) <= 1 for row in rows)


@pytest.mark.skipif(sys.platform != "linux", reason="file names are text here")
def test_a_name_that_is_no_text_is_told_and_never_taken_for_another(
    exported: Path, images: Path, tmp_path: Path
) -> None:
    """As in a scan: the row of one file could not be told from that of another one, really called \\xff.jpg."""
    content = (images / "turned.jpg").read_bytes()
    for name in (b"\xff.jpg", rb"\xff.jpg"):
        with open(os.fsencode(tmp_path) + b"/" + name, "wb") as file:
            file.write(content)
    for given in ([tmp_path], [os.fsdecode(os.fsencode(tmp_path) + b"/\xff.jpg"), tmp_path / r"\xff.jpg"]):
        done = command(exported, *map(Path, given))
        assert done.returncode == 1 and "not valid text; rename it" in done.stderr
        assert [Path(row["file_path"]).name for row in csv.DictReader(done.stdout.splitlines())] == [r"\xff.jpg"]


@pytest.mark.slow
def test_a_file_that_is_named_twice_is_answered_once(exported: Path, images: Path, tmp_path: Path) -> None:
    """By itself, in its folder, in a folder above, and in a link to it; a link is a file of its own."""
    first, *more = sorted(images.iterdir())
    (tmp_path / "link").symlink_to(images)
    (tmp_path / "again.png").symlink_to(first)
    places = [
        first,
        tmp_path,
        images,
        images / ".." / images.name / first.name,
        tmp_path / "link",
        tmp_path / "gone.png",
    ]
    done = command(exported, *places, tmp_path / "gone.png")
    rows = [row["file_path"] for row in csv.DictReader(io.StringIO(done.stdout))]
    assert rows == [str(first), str(tmp_path / "again.png"), *map(str, more)] and done.returncode == 1
    assert done.stderr.count("gone.png") == 1


def test_the_command_writes_a_file_and_says_what_is_wrong(exported: Path, images: Path, tmp_path: Path) -> None:
    out = tmp_path / "answers.csv"
    done = command(exported, images / "plain.png", images, "--out", out)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert len(out.read_text("utf-8").splitlines()) == 1 + 15  # named twice, answered once
    shares = command(exported, images / "plain.png", "--probabilities")
    (row,) = csv.DictReader(io.StringIO(shares.stdout, newline=""))
    told = [float(row[f"p_{name}"]) for name in NASTY]
    assert abs(sum(told) - 1) < 1e-4 and abs(max(told) - float(row["confidence"])) < 1e-4
    (tmp_path / "none").mkdir()
    empty = command(exported, tmp_path / "none")
    assert empty.returncode == 1 and "no images found" in empty.stderr
    missing = command(exported, tmp_path / "gone.jpg")
    assert missing.returncode == 1 and "gone.jpg" in missing.stderr
    assert command(exported).returncode == 2
    nowhere = command(exported, images / "plain.png", "--out", tmp_path / "no" / "x.csv")
    assert nowhere.returncode == 1 and "cannot write" in nowhere.stderr


def test_the_command_sorts_into_folders_and_overwrites_nothing(
    exported: Path, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Class names lead nowhere else; what is there, or lies among the images, is refused."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", Image.MAX_IMAGE_PIXELS)  # the command sets it
    other, target = tmp_path / "other", tmp_path / "sorted"
    (other / "more").mkdir(parents=True)
    for name in ("one.png", "more/one.png", "aux.png"):
        (other / name).write_bytes((images / "plain.png").read_bytes())
    before, run = {each: each.read_bytes() for each in other.rglob("*.png")}, module(exported).main
    given = [str(other), "--out", str(tmp_path / "out.csv"), "--sort-into"]
    assert run([*given, str(target), "--threshold", "0"]) == 0
    assert len((tmp_path / "out.csv").read_text("utf-8").splitlines()) == 4
    assert {each.name for each in target.rglob("*.png")} == {"one.png", "one-2.png", "aux_.png"}
    (folder,) = target.iterdir()
    assert folder.name in {"_img src=x onerror=alert(1)_", "=1+1", "a_b__`x`", "[x](javascript_y) {{K}}"}
    assert {each: each.read_bytes() for each in other.rglob("*.png")} == before
    for into, words in ((target, "not empty"), (other / "new", "among the images"), (other / "one.png", "not empty")):
        with pytest.raises(SystemExit, match="2"):
            run([*given, str(into)])
        assert words in capsys.readouterr().err
    apart = tmp_path / "apart"
    assert run([*given, str(apart), "--threshold", "1", "--as", "symlink"]) == 0
    assert [each.name for each in apart.iterdir()] == ["unsure"]
    assert all(each.is_symlink() for each in (apart / "unsure").iterdir())


def test_auto_is_the_threshold_of_the_promise(exported: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = module(exported)
    parser = argparse.ArgumentParser()
    own = [{"goal": 0.99, "threshold": None, "outputs": [0]}, {"goal": 0.99, "threshold": 0.95, "outputs": [2, 3]}]
    promise = {"goal": 0.98, "threshold": 0.83, "own": own}
    assert found.thresholds_of(parser, "auto", promise, 5) == [math.inf, 0.83, 0.95, 0.95, 0.83]
    assert capsys.readouterr().err == ""
    assert found.thresholds_of(parser, "auto", None, 2) == [0.9, 0.9] and "no promise" in capsys.readouterr().err
    for wrong in ("2", "-1", "nan", "much"):
        with pytest.raises(SystemExit):
            found.thresholds_of(parser, wrong, None, 2)


def test_the_card_shows_figures_and_class_names_do_nothing(exported: Path) -> None:
    """Hostile input 4: names in the model card."""
    text = (exported / "README.md").read_text("utf-8")
    header, body = text.split("---\n")[1], text.split("---\n", 2)[2]
    assert "license: apache-2.0" in header and "pipeline_tag: image-classification" in header
    assert "75.0% (30.1% to 95.4%, 95 % interval)" in body and "4 check images" in body
    assert "| labels | 50 |" in body and "| seconds | 12.5 |" in body
    assert "<img" not in text and "\u202e" not in text and "](javascript" not in text and "{{" not in text
    assert "\n# heading" not in text
    rows = [line for line in body.splitlines() if line.startswith("| ") and "onerror" in line]
    name = "&lt;img src&#61;x onerror&#61;alert&#40;1&#41;&gt;"
    assert rows == [f"| 0 | {name} | 1 | 1, 100.0% (20 to 100) | 2 | 1, 50.0% (9 to 91) |"]  # as the page says
    assert "| of these nearly the same as a training image, or of its group | 1; without them 66.7% of 3 |" in body
    assert "| calibration error (15 bins) | 15.0% |" in body
    assert "| temperature, fitted without these images | 1.50: calibration error 5.0% |" in body
    assert "| 87% to 93% | 4 | 90.0% | 75.0% |" in body


@pytest.mark.parametrize("why", ["few", "tuned"])
def test_the_card_says_where_confidences_are_not_calibrated(why: str) -> None:
    made = classifier()
    told = card(made, {"recipe": "lp", "unproved": why}, None, {})
    assert f"| temperature | {plain(f'none: {UNPROVED[why]}')} |" in told
    assert "| temperature |" not in card(made, {"recipe": "lp"}, None, {})  # an earlier version does not say


def test_the_card_says_what_a_class_of_the_rest_can_and_cannot() -> None:
    made = classifier()
    name = made.classes[0]
    told = card(made, {"recipe": "lp", "other_class": name}, None, {})
    assert f"{plain(name)} stands for what fits none of the others." in told
    for meta in ({"recipe": "lp"}, {"recipe": "lp", "other_class": "of another model"}):
        assert "stands for what fits none" not in card(made, meta, None, {})


def test_a_code_span_shows_the_name_as_it_is(exported: Path) -> None:
    """Markdown shows an escape inside of backticks as it stands."""
    assert f"Backbone `{classifier().backbone.name}`," in (exported / "README.md").read_text("utf-8")
    assert code("tf_efficientnet_lite0") == "tf_efficientnet_lite0"
    assert code("a`b\n{{DETAILS}}\u202e<i>") == "ab DETAILS<i>"


def test_the_card_tells_the_time_of_every_sitting(tmp_path: Path) -> None:
    """188 s of the last sitting stood there, where the page told 257 s from start to end."""
    images, now = tmp_path / "images", 1000.0
    images.mkdir()
    project = projects.create(tmp_path / "project", images)
    result = {"labels": 29, "seconds": 188.0, "phases": [{"seconds": 0.2}, {"seconds": 119.2}, {"seconds": 94.2}]}
    run_queue.queue(project, "train", {"recipe": "l3fact"})
    run = replace(run_queue.list_runs(project)[0], started=now, ended=now + 257.1, result=result)
    told = export_run._figures(run)
    assert told["working time of the phases"] == "3 min 34 s"
    assert [value for name, value in told.items() if name.startswith("time from start to end")] == ["4 min 17 s"]


@pytest.mark.parametrize(("seconds", "told"), [(45.4, "45 s"), (257, "4 min 17 s"), (7500, "2 h 5 min")])
def test_durations_are_told_like_on_the_page(seconds: float, told: str) -> None:
    assert export_run._duration(seconds) == told


def test_plain_text_keeps_letters() -> None:
    assert plain("Gänse blümchen 花") == "Gänse blümchen 花"
    assert plain("two\nlines\t x") == "two lines x"


def test_a_folder_with_something_in_it_is_refused(tmp_path: Path, images: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").write_text("mine")
    with pytest.raises(InputError, match="new folder"):
        heard(write_model(tmp_path / "full", classifier(), {}, sample_files=[]))
    assert [each.name for each in tmp_path.rglob("*")] == ["full", "x"]


def test_a_stop_or_a_wrong_answer_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    step = write_model(tmp_path / "model", classifier(), {}, sample_files=[])
    next(step)
    next(step)
    step.close()
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr(export, "write_onnx", lambda path, net, pre: _constant(path))
    with pytest.raises(RunError, match="does not answer like"):
        heard(write_model(tmp_path / "model", classifier(), {}, sample_files=[]))
    assert list(tmp_path.iterdir()) == []


def _constant(path: Path) -> None:
    """An ONNX model that always gives the first class."""

    class First(nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return images.mean(dim=(1, 2, 3), keepdim=False)[:, None] * 0 + torch.tensor([1.0, 0, 0, 0])

    pre = classifier().backbone.preprocess
    ORIGINAL(path, First(), pre)


ORIGINAL = export.write_onnx


class Small(nn.Module):
    """A backbone of one convolution under a real head: quick to export."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 16, 8, stride=8)
        self.head = LightHead(16, 16, 8, 4, "both")
        for each in (*self.parameters(), self.head.basis):
            nn.init.normal_(each, std=0.2, generator=torch.Generator().manual_seed(each.numel()))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        patches = self.conv(images).permute(0, 2, 3, 1)
        answer: torch.Tensor = self.head(patches.mean(dim=(1, 2)), patches)
        return answer.exp()


@pytest.mark.slow
def test_both_exporters_of_pytorch_answer_alike(images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    net, pre = Small().eval(), Preprocess(32)
    pictures = np.stack([load_eval(images / name, pre) for name in ("plain.png", "wide.webp", "turned.jpg")])
    export.write_onnx(tmp_path / "old.onnx", net, pre)
    monkeypatch.setattr(export, "_trace", _fail)  # a PyTorch without the older exporter
    export.write_onnx(tmp_path / "new.onnx", net, pre)
    for name in ("old.onnx", "new.onnx"):
        assert export.compare(tmp_path / name, net, pictures, pre) <= 1e-4
    assert len(list(tmp_path.iterdir())) == 2


def _fail(path: Path, net: nn.Module, pre: Preprocess) -> None:
    raise TypeError("export() got an unexpected keyword argument 'dynamo'")


@pytest.mark.parametrize(("mode", "classes"), [("lr", ("a", "b")), ("map_lr", tuple(map(str, range(300))))])
def test_other_heads_and_many_classes_export(tmp_path: Path, images: Path, mode: str, classes: tuple[str, ...]) -> None:
    (tmp_path / "model").mkdir()  # an empty folder is as good as none
    result, _ = heard(
        write_model(tmp_path / "model", classifier(classes, mode), {}, sample_files=[images / "plain.png"])
    )
    assert result["largest_difference"] <= 1e-4


@pytest.mark.slow
def test_a_vision_transformer_exports(tmp_path: Path, images: Path) -> None:
    """With both kinds of head: the light one reads the patches, for any number of pictures."""
    backbone = load("vit_small_patch16_224.dino", pixels=PIXELS, random=True)
    light = LightHead(backbone.dim, backbone.token_dim, 16, 3, "both")
    for each in (*light.parameters(), light.basis):
        nn.init.normal_(each, std=0.1, generator=torch.Generator().manual_seed(each.numel()))
    files = sorted(images.iterdir())[:3]
    for name, head in {"ff": nn.Linear(backbone.dim, 3), "lm": light}.items():
        model = Classifier(backbone, {name: head}, name, ("a", "b", "c")).eval()
        result, _ = heard(write_model(tmp_path / name, model, {}, sample_files=files))
        assert result["checked"] == 3 and result["largest_difference"] <= 1e-4


@pytest.mark.parametrize("name", ["=1+1", "'=1+1", "''=1", "-1", "'-1", "+", "cat", "'quoted'", "@x", "-x", ""])
def test_a_name_is_written_as_our_own_lists_write_it(exported: Path, name: str) -> None:
    """Two classes never come to be called alike."""
    assert module(exported).inert(name) == export_labels.escaped(name)


def test_a_row_is_written_as_our_own_lists_write_it(exported: Path) -> None:
    out, files = io.StringIO(newline=""), ["x\ry.png", "x\ny.png", ' "q".png', "é.png"]
    module(exported).write([(file, "rose", 0.5, ()) for file in files], out)
    head = ("file_path", "label", "confidence")
    assert out.getvalue() == export_labels.csv_text(head, [(file, "rose", "0.5000") for file in files])
    assert [row[0] for row in csv.reader(io.StringIO(out.getvalue(), newline=""))] == ["file_path", *files]


def test_the_runtime_is_told_to_stay_quiet_before_it_is_loaded(exported: Path) -> None:
    """Hostile input 10: its own builds send what they were used for; by then its functions come too late."""
    lines = (exported / "predict.py").read_text("utf-8").splitlines()
    quiet = [n for n, line in enumerate(lines) if line.startswith('os.environ["ORT_DISABLE_TELEMETRY"] = "1"')]
    assert len(quiet) == 1 and quiet[0] < lines.index("import onnxruntime")
    assert "ORT_DISABLE_TELEMETRY=1" in (exported / "README.md").read_text("utf-8")
    env = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    code = "import os, fact_core; print(os.environ['ORT_DISABLE_TELEMETRY'])"
    told = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "1"
