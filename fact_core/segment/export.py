"""A segmenter as a folder: model.safetensors and config.json for this program, model.onnx for any other.

``write`` makes the folder whole or not at all, after ONNX has answered like PyTorch; ``read`` reads it, without pickle.
"""

from __future__ import annotations

import copy
import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor, nn

from fact_core.backbones import bare
from fact_core.classifier.export import TOLERANCE, move_whole, must_be_new, staged
from fact_core.classifier.onnx_resize import resize_known
from fact_core.compute.image_batches import normalise
from fact_core.errors import FactError, RunError, WeightsError
from fact_core.files import write_file
from fact_core.segment.masks import Coding
from fact_core.segment.network import Segmenter

FORMAT = 1
FILES = ("model.safetensors", "config.json", "labels.txt", "model.onnx")


@dataclass(frozen=True)
class Exported:
    """A segmenter that answers, what the values of its masks mean, and the shorter side that it sees in pixels."""

    net: Segmenter
    coding: Coding
    short: int


def write(folder: Path, given: Exported, pictures: Sequence[Tensor], meta: Mapping[str, Any]) -> dict[str, Any]:
    """Write the folder, which has to be new. pictures: [3, H, W] uint8, of one size, on which ONNX is checked.

    meta: plain values to keep. ONNX takes pictures of that one size. Returns {folder, files, bytes, checked,
    largest_difference}. Errors: InputError when the folder holds something, RunError when ONNX answers otherwise.
    """
    target = Path(folder).absolute()
    must_be_new(target)
    net = _only_final(given.net)
    with staged(target, "writing the export") as work:
        _write_model(work, Exported(net, given.coding, given.short), pictures[0].shape, meta)
        _trace(work / "model.onnx", net, pictures[0].shape)
        largest = compare(work / "model.onnx", net, torch.stack(list(pictures)))
        move_whole(work, target)
    size = sum((target / name).stat().st_size for name in FILES)
    about = {"folder": str(target), "files": list(FILES), "bytes": size}
    return {**about, "checked": len(pictures), "largest_difference": largest}


def read(folder: Path) -> Exported:
    """What ``write`` wrote, in eval mode on the CPU. WeightsError when the folder holds no whole segmenter."""
    do = "Give the folder that bench segment --export has made."
    try:
        config = json.loads((folder / "config.json").read_text("utf-8"))
        tensors = load_tensors((folder / "model.safetensors").read_bytes())
        if config["format"] != FORMAT or config["kind"] != "segmenter":
            raise ValueError(f"format {config['format']}, kind {config['kind']}")
        coding = Coding(tuple(config["classes"]), tuple(config["unlabelled"]), int(config["first"]))
        backbone = bare(config["backbone"], pixels=int(config["pixels"]), key=config["key"])
        net = Segmenter(backbone, len(coding.classes), int(config["width"]), config["final"])
        for name in net.needed:
            net.add(name, 0)
        net.load_state_dict(tensors)
    except (OSError, ValueError, TypeError, KeyError, RuntimeError, SafetensorError, FactError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise WeightsError("There is no whole segmenter in the folder", f"{folder} ({reason})", do) from error
    return Exported(net.eval(), coding, int(config["short"]))


def compare(path: Path, net: Segmenter, pictures: Tensor) -> float:
    """Largest difference of ONNX's probabilities to PyTorch's on pictures [n, 3, H, W], all at once and one by one.

    RunError when it is above the classifier's TOLERANCE, or the model does not run.
    """
    import onnxruntime

    x = normalise(pictures, net.backbone.preprocess, torch.device("cpu")).contiguous()
    with torch.no_grad():
        wanted = net(x).exp().numpy()
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    try:
        together = session.run(None, {"images": x.numpy()})[0]
        alone = session.run(None, {"images": x[:1].numpy()})[0]
    except Exception as error:  # its errors have no common base; the traceback goes to the log
        raise RunError(
            "The ONNX model does not run", str(error).splitlines()[0][:200], "Nothing was exported."
        ) from error
    largest = float(max(np.abs(together - wanted).max(), np.abs(alone - wanted[:1]).max()))
    if not largest <= TOLERANCE:
        found = f"probabilities differ by up to {largest:.2g} on {len(x)} pictures"
        raise RunError("The ONNX model does not answer like the trained one", found, "Nothing was exported.")
    return largest


class _Probabilities(nn.Module):
    """What ONNX answers: probabilities [B, K, H, W] at the size of the pictures."""

    def __init__(self, net: Segmenter) -> None:
        super().__init__()
        self.net = net

    def forward(self, images: Tensor) -> Tensor:
        found: Tensor = self.net(images).exp()
        return found


def _trace(path: Path, net: Segmenter, shape: Sequence[int]) -> None:
    """By torch.jit.trace: sides are constants, the number of pictures is not."""
    axes = {"images": {0: "batch"}, "probabilities": {0: "batch"}}
    with warnings.catch_warnings(), torch.no_grad(), resize_known():
        warnings.simplefilter("ignore")  # that it is the older exporter, and that sides become constants
        try:
            torch.onnx.export(
                _Probabilities(net).eval(),
                (torch.zeros(2, *shape),),
                str(path),
                dynamo=False,
                input_names=["images"],
                output_names=["probabilities"],
                dynamic_axes=axes,
                opset_version=18,
            )
        except OSError:  # of the disk
            raise
        except Exception as error:  # its errors have no common base; the traceback goes to the log
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise RunError("The model cannot be written as ONNX", reason[:200], "Nothing was exported.") from error


def _only_final(net: Segmenter) -> Segmenter:
    """A copy on the CPU, in eval mode, with the heads that answer."""
    found = copy.deepcopy(net).cpu().float().eval()
    for name in set(found.heads) - set(found.needed):
        del found.heads[name]
    return found.requires_grad_(False)


def _write_model(work: Path, given: Exported, shape: Sequence[int], meta: Mapping[str, Any]) -> None:
    net, pre = given.net, given.net.backbone.preprocess
    tensors = {name: each.detach().clone().contiguous() for name, each in net.state_dict().items()}
    write_file(work / "model.safetensors", save_tensors(tensors), "writing the export")
    config = {
        "format": FORMAT,
        "kind": "segmenter",
        "backbone": net.backbone.name,
        "key": net.backbone.key,
        "pixels": pre.pixels,
        "mean": list(pre.mean),
        "std": list(pre.std),
        "short": given.short,
        "width": net.width,
        "final": list(net.final),
        "classes": list(given.coding.classes),
        "unlabelled": list(given.coding.unlabelled),
        "first": given.coding.first,
        "input": {"name": "images", "shape": ["batch", *shape], "layout": "RGB, (x / 255 - mean) / std"},
        "output": {"name": "probabilities", "shape": ["batch", net.n_classes, *shape[1:]]},
        "meta": dict(meta),
    }
    text = json.dumps(config, indent=1, ensure_ascii=False) + "\n"
    write_file(work / "config.json", text.encode(), "writing the export")
    names = "\n".join(" ".join(name.splitlines()) for name in given.coding.classes) + "\n"
    write_file(work / "labels.txt", names.encode(), "writing the export")
