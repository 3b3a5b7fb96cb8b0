"""`archcalc check --fix`: specs in all their forms are fixed, and keep comments, layout and meaning."""

from pathlib import Path

import pytest

from archcalc.graph.loading import load_text
from tests.shell import Shell

HEAD = "archcalc: 1\ninput: [3, 32, 32]   # an image\n"


@pytest.fixture
def shell(capfd: pytest.CaptureFixture[str]) -> Shell:
    return Shell(capfd)


FIXED = {
    "a call": ("- conv(3, 8) -> batchnorm  # so", "- conv(3, 8, bias=false) -> batchnorm  # so"),
    "two of one line": (
        "- conv(3, 8) -> batchnorm -> conv( 3, 9 ) -> batchnorm",
        "- conv(3, 8, bias=false) -> batchnorm -> conv( 3, 9, bias=false ) -> batchnorm",
    ),
    "nothing": ("- conv(3, 8, act=elu(1)) -> relu", "- conv(3, 8, act=elu(1)) -> relu"),
    "one to be replaced": ("- conv(3, 8, bias=true, p1) -> batchnorm", "- conv(3, 8, bias=false, p1) -> batchnorm"),
    "a mapping in braces": (
        "- conv: {kernel_size: 3, out_channels: 8}   # so\n- batchnorm",
        "- conv: {kernel_size: 3, out_channels: 8, bias: false}   # so\n- batchnorm",
    ),
    "braces in braces": (
        "- {c = conv: {kernel_size: [3, 3], out_channels: 8, bias: true}}\n- batchnorm",
        "- {c = conv: {kernel_size: [3, 3], out_channels: 8, bias: false}}\n- batchnorm",
    ),
    "a mapping of lines": (
        "- conv:  # so\n    kernel_size: 3   # and so\n    out_channels: 8\n- batchnorm",
        "- conv:  # so\n    bias: false\n    kernel_size: 3   # and so\n    out_channels: 8\n- batchnorm",
    ),
    "a line to be replaced": (
        "- conv:\n    kernel_size: 3\n    bias: true   # always\n    out_channels: 8\n- batchnorm",
        "- conv:\n    kernel_size: 3\n    bias: false   # always\n    out_channels: 8\n- batchnorm",
    ),
    "zeros in an average": (
        "- conv(3, 8)\n- avgpool: {kernel_size: 3, stride: 1, padding: 1}",
        "- conv(3, 8)\n- avgpool: {kernel_size: 3, stride: 1, padding: 1, count_include_pad: false}",
    ),
    "twice, behind an arrow": ("- conv(3, 8) -> relu  -> relu   # so", "- conv(3, 8) -> relu   # so"),
    "twice, at the head of a line": (
        "- conv(3, 8) -> relu\n- relu -> conv(3, 8)",
        "- conv(3, 8) -> relu\n- conv(3, 8)",
    ),
    "twice, on a line of its own": ("- conv(3, 8) -> relu6\n- relu6\n- fc(3)", "- conv(3, 8) -> relu6\n- fc(3)"),
    "three times": ("- conv(3, 8) -> relu -> relu -> relu -> fc(3)", "- conv(3, 8) -> relu -> fc(3)"),
    "a bias and an activation": (
        "- conv(3, 8) -> batchnorm -> relu -> relu",
        "- conv(3, 8, bias=false) -> batchnorm -> relu",
    ),
}


@pytest.mark.parametrize("name", FIXED)
def test_a_spec_is_fixed_and_nothing_else_of_it_changes(name: str, tmp_path: Path, shell: Shell) -> None:
    before, after = FIXED[name]
    file = tmp_path / "spec.yaml"
    file.write_text(f"{HEAD}layers:\n{before}\n")
    shell("check", str(file), "--fix", "--select", "AR101,AR103,AR205")
    assert file.read_text() == f"{HEAD}layers:\n{after}\n"
    shapes = [load_text(f"{HEAD}layers:\n{each}\n").nodes[-1].output for each in (before, after)]
    assert shapes[0] == shapes[1]


LEFT = {
    "an average that states how it counts": "- conv(3, 8)\n- avgpool(3, 1, p1, count_include_pad=true)",
    "a frozen bias": "- conv(3, 8, freeze=true) -> batchnorm",
    "a bias in a frozen block": "- b(freeze=true)\nblocks:\n  b:\n    - conv(3, 8) -> batchnorm",
    "a step with a name": "- conv(3, 8) -> relu\n- r = relu\n- add: [r, r]",
    "one whose number is named": "- conv(3, 8) -> relu -> relu -> conv(3, 8) -> relu\n- add: [relu3, prev]",
    "a branch of a merge": "- conv(3, 8) -> a = relu\n- concat:\n    - conv(1, 8)\n    - relu\n    - conv(1, 4)",
    "two that are not alike": "- conv(3, 8) -> sigmoid -> relu",
    "one that is repeated": "- conv(3, 8) -> relu -> relu * 2",
}


@pytest.mark.parametrize("name", LEFT)
def test_what_might_change_the_network_is_left(name: str, tmp_path: Path, shell: Shell) -> None:
    file = tmp_path / "spec.yaml"
    file.write_text(text := f"{HEAD}layers:\n{LEFT[name]}\n")
    load_text(text)
    shell("check", str(file), "--fix")
    assert file.read_text() == text


def test_what_is_left_is_reported_of_the_text_as_it_is_now(tmp_path: Path, shell: Shell) -> None:
    file = tmp_path / "spec.yaml"
    file.write_text(
        f"{HEAD}layers:\n- conv(3, 8) -> relu6\n- relu6\n- conv(3, 8) -> batchnorm\n- dropout(0.3) -> fc(3)\n"
    )
    reported = shell("check", str(file), "--fix", "--select", "AR101,AR103,AR501", "--format", "concise")
    assert reported.err == f"2 fixed in {file}\n"
    assert [line.split(": ", 1)[0] for line in reported.out.splitlines()] == [f"{file}:6:3"]


def test_a_file_that_would_no_longer_hold_what_it_expects_is_left(tmp_path: Path, shell: Shell) -> None:
    file = tmp_path / "spec.yaml"
    file.write_text(text := f"{HEAD}layers:\n- conv(3, 8) -> batchnorm\nexpect: {{params: 240}}\n")
    reported = shell("check", str(file), "--fix", "--select", "AR101")
    assert file.read_text() == text
    assert reported.err == f"{file} not changed: after the fixes, expected params 240, computed 232\n"
    assert "AR101" in reported.out


def test_what_only_some_variants_have_is_left(tmp_path: Path, shell: Shell) -> None:
    """The bias is removed with the norm, and needed without it."""
    file = tmp_path / "spec.yaml"
    layers = "params: {norm: true}\nlayers:\n- conv(3, 8)\n- batchnorm if norm\n"
    file.write_text(text := f"{HEAD}{layers}variants:\n  plain: {{params: {{norm: false}}}}\n")
    shell("check", str(file), "--fix", "--select", "AR101")
    assert file.read_text() == text
    file.write_text(f"{HEAD}{layers}")
    shell("check", str(file), "--fix", "--select", "AR101")
    assert "- conv(3, 8, bias=false)\n" in file.read_text()
