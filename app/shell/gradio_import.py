"""A faster import of Gradio: without what it does for editors and for its own site.

Each of its components, when its class is made, reads and parses its own source file and holds the file of type
stubs (``.pyi``) beside it against that, and puts its name into the help of each of its events. This takes more than
half of the import. Where .venv cannot be written it is in vain, and two programs that start at the same time may
read what the other has half written.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import ModuleType

#: A module of Gradio -> its function that nothing of a running page needs.
IDLE = {"gradio.component_meta": "create_or_modify_pyi", "gradio.events": "EventListener.set_doc"}


class _WithoutIdle(SourceFileLoader):
    """Runs a module and puts one that does nothing in the place of its function."""

    def exec_module(self, module: ModuleType) -> None:
        """As Python does it. A release without this function stays as it is."""
        super().exec_module(module)
        owner, _, name = IDLE[module.__name__].rpartition(".")
        holder = getattr(module, owner, None) if owner else module
        if hasattr(holder, name):
            setattr(holder, name, lambda *_, **__: None)


class _Finder(MetaPathFinder):
    """Finds these modules where Python does; all others are left to the next finder."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The module's spec with our loader; None for any other module."""
        found = PathFinder.find_spec(fullname, path, target) if fullname in IDLE else None
        if found and type(found.loader) is SourceFileLoader:
            found.loader = _WithoutIdle(fullname, found.loader.path)
        return found


def import_faster() -> None:
    """From here on an import of Gradio does without these functions. Once a process is enough."""
    if not any(isinstance(each, _Finder) for each in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
