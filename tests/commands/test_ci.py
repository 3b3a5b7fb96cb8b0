"""The recipes of docs/ci.md: their commands run in a repository with a base branch, as CI would run them."""

import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.networks.zoo import ROOT

PAGE = (ROOT / "docs" / "ci.md").read_text()
GITHUB, GITLAB = (yaml.safe_load(each) for each in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL))

BASE = "archcalc: 1\nname: Mine\ninput: [3, 8, 8]\nlayers:\n  - conv(3, 8) -> relu -> gap -> fc(10)\n"
CHANGED = BASE.replace("conv(3, 8)", "conv(3, 16)")
WRONG = BASE.replace("conv(3, 8)", "conv(3, 8, strid=2)")


class Repository:
    """A clone whose branch `mine` changes the spec of the branch `main`."""

    def __init__(self, folder: Path, text: str) -> None:
        self.folder, origin = folder / "clone", folder / "origin"
        (folder / "bin").mkdir()
        program = folder / "bin" / "archcalc"
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m archcalc "$@"\n')
        program.chmod(program.stat().st_mode | stat.S_IEXEC)
        who = {f"GIT_{role}_{what}": "me@here" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        self.environment = os.environ | who | {
            "PATH": f"{folder}/bin:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "GIT_CONFIG_GLOBAL": os.devnull,
            "RUNNER_TEMP": str(folder),
            "GITHUB_STEP_SUMMARY": str(folder / "summary.md"),
            "BASE": "origin/main",
            "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
            "CI_PROJECT_DIR": str(self.folder),
        }  # fmt: skip
        (origin / "specs").mkdir(parents=True)
        (origin / "specs" / "net.yaml").write_text(BASE)
        self.run("git init -q -b main && git add . && git commit -qm base", origin)
        self.run(f"git clone -q {origin} {self.folder}", folder)
        (self.folder / "specs" / "net.yaml").write_text(text)
        self.run("git checkout -q -b mine && git commit -qam mine")

    def run(self, script: str, folder: Path | None = None) -> tuple[int, str]:
        """The exit code and the output of a script, run as CI runs it."""
        command = ["bash", "-eo", "pipefail", "-c", script]
        ended = subprocess.run(
            command, cwd=folder or self.folder, env=self.environment, capture_output=True, text=True, check=False
        )
        return ended.returncode, ended.stdout + ended.stderr


def scripts(recipe: Any) -> dict[str, str]:
    """The commands of a recipe that use archcalc or git, by their names; what installs it is left out."""
    if "jobs" in recipe:
        steps = recipe["jobs"]["specs"]["steps"]
        return {each["name"]: each["run"] for each in steps if "run" in each and "pip" not in each["run"]}
    return {f"line {n}": each for n, each in enumerate(recipe["archcalc"]["script"])}


@pytest.mark.parametrize("recipe", [GITHUB, GITLAB], ids=["github", "gitlab"])
def test_a_recipe_passes_and_shows_what_changed(recipe: Any, tmp_path: Path) -> None:
    repository = Repository(tmp_path, CHANGED)
    for name, script in scripts(recipe).items():
        code, output = repository.run(script)
        assert code == 0, (name, output)
    summary = tmp_path / "summary.md" if recipe is GITHUB else repository.folder / "archcalc-diff.md"
    assert "| total |" in summary.read_text() or "+" in summary.read_text()
    assert "conv1" in summary.read_text()
    sarif = json.loads((repository.folder / "archcalc.sarif").read_text())
    assert sarif["version"] == "2.1.0"


@pytest.mark.parametrize("recipe", [GITHUB, GITLAB], ids=["github", "gitlab"])
def test_a_recipe_fails_where_a_spec_is_wrong(recipe: Any, tmp_path: Path) -> None:
    repository = Repository(tmp_path, WRONG)
    found = {name: repository.run(script) for name, script in scripts(recipe).items()}
    failed = [name for name, (code, _) in found.items() if code]
    assert len(failed) >= 2
    assert any("archcalc diff" in scripts(recipe)[name] for name in failed)
    texts = "".join(text for _, text in found.values())
    assert "AC120" in texts
    if recipe is GITHUB:
        assert "::error title=AC120,file=specs/net.yaml,line=5," in texts
    sarif = json.loads((repository.folder / "archcalc.sarif").read_text())
    assert [each["ruleId"] for each in sarif["runs"][0]["results"]] == ["AC120"]
