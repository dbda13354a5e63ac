"""`auditkit init`: both files for a data file, its columns guessed and every guess marked."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from auditkit.errors import InputError, Problem, quote
from auditkit.starting.guessing import Guess, guess, why_no_label
from auditkit.starting.naming import outcome_rank
from auditkit.starting.policy import policy_text
from auditkit.starting.questions import questionnaire
from auditkit.toml import toml_key, toml_number, toml_text

if TYPE_CHECKING:
    from auditkit.data import Read

__all__ = ["CONFIG", "POLICY", "Guess", "guess", "init", "policy_text", "toml_text", "write_start"]

#: Names of the files that are written.
CONFIG, POLICY = "auditkit.toml", "policy.toml"

_HEAD = """\
# Written by `auditkit init`. A line marked "guessed" is a guess from names and values: check it,
# then take the mark away. A line "# key = value" is a setting at rest, its value only an example:
# take the "# " away to use it. Run it with: auditkit run auditkit.toml
"""
_JOIN = """\
# [subject.join]  # sensitive columns in a second file; the model never sees them
# data = "people.parquet"  # key and sensitive columns, one row a person
# key = "person_id"  # column that both files have"""
_OTHER_WAYS = """\
# Instead, exactly one of these:
# train = "mlp"  # train a model here, or
# file = "model"  # a folder that a model was saved to, or
# score = "score"  # a column of scores, and
# threshold = 0.5  # a row is selected where its score is at least this
# prediction = "decision"  # a column of decisions"""
_TRAINING = """\
# [subject.split]  # shares of the rows; the rest trains
# test = 0.3  # rows that the model is assessed on
# validation = 0.1  # rows that say when to stop training
# seed = 0  # another seed, another split

# [subject.training]
# epochs = 30  # most passes over the training rows
# batch_size = 256  # rows of one step
# learning_rate = 0.001  # step size of the first epoch
# patience = 5  # epochs without progress before training stops
# seed = 0  # another seed, another model"""
_AUDITS = """\
# [audits.fairness]
# level = 0.95  # confidence of every interval
# min_group = 10  # rows that a group's rate must rest on to be compared"""


@click.command()
@click.argument("file")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Folder for both files; by default the one that FILE lies in.",
)
@click.option("--table", help="Table to read, where FILE is a connection URL.")
@click.option("--label", help="Column of the true outcome, where the guess would be wrong.")
def init(file: str, out: Path | None, table: str | None, label: str | None) -> int:
    """Write auditkit.toml and policy.toml for FILE, with guessed roles.

    FILE is a CSV, Parquet or Arrow file, a pattern such as "part-*.parquet", a folder of Parquet
    files, or a connection URL. Nothing is overwritten.
    """
    config, policy = write_start(file, out, table=table, label=label)
    click.echo(f"Check what is marked as guessed, then: auditkit run {config}", err=True)
    click.echo(str(config))
    click.echo(str(policy))
    return 0


def write_start(
    file: str | Path,
    folder: str | Path | None = None,
    *,
    table: str | None = None,
    label: str | None = None,
) -> tuple[Path, Path]:
    """Write `auditkit.toml` and `policy.toml` for a data file.

    Args:
        file: What `auditkit.data.read` takes.
        folder: Where both are written; by default beside the data.
        table: Table to read, where `file` is a connection URL.
        label: Column of the true outcome; guessed where not given.

    Returns:
        The two files.

    Raises:
        InputError: If the data cannot be read, hold nothing to audit, or a file is there already;
            then nothing is written.
    """
    from auditkit.data import read
    from auditkit.data.warehouse import is_url

    out = _beside(str(file)) if folder is None else Path(folder)
    targets = (out / CONFIG, out / POLICY)
    problems = [
        Problem(str(path), "a file", "none: nothing is overwritten", "Choose a folder with --out.")
        for path in targets
        if path.exists()
    ]
    try:
        data = read(file, table=table, folder=out if is_url(file) else "")
    except InputError as error:
        raise InputError([*problems, *error.problems]) from None
    source = str(file) if is_url(file) else _relative(str(file), out)
    wrong = [] if label is None else list(_label_problems(data, label))
    found = guess(data.frame, _subject_name(str(file), table), None if wrong else label)
    problems += wrong or _hopeless(found, data)
    if not source.isprintable():
        problems.append(Problem("path of the data", quote(source), "letters that show"))
    if problems:
        raise InputError(problems)
    texts = (config_text(found, source, table), policy_text(found))
    _write_both(dict(zip(targets, texts, strict=True)))
    return targets


def config_text(found: Guess, data: str, table: str | None = None) -> str:
    """Write `auditkit.toml`.

    Args:
        found: Who is who.
        data: The data, as seen from where the file will lie.
        table: Table of a connection URL, or None.

    Returns:
        The text of the file; what it says is what was guessed, whatever the columns are called.
    """
    blocks = [
        [_HEAD],
        [
            "[subject]",
            _marked("name", toml_text(found.name), "from the name of the data"),
            '# version = "1.0.0"  # version of the model, as its owner says',
            '# description = ""  # one plain sentence on what the model decides, and for whom',
            _marked("task", toml_text(found.task), "from the values of the outcome"),
            f"data = {toml_text(data)}",
            *([f"table = {toml_text(table)}"] if table else []),
            "# most_rows = 2000000  # of more rows, a random sample of so many is read",
            *_outcome_lines(found),
            *_list_lines("sensitive", found.sensitive, found.why),
            *(_feature_lines(found) if found.trains else _left_out_lines(found)),
        ],
        list(_band_lines(found)),
        list(_multi_lines(found)),
        [_JOIN],
        ["[subject.model]", *_model_lines(found), _OTHER_WAYS],
        [_TRAINING] if found.trains else [],
        [_AUDITS],
        [questionnaire()],
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def _marked(key: str, value: str, why: str) -> str:
    return f"{key} = {value}  # guessed: {why}"


def _outcome_lines(found: Guess) -> Iterator[str]:
    if found.label is None:
        yield '# label = "y"  # column of the true outcome; none of two values was found'
        yield "# positive = 1  # the value of the label that counts as positive"
        return
    if found.label in found.why:
        yield _marked("label", toml_text(found.label), found.why[found.label])
    else:
        yield f"label = {toml_text(found.label)}"
    if found.task == "binary":
        value = found.positive
        written = toml_text(value) if isinstance(value, str) else repr(value).lower()
        yield _marked("positive", written, found.why["positive"])
    if found.weight is not None:
        yield _marked("weight", toml_text(found.weight), found.why[found.weight])


def _list_lines(key: str, names: Iterable[str], why: Mapping[str, str]) -> Iterator[str]:
    yield f"{key} = ["
    for name in names:
        mark = f"  # guessed: {why[name]}" if name in why else ""
        yield f"    {toml_text(name)},{mark}"
    yield "]"


def _feature_lines(found: Guess) -> Iterator[str]:
    yield "# guessed: every other column; the sensitive ones only if you list them here too"
    *lines, end = _list_lines("features", found.features, {})
    yield from lines
    yield from _left_out_lines(found)
    yield end


def _left_out_lines(found: Guess) -> Iterator[str]:
    indent = "    " if found.trains else ""
    for name, why in found.left_out.items():
        yield f"{indent}# {toml_text(name)} left out, guessed: {why}"


def _band_lines(found: Guess) -> Iterator[str]:
    if not found.bands:
        yield "# [subject.bands]  # edges of a numeric sensitive column, or halves, quartiles, ..."
        yield "# age = [25, 45, 65]  # a group holds its lower edge"
        return
    yield "[subject.bands]  # a group holds its lower edge"
    for name, edges in found.bands.items():
        yield _marked(
            toml_key(name), f"[{', '.join(map(toml_number, edges))}]", "rounded quartiles"
        )


def _multi_lines(found: Guess) -> Iterator[str]:
    rest = "" if found.multi else "# "
    yield f"{rest}[subject.multi]  # columns with several values a row, and what separates them"
    if not found.multi:
        yield '# ethnicity = ";"'
    for name, separator in found.multi.items():
        yield _marked(toml_key(name), toml_text(separator), "seen in its values")


def _model_lines(found: Guess) -> Iterator[str]:
    if found.trains:
        yield 'train = "mlp"  # guessed: no column of scores or decisions was found'
        yield "# hidden = [64, 32]  # width of each hidden layer"
        yield "# dropout = 0.0  # share of hidden units dropped while training"
    if found.score is not None:
        yield _marked("score", toml_text(found.score), found.why[found.score])
    if found.score is not None and found.prediction is None:
        why = "a row is selected where its score is at least this"
        yield _marked("threshold", f"{found.threshold:g}", why)
    if found.prediction is not None:
        yield _marked("prediction", toml_text(found.prediction), found.why[found.prediction])


def _label_problems(data: Read, label: str) -> Iterator[Problem]:
    """Say why the column that somebody names cannot be the label."""
    if label not in data.columns:
        yield Problem.unknown("--label", label, data.columns, f"a column of {data.name}")
    elif (why := why_no_label(data.frame[label])) is not None:
        expected = "two values, a few, or numbers; none missing"
        yield Problem(f"--label {quote(label)}", why, expected)


def _hopeless(found: Guess, data: Read) -> list[Problem]:
    """Say why nothing could be run on these columns."""
    problems = []
    if not data.rows_total:
        problems.append(Problem(data.name, "no rows", "at least one row"))
    elif found.trains and found.label is None:
        expected = "a name like an outcome, or two values; none missing"
        problems.append(
            Problem(data.name, "no column that could be the label", expected, _near(data))
        )
    elif found.trains and not found.features:
        left = "; ".join(f"{quote(key)}: {why}" for key, why in list(found.left_out.items())[:8])
        expected = "at least one column for the model to read"
        problems.append(Problem(data.name, "no column that could be a feature", expected, left))
    return problems


def _near(data: Read) -> str:
    """Columns that are called like an outcome, and why they are none; then what to do."""
    named = [name for name in data.columns if outcome_rank(name) is not None]
    reasons = ((name, why_no_label(data.frame[name])) for name in named[:8])
    near = "".join(f"{quote(name)}: {why}. " for name, why in reasons if why is not None)
    return f"{near}Name the column of the outcome with --label: a model is trained to foretell it."


def _beside(file: str) -> Path:
    from auditkit.data.warehouse import is_url

    if is_url(file):
        return Path()
    path = Path(file)
    if path.exists() or not glob.has_magic(file):
        return path.parent
    plain = next(i for i, part in enumerate(path.parts) if glob.has_magic(part))
    return Path(*path.parts[:plain])


def _relative(file: str, folder: Path) -> str:
    """The data as seen from a folder, with the slashes that every system reads."""
    return Path(os.path.relpath(Path(file).absolute(), folder.absolute())).as_posix()


def _subject_name(file: str, table: str | None) -> str:
    plain = Path(file).stem.strip("*?[]-_. ")
    name = "".join(c if c.isprintable() else " " for c in table or plain).strip()
    return name[:200] or "subject"


def _write_both(texts: Mapping[Path, str]) -> None:
    """Write new files, all or none."""
    written: list[Path] = []
    try:
        for path, text in texts.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8", newline="\n") as stream:
                written.append(path)
                stream.write(text)
    except OSError as error:
        for path in written:
            path.unlink()
        found = error.strerror or "an error"
        raise InputError([Problem(str(path), found, "a file that can be written")]) from None
