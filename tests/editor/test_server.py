"""The language server, spoken to in its protocol: a process, two streams."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from archcalc.core.location import Source
from archcalc.editor.outline import outline_of
from archcalc.editor.positions import changed
from archcalc.graph.builder import build
from archcalc.lint.linting import findings_of
from archcalc.report.report import report_of
from archcalc.spec.document import read_document
from tests.commands.test_startup import HEAVY
from tests.networks.zoo import SPECS

URI = "file:///tmp/net%20one.yaml"

TEXT = """\
archcalc: 1
name: é😀
params: {w: 16, classes: 10}
input: [3, 8, 8]
blocks:
  double(c, s=1):
    - conv(3, c, stride=s, padding=1) -> relu
    - skip = conv(3, c, padding=1)
layers:
  - stem = double(w)
  - double(2*w, s=2) -> gap
  - add: [prev, "fc(2*w)"] # 😀
  - fc(classes)
"""


class Client:
    """An editor, as far as the protocol goes."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "archcalc", "server"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.count = 0
        self.published: list[dict[str, Any]] = []

    def write(self, data: bytes) -> None:
        assert self.process.stdin
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def send(self, **content: Any) -> None:
        data = json.dumps({"jsonrpc": "2.0", **content}).encode()
        self.write(b"Content-Length: %d\r\n\r\n" % len(data) + data)

    def notify(self, method: str, **params: Any) -> None:
        self.send(method=method, params=params)

    def ask(self, method: str, **params: Any) -> Any:
        """The answer to a request; what is published before it is kept."""
        self.count += 1
        self.send(id=self.count, method=method, params=params)
        while (message := self.read()).get("id") != self.count:
            self.published.append(message["params"])
        return message.get("result", message.get("error"))

    def read(self) -> dict[str, Any]:
        assert self.process.stdout
        length = 0
        while line := self.process.stdout.readline().strip():
            length = int(line.split(b":")[1])
        found: dict[str, Any] = json.loads(self.process.stdout.read(length))
        return found

    def problems(self) -> list[dict[str, Any]]:
        """The next problems that are published."""
        found: list[dict[str, Any]] = self.read()["params"]["diagnostics"]
        return found

    def awaits(self, *codes: str) -> list[dict[str, Any]]:
        """The next problems that have these codes; errors may be published before findings."""
        for _ in range(3):
            found = self.problems()
            if [each["code"] for each in found] == [*codes]:
                return found
        raise AssertionError([each["code"] for each in found])

    def close(self) -> None:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.close()
        self.process.stdout.close()

    def open(self, text: str, uri: str = URI) -> None:
        self.notify("textDocument/didOpen", textDocument={"uri": uri, "languageId": "yaml", "version": 1, "text": text})

    def change(self, text: str, version: int = 2) -> None:
        self.notify(
            "textDocument/didChange", textDocument={"uri": URI, "version": version}, contentChanges=[{"text": text}]
        )

    def at(self, method: str, line: int, character: int) -> Any:
        position = {"line": line, "character": character}
        return self.ask(f"textDocument/{method}", textDocument={"uri": URI}, position=position)

    def in_text(self, method: str, text: str, marked: str) -> Any:
        """The answer at the place of `|` in a part of the text."""
        before, _, after = marked.partition("|")
        line = next(n for n, each in enumerate(text.split("\n")) if before + after in each)
        column = text.split("\n")[line].index(before + after) + len(before)
        return self.at(method, line, column)


@pytest.fixture
def client() -> Iterator[Client]:
    made = Client()
    capabilities = made.ask("initialize", processId=None, rootUri=None, capabilities={})["capabilities"]
    assert {"hoverProvider", "completionProvider", "definitionProvider", "textDocumentSync"} <= capabilities.keys()
    made.notify("initialized")
    yield made
    if made.process.poll() is None:
        assert made.ask("shutdown") is None
        made.notify("exit")
        assert made.process.wait(timeout=20) == 0
    made.close()


def test_problems_are_published_while_typing(client: Client) -> None:
    client.open(TEXT)
    client.awaits()
    client.change(TEXT.replace("stride=s", "strid=s"))
    [found] = client.awaits("AC120")
    assert (found["severity"], found["source"]) == (1, "archcalc")
    assert found["message"] == (
        "unknown argument 'strid' of conv\nnote: in double, called at line 10\nhelp: did you mean 'stride'?"
    )
    assert found["range"] == {"start": {"line": 6, "character": 17}, "end": {"line": 6, "character": 22}}
    client.change(TEXT)
    client.awaits()
    client.change(TEXT.replace(" -> relu", " -> batchnorm -> relu"))
    client.awaits("AR101")
    client.change(TEXT.replace("archcalc: 1", "version: 2"))
    client.awaits()
    client.notify("textDocument/didClose", textDocument={"uri": URI})
    client.awaits()


def test_changes_are_sent_in_parts(client: Client) -> None:
    """Each is applied to the text after the one before; columns count UTF-16 units."""
    client.open(TEXT)
    client.awaits()

    def part(line: int, begin: int, end: int, text: str) -> dict[str, Any]:
        places = [{"line": line, "character": column} for column in (begin, end)]
        return {"range": dict(zip(("start", "end"), places, strict=True)), "text": text}

    changes = [part(6, 17, 23, "strid"), part(1, 6, 9, "e\n"), part(2, 0, 0, "# a line\n")]
    client.notify("textDocument/didChange", textDocument={"uri": URI, "version": 2}, contentChanges=changes)
    [found] = client.awaits("AC120")
    assert found["range"] == {"start": {"line": 8, "character": 17}, "end": {"line": 8, "character": 22}}
    back = [part(8, 17, 22, "stride")]
    client.notify("textDocument/didChange", textDocument={"uri": URI, "version": 3}, contentChanges=back)
    client.awaits()


def test_random_changes_give_the_text_of_the_editor() -> None:
    """Against a list of UTF-16 units of each line, in which an editor would count."""
    random = Random(1)
    for _ in range(300):
        text = "".join(random.choice("ab\n\n😀é") for _ in range(random.randint(0, 30)))
        lines = text.split("\n")
        line = random.randrange(len(lines))
        units = len(lines[line].encode("utf-16-le")) // 2
        column = random.randint(0, units)
        put = random.choice(["", "x", "\n", "😀"])
        before = lines[line].encode("utf-16-le")[: 2 * column].decode("utf-16-le", "ignore")
        expected = "\n".join([*lines[:line], before + put + lines[line][len(before) :], *lines[line + 1 :]])
        at = {"line": line, "character": column}
        assert changed(text, [{"range": {"start": at, "end": at}, "text": put}]) == expected


def test_variants_are_checked_too(client: Client) -> None:
    text = TEXT + "variants:\n  wide: {w: 32}\n  wrong: {classes: 0}\n"
    client.open(text)
    [found] = [each for each in client.awaits("AC201") if each["severity"] == 1]
    assert "in variant wrong" in found["message"]


def test_the_findings_are_those_of_check(client: Client) -> None:
    text = (SPECS / "alexnet.yaml").read_text()
    document = read_document(Source("alexnet.yaml", text))
    expected = findings_of(document, build(document))
    client.open(text)
    assert [each["code"] for each in client.problems()] == [each.code for each in expected] != []


def test_places_count_utf_16_units(client: Client) -> None:
    client.open(TEXT.replace('"fc(2*w)"] # 😀', "'😀', fx]"))
    [found] = client.problems()
    assert found["range"] == {"start": {"line": 11, "character": 17}, "end": {"line": 11, "character": 19}}
    client.change(TEXT.replace('"fc(2*w)"] # 😀', "fx, prev], name: '😀', form: 1"))
    assert len(client.problems()) == 1


def test_only_specs_have_problems(client: Client) -> None:
    client.open("version: 2\njobs: [a\n")
    assert client.problems() == []


def test_hover_shows_the_numbers_of_the_report(client: Client) -> None:
    client.open(TEXT)
    lines = {line.name: line for line in report_of(load_text()).lines}
    at_call = client.in_text("hover", TEXT, "- co|nv(3, c, stride")["contents"]["value"]
    for name in ("stem.conv1", "double1.conv1"):
        assert f"| {name} | conv |" in at_call
        assert f"{lines[name].values['macs']:,}" in at_call
    at_label = client.in_text("hover", TEXT, "st|em = double")["contents"]["value"]
    assert "3 layers" in at_label
    total = sum(line.values["macs"] or 0 for name, line in lines.items() if name.startswith("stem."))
    assert f"{total:,}" in at_label
    assert "**double(c, s=1)**, a block" in client.in_text("hover", TEXT, "dou|ble(2*w")["contents"]["value"]
    assert client.in_text("hover", TEXT, "(3, c, stri|de=s")["range"]["start"]["character"] == 17
    assert "**w** = 16" in client.in_text("hover", TEXT, "double(|w)")["contents"]["value"]
    assert client.at("hover", 8, 7) is None


def load_text() -> Any:
    return build(read_document(Source("x.yaml", TEXT)))


def labels(found: Any) -> set[str]:
    return {each["label"] for each in found}


def test_completion_knows_what_fits(client: Client) -> None:
    client.open(TEXT)
    assert {"double", "stem", "conv", "prev"} <= labels(client.in_text("completion", TEXT, "  - fc|(classes)"))
    inside = labels(client.in_text("completion", TEXT, "conv(3, c, |stride"))
    assert {"stride", "padding", "c", "s", "w", "act", "norm"} <= inside
    assert "conv" not in inside
    assert {"same"} <= labels(client.in_text("completion", TEXT, "padding=|1)"))
    assert {"c", "s"} <= labels(client.in_text("completion", TEXT, "double(|2*w"))
    client.change(TEXT + "\n\nde")
    assert {"defaults", "expect"} <= labels(client.at("completion", 14, 2))
    client.change(TEXT + "expect:\n  \ndefaults:\n  conv: {pa")
    assert {"params", "macs", "shapes"} <= labels(client.at("completion", 14, 2))
    assert {"padding", "bias", "act"} <= labels(client.at("completion", 16, 11))


def test_definitions_are_found(client: Client) -> None:
    client.open(TEXT)
    there = client.in_text("definition", TEXT, "dou|ble(2*w")
    assert there == {"uri": URI, "range": {"start": {"line": 5, "character": 2}, "end": {"line": 5, "character": 8}}}
    assert client.in_text("definition", TEXT, "double(|w)")["range"]["start"] == {"line": 2, "character": 9}
    assert client.in_text("definition", TEXT, "conv|(3, c, stride") is None


def test_a_block_of_another_file_is_found_there(client: Client, tmp_path: Path) -> None:
    other = tmp_path / "parts.yaml"
    other.write_text("archcalc: 1\nblocks:\n  two(c): conv(3, c) -> relu\n")
    text = "archcalc: 1\nimport: {p: parts.yaml}\ninput: [3, 8, 8]\nlayers:\n  - p.two(4)\n"
    uri = f"file://{tmp_path}/net.yaml"
    client.open(text, uri)
    at = {"textDocument": {"uri": uri}, "position": {"line": 4, "character": 7}}
    client.problems()
    there = client.ask("textDocument/definition", **at)
    assert there["uri"] == f"file://{other}"
    assert there["range"]["start"] == {"line": 2, "character": 2}


def test_the_text_is_laid_out_and_fixed(client: Client) -> None:
    messy = TEXT.replace("conv(3, c, stride=s, padding=1) -> relu", "conv(3,c,stride=s,padding=1)->batchnorm")
    client.open(messy)
    [edit] = client.ask("textDocument/formatting", textDocument={"uri": URI}, options={})
    assert edit["newText"] == TEXT.replace("-> relu", "-> batchnorm").replace("] # 😀", "]  # 😀")
    whole = {"start": {"line": 0, "character": 0}, "end": {"line": 20, "character": 0}}
    [fix] = client.ask("textDocument/codeAction", textDocument={"uri": URI}, range=whole, context={})
    [change] = fix["edit"]["changes"][URI]
    assert fix["title"].startswith("AR101: ")
    assert change["newText"] == ", bias=false"


def test_the_outline_has_sections_blocks_and_labels(client: Client) -> None:
    client.open(TEXT)
    sections = {each["name"]: each for each in client.ask("textDocument/documentSymbol", textDocument={"uri": URI})}
    [block] = sections["blocks"]["children"]
    assert (block["name"], block["detail"], [each["name"] for each in block["children"]]) == (
        "double",
        "(c, s=1)",
        ["skip"],
    )
    assert [each["name"] for each in sections["layers"]["children"]] == ["stem"]


def test_messages_that_make_no_sense_end_nothing(client: Client) -> None:
    client.write(b"Content-Length: 5\r\n\r\n{oops")
    assert client.read()["error"]["code"] == -32700
    client.write(b"Content-Length: 2\r\nOther: x\r\n\r\n[]")
    assert client.read()["error"]["code"] == -32700
    assert client.ask("workspace/symbol", query="x")["code"] == -32601
    assert client.ask("textDocument/hover")["code"] == -32603
    assert client.at("hover", 0, 0) is None
    client.open(TEXT)
    assert client.at("hover", 99, 99) is None
    assert client.at("completion", 99, 99) is not None


def test_the_server_loads_nothing_heavy() -> None:
    program = "import sys; from archcalc.command import run; run(['server']); print(*sys.modules)"
    ended = subprocess.run([sys.executable, "-c", program], input="", capture_output=True, text=True, check=True)
    assert {each.partition(".")[0] for each in ended.stdout.split()} & HEAVY == set()


def test_the_end_of_the_stream_ends_the_server() -> None:
    client = Client()
    assert client.process.stdin
    client.process.stdin.close()
    assert client.process.wait(timeout=20) == 1
    client.close()


@pytest.mark.parametrize("cut", range(0, len(TEXT), 7))
def test_every_beginning_of_a_text_has_an_outline(cut: int) -> None:
    lines = TEXT[:cut].splitlines()
    outline = outline_of(lines)
    assert len(outline.sections) == len(outline.blocks) == len(lines)
    assert all(lines[each.line][each.column :].startswith(each.name) for each in outline.places)
