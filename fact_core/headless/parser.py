"""The parser of the command line: all that is wrong with a call is told at once."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any, NoReturn

from fact_core.errors import ConfigError


class Parser(argparse.ArgumentParser):
    """Complains as everything else here does: one ConfigError, with every value that cannot be, in the order given."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.faults: list[str] = []

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse does. ConfigError once all is read, not at the first fault."""
        self.faults = []
        found, rest = super().parse_known_args(args, namespace)
        if self.faults:
            self.error(_unknown(rest))
        return found, rest

    def _get_value(self, action: argparse.Action, arg_string: str) -> Any:
        try:
            return super()._get_value(action, arg_string)
        except argparse.ArgumentError as error:
            return self._noted(action, error)

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        try:
            if value is not None:  # one that was noted already
                super()._check_value(action, value)
        except argparse.ArgumentError as error:
            if isinstance(action, argparse._SubParsersAction):  # which command is meant has to be known to go on
                raise
            self._noted(action, error)

    def _noted(self, action: argparse.Action, error: argparse.ArgumentError) -> None:
        """None in place of the value: nobody sees it, the call fails."""
        flag = action.option_strings[-1] if action.option_strings else action.metavar
        self.faults.append(f"{flag}: {error.message}")

    def error(self, message: str) -> NoReturn:
        faults = [*self.faults, *([message] if message else [])]
        told = "; ".join(faults)
        raise ConfigError(told[:1].upper() + told[1:] if len(faults) == 1 else told, do=f"See {self.prog} --help.")


def _unknown(rest: Sequence[str]) -> str:
    flags = [each for each in rest if each.startswith("-")]
    return f"unrecognized arguments: {' '.join(flags)}" if flags else ""
