"""Where the work may be done. Which GPUs there are is known to torch alone."""

from __future__ import annotations

import re

from fact_core.errors import ConfigError

#: One device each.
DEVICES = ("auto", "cpu", "cuda", *(f"cuda:{number}" for number in range(8)), "mps")
#: Every GPU of this machine.
ALL_GPUS = "all"
#: What takes whatever there is.
FREE = ("auto", ALL_GPUS)
MOST = 64


def takes_several(name: str) -> bool:
    """Whether a run on this device may use more than one."""
    return name == ALL_GPUS or "," in name


def is_several(name: object) -> bool:
    """Whether these are several devices: "cuda:0,cuda:1", or "cpu,cpu", so many processes. ConfigError says why not."""
    if not isinstance(name, str) or "," not in name:
        return False
    names = name.split(",")
    gpus = all(re.fullmatch(r"cuda:\d{1,2}", each) for each in names) and len(set(names)) == len(names)
    if not (gpus or all(each == "cpu" for each in names)) or len(names) > MOST:
        do = "Name GPUs by their numbers, each once: cuda:0,cuda:1. Or the CPU several times: cpu,cpu."
        raise ConfigError("These devices cannot work together", repr(name)[:200], do)
    return True
