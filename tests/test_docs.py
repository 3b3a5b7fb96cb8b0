"""The documentation is true: every command in it is run, and every generated page is up to date."""

import doctest
import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from archcalc.command import PROBLEMS, run
from archcalc.core.location import Source
from archcalc.editor.layout import laid_out
from archcalc.graph.builder import build
from archcalc.layer import LAYERS
from archcalc.lint.expectation import failures
from archcalc.spec.document import read_document
from archcalc.spec.zoo import MODELINE
from archcalc.usage.declared import SUMMARIES
from archcalc.verification import verify
from docs.__main__ import FOLDER, PAGES
from docs.families import FAMILIES
from tests.lint.test_schema import validator
from tests.networks.zoo import FILES, ROOT

DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(FOLDER.glob("*.md"))]


@dataclass(frozen=True)
class Shown:
    """A command of a console block, and what the page shows of its output; `...` stands for anything."""

    page: Path
    command: str
    output: str

    def __str__(self) -> str:
        return f"{self.page.name}: {self.command}"


def shown() -> list[Shown]:
    found = []
    for page in DOCUMENTS:
        for block in re.findall(r"^```console\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL):
            for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
                command, _, output = part.partition("\n")
                found.append(Shown(page, command, output))
    return found


def matches(output: str, printed: str) -> bool:
    """Whether something was printed as shown, `...` standing for anything."""
    pieces = (re.escape(piece.strip()) for piece in output.split("..."))
    return re.fullmatch(".*".join(pieces), printed.strip(), re.DOTALL) is not None


COMMANDS = shown()


@pytest.mark.parametrize("example", [each for each in COMMANDS if each.command.startswith("archcalc ")], ids=str)
def test_a_command_prints_what_its_page_shows(
    example: Shown, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    run(shlex.split(example.command)[1:])
    reported = capsys.readouterr()
    printed = reported.out + reported.err
    assert "see `archcalc" not in reported.err or "see `archcalc" in example.output, printed
    if example.output:
        assert matches(example.output, printed), printed


@pytest.mark.parametrize("example", [each for each in COMMANDS if not each.command.startswith("archcalc ")], ids=str)
def test_every_other_command_is_a_target_of_the_makefile(example: Shown) -> None:
    word, target, *_ = shlex.split(example.command)
    assert word == "make"
    assert f"\n{target}:" in (ROOT / "Makefile").read_text()


SPECS = [
    pytest.param(text, id=f"{page.name}-{number}")
    for page in DOCUMENTS
    for number, text in enumerate(re.findall(r"^```yaml\n(archcalc: 1\n.*?)^```", page.read_text(), re.M | re.S))
]


@pytest.mark.parametrize("text", SPECS)
def test_a_spec_in_the_documentation_is_what_it_says(text: str) -> None:
    """Its expected numbers, every layer in torch, and that editors accept it."""
    document = read_document(Source("spec.yaml", text))
    assert list(failures(build(document), document)) == []
    assert verify(document, device="meta", sizes=0).agrees
    assert validator().is_valid(yaml.safe_load(text))


def test_python_in_the_documentation_does_what_it_shows() -> None:
    for page in DOCUMENTS:
        failed, _ = doctest.testfile(str(page), module_relative=False, optionflags=doctest.ELLIPSIS)
        assert failed == 0


@pytest.mark.parametrize("name", PAGES)
def test_a_generated_page_is_up_to_date(name: str) -> None:
    assert (FOLDER / name).read_text() == PAGES[name](), "run make docs"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_bundled_spec_names_the_schema_and_is_laid_out(file: Path) -> None:
    """The first line is what `archcalc new --schema` writes; the rest is what `archcalc fmt` writes."""
    text = file.read_text()
    assert text.startswith(MODELINE), f"the first line of {file.name} is not: {MODELINE}"
    assert laid_out(Source(file.name, text)) == text, f"run `archcalc fmt specs/{file.name}`"


def test_no_page_of_a_layer_is_left_over() -> None:
    assert {f"layers/{page.name}" for page in FOLDER.glob("layers/*")} == {n for n in PAGES if n.startswith("layers/")}


def test_every_layer_is_on_the_page_of_one_family() -> None:
    assert sorted(name for family in FAMILIES.values() for name in family.layers) == sorted(LAYERS)
    assert len({family.page for family in FAMILIES.values()}) == len(FAMILIES), "two families share a page"


LINKED = [*DOCUMENTS, ROOT / "CHANGELOG.md", *(FOLDER / name for name in PAGES if not name.endswith((".py", ".json")))]


def prose(page: Path) -> str:
    """A page without its code blocks."""
    return re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)


def anchors(page: Path) -> set[str]:
    """What a link may name after `#`: the headings, as GitHub writes them."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def keys(plain: object) -> Iterator[str]:
    """The keys of a JSON value and of all values in it."""
    if isinstance(plain, dict):
        yield from plain
    if isinstance(plain, dict | list):
        for value in plain.values() if isinstance(plain, dict) else plain:
            yield from keys(value)


PRINTED = (
    "report resnet18 --optimizer adamw --timeline",
    "report lenet5 --autocast bfloat16",
    'report -e "input(3, 8, 8) -> conv(3, 4, freeze=true) -> dropout -> fc(10)" --train',
    "report llama3@1b",
    "diff alexnet zfnet --train --optimizer adamw",
    "report lenet5 --whole",
    "diff tests/data/checkpoints/small.safetensors tests/data/checkpoints/small.gguf",
    'verify -e "input(3, 8, 8) -> conv(3, 8) -> fc(3)" --device cpu --time',
)
"""Together, these commands print every key of reports, comparisons and certificates."""


@pytest.mark.parametrize("command", PRINTED)
def test_the_page_of_json_has_every_key(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    page = (FOLDER / "json.md").read_text()
    assert run([*shlex.split(command), "--format", "json"]) == (PROBLEMS if command.startswith("diff ") else 0)
    assert {key for key in keys(json.loads(capsys.readouterr().out)) if f"`{key}`" not in page} == set()


@pytest.mark.parametrize("page", LINKED, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    for target, anchor in re.findall(r"\]\(([^)#:]*)(?:#([^)]*))?\)", prose(page)):
        there = page.parent / target if target else page
        assert there.exists(), target
        assert not anchor or anchor in anchors(there), f"{target}#{anchor}"


def test_every_command_of_the_program_is_shown_somewhere() -> None:
    assert {each.command.split()[1] for each in COMMANDS if each.command.startswith("archcalc ")} == SUMMARIES.keys()
