"""Pictures for a browser: what it shows is what the network sees.

The file itself goes out where every browser shows it just so; else a picture that is made anew.
"""

from __future__ import annotations

import io

from PIL import Image, ImageChops, ImageCms

from fact_core.errors import ImageError
from fact_core.images import decode, pixels
from fact_core.images.decode import Ranges
from fact_core.images.gate import Gate
from fact_core.images.source import content_of
from fact_core.types import Source

#: Formats that browsers know, and the modes of them that they and Pillow understand alike.
SAME = {"JPEG": ("RGB", "L"), "MPO": ("RGB", "L"), "PNG": ("RGB", "L", "P", "1"), "WEBP": ("RGB",)}
TYPES = {"JPEG": "image/jpeg", "MPO": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
#: From this side on a file of less than a megabyte may be twice as long: making it smaller takes 200 times as long.
LARGE_SIDE = 512
#: Pixels up to which a new picture is a PNG: it loses nothing, and is slower to make.
PLAIN = 512 * 512
#: The longest side that a browser is given; JPEG itself ends at 65,535.
LARGEST_SIDE = 32_000
PNG_MARKS = (b"eXIf", b"Raw profile type", b"XML:com.adobe.xmp")  # where a PNG may say how it is turned
#: What a PNG may say of itself without being shown in another way: gamma, and x and y of white, red, green and blue.
GAMMA = 0.45455
SRGB = (0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)
PNG_COLOURS = b"cICP"  # newer words for the same, which Pillow passes over
NEAR = 2  # levels of 255 that a profile may differ from sRGB


def picture(source: Source, side: int = 0, ranges: Ranges = (), gate: Gate | None = None) -> tuple[bytes, str]:
    """(bytes, content type) of an image whose longer side is at most ``side``, or not much more; 0: as it is.

    ImageError in words; ImageChanged when the file is not what was scanned.
    """
    wanted = min(side, LARGEST_SIDE) if side > 0 else LARGEST_SIDE
    try:
        with content_of(source, gate) as content:
            with decode.header(content, gate) as image:
                fits = _fits(max(image.size), len(content), wanted, full=side <= 0)
                if fits and looks_alike(image, content):
                    return content, TYPES[str(image.format)]
            with decode.decoding(content, wanted, ranges=ranges, gate=gate) as made:
                return _encoded(made)
    except OSError as error:
        raise ImageError(f"The file may not be read ({error.strerror or error})") from error


def looks_alike(image: Image.Image, content: bytes) -> bool:
    """Whether every browser shows an opened file as the network sees it: upright, one frame, opaque, plain colours."""
    frames = image.format != "MPO" and getattr(image, "is_animated", False)  # of a MPO all show the first one
    if frames or image.mode not in SAME.get(str(image.format), ()):
        return False
    if "transparency" in image.info or pixels.deep_kind(image):
        return False
    # Pillow loads a whole PNG to look for its EXIF, which few have.
    about = image.format != "PNG" or any(mark in content for mark in PNG_MARKS)
    if image.format == "PNG" and PNG_COLOURS in content:
        return False
    return _plain_colours(image) and (not about or pixels.orientation(image) == 1)


def _plain_colours(image: Image.Image) -> bool:
    """Whether the file asks for no other colours than its numbers: the network knows nothing of profiles."""
    info = image.info
    if profile := info.get("icc_profile"):
        named = b"sRGB" in profile or b"s\0R\0G\0B" in profile
        return b"sRGB IEC61966-2" in profile or (named and _like_srgb(profile))
    gamma, colours = info.get("gamma"), info.get("chromaticity")
    plain = gamma is None or abs(gamma - GAMMA) < 0.005
    return plain and (colours is None or max(abs(a - b) for a, b in zip(colours, SRGB, strict=False)) < 0.005)


def _like_srgb(profile: bytes) -> bool:
    """Whether a profile of colours shows the numbers as sRGB does: one called "linear sRGB" does not."""
    steps = range(0, 256, 51)
    some = bytes(value for r in steps for g in steps for b in steps for value in (r, g, b))
    sample = Image.frombytes("RGB", (36, 6), some)
    try:
        theirs = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        shown = ImageCms.profileToProfile(sample, theirs, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, TypeError, ValueError):
        return False  # a picture that is made anew has none
    return shown is not None and max(ImageChops.difference(shown, sample).tobytes()) <= NEAR


def _fits(longer: int, size: int, wanted: int, full: bool) -> bool:
    if full:
        return longer <= wanted
    near = wanted >= LARGE_SIDE and size < 1_000_000 and longer <= 2 * wanted
    return near or (longer <= wanted and size < 4_000_000)


def _encoded(made: Image.Image) -> tuple[bytes, str]:
    out = io.BytesIO()
    made.info.clear()  # nothing of the old file's profile or orientation
    if made.width * made.height <= PLAIN:
        made.save(out, "PNG")
        return out.getvalue(), "image/png"
    made.save(out, "JPEG", quality=92, subsampling=0)
    return out.getvalue(), "image/jpeg"
