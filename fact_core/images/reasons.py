"""Why a file is not read, in words: one sentence without a full stop each."""

from __future__ import annotations

import io
import re

from PIL import Image, TiffImagePlugin, UnidentifiedImageError

#: Pictures that are not supported: reported by name, with what to do.
OTHER_PICTURES = {
    **dict.fromkeys((".heic", ".heif", ".hif", ".heics", ".heifs"), "HEIC is not supported; convert it to JPEG"),
    **dict.fromkeys(
        (".avif", ".avifs", ".jxl", ".jp2", ".j2k"), "This format is not supported; convert it to JPEG or PNG"
    ),
    **dict.fromkeys((".svg", ".svgz", ".eps", ".ps", ".ai"), "Drawings are not supported; convert it to PNG"),
    **dict.fromkeys(
        (".cr2", ".cr3", ".nef", ".arw", ".dng", ".orf", ".rw2", ".raf", ".pef"),
        "Raw camera files are not supported; convert it to JPEG",
    ),
    **dict.fromkeys(
        (".psd", ".xcf", ".tga", ".ico", ".ppm", ".pgm", ".pbm", ".pcx", ".dds", ".exr", ".hdr", ".dcm"),
        "This format is not supported; convert it to PNG",
    ),
}

_SIGNATURES = (
    (b"%!PS", "It is PostScript, not a picture of pixels"),
    (b"%PDF", "It is a PDF, not an image"),
    (b"<svg", "It is an SVG drawing; convert it to PNG"),
    (b"<?xml", "It is an XML file, not an image"),
    (b"<!DOCTYPE", "It is a web page, not an image"),
    (b"<html", "It is a web page, not an image"),
    (b"PK\x03\x04", "It is a zip archive, not an image"),
    (b"version https://git-lfs", "It is a Git LFS pointer; fetch the real file"),
)


def too_large(size: str) -> str:
    """More pixels than are read."""
    return f"The picture is too large: {size} pixels; at most 200 million are read"


def reason(error: BaseException, content: bytes) -> str:
    """Why the file of these bytes cannot be decoded."""
    if isinstance(error, FileNotFoundError):
        return "The file is not there any more"
    if isinstance(error, PermissionError):
        return "The file may not be read"
    if isinstance(error, IsADirectoryError):
        return "It is a folder"
    if isinstance(error, MemoryError):
        return "There is not enough memory for this picture"
    if isinstance(error, Image.DecompressionBombError):
        found = re.search(r"\d+", str(error))
        return too_large(found.group() if found else "over 200 million")
    if isinstance(error, UnidentifiedImageError):
        return _what_it_is(content)
    text = " ".join(str(error).split())
    if isinstance(error, EOFError) or re.search(r"truncated|unexpected end|end of file|not enough|EOF", text, re.I):
        return "The file ends too early: it is cut off"
    return f"The file is damaged ({text[:120] or type(error).__name__})"


def _kind_of_tiff(content: bytes) -> str:
    """In words, of a TIFF that is whole, of what kind it is that Pillow does not read; "" where that cannot be told."""
    try:
        tags = TiffImagePlugin.ImageFileDirectory_v2(content[:8])
        file = io.BytesIO(content)
        file.seek(tags.next)
        tags.load(file)
        bits = tags.get(258, (1,))
        white, count = tags.get(262, 1), tags.get(277, 1)
        numbers = all(isinstance(each, int) and 0 < each < 1 << 16 for each in (count, white + 1, *bits))
        if not (numbers and tags.get(256) and tags.get(257) and (tags.get(273) or tags.get(324))):
            return ""
    except Exception:  # whatever a damaged directory makes Pillow raise
        return ""
    named = {0: "grey", 1: "grey", 2: "colour", 3: "palette", 5: "CMYK", 6: "YCbCr", 8: "Lab"}.get(
        white, f"kind {white}"
    )
    sizes = ", ".join(str(each) for each in tuple(bits)[:8])
    return f"TIFFs of this kind are not read ({named}, {count} values a pixel of {sizes} bits); convert it to PNG"


def _what_it_is(content: bytes) -> str:
    """Judged by the first bytes of a file that is no supported image."""
    start = content[:512]
    if start[4:8] == b"ftyp":
        brand = start[8:12]
        if brand in (b"avif", b"avis"):
            return "AVIF is not supported; convert it to JPEG or PNG"
        return "HEIC is not supported; convert it to JPEG" if brand[:2] in (b"he", b"mi", b"ms") else "It is a video"
    for signature, told in _SIGNATURES:
        if start.lstrip().lower().startswith(signature.lower()):
            return told
    if start.startswith(b"/annex/objects/"):
        return "It is a git-annex pointer; run git annex get"
    if len(content) < 512 and re.fullmatch(rb"(\.\./|\./|/)[\x20-\x7e]+\n?", content):
        return "It is the text of a link, not an image: the links were lost when the folder was copied"
    if start.startswith((b"II*\0", b"MM\0*")) and (told := _kind_of_tiff(content)):
        return told
    starts_well = start.startswith((b"\xff\xd8", b"\x89PNG", b"GIF8", b"BM", b"II*", b"MM\x00*", b"RIFF"))
    return "The file is damaged: it cannot be opened" if starts_well else "It is not an image of a known format"
