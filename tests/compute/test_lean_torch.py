"""The compiler of torch, which takes as long to load as torch itself, stays where it is."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from fact_core.compute.lean_torch import bare_linear, plain, without_compiler

KINDS = [torch.optim.AdamW, torch.optim.Adam, torch.optim.SGD, torch.optim.LBFGS]


def _fresh(code: str) -> list[str]:
    """What a new process prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert not done.returncode, done.stderr
    return done.stdout.split()


@pytest.mark.slow
def test_a_training_loads_no_compiler() -> None:
    code = """
import sys
import fact_core.work.train, fact_core.work.select, fact_core.work.features
import torch
from fact_core.compute.lean_torch import plain
from fact_core.finetune.training_run import linear
linear(torch.ones(2, 3), torch.ones(2))
for kind in (torch.optim.AdamW, torch.optim.SGD, torch.optim.LBFGS):
    weight = torch.nn.Parameter(torch.ones(3))
    optimiser = plain(kind)([weight], lr=0.1)
    def loss():
        optimiser.zero_grad()
        value = (weight ** 2).sum()
        value.backward()
        return value
    loss()
    optimiser.step(loss)
    optimiser.load_state_dict(optimiser.state_dict())
print("torch._dynamo" in sys.modules, "sympy" in sys.modules, "timm" in sys.modules)
"""
    assert _fresh(code) == ["False", "False", "True"]


@pytest.mark.slow
def test_the_compiler_is_there_for_whoever_asks() -> None:
    code = """
import sys
import fact_core.backbones, torch, torch._dynamo, torch._dynamo.utils
roi = sys.modules["torchvision.ops.roi_align"]
print(torch._dynamo.config is not None, torch._dynamo.utils.counters is not None, torch.compiler.disable.__module__)
print(roi.is_compile_supported("cpu"))
"""
    assert _fresh(code) == ["True", "True", "torch.compiler", "True"]


@pytest.mark.slow
def test_another_question_at_import_gets_the_real_compiler() -> None:
    code = """
import sys
import torch
from fact_core.compute.lean_torch import without_compiler
with without_compiler():
    from torch._dynamo.utils import counters
    torch._dynamo.reset()
    import torch._dynamo
import torch._dynamo.utils
print(counters is torch._dynamo.utils.counters, torch._dynamo.__name__, torch.compiler.disable.__module__)
"""
    assert _fresh(code) == ["True", "torch._dynamo", "torch.compiler"]


def test_a_bare_layer_is_an_ordinary_one_and_draws_nothing() -> None:
    before, plain_one = torch.get_rng_state(), torch.nn.Linear(3, 2)
    torch.set_rng_state(before)
    layer = bare_linear(3, 2)
    assert torch.equal(torch.get_rng_state(), before) and repr(layer) == repr(plain_one)
    layer.load_state_dict(plain_one.state_dict())
    assert torch.equal(layer(torch.ones(1, 3)), plain_one(torch.ones(1, 3)))
    assert all(each.requires_grad and each.dtype == torch.float32 for each in layer.parameters())


def test_nothing_changes_where_the_compiler_is_loaded_already() -> None:
    import torch._dynamo as compiler

    before = torch.compiler.disable
    with without_compiler():
        assert sys.modules["torch._dynamo"] is compiler
        assert torch.compiler.disable is before


@pytest.mark.parametrize("kind", KINDS)
def test_the_steps_are_the_same_to_the_bit(kind: type[torch.optim.Optimizer]) -> None:
    ends = []
    for each in (kind, plain(kind), plain(kind)):
        weight = torch.nn.Parameter(torch.tensor([1.0, -2.0, 3.0]))
        optimiser = each([weight], lr=0.05)  # type: ignore[call-arg]

        def loss(weight: torch.nn.Parameter = weight, optimiser: torch.optim.Optimizer = optimiser) -> torch.Tensor:
            optimiser.zero_grad()
            value = (weight**4).sum() + weight.sin().sum()
            value.backward()  # type: ignore[no-untyped-call]
            return value

        for _ in range(7):
            if kind is torch.optim.LBFGS:
                optimiser.step(loss)  # type: ignore[arg-type]
            else:
                loss()
                optimiser.step()
        assert torch.is_grad_enabled()
        ends.append(weight.detach().clone())
    assert torch.equal(ends[0], ends[1])
    assert torch.equal(ends[0], ends[2])
