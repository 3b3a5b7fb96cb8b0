"""The time of whole processes, as seen from the shell, with torchinfo on the same network in the same run.

The commands alternate, so that slow moments of the machine affect all of them. Modules are compiled beforehand, as in
an installed package.
"""

import compileall
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import archcalc
from archcalc import generate, load

SPEC = Path(__file__).parent.parent / "specs" / "resnet50.yaml"
RUNS = 15

TORCHINFO = """
import runpy, sys
from torchinfo import summary
model = runpy.run_path(sys.argv[1])[sys.argv[2]]()
print(summary(model, (1, 3, 224, 224), device="cpu"))
"""


def seconds(command: Sequence[str]) -> float:
    begin = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begin


def medians(commands: dict[str, Sequence[str]], runs: int = RUNS) -> dict[str, float]:
    """The median milliseconds of each command: one warm-up, then `runs` rounds of one run each."""
    for command in commands.values():
        seconds(command)
    rounds = [{name: seconds(command) for name, command in commands.items()} for _ in range(runs)]
    return {name: 1000 * statistics.median(each[name] for each in rounds) for name in commands}


def has_torchinfo() -> bool:
    return subprocess.run([sys.executable, "-c", "import torchinfo"], capture_output=True, check=False).returncode == 0


def main() -> None:
    compileall.compile_dir(Path(archcalc.__file__).parent, quiet=1)
    ours = [sys.executable, "-m", "archcalc"]
    commands: dict[str, Sequence[str]] = {
        "python -c pass (the floor)": [sys.executable, "-c", "pass"],
        "archcalc --version": [*ours, "--version"],
        "archcalc --help": [*ours, "--help"],
        "archcalc report specs/resnet50.yaml": [*ours, "report", str(SPEC)],
        "archcalc report specs/resnet50.yaml --format json": [*ours, "report", str(SPEC), "--format", "json"],
        "archcalc formula resnet50 --free H,W": [*ours, "formula", "resnet50", "--free", "H,W"],
        "archcalc solve resnet50 --for w --where 'params <= 5M'": [
            *ours,
            "solve",
            "resnet50",
            "--for",
            "w",
            "--where",
            "params <= 5M",
        ],
        "archcalc explain resnet50 stem": [*ours, "explain", "resnet50", "stem"],
        "archcalc report llama2@70b": [*ours, "report", "llama2@70b"],
        "archcalc report deepseek_v3": [*ours, "report", "deepseek_v3"],
        "archcalc check specs, the whole zoo": [*ours, "check", str(SPEC.parent)],
    }
    with tempfile.TemporaryDirectory() as folder:
        if has_torchinfo():
            source = generate(load(str(SPEC)))
            model = Path(folder) / "resnet50.py"
            model.write_text(source.text)
            commands["torchinfo on the same network"] = [sys.executable, "-c", TORCHINFO, str(model), source.name]
        else:
            print("torchinfo is not installed: pip install torchinfo")
        print(f"whole processes, median of {RUNS} rounds")
        for name, milliseconds in medians(commands).items():
            print(f"{milliseconds:9.1f} ms  {name}")


if __name__ == "__main__":
    main()
