"""What each of two processes runs, for the tests of parallel training; see `launch`."""

from __future__ import annotations

import dataclasses
import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from small_training import SMALL_LSTM, cards, people

from auditkit.errors import AuditkitError
from auditkit.training import (
    MLP,
    PooledEmbedding,
    Privacy,
    Seq2Seq,
    TextLSTM,
    Training,
    fit,
    processes,
)

#: Full batches of plain steepest descent: nothing but rounding tells processes apart.
FULL = Training(
    epochs=20, batch_size=10_000, optimizer="sgd", learning_rate=0.2, schedule="constant"
)
#: 361 training rows in batches of 8: the last holds one row, which one process takes.
ODD = dataclasses.replace(FULL, batch_size=8, epochs=2, patience=0)
#: Batches of 3 on average: some steps give one process no row.
PRIVACY = Privacy(noise_multiplier=1.0, batch_size=3, learning_rate=0.02)


def reviews(n: int = 120) -> pd.DataFrame:
    """Texts whose outcome one word tells."""
    words = ["good", "bad", "old book", "new long book", "film"]
    texts = [f"{words[i % 2]} {words[i % 5]} {words[(i // 3) % 5]}" for i in range(n)]
    return pd.DataFrame({"text": texts, "y": [1 - i % 2 for i in range(n)]})


def weighted(n: int = 361) -> pd.DataFrame:
    """Rows with weights of which some are 0."""
    return people(n).assign(w=lambda rows: (rows.index % 4).astype(float))


#: Name to the arguments of a training.
FITS: dict[str, dict[str, Any]] = {
    "full": {"architecture": MLP(hidden=(8,)), "rows": people(), "training": FULL},
    "weighted": {
        "architecture": MLP(hidden=(8,)), "rows": weighted(), "training": ODD, "weight": "w",
    },
    "odd": {"architecture": MLP(hidden=(8,)), "rows": people(361), "training": ODD},
    "lstm": {"architecture": SMALL_LSTM, "rows": cards(201), "training": ODD},
    "text": {
        "architecture": TextLSTM(hidden=4, embedding=4, length=8, dropout=0),
        "rows": reviews(121), "training": ODD,
    },
    "pooled": {
        "architecture": PooledEmbedding(hidden=4, embedding=4, length=8, dropout=0),
        "rows": reviews(121), "training": ODD,
    },
    "seq2seq": {
        "architecture": Seq2Seq(source="text", hidden=4, embedding=4, dropout=0),
        "rows": reviews(121).assign(y=lambda rows: rows["text"].str[::-1]),
        "training": dataclasses.replace(ODD, learning_rate=0.02),
        "task": "sequence-to-sequence",
    },
    "private": {
        "architecture": MLP(hidden=(8,)), "rows": people(361), "training": ODD,
        "privacy": PRIVACY, "validation": people(50, seed=1),
    },
    "private text": {
        "architecture": TextLSTM(hidden=4, embedding=4, length=8, dropout=0),
        "rows": reviews(121), "training": ODD, "privacy": PRIVACY, "validation": reviews(50),
    },
    "dropout": {
        "architecture": MLP(hidden=(16,), dropout=0.2), "rows": people(2_000),
        "training": Training(epochs=15, batch_size=64, learning_rate=0.02, schedule="plateau"),
    },
}  # fmt: skip


def of_one(name: str) -> tuple[Any, Any]:
    """What one process gives."""
    return fit(**FITS[name], label="y")


def environment() -> dict[str, str]:
    """Where processes find this package and these tests; one thread each."""
    here = Path(__file__).parent
    paths = os.pathsep.join([str(here), str(here.parent)])
    return {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": paths}


def launch(script: str | Path, *arguments: object) -> list[subprocess.CompletedProcess[str]]:
    """Run a script in two processes, as torchrun would, and wait for both."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shared = {
        "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }  # fmt: skip
    started = [
        subprocess.Popen(
            [sys.executable, str(script), *map(str, arguments)],
            env={**environment(), **shared, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    said = [process.communicate(timeout=120) for process in started]
    return [
        subprocess.CompletedProcess(process.args, process.returncode, *texts)
        for process, texts in zip(started, said, strict=True)
    ]


def _refused(**settings: Any) -> str:
    try:
        fit(MLP(hidden=(2,)), label="y", **settings)
    except AuditkitError as error:
        return str(error)
    return "nothing"


def main(out: Path) -> None:
    """Train everything in this process's part, and write what came of it."""
    torch.set_num_threads(1)
    with processes() as here:
        found: dict[str, Any] = {}
        for name, arguments in FITS.items():
            model, record = fit(**arguments, label="y")
            if here.first:
                model.save(out / name)
            found[name] = {"sha256": model.sha256, "record": record.to_dict()}
        rank_rows = people(100, seed=here.rank)
        found["other rows"] = _refused(rows=rank_rows, training=ODD)
        (out / f"{here.rank}.json").write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
