"""Networks analysed per second: a sweep by closed forms, and other tools in a loop, over the same designs in one run.

All count the parameters and MACs of ResNet-50 at 200 widths and sizes. The other tools read the module that archcalc
generates for each; building it is not counted. A sweep evaluates many more designs, since 200 take it no time.

    python -m benchmarks.sweeps
"""

import contextlib
import io
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

import archcalc
from archcalc import generate, load
from archcalc.measure import MEASURES
from archcalc.verification.trace import Running

NETWORK = "resnet50"
WIDTHS, SIZES = range(8, 48, 2), range(64, 224, 16)
DESIGNS = [(w, size) for w in WIDTHS for size in SIZES]
MANY = "1..100000"


def of_torchinfo(running: Running, inputs: list[torch.Tensor]) -> tuple[int, int]:
    import torchinfo  # lazy: an optional peer

    found = torchinfo.summary(running.module, input_data=inputs, verbose=0)
    return found.total_params, found.total_mult_adds


def of_fvcore(running: Running, inputs: list[torch.Tensor]) -> tuple[int, int]:
    from fvcore.nn import FlopCountAnalysis  # lazy: an optional peer

    found = FlopCountAnalysis(running.module, tuple(inputs)).unsupported_ops_warnings(False)
    return sum(p.numel() for p in running.module.parameters()), int(found.total())


def of_onnx_tool(running: Running, inputs: list[torch.Tensor]) -> tuple[int, int]:
    import onnx_tool  # lazy: an optional peer

    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        path = str(Path(folder, "net.onnx"))
        torch.onnx.export(running.module, tuple(inputs), path, dynamo=False)
        graph = onnx_tool.Model(path, {"verbose": False}).graph
        graph.shape_infer(None)
        graph.profile()
        macs, params = graph.macs, graph.params
    return int(params), int(macs[0] if isinstance(macs, list) else macs)


PEERS: dict[str, tuple[str, Callable[[Running, list[torch.Tensor]], tuple[int, int]]]] = {
    "torchinfo": ("torchinfo", of_torchinfo),
    "fvcore": ("fvcore", of_fvcore),
    "onnx-tool, with the export": ("onnx-tool", of_onnx_tool),
}


def seconds(work: Callable[[], Any]) -> tuple[float, Any]:
    """The CPU seconds of some work, all threads together, and its result."""
    begin = time.process_time()
    result = work()
    return time.process_time() - begin, result


def runs() -> Iterator[tuple[Running, list[torch.Tensor], int]]:
    """Each design as a module, with its MACs as archcalc counts them."""
    for w, size in DESIGNS:
        graph = load(NETWORK, settings={"w": str(w), "H": str(size), "W": str(size)})
        running = Running(generate(graph), graph, "cpu")
        running.module.eval()
        yield running, list(running.inputs()), int(MEASURES["macs"].total(graph))


def main() -> None:
    warnings.filterwarnings("ignore")
    taken = dict.fromkeys(PEERS, 0.0)
    same = dict.fromkeys(PEERS, 0)
    missing = {name: each for name, (each, _) in PEERS.items() if not installed(each)}
    for running, inputs, macs in runs() if len(missing) < len(PEERS) else ():
        for name, (_, count) in PEERS.items():
            if name not in missing:
                spent, (_, counted) = seconds(partial(count, running, inputs))
                taken[name] += spent
                same[name] += abs(counted - macs) <= 0.02 * macs
    axes = {"w": f"{WIDTHS.start}..{WIDTHS[-1]}:{WIDTHS.step}", "H=W": f"{SIZES.start}..{SIZES[-1]}:{SIZES.step}"}
    asked: dict[str, Any] = dict(minimise="macs", maximise="params")
    once, _ = seconds(lambda: archcalc.sweep(NETWORK, over=axes, **asked))
    many, _ = seconds(lambda: archcalc.sweep(NETWORK, over={**axes, "N": MANY}, **asked))
    rate = (many - once) / (len(DESIGNS) * 99_999)
    print(f"{len(DESIGNS)} designs of {NETWORK}: parameters and MACs, CPU time")
    print(f"  {'archcalc sweep, the 200':28}{once:10.2f} s")
    print(f"  {'archcalc sweep, per design':28}{rate * 1e9:10.1f} ns, from {len(DESIGNS) * 100_000:,} designs")
    for name in PEERS:
        if name in missing:
            print(f"  {name:28}{'not installed':>13}")
            continue
        each = taken[name] / len(DESIGNS)
        times = f"{1 / each:6.1f} a second  {each / rate:,.0f} designs of the sweep in the time of one"
        print(f"  {name:28}{taken[name]:10.2f} s  {times}; MACs within 2 % at {same[name]} designs")


def installed(name: str) -> bool:
    with contextlib.suppress(PackageNotFoundError):
        return bool(version(name))
    return False


if __name__ == "__main__":
    main()
