"""The text sides of backbones that were trained on pictures with captions: what encodes words beside the pictures.

Shapes are those of their makers' files, so that no configuration has to be fetched. The weights lie in one file with
those of the image side, as open_clip or transformers writes it; of it the text side alone is read.
"""

from __future__ import annotations

from dataclasses import dataclass

from fact_core.choices.choice import Source


@dataclass(frozen=True)
class TextSide:
    """A transformer over tokens of text whose output lies in one space with the projected features of images.

    family: clip (reads at the end token, causal) or siglip (reads the last of ``context`` tokens, sees all of them);
    width, layers, heads: of the transformer; vocabulary, context: tokens that there are, and at most in one text;
    dim: width of the joint space; begin (-1: none), end, pad: numbers of these tokens; weights, tokenizer: where the
    two files come from, tried in this order; licence: of the weights, as their source states it.
    """

    family: str
    width: int
    layers: int
    heads: int
    vocabulary: int
    context: int
    dim: int
    activation: str
    begin: int
    end: int
    pad: int
    licence: str
    weights: tuple[Source, ...]
    tokenizer: tuple[Source, ...]


OPEN_CLIP = "open_clip_model.safetensors"
TRANSFORMERS = "model.safetensors"
TOKENIZER = "tokenizer.json"
#: All CLIPs cut text up in the same way, so that another one's file will do.
CLIP_TOKENIZER = Source("hub", "openai/clip-vit-large-patch14", TOKENIZER, bytes=2_200_000)


def _clip(
    width: int, heads: int, dim: int, activation: str, licence: str, weights: tuple[Source, ...], *own: Source
) -> TextSide:
    shape = {"width": width, "layers": 12, "heads": heads, "vocabulary": 49_408, "context": 77, "dim": dim}
    ends = {"begin": 49_406, "end": 49_407, "pad": 49_407}
    tokenizer = (*own, CLIP_TOKENIZER)
    return TextSide(
        "clip", **shape, activation=activation, **ends, licence=licence, weights=weights, tokenizer=tokenizer
    )


#: backbone -> its text side
TEXT_SIDES: dict[str, TextSide] = {
    "vit_base_patch16_clip_quickgelu_224.openai": _clip(
        512,
        8,
        512,
        "quick_gelu",
        "MIT",
        (
            Source("hub", "timm/vit_base_patch16_clip_224.openai", OPEN_CLIP, bytes=598_500_000),
            Source("hub", "openai/clip-vit-base-patch16", "pytorch_model.bin", bytes=598_600_000),
        ),
        Source("hub", "timm/vit_base_patch16_clip_224.openai", TOKENIZER, bytes=2_200_000),
    ),
    "vit_large_patch14_clip_quickgelu_224.openai": _clip(
        768,
        12,
        768,
        "quick_gelu",
        "MIT",
        (
            Source("hub", "timm/vit_large_patch14_clip_224.openai", OPEN_CLIP, bytes=1_710_500_000),
            Source("hub", "openai/clip-vit-large-patch14", TRANSFORMERS, bytes=1_710_500_000),
        ),
        Source("hub", "timm/vit_large_patch14_clip_224.openai", TOKENIZER, bytes=2_200_000),
    ),
    "vit_base_patch16_clip_224.datacompxl": _clip(
        512,
        8,
        512,
        "gelu",
        "MIT",
        (
            Source("hub", "laion/CLIP-ViT-B-16-DataComp.XL-s13B-b90K", OPEN_CLIP, bytes=598_500_000),
            Source(
                "hub", "laion/CLIP-ViT-B-16-DataComp.XL-s13B-b90K", "open_clip_pytorch_model.bin", bytes=598_600_000
            ),
        ),
        Source("hub", "laion/CLIP-ViT-B-16-DataComp.XL-s13B-b90K", TOKENIZER, bytes=2_200_000),
    ),
    "vit_base_patch16_siglip_256.v2_webli": TextSide(
        "siglip",
        width=768,
        layers=12,
        heads=12,
        vocabulary=256_000,
        context=64,
        dim=768,
        activation="gelu_pytorch_tanh",
        begin=-1,
        end=1,
        pad=0,
        licence="Apache-2.0",
        weights=(
            Source("hub", "timm/ViT-B-16-SigLIP2-256", OPEN_CLIP, bytes=1_500_900_000),
            Source("hub", "google/siglip2-base-patch16-256", TRANSFORMERS, bytes=1_500_900_000),
        ),
        tokenizer=(
            Source("hub", "timm/ViT-B-16-SigLIP2-256", TOKENIZER, bytes=34_400_000),
            Source("hub", "google/siglip2-base-patch16-256", TOKENIZER, bytes=34_400_000),
        ),
    ),
}
