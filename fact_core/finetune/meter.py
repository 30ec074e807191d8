"""What the loop tells of itself: points for the live charts."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable

from fact_core.events import Point
from fact_core.finetune.loop_state import LoopPlan

POINTS = 200  # at most this many a phase
CHECKS = 10  # measurements on the check images a phase


class Meter:
    """Means since the last point, speed, and when the next point and the next check are due."""

    def __init__(self, plan: LoopPlan, batch: int, n: int, first: int, each_epoch: bool) -> None:
        self.plan, self.batch, self.n, self.first = plan, batch, n, first
        self.every = math.ceil(plan.steps / POINTS)
        self.check_every = math.ceil(plan.steps / CHECKS)
        if each_epoch:  # as the published numbers were chosen
            self.check_every = min(self.check_every, max(1, n // batch))
        self.began = time.monotonic()
        self.losses: list[float] = []
        self.accuracies: list[float] = []
        self.checked: tuple[float, float] | None = None

    def add(self, steps: Iterable[tuple[float, float]]) -> None:
        """Loss and accuracy of some steps."""
        for loss, accuracy in steps:
            self.losses.append(loss)
            self.accuracies.append(accuracy)

    def seconds(self) -> float:
        """Since it was made."""
        return time.monotonic() - self.began

    def check_due(self, step: int) -> bool:
        """Whether the check images are to be asked after this step."""
        return step % self.check_every == 0 or step == self.plan.steps

    def due(self, step: int) -> bool:
        """Whether a point is to be told after this step."""
        return step % self.every == 0 or step == self.plan.steps or self.checked is not None

    def point(self, step: int) -> Point:
        """The means since the last one."""
        steps, took = step - self.first, max(self.seconds(), 1e-9)
        check_loss, check_accuracy = self.checked or (None, None)
        point = Point(
            self.plan.phase,
            step,
            self.plan.steps,
            step * self.batch / self.n,
            sum(self.losses) / len(self.losses),
            sum(self.accuracies) / len(self.accuracies),
            check_loss,
            check_accuracy,
            images_per_s=steps * self.batch / took,
            seconds_left=took / steps * (self.plan.steps - step),
        )
        self.losses, self.accuracies, self.checked = [], [], None
        return point
