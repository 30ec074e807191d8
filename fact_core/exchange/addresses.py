"""Which paths an address in another tool's file may mean: the part that is the person's, never the tool's own."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit

#: What Label Studio puts in front of the name of an uploaded file. Once: the person's own names may begin so too.
_UPLOADED = re.compile(r"^[0-9a-f]{8}-(?=.)")
_SCHEME = re.compile(r"^[a-zA-Z][a-zA-Z0-9+.\-]+://|^file:")


@dataclass(frozen=True)
class Reading:
    """One path that may be meant. bare: a name whose folder is not known, as of an upload.

    renamed: bare, and the other tool has changed blanks and signs in it.
    """

    path: str
    bare: bool = False
    renamed: bool = False


def readings(given: str) -> tuple[Reading, ...]:
    """The paths that a name or address may mean, the surest first: as it stands, then without what the tool added."""
    text = given.strip()
    if local := _local_file(text):
        return tuple(Reading(path) for path in local)
    if _SCHEME.match(text):
        return _of_url(text)
    if re.match(r"^/?data/upload/", text):
        name = text.partition("?")[0].rpartition("/")[2]
        return _of_upload(name)
    plain = [Reading(text)]
    if "%" in text and (clear := unquote(text)) != text:
        plain.append(Reading(clear))
    if "/" not in text and _UPLOADED.match(text):
        plain += _of_upload(text)
    return tuple(plain)


def is_relative(given: str) -> bool:
    """Whether a name is a path from some folder on: no URL, and not from the root of a disk."""
    text = given.strip()
    return "/data/local-files/?" in text or not (_SCHEME.match(text) or re.match(r"[/\\]|[a-zA-Z]:[/\\]", text))


def _local_file(text: str) -> tuple[str, ...]:
    """The path after ``?d=`` of Label Studio's local files; "+" is a sign of the name, else a blank."""
    _, mark, query = text.partition("/data/local-files/?")
    if not mark:
        return ()
    raw = next((part[2:] for part in query.split("&") if part.startswith("d=")), "")
    return tuple(dict.fromkeys((unquote(raw), *parse_qs(query).get("d", []), raw)))


def _of_url(text: str) -> tuple[Reading, ...]:
    """The path of a URL; host, bucket and query are the other side's."""
    try:
        parts = urlsplit(text)
    except ValueError:  # e.g. half a bracket where a host should be
        return (Reading(text),)
    path = parts.path
    if parts.query and not path.strip("/"):
        return (Reading(text),)
    if path.startswith("/data/upload/"):
        return _of_upload(path.rpartition("/")[2])
    found: tuple[str, ...] = (unquote(path).lstrip("/"), path.lstrip("/"))  # in a URL a % is a sign of its own
    if parts.scheme in ("s3", "gs", "azure-blob", "hdfs") and "#" in text:  # signs of a key, not of a URL
        found = (text.partition("://")[2].partition("/")[2], *found)
    return tuple(Reading(each) for each in dict.fromkeys(found) if each)


def _of_upload(name: str) -> tuple[Reading, ...]:
    clear = unquote(name)
    found = [Reading(name, bare=True), Reading(clear, bare=True)]
    for each in dict.fromkeys((name, clear)):
        if _UPLOADED.match(each):
            bare = _UPLOADED.sub("", each)
            found += [Reading(bare, bare=True), Reading(bare, bare=True, renamed=True)]
    return tuple(dict.fromkeys(found))


def upload_name(name: str) -> str:
    """What becomes of a file's name when it is uploaded to Label Studio (Django's ``get_valid_filename``)."""
    return re.sub(r"(?u)[^-\w.]", "", name.strip().replace(" ", "_"))
