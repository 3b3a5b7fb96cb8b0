"""The playground: what Python answers, the files of the site, and the site in a browser where `make site` was run."""

import json
import re
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import yaml

import archcalc
from archcalc.graph.loading import document_of
from archcalc.pages.packing import packed
from archcalc.pages.playground import answer, archive, examples, playground
from archcalc.pages.whole import Wanted, whole_report
from archcalc.report.formats.json import document_of as json_of
from archcalc.spec.zoo import bundled
from docs.site import main
from tests.pages.browser import Browser, needs_chromium

PYODIDE = Path(__file__).parents[2] / ".site" / "node_modules" / "pyodide"

needs_pyodide = pytest.mark.skipif(not PYODIDE.is_dir(), reason="pyodide is not there: `make site` fetches it")

COMPARED = ("resnet18", "unet", "mixtral", "seq2seq")

BROKEN = "archcalc: 1\ninput: [3, 8, 8]\nlayers:\n  - conv(3, 8, strides=2)\n"


def answered(name: str, **options: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(answer(Path(bundled()[name]).read_text(encoding="utf-8"), **options))
    return found


# --- Python ----------------------------------------------------------------------------------------------------------


def test_an_answer_is_the_data_of_the_page() -> None:
    page = packed(json_of(whole_report(document_of("lenet5"), Wanted())))
    found = answered("lenet5")["network"]
    findings = [each | {"file": "spec.yaml"} for each in page["findings"]]
    assert found == json.loads(json.dumps(page | {"spec": "spec.yaml", "findings": findings}))


def test_a_variant_and_a_batch_are_applied() -> None:
    assert answered("resnet18", variant="resnet34")["network"]["totals"]["params"] == 21_797_672
    assert answered("lenet5", batch=4)["network"]["totals"]["macs"] == 4 * 416_520


def test_what_is_wrong_is_answered_with_its_place() -> None:
    found = json.loads(answer(BROKEN))
    assert "unknown argument 'strides' of conv" in found["problem"]
    assert found["places"] == [{"line": 4, "message": "unknown argument 'strides' of conv"}]


@pytest.mark.parametrize("text", ["", "{", "a: [", "\x00", "archcalc: 1", "x" * 100_000])
def test_any_text_has_an_answer(text: str) -> None:
    assert json.loads(answer(text)).keys() == {"problem", "places"}


# --- the site --------------------------------------------------------------------------------------------------------


def test_the_page_loads_a_worker_and_nothing_else() -> None:
    html = playground()
    assert "default-src 'none'" in html
    assert "worker-src 'self'" in html
    assert "connect-src 'none'" in html
    assert {f'<option value="{name}' for name in bundled()} <= set(re.findall(r'<option value="[\w-]+', html))
    assert set(examples()) == set(bundled())


def test_the_archive_has_all_that_the_page_imports_and_is_small() -> None:
    made = archive([Path(archcalc.__file__).parent, Path(yaml.__file__).parent])
    names = zipfile.ZipFile(BytesIO(made)).namelist()
    assert {"archcalc/pages/playground.py", "archcalc/specs/resnet18.yaml", "yaml/__init__.py"} <= set(names)
    assert not [name for name in names if "layers/torch_modules" in name or name.endswith((".so", ".pyc"))]
    assert len(made) < 1_000_000
    assert made == archive([Path(archcalc.__file__).parent, Path(yaml.__file__).parent])


def test_what_is_not_pyodide_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"has no pyodide.mjs and no .*: it is not pyodide's npm package"):
        main(tmp_path, tmp_path / "site")
    assert not (tmp_path / "site").exists()


# --- in a browser ----------------------------------------------------------------------------------------------------


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *arguments: Any) -> None:
        """Nothing."""


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """The site in a browser, with Python started."""
    folder = tmp_path_factory.mktemp("site")
    main(PYODIDE, folder)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        with Browser() as browser:
            browser.open(f"http://127.0.0.1:{server.server_address[1]}/index.html")
            browser.until("$('state').textContent !== 'Python starts …'")
            assert browser.evaluate("$('state').textContent") == "ready"
            yield browser
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


FORGET = "delete document.documentElement.dataset.answered"


def write(browser: Browser, text: str) -> None:
    """Writes a spec, and waits for its answer."""
    browser.evaluate(f"{FORGET}; playground.write({json.dumps(text)}); playground.run()")
    browser.until("document.documentElement.dataset.answered")


@needs_chromium
@needs_pyodide
@pytest.mark.zoo
@pytest.mark.parametrize("name", COMPARED)
def test_numbers_in_the_browser_are_those_of_the_command_line(name: str, opened: Browser) -> None:
    write(opened, Path(bundled()[name]).read_text(encoding="utf-8"))
    totals = opened.evaluate("page.network.totals")
    native = json.loads(json.dumps(packed(json_of(whole_report(document_of(name), Wanted())))["totals"]))
    assert totals == native
    assert native["training_peak_bytes"] > 0
    assert opened.errors == []


@needs_chromium
@needs_pyodide
@pytest.mark.zoo
def test_a_problem_is_shown_at_its_line_and_the_network_stays(opened: Browser) -> None:
    write(opened, Path(bundled()["lenet5"]).read_text(encoding="utf-8"))
    write(opened, BROKEN)
    assert "strides" in opened.evaluate("$('problems').textContent")
    assert opened.evaluate("$('line-numbers').querySelector('b').textContent") == "4"
    assert opened.evaluate("$('title').textContent") == "LeNet-5"
    write(opened, BROKEN.replace("strides", "stride"))
    assert opened.evaluate("$('problems').hidden") is True
    assert opened.evaluate("page.network.layers.length") == 1
    assert opened.errors == []


@needs_chromium
@needs_pyodide
@pytest.mark.zoo
def test_a_link_holds_the_spec(opened: Browser) -> None:
    write(opened, BROKEN.replace("strides", "stride"))
    opened.evaluate("playground.share()")
    link = opened.evaluate("location.href")
    assert "#spec=" in link
    write(opened, Path(bundled()["lenet5"]).read_text(encoding="utf-8"))
    opened.evaluate(f"{FORGET}; playground.read()")
    opened.until("document.documentElement.dataset.answered")
    assert opened.evaluate("$('text').value") == BROKEN.replace("strides", "stride")
