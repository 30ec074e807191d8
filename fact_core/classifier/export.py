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
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from fact_core.analysis import merged_classes
from fact_core.backbones.fixed_size import fixed
from fact_core.classifier.model import Classifier, save_model
from fact_core.classifier.model_card import card
from fact_core.classifier.onnx_resize import resize_known
from fact_core.compute import views
from fact_core.compute.image_batches import Picture, Preprocess, load_eval, normalise
from fact_core.errors import ImageError, InputError, RunError, StorageError, storage_error
from fact_core.events import Log, Progress
from fact_core.images import pixels, sorting
from fact_core.staging import staging
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
    Errors: InputError when the folder holds something, RunError when ONNX answers otherwise.
    """
    target = Path(folder).absolute()
    must_be_new(target)
    plain = _Answer(classifier).eval()
    with staged(target, "writing the export") as work:
        yield Progress("export", 0, 4, "parts")
        _write_model(work, classifier, meta)
        yield Progress("export", 1, 4, "parts")
        write_onnx(work / "model.onnx", plain, plain.preprocess)
        yield Progress("export", 2, 4, "parts")
        pictures = _pictures(sample_files, plain.preprocess)
        checked = sum(map(len, pictures))
        if not pictures:
            yield Log("There was no image to check the ONNX model on; noise was used instead.", "warning")
        noise = _noise(plain.preprocess)
        if not pictures or len(noise) > 1:  # all shapes are tried, whatever those of the images are
            pictures, checked = [*pictures, *noise], checked or sum(map(len, noise))
        largest = max(compare(work / "model.onnx", plain, each, plain.preprocess) for each in pictures)
        yield Progress("export", 3, 4, "parts")
        _write_words(work, classifier, meta, report, figures or {})
        move_whole(work, target)
    yield Progress("export", 4, 4, "parts")
    size = sum((target / name).stat().st_size for name in FILES)
    return {
        "folder": str(target),
        "files": list(FILES),
        "bytes": size,
        "checked": checked,
        "largest_difference": largest,
    }


def write_onnx(path: Path, net: nn.Module, pre: Preprocess) -> None:
    """Trace ``net`` into one ONNX file: "images" (batch, 3, H, W) float32 normalised -> "probabilities" (batch, K).

    H and W are fixed, but where pictures are seen whole: then the shorter is fixed, the other a multiple of its step.
    PyTorch has two exporters. The older one takes two seconds instead of twenty and needs no further
    package; where a PyTorch no longer has it, or it fails, the newer one writes the file. What counts
    is ``compare``.
    """
    try:
        _trace(path, net, pre)
    except OSError:  # of the disk: another exporter would do no better
        raise
    except Exception:  # whatever the exporter cannot do, it may raise anything
        path.unlink(missing_ok=True)
        _export(path, net, pre)


def _trace(path: Path, net: nn.Module, pre: Preprocess) -> None:
    """By torch.jit.trace."""
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # that it is the older one
        axes = {"images": {0: "batch"}, "probabilities": {0: "batch"}}
        example = torch.zeros(2, 3, pre.pixels, pre.pixels)
        if not pre.square:
            axes["images"] |= {2: "height", 3: "width"}
            example = torch.zeros(2, 3, pre.pixels, pre.pixels + pre.step)  # of a square one nothing would be averaged
        with resize_known():
            torch.onnx.export(net, (example,), str(path), dynamo=False, dynamic_axes=axes, **_NAMES)


def _export(path: Path, net: nn.Module, pre: Preprocess) -> None:
    """By torch.export. RunError when onnxscript is missing or the network cannot be exported."""
    if not pre.square:
        found = f"pictures are seen by the view {pre.view}"
        raise RunError("The model cannot be written as ONNX for any shape", found, "Train with another view.")
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
        except OSError:
            raise
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
    try:
        together = session.run(None, {"images": x.numpy()})[0]
        alone = session.run(None, {"images": x[:1].numpy()})[0]
    except Exception as error:  # its errors have no common base; the traceback goes to the log
        found = f"it cannot see pictures of {x.shape[3]} x {x.shape[2]} pixels"
        raise RunError(
            "The ONNX model does not run", found, "Nothing was exported. Train with another view."
        ) from error
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
    """The classifier on the CPU in float32: what can be traced. For pictures of one size only, where all have it.

    An output a class: the probabilities of two of one name add up (``merged_classes``).
    """

    adds: Tensor | None

    def __init__(self, classifier: Classifier) -> None:
        super().__init__()
        seen = classifier.backbone
        self.backbone = (fixed(seen) if seen.preprocess.square else copy.deepcopy(seen)).cpu().float()
        self.classifier = _without_backbone(classifier).cpu().float()
        self.preprocess = self.backbone.preprocess
        names, place = merged_classes.joined(classifier.classes)
        # (K, k) of the heads' outputs to classes, of which some may have been made one
        adds = None if len(names) == len(place) else torch.eye(len(names))[torch.from_numpy(place)]
        self.register_buffer("adds", adds, persistent=False)
        self.requires_grad_(False)

    def forward(self, images: Tensor) -> Tensor:
        found = self.classifier.read(self.backbone(images), self.classifier.final).exp()
        return found if self.adds is None else found @ self.adds


def _without_backbone(classifier: Classifier) -> Classifier:
    """Only the head that answers."""
    head = copy.deepcopy(classifier.heads[classifier.final])
    return Classifier(nn.Identity(), {classifier.final: head}, classifier.final, classifier.classes)  # type: ignore[arg-type]


def _write_model(work: Path, classifier: Classifier, meta: Mapping[str, Any]) -> None:
    save_model(work, classifier, meta)
    pre = classifier.backbone.preprocess
    sides = [pre.pixels, pre.pixels] if pre.square else ["height", "width"]
    config = json.loads((work / "config.json").read_text("utf-8"))
    names, place = merged_classes.joined(classifier.classes)
    config |= {
        "id2label": {str(i): name for i, name in enumerate(names)},
        "label2id": {name: i for i, name in enumerate(names)},
        # "classes" and "class_of_output" are of the heads: the probabilities of outputs of one class add up
        "class_of_output": place.tolist(),
        "promise": meta.get("promise"),
        "input": {"name": "images", "shape": ["batch", 3, *sides], "layout": "RGB, normalised"},
        "output": {"name": "probabilities", "shape": ["batch", len(names)]},
        "resize": pre.resize,
        "size": pre.pixels,
        "crop_pct": pre.crop_pct,
        "view": pre.view,
        "step": pre.step,
        "interpolation": pre.interpolation,
        "mean": list(pre.mean),
        "std": list(pre.std),
    }
    _text(work / "config.json", json.dumps(config, indent=1, ensure_ascii=False) + "\n")
    lines = [" ".join(name.splitlines()) for name in names]
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
    command = (templates / "predict.py.txt").read_text("utf-8")
    for name, module in (("pixels", pixels), ("views", views), ("sorting", sorting)):
        same = Path(str(module.__file__)).read_text("utf-8").partition(COPIED)[2].strip()
        command = command.replace(f"# <{name}>", same)
    _text(work / "predict.py", command)
    _text(work / "requirements.txt", (templates / "requirements.txt").read_text("utf-8"))
    _text(work / "README.md", card(classifier, meta, report, figures))


def _text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")


def _pictures(files: Sequence[Source], pre: Preprocess) -> list[npt.NDArray[np.uint8]]:
    """Up to CHECKED pictures spread over the files, those of one shape as one array (n, 3, H, W)."""
    step = max(1, len(files) // CHECKED)
    found: dict[tuple[int, ...], list[Picture]] = {}
    for file in list(files)[::step][:CHECKED]:
        try:
            picture = load_eval(file, pre)
        except (ImageError, OSError):
            continue  # the scan tells about bad files, and others are left to check on
        found.setdefault(picture.shape, []).append(picture)
    return [np.stack(each) for each in found.values()]


def _noise(pre: Preprocess) -> list[npt.NDArray[np.uint8]]:
    """Pictures of the shapes that there can be, as arrays (n, 3, H, W): the square; of whole ones wide and tall too."""
    rng, side = np.random.default_rng(0), pre.pixels
    shapes = [(side, side)] if pre.square else [(side, side), (side, side + 2 * pre.step), (side + 3 * pre.step, side)]
    return [rng.integers(0, 256, (4, 3, *shape), dtype=np.uint8) for shape in shapes]


def must_be_new(target: Path) -> None:
    """InputError when something lies in the folder of an export, or is called so."""
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise InputError("The export needs a new folder", f"{target} is there already", "Choose another name.")


@contextmanager
def staged(target: Path, doing: str) -> Iterator[Path]:
    """A hidden folder beside the target, on the same disk, for what ``move_whole`` gives its name; gone at the end.

    What killed ones have left beside the target is taken away. FactError in words when the disk does not let us;
    ``doing`` as in ``storage_error``.
    """
    try:
        with staging(target.with_name(target.name[:40])) as work:
            work.mkdir()
            yield work
    except OSError as error:
        raise storage_error(error, doing) from error


def move_whole(work: Path, target: Path) -> None:
    """Give a finished folder its name at once. An empty folder of that name gives way."""
    if target.is_dir():
        target.rmdir()
    if target.exists():
        raise StorageError("The export folder appeared meanwhile", str(target), "Choose another name.")
    os.replace(work, target)
