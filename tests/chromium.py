"""A real browser for tests: headless Chromium, spoken to over a pair of pipes, with no library.

`--remote-debugging-pipe` makes Chromium read commands from descriptor 3 and answer on 4: JSON, each
message ended by a zero byte. There is no port, so nothing is opened to the network.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import json
import os
import selectors
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

#: Names under which packages install it; Debian's is the first.
NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe"),
    *("--no-first-run", "--disable-extensions", "--disable-background-networking"),
    *("--disable-dev-shm-usage", "--hide-scrollbars"),
)
#: Seconds that an answer may take on a busy machine.
PATIENCE = 240.0

Event = dict[str, Any]


def found() -> str | None:
    """Where Chromium is, or None."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class Browser:
    """One Chromium with one page.

    Attributes:
        events: What the page reported since it was opened: requests, errors, ...
    """

    def __init__(self, command: str, folder: str) -> None:
        commands, self._write = _high_pipe()
        self._read, answers = _high_pipe()
        given = [command, *ARGUMENTS, f"--user-data-dir={folder}", "about:blank"]
        with Path(folder, "log").open("wb") as log:
            places = [(log.fileno(), 1), (log.fileno(), 2), (commands, 3), (answers, 4)]
            moved = [(os.POSIX_SPAWN_DUP2, source, target) for source, target in places]
            self._pid = os.posix_spawn(
                command, given, os.environ, file_actions=moved, setpgroup=0
            )  # fmt: skip
        os.close(commands)
        os.close(answers)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._read, selectors.EVENT_READ)
        self._rest = b""
        self._number = 0
        self._session: str | None = None
        self.events: list[Event] = []
        targets = self.send("Target.getTargets")["targetInfos"]
        page = next(target["targetId"] for target in targets if target["type"] == "page")
        attached = self.send("Target.attachToTarget", targetId=page, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.send(f"{domain}.enable")
        self.send("Emulation.setFocusEmulationEnabled", enabled=True)

    def close(self) -> None:
        """End this Chromium and its children."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        self._selector.close()
        os.close(self._read)
        os.close(self._write)

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command and wait for its answer; what happens meanwhile is kept in `events`."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        _write_all(self._write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._receive()
            if answer.get("id") == self._number:
                assert "error" not in answer, (method, answer["error"])
                result: dict[str, Any] = answer["result"]
                return result
            self.events.append(answer)

    def _receive(self) -> Event:
        end = time.monotonic() + PATIENCE
        while b"\0" not in self._rest:
            if not self._selector.select(end - time.monotonic()):
                raise TimeoutError(f"Chromium said nothing for {PATIENCE:g} s")
            part = os.read(self._read, 1 << 20)
            if not part:
                raise EOFError("Chromium has ended")
            self._rest += part
        line, self._rest = self._rest.split(b"\0", 1)
        event: Event = json.loads(line)
        return event

    def _wait_for(self, method: str) -> None:
        while not any(event.get("method") == method for event in self.events):
            self.events.append(self._receive())

    def open(
        self, file: Path, *, width: int = 1440, dark: bool = False, scripts: bool = True
    ) -> None:
        """Open a file, and wait until it is loaded.

        Args:
            file: An HTML file.
            width: Width of the window; unit: CSS pixels.
            dark: Whether the reader prefers dark colours.
            scripts: Whether the page may run its scripts.
        """
        self.send("Emulation.setScriptExecutionDisabled", value=not scripts)
        self.resize(width)
        self.prefer("dark" if dark else "light")
        self.events.clear()
        self.send("Page.navigate", url=file.resolve().as_uri())
        self._wait_for("Page.loadEventFired")

    def resize(self, width: int, height: int = 900) -> None:
        """Give the window a size; unit: CSS pixels."""
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=False,
        )  # fmt: skip

    def prefer(self, scheme: str) -> None:
        """Say that the reader prefers "light" or "dark" colours."""
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self.send("Emulation.setEmulatedMedia", features=[feature])

    def run(self, code: str) -> Any:
        """Evaluate JavaScript in the page as its developer tools would, and give back its value."""
        answer = self.send(
            "Runtime.evaluate", expression=code, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def press(self, key: str, code: int, *, shift: bool = False) -> None:
        """Press a key: its name, and the number that Windows has for it."""
        modifiers = 8 if shift else 0
        text = {"text": "\r"} if key == "Enter" else {"text": " "} if key == " " else {}
        held = {"key": key, "windowsVirtualKeyCode": code, "modifiers": modifiers}
        self.send(
            "Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", **held, **text
        )
        self.send("Input.dispatchKeyEvent", type="keyUp", **held)

    def requests(self) -> list[str]:
        """The addresses that were asked for since the page was opened, its own among them."""
        return [
            event["params"]["request"]["url"]
            for event in self.events
            if event.get("method") == "Network.requestWillBeSent"
        ]

    def complaints(self) -> list[str]:
        """Errors and warnings since the page was opened: scripts that broke, what was blocked."""
        thrown = [
            event["params"]["exceptionDetails"]["text"]
            for event in self.events
            if event.get("method") == "Runtime.exceptionThrown"
        ]
        logged = [
            event["params"]["entry"]["text"]
            for event in self.events
            if event.get("method") == "Log.entryAdded"
        ]
        return thrown + logged

    def print(self, file: Path) -> None:
        """Print the page as it stands to a PDF."""
        printed = self.send("Page.printToPDF", preferCSSPageSize=True)
        file.write_bytes(base64.b64decode(printed["data"]))

    def picture(self, file: Path) -> None:
        """Save what the window shows."""
        shot = self.send("Page.captureScreenshot", format="png")
        file.write_bytes(base64.b64decode(shot["data"]))


@contextlib.contextmanager
def started() -> Iterator[Browser]:
    """Start Chromium with a profile of its own, and end it."""
    command = found()
    assert command
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        browser = Browser(command, folder)
        try:
            yield browser
        finally:
            browser.close()


def _high_pipe() -> tuple[int, int]:
    """A pipe whose ends lie above the descriptors that Chromium gets."""
    ends = os.pipe()
    high = tuple(fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in ends)
    for end in ends:
        os.close(end)
    return high[0], high[1]


def _write_all(descriptor: int, message: bytes) -> None:
    while message:
        message = message[os.write(descriptor, message) :]
