"""Wrong formulas, put into layers one at a time: do the tests that name no layer see them?

`make faults` plants each in a copy of the project and runs those tests there; it prints which were seen, and by what.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
PARTS = ("archcalc", "tests", "specs", "docs", "pyproject.toml", "README.md")

GENERIC = (
    ("tests/layers/test_layers.py",),
    ("tests/networks/test_zoo.py", "-k", "agrees_with_torch"),
    ("archcalc/core",),  # at which end `same_upper` pads is a convention: the examples of its docstring hold it
)
"""The tests that name no layer; the later ones are asked where the earlier ones see nothing."""

BAR = 19


@dataclass(frozen=True)
class Fault:
    """`right`, which stands once in `file`, is replaced by `wrong`."""

    what: str
    file: str
    right: str
    wrong: str

    @property
    def path(self) -> str:
        return f"archcalc/{self.file}"


FAULTS = (
    Fault("MACs forget groups", "layers/conv.py",
          "fan_in = exact(x.channels, self.groups) * prod", "fan_in = x.channels * prod"),
    Fault("weights forget groups", "layers/conv.py",
          "(self.out_channels, exact(x.channels, self.groups), *self.kernel(x))",
          "(self.out_channels, x.channels, *self.kernel(x))"),
    Fault("a bias is added once for each filter, not for each output", "layers/conv.py",
          "bias=y.numel if self.bias else 0)", "bias=self.out_channels if self.bias else 0)"),
    Fault("dilation stretches the window by a whole step too much", "core/window.py",
          'inclusive: d(k - 1) + 1."""\n        return self.dilation * (self.kernel - 1) + 1',
          'inclusive: d(k - 1) + 1."""\n        return self.dilation * self.kernel'),
    Fault("ceil mode counts windows that begin in the right padding", "core/window.py",
          "minimum(0, self.end + self.stride - self.extent)", "(self.end + self.stride - self.extent)"),
    Fault("windows begin an element late", "core/window.py",
          "first = i * self.stride - self.begin\n", "first = i * self.stride - self.begin + 1\n"),
    Fault("transposed sizes forget output_padding", "core/window.py",
          "- self.begin - self.end + self.extent + self.output_padding", "- self.begin - self.end + self.extent"),
    Fault("transposed MACs are taken from the output", "layers/transposed_conv.py",
          "Ops(mac=x.numel * patch", "Ops(mac=y.numel * patch"),
    Fault("transposed weights in the order of a convolution's", "layers/transposed_conv.py",
          'Weight("weight", (x.channels, each,', 'Weight("weight", (each, x.channels,'),
    Fault("adaptive windows end where the next one begins", "core/window.py",
          "ceil_div((i + 1) * self.inputs, self.outputs))", "(i + 1) * self.inputs // self.outputs)"),
    Fault("average pooling divides once for each input", "layers/pool.py",
          "Ops(add=self.taps(x) - y.numel, div=y.numel)", "Ops(add=self.taps(x) - y.numel, div=x.numel)"),
    Fault("batch norm forgets a buffer", "layers/batchnorm.py",
          '        yield Weight("num_batches_tracked", (), buffer=True, dtype="int64")\n', ""),
    Fault("layer norm takes the statistics of the batch together", "layers/layernorm.py",
          "groups = x.numel, x.batch if", "groups = x.numel, 1 if"),
    Fault("softmax compares over all positions at once", "layers/softmax.py",
          "softmax_ops(x.numel, x.positions if", "softmax_ops(x.numel, x.batch if"),
    Fault("a linear layer does not see the positions", "layers/linear.py",
          "return x.channels * prod(x.spatial) if flattened(x)", "return x.channels if flattened(x)"),
    Fault("local weights are shared after all", "layers/locally_connected.py",
          '"weight", (self.out_channels * prod(positions),', '"weight", (self.out_channels,'),
    Fault("the connection table is full", "layers/table_conv.py",
          "return sum(len(inputs) for inputs in self.table)",
          "return len(self.table) * (1 + max(map(max, self.table)))"),
    Fault("linear interpolation reads units of weight zero", "layers/upsample.py",
          "odd = scale % 2", "odd = 0"),
    Fault("resized units lie over corners, not centres", "core/window.py",
          "(2 * element + 1) * inputs - outputs, 2 * outputs", "2 * element * inputs, 2 * outputs"),
    Fault("cropping takes the odd unit from the beginning", "layers/crop.py",
          "((n - m) // 2, n - m - (n - m) // 2)", "(n - m - (n - m) // 2, (n - m) // 2)"),
    Fault("same_upper and same_lower are mixed up", "core/padding.py",
          '(less, more) if rule == "same_upper"', '(less, more) if rule == "same_lower"'),
    Fault("maxout keeps all of its pieces", "layers/maxout.py",
          "return x.to(self.out_features, () if flattened(x) else x.spatial)",
          "return x.to(self.out_features * self.pieces, () if flattened(x) else x.spatial)"),
    Fault("a product counts its first factor too", "layers/merge.py",
          "Ops(mul=sum(part.numel for part in partial(xs)))", "Ops(mul=len(xs) * y.numel)"),
    Fault("local response norm squares what is beyond the border", "layers/lrn.py",
          "squares = x.positions * self.neighbours(x).taps(x.channels)", "squares = x.numel * self.size"),
    Fault("distances forget to subtract", "layers/rbf.py",
          "bias=y.numel if self.bias else 0, add=squares)", "bias=y.numel if self.bias else 0)"),
)  # fmt: skip


def main() -> int:
    """Plants every fault, and says which were seen; 0 where all but one of twenty are."""
    seen = 0
    for fault in FAULTS:
        by = seen_by(fault)
        seen += bool(by)
        print(f"{'seen  ' if by else 'MISSED'}  {fault.what}  ({fault.file}){'  by ' + by if by else ''}", flush=True)
    print(f"{seen} of {len(FAULTS)} faults seen")
    return 0 if seen * 20 >= BAR * len(FAULTS) else 1


def seen_by(fault: Fault) -> str:
    """The first test that fails; empty where none does."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for part in PARTS:
            source = ROOT / part
            if source.is_dir():
                shutil.copytree(source, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, copy / part)
        file = copy / fault.path
        file.write_text(file.read_text().replace(fault.right, fault.wrong))
        return next(filter(None, (first_failure(copy, tests) for tests in GENERIC)), "")


def first_failure(folder: Path, tests: tuple[str, ...]) -> str:
    command = [sys.executable, "-m", "pytest", "-x", "-q", "--no-header", "-p", "no:cacheprovider", *tests]
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    found = re.search(r"^(?:FAILED|ERROR) (\S+)", run.stdout, re.MULTILINE)
    return found[1] if run.returncode and found else ("an error in collection" if run.returncode else "")


if __name__ == "__main__":
    sys.exit(main())
