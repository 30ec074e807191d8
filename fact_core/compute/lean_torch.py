"""Torch without its compiler: nothing here is compiled, and loading the compiler is a quarter of a start.

Two habits load it all the same. Torchvision and timm ask about it while they are imported, and the first
optimizer loads it to mark its methods as none of its business. Both are answered here. The compiler is there
as ever for whoever imports it (peft does). ``nn.utils.skip_init`` loads half of it, with sympy: ``bare_linear``
is in its place.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any, TypeVar

import torch

COMPILER = "torch._dynamo"
UTILS = f"{COMPILER}.utils"
#: The code of every method that loads the compiler at its first call (``torch._compile``), by its name.
LOADS = "_disable_dynamo.<locals>.inner"

Kind = TypeVar("Kind", bound=torch.optim.Optimizer)


@contextmanager
def without_compiler() -> Iterator[None]:
    """Within it, ``import timm`` and ``import torchvision`` leave the compiler alone where they only ask about it."""
    if COMPILER in sys.modules:
        yield
        return
    namespace, disable = vars(torch), torch.compiler.disable
    sys.modules[UTILS] = utils = _Utils(UTILS)
    namespace["_dynamo"] = compiler = _Compiler()
    torch.compiler.disable = _as_it_is  # type: ignore[assignment]
    try:
        yield
    finally:
        torch.compiler.disable = disable
        if namespace.get("_dynamo") is compiler:  # whoever imported the real one has put it here
            del namespace["_dynamo"]
        if sys.modules.get(UTILS) is utils:
            del sys.modules[UTILS]


def plain(kind: type[Kind]) -> type[Kind]:
    """An optimizer class that does not load the compiler to say that it is none of its business.

    Where a release of torch is built differently, the class comes back with what could be done. Same steps to the bit.
    """
    for each in vars(torch.optim.Optimizer).values():
        if getattr(getattr(each, "__code__", None), "co_qualname", "") == LOADS:
            method = each.__wrapped__
            method.__dynamo_disable = method
    step = torch.no_grad()(inspect.unwrap(kind.step))
    return type(f"Plain{kind.__name__}", (kind,), {"step": step})


def bare_linear(inputs: int, outputs: int) -> torch.nn.Linear:
    """``nn.Linear`` of float32 on the CPU whose weights are to be given: nothing is drawn for them."""
    layer = torch.nn.Linear(inputs, outputs, device="meta")
    layer.weight = torch.nn.Parameter(torch.empty(outputs, inputs))
    layer.bias = torch.nn.Parameter(torch.empty(outputs))
    return layer


class _Utils(ModuleType):
    """The compiler's ``utils`` as torchvision asks for them. Any other question loads the real ones."""

    @staticmethod
    def is_compile_supported(device_type: str) -> bool:
        from torch._dynamo.utils import is_compile_supported

        return bool(is_compile_supported(device_type))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # what the import system asks of every module
            raise AttributeError(name)
        if sys.modules.get(UTILS) is self:
            del sys.modules[UTILS]
        return getattr(importlib.import_module(UTILS), name)


class _Compiler:
    """The compiler as ``timm.optim`` asks for it: without settings. Any other question loads the real one."""

    def __getattr__(self, name: str) -> Any:
        if name == "config":
            raise AttributeError(name)
        return getattr(importlib.import_module(COMPILER), name)


def _as_it_is(function: Any = None, *_: Any, **__: Any) -> Any:
    """``torch.compiler.disable``, with and without brackets, where there is nothing to keep from compiling."""
    return _as_it_is if function is None else function
