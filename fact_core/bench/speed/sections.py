"""The parts that are measured, and what each of them should reach.

To add one, write a function of a ``bench.gpu.given.Bench`` that returns ``measured.Found``, and a line here.
"""

from __future__ import annotations

from dataclasses import dataclass

HERE = "fact_core.bench.speed"


@dataclass(frozen=True)
class Section:
    """target: module:function; args: what it is given beside the bench.

    ratio: times as quick as the plain way it should be; seconds: how long it may take. 0: no goal was set.
    """

    title: str
    target: str
    args: tuple[str, ...] = ()
    ratio: float = 0.0
    seconds: float = 0.0


SECTIONS: dict[str, Section] = {
    "features": Section("Features, EfficientNet-Lite0, from files", f"{HERE}.networks:features", ("lite",), 3.5),
    "features-vit": Section("Features, ViT-S/16, from files", f"{HERE}.networks:features", ("vit",), 2.0),
    "crops": Section("Crops of decoded pictures", f"{HERE}.networks:crops"),
    "phase-1": Section("Phase 1: logistic regression", f"{HERE}.solvers:phase_1"),
    "phase-2": Section("Phase 2: a training step, Lite0 at 96 px", f"{HERE}.networks:phase_2", ratio=1.3),
    "phase-3": Section("Phase 3: a step of attention pooling", f"{HERE}.solvers:phase_3"),
    "naming": Section("Self-training's naming, and predictions, from files", f"{HERE}.networks:naming"),
    "phase-1-answers": Section("Phase 1's answers to 100,000 images", f"{HERE}.solvers:answers", seconds=1.0),
    "activeft": Section("ActiveFT, 250 of 50,000 images", f"{HERE}.solvers:activeft", ratio=40.0),
    "map": Section("The map of 50,000 images", f"{HERE}.solvers:umap"),
    "way": Section("fact, effort quick, 50 labels of 1,000 images", f"{HERE}.way:walked", seconds=120.0),
    "start": Section("The program's second start, to its first page", f"{HERE}.way:start", seconds=6.0),
}
