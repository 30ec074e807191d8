"""What timm knows of its networks: the list of those with weights, and what one of them is.

A page asks it in a process of its own: ``python -m fact_core.backbones.timm_library catalogue``, or ``describe NAME``.
The last line on stdout is JSON, {"told": ...} or {"error": {what, found, do}, "kind"}.
"""

from __future__ import annotations

import dataclasses
import difflib
import json
import sys
import warnings
from typing import Any

import timm
import torch
from timm.models import get_pretrained_cfg, is_model, list_pretrained
from timm.optim import param_groups_layer_decay
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from fact_core.backbones import adapters, partial_tuning
from fact_core.backbones.network import Backbone, Tokens
from fact_core.choices import BackboneChoice, Source
from fact_core.choices.any_timm import checked_name, keep
from fact_core.compute.image_batches import Preprocess
from fact_core.errors import ConfigError, FactError, WeightsError

#: Ways to build a network, the best first: for pictures of any side, of a side that is told once, of its own side.
SIDES = (("img_size", "dynamic_img_size"), ("img_size",), ())
MOST_PIXELS = 384  # of a side; networks for larger pictures see USUAL ones, where they can: they take minutes otherwise
USUAL_PIXELS = 224
LICENCES = {
    "apache-2.0": "Apache-2.0",
    "mit": "MIT",
    "bsd-3-clause": "BSD-3-Clause",
    "cc-by-4.0": "CC-BY-4.0",
    "cc-by-nc-4.0": "CC-BY-NC-4.0",
}
#: Those that let everybody use the weights for anything.
OPEN = ("Apache-2.0", "MIT", "BSD-3-Clause", "CC-BY-4.0")
ANOTHER = "Choose another network: most of timm's can be used."


def catalogue() -> list[dict[str, Any]]:
    """All networks of timm that have weights on the model hub: name, licence, and the side of their pictures."""
    found = []
    for name in list_pretrained():
        config = get_pretrained_cfg(name)
        if config is not None and config.hf_hub_id:
            found.append({"name": name, "licence": licence(config), "pixels": int(config.input_size[-1])})
    return found


def describe(name: str) -> BackboneChoice:
    """What ``timm:NAME`` is, noted for all later: it is built without memory, and looks at pictures of several shapes.

    ConfigError when timm has no such weights; WeightsError when the program cannot work with the network.
    """
    wanted = checked_name(name)
    config = _config(wanted)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        choice = _described(wanted, config)
    keep(name, dataclasses.asdict(choice))
    return choice


def licence(config: Any) -> str:
    """The licence of the weights as timm states it."""
    told = str(config.license or "")
    return LICENCES.get(told, told) if told and told != "unknown" else "not stated"


def _config(name: str) -> Any:
    """timm's config of a network with its weights."""
    known = list_pretrained()
    if name not in known:
        if "." not in name and is_model(name):
            tags = [each for each in known if each.partition(".")[0] == name]
            do = f"Say which: {', '.join(tags[:12])}." if tags else ANOTHER
            what = f"timm has several weights of {name}" if tags else f"timm has no weights of {name}"
            raise ConfigError(what, "" if tags else "An untrained network sees nothing.", do)
        near = difflib.get_close_matches(name, known, 5, 0.6)
        raise ConfigError(
            f"There is no network called {name!r} with weights in timm {timm.__version__}",
            do=f"Near to it: {', '.join(near)}." if near else "",
        )
    config: Any = get_pretrained_cfg(name)
    if not config.hf_hub_id:
        raise WeightsError(
            f"{name} cannot be used", "Its weights are not on the model hub, the one place that is asked.", ANOTHER
        )
    if int(config.input_size[0]) != 3:
        raise WeightsError(f"{name} cannot be used", f"It sees {config.input_size[0]} channels, not 3.", ANOTHER)
    return config


def _described(name: str, config: Any) -> BackboneChoice:
    network, takes = _built(name, config)
    reduction, own = _reduction(name, network), int(config.input_size[-1])
    side = max(2, round(own / reduction)) * reduction
    backbone = Backbone(name, network, Preprocess(side), "")
    one_side = not all(_sees(backbone, side + more * reduction, side + more * reduction) for more in (1, 2))
    if own > MOST_PIXELS and not one_side:
        side = max(2, round(USUAL_PIXELS / reduction)) * reduction
    megaflops = _looked(backbone, side)
    _learns(backbone)
    parameters = sum(each.numel() for each in network.parameters())
    classifier = backbone.dim * int(config.num_classes or 0)
    terms = licence(config)
    return BackboneChoice(
        title=name,
        help=f"One of timm's networks: {config.architecture}{', ' + config.tag if config.tag else ''}. "
        + ("It sees pictures of one size only." if one_side else "Nobody has measured it here."),
        timm_name=name,
        parameters=parameters,
        licence=terms,
        dim=backbone.dim,
        sources=(
            Source("hub", str(config.hf_hub_id), config.hf_hub_filename or "", bytes=4 * (parameters + classifier)),
        ),
        patch=reduction,
        pixels=side,
        megaflops=megaflops,
        prompts=adapters.supports(backbone),
        any_shape=not one_side and all(_sees(backbone, side, side + more * reduction) for more in (1, 2)),
        conditions="" if terms in OPEN else _conditions(terms, str(config.hf_hub_id)),
        takes=takes,
        one_side=one_side,
        layer_norms=bool(partial_tuning.norms(network)),
    )


def _conditions(terms: str, hub: str) -> str:
    if terms == "not stated":
        return f"timm states no licence of these weights. Look at {hub} on the model hub before you use them."
    return (
        f"The licence of these weights ({terms}) has terms of its own: read them on the model hub, at {hub}, before "
        "you use or pass on what you train."
    )


def _built(name: str, config: Any) -> tuple[nn.Module, tuple[str, ...]]:
    """(the headless network without memory, the options that it took)."""
    reason = ""
    for sides in SIDES if config.fixed_input_size else SIDES[-1:]:
        for more in (("drop_path_rate",), ()):
            values = {"img_size": int(config.input_size[-1]), "dynamic_img_size": True, "drop_path_rate": 0.0}
            takes = (*sides, *more)
            try:
                with torch.device("meta"):
                    network: nn.Module = timm.create_model(
                        name, num_classes=0, **{each: values[each] for each in takes}
                    )
                return network.eval(), takes
            except Exception as error:  # each family refuses options in its own way
                reason = f"{type(error).__name__}: {error}"
    raise WeightsError(f"{name} cannot be built", reason[:300], ANOTHER)


def _reduction(name: str, network: Any) -> int:
    """Pixels from one token to the next."""
    try:
        reduction = network.feature_info[-1]["reduction"]
        int(network.head_hidden_size), int(network.num_features)
    except (AttributeError, KeyError, IndexError, TypeError) as error:
        raise WeightsError(f"{name} cannot be used", "timm does not say how its features lie.", ANOTHER) from error
    return int(reduction)


def _sees(backbone: Backbone, h: int, w: int) -> bool:
    """Whether it answers for pictures of that shape, and by a token for each patch: some stretch odd maps to even."""
    short = min(h, w) // backbone.reduction
    try:
        with torch.no_grad():
            out = backbone(torch.empty(1, 3, h, w, device="meta"))
    except Exception:  # each family refuses in its own way
        return False
    return _shaped(out, ((1, backbone.dim), (1, short, short, backbone.token_dim)))


def _looked(backbone: Backbone, side: int) -> int:
    """Millions of multiply-adds for one picture. WeightsError when the answers are not one token for each patch."""
    try:
        with FlopCounterMode(display=False) as counted:
            out = backbone(torch.empty(2, 3, side, side, device="meta"))
    except Exception as error:  # tokens that are no grid fail in many ways
        raise WeightsError(
            f"{backbone.name} cannot be used",
            f"Its last layer does not give one token for each patch ({type(error).__name__}).",
            ANOTHER,
        ) from error
    wanted = ((2, backbone.dim), (2, *backbone.grid(side), backbone.token_dim))
    if not _shaped(out, wanted):
        found = [tuple(each.shape) if isinstance(each, Tensor) else type(each).__name__ for each in out]
        raise WeightsError(
            f"{backbone.name} cannot be used",
            f"It answers {found[0]} and {found[1]} for two pictures, where {wanted[0]} and {wanted[1]} are needed.",
            ANOTHER,
        )
    flops = float(counted.get_total_flops())
    return round(flops / 2e6 / 2)  # a multiply-add counts once, and there were two pictures


def _shaped(out: Tokens, wanted: tuple[tuple[int, ...], ...]) -> bool:
    return all(isinstance(each, Tensor) and tuple(each.shape) == shape for each, shape in zip(out, wanted, strict=True))


def _learns(backbone: Backbone) -> None:
    """WeightsError when finetuning would not find the network's layers."""
    try:
        groups = param_groups_layer_decay(backbone.network)
        fine = bool(backbone.lora_targets()) and sum(len(group["params"]) for group in groups) > 0
    except Exception as error:  # whatever timm lacks of this family
        raise WeightsError(
            f"{backbone.name} cannot be used", "timm does not say how its layers follow.", ANOTHER
        ) from (error)
    if not fine:
        raise WeightsError(f"{backbone.name} cannot be used", "There is no layer in it that could learn.", ANOTHER)


def main(argv: list[str] | None = None) -> int:
    """Answer one question."""
    what, *words = sys.argv[1:] if argv is None else argv
    try:
        told: Any = catalogue() if what == "catalogue" else dataclasses.asdict(describe(words[0]))
        answer: dict[str, Any] = {"told": told}
    except FactError as error:
        problem = {"what": error.what, "found": error.found, "do": error.do}
        answer = {"error": problem, "kind": type(error).__name__}
    print(json.dumps(answer))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
