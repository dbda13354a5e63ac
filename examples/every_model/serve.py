"""Serve the census model on this machine, as a model server would: Open Inference Protocol, v2.

A stand-in for a real server such as MLServer, Triton or KServe, of the standard library alone.

    python examples/every_model/serve.py             # http://127.0.0.1:8093/v2/models/census
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np

BUILT = Path(__file__).resolve().parent / "build"
ROUTE = "/v2/models/census"
#: Longest request that is read; unit: bytes.
LONGEST = 50_000_000


def answer(session: Any, body: dict[str, Any]) -> dict[str, Any]:  # noqa: ANN401 - onnxruntime has no types
    """Score the rows of a request.

    Args:
        session: The model, opened by onnxruntime.
        body: The request: one tensor of all features.

    Returns:
        The answer: probabilities of both classes.

    Raises:
        ValueError: If the tensor is not of the shape that it declares.
    """
    given = body["inputs"][0]
    rows = np.asarray(given["data"], dtype=np.float32).reshape(given["shape"])
    positive = session.run(None, {"rows": rows})[0][:, 0].astype(float)
    both = np.column_stack([1 - positive, positive])
    output = {"name": "predict_proba", "datatype": "FP64", "shape": list(both.shape)}
    return {"model_name": "census", "outputs": [output | {"data": both.ravel().tolist()}]}


class Handler(BaseHTTPRequestHandler):
    """Answers requests for scores, and whether the server is ready."""

    session: Any

    def do_POST(self) -> None:
        """Answer a request for scores."""
        if self.path != f"{ROUTE}/infer":
            self._send(404, {"error": "no such model"})
            return
        try:
            length = min(int(self.headers["Content-Length"]), LONGEST)
            self._send(200, answer(self.session, json.loads(self.rfile.read(length))))
        except (KeyError, IndexError, TypeError, ValueError) as error:
            self._send(400, {"error": f"no request of the protocol: {type(error).__name__}"})

    def do_GET(self) -> None:
        """Say whether the server is ready."""
        known = self.path in ("/v2/health/ready", f"{ROUTE}/ready")
        self._send(200 if known else 404, {"ready": known})

    def log_message(self, *_: object) -> None:
        """Print nothing: rows of people do not belong in a log."""

    def _send(self, status: int, body: dict[str, Any]) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def serve(port: int) -> ThreadingHTTPServer:
    """Make a server on loopback; its `serve_forever` serves, its `server_address` says where.

    Args:
        port: Where to listen; 0 takes a free one.
    """
    import onnxruntime

    Handler.session = onnxruntime.InferenceSession(BUILT / "model.onnx")
    return ThreadingHTTPServer(("127.0.0.1", port), Handler)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line until it is interrupted."""
    parser = argparse.ArgumentParser(description="Serve the census model on this machine.")
    parser.add_argument("--port", type=int, default=8093)
    with serve(parser.parse_args(arguments).port) as server:
        host, port = server.server_address[:2]
        print(f"serving the model on {host!s}:{port}{ROUTE}; stop with Ctrl-C", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
