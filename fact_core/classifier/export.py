"""The trained classifier as a folder that runs without this program.

model.safetensors config.json   for PyTorch, and for this program
model.onnx labels.txt           for everything else
predict.py requirements.txt     a command that needs onnxruntime, pillow and numpy only
README.md                       the model card, with the measured figures
"""

from __future__ import annotations

import copy
import json
import math
import os
import shutil
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from fact_core.backbones.fixed_size import fixed
from fact_core.classifier.model import Classifier, save_model
from fact_core.classifier.model_card import card
from fact_core.compute.image_batches import Preprocess, load_eval, normalise
from fact_core.errors import ConfigError, ImageError, InputError, RunError, StorageError, storage_error
from fact_core.events import Log, Progress
from fact_core.images import pixels
from fact_core.types import Report, Source, Step

FILES = (
    "model.safetensors",
    "config.json",
    "labels.txt",
    "model.onnx",
    "predict.py",
    "requirements.txt",
    "README.md",
)
_NAMES: dict[str, Any] = {"input_names": ["images"], "output_names": ["probabilities"], "opset_version": 18}
TOLERANCE = 1e-4  # between the probabilities of ONNX and PyTorch
CHECKED = 16  # images, at most
COPIED = "# ---- from here on copied into predict.py\n"
ONE_FILE = 1_900_000_000  # bytes that fit into one ONNX file


def write_model(
    folder: Path,
    classifier: Classifier,
    meta: Mapping[str, Any],
    *,
    sample_files: Sequence[Source],
    report: Report | None = None,
    figures: Mapping[str, str | int | float] | None = None,
) -> Step[dict[str, Any]]:
    """Write the export into a new folder; it appears whole or not at all.

    sample_files: real images on which ONNX is compared with PyTorch. report and figures
    (name -> value, accuracies as fractions) go into the model card.
    Returns {folder, files, bytes, checked, largest_difference}.
    Errors: InputError when the folder holds something, RunError when ONNX answers otherwise, ConfigError when
    pictures are not seen by the crop, the only view that ``predict.py`` knows.
    """
    view = classifier.backbone.preprocess.view
    if view != "crop":
        raise ConfigError("A model of this view cannot be exported", view, "Train one whose view is crop.")
    target = Path(folder).absolute()
    _must_be_new(target)
    work = _staging(target)
    try:
        plain = _Answer(classifier).eval()
        yield Progress("export", 0, 4, "parts")
        _write_model(work, classifier, meta)
        yield Progress("export", 1, 4, "parts")
        write_onnx(work / "model.onnx", plain, plain.preprocess)
        yield Progress("export", 2, 4, "parts")
        pictures = _pictures(sample_files, plain.preprocess)
        if pictures is None:
            yield Log("There was no image to check the ONNX model on; noise was used instead.", "warning")
            pictures = _noise(plain.preprocess)
        largest = compare(work / "model.onnx", plain, pictures, plain.preprocess)
        yield Progress("export", 3, 4, "parts")
        _write_words(work, classifier, meta, report, figures or {})
        move_whole(work, target)
    except OSError as error:
        raise storage_error(error, "writing the export") from error
    finally:
        shutil.rmtree(work, ignore_errors=True)
    yield Progress("export", 4, 4, "parts")
    size = sum((target / name).stat().st_size for name in FILES)
    return {
        "folder": str(target),
        "files": list(FILES),
        "bytes": size,
        "checked": len(pictures),
        "largest_difference": largest,
    }


def write_onnx(path: Path, net: nn.Module, pre: Preprocess) -> None:
    """Trace ``net`` into one ONNX file: "images" (batch, 3, H, W) float32 normalised -> "probabilities" (batch, K).

    PyTorch has two exporters. The older one takes two seconds instead of twenty and needs no further
    package; where a PyTorch no longer has it, or it fails, the newer one writes the file. What counts
    is ``compare``.
    """
    try:
        _trace(path, net, pre)
    except Exception:  # whatever the exporter cannot do, it may raise anything
        path.unlink(missing_ok=True)
        _export(path, net, pre)


def _trace(path: Path, net: nn.Module, pre: Preprocess) -> None:
    """By torch.jit.trace."""
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # that it is the older one
        axes = {"images": {0: "batch"}, "probabilities": {0: "batch"}}
        example = torch.zeros(2, 3, pre.pixels, pre.pixels)
        torch.onnx.export(net, (example,), str(path), dynamo=False, dynamic_axes=axes, **_NAMES)


def _export(path: Path, net: nn.Module, pre: Preprocess) -> None:
    """By torch.export. RunError when onnxscript is missing or the network cannot be exported."""
    size = sum(each.numel() * each.element_size() for each in net.state_dict().values())
    example = torch.zeros(2, 3, pre.pixels, pre.pixels)
    shapes = ({0: torch.export.Dim("batch")},)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        try:
            torch.onnx.export(
                net,
                (example,),
                str(path),
                dynamo=True,
                external_data=size > ONE_FILE,
                dynamic_shapes=shapes,
                verbose=False,
                **_NAMES,
            )
        except Exception as error:  # its errors have no common base; the traceback goes to the log
            reason = str(error).strip().splitlines() or [type(error).__name__]
            raise RunError("The model cannot be written as ONNX", reason[0][:200], "Nothing was exported.") from error


def compare(path: Path, net: nn.Module, pictures: npt.NDArray[np.uint8], pre: Preprocess) -> float:
    """Largest difference of ONNX's probabilities to PyTorch's on pictures (n, 3, H, W), all at once and one by one.

    RunError when it is above TOLERANCE, or when an answer differs that is no tie.
    """
    import onnxruntime

    x = normalise(pictures, pre, torch.device("cpu")).contiguous()
    with torch.no_grad():
        wanted = net(x).numpy()
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    together = session.run(None, {"images": x.numpy()})[0]
    alone = session.run(None, {"images": x[:1].numpy()})[0]
    largest = float(max(np.abs(together - wanted).max(), np.abs(alone - wanted[:1]).max()))
    rows = np.arange(len(wanted))
    lost = wanted.max(axis=1) - wanted[rows, together.argmax(axis=1)]
    if not math.isfinite(largest) or largest > TOLERANCE or float(lost.max()) > 2 * TOLERANCE:
        raise RunError(
            "The ONNX model does not answer like the trained one",
            f"probabilities differ by up to {largest:.2g} on {len(wanted)} images",
            "Nothing was exported. Please report this with the name of the backbone.",
        )
    return largest


class _Answer(nn.Module):
    """The classifier on the CPU in float32, for pictures of one size only: what can be traced."""

    def __init__(self, classifier: Classifier) -> None:
        super().__init__()
        self.backbone = fixed(classifier.backbone).cpu().float()
        self.classifier = _without_backbone(classifier).cpu().float()
        self.preprocess = self.backbone.preprocess
        self.requires_grad_(False)

    def forward(self, images: Tensor) -> Tensor:
        answer = self.classifier.read(self.backbone(images), self.classifier.final)
        return answer.exp()


def _without_backbone(classifier: Classifier) -> Classifier:
    """Only the head that answers."""
    head = copy.deepcopy(classifier.heads[classifier.final])
    return Classifier(nn.Identity(), {classifier.final: head}, classifier.final, classifier.classes)  # type: ignore[arg-type]


def _write_model(work: Path, classifier: Classifier, meta: Mapping[str, Any]) -> None:
    save_model(work, classifier, meta)
    pre = classifier.backbone.preprocess
    config = json.loads((work / "config.json").read_text("utf-8"))
    config |= {
        "id2label": {str(i): name for i, name in enumerate(classifier.classes)},
        "label2id": {name: i for i, name in enumerate(classifier.classes)},
        "input": {"name": "images", "shape": ["batch", 3, pre.pixels, pre.pixels], "layout": "RGB, normalised"},
        "output": {"name": "probabilities", "shape": ["batch", len(classifier.classes)]},
        "resize": pre.resize,
        "size": pre.pixels,
        "crop_pct": pre.crop_pct,
        "interpolation": pre.interpolation,
        "mean": list(pre.mean),
        "std": list(pre.std),
    }
    _text(work / "config.json", json.dumps(config, indent=1, ensure_ascii=False) + "\n")
    lines = [" ".join(name.splitlines()) for name in classifier.classes]
    _text(work / "labels.txt", "\n".join(lines) + "\n")


def _write_words(
    work: Path,
    classifier: Classifier,
    meta: Mapping[str, Any],
    report: Report | None,
    figures: Mapping[str, str | int | float],
) -> None:
    templates = Path(__file__).parent / "export_files"
    # The command sees pictures as this program does, because it has the same lines.
    same = Path(pixels.__file__).read_text("utf-8").partition(COPIED)[2].strip()
    _text(work / "predict.py", (templates / "predict.py.txt").read_text("utf-8").replace("# <pixels>", same))
    _text(work / "requirements.txt", (templates / "requirements.txt").read_text("utf-8"))
    _text(work / "README.md", card(classifier, meta, report, figures))


def _text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")


def _pictures(files: Sequence[Source], pre: Preprocess) -> npt.NDArray[np.uint8] | None:
    """Up to CHECKED pictures (n, 3, H, W), spread over the files; None when none can be decoded."""
    step = max(1, len(files) // CHECKED)
    found = []
    for file in list(files)[::step][:CHECKED]:
        try:
            found.append(load_eval(file, pre))
        except (ImageError, OSError):
            continue  # the scan tells about bad files, and others are left to check on
    return np.stack(found) if found else None


def _noise(pre: Preprocess) -> npt.NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (4, 3, pre.pixels, pre.pixels), dtype=np.uint8)


def _must_be_new(target: Path) -> None:
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise InputError("The export needs a new folder", f"{target} is there already", "Choose another name.")


def _staging(target: Path) -> Path:
    """A hidden folder beside the target, on the same disk."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix=f".{target.name[:40]}.", suffix=".part", dir=target.parent))
    except OSError as error:
        raise storage_error(error, "making the export folder") from error


def move_whole(work: Path, target: Path) -> None:
    """Give a finished folder its name at once. An empty folder of that name gives way."""
    work.chmod(0o755)
    if target.is_dir():
        target.rmdir()
    if target.exists():
        raise StorageError("The export folder appeared meanwhile", str(target), "Choose another name.")
    os.replace(work, target)
