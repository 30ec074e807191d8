"""Logistic regression, attention pooling and the joint solver on the device, beside the CPU's."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from fact_core.bench.gpu.given import LITE, Bench, Checks, apart
from fact_core.bench.gpu.way import task_of
from fact_core.bench.rows import Row
from fact_core.compute.less_memory import CPU, LessMemory
from fact_core.config import LmConfig
from fact_core.features.extract import token_steps
from fact_core.generators import finish
from fact_core.lightweight import logistic
from fact_core.lightweight.joint import train_joint
from fact_core.lightweight.map_train import Memory, Reduce, reduction
from fact_core.lightweight.readings import Labelled, map_features, train_reading
from fact_core.types import Step

EXACT, CLOSE = 1e-5, 1e-3
CLASSES = 10


def run(bench: Bench) -> Row:
    """Weights of the regression within ``EXACT``; what attention pooling says, alone and joint, within ``CLOSE``."""
    checks, at = Checks(), bench.at
    x, y = mixture(bench.pick(4_000, 200), bench.pick(384, 32))
    wanted, found = (finish(fitted(x, y, device)) for device in (CPU, at))
    checks.below("logistic regression, weights apart", apart(found.weight, wanted.weight), EXACT)
    checks.below("logistic regression, biases apart", apart(found.bias, wanted.bias), EXACT)
    where = logistic.solver_device(len(x), x.shape[1], CLASSES, at)
    data, reduce = labelled(bench)
    config, steps = LmConfig(steps=bench.pick(60, 8)), bench.pick(60, 8)
    maps = [finish(pooling(data.to(device), reduce.to(device), config, steps)) for device in (CPU, at)]
    checks.below("attention pooling, apart", apart(maps[1], maps[0]), CLOSE)
    short = LmConfig(steps=bench.pick(15, 4))
    joint = [finish(jointly(data.to(device), reduce.to(device), short)) for device in (CPU, at)]
    checks.below("joint L-BFGS, apart", apart(joint[1], joint[0]), CLOSE)
    return checks.row(bench, f"The regression was solved on {where.type}.", figures={"solver": where.type})


def mixture(n: int, dim: int) -> tuple[Tensor, Tensor]:
    """Unit rows (n, dim) of ten classes that overlap, and the classes (n,)."""
    made = torch.Generator().manual_seed(0)
    centres = torch.randn(CLASSES, dim, generator=made)
    y = torch.arange(n) % CLASSES
    return functional.normalize(centres[y] + 3.0 * torch.randn(n, dim, generator=made), dim=1), y


def fitted(x: Tensor, y: Tensor, at: torch.device, less: LessMemory | None = None) -> Step[logistic.Linear]:
    """The regression, converged far enough to be compared."""
    return logistic.fit(x, y, CLASSES, C=10.0, device=at, tol=1e-9, less=less)


def labelled(bench: Bench) -> tuple[Labelled, Reduce]:
    """Tokens of labelled pictures on the CPU, in 16 bits as the program keeps them, and their reduction."""
    n = bench.pick(200, 20)
    task = task_of(bench.pictures, n, 1, 1)
    backbone = bench.backbone(LITE, bench.pick(160, 64))
    pooled, patches = finish(token_steps(backbone, task.pool, LessMemory(CPU)))
    flat = patches.reshape(-1, patches.shape[-1]).float()
    return Labelled(pooled, patches, torch.from_numpy(task.pool_y)), reduction(flat, bench.pick(256, 16))


def pooling(data: Labelled, reduce: Reduce, config: LmConfig, steps: int) -> Step[Tensor]:
    """What attention pooling says of the labelled pictures once it is trained, (n, W) on the CPU."""
    head = yield from train_reading(data, CLASSES, reduce, config, steps, 0, "map", Memory())
    return map_features(head, reduce, data.patches).cpu()


def jointly(data: Labelled, reduce: Reduce, config: LmConfig) -> Step[Tensor]:
    """The probabilities (n, K) of the joint solver, on the CPU."""
    head, line, scales = yield from train_joint(data, CLASSES, reduce, config, 10.0, 0)
    seen = map_features(head, reduce, data.patches)
    with torch.inference_mode():
        logits: Tensor = line(torch.cat((data.pooled * scales[0], seen * scales[1]), dim=1))
        return logits.softmax(1).cpu()
