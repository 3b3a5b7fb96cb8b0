"""The live page: it follows the file, shows what is wrong with it, and is served to this machine alone."""

import os
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from threading import Thread

import pytest

from archcalc.command import run
from archcalc.commands.serve import live
from archcalc.core.overrides import AS_WRITTEN
from archcalc.pages.server import server_of
from tests.pages.browser import Browser, needs_chromium

SPEC = "archcalc: 1\nname: {name}\ninput: [3, 8, 8]\nlayers:\n  - conv(3, {channels})\n"

OPTIONS = {
    "free": (), "batch": 1, "dtype": "float32", "optimizer": None, "implementation": None, "accumulate": False,
    "autocast": None, "machine": None, "checkpoint": (),
}  # fmt: skip


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Path, int]]:
    """A file and the port of its page."""
    file = tmp_path / "net.yaml"
    save(file, SPEC.format(name="First", channels=4), 1)
    server = server_of(live(str(file), file, AS_WRITTEN, OPTIONS), 0)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield file, int(server.server_address[1])
    server.shutdown()
    thread.join()
    server.server_close()


def save(file: Path, text: str, second: int) -> None:
    """Writes a file, at a time of its own."""
    file.write_text(text)
    os.utime(file, (second, second))


def answer(port: int, path: str = "/", host: str | None = None) -> tuple[int, str]:
    connection = HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("GET", path, headers={"Host": host} if host else {})
    response = connection.getresponse()
    text = response.read().decode()
    connection.close()
    return response.status, text


def test_the_page_follows_the_file(served: tuple[Path, int]) -> None:
    file, port = served
    version = answer(port, "/version")
    assert "<title>First" in answer(port)[1]
    save(file, SPEC.format(name="Second", channels=8), 2)
    assert answer(port, "/version") != version
    assert "<title>Second" in answer(port)[1]


def test_a_broken_spec_is_answered_with_what_is_wrong_and_where(served: tuple[Path, int]) -> None:
    file, port = served
    save(file, SPEC.format(name="Broken", channels="4, strides=2"), 2)
    status, text = answer(port)
    assert status == 200
    assert "unknown argument &#x27;strides&#x27; of conv" in text
    assert "net.yaml:5:16" in text
    save(file, SPEC.format(name="Whole", channels=4), 3)
    assert "<title>Whole" in answer(port)[1]


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8137", "127.0.0.1.evil.example"])
def test_other_hosts_are_refused(host: str, served: tuple[Path, int]) -> None:
    status, text = answer(served[1], host=host)
    assert status == 421
    assert "<" not in text


def test_every_variant_has_a_page_that_follows_the_file(served: tuple[Path, int]) -> None:
    file, port = served
    spec = SPEC.format(name="Whole", channels="c") + "params: {c: 4}\nvariants:\n  wide: {name: Wide, params: {c: 8}}\n"
    save(file, spec, 2)
    assert "<title>Whole" in answer(port)[1]
    assert "<title>Wide" in answer(port, "/@wide")[1]
    save(file, spec.replace("Wide", "Wider"), 3)
    assert "<title>Wider" in answer(port, "/@wide")[1]
    assert "unknown variant" in answer(port, "/@%3Cscript%3E")[1]
    assert "&#x27;<script>" not in answer(port, "/@%3Cscript%3E")[1]


def test_there_is_one_page_and_no_file(served: tuple[Path, int]) -> None:
    assert answer(served[1], "/../../etc/passwd")[0] == 404


def test_a_spec_that_is_no_file_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["serve", "-"]) == 2
    assert "serve takes one SPEC" in capsys.readouterr().err


@needs_chromium
def test_a_browser_loads_the_page_anew(served: tuple[Path, int], browser: Browser) -> None:
    file, port = served
    browser.open(f"http://127.0.0.1:{port}/")
    assert browser.evaluate("$('title').textContent") == "First"
    assert browser.evaluate("$('network').hidden") is True
    save(file, SPEC.format(name="Broken", channels="4, strides=2"), 2)
    browser.until_loaded("document.querySelector('.notice')")
    save(file, SPEC.format(name="Second", channels=8), 3)
    browser.until_loaded("document.title.startsWith('Second')")
    save(file, SPEC.format(name="Third", channels=8) + "variants: {wide: {name: Wide}}\n", 4)
    browser.until_loaded("document.title.startsWith('Third') && !$('network').hidden")
    browser.evaluate("$('network').value = 'wide'; $('network').onchange()")
    browser.until_loaded("document.title.startsWith('Wide') && $('network').value === 'wide'")
    assert browser.errors == []
    assert all(url.startswith(f"http://127.0.0.1:{port}/") for url in browser.requests)
