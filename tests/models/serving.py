"""Servers for tests: a small one that misbehaves on order, and a real one."""

from __future__ import annotations

import fcntl
import gzip
import json
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
import venv
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

#: What the real server is made of; its sklearn runtime brings scikit-learn, joblib and pandas.
REAL = ("mlserver==1.7.1", "mlserver-sklearn==1.7.1")


@dataclass
class Got:
    """One request as it came in."""

    path: str
    headers: Mapping[str, str]
    body: dict[str, Any]
    time: float


Answer = Callable[["Handler", dict[str, Any]], None]


class Handler(BaseHTTPRequestHandler):
    """Answers each post as the server's list of answers says, and rightly once that is empty."""

    protocol_version = "HTTP/1.1"
    server: Server

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        body = json.loads(content)
        self.server.got.append(Got(self.path, dict(self.headers), body, time.monotonic()))
        answers = self.server.answers
        (answers.pop(0) if answers else right)(self, body)

    def log_message(self, *_: object) -> None:
        pass

    def send(self, content: bytes, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if "Content_Length" not in headers:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


class Server(ThreadingHTTPServer):
    """Listens on loopback, on a port of the system's choice."""

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: list[Answer] = []
        self.got: list[Got] = []

    def handle_error(self, *_: object) -> None:
        """A client that hung up is part of the tests."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v2/models/m"


@contextmanager
def served() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def first_column(body: Mapping[str, Any]) -> list[float]:
    """What the server calls the probability of a row: the first number of it."""
    one = body["inputs"][0]
    width = one["shape"][1]
    return [float(value) for value in one["data"][::width]]


def output(values: Any, shape: Any, name: str = "predict_proba", datatype: Any = "FP64") -> bytes:
    one = {"name": name, "shape": shape, "datatype": datatype, "data": values}
    return json.dumps({"model_name": "m", "outputs": [one]}).encode()


def right(handler: Handler, body: dict[str, Any]) -> None:
    chances = first_column(body)
    pairs = [[1 - chance, chance] for chance in chances]
    handler.send(output(pairs, [len(pairs), 2], body["outputs"][0]["name"]))


def saying(content: bytes, status: int = 200, **headers: str) -> Answer:
    return lambda handler, _: handler.send(content, status, **headers)


def hanging_up(handler: Handler, _: dict[str, Any]) -> None:
    handler.close_connection = True
    with suppress(OSError):
        handler.connection.shutdown(socket.SHUT_RDWR)


def cut_short(handler: Handler, _: dict[str, Any]) -> None:
    handler.send(b'{"outputs": [', Content_Length="1000")
    hanging_up(handler, _)


def no_http(handler: Handler, _: dict[str, Any]) -> None:
    handler.wfile.write(b"\x00\x01garbage\r\n\r\n")
    hanging_up(handler, _)


def late(seconds: float) -> Answer:
    def answer(handler: Handler, body: dict[str, Any]) -> None:
        time.sleep(seconds)
        with suppress(OSError):
            right(handler, body)

    return answer


def dripping(handler: Handler, _: dict[str, Any]) -> None:
    """One byte now and then, without end, each within any time limit of a socket."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    with suppress(OSError):
        for _number in range(100):
            handler.wfile.write(b" ")
            time.sleep(0.05)


def dripping_headers(handler: Handler, _: dict[str, Any]) -> None:
    with suppress(OSError):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
        for number in range(60):
            handler.wfile.write(f"X-{number}: 1\r\n".encode())
            time.sleep(0.05)


def endless(handler: Handler, _: dict[str, Any]) -> None:
    """More bytes than anybody wants, without saying how many."""
    handler.close_connection = True
    handler.send_response(200)
    handler.send_header("Connection", "close")
    handler.end_headers()
    with suppress(OSError):
        for _number in range(2_000):
            handler.wfile.write(b" " * 100_000)


def packed(handler: Handler, _: dict[str, Any]) -> None:
    handler.send(gzip.compress(b" " * 100_000), Content_Encoding="gzip")


# a real server


class NoServerError(Exception):
    """The real server cannot be installed here; says why."""


def cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "auditkit-tests"


def real_python(seconds: float = 900) -> Path:
    """The Python of an environment that holds the real server; made once, then kept.

    Raises:
        NoServerError: If it cannot be installed.
    """
    name = f"mlserver-1.7.1-py{sys.version_info.major}{sys.version_info.minor}"
    folder = cache() / name
    python, ready = folder / "bin" / "python", folder / "ready"
    folder.mkdir(parents=True, exist_ok=True)
    with (cache() / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests in parallel make it once
        if ready.exists():
            return python
        venv.create(folder, with_pip=True, clear=False)
        command = [str(python), "-m", "pip", "install", "--quiet", *REAL]
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=seconds)
        except subprocess.CalledProcessError as error:
            said = error.stderr.decode("utf-8", "replace").strip().splitlines()
            raise NoServerError(said[-1] if said else "pip failed") from None
        except subprocess.TimeoutExpired:
            raise NoServerError(f"pip took more than {seconds:g} s") from None
        ready.touch()
    return python


def free_ports(count: int) -> list[int]:
    """Ports that were free a moment ago."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(one.getsockname()[1]) for one in sockets]
    for one in sockets:
        one.close()
    return ports


@dataclass
class RealServer:
    """MLServer over a folder of models, on loopback; can be killed and started again."""

    python: Path
    folder: Path
    port: int = 0
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        self.port, grpc, metrics = free_ports(3)
        settings = {
            "host": "127.0.0.1", "http_port": self.port, "grpc_port": grpc,
            "metrics_port": metrics, "parallel_workers": 0,
        }  # fmt: skip
        (self.folder / "settings.json").write_text(json.dumps(settings), encoding="utf-8")

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            command = [str(self.python), "-m", "mlserver.cli.main", "start", "."]
            self.process = subprocess.Popen(
                command, cwd=self.folder, stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )

    def wait(self, model: str, seconds: float = 90) -> None:
        """Wait until a model can be asked."""
        end = time.monotonic() + seconds
        url = f"http://127.0.0.1:{self.port}/v2/models/{model}/ready"
        while time.monotonic() < end:
            with suppress(OSError), urllib.request.urlopen(url, timeout=5):
                return
            if self.process is None or self.process.poll() is not None:
                break
            time.sleep(0.1)
        log = (self.folder / "log").read_text(encoding="utf-8", errors="replace")
        raise AssertionError(f"the server did not come up: {log[-2_000:]}")

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(30)
            self.process = None

    def url(self, model: str) -> str:
        return f"http://127.0.0.1:{self.port}/v2/models/{model}"
