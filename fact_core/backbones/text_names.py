"""The tensors of a text side under transformers' names, whichever of the two forms its file has.

open_clip's: ``token_embedding``, ``transformer.resblocks`` (behind ``text.`` where the text side is a model of its own,
as SigLIP's is), ``visual.proj``. transformers': ``text_model``, ``text_projection``, ``visual_projection``. The names
here are transformers' without ``text_model.``, which some of its versions put in front and others do not.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from safetensors import safe_open
from torch import Tensor

from fact_core.backbones import convert

PROJECTION = "visual_projection.weight"
SCALE = "logit_scale"
#: What of a file belongs to the text side, or to the joint space.
WANTED = re.compile(
    r"^(text_model\.|text\.|text_projection|token_embedding|positional_embedding|transformer\.resblocks\.|ln_final"
    r"|visual\.proj$|visual_projection\.|logit_scale$)"
)
#: (pattern in open_clip, name in transformers)
OPEN_CLIP = (
    (r"token_embedding\.weight", "embeddings.token_embedding.weight"),
    (r"positional_embedding", "embeddings.position_embedding.weight"),
    (r"ln_final\.(weight|bias)", r"final_layer_norm.\1"),
    (r"transformer\.resblocks\.(\d+)\.ln_([12])\.(weight|bias)", r"encoder.layers.\1.layer_norm\2.\3"),
    (r"transformer\.resblocks\.(\d+)\.mlp\.c_fc\.(weight|bias)", r"encoder.layers.\1.mlp.fc1.\2"),
    (r"transformer\.resblocks\.(\d+)\.mlp\.c_proj\.(weight|bias)", r"encoder.layers.\1.mlp.fc2.\2"),
    (r"transformer\.resblocks\.(\d+)\.attn\.out_proj\.(weight|bias)", r"encoder.layers.\1.self_attn.out_proj.\2"),
)
FUSED = re.compile(r"transformer\.resblocks\.(\d+)\.attn\.in_proj_(weight|bias)")


def text_tensors(file: Path) -> dict[str, Tensor]:
    """The text side's tensors in a safetensors file, or in what torch reads with ``weights_only``.

    With them ``visual_projection.weight`` (dim, D), where the image side has a projection, and ``logit_scale``.
    Raises what the readers raise.
    """
    found: dict[str, Tensor] = {}
    if file.suffix == ".safetensors":
        with safe_open(file, "pt") as opened:  # of a file twice as large: only what is wanted is read
            for name in opened.keys():  # noqa: SIM118
                if WANTED.match(name):
                    found[name] = opened.get_tensor(name)
    else:
        found = {
            name: each
            for name, each in convert.read_file(file).items()
            if isinstance(each, Tensor) and WANTED.match(name)
        }
    if any(name.startswith("text_model.") for name in found):
        return {name.removeprefix("text_model."): each for name, each in found.items()}
    return _from_open_clip({name.removeprefix("text."): each for name, each in found.items()})


def _from_open_clip(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    out: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        fused = FUSED.fullmatch(name)
        if fused:
            for part, third in zip("qkv", tensor.chunk(3), strict=True):
                out[f"encoder.layers.{fused[1]}.self_attn.{part}_proj.{fused[2]}"] = third.contiguous()
        elif name == "text_projection":  # applied from the right
            out["text_projection.weight"] = tensor.T.contiguous()
        elif name.startswith("text_projection."):
            out[name.replace("text_projection", "head")] = tensor
        elif name == "visual.proj":
            out[PROJECTION] = tensor.T.contiguous()
        else:
            out[_renamed(name)] = tensor
    return out


def _renamed(name: str) -> str:
    for pattern, there in OPEN_CLIP:
        found = re.fullmatch(pattern, name)
        if found:
            return found.expand(there)
    return name
