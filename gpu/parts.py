"""What each kind of part does: a network is run, and what was measured is kept, whether it was predicted or not."""

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch

from archcalc.codegen import generate
from archcalc.graph.graph import Graph
from archcalc.graph.loading import load
from archcalc.memory.footprint import Opaque, footprint_of
from archcalc.memory.optimizer import read_optimizer
from archcalc.memory.training_setup import TrainingSetup
from archcalc.record import asdict
from archcalc.verification.environment import flags, versions
from archcalc.verification.memory.footprints import compared_memory, not_predicted
from archcalc.verification.memory.kept import plain
from archcalc.verification.memory.measurement import measurement_of
from archcalc.verification.network import LEVELS, on_meta, real_run, room, silent, size_of, taken
from archcalc.verification.processor import machine_here
from archcalc.verification.row import Row
from archcalc.verification.timing import text as timing_text
from archcalc.verification.timing.timing import timing
from archcalc.verification.trace import Running
from gpu.plan import Part

Result = dict[str, Any]


def done(part: Part, device: str) -> Result:
    """The result of a part, as values that JSON has."""
    return KINDS[part.kind](part, device)


def graph_of(part: Part) -> Graph:
    """The network of a part: a reference, and parameters as `name=value` behind it."""
    reference, *given = part.network.split()
    settings = {name: value for name, _, value in (each.partition("=") for each in given)}
    return load(reference, settings=settings, batch=part.batch, dtype=part.dtype)


def setup_of(part: Part, device: str) -> TrainingSetup:
    return TrainingSetup(
        optimizer=read_optimizer(part.optimizer, part.name) if part.optimizer else None,
        implementation=part.implementation,
        device=device,
        checkpointed=(part.checkpoint,) if part.checkpoint else (),
        autocast=part.autocast,
        machine=machine_here(),
    )


def about(part: Part, device: str) -> Result:
    """The machine, its versions and the flags that affect numbers."""
    found: Result = {"versions": versions(device, TrainingSetup(device=device)), "flags": flags(device)}
    found["environment"] = {name: value for name, value in os.environ.items() if name.startswith(NAMED)}
    if device == "cuda":
        found["device"] = str(torch.cuda.get_device_properties(0))
        found["memory"] = list(torch.cuda.mem_get_info())
        found["attention"] = {name: bool(enabled()) for name, enabled in attention_kernels()}
        found["batch_norm_reserve"] = dict(reserves())
    return found


NAMED = ("CUDA", "CUBLAS", "CUDNN", "NVIDIA", "PYTORCH", "TORCH")
"""How the names of settings begin that change what runs."""


def attention_kernels() -> Iterator[tuple[str, Callable[[], bool]]]:
    """Which kernels of attention torch may choose from."""
    for name in ("flash", "mem_efficient", "cudnn", "math"):
        enabled: Callable[[], bool] | None = getattr(torch.backends.cuda, f"{name}_sdp_enabled", None)
        if enabled:
            yield name, enabled


def reserves(device: str = "cuda") -> Iterator[tuple[str, int | str]]:
    """The bytes that cuDNN's batch normalisation keeps for backward, by shape, dtype and order in memory."""
    for shape in ((2, 64, 56, 56), (2, 64, 7, 7), (2, 256, 56, 56), (16, 64, 56, 56)):
        for dtype in (torch.float32, torch.float16):
            for order in (torch.contiguous_format, torch.channels_last):
                x = torch.empty(shape, dtype=dtype, device=device, memory_format=order)
                yield f"{list(shape)} {dtype} {order}", reserve_of(x)


def reserve_of(x: torch.Tensor) -> int | str:
    """What cuDNN answers, through a private call of torch; or why there is no answer, which must not end the part."""
    private: Any = torch._C
    try:
        return int(private._get_cudnn_batch_norm_reserve_space_size(x, True))
    except (AttributeError, TypeError, RuntimeError) as error:
        return f"{type(error).__name__}: {error}".splitlines()[0]


OF_PARAMETERS = 5
"""Parameters are there twice (with blocks, and flat), with gradients, and two states of an optimizer."""


def memory(part: Part, device: str) -> Result:
    """Shapes and finite values of a real run, and all that its memory is; compared with what is predicted."""
    torch.manual_seed(0)
    graph, setup = graph_of(part), setup_of(part, device)
    source = generate(graph, checkpointed=setup.checkpointed)
    at, level = size_of(graph) + setup.words, LEVELS[device]
    rows = list(on_meta(graph, silent))
    if (needed := OF_PARAMETERS * taken(graph)) > room(device):
        rows.append(Row("a real run", level, at, "finite", f"not run: needs {needed / 2**30:.1f} GiB", None))
        return {"spec": graph.spec, "rows": [asdict(row) for row in rows]}
    running = Running(source, graph, device)
    rows += real_run(running, level, at)
    measurement = measurement_of(graph, running, setup)
    rows += memory_rows(graph, setup, level, at, measurement)
    return {
        "spec": graph.spec,
        "torch": torch.__version__,
        "machine": setup.machine.name if setup.machine else "",
        "source_sha256": hashlib.sha256(source.text.encode()).hexdigest(),
        "rows": [asdict(row) for row in rows],
        "measurement": plain(measurement),
    }


def memory_rows(graph: Graph, setup: TrainingSetup, level: str, at: str, measurement: Any) -> list[Row]:
    """The rows of a measurement, made now or earlier."""
    try:
        found = footprint_of(graph, setup)
    except Opaque as opaque:
        return [not_predicted(opaque, level, at)]
    return list(compared_memory(graph, found, measurement, level, at))


def time(part: Part, device: str) -> Result:
    """The time of every layer beside its floor, with ceilings of the same minutes."""
    torch.manual_seed(0)
    graph = graph_of(part)
    found = timing(Running(generate(graph), graph, device))
    rows = timing_text.rows_of(found, LEVELS[device], size_of(graph))
    return {"rows": [asdict(row) for row in rows], "timing": timing_text.plain(found)}


KINDS: Mapping[str, Callable[[Part, str], Result]] = {"about": about, "memory": memory, "time": time}
