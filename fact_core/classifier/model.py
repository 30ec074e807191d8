"""The trained classifier: a backbone, its heads, and the folder it is stored in."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor, nn

from fact_core.backbones import Backbone, Tokens, adapters, bare
from fact_core.errors import FactError, WeightsError
from fact_core.files import write_file
from fact_core.images.decode import Ranges
from fact_core.images.pixels import FULL
from fact_core.lightweight.light import LightHead

FORMAT = 1


class Classifier(nn.Module):
    """A backbone and one head a phase; ``final`` names the head that answers.

    heads: those of all other phases than "lm" are ``nn.Linear`` on the pooled feature, "lm"'s is a ``LightHead``.
    probe: phase 1's linear layer when phase 2 changed the backbone afterwards. It reads the
           PRETRAINED features, so it is kept for the record and takes no part in ``forward``.
    """

    def __init__(
        self,
        backbone: Backbone,
        heads: Mapping[str, nn.Module],
        final: str,
        classes: Sequence[str],
        probe: nn.Linear | None = None,
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.heads = nn.ModuleDict(dict(heads))
        self.final = final
        self.classes = tuple(classes)
        self.probe = probe

    def forward(self, images: Tensor) -> Tensor:
        """Probabilities (B, K) of the final head, for normalised images (B, 3, H, W)."""
        return self.read(self.backbone(images), self.final).exp()

    def read(self, tokens: Tokens, name: str) -> Tensor:
        """Log-probabilities (B, K) of one head from the backbone's tokens, always in float32."""
        head = self.heads[name]
        pooled = tokens.pooled.float()
        if isinstance(head, nn.Linear):
            answer: Tensor = head(pooled).log_softmax(-1)
        else:
            answer = head(pooled, tokens.patches.float())
        return answer


def divide_logits(classifier: Classifier, by: float) -> None:
    """Divide the final head's logits by a temperature, in its weights: wherever it answers, its confidences follow.

    Which class is the likeliest stays. Of a mean of log-probabilities each part is divided, which divides the mean.
    """
    head = classifier.heads[classifier.final]
    lines = head.lines() if isinstance(head, LightHead) else [head]
    with torch.no_grad():
        for values in (values for line in lines for values in line.parameters()):
            values.div_(by)


def save_model(folder: Path, classifier: Classifier, meta: Mapping[str, Any]) -> None:
    """Write ``model.safetensors`` and ``config.json``. ``meta``: JSON values to keep with it (recipe, versions, ...).

    The folder counts as a model only when config.json lies there, which is written last.
    """
    heads = {
        name: {"kind": "linear"} if isinstance(head, nn.Linear) else {"kind": "light", **head.config()}
        for name, head in classifier.heads.items()
        if isinstance(head, (nn.Linear, LightHead))
    }
    backbone = classifier.backbone
    carried = adapters.of(backbone)
    config = {
        "format": FORMAT,
        "backbone": backbone.name,
        "key": backbone.key,
        "preprocess": backbone.preprocess.to_dict(),
        "ranges": [list(each) for each in backbone.preprocess.ranges],
        "adapters": asdict(carried) if carried is not None else None,
        "classes": list(classifier.classes),
        "heads": heads,
        "final": classifier.final,
        "probe": classifier.probe is not None,
        "meta": dict(meta),
    }
    tensors = {
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, tensor in classifier.state_dict().items()
    }
    write_file(folder / "model.safetensors", save_tensors(tensors), "saving the model")
    text = json.dumps(config, indent=1, ensure_ascii=False)
    write_file(folder / "config.json", text.encode(), "saving the model")


def load_model(folder: Path) -> tuple[Classifier, dict[str, Any]]:
    """The stored classifier in eval mode on the CPU, and its meta. Needs no other source of weights.

    WeightsError when the folder holds no whole model.
    """
    do = "Train again, or choose the run of another model."
    try:
        config = json.loads((folder / "config.json").read_text("utf-8"))
        tensors = load_tensors((folder / "model.safetensors").read_bytes())
    except (OSError, ValueError, SafetensorError) as error:
        raise WeightsError("There is no whole model in the folder", f"{folder} ({error})", do) from error
    if config["format"] != FORMAT:
        raise WeightsError("The model was stored by another version of the program", f"format {config['format']}", do)
    backbone = bare(config["backbone"], pixels=config["preprocess"]["pixels"], key=config["key"])
    seen = {name: config["preprocess"][name] for name in ("view", "step") if name in config["preprocess"]}
    backbone.preprocess = replace(backbone.preprocess, ranges=_ranges(config), **seen)
    try:
        if config.get("adapters"):  # models of older versions do not say
            adapters.add(backbone, adapters.Adapters(**config["adapters"]), torch.Generator())
    except (TypeError, FactError) as error:
        raise WeightsError("The stored model has prompts or prefixes that are not known", str(error), do) from error
    width, n_classes = backbone.dim, len(config["classes"])
    heads = {name: _head(dict(about), width, n_classes) for name, about in config["heads"].items()}
    probe = nn.Linear(width, n_classes) if config["probe"] else None
    classifier = Classifier(backbone, heads, config["final"], config["classes"], probe)
    try:
        classifier.load_state_dict(tensors)
    except RuntimeError as error:
        raise WeightsError("The stored weights do not fit the model", str(error).splitlines()[0], do) from error
    return classifier.eval(), config["meta"]


def _ranges(config: dict[str, Any]) -> Ranges:
    """How deep pixels were scaled in training; a model of an older version has seen 16 bits as they are."""
    if "ranges" not in config:
        return (("grey16", 0.0, FULL), ("colour16", 0.0, FULL))
    return tuple((str(kind), float(low), float(high)) for kind, low, high in config["ranges"])


def _head(about: dict[str, Any], width: int, n_classes: int) -> nn.Module:
    """An empty head of the stored shape."""
    if about.pop("kind") == "linear":
        return nn.Linear(width, n_classes)
    return LightHead.from_config(about)
