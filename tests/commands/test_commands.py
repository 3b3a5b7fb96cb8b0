"""The command line: what each command prints, where, and the exit code it leaves with."""

import json
import os
import stat
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

import pytest

from archcalc import layers  # noqa: F401  every file in them registers itself
from archcalc.command import INTERRUPTED, MISSING, PROBLEMS, run
from archcalc.commands import report as command_report
from archcalc.core.codes import CODES
from archcalc.core.version import VERSION
from archcalc.layer import known_names
from archcalc.report import formats  # noqa: F401  every file in them registers itself
from archcalc.report.report import CONVENTIONS, REPORTS
from archcalc.spec.zoo import MODELINE, bundled
from archcalc.usage.declared import SUMMARIES
from tests.goldens import assert_golden
from tests.networks.zoo import ROOT, SPECS, references
from tests.shell import Outcome, Shell

USAGE = 2
CHAIN = "input(3,32,32) -> conv(5,32,p2) -> relu -> pool(2) -> fc(10)"


def process(*arguments: str, given: str = "") -> Outcome:
    """A command as the shell runs it."""
    command = [sys.executable, "-m", "archcalc", *arguments]
    ended = subprocess.run(command, input=given, capture_output=True, text=True, check=False, cwd=ROOT)
    return Outcome(ended.returncode, ended.stdout, ended.stderr)


# --- the program -----------------------------------------------------------------------------------------------------


def test_help_names_every_command(shell: Shell) -> None:
    outcome = shell("--help")
    assert outcome.code == 0
    lines = outcome.out.split("Commands:\n")[1].splitlines()
    assert [line.split()[0] for line in lines if line[:3].strip()] == list(SUMMARIES)  # a summary may have two lines


def test_version(shell: Shell) -> None:
    assert shell("--version") == Outcome(0, f"archcalc {VERSION}\n", "")


@pytest.mark.parametrize("name", SUMMARIES)
def test_every_command_has_help_of_its_own(name: str, shell: Shell) -> None:
    outcome = shell(name, "--help")
    assert outcome.code == 0
    assert outcome.out.startswith(f"Usage: archcalc {name}")


def test_a_command_that_is_not_there_is_a_usage_error_with_a_hint(shell: Shell) -> None:
    outcome = shell("reprot", "resnet50")
    assert outcome.code == USAGE
    assert "no command is called 'reprot'; did you mean 'report'?" in outcome.err


def test_python_m_archcalc_is_the_same() -> None:
    assert process("--version") == Outcome(0, f"archcalc {VERSION}\n", "")


def test_a_reader_that_goes_away_is_no_fault() -> None:
    command = f"{sys.executable} -m archcalc report resnet50 | head -1"
    ended = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False)
    assert ended.stdout.startswith("ResNet-50")
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.parametrize("arguments", [["report", "vgg16"], ["report", "resnet50@resnet152"], ["layers"]], ids=" ".join)
def test_a_reader_that_was_never_there_is_no_fault_either(arguments: list[str]) -> None:
    """However much there is to write: what a buffer holds fails when the program ends, what it does not hold before."""
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "archcalc", *arguments]
    ended = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, check=False, cwd=ROOT)
    os.close(writer)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_an_interrupt_is_no_fault(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*sizes: int) -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr(command_report, "documents_of", interrupted)
    outcome = shell("report", "lenet5")
    assert (outcome.code, outcome.out, outcome.err.strip()) == (INTERRUPTED, "", "")


def test_a_missing_extra_is_reported_with_what_installs_it() -> None:
    program = "import sys; sys.modules['torch'] = None; from archcalc.command import run; sys.exit(run(sys.argv[1:]))"
    command = [sys.executable, "-c", program, "verify", "-e", "input(3) -> fc(2)"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert (ended.returncode, ended.stdout) == (MISSING, "")
    assert ended.stderr == "error: verify needs torch: pip install 'archcalc[torch]'\n"


def test_a_fault_of_the_program_is_owned_up_to(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    others = {name: text for name, text in SUMMARIES.items() if name != "report"}  # the order of the rest stays
    monkeypatch.setattr("archcalc.usage.group.SUMMARIES", others | {"nowhere": "A command whose file is not there."})
    outcome = shell("nowhere")
    assert (outcome.code, outcome.out) == (PROBLEMS, "")
    assert outcome.err.startswith("error: internal error: ModuleNotFoundError: ")
    with pytest.raises(ModuleNotFoundError):
        run(["-v", "nowhere"])


def test_a_name_that_the_output_has_no_letters_for_is_no_fault(tmp_path: Path) -> None:
    file = tmp_path / "net.yaml"
    file.write_text("archcalc: 1\nname: Éclair\ninput: [4]\nlayers: [fc(2)]\n", encoding="utf-8")
    command = [sys.executable, "-m", "archcalc", "report", str(file)]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(command, capture_output=True, env=environment, check=False)
    assert (ended.returncode, ended.stdout.split(b"\n")[0]) == (0, b"?clair")


# --- which network ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spec", ["lenet5", "specs/lenet5.yaml", str(SPECS / "lenet5.yaml")])
def test_a_spec_is_a_name_or_a_path(spec: str, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    outcome = shell("report", spec)
    assert outcome.code == 0
    assert outcome.out.startswith("LeNet-5  (")


@pytest.mark.parametrize("spec", ["vgg16@vgg11", "specs/vgg16.yaml@vgg11"])
def test_a_variant_is_asked_for_by_name(spec: str, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert "132,863,336" in shell("report", spec).out


def test_a_variant_that_is_not_there_is_reported_with_those_that_are(shell: Shell) -> None:
    outcome = shell("report", "vgg16@vgg12")
    assert outcome.code == PROBLEMS
    assert "vgg12" in outcome.err
    assert "did you mean 'vgg1" in outcome.err


def test_a_spec_comes_from_standard_input() -> None:
    outcome = process("report", "-", given="archcalc: 1\nname: Piped\ninput: [4]\nlayers: [fc(2)]\n")
    assert outcome.code == 0
    assert outcome.out.startswith("Piped\n")


def test_a_network_in_one_line(shell: Shell) -> None:
    outcome = shell("report", "-e", CHAIN)
    assert outcome.code == 0
    assert_golden("one_line.txt", outcome.out)


def test_a_parameter_is_set(shell: Shell) -> None:
    outcome = json.loads(shell("report", "resnet50", "--set", "classes=7", "--format", "json").out)
    assert outcome["totals"]["params"] == 25_557_032 - 993 * 2049


def test_a_size_that_is_set_is_not_free(shell: Shell) -> None:
    outcome = shell("report", "resnet50", "--free", "H,W", "--set", "H=256", "--set", "W=256")
    assert outcome.out == shell("report", "resnet50", "--input", "3,256,256").out
    assert "5,340,348,416" in outcome.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["report"], "no SPEC given"),
        (["report", "lenet5", "--set", "classes"], "--set needs NAME=VALUE, got 'classes'"),
        (["generate", "lenet5", "--free", "H"], "generate has no option --free; "),
        (["report", "lenet5", "--columns", "parms"], "unknown name 'parms'; did you mean 'params'?"),
        (["report", "lenet5", "--columns", "layer,macs,layer"], "'layer' stands twice"),
        (["report", "lenet5", "--sort", "flop"], "unknown name 'flop'; did you mean 'flops'?"),
        (["report", "lenet5", "-o", "x.docx"], "no format has the suffix '.docx'"),
        (["report", "lenet5", "--batch", "0"], "--batch: "),
        (["generate", "lenet5", "alexnet"], "generate takes one SPEC"),
        (["check"], "no SPEC or DIR given"),
        (["layers", "conf"], "no layer is called 'conf'; did you mean 'conv'?"),
        (["specs", "show", "resnet5"], "no bundled spec is called 'resnet5'; did you mean"),
        (["explain", "AC999"], "unknown diagnostic code 'AC999'"),
    ],
)
def test_usage_errors_say_what_to_write(arguments: list[str], message: str, shell: Shell) -> None:
    outcome = shell(*arguments)
    assert outcome.code == USAGE
    assert outcome.out == ""
    assert message in outcome.err


def test_a_spec_that_is_not_there_is_a_problem_with_a_hint(shell: Shell) -> None:
    outcome = shell("report", "resnet51")
    assert outcome.code == PROBLEMS
    assert "'resnet51' is neither a file nor a bundled spec" in outcome.err
    assert "did you mean 'resnet50'" in outcome.err


def test_a_parameter_that_is_not_there_is_a_problem(shell: Shell) -> None:
    outcome = shell("report", "resnet50", "--set", "clases=7")
    assert outcome.code == PROBLEMS
    assert "did you mean 'classes'?" in outcome.err


def test_the_bound_on_layers_can_be_lifted_and_lowered(shell: Shell) -> None:
    outcome = shell("report", "-e", "input(3) -> relu * 30", "--max-layers", "20")
    assert outcome.code == PROBLEMS
    assert "the network has more than 20 layers" in outcome.err
    assert shell("report", "-e", "input(3) -> relu * 30", "--max-layers", "30").code == 0


# --- report ----------------------------------------------------------------------------------------------------------


def test_several_networks_are_reported_one_after_the_other(shell: Shell) -> None:
    out = shell("report", "lenet5", "alexnet").out
    assert out.index("LeNet-5") < out.index("AlexNet")


@pytest.mark.parametrize("form", [name for name, each in REPORTS.items() if each.single])
def test_a_format_for_programs_holds_one_network(form: str, shell: Shell) -> None:
    outcome = shell("report", "lenet5", "two_layer", "--format", form)
    assert (outcome.code, outcome.out) == (USAGE, "")
    assert f"the format {form} takes one network" in outcome.err


@pytest.mark.parametrize("form", REPORTS)
def test_the_suffix_of_a_file_decides_its_format(form: str, shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / f"report{REPORTS[form].suffixes[0]}"
    assert shell("report", "lenet5", "-o", str(file)) == Outcome(0, "", "")
    assert file.read_text() == shell("report", "lenet5", "--format", form).out


def test_batch_multiplies_counts_and_not_parameters(shell: Shell) -> None:
    one, eight = (json.loads(shell("report", "lenet5", "--format", "json", "--batch", n).out) for n in ("1", "8"))
    assert eight["totals"]["macs"] == 8 * one["totals"]["macs"]
    assert eight["totals"]["params"] == one["totals"]["params"]
    assert eight["symbols"] == {"N": 8}


def test_dtype_changes_bytes_alone(shell: Shell) -> None:
    both = [shell("report", "lenet5", "--format", "json", "--dtype", dtype).out for dtype in ("float32", "float16")]
    full, half = map(json.loads, both)
    assert full["layers"][0]["output_bytes"] == 2 * half["layers"][0]["output_bytes"]
    assert full["totals"]["macs"] == half["totals"]["macs"]


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_every_convention_can_be_asked_for(convention: str, shell: Shell) -> None:
    assert shell("report", "lenet5", "--convention", convention).code == 0


def test_the_table_can_be_folded_sorted_cut_and_its_columns_chosen(shell: Shell) -> None:
    assert "layer3      62 layers" in shell("report", "resnet50", "--depth", "1").out
    assert "layer3      62 layers" in shell("report", "resnet50", "--by", "block").out
    assert "conv            53 layers" in shell("report", "resnet50", "--by", "type").out
    chosen = shell("report", "resnet50", "--columns", "params,flops", "--sort", "flops", "--top", "2").out
    firsts = [line.split()[0] for line in chosen.splitlines()[3:9] if line and not line.startswith("-")]
    assert firsts == ["Layer", "stem", "layer1.0.conv2", "total"]


# --- files -----------------------------------------------------------------------------------------------------------


def test_a_file_is_written_whole_or_not_at_all(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    file.write_text("old")
    assert shell("report", "resnet51", "-o", str(file)).code == PROBLEMS
    assert file.read_text() == "old"
    outcome = shell("report", "lenet5", "-o", str(tmp_path / "nowhere" / "report.json"))
    assert outcome.code == PROBLEMS
    assert "cannot write" in outcome.err
    assert sorted(each.name for each in tmp_path.iterdir()) == ["report.json"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_that_cannot_be_written_keeps_the_old_file(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    file.write_text("old")
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        assert shell("report", "lenet5", "-o", str(file)).code == PROBLEMS
    finally:
        tmp_path.chmod(stat.S_IRWXU)
    assert file.read_text() == "old"


def test_a_disk_that_is_full_keeps_the_old_file(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "report.json"
    file.write_text("old")

    def full(source: str, target: str) -> NoReturn:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("archcalc.command.os.replace", full)
    outcome = shell("report", "lenet5", "-o", str(file))
    assert (outcome.code, outcome.err) == (PROBLEMS, f"error: cannot write {file}: No space left on device\n")
    assert file.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [file]


def test_a_written_file_keeps_the_permissions_that_it_had(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    file.write_text("old")
    file.chmod(0o640)
    shell("report", "lenet5", "-o", str(file))
    assert stat.S_IMODE(file.stat().st_mode) == 0o640


def test_a_format_that_is_named_counts_more_than_a_suffix(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "report.txt"
    shell("report", "lenet5", "--format", "csv", "-o", str(file))
    assert file.read_text().startswith("name,type,")


def test_a_dash_is_standard_output(shell: Shell) -> None:
    assert shell("report", "lenet5", "-o", "-") == shell("report", "lenet5")


def test_a_link_stays_a_link(shell: Shell, tmp_path: Path) -> None:
    file, link = tmp_path / "report.json", tmp_path / "latest.json"
    file.write_text("old")
    link.symlink_to(file)
    assert shell("report", "lenet5", "-o", str(link)).code == 0
    assert link.is_symlink()
    assert json.loads(file.read_text())["name"] == "LeNet-5"


def test_a_pipe_is_written_to_and_not_replaced(shell: Shell, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.csv"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    assert shell("report", "two_layer", "-o", str(pipe)).code == 0
    assert os.read(reader, 1 << 16).startswith(b"name,type,")
    os.close(reader)
    assert pipe.is_fifo()


@pytest.mark.parametrize("place", ["folder.json", "file.txt/report.json", "x" * 250 + ".json"])
def test_a_place_that_no_file_can_have_is_reported(place: str, shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "folder.json").mkdir()
    (tmp_path / "file.txt").touch()
    outcome = shell("report", "lenet5", "-o", str(tmp_path / place))
    assert (outcome.code, outcome.out) == (PROBLEMS, "")
    assert outcome.err.startswith(f"error: cannot write {tmp_path / place}: ")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["file.txt", "folder.json"]


def test_an_interrupt_leaves_the_old_file_and_nothing_beside_it(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "report.json"
    file.write_text("old")

    def interrupted(source: str, target: str) -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr("archcalc.command.os.replace", interrupted)
    assert shell("report", "lenet5", "-o", str(file)).code == INTERRUPTED
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


# --- colour ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "environment", "coloured"),
    [
        ([], {}, False),
        ([], {"FORCE_COLOR": "1"}, True),
        ([], {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        (["--color", "always"], {"NO_COLOR": "1"}, True),
        (["--color", "never"], {"FORCE_COLOR": "1"}, False),
    ],
)
def test_colours_are_as_asked_for(
    arguments: list[str], environment: Mapping[str, str], coloured: bool, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert ("\x1b[" in shell(*arguments, "report", "lenet5").out) == coloured
    assert ("\x1b[" in shell(*arguments, "report", "lenet55").err) == coloured
    assert ("\x1b[" in shell(*arguments, "check", "lenet55").out) == coloured


def test_a_file_is_never_coloured(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "report.txt"
    shell("--color", "always", "report", "lenet5", "-o", str(file))
    assert "\x1b" not in file.read_text()


# --- check -----------------------------------------------------------------------------------------------------------


def test_every_bundled_spec_and_variant_is_sound() -> None:
    """README says so; the command that it shows is run by tests/test_docs.py, and is not run here again."""
    said = f"$ archcalc check specs --ignore AR\n{len(list(references()))} networks checked, no problems\n"
    assert said in (ROOT / "README.md").read_text()


WRONG = """\
archcalc: 1
input: [3, 8, 8]
layers:
  - conv(3, 8, strid=2)
  - fc(5) -> conv(3, 4)
expect: {params: 5}
"""


def wrong(tmp_path: Path) -> Path:
    file = tmp_path / "wrong.yaml"
    file.write_text(WRONG)
    return file


def test_problems_are_shown_where_they_are(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong(tmp_path)
    monkeypatch.chdir(tmp_path)
    outcome = shell("check", "wrong.yaml")
    assert outcome.code == PROBLEMS
    assert_golden("check_wrong.txt", outcome.out)


def test_problems_are_reported_in_a_line_each_or_as_json(shell: Shell, tmp_path: Path) -> None:
    file = wrong(tmp_path)
    concise = shell("check", str(file), "--format", "concise")
    assert concise.out == f"{file}:4:16: AC120 unknown argument 'strid' of conv\n"
    [found] = json.loads(shell("check", str(file), "--format", "json").out)
    assert (found["code"], found["line"], found["column"], found["length"]) == ("AC120", 4, 16, 5)
    assert found["help"] == "did you mean 'stride'?"


def test_a_folder_stands_for_the_specs_in_it(shell: Shell, tmp_path: Path) -> None:
    for place in ("a.yaml", "deep/er/b.yaml", ".venv/vendored.yaml"):
        file = tmp_path / place
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(WRONG)
    (tmp_path / "bom.yaml").write_text(WRONG, encoding="utf-8-sig")
    (tmp_path / "other.yaml").write_text("services: {web: {image: nginx}}\n")
    found = json.loads(shell("check", str(tmp_path), "--format", "json").out)
    assert [Path(each["file"]).name for each in found] == ["a.yaml", "bom.yaml", "b.yaml"]


@pytest.mark.parametrize("spec", ["", "nowhere/net.yaml", "resnet51"])
def test_what_is_not_there_is_not_sound(spec: str, shell: Shell) -> None:
    outcome = shell("check", spec)
    assert outcome.code == PROBLEMS
    assert outcome.out.startswith("error[AC0")


def test_a_folder_without_a_spec_is_a_usage_error(shell: Shell, tmp_path: Path) -> None:
    outcome = shell("check", str(tmp_path))
    assert outcome.code == USAGE
    assert f"{tmp_path} contains no specs" in outcome.err


def test_a_problem_that_all_variants_have_is_reported_once(shell: Shell, tmp_path: Path) -> None:
    file = wrong(tmp_path)
    file.write_text(f"{WRONG}params: {{w: 1}}\nvariants: {{a: {{w: 2}}, b: {{w: 3}}}}\n")
    assert len(json.loads(shell("check", str(file), "--format", "json").out)) == 1


def test_a_variant_that_does_not_fit_is_found_without_being_asked_for(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "net.yaml"
    file.write_text("archcalc: 1\nparams: {k: 3}\ninput: [3, 8, 8]\nlayers: ['conv(k, 4)']\nvariants: {a: {k: 9}}\n")
    outcome = shell("check", str(file), "--format", "concise")
    assert outcome.code == PROBLEMS
    assert "AC201" in outcome.out
    assert shell("check", f"{file}@a").code == PROBLEMS


def test_what_a_terminal_would_obey_is_not_passed_on(shell: Shell) -> None:
    outcome = shell("check", "-e", "input(3) -> \x1b[2J", "--format", "concise")
    assert outcome.code == PROBLEMS
    assert "\x1b" not in outcome.out


def test_no_problems_are_an_empty_list(shell: Shell) -> None:
    assert shell("check", "vit_b16", "--ignore", "AR", "--format", "json").out == "[]\n"


def test_a_number_that_was_not_expected_is_a_problem(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "net.yaml"
    file.write_text("archcalc: 1\ninput: [4]\nlayers: [fc(2)]\nexpect: {params: 11}\n")
    outcome = shell("check", str(file))
    assert outcome.code == PROBLEMS
    assert "expected params 11, computed 10" in outcome.out


def test_a_chain_is_checked(shell: Shell) -> None:
    assert shell("check", "-e", CHAIN).code == 0
    assert shell("check", "-e", "input(3) -> conv(3, 4)").code == PROBLEMS


def test_check_changes_specs_as_the_other_commands_do(shell: Shell, tmp_path: Path) -> None:
    specs, blocks = tmp_path / "specs", tmp_path / "blocks"
    specs.mkdir()
    blocks.mkdir()
    (blocks / "b.yaml").write_text("archcalc: 1\nblocks:\n  b:\n    - relu\n")
    head = "archcalc: 1\nparams: {w: 63}\n"
    imports, small = specs / "imports.yaml", specs / "small.yaml"
    imports.write_text(
        f"{head}import: {{b: ../blocks/b.yaml}}\ninput: [4, 32, 32]\nlayers:\n  - conv(3, w, g2)\n  - b.b\n"
    )
    small.write_text(f"{head}input: [3, 8, 8]\nlayers:\n  - conv(9, w)\n")
    changes = ("--set", "w=96", "--input", "4,64,64", "--import-root", str(blocks), "--ignore", "AR")
    both = shell("check", str(imports), str(small), *changes)
    assert (both.code, both.err) == (0, "2 networks checked, no problems\n")
    assert "must divide 63 filters" in shell("check", str(imports), *changes[2:]).out
    assert "does not fit" in shell("check", str(small), "--set", "w=96").out
    assert "error[AC0" in shell("check", str(imports), *changes[:4]).out
    assert shell("check", "-e", "input(3,8,8) -> conv(9,4)", "--set", "H=9", "--set", "W=9", "--ignore", "AR").code == 0
    assert "unknown parameter" in shell("check", str(small), "--set", "v=1").out
    assert "more than 1 layers" in shell("check", "-e", "input(3) -> relu -> relu", "--max-layers", "1").out


def test_quiet_says_nothing_of_what_is_sound(shell: Shell) -> None:
    assert shell("-q", "check", "lenet5", "--ignore", "AR") == Outcome(0, "", "")


# --- generate, layers, specs, explain --------------------------------------------------------------------------------


def test_generated_source_goes_to_a_file(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "model.py"
    assert shell("generate", "resnet18", "-o", str(file)) == Outcome(0, "", "")
    assert "class ResNet18(nn.Module):" in file.read_text()


@pytest.mark.parametrize("name", known_names())
def test_every_layer_and_alias_has_a_page(name: str, shell: Shell) -> None:
    outcome = shell("layers", name)
    assert outcome.code == 0
    assert "Source" in outcome.out


def test_the_catalogue_names_every_layer_once(shell: Shell) -> None:
    out = shell("layers").out
    names = [line.partition("(")[0] for line in out.split("\n") if line and not line.startswith(" ")]
    assert len(names) == len(set(names))


def test_every_bundled_spec_is_listed(shell: Shell) -> None:
    listed = [line.split()[0] for line in shell("specs").out.splitlines() if line.strip()]
    assert set(bundled()) <= set(listed)


@pytest.mark.parametrize("name", bundled())
def test_every_bundled_spec_is_shown_and_found(name: str, shell: Shell) -> None:
    assert MODELINE + shell("specs", "show", name).out == Path(shell("specs", "path", name).out.strip()).read_text()


@pytest.mark.parametrize("code", CODES)
def test_every_code_is_explained(code: str, shell: Shell) -> None:
    outcome = shell("explain", code.lower())
    assert outcome.code == 0
    assert outcome.out.startswith(f"{code}: ")


def test_a_report_for_programs_holds_what_rules_find(shell: Shell) -> None:
    chain = "input(3,32,32) -> conv(3, 8) -> batchnorm -> relu -> gap -> fc(10)"
    reported = json.loads(shell("report", "-e", chain, "--format", "json").out)
    checked = json.loads(shell("check", "-e", chain, "--format", "json").out)
    assert [each["code"] for each in checked] == ["AR101", "AR301"]
    assert reported["findings"] == checked
