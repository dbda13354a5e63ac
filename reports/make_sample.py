"""Regenerate the committed sample: the audit of the census example, its pages and a picture."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
SAMPLE = HERE / "sample"
CHROMIUM = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--hide-scrollbars", "--window-size=1280,1600",
]  # fmt: skip


def main() -> None:
    """Run the example, replace the sample by its bundle, and take the picture."""
    command = Path(sys.executable).parent / "auditkit"
    done = subprocess.run(
        [command, "run", "examples/census_income/auditkit.toml", "--out", "reports", "--json"],
        cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip
    if done.returncode not in {0, 1, 3}:
        sys.exit(done.returncode)
    bundle = (ROOT / json.loads(done.stdout)["report"]).parent
    SAMPLE.mkdir(exist_ok=True)
    for name in ("audit.json", "report.en.html", "report.zh-Hans.html"):
        shutil.copyfile(bundle / name, SAMPLE / name)
    take_picture(SAMPLE / "report.en.html", SAMPLE / "report.png")


def take_picture(page: Path, picture: Path) -> None:
    """Photograph the top of the page, where a Chromium is at hand."""
    browser = shutil.which("chromium")
    if browser is None:
        print("no chromium here: the picture stays as it was")
        return
    with tempfile.TemporaryDirectory() as profile:
        subprocess.run(
            [browser, *CHROMIUM, f"--user-data-dir={profile}", f"--screenshot={picture}",
             page.as_uri()],
            check=True, capture_output=True, timeout=120,
        )  # fmt: skip


if __name__ == "__main__":
    main()
