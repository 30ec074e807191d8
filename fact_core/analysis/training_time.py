"""How long a training will take on this computer, told from what the computer has done before.

The unit is a look: one picture, at the backbone's own size, that the network sees and does not learn from. Computing
the features of the pool tells the seconds of a look; an earlier training tells those of each phase.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from fact_core.choices import RECIPES, backbone_choice
from fact_core.choices.devices import takes_several
from fact_core.config import TrainConfig, from_dict
from fact_core.errors import ConfigError
from fact_core.phase_config import GATE_LABELS, PCA_IMAGES, side_to_answer

#: Looks that take as long as one picture that is learned from: forward, backward, the optimiser, and no folded layers.
#: Measured: EfficientNet-Lite0 on two cores takes 0.0123 s a look, and 0.0498 s a picture of phase 2 at its size.
LEARNED = 4.0
#: The efforts to begin with, the longest first; one that takes longer than this gives way to a shorter one.
PROPOSED = ("standard", "quick")
PATIENCE = 20 * 60
#: Features of fewer images say more of how long it takes to begin than of the speed.
FEW = 32
SHOWN = 0.875  # of the short side of a picture, as most backbones see it
PIXELS = 224  # where the backbone's own side is known to timm alone
#: Looks that take as long as the light model's own part, the attention and the logistic regressions (measured: 20 s).
LIGHT = 1600.0


class Ran(Protocol):
    """What is asked of a row of the queue (``storage.run_queue.Run``)."""

    @property
    def kind(self) -> str: ...
    @property
    def status(self) -> str: ...
    @property
    def device(self) -> str: ...
    @property
    def config(self) -> dict[str, Any]: ...
    @property
    def result(self) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Amount:
    """What there is to learn from: images by their use."""

    labels: int
    classes: int
    pool: int
    checks: int


def expected(config: TrainConfig, amount: Amount, runs: Sequence[Ran], on_cpu: bool) -> dict[str, float]:
    """Phase -> seconds that it will take; empty while nothing is known of the speed.

    runs: those of the project, the newest first; on_cpu: where it will work.
    """
    alike = [
        each
        for each in runs
        if each.status == "done"
        and each.config.get("backbone") == config.backbone
        and each.device.startswith("CPU") == on_cpu
        and takes_several(each.config.get("device", "auto")) == takes_several(config.device)
    ]
    rates = [each.result["images_per_s"] for each in alike if each.kind == "features" and _fast(each.result)]
    earlier: dict[str, float] = {}
    for each in alike:
        if each.kind == "train":
            earlier = {**_speeds(each, amount.pool, on_cpu), **earlier}
    return seconds(looks(config, amount, on_cpu), 1 / rates[0] if rates else None, earlier)


def _fast(result: Mapping[str, Any]) -> bool:
    return bool(result.get("images_per_s")) and result.get("n_new", 0) >= FEW


def _speeds(run: Ran, pool: int, on_cpu: bool) -> dict[str, float]:
    """Phase -> seconds a look of a training that is done; nothing of phases without steps, or of an unknown version."""
    result = run.result
    try:
        config = from_dict(TrainConfig, run.config)
    except ConfigError:
        return {}
    done = {each["phase"]: each for each in result.get("phases") or () if each.get("steps") and each.get("seconds")}
    checks = max((each.get("check_n") or 0 for each in done.values()), default=0)
    amount = Amount(int(result.get("labels") or 0), len(result.get("classes") or ()), pool, checks)
    work = looks(config, amount, on_cpu)
    return {phase: each["seconds"] / work[phase] for phase, each in done.items() if work.get(phase)}


def learned(config: TrainConfig, labels: int, classes: int = 0) -> dict[str, int]:
    """Phase -> how many pictures it learns from, each counted whenever it comes up.

    classes: how many there are, where it is known: with few labels a class phase 2 is not compared on two halves.
    """
    found: dict[str, int] = {}
    for phase in config.phases:
        if phase == "st":
            found[phase] = sum(config.st.by_round(labels, config.ff.batch)) * config.ff.batch
        elif phase not in ("lp", "lm"):
            alone, batch = RECIPES[config.recipe].random_head, min(config.ff.batch, labels)
            epochs = (config.ff.alone_epochs if alone else 0) or config.ff.epochs
            steps = -(-epochs * labels // max(1, batch)) if epochs else config.ff.steps
            halves = config.ff.gate == "choose" and not alone and labels >= GATE_LABELS * classes
            found[phase] = steps * batch * (2 if halves else 1)
    return found


def seen(config: TrainConfig, amount: Amount, small: float = 1.0) -> dict[str, float]:
    """Phase -> how many pictures it looks at without learning from them.

    small: what a picture counts that a student of self-training sees, who may answer at a smaller side.
    """
    measured = amount.labels + amount.checks  # at the end of each phase
    found: dict[str, float] = {}
    behind = 1.0
    for phase in config.phases:
        if phase == "lp":
            found[phase] = amount.labels * (config.lp.epochs if config.lp.mode == "sgd" else 1)
        elif phase == "st":
            named = min(config.st.images, max(0, amount.pool - measured)) + amount.labels
            rounds = len(config.st.by_round(amount.labels, config.ff.batch))
            found[phase] = named + ((rounds - 1) * named + measured) * small
            behind = small
        elif phase == "lm":
            passes = 1 if config.phases == ("lm",) else 2  # what it is to be like is decided before phase 2
            found[phase] = 0 if config.lm.pool else (passes * min(PCA_IMAGES, amount.pool) + measured) * behind
        else:
            found[phase] = measured
    return found


def looks(config: TrainConfig, amount: Amount, on_cpu: bool) -> dict[str, float]:
    """Phase -> its work in looks. The size of phase 2's pictures counts by their area."""
    net = backbone_choice(config.backbone)
    own = (net.cpu_pixels if on_cpu else 0) or net.pixels or PIXELS
    area = (config.ff.pixels / own) ** 2 if config.ff.pixels else 1.0
    small = min(1.0, side_to_answer(config.ff.pixels or own, config.ff.crop_min, SHOWN) / own) ** 2
    found = seen(config, amount, small)
    for phase, count in learned(config, amount.labels, amount.classes).items():
        found[phase] += LEARNED * area * count
    if "lm" in found:
        found["lm"] += LIGHT
    return found


def seconds(work: Mapping[str, float], look: float | None, earlier: Mapping[str, float]) -> dict[str, float]:
    """Phase -> seconds of so many looks; empty where a phase's speed is not known.

    look: seconds of one; earlier: phase -> seconds of one in an earlier training, which is the better witness.
    """
    found: dict[str, float] = {}
    for phase, count in work.items():
        speed = earlier.get(phase, look)
        if speed is None:
            return {}
        found[phase] = count * speed
    return found


def proposed(efforts: Mapping[str, float]) -> str:
    """The effort to begin with, of effort -> seconds; empty while these are not known."""
    if not efforts:
        return ""
    return next((name for name in PROPOSED if efforts.get(name, PATIENCE + 1) <= PATIENCE), PROPOSED[-1])


def in_words(taken: float) -> str:
    """Like "40 s", "12 min", "2 h 5 min": an estimate needs no more."""
    if taken < 90:
        return f"{max(5, 5 * round(taken / 5))} s"
    hours, minutes = divmod(round(taken / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
