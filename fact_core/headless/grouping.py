"""``--groups WAY``: which images belong together, as the command line is told."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from fact_core.choices import GROUPINGS, named, resolve
from fact_core.config import ImportConfig
from fact_core.errors import ConfigError, InputError
from fact_core.exchange import label_files
from fact_core.generators import finish
from fact_core.storage import groups, usable
from fact_core.storage.project import Project
from fact_core.types import Pool


def group(found: Project, way: str, pool: Pool, truth: Mapping[int, str], source: str, config: ImportConfig) -> None:
    """Group the project's images so from now on; "" leaves it as it is.

    truth: image -> class. source: "folders", or the file that the labels come from. InputError where the file has no
    column that says so, ConfigError where the groups are no others than the classes.
    """
    if way == groups.COLUMN:
        told = {} if source == "folders" else label_files.read_groups(Path(source), pool, usable.aliases(found), config)
        if not told:
            raise InputError(
                "No column says which images belong together",
                source,
                "Call a column of the label file group, patient, subject, series or video.",
            )
        groups.store(found, way, told)
    if way and not named(GROUPINGS, way, "way to group images").features:
        names = finish(resolve(GROUPINGS[way].target)(groups.facts(found, pool)))
        _check(way, dict(zip(pool.ids.tolist(), names, strict=True)), truth)
    if way:
        groups.choose(found, way)


def _check(way: str, names: Mapping[int, str], truth: Mapping[int, str]) -> None:
    """A group a class: then whole classes would be kept from training."""
    both = {(names.get(item, ""), each) for item, each in truth.items() if names.get(item)}
    if len(both) > 1 and len(both) == len({name for name, _ in both}) == len({each for _, each in both}):
        name, each = min(both)
        raise ConfigError(
            f"The groups are the classes ({GROUPINGS[way].title})",
            f"{len(both)} groups, such as {name!r}: all that is called {each!r}",
            "Choose another way, or --groups none.",
        )
