"""The text of a file, whatever program wrote it."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

import charset_normalizer

from fact_core.errors import InputError

LOOKED_AT = 1 << 18  # bytes that a guess is made from
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
#: What Excel writes in Western Europe and the Americas, and what it writes elsewhere.
_USUAL = "cp1252"
ENCODINGS = (
    _USUAL, "cp1250", "cp1251", "cp1253", "cp1254", "cp932", "gb18030", "big5", "cp949", "utf-8", "utf-16",
    "cp1255", "cp1256", "cp1257", "cp1258", "cp874", "koi8_r", "euc_jp", "mac_roman", "cp850",
)  # fmt: skip
#: Encodings of the same bytes in Central Europe and Turkey: a letter that all have in common is sure.
_NEIGHBOURS = (_USUAL, "cp1250", "cp1254")
_NO_FILES = (
    "idna",
    "punycode",
    "unicode-escape",
    "raw-unicode-escape",
    "unicode_escape",
    "raw_unicode_escape",
    "undefined",
)
_HELP = "Save the file as UTF-8, or say its encoding."


@dataclass(frozen=True)
class Text:
    """A text, the encoding that it was read in, and whether that is sure."""

    text: str
    encoding: str
    sure: bool = True


def text_of(content: bytes, encoding: str = "") -> Text:
    """The text of a file. encoding: the person's word for it.

    A mark at the start decides, then whether it is UTF-8, then zeros (UTF-16 without a mark), then its letters: a
    few strange ones among others, which neighbouring encodings share; for the rest charset-normalizer gives a guess
    that the person confirms.
    InputError, which names the row, where nothing fits.
    """
    if encoding:
        return Text(_decoded(content, _known(encoding)), encoding)
    for mark, name in _MARKS:
        if content.startswith(mark):
            return Text(_decoded(content, name), name.removesuffix("-sig"))
    if zeros := _utf16(content[:LOOKED_AT]):
        return Text(_decoded(content, zeros), zeros)
    try:
        text = content.decode("utf-8")
        if 10 * text.count("\0") > len(text):  # zeros alone are UTF-8, too
            raise InputError(f"Row {_row(content, content.index(0))} is no text", do=_HELP)
        return Text(text, "utf-8")
    except UnicodeDecodeError as error:
        guess = _guess(content, error.start)
        if guess is None:
            raise InputError(f"Row {_row(content, error.start)} is not UTF-8", do=_HELP) from None
        return Text(_decoded(content, guess[0]), *guess)


def _known(encoding: str) -> str:
    """The name of an encoding of files. InputError where it is none; some of Python's own are for other things."""
    try:
        found = codecs.lookup(encoding).name if encoding.isascii() else ""
    except (LookupError, ValueError):
        found = ""
    if not found or found in _NO_FILES:
        raise InputError("There is no such encoding", ascii(encoding)[:80], f"Such as {', '.join(ENCODINGS[:4])}.")
    return found


def _utf16(head: bytes) -> str:
    """UTF-16 without a mark: every second byte of plain letters is zero."""
    pairs = len(head) // 2
    if pairs < 4:
        return ""
    for name, zeros in (("utf-16-le", head[1::2]), ("utf-16-be", head[0::2])):
        if zeros.count(0) > 0.4 * pairs and head.count(0) < 1.1 * zeros.count(0):
            return name
    return ""


def _guess(content: bytes, first: int) -> tuple[str, bool] | None:
    """(the likeliest encoding of the rows around the first letter that is not ASCII, whether that is sure)."""
    start = max(0, first - LOOKED_AT // 2)
    some = content[start : start + LOOKED_AT]
    if any(byte < 32 and byte not in (9, 10, 11, 12, 13) for byte in set(some)):
        return None  # no text at all
    few = _few_strange(some)
    if few and len({_or_none(some, name) for name in _NEIGHBOURS}) == 1:
        return _USUAL, True
    likely = [each.encoding for each in charset_normalizer.from_bytes(some, threshold=0.3)]
    names = (_USUAL, *likely) if few else (*likely, *ENCODINGS[1:4])
    return next(((name, False) for name in names if name in ENCODINGS and _fits(content, name)), None)


def _few_strange(some: bytes) -> bool:
    """Whether few letters of the words with a strange one are strange, as in the West, and all are letters there."""
    strange = bytes(byte for byte in some if byte > 127)
    words = b"".join(re.findall(rb"[A-Za-z\x80-\xff]*[\x80-\xff][A-Za-z\x80-\xff]*", some))
    text = _or_none(strange, _USUAL) or "?"
    if re.search(rb"[A-Za-z][\x80\x84\x8a\x8e\x91\x93-\x97\x9a\x9e][A-Za-z]", some):
        return False  # no sign stands within a word; an Excel for the Mac or for MS-DOS writes ä, ö and ñ so
    return all(each.isalpha() or each in "’‘“”„–—€" for each in text) and 2 * len(strange) <= len(words)


def _or_none(some: bytes, encoding: str) -> str | None:
    """The strange letters in an encoding, None where one of them is none there."""
    try:
        return bytes(byte for byte in some if byte > 127).decode(encoding)
    except UnicodeDecodeError:
        return None


def _fits(content: bytes, encoding: str) -> bool:
    try:
        content.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _decoded(content: bytes, encoding: str) -> str:
    try:
        text = content.decode(encoding)
    except LookupError:  # a codec that makes no text, such as zlib
        raise InputError("There is no such encoding", repr(encoding)[:80], f"Such as {ENCODINGS[0]}.") from None
    except (UnicodeDecodeError, ValueError) as error:
        at = error.start if isinstance(error, UnicodeDecodeError) else 0
        raise InputError(f"Row {_row(content, at)} is not {encoding.upper()}", do=_HELP) from None
    return text.removeprefix("\ufeff")


def _row(content: bytes, at: int) -> int:
    return content.count(b"\n", 0, at) + 1
