"""Large networks built with few of their blocks: all are alike, and more of the same answer nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import timm

from fact_core.backbones.vil import VisionLstm

#: Beginning of a network's name -> what timm takes for fewer blocks of it.
FEWER: dict[str, dict[str, Any]] = {"vit_": {"depth": 2}, "convnext": {"depths": (1, 1, 2, 1)}}


@contextmanager
def few_blocks() -> Iterator[None]:
    """Within it vision transformers and LSTMs are built with two blocks, ConvNeXts with one or two a stage."""
    make = timm.create_model

    def made(name: str, **given: Any) -> Any:
        return make(name, **given, **next((more for begin, more in FEWER.items() if name.startswith(begin)), {}))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(timm, "create_model", made)
        patch.setitem(VisionLstm.__init__.__kwdefaults__, "depth", 2)
        yield
