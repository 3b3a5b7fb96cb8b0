"""The checklist of a release, run step by step: `python -m release`, or `make release`.

The distributions are built in an environment of their own, installed in a fresh one, and used from an empty folder.
`verify` needs torch: that of the interpreter that runs the checklist is lent to the fresh environment.
"""

import argparse
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import venv
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).parent.parent
MOST_BYTES = 2_000_000
NEEDED = ("archcalc/py.typed", "archcalc/specs/resnet50.yaml", "archcalc/usage/starters/cnn.yaml")
"""Files that are easily forgotten."""

FORBIDDEN = re.compile(r"(^|/)(tests|docs|benchmarks|release|__pycache__|\.[^/]+)(/|$)")
"""Folders that a wheel does not contain."""


class Failed(Exception):
    """A step that is not met, and why."""


@dataclass
class Release:
    """The state of a checklist: its folder, and what the steps so far have made."""

    folder: Path
    whole: bool
    final: bool
    wheel: Path = field(default_factory=Path)
    sdist: Path = field(default_factory=Path)

    def run(self, *command: str | Path, cwd: Path | None = None, ok: Sequence[int] = (0,)) -> str:
        """The output of a command, without the checkout on Python's path."""
        clean = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")}
        ended = subprocess.run(
            [str(each) for each in command],
            cwd=cwd or self.folder,
            env=clean,
            input="",
            capture_output=True,
            text=True,
        )
        if ended.returncode not in ok:
            shown = "\n".join((ended.stdout + ended.stderr).strip().splitlines()[-12:])
            raise Failed(f"{' '.join(map(str, command))} ends with {ended.returncode}\n{shown}")
        return ended.stdout

    def environment(self, name: str) -> Path:
        """The interpreter of a new environment."""
        venv.create(self.folder / name, with_pip=True)
        return self.folder / name / ("Scripts" if os.name == "nt" else "bin") / "python"

    @property
    def archcalc(self) -> Path:
        return self.folder / "fresh" / ("Scripts" if os.name == "nt" else "bin") / "archcalc"


def version() -> str:
    return re.search(r'VERSION = "([^"]+)"', (ROOT / "archcalc/core/version.py").read_text())[1]  # type: ignore[index]


def clean_tree(release: Release) -> str:
    """Everything is committed"""
    changed = release.run("git", "status", "--porcelain", cwd=ROOT)
    if changed:
        raise Failed(f"not committed:\n{changed}")
    return release.run("git", "rev-parse", "--short", "HEAD", cwd=ROOT).strip()


def changelog(release: Release) -> str:
    """The changelog has this version, with its date if the release is final"""
    heading = re.search(rf"^## {re.escape(version())}.*$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    if not heading or (release.final and "unreleased" in heading[0]):
        raise Failed(f"CHANGELOG.md has no heading '## {version()} (date)'")
    return heading[0].removeprefix("## ")


def built(release: Release) -> str:
    """The sdist is built, and the wheel from it"""
    python = release.environment("builder")
    release.run(python, "-m", "pip", "install", "--quiet", "build")
    release.run(python, "-m", "build", "--outdir", release.folder / "dist", ROOT)
    [release.wheel] = (release.folder / "dist").glob("*.whl")
    [release.sdist] = (release.folder / "dist").glob("*.tar.gz")
    return f"{release.wheel.name}, {release.sdist.name}"


def sizes(release: Release) -> str:
    """The wheel is smaller than 2 MB"""
    found = {each.name: each.stat().st_size for each in (release.wheel, release.sdist)}
    if found[release.wheel.name] >= MOST_BYTES:
        raise Failed(f"the wheel has {found[release.wheel.name]:,} bytes")
    return ", ".join(f"{size:,} bytes" for size in found.values())


def contents(release: Release) -> str:
    """The wheel has all files of the package and all specs, and nothing else"""
    names = set(zipfile.ZipFile(release.wheel).namelist())
    tracked = release.run("git", "ls-files", "archcalc", "specs", cwd=ROOT).split()
    wanted = {f"archcalc/{each}" if each.startswith("specs/") else each for each in tracked}
    own = {each for each in names if ".dist-info/" not in each}
    if own != wanted or not names >= set(NEEDED) or any(FORBIDDEN.search(each) for each in own):
        raise Failed(f"missing: {sorted(wanted - own)[:9]}; not wanted: {sorted(own - wanted)[:9]}")
    with tarfile.open(release.sdist) as archive:
        if not any(each.endswith("/tests/test_docs.py") for each in archive.getnames()):
            raise Failed("the sdist has no tests")
    return f"{len(own):,} files"


def installed(release: Release) -> str:
    """The wheel is installed in a fresh environment"""
    python = release.environment("fresh")
    release.run(python, "-m", "pip", "install", "--quiet", release.wheel)
    (release.folder / "empty").mkdir()
    place = release.run(python, "-c", "import archcalc; print(archcalc.__file__)", cwd=release.folder / "empty")
    if str(release.folder) not in place:
        raise Failed(f"archcalc is imported from {place}")
    return release.run(release.archcalc, "--version").strip()


USED = """
new cnn -o net.yaml
check net.yaml --strict
fmt net.yaml --check
report net.yaml -o net.html
generate net.yaml -o net.py
formula resnet50 --free H,W --of macs
solve resnet50 --for w --where params<=5M
draw lenet5 -o lenet5.svg
explain AC201
explain lenet5 conv1
schema -o archcalc.schema.json
config
layers conv
diff lenet5 lenet5
completion bash
"""
"""Commands that need no torch, each on a line."""


def used(release: Release) -> str:
    """The commands that need no torch run from an empty folder"""
    empty = release.folder / "empty"
    lines = USED.strip().splitlines()
    for line in lines:
        release.run(release.archcalc, *line.split(), cwd=empty)
    release.run(release.archcalc, "server", cwd=empty, ok=(1,))  # its input ends at once
    return f"{len(lines)} commands, and the language server"


def zoo(release: Release) -> list[str]:
    """The names of all bundled networks."""
    names = []
    for line in release.run(release.archcalc, "specs", "list").splitlines():
        name = line.split()[0]
        names += [name, *(f"{name}{each}" for each in re.findall(r"@[^,)\s]+", line))]
    return names


def reported(release: Release) -> str:
    """report and check of the whole zoo"""
    names = zoo(release)
    texts = release.run(release.archcalc, "report", *names, "--depth", "1")
    count = len(re.findall(r"^total  ", texts, re.MULTILINE))
    if count != len(names):
        raise Failed(f"{count} of {len(names)} networks are reported")
    folder = Path(release.run(release.archcalc, "specs", "path", "lenet5").strip()).parent
    release.run(release.archcalc, "check", folder, "--ignore", "AR", "--strict")
    return f"{count} networks"


def verified(release: Release) -> str:
    """verify of the zoo, on the meta device, with the torch of this interpreter"""
    found = find_spec("torch")
    if not found or not found.origin:
        raise Failed("this interpreter has no torch")
    purelib = "import sysconfig; print(sysconfig.get_paths()['purelib'])"
    site = Path(release.run(release.archcalc.with_name("python"), "-c", purelib).strip())
    (site / "torch_of_the_builder.pth").write_text(f"{Path(found.origin).parents[1]}\n")
    names = zoo(release)[:: 1 if release.whole else 8]
    text = release.run(
        release.archcalc, "-q", "verify", *names, "--device", "meta", "--quick", cwd=release.folder / "empty"
    )
    agree = len(re.findall(r"^all [\d,]+ comparisons agree", text, re.MULTILINE))
    if agree != len(names):
        raise Failed(f"{agree} of {len(names)} networks agree")
    return f"{agree} networks agree"


STEPS: tuple[Callable[[Release], str], ...] = (
    clean_tree, changelog, built, sizes, contents, installed, used, reported, verified,
)  # fmt: skip

BY_HAND = (
    "make test, make zoo and make fuzz have passed on this commit",
    "docs/stability.md says what changes",
    "git tag v{version}; upload dist/ with twine",
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--whole", action="store_true", help="verify every network of the zoo, not every eighth")
    parser.add_argument("--final", action="store_true", help="the changelog must have the date")
    parser.add_argument("--keep", metavar="DIR", help="copy the distributions there")
    given = parser.parse_args()
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        release = Release(Path(folder).resolve(), given.whole, given.final)
        for number, step in enumerate(STEPS, 1):
            try:
                result, mark = step(release), "ok"
            except Failed as failed:
                result, mark = str(failed), "FAILED"
                failures += 1
            print(f"{number} of {len(STEPS)}  {mark:6}  {step.__doc__}: {result}", flush=True)
            if mark == "FAILED" and step in (built, installed):
                break
        if given.keep and not failures:
            for each in (release.wheel, release.sdist):
                target = Path(given.keep)
                target.mkdir(parents=True, exist_ok=True)
                (target / each.name).write_bytes(each.read_bytes())
    for line in BY_HAND:
        print(f"by hand         {line.format(version=version())}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
