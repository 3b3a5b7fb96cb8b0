"""How fast archcalc is beside other tools, as ratios of CPU time: one table, measured in one run.

Whole processes, user and system time of all their threads. The commands of a group alternate, and each is compared with
the process that the group is measured in: a bare interpreter, or `import torch`. Peak memory is that of the process.

    make bench, or: python -m benchmarks.ratios [--netscope FOLDER] [--rounds N] [--large LAYERS] [--write FILE]

FOLDER is a checkout of Netscope, prepared as benchmarks/netscope.js says. The row of a tool that is missing says so.
"""

import argparse
import compileall
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

ROOT = Path(__file__).parent.parent
SPECS = ROOT / "specs"
LIMIT = 300
"""Seconds after which a command is stopped."""

MARKS = "<!-- measured: python -m benchmarks.ratios --write -->\n", "<!-- end of what is measured -->\n"

SUMMARY = """
import runpy, sys, warnings, torch
warnings.simplefilter("ignore")
model = runpy.run_path(sys.argv[1])[sys.argv[2]]().eval()
inputs = torch.zeros(1, 3, 224, 224)
"""

PEERS = {
    "torchinfo": "from torchinfo import summary\nprint(summary(model, (1, 3, 224, 224), device='cpu'))",
    "fvcore": "from fvcore.nn import FlopCountAnalysis, flop_count_table\n"
    "print(flop_count_table(FlopCountAnalysis(model, inputs)))",
    "thop": "from thop import profile\nprint(profile(model, inputs=(inputs,), verbose=False))",
    "calflops": "from calflops import calculate_flops\n"
    "print(calculate_flops(model, input_shape=(1, 3, 224, 224), print_results=False))",
    "onnx-tool": "import io, onnx_tool\nfile = io.BytesIO()\ntorch.onnx.export(model, (inputs,), file, dynamo=False)\n"
    "file.seek(0)\nimport onnx\nfound = onnx_tool.Model(onnx.load(file), {'verbose': False}).graph\n"
    "found.shape_infer(None)\nfound.profile()\nprint(found.macs)",
    "torch's own counter": "from torch.utils.flop_counter import FlopCounterMode\n"
    "with FlopCounterMode(display=False) as counter:\n    model(inputs)\nprint(counter.get_total_flops())",
}
"""What each tool runs to give the parameters or operations of a module."""


@dataclass(frozen=True)
class Taken:
    """The CPU seconds of a process, and its peak memory in MiB; `why`: why there is none."""

    seconds: float = 0.0
    mib: float = 0.0
    why: str = ""


@dataclass(frozen=True)
class Row:
    """A line of the table: what runs, times what, the ratio as text, the peak memory, the bar."""

    what: str
    ratio: str
    unit: str
    memory: str = ""
    bar: str = ""


def taken(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Taken:
    """One run of a command."""
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=said, cwd=ROOT, env={**os.environ, **(environment or {})}
        )
        begin = time.monotonic()
        while (ended := os.wait4(process.pid, os.WNOHANG))[0] == 0:
            if time.monotonic() - begin > LIMIT:
                process.kill()
                os.wait4(process.pid, 0)
                return Taken(why=f"not in {LIMIT} s")
            time.sleep(0.002)
        _, status, used = ended
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            return Taken(why=said.read().decode(errors="replace").strip().rpartition("\n")[2][:60] or "fails")
    return Taken(used.ru_utime + used.ru_stime, used.ru_maxrss / (1 << 10 if sys.platform != "darwin" else 1 << 20))


def least(commands: Mapping[str, Sequence[str]], rounds: int) -> dict[str, Taken]:
    """The least of each command: rounds of one run each, so that slow moments meet all of them."""
    found: dict[str, list[Taken]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            if not (found[name] and found[name][-1].why):
                each = taken(command)
                found[name] = [each] if each.why else [*found[name], each]
    return {name: min(runs, key=lambda each: each.seconds) for name, runs in found.items()}


def rows(found: Mapping[str, Taken], unit: str, said: str, bars: Mapping[str, str]) -> Iterator[Row]:
    """The commands of a group, measured in one of them."""
    for name, each in found.items():
        if name != unit:
            ratio = each.why or f"{each.seconds / found[unit].seconds:.2f}"
            yield Row(name, ratio, said, "" if each.why else f"{each.mib:.0f} MiB", bars.get(name, ""))


# --- the groups ------------------------------------------------------------------------------------------------------


def python(*arguments: str) -> list[str]:
    return [sys.executable, *arguments]


def archcalc(*arguments: str, cached: bool = False) -> list[str]:
    """The command as the installed script runs it: `python -m` costs most of an interpreter itself."""
    program = "import sys; from archcalc.__main__ import main; main()"
    return python("-c", program, *arguments, *([] if cached else ["--no-cache"]))


def start(rounds: int) -> Iterator[Row]:
    report = str(SPECS / "resnet50.yaml")
    bare, said = "a bare interpreter", "a bare interpreter"
    few = {
        bare: python("-c", "pass"),
        "`import archcalc`": python("-c", "import archcalc"),
        "`archcalc --help`": python("-c", "from archcalc.__main__ import main; main()", "--help"),
        "`report resnet50.yaml`": archcalc("report", report),
        "`report resnet50.yaml`, again": archcalc("report", report, cached=True),
        "`report deepseek_v3`": archcalc("report", "deepseek_v3"),
        "`formula resnet50 --free H,W`": archcalc("formula", "resnet50", "--free", "H,W", cached=True),
        "`explain resnet50 stem`": archcalc("explain", "resnet50", "stem", cached=True),
        "`import torch`": python("-c", "import torch"),
    }
    bars = dict(zip(few, ("", "2", "5", "8; 20 MiB", "1.5"), strict=False))
    found = least(few, rounds)
    yield from rows(found, bare, said, bars)
    whole = {
        "`check specs`, the whole zoo with rules": archcalc("check", str(SPECS)),
        "`check specs`, again": archcalc("check", str(SPECS), cached=True),
    }
    found = {bare: found[bare], **least(whole, 3)}  # two runs of a short process may both meet a slow moment
    yield from rows(found, bare, said, {"`check specs`, the whole zoo with rules": "80"})


def beside(netscope: Path | None, rounds: int) -> Iterator[Row]:
    """Other tools on the same network, in times of a report of ours."""
    ours = "`report resnet50.yaml`"
    commands = {ours: archcalc("report", str(SPECS / "resnet50.yaml"))}
    with tempfile.TemporaryDirectory() as folder:
        module = Path(folder) / "resnet50.py"
        subprocess.run(
            archcalc("generate", str(SPECS / "resnet50.yaml"), "-o", str(module), cached=True), check=True, cwd=ROOT
        )
        name = next(
            line[6:].partition("(")[0] for line in reversed(module.read_text().split("\n")) if line[:6] == "class "
        )
        for tool, program in PEERS.items():
            commands[tool] = python("-c", SUMMARY + program, str(module), name)
        if netscope:
            script, network = ROOT / "benchmarks" / "netscope.js", netscope / "presets" / "resnet-50.prototxt"
            commands["Netscope's engine under node"] = ["node", str(script), str(netscope), str(network)]
        bars = {"torchinfo": "at least 30", "Netscope's engine under node": "above 1"}
        yield from rows(least(commands, rounds), ours, "our report, uncached", bars)


def verifying(rounds: int) -> Iterator[Row]:
    unit = "`import torch`"
    runs = {("resnet50", "meta"): "1.8", ("llama2@70b", "meta"): "4", ("deepseek_v3", "meta"): "4"}
    runs["resnet50", "cpu"] = "5"
    names = {f"`verify {network} --device {device}`": (network, device) for network, device in runs}
    commands = {unit: python("-c", "import torch")}
    program = "from archcalc.__main__ import main; main()"
    commands |= {
        name: python("-c", program, "verify", network, "--device", device) for name, (network, device) in names.items()
    }
    yield from rows(least(commands, rounds), unit, unit, {name: runs[each] for name, each in names.items()})


GROWING = {
    "report": ["report"],
    "report --train": ["report", "--train"],
    "check": ["check"],
    "formula --free H,W": ["formula", "--free", "H,W"],
    "generate": ["generate"],
}


def growth(large: int) -> Iterator[Row]:
    """The time of many layers, for each layer, in times of that of 1,000; the start of the program is subtracted."""
    with tempfile.TemporaryDirectory() as folder:
        specs = {}
        for layers in (2, 1_000, large):
            specs[layers] = Path(folder) / f"chain{layers}.yaml"
            lines = ["archcalc: 1", "name: chain", "input: [3, 64, 64]", "layers:"]
            specs[layers].write_text("\n".join([*lines, *("- conv(1,8)->relu" for _ in range(layers // 2))]))
        for name, (command, *options) in GROWING.items():
            cached = command in ("report", "check")
            commands = {
                str(layers): archcalc(command, str(spec), "--max-layers", str(large), *options, cached=not cached)
                for layers, spec in specs.items()
            }
            many = taken(commands.pop(str(large)))
            short = least(commands, 5)
            start, few = short["2"].seconds, short["1000"]
            slope = (many.seconds - start) / (few.seconds - start) / (large / 1_000)
            memory = "" if many.why else f"{many.mib:.0f} MiB"
            yield Row(
                f"`{name}`, {large:,} layers", many.why or f"{slope:.2f}", "a layer of 1,000", memory, "1.2; 300 MiB"
            )


# --- printed ---------------------------------------------------------------------------------------------------------


def table(found: Sequence[Row], notes: Sequence[str]) -> str:
    cells = [("what runs", "ratio", "in CPU times of", "peak memory", "bar")]
    cells += [(each.what, each.ratio, each.unit, each.memory, each.bar) for each in found]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [
        "| " + " | ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)) + " |" for row in cells
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join([*lines, "", *notes, ""])


def versions() -> str:
    """What was measured, on what."""
    found = [f"Python {platform.python_version()}"]
    for each in ("torch", *PEERS):
        with suppress(PackageNotFoundError):
            found.append(f"{each} {version(each)}")
    return f"{', '.join(found)}; {os.cpu_count()} CPU cores."


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--netscope", type=Path)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--large", type=int, default=100_000)
    parser.add_argument("--write", type=Path, help="Put the table into this file, between its marks.")
    given = parser.parse_args()
    compileall.compile_dir(ROOT / "archcalc", quiet=1)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPATH"] = str(ROOT)
    with tempfile.TemporaryDirectory() as cache:
        os.environ["XDG_CACHE_HOME"] = cache
        os.environ.pop("ARCHCALC_NO_CACHE", None)
        few = max(1, given.rounds // 5)
        found = [
            *start(given.rounds),
            *beside(given.netscope, few),
            *verifying(few),
            *(growth(given.large) if given.large else ()),
        ]
    notes = [versions()]
    notes += [] if given.netscope else ["Netscope was not measured: see benchmarks/netscope.js."]
    text = table(found, notes)
    print(text)
    if given.write:
        before, _, rest = given.write.read_text().partition(MARKS[0])
        given.write.write_text(before + MARKS[0] + "\n" + text + "\n" + MARKS[1] + rest.partition(MARKS[1])[2])


if __name__ == "__main__":
    main()
