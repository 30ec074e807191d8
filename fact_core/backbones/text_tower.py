"""Words as unit vectors in one space with images: the text side of CLIP and SigLIP, by transformers.

The image side is the backbone itself: its pooled feature, projected where the network has a projection (CLIP), is the
image's place in that space (Radford et al. 2021, arXiv 2103.00020, figure 3; Zhai et al. 2023, arXiv 2303.15343).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from fact_core.backbones import convert
from fact_core.backbones.text_names import PROJECTION, SCALE, text_tensors
from fact_core.choices import TextSide, backbone_choice
from fact_core.errors import InputError, WeightsError
from fact_core.events import Progress
from fact_core.pretrained.digests import file_sha256, remembered_sha256
from fact_core.pretrained.text_weights import locate_text, text_side
from fact_core.pretrained.weights import digests_file
from fact_core.types import Step

#: Sentences around the name of a class whose mean is its place: the single one of CLIP's paper (section 3.1.4), and the
#: seven that its makers found to be the best of eighty for ImageNet (openai/CLIP, Prompt_Engineering_for_ImageNet).
CLASS_TEMPLATES = (
    "a photo of a {}.",
    "itap of a {}.",
    "a bad photo of the {}.",
    "a origami {}.",
    "a photo of the large {}.",
    "a {} in a video game.",
    "art of the {}.",
    "a photo of the small {}.",
)
#: What a person looks for is a phrase already.
QUERY_TEMPLATES = ("{}", "a photo of {}.")
BATCH = 64  # texts at a time


@dataclass(frozen=True)
class TextTower:
    """A text side that is ready. key: names its weights and its tokenizer; scale: of cosines as logits.

    projection (dim, D): of the backbone's pooled features into the joint space; None where they lie in it.
    """

    side: TextSide
    key: str
    network: nn.Module
    tokenizer: Any
    projection: Tensor | None
    scale: float

    def class_features(self, names: Sequence[str]) -> Step[Tensor]:
        """(K, dim) unit vectors of classes, each the mean over ``CLASS_TEMPLATES``. InputError for an empty name."""
        return (yield from self._mean([name.replace("_", " ") for name in names], CLASS_TEMPLATES))

    def query_features(self, queries: Sequence[str]) -> Step[Tensor]:
        """(n, dim) unit vectors of what a person looks for. InputError for an empty text."""
        return (yield from self._mean(queries, QUERY_TEMPLATES))

    def project(self, x: Tensor) -> Tensor:
        """(N, dim) unit vectors of images with pooled features x (N, D)."""
        x = x.float()
        return functional.normalize(x if self.projection is None else x @ self.projection.T.to(x), dim=1)

    def classifier(self, text: Tensor, x: Tensor) -> Tensor:
        """(K, D) rows W of classes with unit vectors text (K, dim): x @ W.T are the logits scale * cosine.

        For images whose projection is as long as that of x (n, D) is on average: a linear layer cannot bring each
        image to unit length.
        """
        projected = x.float() if self.projection is None else x.float() @ self.projection.T
        rows = text if self.projection is None else text @ self.projection
        found: Tensor = self.scale * rows / projected.norm(dim=1).mean().clamp_min(1e-12)
        return found

    def tokens(self, text: str) -> list[int]:
        """The numbers of a text's tokens with their begin and end; what is too long is cut, and the end stays."""
        side = self.side
        found: list[int] = self.tokenizer.encode(text.strip().lower(), add_special_tokens=False).ids
        begin = [side.begin] if side.begin >= 0 else []
        return [*begin, *found[: side.context - len(begin) - 1], side.end]

    def _mean(self, words: Sequence[str], templates: Sequence[str]) -> Step[Tensor]:
        if any(not each.strip() for each in words):
            raise InputError("A text is empty", do="Give at least one word.")
        texts = [each.format(" ".join(word.split())) for word in words for each in templates]
        unit = []
        for start in range(0, len(texts), BATCH):
            unit.append(self._encoded(texts[start : start + BATCH]))
            yield Progress("words", min(start + BATCH, len(texts)), len(texts), "texts")
        found = torch.cat(unit) if unit else torch.zeros(0, self.side.dim)
        return functional.normalize(found.reshape(len(words), len(templates), self.side.dim).mean(dim=1), dim=1)

    @torch.inference_mode()
    def _encoded(self, texts: Sequence[str]) -> Tensor:
        rows = [self.tokens(each) for each in texts]
        # A causal network never looks behind the end token, the other one learned with all places filled.
        length = self.side.context if self.side.family == "siglip" else max(map(len, rows))
        ids = torch.tensor([[*row, *[self.side.pad] * (length - len(row))] for row in rows])
        said = self.network(input_ids=ids, position_ids=torch.arange(length)[None])
        return functional.normalize(said.text_embeds if self.side.family == "clip" else said.pooler_output, dim=1)


def load_text(name: str) -> TextTower:
    """The text side of a backbone, on the CPU. WeightsError when it is not here, or damaged: nothing is downloaded.

    ConfigError where the backbone has none.
    """
    found = locate_text(name)
    return read_text(name, found.weights, found.tokenizer)


def text_key(name: str) -> str:
    """What features of words depend on, told without building the network. As ``load_text``."""
    found = locate_text(name)
    weights = remembered_sha256(found.weights, digests_file())
    return _key(name, weights, file_sha256(found.tokenizer))


def read_text(name: str, weights: Path, tokenizer: Path) -> TextTower:
    """The text side of a backbone from two files. WeightsError in words when they do not fit."""
    from tokenizers import Tokenizer

    side = text_side(name)
    try:
        tensors = text_tensors(weights)
    except Exception as error:  # damaged and hostile files make the readers raise anything
        raise convert.unreadable(weights, error) from error
    projection, scale = tensors.pop(PROJECTION, None), tensors.pop(SCALE, None)
    network = build_text(side)
    _fill(network, tensors, weights)
    if side.family == "clip":
        wanted = (side.dim, backbone_choice(name).dim)
        if projection is None or tuple(projection.shape) != wanted:
            shape = "is missing" if projection is None else f"is {tuple(projection.shape)}, expected {wanted}"
            raise WeightsError("The weights file does not fit this text side", f"{weights}: {PROJECTION} {shape}")
    if scale is None or not bool(torch.isfinite(scale).all()):
        raise WeightsError("The weights file does not fit this text side", f"{weights}: {SCALE} is missing")
    try:
        cut = Tokenizer.from_file(str(tokenizer))
    except Exception as error:  # the library raises no class of its own
        raise WeightsError("The tokenizer cannot be read", f"{tokenizer}: {convert.reason(error)}") from error
    if cut.get_vocab_size() > side.vocabulary:
        found = f"{tokenizer}: {cut.get_vocab_size()} tokens, the text side knows {side.vocabulary}"
        raise WeightsError(
            "The tokenizer is another text side's", found, "Bring the file that lies beside the weights."
        )
    key = _key(name, remembered_sha256(weights, digests_file()), file_sha256(tokenizer))
    return TextTower(side, key, network, cut, projection, float(scale.float().exp()))


def build_text(side: TextSide) -> nn.Module:
    """transformers' network of that shape in eval mode, without memory for its weights: they are assigned."""
    from transformers import CLIPTextConfig, CLIPTextModelWithProjection, SiglipTextConfig, SiglipTextModel

    shape = {
        "vocab_size": side.vocabulary,
        "hidden_size": side.width,
        "intermediate_size": 4 * side.width,
        "num_hidden_layers": side.layers,
        "num_attention_heads": side.heads,
        "max_position_embeddings": side.context,
        "hidden_act": side.activation,
        "projection_dim": side.dim,
        "projection_size": side.dim,
        "bos_token_id": side.begin if side.begin >= 0 else None,
        "eos_token_id": side.end,
        "pad_token_id": side.pad,
    }
    with torch.device("meta"):
        if side.family == "clip":
            del shape["projection_size"]
            network: nn.Module = CLIPTextModelWithProjection(CLIPTextConfig(**shape))
        else:
            del shape["projection_dim"]
            network = SiglipTextModel(SiglipTextConfig(**shape))
    return network.eval().requires_grad_(False)


def _fill(network: nn.Module, tensors: dict[str, Tensor], path: Path) -> None:
    """Assign the tensors. WeightsError names the first one that does not fit."""
    ready: dict[str, Tensor] = {}
    for name, target in network.state_dict().items():
        tensor = tensors.get(name.removeprefix("text_model."))
        if tensor is None or tensor.shape != target.shape:
            found = "is missing" if tensor is None else f"is {tuple(tensor.shape)}, expected {tuple(target.shape)}"
            raise WeightsError("The weights file does not fit this text side", f"{path}: {name} {found}")
        if not bool(torch.isfinite(tensor).all()):
            raise WeightsError("The weights file is damaged", f"{path}: {name} has values that are not numbers")
        ready[name] = tensor.float()
    network.load_state_dict(ready, assign=True)


def _key(name: str, *parts: str) -> str:
    return hashlib.sha256(" ".join((name, *parts)).encode()).hexdigest()[:16]
