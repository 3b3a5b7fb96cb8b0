"""Verifies a network: builds, runs and measures the generated source, and compares every number."""

import datetime
import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import torch
from torch import Tensor

from archcalc.codegen import Source, generate
from archcalc.core.extra import MissingExtra
from archcalc.graph.builder import build
from archcalc.graph.given import Network, document_given
from archcalc.graph.graph import Graph, Node
from archcalc.lint.expectation import failures
from archcalc.measures.arithmetic import macs
from archcalc.measures.output_bytes import output_bytes
from archcalc.measures.params import param_bytes
from archcalc.memory.training_setup import DEFAULT_SETUP, TrainingSetup
from archcalc.record import record, replace
from archcalc.spec.declaration import Document
from archcalc.verification.environment import flags, name_of, versions
from archcalc.verification.field.dye import dye
from archcalc.verification.memory.footprints import footprints
from archcalc.verification.modes import one_thread
from archcalc.verification.processor import machine_here
from archcalc.verification.release import check_release
from archcalc.verification.row import CPU, CUDA, META, SPEC, Row, VerificationReport, compared, counted, total
from archcalc.verification.structure.mac_counter import MacCounter
from archcalc.verification.structure.periods import over_periods
from archcalc.verification.structure.sizes import Other, Sizes, other_sizes
from archcalc.verification.structure.state_dict import structure
from archcalc.verification.timing.text import plain, rows_of
from archcalc.verification.timing.timing import timing
from archcalc.verification.trace import Running, torch_dtype

Progress = Callable[[str], None]

Times = tuple[list[Row], Mapping[str, Any] | None]
"""The rows of a timing, and the timing in plain values."""

LEVELS = {"meta": META, "cpu": CPU, "cuda": CUDA}
"""The level of a run on each device."""

FAULTS = (RuntimeError, ValueError, TypeError, IndexError, AttributeError, ArithmeticError, AssertionError, SyntaxError)
"""The exceptions of torch, and of wrong source."""

SIZES = 64
"""The number of sizes: two periods of a network that halves its input five times."""

SHARE = 0.8
"""The share of free memory that the predicted peak of a run may take."""


def silent(stage: str) -> None:
    """Shows no progress."""


def device_of(wanted: str) -> str:
    """The device to run on: `auto` is the GPU if there is one."""
    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if wanted == "cuda" and not torch.cuda.is_available():
        raise MissingExtra(
            f"no CUDA device: torch {torch.__version__} sees none; use --device cpu, or install a CUDA build of torch"
        )
    return wanted


@record
class Watch:
    """What is called while a verification runs: with its report before it has rows, with each stage, with each row."""

    begun: Callable[[VerificationReport], None] = lambda report: None
    stage: Progress = silent
    row: Callable[[Row], None] = lambda row: None


UNWATCHED = Watch()


def verify(
    network: Network | Document,
    *,
    batch: int = 1,
    dtype: str = "float32",
    device: str = "auto",
    sizes: int = SIZES,
    memory: bool = True,
    setup: TrainingSetup = DEFAULT_SETUP,
    time: bool = False,
    quick: bool = False,
    watch: Watch = UNWATCHED,
) -> VerificationReport:
    """Compares every number that archcalc computes for a network with torch.

    A graph is built anew from its spec. `sizes`: the maximum number of sizes at which closed forms are compared; two
    periods cover all cases. `memory`: whether to measure memory in one training step, with the training `setup`.
    `time`: whether to measure time on the device. `quick`: only the size of the spec, without receptive fields and
    memory. Memory is predicted for the machine that this runs on, unless `setup` names another.

    Raises SpecError for a spec that cannot be built, MissingExtra if the device is not available or torch is too old.
    """
    device = device_of(device)
    document = document_given(network)
    setup = replace(setup, machine=setup.machine or machine_here())
    graph = build(document, batch=batch, dtype=dtype)
    check_release(graph, setup)
    source = generate(graph, checkpointed=setup.checkpointed)
    watch.begun(certified(graph, source, device, (), None, setup))
    others = [] if quick else list(other_sizes(document, graph, dtype))
    steps = Steps(watch.stage, planned(graph, len(others), device, memory, time, quick))
    found = Found(watch.row)
    found.add(as_published(document), on_meta(graph, steps))
    found.add(left_out(graph) if quick else elsewhere(document, graph, others, sizes, steps))
    is_sound = found.agrees
    if is_sound and device != "meta":
        found.add(really(graph, device, setup if memory and not quick else None, steps, dyed=not quick))
    rows, timing = timed(graph, device, steps) if is_sound and time else ((), None)
    found.add(rows)
    return certified(graph, source, device, found.rows, timing, setup)


def elsewhere(
    document: Document, graph: Graph, others: Sequence[Other], sizes: int, progress: Progress
) -> Iterator[Row]:
    """What is compared at other sizes than that of the spec."""
    yield from at_other_sizes(graph, others, progress)
    yield from closed_forms(document, graph, sizes, progress)


class Found:
    """The rows so far; each is shown as soon as it is known."""

    def __init__(self, show: Callable[[Row], None]) -> None:
        self.show = show
        self.rows: list[Row] = []

    def add(self, *made: Iterable[Row]) -> None:
        for row in chain.from_iterable(made):
            self.show(row)
            self.rows.append(row)

    @property
    def agrees(self) -> bool:
        return all(row.agrees is not False for row in self.rows)


class Steps:
    """Counts the stages: `3 of 7: dye`."""

    def __init__(self, show: Progress, count: int) -> None:
        self.show, self.count, self.at = show, count, 0

    def __call__(self, stage: str) -> None:
        self.at += 1
        self.show(f"{self.at} of {max(self.at, self.count)}: {stage}")


def planned(graph: Graph, others: int, device: str, memory: bool, time: bool, quick: bool) -> int:
    """How many stages there will be if none disagrees."""
    ahead = 1 if quick else 2 + others
    real = {"meta": [], "cpu": ["cpu"], "cuda": ["cpu", "cuda"]}[device]
    runs = sum(1 + (not quick and each == "cpu") + (not quick and memory) for each in real)
    return ahead + runs + (time and device != "meta")


def left_out(graph: Graph) -> Iterator[Row]:
    """What a quick verification does not compare."""
    yield Row("other sizes, fields, memory", META, size_of(graph), "predicted", "left out", None)


def now() -> str:
    """The date and time, as certificates have it."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def certified(
    graph: Graph,
    source: Source,
    device: str,
    rows: Sequence[Row],
    timing: Mapping[str, Any] | None,
    setup: TrainingSetup,
) -> VerificationReport:
    """The report: the rows, and the environment of the measurements."""
    return VerificationReport(
        graph.name,
        graph.spec,
        name_of(device),
        tuple(rows),
        versions(device, setup),
        now(),
        hashlib.sha256(source.text.encode()).hexdigest(),
        flags(device),
        timing,
        setup.machine if device != "meta" else None,
    )


def size_of(graph: Graph) -> str:
    """The size of the input as text: `2 x [3, 225, 225]`, with the batch first if it is not 1."""
    batch = graph.inputs[0].volume.batch if graph.inputs else 1
    shapes = " ".join(str(each.volume) for each in graph.inputs)
    return shapes if batch == 1 else f"{batch} x {shapes}"


def as_published(document: Document) -> Iterator[Row]:
    """Compares the numbers for one sample with the spec's `expect:`; nothing if it has none."""
    if document.expect:
        graph = build(document)
        wrong = tuple(each.message for each in failures(graph, document))
        count = sum(len(each.parts) or 1 for each in document.expect)
        yield Row(
            "published numbers", SPEC, size_of(graph), counted(count, "number"),
            counted(count - len(wrong), "number"), not wrong, wrong,
        )  # fmt: skip


# --- without running -------------------------------------------------------------------------------------------------


def on_meta(graph: Graph, progress: Progress) -> Iterator[Row]:
    """Compares structure, shapes and FLOPs on the meta device, where nothing is computed."""
    at = size_of(graph)
    progress(f"on meta at {at}")
    try:
        running = Running(generate(graph), graph, "meta")
    except FAULTS as fault:
        yield broken("the source can be built", META, at, fault)
        return
    yield from structure(graph, running.module, at)
    yield from shapes_and_flops(running, at)


def shapes_and_flops(running: Running, at: str) -> Iterator[Row]:
    """Compares the volume and MACs of every layer."""
    graph = running.graph
    shapes: dict[str, str] = {}
    counts: dict[str, int] = {}
    size = before = 0
    counter = MacCounter()

    def see(node: Node, value: Tensor) -> None:
        nonlocal size, before
        after = counter.total
        shapes[node.name], counts[node.name] = described(value), after - before
        before, size = after, size + value.numel() * value.element_size()

    try:
        with counter:
            running.run(running.inputs(), see)
    except FAULTS as fault:
        yield broken("the source can be run", META, at, fault)
        yield compared(
            "shapes before the error", META, at, {name: volumes(graph)[name] for name in shapes}, shapes, "layer"
        )
        return
    yield compared("shapes and dtypes", META, at, volumes(graph), shapes, "layer")
    yield total("output bytes", META, at, sum(map(output_bytes, graph)), size)
    yield compared("MACs, layer by layer", META, at, {node.name: macs(node) for node in graph}, counts, "layer")
    yield total("MACs", META, at, sum(map(macs, graph)), counter.total)


def volumes(graph: Graph) -> dict[str, str]:
    """The predicted output of every layer."""
    return {node.name: f"{list(node.output.shape)} {node.output.dtype}" for node in graph}


def described(value: Tensor) -> str:
    return f"{list(value.shape)} {str(value.dtype).removeprefix('torch.')}"


def broken(quantity: str, level: str, at: str, fault: Exception) -> Row:
    """A row for source that fails in torch."""
    message = " ".join(str(fault).split()) or type(fault).__name__
    return Row(quantity, level, at, "yes", "no", False, (f"{type(fault).__name__}: {message}",))


# --- other sizes -----------------------------------------------------------------------------------------------------


def at_other_sizes(graph: Graph, others: Sequence[Other], progress: Progress) -> Iterator[Row]:
    """The same at an odd size and at a size with unequal axes; also checks that torch refuses the sizes we refuse."""
    for other in others:
        if other.refused:
            yield refused(graph, other.refused)
        if other.graph is None:
            continue
        at = size_of(other.graph)
        progress(f"on meta at {at}")
        try:
            running = Running(generate(other.graph), other.graph, "meta")
        except FAULTS as fault:
            yield broken("the source can be built", META, at, fault)
            continue
        yield from shapes_and_flops(running, at)


def closed_forms(document: Document, graph: Graph, sizes: int, progress: Progress) -> Iterator[Row]:
    """Compares closed forms at two periods of sizes; a network that does not run is reported elsewhere."""
    progress("closed forms over two periods of sizes")
    try:
        yield from over_periods(document, graph, Running(generate(graph), graph, "meta"), sizes)
    except FAULTS:
        return


def refused(graph: Graph, tried: Sequence[Sizes]) -> Row:
    """Checks that the network built for the spec's size refuses, in torch, the sizes that archcalc refuses."""
    running = Running(generate(graph), graph, "meta")
    taken = [str(list(sizes.values())) for sizes in tried if takes(running, sizes)]
    at = f"sizes that do not fit: {shown(tried[0])}" + (f" to {shown(tried[-1])}" if len(tried) > 1 else "")
    right = len(tried) - len(taken)
    return Row(
        "refused", META, at, counted(len(tried), "size"), counted(right, "size"), not taken,
        tuple(f"torch accepts {each}" for each in taken),
    )  # fmt: skip


def shown(sizes: Sizes) -> str:
    return " ".join(str(list(shape)) for shape in sizes.values())


def takes(running: Running, sizes: Sizes) -> bool:
    samples = [
        torch.zeros((1, *sizes[each.name]), dtype=torch_dtype(each), device="meta") for each in running.graph.inputs
    ]
    try:
        with torch.no_grad():
            running.module(*samples)
    except FAULTS:
        return False
    return True


# --- a real run ------------------------------------------------------------------------------------------------------


ALONE = 10**10
"""A network of fewer MACs runs on one thread of the CPU: in less than half a second."""


def really(
    graph: Graph, device: str, setup: TrainingSetup | None, progress: Progress, dyed: bool = True
) -> Iterator[Row]:
    """Runs the network with random weights: on the CPU with dye, and on the GPU if requested."""
    torch.manual_seed(0)
    for each in ("cpu", "cuda") if device == "cuda" else ("cpu",):
        yield from really_on(each, graph, setup, progress, dyed)


def really_on(device: str, graph: Graph, setup: TrainingSetup | None, progress: Progress, dyed: bool) -> Iterator[Row]:
    """A real run on one device, if it fits into memory; without a `setup`, memory is not measured."""
    at, level = size_of(graph), LEVELS[device]
    if (needed := taken(graph)) > room(device):
        yield Row("a real run", level, at, "finite", f"not run: needs {needed / 2**30:.1f} GiB", None)
        return
    progress(f"a real run on {device}")
    try:
        source = generate(graph, checkpointed=setup.checkpointed if setup else ())
        running = Running(source, graph, device)
        with one_thread(when=device == "cpu" and sum(map(macs, graph)) < ALONE):
            yield from real_run(running, level, at)
            if device == "cpu" and dyed:
                progress("receptive fields, by dye")
                yield from dye(running, at)
        if setup:
            progress(f"memory on {device}")
            yield from footprints(graph, running, setup, level, at + setup.words, room(device))
    except FAULTS as fault:
        yield broken("the network can be run", level, at, fault)


def timed(graph: Graph, device: str, progress: Progress) -> Times:
    """Measures the time of the network."""
    at, level = size_of(graph), LEVELS[device]
    if device == "meta":
        return [Row("time", level, at, "not predicted", "not run: the meta device computes nothing", None)], None
    if taken(graph) > room(device):
        return [Row("time", level, at, "not predicted", "not run: not enough memory", None)], None
    progress(f"time on {device}")
    try:
        found = timing(Running(generate(graph), graph, device))
    except FAULTS as fault:
        return [broken("time can be measured", level, at, fault)], None
    return list(rows_of(found, level, at)), plain(found)


def taken(graph: Graph) -> int:
    """The approximate bytes of a forward pass."""
    return sum(map(param_bytes, graph)) + 4 * max(map(output_bytes, graph), default=0)


def real_run(running: Running, level: str, at: str) -> Iterator[Row]:
    """Compares shapes again, and checks that all values are finite."""
    shapes: dict[str, str] = {}
    finite: dict[str, str] = {}

    def see(node: Node, value: Tensor) -> None:
        shapes[node.name] = described(value)
        finite[node.name] = "finite" if bool(value.isfinite().all()) else "not finite"

    running.run(running.inputs(), see)
    predicted = volumes(running.graph)
    yield compared("shapes and dtypes", level, at, predicted, shapes, "layer")
    yield compared("finite outputs", level, at, dict.fromkeys(predicted, "finite"), finite, "layer")


def room(device: str) -> float:
    """The bytes that a run may use."""
    return SHARE * free_memory(device)


def free_memory(device: str) -> int:
    """The approximate free memory in bytes; 4 GiB if the system does not report it."""
    if device == "cuda":
        torch.cuda.empty_cache()
        free, _ = torch.cuda.mem_get_info()
        return int(free)
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return 4 * 2**30
