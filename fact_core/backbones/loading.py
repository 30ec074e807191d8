"""Building networks with timm and filling them with weights."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import timm
import torch
from timm.data.config import resolve_data_config
from timm.layers.pos_embed import resample_abs_pos_embed
from torch import Tensor, nn

from fact_core.backbones import convert
from fact_core.backbones.download import download, save
from fact_core.backbones.network import Backbone
from fact_core.backbones.renaming import beyond, fits, renamed, unwrapped
from fact_core.backbones.vil import resized
from fact_core.choices import VIEWS, backbone_choice, named, resolve
from fact_core.compute.image_batches import Preprocess
from fact_core.errors import FactError, WeightsError
from fact_core.pretrained.weights import Located, locate, status, verify
from fact_core.types import Step


@dataclass(frozen=True)
class Identity:
    """What the features of a backbone depend on, told without building it. key: names the weights."""

    name: str
    key: str
    preprocess: Preprocess


def identify(name: str, weights: Path | str | None = None, pixels: int = 0, view: str = "crop") -> Identity:
    """What ``load`` with the same arguments would answer for: no network is built, and nothing is downloaded.

    WeightsError in words when the weights are not here, or damaged.
    """
    found = locate(name, Path(weights) if weights else None)
    return Identity(name, _key(name, verify(found)), preprocessing(name, pixels, view))


def load(
    name: str,
    weights: Path | str | None = None,
    pixels: int = 0,
    random: bool = False,
    *,
    view: str = "crop",
    drop_path: float = 0.0,
    seed: int = 0,
) -> Backbone:
    """The backbone of that name with its preprocessing, in eval mode on the CPU.

    weights: a safetensors (or weights-only .pth) file of one's own; pixels: input side, 0
    for the backbone's own; random: seeded random weights (tests, speed); view: what it sees of a
    picture; drop_path: rate of dropped residual branches in training. Weights that are not here are downloaded.
    WeightsError in words when there are none, or damaged ones.
    """
    if random:
        network = _seeded(name, pixels, drop_path, seed)
        return _wrap(name, network, preprocessing(name, pixels, view), f"random-{seed}")
    given = Path(weights) if weights else None
    if given is None and not status(name).ready:
        for _ in fetch(name):
            pass
    found = locate(name, given)
    sha = verify(found)
    network = create(name, pixels, drop_path=drop_path)
    _fill(network, read_tensors(found, network), found.path)
    return _wrap(name, network, preprocessing(name, pixels, view), _key(name, sha))


def bare(name: str, pixels: int = 0, *, drop_path: float = 0.0, key: str = "") -> Backbone:
    """The backbone without pretrained weights, to be filled from a saved model."""
    return _wrap(name, create(name, pixels, drop_path=drop_path), preprocessing(name, pixels), key)


def fetch(name: str) -> Step[Located]:
    """Make sure that the weights lie on this machine: download, check, convert. WeightsError in words."""
    if not status(name).ready:
        network = create(name)
        yield from download(name, lambda found: read_tensors(found, network))
    found = locate(name)
    verify(found, anew=True)
    return found


def adopt(name: str, file: Path) -> Located:
    """Make a person's file (safetensors, or a .pth of nothing but tensors) the weights of a backbone from now on.

    Checked against the network and copied into the cache with a note of its origin: every later
    ``load`` takes it, and its key names the features, so that nothing is mixed up. WeightsError in
    words when the file does not fit; then nothing changes.
    """
    backbone_choice(name)
    found = locate(name, Path(os.path.expanduser(file)))
    origin = {"file": found.path.name, "file_sha256": verify(found, anew=True)}
    network = create(name)
    tensors = read_tensors(found, network)
    _fill(network, tensors, found.path)
    wanted = network.state_dict()
    plain = {key: tensor.to(wanted[key].dtype).clone() for key, tensor in tensors.items()}
    save(name, plain, "a file of one's own", origin)
    return locate(name)


def pixels_for(name: str, device: torch.device | str) -> int:
    """The input side for a backbone on that device: some see smaller pictures where there is no GPU."""
    choice = backbone_choice(name)
    on_cpu = torch.device(device).type == "cpu"
    return (choice.cpu_pixels if on_cpu else 0) or choice.pixels


def preprocessing(name: str, pixels: int = 0, view: str = "crop") -> Preprocess:
    """What the backbone wants to see, by its own config: the network need not be there. pixels: another side.

    ConfigError when there is no such view.
    """
    named(VIEWS, view, "view")
    choice = backbone_choice(name)
    told = resolve(choice.sees) if choice.sees else timm.get_pretrained_cfg(choice.timm_name).to_dict()
    config = resolve_data_config(pretrained_cfg=told)
    return Preprocess(
        pixels=pixels or choice.pixels or int(config["input_size"][-1]),
        crop_pct=float(config["crop_pct"]),
        interpolation=str(config["interpolation"]),
        mean=tuple(config["mean"]),
        std=tuple(config["std"]),
        view=view,
        step=1 if view == "crop" else choice.patch,
    )


def create(name: str, pixels: int = 0, *, dynamic: bool = True, drop_path: float = 0.0) -> nn.Module:
    """The headless network in eval mode, untrained. dynamic: other sides than ``pixels`` are allowed too."""
    choice = backbone_choice(name)
    if choice.build:
        built: nn.Module = resolve(choice.build)(pixels or choice.pixels, dynamic, drop_path)
        return built.eval()
    extra: dict[str, Any] = {}
    if choice.takes is not None:
        values = {"img_size": pixels or choice.pixels, "dynamic_img_size": dynamic, "drop_path_rate": drop_path}
        extra = {each: values[each] for each in choice.takes}
        other: nn.Module = timm.create_model(choice.timm_name, num_classes=0, **extra)
        return other.eval()
    config = timm.get_pretrained_cfg(choice.timm_name)
    if config is not None and config.fixed_input_size:
        # Positions are laid out for this side once, so that nothing is interpolated later.
        extra = {"img_size": pixels or choice.pixels, "dynamic_img_size": dynamic}
    network: nn.Module = timm.create_model(choice.timm_name, num_classes=0, drop_path_rate=drop_path, **extra)
    return network.eval()


def _key(name: str, sha256: str) -> str:
    """The name of a backbone's weights in what is made with them."""
    return hashlib.sha256(f"{name} {sha256}".encode()).hexdigest()[:16]


def read_tensors(found: Located, network: nn.Module) -> dict[str, Tensor]:
    """The file's tensors under the network's names, float32; a classifier is left out. WeightsError otherwise.

    Only safetensors, or what torch reads with ``weights_only``: no file can run code.
    """
    wanted: dict[str, Tensor] = network.state_dict()
    try:
        tensors = (
            getattr(convert, found.convert)(found.path, wanted) if found.convert else convert.read_file(found.path)
        )
    except FactError:
        raise
    except ImportError:
        raise
    except Exception as error:  # damaged and hostile files make the readers raise anything
        raise convert.unreadable(found.path, error) from error
    plain, over = unwrapped(tensors, wanted), beyond(tensors, network)
    if fits(plain, wanted) and not over:
        return plain
    other = renamed(tensors, network)
    if not other and fits(plain, wanted):
        raise WeightsError(
            "The weights file does not fit this backbone",
            f"{found.path} holds {len(over)} tensors that it has no place for, for example {over[0]}",
            "Choose the backbone that the file was made for.",
        )
    return other or plain


def _fill(network: nn.Module, tensors: dict[str, Tensor], path: Path) -> None:
    """Load all tensors; positions laid out for another side are interpolated. WeightsError when something is off."""
    wanted = network.state_dict()
    # Counters of batch norm are not weights; some files leave them out.
    missing = [name for name in wanted if name not in tensors and not name.endswith("num_batches_tracked")]
    if missing:
        raise WeightsError(
            "The weights file does not fit this backbone",
            f"{path} lacks {len(missing)} of {len(wanted)} tensors, for example {missing[0]}",
            "Choose the backbone that the file was made for.",
        )
    ready: dict[str, Tensor] = {}
    for name, target in wanted.items():
        tensor = tensors.get(name, target)
        if tensor.layout != torch.strided or tensor.device.type != "cpu" or tensor.is_quantized or tensor.is_complex():
            raise WeightsError("The weights file does not fit this backbone", f"{path}: {name} is no plain tensor")
        tensor = tensor.to(target.dtype)
        if name.startswith("pos_embed") and tensor.ndim == target.ndim and tensor.shape != target.shape:
            tensor = _resample(network, tensor)
        if tensor.shape != target.shape:
            raise WeightsError(
                "The weights file does not fit this backbone",
                f"{path}: {name} is {tuple(tensor.shape)}, expected {tuple(target.shape)}",
            )
        if not bool(torch.isfinite(tensor).all()):
            raise WeightsError("The weights file is damaged", f"{path}: {name} has values that are not numbers")
        ready[name] = tensor
    network.load_state_dict(ready)


def _resample(network: Any, positions: Tensor) -> Tensor:
    size = list(network.patch_embed.grid_size)
    prefix = 0 if network.no_embed_class else network.num_prefix_tokens
    try:
        if positions.ndim == 4:  # laid out as a grid already
            return resized(positions, *size)
        resampled: Tensor = resample_abs_pos_embed(positions, new_size=size, num_prefix_tokens=prefix)
        return resampled
    except RuntimeError:  # no square of places: the shape of what comes back says so
        return positions


def _seeded(name: str, pixels: int, drop_path: float, seed: int) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return create(name, pixels, drop_path=drop_path)


def _wrap(name: str, network: nn.Module, pre: Preprocess, key: str) -> Backbone:
    choice = backbone_choice(name)
    if choice.one_side and pre.pixels != choice.pixels:
        raise WeightsError(f"{name} cannot see pictures of {pre.pixels} pixels", do=f"Use {choice.pixels}.")
    backbone = Backbone(name, network, pre, key, choice.one_side)
    if pre.pixels != backbone.fit_pixels(pre.pixels):
        raise WeightsError(
            f"{name} cannot see pictures of {pre.pixels} pixels", do=f"Use {backbone.fit_pixels(pre.pixels)}."
        )
    return backbone.eval()
