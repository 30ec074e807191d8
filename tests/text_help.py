"""A small text side with random weights, in the form of open_clip's files, and a tokenizer of a few words."""

from __future__ import annotations

import itertools
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from torch import Tensor, nn
from torch.nn import functional

from fact_core.choices import Source, TextSide
from fact_core.choices.text_sides import CLIP_TOKENIZER, OPEN_CLIP, TOKENIZER

#: A transformer of timm with pooled features of this width.
NETWORK, WIDTH = "timm:test_vit.r160_in1k", 64
AROUND = [
    "a",
    "an",
    "the",
    "of",
    "photo",
    "itap",
    "bad",
    "origami",
    "large",
    "in",
    "video",
    "game",
    "art",
    "small",
    ".",
]
WORDS = [*AROUND, "red", "green", "blue", "rose", "sky", "grass"]
BEGIN, END = len(WORDS) + 2, len(WORDS) + 3
STAND_IN = Source("hub", "stand/in", OPEN_CLIP, bytes=1000)
CLIP = TextSide("clip", 32, 2, 2, END + 1, 12, 16, "quick_gelu", BEGIN, END, END, "MIT", (STAND_IN,), (CLIP_TOKENIZER,))
SIGLIP = TextSide(
    "siglip", 64, 1, 2, END + 1, 16, WIDTH, "gelu_pytorch_tanh", -1, 1, 0, "Apache-2.0", (STAND_IN,), (CLIP_TOKENIZER,)
)


class Block(nn.Module):
    """One block as open_clip builds it, from torch's own parts."""

    def __init__(self, side: TextSide) -> None:
        super().__init__()
        self.side = side
        self.ln_1, self.ln_2 = (nn.LayerNorm(side.width, eps=1e-6 if side.family == "siglip" else 1e-5) for _ in "12")
        self.attn = nn.MultiheadAttention(side.width, side.heads, batch_first=True)
        wide = 4 * side.width
        self.mlp = nn.Sequential(
            OrderedDict(c_fc=nn.Linear(side.width, wide), gelu=nn.Identity(), c_proj=nn.Linear(wide, side.width))
        )

    def forward(self, x: Tensor) -> Tensor:
        n = x.shape[1]
        mask = torch.full((n, n), -torch.inf).triu(1) if self.side.family == "clip" else None
        seen = self.ln_1(x)
        x = x + self.attn(seen, seen, seen, need_weights=False, attn_mask=mask)[0]
        inner = self.mlp.c_fc(self.ln_2(x))
        quick = self.side.activation == "quick_gelu"
        inner = inner * torch.sigmoid(1.702 * inner) if quick else functional.gelu(inner, approximate="tanh")
        return x + self.mlp.c_proj(inner)


class OpenClip(nn.Module):
    """The text side as open_clip's file holds it, and the projection of the image side."""

    def __init__(self, side: TextSide) -> None:
        super().__init__()
        self.side = side
        self.token_embedding = nn.Embedding(side.vocabulary, side.width)
        self.positional_embedding = nn.Parameter(0.3 * torch.randn(side.context, side.width))
        self.transformer = nn.ModuleDict({"resblocks": nn.ModuleList(Block(side) for _ in range(side.layers))})
        self.ln_final = nn.LayerNorm(side.width, eps=1e-6 if side.family == "siglip" else 1e-5)
        if side.family == "clip":
            self.text_projection = nn.Parameter(torch.randn(side.width, side.dim))
        else:
            self.text_projection = nn.Linear(side.width, side.dim)
        for each in (self.ln_final, *(block.ln_1 for block in self.transformer["resblocks"])):
            nn.init.normal_(each.weight)

    @torch.no_grad()
    def forward(self, ids: Tensor) -> Tensor:
        x = self.token_embedding(ids) + self.positional_embedding[: ids.shape[1]]
        for block in self.transformer["resblocks"]:
            x = block(x)
        x = self.ln_final(x)
        if self.side.family == "siglip":
            return functional.normalize(self.text_projection(x[:, -1]), dim=1)
        at_end = (ids == self.side.end).int().argmax(dim=1)
        return functional.normalize(x[torch.arange(len(ids)), at_end] @ self.text_projection, dim=1)


@dataclass(frozen=True)
class Written:
    """A stand-in on disk: weights and tokenizer lie in ``folder``. projection (WIDTH, dim): None for SigLIP."""

    folder: Path
    model: OpenClip
    projection: Tensor | None


def write_text_side(folder: Path, side: TextSide = CLIP, seed: int = 0) -> Written:
    """Random weights in open_clip's form, among tensors of an image side, and a tokenizer of whole words."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = OpenClip(side)
        projection = torch.randn(WIDTH, side.dim) if side.family == "clip" else None
    front = "text." if side.family == "siglip" else ""
    tensors = {front + name: each.detach().contiguous() for name, each in model.state_dict().items()}
    tensors["logit_scale"] = torch.tensor(3.0)
    tensors["visual.conv1.weight"] = torch.zeros(4, 3, 2, 2)
    if projection is not None:
        tensors["visual.proj"] = projection
    folder.mkdir(parents=True, exist_ok=True)
    save_file(tensors, folder / OPEN_CLIP)
    cut = Tokenizer(WordLevel(dict(zip(WORDS, itertools.count(2), strict=False)) | {"?": 0}, unk_token="?"))
    cut.pre_tokenizer = Whitespace()
    cut.save(str(folder / TOKENIZER))
    return Written(folder, model, projection)
