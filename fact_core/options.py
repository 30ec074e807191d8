"""Making, checking and reading options: what every dataclass of ``config`` is made of."""

from __future__ import annotations

import argparse
import dataclasses
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import field
from decimal import Decimal
from typing import Any

from fact_core.errors import ConfigError

T = typing.TypeVar("T")


def option(
    default: Any,
    title: str,
    help: str,
    *,
    low: float | None = None,
    high: float | None = None,
    choices: Mapping[str, Any] | tuple[str, ...] | None = None,
    expert: bool = False,
    paper: bool | tuple[str, ...] = False,
    beyond: Callable[[str], bool] | None = None,
) -> Any:
    """A dataclass field that carries its title, help and limits.

    expert: under "More options". paper: only to reproduce or compare; the page's Train form leaves it out, or those
    of its choices that are named here. The command line has them all.
    beyond: whether a value that is none of the choices is one all the same; a FactError of its own says why not.
    """
    names = tuple(choices) if choices is not None else None
    meta = {"title": title, "help": help, "low": low, "high": high, "choices": names}
    return field(
        default=default, metadata={**meta, "expert": expert or paper is True, "paper": paper, "beyond": beyond}
    )


def from_flat(cls: type[T], values: Mapping[str, Any]) -> T:
    """Build and check a config from flat values: {"recipe": "fact", "ff.steps": 5}."""
    plain: dict[str, Any] = {}
    nested: dict[str, dict[str, Any]] = {}
    for name, value in values.items():
        group, dot, inner = name.partition(".")
        if dot:
            nested.setdefault(group, {})[inner] = value
        else:
            plain[name] = value
    hints = typing.get_type_hints(cls)
    for group, inner_values in nested.items():
        if group not in hints:
            raise ConfigError(f"There is no option {group}.{next(iter(inner_values))}")
        plain[group] = from_flat(hints[group], inner_values)
    return from_dict(cls, plain)


def from_dict(cls: type[T], values: Mapping[str, Any]) -> T:
    """Build and check a config from nested values, e.g. of stored JSON."""
    hints = typing.get_type_hints(cls)
    known = {f.name for f in dataclasses.fields(cls)}  # type: ignore[arg-type]
    unknown = sorted(set(values) - known)
    if unknown:
        raise ConfigError(f"There is no option {unknown[0]!r}", do=f"Known: {', '.join(sorted(known))}.")
    ready: dict[str, Any] = {}
    for name, value in values.items():
        if dataclasses.is_dataclass(hints[name]) and isinstance(value, Mapping):
            value = from_dict(hints[name], value)
        ready[name] = tuple(value) if isinstance(value, list) else value
    return check(cls(**ready))


def to_dict(config: Any) -> dict[str, Any]:
    """The nested JSON form of a config."""
    return dataclasses.asdict(config)


def options(cls: type[Any], prefix: str = "") -> Iterator[tuple[str, dataclasses.Field[Any]]]:
    """(flat name, field) of every option, groups opened: "recipe", ..., "ff.steps", ..."""
    hints = typing.get_type_hints(cls)
    for each in dataclasses.fields(cls):
        if dataclasses.is_dataclass(hints[each.name]):
            yield from options(hints[each.name], f"{prefix}{each.name}.")
        elif each.metadata:
            yield prefix + each.name, each


def value_of(config: Any, name: str) -> Any:
    """The value under a flat name."""
    for part in name.split("."):
        config = getattr(config, part)
    return config


def check(config: T) -> T:
    """The config itself, or a ConfigError that names the option, its value and its limits."""
    hints = typing.get_type_hints(type(config))
    for each in dataclasses.fields(config):  # type: ignore[arg-type]
        value = getattr(config, each.name)
        if dataclasses.is_dataclass(value):
            check(value)
        elif each.metadata:
            _check_one(each.metadata, value, hints[each.name])
    together = getattr(config, "check_together", None)  # what no single option can say
    if together is not None:
        together()
    return config


def _check_one(meta: Mapping[str, Any], value: Any, kind: Any) -> None:
    title = meta["title"]
    if kind in (int, float):
        whole = isinstance(value, int) and not isinstance(value, bool)
        if not (whole or (kind is float and isinstance(value, float) and value == value)):
            raise ConfigError(f"{title} must be a {'whole ' if kind is int else ''}number", given(value))
        low, high = meta["low"], meta["high"]
        if (low is not None and value < low) or (high is not None and value > high):
            raise ConfigError(f"{title} must be {_limits(low, high)}", given(value))
    elif kind in (str, bool) and not isinstance(value, kind):
        raise ConfigError(f"{title} must be {'a text' if kind is str else 'true or false'}", given(value))
    beyond = meta.get("beyond")
    if meta["choices"] is not None and value not in meta["choices"] and not (beyond and beyond(value)):
        raise ConfigError(f"{title} cannot be {value!r}", do=f"Known: {', '.join(meta['choices'])}.")


def _limits(low: float | None, high: float | None) -> str:
    if low is not None and high is not None:
        return f"between {plain_number(low)} and {plain_number(high)}"
    return f"at least {plain_number(low)}" if low is not None else f"at most {plain_number(high or 0)}"


def given(value: Any) -> str:
    """What the person gave for an option, as a sentence."""
    if value is None or value == "":
        return "You gave nothing."
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return f"You gave {plain_number(value) if number else repr(value)}."


def plain_number(value: float) -> str:
    """A number as people write it: 1,000,000 and 0.00001, not 1e+06 and 1e-05."""
    if not 1e-12 < abs(value) < 1e15:  # too long to be read, or nan, or 0
        return f"{value:g}"
    return f"{Decimal(f'{value:.12g}').normalize():,f}"


def add_arguments(
    parser: argparse._ActionsContainer,
    cls: type[Any],
    names: Iterable[str],
    *,
    preset: Mapping[str, Mapping[str, Any]] | None = None,
) -> None:
    """Add a flag for each of the named options (flat names; "ff.steps" -> --ff-steps): its help, limits and default.

    preset: effort -> the values that it gives. What the person does not give then stays out of the result, so that
    the effort may fill it.
    """
    fields_by_name = dict(options(cls))
    for name in names:
        each = fields_by_name[name]
        meta, kind = each.metadata, str(each.type)
        listed = None if meta["beyond"] else meta["choices"]  # what lies beyond is checked with the whole
        known = f"; known: {', '.join(meta['choices'])}" if meta["beyond"] else ""
        by_preset = {effort: values[name] for effort, values in (preset or {}).items() if name in values}
        parser.add_argument(
            "--" + name.replace(".", "-").replace("_", "-"),
            dest=name,
            type=_reader(meta, kind),
            default=each.default if preset is None else argparse.SUPPRESS,
            choices=listed,
            metavar=None if listed else {"int": "N", "float": "X", "bool": "yes|no"}.get(kind, "TEXT"),
            help=f"{meta['help']} ({_told(meta, each.default, by_preset)}{known})".replace("%", "%%"),
        )


def _told(meta: Mapping[str, Any], default: Any, by_preset: Mapping[str, Any]) -> str:
    """The limits of an option and what it is where nobody sets it: "1 to 4,096; 64, quick: 32"."""
    low, high = meta["low"], meta["high"]
    limits = "" if low is None or high is None else f"{plain_number(low)} to {plain_number(high)}; "
    efforts = [f"{effort}: {_plain(value)}" for effort, value in by_preset.items() if value != default]
    return f"{limits}default {', '.join([_plain(default), *efforts])}"


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (int, float)):
        return plain_number(value)
    return str(value) or "empty"


def _reader(meta: Mapping[str, Any], kind: str) -> Callable[[str], Any]:
    """What reads and checks the value of a flag."""
    types: dict[str, Any] = {"int": int, "float": float}

    def read(text: str) -> Any:
        if kind == "bool":
            return _boolean(text)
        if kind not in types:
            return text
        try:
            value = types[kind](text)
        except ValueError:
            value = text
        try:
            _check_one(meta, value, types[kind])
        except ConfigError as error:
            raise argparse.ArgumentTypeError(f"{error.what}. {error.found}".rstrip(". ")) from None
        return value

    return read


def _boolean(text: str) -> bool:
    """The value of a yes-or-no flag."""
    known = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    if text.lower() not in known:
        raise argparse.ArgumentTypeError(f"{text!r} is neither true nor false")
    return known[text.lower()]
