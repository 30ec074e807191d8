"""What a network under training calls the images of the pool: it looks at them, and its answers are kept."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from fact_core.compute.image_batches import Picture, batches
from fact_core.compute.less_memory import LessMemory
from fact_core.compute.several import answered
from fact_core.errors import ImageError
from fact_core.events import Log, Progress
from fact_core.finetune import pool_names
from fact_core.finetune.loop_state import Net, answers_of
from fact_core.finetune.pool_names import SURE, share, surest
from fact_core.finetune.training_run import TrainingInputs
from fact_core.generators import quietly
from fact_core.types import IntArray, Source, Step, path_of

LOOK = 32  # images at a time
NAMED = "st.images"  # the progress of naming, the decision, and the checkpoint's part that holds the names


@dataclass(frozen=True)
class Names:
    """Rows of the unlabelled images that teach (k,), and what they are called (k,).

    sure: how sure that is on average, 0 to 1; proved: of how many check images named as surely how many are right.
    """

    rows: Tensor
    y: Tensor
    sure: float
    proved: tuple[int, int] | None


def teaching_share(inputs: TrainingInputs) -> float:
    """The share of the named images that teaches."""
    return share(len(inputs.y), inputs.n_classes) if inputs.config.st.names == "neighbours" else SURE


def strangers(inputs: TrainingInputs) -> Tensor:
    """Which of the unlabelled images (m,) belong to no class, by the pretrained features where they are known."""
    if inputs.config.st.names != "neighbours" or len(inputs.pool_x) != len(inputs.unlabelled):
        return torch.zeros(len(inputs.unlabelled), dtype=torch.bool)
    return pool_names.strangers(inputs.x, inputs.y, inputs.pool_x, inputs.other)


def named(inputs: TrainingInputs, part: str, teacher: Net, apart: Tensor, prove: bool) -> Step[Names]:
    """What the teacher and the neighbours call the unlabelled images that are not ``apart``: the surest of them.

    Where a class holds what fits no other one, those that are ``apart`` are of that class (``pool_names.as_other``).
    Those of an earlier sitting, where it came so far. The labelled images are looked at as well where neighbours have
    a say: each network has features of its own. part: where they are kept in the checkpoint. prove: name the check
    images the same way, which nothing is learned from.
    """
    stored = inputs.checkpoint.finished(part)
    if stored is not None:
        proved = stored.values.get("proved")
        sure = float(stored.values.get("sure", 0.0))
        return Names(stored.tensors["rows"], stored.tensors["named"], sure, (proved[0], proved[1]) if proved else None)
    teacher.to(inputs.device).eval()
    answers, features, bad = yield from _seen(inputs, teacher, inputs.unlabelled)
    if bad:
        yield Log(f"{len(bad)} images of the pool cannot be read any more, going on without: {bad[0]}", "warning")
    able = answers.isfinite().all(dim=1)
    there = torch.nonzero(able if inputs.other >= 0 else able & ~apart)[:, 0]
    shares, proved = answers[there].exp(), None
    if inputs.config.st.names == "neighbours" and len(there):
        _, own, lost = yield from _seen(inputs, teacher, inputs.files)
        if lost:
            raise lost[0]
        shares = yield from quietly(pool_names.called(answers[there], features[there], own, inputs.y))
        if prove and inputs.check is not None:
            seen = answers[there], features[there], own
            proved = yield from _proved(inputs, teacher, seen, pool_names.as_other(shares, apart[there], inputs.other))
    kept, called = surest(pool_names.as_other(shares, apart[there], inputs.other), teaching_share(inputs))
    rows = there[kept]
    sure = float(shares[kept].max(dim=1).values.mean()) if len(kept) else 0.0
    values = {"step": 0, "unlabelled": digest(inputs.unlabelled), "sure": sure, "proved": proved}
    inputs.checkpoint.save(part, {"rows": rows, "named": called}, values, finished=True)
    return Names(rows, called, sure, proved)


def _proved(
    inputs: TrainingInputs, teacher: Net, seen: tuple[Tensor, Tensor, Tensor], shares: Tensor
) -> Step[tuple[int, int]]:
    """(right, asked): check images that are named as surely as those of the pool that teach, of probabilities (m, K).

    seen: answers (m, K) and features (m, D) of the pool, features (n, D) of the labelled images.
    """
    assert inputs.check is not None
    said, looks, _ = yield from _seen(inputs, teacher, inputs.check.files)
    there = torch.nonzero(said.isfinite().all(dim=1))[:, 0]
    answers, features, own = seen
    both = torch.cat([answers, said[there]]), torch.cat([features, looks[there]])
    found = yield from quietly(pool_names.called(*both, own, inputs.y))
    y, x = torch.as_tensor(inputs.check.y)[there], torch.as_tensor(inputs.check.x)[there].float()
    checked = pool_names.with_other(found[len(answers) :], x, inputs.x, inputs.y, inputs.other)
    return pool_names.proved(shares, checked, y, teaching_share(inputs))


def _seen(inputs: TrainingInputs, net: Net, files: Sequence[Source]) -> Step[tuple[Tensor, Tensor, list[ImageError]]]:
    """Log-probabilities (m, K), features (m, D), and the errors of images that cannot be read: their rows are NaN."""
    bad: list[ImageError] = []
    answers = torch.full((len(files), inputs.n_classes), torch.nan)
    features = torch.full((len(files), net.backbone.dim), torch.nan)
    done = 0
    pre, pinned = net.backbone.preprocess, inputs.device.type == "cuda"
    read = batches(files, pre, LOOK, on_bad=lambda row, error: bad.append(error), pinned=pinned)
    with closing(answered(read, _asks(inputs, net))) as told:
        for (found, _), answer in told:
            at = torch.from_numpy(np.asarray(found))
            answers[at], features[at] = yield from answer
            done += len(found)
            yield Progress(NAMED, done + len(bad), len(files))
    return answers, features, bad


Batch = tuple[IntArray, Picture]


def _asks(inputs: TrainingInputs, net: Net) -> list[Callable[[Batch], Step[tuple[Tensor, Tensor]]]]:
    """How each of the run's devices answers a batch; each further one has a copy of the network."""
    nets, memories = {inputs.device: net}, [inputs.less]
    for each in inputs.others:
        if each not in nets:
            nets[each] = copy.deepcopy(net)
        memories.append(LessMemory(each, told=inputs.less.told))

    def ask(less: LessMemory, batch: Batch) -> Step[tuple[Tensor, Tensor]]:
        return _said(nets[less.device], batch[1], less)

    return [partial(ask, less) for less in memories]


def _said(net: Net, pictures: Picture, less: LessMemory) -> Step[tuple[Tensor, Tensor]]:
    """Log-probabilities (b, K) and features (b, D) of pictures [b,3,H,W], on the CPU."""

    def said(rows: slice, where: torch.device) -> tuple[Tensor, Tensor]:
        logits, pooled = answers_of(net, pictures[rows], where)
        return logits.log_softmax(1).cpu(), pooled.cpu()

    parts = yield from less.pieces("naming", len(pictures), len(pictures), said)
    return torch.cat([answers for answers, _ in parts]), torch.cat([features for _, features in parts])


def digest(files: Sequence[Source]) -> str:
    """Of what lies at these places: a kept network was taught by these images. Their bytes may be many gigabytes."""
    known: list[tuple[str, int, int]] = []
    for file in files:
        with suppress(OSError):
            about = path_of(file).stat()
            known.append((str(file), about.st_size, about.st_mtime_ns))
    return hashlib.blake2b(json.dumps(known).encode(), digest_size=16).hexdigest()
