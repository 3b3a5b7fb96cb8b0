"""The memory of a network: predicted, estimated by other tools, and measured, in one run on one machine.

All use the same module: the source that archcalc generates. Each estimate is compared with the quantity that a reader
would take it for. Measured are the tensors that autograd saves and the allocator's events, without kernel workspaces.
"""

import gc
import json
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch
from torch import Tensor, nn

from archcalc import generate, load
from archcalc.graph.graph import Graph
from archcalc.memory import optimizers  # noqa: F401  every optimizer registers itself
from archcalc.memory.footprint import footprint_of
from archcalc.memory.optimizer import read_optimizer
from archcalc.memory.training_setup import TrainingSetup
from archcalc.verification.memory import measured as memory
from archcalc.verification.memory.saved import saved
from archcalc.verification.trace import Running
from benchmarks.closed_forms import ROUNDS, median_of

NETWORKS = {
    "VGG-16": "vgg16",
    "ResNet-50": "resnet50",
    "MobileNetV2": "mobilenet_v2",
    "U-Net, padded": "unet_padded",
    "ViT-B/16": "vit_b16",
}
BATCH = 2

SAVED = "saved for backward"
INFERENCE = "inference peak of the flat source, with parameters and buffers"
TRAINING = "training peak of forward and backward, with parameters and buffers"
ITERATION = "iteration peak with AdamW's state and step (foreach)"

Estimate = tuple[str, str, int]
"""The estimated quantity, the tool, and the bytes."""

# --- measured and predicted ------------------------------------------------------------------------------------------


def measured(graph: Graph, running: Running, inputs: Sequence[Tensor]) -> dict[str, int]:
    """The measured bytes; this trains the parameters for one step."""
    standing = memory.standing(running).total
    found = {
        SAVED: saved(running, inputs).total,
        INFERENCE: standing + flat_inference(graph),
        TRAINING: standing + memory.training(running, inputs).stream.peak,
    }
    optimizer = torch.optim.AdamW(running.module.parameters(), foreach=True)
    peak = memory.iteration(running, inputs, optimizer).stream.peak
    return {**found, ITERATION: standing + memory.state_bytes(optimizer) + peak}


def flat_inference(graph: Graph) -> int:
    flat = Running(generate(graph, flat=True), graph, "cpu")
    return memory.inference(flat, flat.inputs()).stream.peak


def archcalc_estimates(graph: Graph) -> Iterator[Estimate]:
    found = footprint_of(graph, TrainingSetup(optimizer=read_optimizer("adamw")))
    standing = found.parameters + found.buffers
    yield SAVED, "archcalc", sum(found.saved.values())
    yield INFERENCE, "archcalc", standing + found.inference.live
    yield TRAINING, "archcalc", standing + found.training.live
    yield ITERATION, "archcalc", found.iteration


# --- others ----------------------------------------------------------------------------------------------------------


def torchinfo_estimates(module: nn.Module, inputs: Sequence[Tensor]) -> Iterator[Estimate]:
    """`summary`: "Forward/backward pass size" and "Estimated Total Size"."""
    from torchinfo import summary  # lazy: it may not be installed

    output = summary(module, input_data=list(inputs), verbose=0)
    total = output.total_input + output.total_output_bytes + output.total_param_bytes
    yield SAVED, "torchinfo, forward/backward pass size", output.total_output_bytes
    yield INFERENCE, "torchinfo, estimated total size", total
    yield TRAINING, "torchinfo, estimated total size", total


def fvcore_estimates(module: nn.Module, inputs: Sequence[Tensor]) -> Iterator[Estimate]:
    """`ActivationCountAnalysis`: the outputs of convolutions and matrix products, of 4 bytes each."""
    from fvcore.nn import ActivationCountAnalysis  # lazy: it may not be installed

    counted = ActivationCountAnalysis(module, tuple(inputs))
    counted.unsupported_ops_warnings(False).uncalled_modules_warnings(False).tracer_warnings("none")
    yield SAVED, "fvcore, activation count x 4 bytes", 4 * int(counted.total())


def accelerate_estimates(module: nn.Module, inputs: Sequence[Tensor]) -> Iterator[Estimate]:
    """The "Training using Adam" of `accelerate estimate-memory`, from its own two functions, without the Hub."""
    from accelerate.commands.estimate import estimate_training_usage  # lazy: it may not be installed
    from accelerate.utils import calculate_maximum_sizes

    size, _ = calculate_maximum_sizes(module)
    yield ITERATION, "Accelerate, training using Adam", max(estimate_training_usage(size, "float32").values())


def kitsune_estimates(module: nn.Module, inputs: Sequence[Tensor]) -> Iterator[Estimate]:
    """`predict_memory`, which means a GPU and adds an overhead."""
    from kitsune.predict import predict_memory  # lazy: it may not be installed

    shape, batch = tuple(inputs[0].shape[1:]), len(inputs[0])
    found = predict_memory(module, shape, batch, optimizer="adamw")
    yield SAVED, "torch-kitsune, activations", found.activation_bytes
    yield ITERATION, "torch-kitsune, total", found.total_bytes


def preflight_estimates(module: nn.Module, inputs: Sequence[Tensor]) -> Iterator[Estimate]:
    """`VRAMGuard` of torch-preflight, which means a GPU; its context is left out."""
    from torch_preflight.vram.costmodel import estimate  # lazy: it may not be installed
    from torch_preflight.vram.guard import VRAMGuard

    optimizer = torch.optim.AdamW(module.parameters())
    guard = VRAMGuard(module, optimizer=optimizer, batch_size=len(inputs[0]), example_input=inputs[0])
    found = estimate(guard.profile, guard.config).breakdown
    yield SAVED, "torch-preflight, activations", found.activations
    yield ITERATION, "torch-preflight, total without the context of a GPU", found.total - found.cuda_context


PEERS: dict[str, Callable[[nn.Module, Sequence[Tensor]], Iterator[Estimate]]] = {
    "torchinfo": torchinfo_estimates,
    "fvcore": fvcore_estimates,
    "accelerate": accelerate_estimates,
    "torch-kitsune": kitsune_estimates,
    "torch-preflight": preflight_estimates,
}


def installed() -> dict[str, str]:
    """The versions of the installed tools."""
    found = {}
    for name in PEERS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            print(f"{name} is not installed: pip install {name}")
    return found


# --- printed ---------------------------------------------------------------------------------------------------------


def beside_others(peers: Sequence[str]) -> None:
    for name, spec in NETWORKS.items():
        torch.manual_seed(0)
        graph = load(spec, batch=BATCH)
        running = Running(generate(graph), graph, "cpu")
        inputs = running.inputs()
        estimates = list(archcalc_estimates(graph))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            estimates += [each for peer in peers for each in PEERS[peer](running.module, inputs)]
        truth = measured(graph, running, inputs)
        print(f"{name}, {BATCH} x {graph.inputs[0].volume}, float32")
        for figure, nbytes in truth.items():
            print(f"{nbytes:17,} bytes  {figure}")
            for by, estimate in [(by, estimate) for what, by, estimate in estimates if what == figure]:
                off = estimate - nbytes
                print(f"{off:+17,} {100 * off / nbytes:+7.1f} %  {by}")
        del running, inputs
        gc.collect()


def time_of_ours() -> None:
    print(f"in process, after import, median of {ROUNDS} rounds: every figure of ResNet-152 with AdamW")
    setup = TrainingSetup(optimizer=read_optimizer("adamw"))
    graph = load("resnet50@resnet152", batch=BATCH)
    print(f"{median_of(partial(footprint_of, graph, setup)):9.1f} ms  from the graph")
    whole = median_of(lambda: footprint_of(load("resnet50@resnet152", batch=BATCH), setup))
    print(f"{whole:9.1f} ms  from the spec")


def stack() -> None:
    """A network with more than 100 billion parameters, in a fresh process."""
    begin = time.perf_counter()
    command = [sys.executable, "-m", "benchmarks.stack"]
    ended = subprocess.run(command, check=True, capture_output=True, text=True, cwd=Path(__file__).parent.parent)
    seconds = time.perf_counter() - begin
    output = json.loads(ended.stdout)
    ours, meta = output["predicted"], output["measured"]
    print(f"a stack of {ours['parameters']:,} parameters, in a separate process")
    print(f"{1000 * ours['seconds']:9.1f} ms  from the text to every figure; peak memory {mib(ours['rss'])}")
    print(f"{seconds:9.1f} s   the whole process, including torch and the meta device; peak memory {mib(meta['rss'])}")
    print(f"{ours['saved']:19,} bytes saved for backward as predicted, {meta['saved']:,} on the meta device")
    print(f"{ours['training']:19,} bytes training peak, {ours['iteration']:,} bytes iteration peak with AdamW")


def mib(nbytes: int) -> str:
    return f"{nbytes / 2**20:.0f} MiB"


def main() -> None:
    peers = installed()
    print(
        "memory compared with " + ", ".join(f"{name} {number}" for name, number in peers.items()) if peers else "memory"
    )
    print("torchinfo and fvcore do not claim to predict peaks or saved bytes: differences show a reader's error")
    beside_others(list(peers))
    time_of_ours()
    stack()


if __name__ == "__main__":
    main()
