"""A pretend CUDA device: tensors that say cuda:0 and whose numbers lie on the CPU.

Autograd and autocast are torch's own. A mix of devices raises as on a GPU; kernel launches, copies and waits for the
device are counted, with the line of the program that caused them; memory can be made to be full at a given launch.
What it cannot show is speed, memory, and what a real kernel rounds otherwise. ``install`` changes torch for the rest
of the process, which must have been started by ``build.started``.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ContextDecorator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

GPU = torch.device("cuda:0")
MEMORY = 80 << 30  # bytes

#: Operations that only describe numbers anew: no kernel runs.
VIEWS = frozenset(
    """view _unsafe_view reshape t transpose permute expand slice select unsqueeze squeeze detach alias as_strided
    unbind split split_with_sizes _reshape_alias chunk lift_fresh empty empty_like new_empty empty_strided
    new_empty_strided diagonal unfold set_ resize_ is_same_size movedim _fused_sdp_choice""".split()  # noqa: SIM905
)
INDEXING = frozenset("index index_put index_put_ _index_put_impl_ _unsafe_index _unsafe_index_put".split())  # noqa: SIM905
#: Operations whose answer, or its size, the program waits for.
WAITING = frozenset(
    """nonzero masked_select _unique2 unique_dim unique_consecutive bincount repeat_interleave equal is_nonzero
    _local_scalar_dense _linalg_check_errors _assert_async""".split()  # noqa: SIM905
)


class DeviceMismatch(RuntimeError):
    """Tensors of the CPU and of the GPU in one operation."""


@dataclass
class Counts:
    """What has happened on the device.

    full_in: launches beneath ``full_for`` (``_is_beneath``) until the memory is full once; 0: never.
    """

    launches: int = 0
    copies: int = 0  # from pinned memory, which nobody waits for
    waits: Counter[str] = field(default_factory=Counter)  # line of the program -> times that it waited
    full_in: int = 0
    full_for: str = ""
    full_at: str = ""  # the line at which memory was full
    fulls: int = 0  # how often it was
    answering: int = 0  # how deep in torch.inference_mode

    @property
    def syncs(self) -> int:
        """How often the program has waited for the device."""
        return sum(self.waits.values())

    def reset(self) -> None:
        """Count anew."""
        self.launches, self.copies = 0, 0
        self.waits.clear()

    def launched(self) -> None:
        """One more kernel; torch.OutOfMemoryError where memory is to be full now."""
        self.launches += 1
        if self.full_in and _is_beneath(self.full_for):
            self.full_in -= 1
            if not self.full_in:
                self.full_at = _line()
                self.fulls += 1
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB (pretended)")

    def full_once(self, place: str, launches: int) -> None:
        """Let memory be full once, after so many launches beneath a place of the program (``_is_beneath``)."""
        self.full_for, self.full_in, self.full_at = place, launches, ""

    def waited(self, why: str) -> None:
        """The program waits for the device here."""
        self.waits[f"{_line()} {why}"] += 1


class Pretend(torch.Tensor):
    """A tensor on the pretend device; ``own`` holds its numbers."""

    own: torch.Tensor
    pretending: Device

    @staticmethod
    def __new__(cls, own: torch.Tensor) -> Pretend:
        made = torch.Tensor._make_wrapper_subclass(  # type: ignore[attr-defined]
            cls,
            own.size(),
            strides=own.stride(),
            storage_offset=own.storage_offset(),
            dtype=own.dtype,
            layout=own.layout,
            device=GPU,
        )
        made.own = own
        return made  # type: ignore[no-any-return]

    def __repr__(self, **_: Any) -> str:  # type: ignore[override]
        return f"Pretend({tuple(self.shape)}, {self.dtype})"

    def tolist(self) -> Any:
        """One copy back, whatever the size."""
        return self.cpu().tolist()

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return cls.pretending.run(func, args, kwargs or {})


class Device(TorchDispatchMode):
    """Inside, operations that ask for cuda, or have a tensor there, run on the pretend device."""

    def __init__(self, counts: Counts) -> None:
        super().__init__()
        self.counts = counts
        self.pinned: set[int] = set()
        self.free = MEMORY  # bytes
        self.bfloat16 = True  # whether the GPU computes it in hardware

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Nothing is compiled here: to keep the compiler away takes longer than most operations."""
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return self.run(func, args, kwargs or {})

    def run(self, func: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """One operation of torch."""
        name = func.overloadpacket.__name__
        if name in ("_to_copy", "to"):
            return self._to(func, args, kwargs)
        tensors: list[torch.Tensor] = []
        _gather(args, tensors)
        if kwargs:
            _gather(tuple(kwargs.values()), tensors)
        ours = [each for each in tensors if type(each) is Pretend]
        if name == "copy_" and len({isinstance(each, Pretend) for each in tensors}) == 2:
            self.counts.waited("copy")
            func(*_own(args), **_plain(kwargs))
            return args[0]
        if not ours and not _is_gpu(kwargs.get("device")):
            return func(*args, **kwargs)
        self._check(func, name, args, [each for each in tensors if not isinstance(each, Pretend)], ours)
        generator = kwargs.get("generator")
        if generator is not None and generator.device.type != "cuda":
            raise DeviceMismatch(f"{func} at {_line()}: a generator of the CPU for numbers on the GPU")
        if name in WAITING:
            self.counts.waited(name)
        if name not in VIEWS:
            self.counts.launched()
        plain_args, plain = _own(args), _plain(kwargs)
        if plain.get("device") is not None:
            plain["device"] = torch.device("cpu")
        plain.pop("pin_memory", None)
        if name == "cudnn_batch_norm":
            return _wrapped((*torch.ops.aten.native_batch_norm(*plain_args), torch.empty(0)))
        found = func(*plain_args, **plain)
        if name in ("_local_scalar_dense", "equal", "is_nonzero"):
            return found
        return _mapped(lambda each: _given_back(each, ours), found)

    def _to(self, func: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """A copy to a device, or to another type."""
        source, target = args[0], kwargs.get("device")
        plain = {key: value for key, value in kwargs.items() if key not in ("non_blocking", "pin_memory")}
        if _is_gpu(target):
            plain["device"] = torch.device("cpu")
        if isinstance(source, Pretend):
            back = target is not None and not _is_gpu(target)
            if back:
                self.counts.waited("copy back")
            else:
                self.counts.launched()
            found = func(source.own, *args[1:], **plain)
            found = found.clone() if found is source.own else found
            return found if back else _wrapped(found)
        found = func(*args, **plain)
        if not _is_gpu(target):
            return found
        if kwargs.get("non_blocking") and self.is_pinned(source):
            self.counts.copies += 1
        else:
            self.counts.waited("copy of pageable memory")
        return _wrapped(found.clone() if found is source else found)

    def _check(
        self, func: Any, name: str, args: Sequence[Any], others: list[torch.Tensor], ours: list[torch.Tensor]
    ) -> None:
        """DeviceMismatch where a GPU would not take these tensors. Numbers without dimension may lie on the CPU."""
        mixed = [each for each in others if each.dim()]
        if name in INDEXING and mixed:
            if not isinstance(args[0], Pretend):
                raise DeviceMismatch(f"{func} at {_line()}: rows on the GPU of a tensor on the CPU")
            rows = {id(each) for each in _leaves(args[1])}
            mixed = [each for each in mixed if id(each) not in rows]
            self.counts.waited("copy of rows")
        if name in INDEXING and any(getattr(each, "dtype", None) is torch.bool for each in _leaves(args[1])):
            self.counts.waited("rows of a mask")
        if mixed:
            shapes = [tuple(each.shape) for each in mixed], [tuple(each.shape) for each in ours]
            raise DeviceMismatch(f"{func} at {_line()}: {shapes[0]} on the CPU with {shapes[1]} on the GPU")

    def pin(self, tensor: torch.Tensor) -> torch.Tensor:
        """A copy in pinned memory."""
        made = tensor.clone()
        self.pinned.add(made.untyped_storage().data_ptr())
        return made

    def is_pinned(self, tensor: torch.Tensor) -> bool:
        """Whether it lies in pinned memory."""
        return not isinstance(tensor, Pretend) and tensor.untyped_storage().data_ptr() in self.pinned


class Properties:
    """Of the pretend GPU."""

    name, total_memory, major, minor, multi_processor_count = "Pretend GPU", MEMORY, 9, 0, 132
    uuid = "pretend-0"


def install(counts: Counts) -> Device:
    """Make torch find one GPU. Before anything of the program is imported."""
    device = Device(counts)
    Pretend.pretending = device
    answers: dict[str, Callable[..., Any]] = {
        "_lazy_init": lambda: None,
        "is_available": lambda: True,
        "is_initialized": lambda: True,
        "is_bf16_supported": lambda including_emulation=True: device.bfloat16,
        "current_device": lambda: 0,
        "device_count": lambda: 1,
        "synchronize": lambda *_: None,
        "empty_cache": lambda: None,
        "ipc_collect": lambda: None,
        "mem_get_info": lambda *_: (device.free, MEMORY),
        "reset_peak_memory_stats": lambda *_: None,
        "max_memory_allocated": lambda *_: 0,
        "memory_allocated": lambda *_: 0,
        "memory_reserved": lambda *_: 0,
        "max_memory_reserved": lambda *_: 1 << 30,
        "memory_stats": lambda *_: {"num_ooms": counts.fulls},
        "set_per_process_memory_fraction": lambda share, *_: counts.full_once("", 3 if share < 1 else 0),
        "get_rng_state": lambda *_: torch.zeros(16, dtype=torch.uint8),
        "set_rng_state": lambda *_: None,
        "manual_seed_all": lambda seed: None,
        "get_device_properties": lambda *_: Properties,
        "get_device_capability": lambda *_: (9, 0),
    }
    for name, answer in answers.items():
        setattr(torch.cuda, name, answer)
    torch.backends.cuda.is_built = lambda: True
    torch.tensor = _tensor_by(torch.tensor)  # type: ignore[assignment]
    torch.Tensor.pin_memory = lambda self, *_: device.pin(self)  # type: ignore[method-assign,assignment]
    torch.Tensor.is_pinned = lambda self, *_: device.is_pinned(self)  # type: ignore[method-assign,assignment]
    torch.inference_mode = _inference_mode_by(counts)  # type: ignore[assignment,misc]
    torch.autograd.set_multithreading_enabled(False)  # type: ignore[attr-defined]
    torch.__future__.set_overwrite_module_params_on_conversion(True)
    from torch.utils import _foreach_utils

    _foreach_utils._foreach_supported_types.append(Pretend)
    return device


def _tensor_by(make: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
    """``torch.tensor``, which fills memory of a device without going through any operation."""

    def tensor(data: Any, *more: Any, device: Any = None, **about: Any) -> torch.Tensor:
        made = make(data, *more, **about)
        return made if device is None else made.to(device)

    return tensor


def _inference_mode_by(counts: Counts) -> Any:
    """Tensors of a class of its own know no inference mode: no gradients, and it is noted."""

    class InferenceMode(ContextDecorator):
        def __init__(self, mode: bool = True) -> None:
            self.mode, self.without = mode, torch.no_grad()

        def __enter__(self) -> None:
            if self.mode:
                self.without.__enter__()
                counts.answering += 1

        def __exit__(self, *error: Any) -> None:
            if self.mode:
                counts.answering -= 1
                self.without.__exit__(*error)

    return InferenceMode


def _mapped(change: Callable[[Any], Any], value: Any) -> Any:
    """The value with each tensor changed, in lists and tuples too. torch's own walk through trees is much slower."""
    if isinstance(value, torch.Tensor):
        return change(value)
    if isinstance(value, (tuple, list)):
        return type(value)([_mapped(change, each) for each in value])
    return value


def _leaves(value: Any) -> list[torch.Tensor]:
    """The tensors of lists and tuples."""
    found: list[torch.Tensor] = []
    _gather((value,), found)
    return found


def _gather(values: Sequence[Any], found: list[torch.Tensor]) -> None:
    for each in values:
        if isinstance(each, torch.Tensor):
            found.append(each)
        elif isinstance(each, (tuple, list)):
            _gather(each, found)


def _plain(kwargs: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _own(value) for key, value in kwargs.items()}


def _own(value: Any) -> Any:
    if isinstance(value, Pretend):
        return value.own
    if isinstance(value, (tuple, list)):
        return type(value)([_own(each) for each in value])
    return value


def _given_back(value: torch.Tensor, ours: Sequence[Pretend]) -> Pretend:
    """What was changed in place, or comes back as it was, is the caller's own tensor."""
    for each in ours:
        if each.own is value:
            return each
    return Pretend(value)


def _wrapped(value: Any) -> Any:
    return _mapped(lambda each: each if isinstance(each, Pretend) else Pretend(each), value)


def _is_gpu(device: Any) -> bool:
    return device is not None and torch.device(device).type == "cuda"


def _is_beneath(place: str) -> bool:
    """Whether a function of this file of the program ("a/b.py"), or that one of it ("a/b.py:name"), is being called."""
    file, _, name = place.partition(":")
    frame = sys._getframe(1)
    while frame is not None:
        if f"/fact_core/{file}" in frame.f_code.co_filename and name in ("", frame.f_code.co_name):
            return True
        frame = frame.f_back  # type: ignore[assignment]
    return False


def _line() -> str:
    """The innermost line of the program, as "finetune/loop.py:120"."""
    frame = sys._getframe(1)
    while frame is not None:
        _, inside, file = frame.f_code.co_filename.rpartition("/fact_core/")
        if inside:
            return f"{file}:{frame.f_lineno}"
        frame = frame.f_back  # type: ignore[assignment]
    return "?"
