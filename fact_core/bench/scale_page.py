"""The tables of SCALE.md: what was measured of large pools, and what follows for 1e8 and 1e9 images, on paper."""

from __future__ import annotations

from collections.abc import Sequence

from fact_core.bench import tables
from fact_core.bench.grids import line, rule
from fact_core.bench.rows import Row

SIZES = (10**6, 10**8, 10**9)
#: D of the default backbone, and of a small and a base vision transformer.
WIDTHS = (1280, 384, 768)
#: Assumed, not measured, in US dollars: a core for an hour, a terabyte for a month, 1,000 reads of a file at s3://.
CORE_HOUR, TB_MONTH, READS = 0.05, 23.0, 0.0004
CORES = (2, 64, 1_000)


def parts_table(rows: Sequence[Row]) -> str:
    """What was measured, part by part."""
    heads = ("what", "images", "seconds", "largest difference", "killed at", "device")
    lines = [line(*heads), rule(len(heads))]
    for row in rows:
        if "apart" in row:
            killed = row.get("killed_at")
            at = f"{killed:,} rows" if killed is not None else ""
            beside = f", load {row['load']:g}" if row.get("load") else ""
            cells = (f"{row['apart']:.1e}", at, row["device"] + beside)
            lines.append(line(row["part"], f"{row['images']:,}", f"{row['seconds']:,.1f}", *cells))
    return "\n".join(lines)


def choice_table(rows: Sequence[Row]) -> str:
    """ActiveFT over shards as it was measured."""
    heads = (
        "images",
        "numbers a row",
        "picks",
        "all rows, MB",
        "rows held, MB",
        "its own memory, MB",
        "of that: a start",
        "seconds",
    )
    lines = [line(*heads), rule(len(heads))]
    for row in (each for each in rows if each["part"].startswith("ActiveFT")):
        numbers = (
            row["images"],
            row["width"],
            row["budget"],
            row["rows_mb"],
            row["held_mb"],
            row["own_mb"],
            row["least_mb"],
        )
        lines.append(line(*(f"{each:,}" for each in numbers), f"{row['seconds']:,.0f}"))
    return "\n".join(lines)


def bytes_table(rows: Sequence[Row]) -> str:
    """Bytes of a pool: rows, names, what a machine holds in memory."""
    names, digest = _one(rows, "ActiveFT")["name_bytes"], _one(rows, "digests")["bytes"]
    heads = (
        "images",
        *(f"rows of {width:,} numbers" for width in WIDTHS),
        "names",
        "marks of what is done",
        "a project's digests",
    )
    lines = [line(*heads), rule(len(heads))]
    for n in SIZES:
        sizes = (*(4 * width * n for width in WIDTHS), names * n, 8 * n, digest * n)
        lines.append(line(f"{n:,}", *map(_bytes, sizes)))
    how = (
        "",
        *(f"4 x {width:,} x images" for width in WIDTHS),
        f"{names:g} x images",
        "8 x images",
        f"{digest:g} x images",
    )
    return "\n".join([*lines, line(*how)])


def hours_table(rows: Sequence[Row]) -> str:
    """Hours of features on cores, at the rate of one core here, and what they cost."""
    rate = core_rate(rows)
    heads = (
        "images",
        *(f"{cores:,} cores, hours" for cores in CORES),
        "core hours",
        "cores, $",
        "reading from s3://, $",
        "rows kept for a month, $",
    )
    lines = [line(*heads), rule(len(heads))]
    for n in SIZES:
        core_hours = n / rate / 3600
        money = (core_hours * CORE_HOUR, n / 1000 * READS, 4 * WIDTHS[0] * n / 1e12 * TB_MONTH)
        hours = (f"{core_hours / cores:,.1f}" for cores in CORES)
        lines.append(line(f"{n:,}", *hours, f"{core_hours:,.0f}", *(f"{each:,.0f}" for each in money)))
    return "\n".join(lines)


def choice_hours_table(rows: Sequence[Row]) -> str:
    """Hours of a choice on two cores, at the rate of products of the largest one that was measured."""
    found = max(tables.rows("selection"), key=lambda row: int(row["n"]) * int(row["k"]))
    rate = found["n"] * found["k"] * found["c"] / found["seconds"]
    heads = ("images", "picks", "hours, 384 numbers", "hours, 1,280 numbers", "memory for the rows held, GB")
    lines = [line(*heads), rule(len(heads))]
    for n, k in ((10**8, 1_000), (10**8, 10_000), (10**9, 10_000)):
        hours = (n * k * width / rate / 3600 for width in (384, 1280))
        held = f"{10 * k * 1280 * 4 * 2 / 1e9:,.1f}"
        lines.append(line(f"{n:,}", f"{k:,}", *(f"{each:,.1f}" for each in hours), held))
    return "\n".join(lines)


def start_images(rows: Sequence[Row]) -> int:
    """Images that one process computes while Ray starts. Other work slows both, and leaves this number as it is."""
    alone, ray = _one(rows, "one process"), _one(rows, "ray")
    return max(0, round(float(ray["seconds"]) * float(alone["images_per_s"]) - float(ray["images"])))


def hours_of_a_million(rows: Sequence[Row]) -> float:
    """Hours in which two cores compute the features of a million images."""
    return 1e6 / core_rate(rows) / 2 / 3600


def core_rate(rows: Sequence[Row]) -> float:
    """Images a second of a core: the program's own way in the bench of speed, where it is measured; else here."""
    speed = {row["section"]: row for row in tables.rows("speed")}
    found = speed.get("features", {})
    if found.get("status") == "measured":
        threads = int(str(found["device"]).rsplit(",", 1)[1].split()[0])
        return float(found["ours"]) / threads
    alone = _one(rows, "one process")
    return float(alone["images_per_s"]) / int(alone["cores"])


def rate_words(rows: Sequence[Row]) -> str:
    """The arithmetic of the hours in words."""
    rate, start = core_rate(rows), start_images(rows)
    lines = [
        f"A core computes {rate:.1f} images/s (`speed.json`, features, divided by its threads).",
        f"Hours = images / ({rate:.1f} x cores x 3,600).",
        f"Ray's start took the time of {start:,} images of one process, so that an hour's work hides it.",
    ]
    return " ".join(lines)


def _one(rows: Sequence[Row], start: str) -> Row:
    return next(row for row in rows if row["part"].startswith(start))


def _bytes(count: float) -> str:
    for name, size in (("PB", 1e15), ("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if count >= size:
            return f"{count / size:,.1f} {name}"
    return f"{count:,.0f} B"
