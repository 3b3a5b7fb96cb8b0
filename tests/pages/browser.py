"""Chromium for tests, driven through its debugging pipe: what it logs, what it requests, what a page measures.

A test that needs it is skipped, with the reason, where Chromium is not installed.
"""

import base64
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")

FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--remote-debugging-pipe",
    "--disable-background-networking", "--disable-component-update", "--no-first-run", "--disable-extensions",
    "--disable-dev-shm-usage",
)  # fmt: skip

SECONDS = 60


def program() -> str | None:
    return next((found for name in PROGRAMS if (found := shutil.which(name))), None)


needs_chromium = pytest.mark.skipif(program() is None, reason="Chromium is not installed: apt-get install chromium")


class Browser:
    """One browser with one tab. `errors`: what the console and exceptions reported; `requests`: what was requested."""

    def __init__(self) -> None:
        self.folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        to_browser, self.to = os.pipe()
        self.back, from_browser = os.pipe()
        pipes = f'exec 3<&{to_browser} 4>&{from_browser}; exec "$@"'
        arguments = [str(program()), *FLAGS, f"--user-data-dir={self.folder.name}", "about:blank"]
        self.process = subprocess.Popen(
            ["bash", "-c", pipes, "bash", *arguments],
            pass_fds=(to_browser, from_browser),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_browser)
        os.close(from_browser)
        self.waiting = b""
        self.count = 0
        self.session = ""
        self.errors: list[str] = []
        self.requests: list[str] = []
        self.events: list[str] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):
            os.close(self.to)
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
        os.close(self.back)
        self.folder.cleanup()

    # --- the protocol ------------------------------------------------------------------------------------------------

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """The answer to a command; events before it are recorded."""
        self.count += 1
        message: dict[str, Any] = {"id": self.count, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.next()
            if answer.get("id") == self.count:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                found: dict[str, Any] = answer["result"]
                return found
            self.record(answer)

    def next(self) -> dict[str, Any]:
        while b"\0" not in self.waiting:
            part = os.read(self.back, 1 << 16)
            if not part:
                raise RuntimeError("the browser ended")
            self.waiting += part
        line, _, self.waiting = self.waiting.partition(b"\0")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def record(self, event: dict[str, Any]) -> None:
        method, parameters = event.get("method", ""), event.get("params", {})
        self.events.append(method)
        if method == "Runtime.exceptionThrown":
            details = parameters["exceptionDetails"]
            self.errors.append(details.get("exception", {}).get("description") or details["text"])
        elif method == "Runtime.consoleAPICalled" and parameters["type"] in ("error", "warning", "assert"):
            self.errors.append(str(parameters["args"]))
        elif method == "Log.entryAdded" and parameters["entry"]["level"] in ("error", "warning"):
            self.errors.append(parameters["entry"]["text"])
        elif method == "Network.requestWillBeSent":
            self.requests.append(parameters["request"]["url"])

    # --- pages -------------------------------------------------------------------------------------------------------

    def open(self, url: str, width: int = 1280, height: int = 900, theme: str = "light") -> None:
        """Loads a page, and waits until it says that it is ready."""
        self.size(width, height)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": theme}])
        self.errors.clear()
        self.requests.clear()
        self.call("Page.navigate", url=url)
        ready = "!document.getElementById('data') || document.documentElement.dataset.ready"
        self.until(f"document.readyState === 'complete' && ({ready})")

    def size(self, width: int, height: int) -> None:
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 500
        )

    def resize(self, width: int) -> None:
        """Changes the width of the window, and waits until the page has drawn itself anew."""
        self.size(width, 900)
        self.evaluate("new Promise(done => setTimeout(done, 200))")

    def until(self, condition: str) -> None:
        """Waits for a condition of the page."""
        script = f"""new Promise((done, failed) => {{
            const end = Date.now() + {SECONDS * 1000};
            (function look() {{
              if ({condition}) done(true);
              else if (Date.now() > end) failed(new Error("timed out"));
              else setTimeout(look, 10);
            }})();
        }})"""
        self.evaluate(script)

    def until_loaded(self, condition: str) -> None:
        """Waits for a condition of a page that loads itself anew."""
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            with suppress(RuntimeError):  # the page went while it was asked
                if self.evaluate(f"!!({condition})"):
                    return
            time.sleep(0.05)
        raise RuntimeError(f"timed out: {condition}")

    def evaluate(self, expression: str) -> Any:
        """The value of an expression in the page, as JSON; promises are awaited."""
        found = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in found:
            raise RuntimeError(found["exceptionDetails"].get("exception", {}).get("description", found))
        return found["result"].get("value")

    def screenshot(self, path: Path, whole: bool = True) -> None:
        found = self.call("Page.captureScreenshot", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(found["data"]))


@contextmanager
def opened(url: str, **options: Any) -> Iterator[Browser]:
    with Browser() as browser:
        browser.open(url, **options)
        yield browser
