"""Errors that a person can act on.

Every error says what is wrong, what was found, and what to do::

    FactError
    ├── InputError          something the person gave cannot be used
    │   ├── ConfigError     an option has a value outside its limits
    │   └── ImageError      one image file cannot be decoded
    │       └── ImageChanged    its bytes are not those that were scanned
    ├── ProjectError        the project folder cannot be used
    │   ├── ProjectBusy     another process has it open
    │   ├── ProjectGone     its file is not there, or is empty
    │   ├── ProjectChanged  another project's file lies in its place
    │   └── SchemaTooNew    a newer version of the program wrote it
    ├── StorageError        read-only folder, a disk that gives errors
    │   └── DiskFull        the disk is full
    ├── WeightsError        pretrained weights missing, damaged or refused
    ├── DeviceError         no GPU, GPU out of memory
    └── RunError            a run failed or was stopped
"""

from __future__ import annotations

import errno


class FactError(Exception):
    """Base of all errors shown to the person.

    what:  what is wrong, one sentence.
    found: what was found instead (may be empty): a sentence with its full stop, or a bare value. That is told after
        "Found:"; where ``what`` begins with "There is no", it is what was asked for.
    do:    what to do about it (may be empty).
    """

    def __init__(self, what: str, found: str = "", do: str = "") -> None:
        super().__init__(what, found, do)
        self.what, self.found, self.do = what, found, do

    def __str__(self) -> str:
        word = "Asked for" if self.what.startswith("There is no ") else "Found"
        found = self.found if self.found.endswith(".") or not self.found else f"{word}: {self.found}"
        parts = (self.what, found, self.do)
        return " ".join(part if part.endswith((".", "?", "!")) else part + "." for part in parts if part)


class InputError(FactError):
    """Something the person gave cannot be used."""


class ConfigError(InputError):
    """An option has a value that it cannot have."""


class ImageError(InputError):
    """One image file cannot be decoded; ``what`` is the reason in words."""


class ImageChanged(ImageError):
    """The bytes of an image are not those that were scanned."""


class ProjectError(FactError):
    """The project folder cannot be used."""


class ProjectBusy(ProjectError):
    """Another process has the project open."""


class ProjectGone(ProjectError):
    """The project's file is not there any more or not yet (its disk is not connected), or it is empty."""


class ProjectChanged(ProjectError):
    """The project's file is another project's than the one that was asked for."""


class SchemaTooNew(ProjectError):
    """The project was written by a newer version of the program."""


class StorageError(FactError):
    """A folder may not be written, or the disk gives errors."""


class DiskFull(StorageError):
    """The disk is full, or the person's share of it is used up. What was stored before is kept."""


class WeightsError(FactError):
    """Pretrained weights are missing, damaged or refused."""


class DeviceError(FactError):
    """The device cannot be used: no GPU, wrong driver, out of memory."""


class RunError(FactError):
    """A run failed or was stopped."""


def storage_error(error: OSError, doing: str) -> FactError:
    """Turn an OSError into words. ``doing`` reads like "writing the features"."""
    where = str(error.filename) if error.filename else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return disk_full(doing, where)
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return StorageError(f"No permission ({doing})", where, "Choose another folder or change its permissions.")
    return StorageError(f"Input/output error ({doing})", f"{where} {error.strerror or error}".strip())


_FULL = ("no space left on device", "os error 28", "not enough free disk space")


def is_full(error: BaseException) -> bool:
    """Whether an error comes from a full disk. Libraries that write files by themselves say it in their own words."""
    if isinstance(error, DiskFull):
        return True
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return True
    said = str(error).lower()
    return isinstance(error, Exception) and any(words in said for words in _FULL)


def disk_full(doing: str, where: str) -> DiskFull:
    """The error of a full disk. What was being written is not there; everything stored before is."""
    return DiskFull(f"The disk is full ({doing})", where, "Free some space; what is stored is kept, nothing is lost.")
