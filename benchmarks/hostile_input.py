"""Feed auditkit files that nobody vouches for, a hundred thousand of them, and watch what it does.

Each reader gets files that are whole, cut, spliced, with bytes turned and with tokens of attacks in
them. Allowed is an answer or an `AuditkitError`. A traceback, more than ten CPU seconds, a write
outside the folder of the case, a connection, a process or an unpickled object counts as a failure.

    python benchmarks/hostile_input.py [CASES] [SEED] [--show]
"""

from __future__ import annotations

import contextlib
import json
import pickle
import platform
import shutil
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from auditkit.errors import AuditkitError, InputError

HERE = Path(__file__).parent
CASES = 100_000
#: CPU seconds that one case may take.
SLOW = 10.0
#: Values that parse, where others are expected.
VALUES = [
    *("-1", "0", "1e308", "-1e-308", "nan", "inf", "-inf", "9223372036854775807", "true", "[]"),
    *("{}", '""', '"../../../../etc/passwd"', '"/etc/passwd"', '"sqlite:////tmp/x.db"', "1.5"),
    *('"<script>alert(1)</script>"', '"=1+1"', '"\\u202eabc"', '"nul\\u0000"', '["a", "a"]'),
    *('[1, "a"]', "[[]]", "{ a = 1 }", "1979-05-27", '"rows.csv"', '"spark://local[2]/x"'),
    *('"http://127.0.0.1:9/v2/models/m"', '"' + "y" * 5_000 + '"', "[" + "1," * 2_000 + "1]"),
    *('"y"', '"score"', '"sex"', '"*.csv"', '"~/.ssh/id_rsa"', '"mlp"', '"multiclass"', '["y"]'),
]
JSON_VALUES = [
    *("-1", "0", "1e308", "-1e-308", "NaN", "Infinity", "9223372036854775808", "true", "null"),
    *("[]", "{}", '""', '"../../../../etc/passwd"', '"<script>alert(1)</script>"', '"=1+1"'),
    *('"\\u202eabc"', '"nul\\u0000"', '"\\ud800"', '"' + "y" * 5_000 + '"', '{"a": {"a": 1}}'),
]
#: The files of a saved network of the core.
CORE = ("model.json", "model.safetensors")
#: What attackers put into names and values.
TOKENS = [
    *(b"../../../../etc/passwd", b"/etc/passwd", b"..\\..\\x", b"C:\\x", b"file:///etc/passwd"),
    *(b"http://127.0.0.1:9/x", b"gopher://x", b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\xc3\x28"),
    *(b'=HYPERLINK("http://evil.example")', b"<script>alert(1)</script>", b"{{7*7}}", b"%s%n"),
    *(b"1e999", b"-1e999", b"NaN", b"Infinity", b"9" * 400, b"-0", b"0x10", b"1_000", b"true"),
    *(b"[" * 500, b"{" * 500, b'{"a":' * 300, b'"' * 9, b"'''", b"\n[[", b"]]\n", b"\r", b"\t"),
    *(b"\xe2\x80\xae", b"\xe2\x81\xa6", b"\xf0\x9f\x92\xa9", b"__proto__", b"$ref", b"null"),
    pickle.dumps(print), b"cos\nsystem\n(S'touch /tmp/owned'\ntR.", b"PK\x03\x04", b"\x80\x04",
]  # fmt: skip


@dataclass
class Watch:
    """What the process did that no reader of a file should do."""

    folder: Path
    on: bool = False
    seen: list[str] = field(default_factory=list)

    def __call__(self, event: str, given: tuple[Any, ...]) -> None:
        """Look at an event of the interpreter."""
        if not self.on:
            return
        if event == "open":
            path, mode, flags = (*given, None, None)[:3]
            is_write = isinstance(mode, str) and any(letter in mode for letter in "wax+")
            is_write = is_write or (isinstance(flags, int) and bool(flags & 0o3))
            if is_write and not self._inside(path):
                self.seen.append(f"wrote {path}")
        elif event in ("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.symlink", "os.link"):
            if not self._inside(given[0]):
                self.seen.append(f"{event} {given[0]}")
        elif event.startswith(("socket.connect", "socket.bind", "socket.getaddrinfo")) or event in (
            "subprocess.Popen",
            "os.system",
            "os.exec",
            "os.posix_spawn",
            "os.fork",
        ):
            self.seen.append(event)
        elif event == "pickle.find_class":
            self.seen.append(f"unpickled {given}")

    def _inside(self, path: object) -> bool:
        if isinstance(path, int) or str(path).startswith(("/dev/null", "/proc/")):
            return True
        whole = Path(str(path)).absolute()
        return self.folder in whole.parents or whole == self.folder


@dataclass(frozen=True)
class Target:
    """A reader, and whole files that it takes.

    Attributes:
        name: What it reads.
        read: Reads a file; it lies alone in its folder.
        seeds: File name and content of files that it takes.
        weight: Share of the cases, beside those of the others.
    """

    name: str
    read: Callable[[Path], object]
    seeds: tuple[tuple[str, bytes], ...]
    weight: int


def mutated(seed: bytes, others: list[bytes], rng: np.random.Generator) -> bytes:
    """A file as a careless or a hostile hand leaves it."""
    content = bytearray(seed)
    for _ in range(int(rng.integers(1, 6))):
        at = int(rng.integers(0, len(content) + 1))
        to = min(len(content), at + int(rng.geometric(0.02)))
        kind = int(rng.integers(0, 8))
        if kind == 0:
            content[at:to] = b""
        elif kind == 1:
            content[at:at] = TOKENS[int(rng.integers(0, len(TOKENS)))]
        elif kind == 2:
            content[at:to] = TOKENS[int(rng.integers(0, len(TOKENS)))]
        elif kind == 3:
            content[at:at] = content[at:to] * int(rng.integers(1, 40))
        elif kind == 4 and len(content) > at:
            content[at] ^= 1 << int(rng.integers(0, 8))
        elif kind == 5:
            content = content[:at]
        elif kind == 6:
            other = others[int(rng.integers(0, len(others)))]
            content[at:to] = other[: to - at + int(rng.integers(0, 50))]
        else:
            content[at:to] = rng.integers(0, 256, to - at, dtype=np.uint8).tobytes()
    return bytes(content)


def altered(name: str, seed: bytes, rng: np.random.Generator) -> bytes:
    """A file that can still be parsed, with other values in it."""
    if name.endswith(".toml"):
        lines = seed.split(b"\n")
        at = [i for i, line in enumerate(lines) if b" = " in line]
        for i in rng.choice(at, int(rng.integers(1, 4))) if at else ():
            key = lines[i].partition(b" = ")[0]
            lines[i] = key + b" = " + VALUES[int(rng.integers(0, len(VALUES)))].encode()
        return b"\n".join(lines)
    plain = json.loads(seed)
    for _ in range(int(rng.integers(1, 4))):
        _alter(plain, rng)
    return json.dumps(plain).encode()


def _alter(held: Any, rng: np.random.Generator) -> None:  # noqa: ANN401 - any JSON
    """Put another value somewhere into nested lists and objects, in place."""
    while isinstance(held, dict | list) and held:
        keys = list(held) if isinstance(held, dict) else range(len(held))
        key = keys[int(rng.integers(0, len(keys)))]
        inner = held[key]
        if not isinstance(inner, dict | list) or not inner or rng.random() < 0.1:
            value = json.loads(JSON_VALUES[int(rng.integers(0, len(JSON_VALUES)))])
            held[key] = [value] * int(rng.integers(1, 4)) if rng.random() < 0.1 else value
            return
        held = inner


def targets(folder: Path) -> list[Target]:
    """Every reader of files that come from outside."""
    from auditkit.data.cells_file import read_cells
    from auditkit.data.reading import read_table
    from auditkit.filing.checking import check
    from auditkit.loading import prepare
    from auditkit.meter.wall_file import read_wall_file
    from auditkit.models.opening import open_model
    from auditkit.policy import load_policy

    rng = np.random.default_rng(0)
    rows = pd.DataFrame(
        {"y": rng.integers(0, 2, 40), "score": rng.random(40).round(3), "sex": ["F", "M"] * 20}
    )
    config = (
        b'[subject]\nname = "x"\ndata = "rows.csv"\nlabel = "y"\nsensitive = ["sex"]\n'
        b'[subject.model]\nscore = "score"\n[context]\npurpose = "a test"\n[audits.fairness]\n'
        b"level = 0.9\n"
    )
    made = _made(rows, config, folder / "made")
    whole = (("rows.csv", rows.to_csv(index=False).encode()), ("auditkit.toml", config))
    every = [(HERE.parent / "examples" / name / "auditkit.toml") for name in ("census_income",)]
    policies = sorted((HERE.parent / "auditkit/regimes/policies").glob("*.toml"))
    models = _models(rows, folder / "made")
    return [
        Target(
            "auditkit.toml",
            _config,
            tuple(("auditkit.toml", c) for c in (config, *(f.read_bytes() for f in every))),
            20,
        ),
        Target(
            "policy.toml",
            load_policy,
            tuple(("policy.toml", path.read_bytes()) for path in policies),
            15,
        ),
        Target("audit.json", _drawn, (("audit.json", made["audit.json"]),), 15),
        Target(
            "a bundle",
            lambda path: _bundle(check, made, path),
            tuple(made.items()),
            5,
        ),
        Target(
            "a table",
            read_table,
            (
                ("rows.csv", rows.to_csv(index=False).encode()),
                ("rows.parquet", _bytes(rows.to_parquet, folder / "p.parquet")),
                ("rows.feather", _bytes(rows.to_feather, folder / "p.feather")),
            ),
            20,
        ),
        Target("a model", lambda path: _opened(open_model, dict(models), path), models, 15),
        Target("cells.json", lambda path: read_cells(path.read_bytes()), _cells(rows), 5),
        Target("a plug meter's file", read_wall_file, (("wall.csv", b"time,w\n1,40\n2,41\n"),), 5),
        Target(
            "table and configuration",
            lambda path: _prepared(prepare, dict(whole), path),
            whole,
            10,
        ),
    ]


def _made(rows: pd.DataFrame, config: bytes, folder: Path) -> dict[str, bytes]:
    from auditkit.audit import run
    from auditkit.bundle import write_bundle
    from auditkit.policy import load_policy, policy_bytes, ready_policies
    from auditkit.subject import Subject

    subject = Subject.from_scores(rows, label="y", score="score", sensitive=["sex"])
    policy = load_policy(ready_policies()["starter"])
    report = run(subject, policy, audits=["performance", "fairness"])
    files = {"auditkit.toml": config, "policy.toml": policy_bytes(ready_policies()["starter"])}
    write_bundle(report, folder / "bundle", files=files, languages=["en"])
    return {path.name: path.read_bytes() for path in (folder / "bundle").iterdir()}


def _models(rows: pd.DataFrame, folder: Path) -> tuple[tuple[str, bytes], ...]:
    import torch
    from sklearn.linear_model import LogisticRegression
    from skops.io import dumps

    from auditkit.training import MLP, Recipe, Training

    recipe = Recipe(
        architecture=MLP(hidden=[4]), training=Training(epochs=1), label="y", positive=1,
        features=("score",),
    )  # fmt: skip
    model, _ = recipe.fit(rows)
    model.save(folder / "core")
    linear = LogisticRegression().fit(rows[["score"]], rows["y"])
    torch.save({"w": torch.ones(3)}, folder / "state.pt")
    return (
        *((path.name, path.read_bytes()) for path in sorted((folder / "core").iterdir())),
        ("model.skops", dumps(linear)),
        ("model.pt", (folder / "state.pt").read_bytes()),
        ("model.pkl", pickle.dumps(linear)),
        ("model.onnx", _onnx()),
    )


def _onnx() -> bytes:
    """A network of one layer, its output a probability."""
    from onnx import TensorProto, helper, numpy_helper

    nodes = [
        helper.make_node("MatMul", ["rows", "weights"], ["logit"]),
        helper.make_node("Sigmoid", ["logit"], ["probability"]),
    ]
    inputs = [helper.make_tensor_value_info("rows", TensorProto.FLOAT, ["n", 1])]
    outputs = [helper.make_tensor_value_info("probability", TensorProto.FLOAT, ["n", 1])]
    weights = numpy_helper.from_array(np.ones((1, 1), dtype=np.float32), "weights")
    graph = helper.make_graph(nodes, "small", inputs, outputs, [weights])
    opset = [helper.make_opsetid("", 17)]
    made: bytes = helper.make_model(graph, opset_imports=opset, ir_version=8).SerializeToString()
    return made


def _bytes(write: Callable[[Path], object], path: Path) -> bytes:
    write(path)
    return path.read_bytes()


def _cells(rows: pd.DataFrame) -> tuple[tuple[str, bytes], ...]:
    from auditkit.cli import cli

    with tempfile.TemporaryDirectory() as where:
        folder = Path(where)
        rows.sample(400, replace=True, random_state=0).to_csv(folder / "rows.csv", index=False)
        (folder / "a.toml").write_text(
            '[subject]\nname = "x"\ndata = "rows.csv"\nlabel = "y"\nsensitive = ["sex"]\n'
            'count = true\n[subject.model]\nscore = "score"\n'
        )
        out = str(folder / "x.cells.json")
        cli(["cells", str(folder / "a.toml"), "--out", out], standalone_mode=False)
        return (("x.cells.json", Path(out).read_bytes()),)


def _bundle(check: Callable[[str], Any], made: dict[str, bytes], path: Path) -> object:
    """The bundle, with one file of it as the case has it."""
    for name, content in made.items():
        if name != path.name:
            (path.parent / name).write_bytes(content)
    return check(str(path.parent)).whole()


def _drawn(path: Path) -> object:
    """The record, its page and what other tools read of it."""
    from auditkit.export import EXPORTS
    from auditkit.render.html import render
    from auditkit.report import Report

    report = Report.load(path)
    render(report)
    for export in EXPORTS.values():
        with contextlib.suppress(AuditkitError):  # some tools want what this record lacks
            export.write(report)
    return report


def _prepared(prepare: Callable[[Path], Any], whole: dict[str, bytes], path: Path) -> object:
    for name, content in whole.items():
        if name != path.name:
            (path.parent / name).write_bytes(content)
    if b"endpoint" in path.read_bytes():  # whoever writes that asks for a connection
        return None
    prepared, problems = prepare(path.parent / "auditkit.toml")
    if problems or prepared is None:
        raise InputError(problems)
    return prepared.subject()


def _config(path: Path) -> object:
    from auditkit.config import read_config

    config, problems, _ = read_config(path)
    if problems:
        raise InputError(problems)
    return config


def _opened(open_model: Callable[..., Any], whole: dict[str, bytes], path: Path) -> object:
    """The model in the file, opened and asked about rows as an audit would."""
    from auditkit.models.answers import checked_answers

    is_core = path.name in CORE
    for name in CORE if is_core else ():
        if name != path.name:
            (path.parent / name).write_bytes(whole[name])
    model = open_model(
        {"file": "." if is_core else path.name},
        path.parent,
        "auditkit.toml [subject.model]",
        task="binary",
        positive=1,
        features=["score"],
    )
    return checked_answers(model, "binary", pd.DataFrame({"score": [0.25, 0.5]}), ())


@dataclass
class Tally:
    """What came of the cases of one target."""

    cases: int = 0
    answered: int = 0
    refused: int = 0
    slowest: float = 0.0
    failures: list[str] = field(default_factory=list)


def run_case(
    target: Target, name: str, content: bytes, folder: Path, tally: Tally, watch: Watch
) -> None:
    """Feed one file, and count what came of it."""
    folder.mkdir()
    path = folder / name
    path.write_bytes(content)
    tally.cases += 1
    start = time.process_time()
    watch.on = True
    try:
        target.read(path)
        tally.answered += 1
    except AuditkitError:
        tally.refused += 1
    except BaseException as error:  # noqa: BLE001 - that is what is looked for
        where = traceback.extract_tb(error.__traceback__)[-1]
        name = f"{Path(where.filename).name}:{where.lineno}"
        if "--show" in sys.argv:
            print(content.decode(errors="replace")[:2_000])
            traceback.print_exception(error)
        tally.failures.append(f"{type(error).__name__} in {name}")
    watch.on = False
    took = time.process_time() - start
    tally.slowest = max(tally.slowest, took)
    if took > SLOW:
        tally.failures.append(f"took {took:.0f} s")
    shutil.rmtree(folder, ignore_errors=True)


def feed(cases: int, seed: int) -> tuple[dict[str, Tally], list[str]]:
    """Feed all targets; gives what came of it, and what the process did beside reading."""
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as where:
        folder = Path(where).resolve()
        (folder / "made").mkdir()
        rng = np.random.default_rng(seed)
        chosen = targets(folder)
        everything = [content for target in chosen for _, content in target.seeds]
        watch = Watch(folder)
        sys.addaudithook(watch)
        tallies = {target.name: Tally() for target in chosen}
        weights = np.array([target.weight for target in chosen], dtype=float)
        for case in range(cases):
            target = chosen[int(rng.choice(len(chosen), p=weights / weights.sum()))]
            name, content = target.seeds[int(rng.integers(0, len(target.seeds)))]
            kind = rng.random()
            if kind < 0.5 and name.endswith((".toml", ".json")):
                content = altered(name, content, rng)
            elif kind < 0.99:
                content = mutated(content, everything, rng)
            run_case(target, name, content, folder / f"case{case}", tallies[target.name], watch)
        return tallies, watch.seen


def table(tallies: dict[str, Tally], seen: list[str], took: float, seed: int) -> str:
    """What came of it, as a page."""
    total = sum(tally.cases for tally in tallies.values())
    failures = sum(len(tally.failures) for tally in tallies.values()) + len(seen)
    lines = [
        "# What hostile files do",
        "",
        f"Fed {datetime.now(tz=UTC):%Y-%m-%d} by `make validity` (`benchmarks/hostile_input.py`), "
        f"Python {platform.python_version()}, seed {seed}: {total:,} files, {took:,.0f} CPU "
        "seconds. An answer or a refusal in plain words is right; a traceback, more than "
        f"{SLOW:g} CPU seconds, a write outside its folder, a connection, a process or an "
        "unpickled object is a failure.",
        "",
        f"Failures: **{failures}**.",
        "",
        "| read | files | answered | refused | slowest, CPU s | failures |",
        "|---|---|---|---|---|---|",
    ]
    for name, tally in tallies.items():
        counts = Counter(tally.failures)
        told = "; ".join(f"{what} ({n})" for what, n in counts.most_common(5)) or "0"
        lines.append(
            f"| {name} | {tally.cases:,} | {tally.answered:,} | {tally.refused:,} | "
            f"{tally.slowest:.2f} | {told} |"
        )
    lines += ["", *(f"- {what} ({n})" for what, n in Counter(seen).most_common(10))]
    return "\n".join(lines).rstrip() + "\n"


def main() -> int:
    """Feed them, write the page, and fail where anything failed."""
    numbers = [int(word) for word in sys.argv[1:] if word.isdigit()]
    cases, seed = (*numbers, *(CASES, 0)[len(numbers) :])
    start = time.process_time()
    tallies, seen = feed(cases, seed)
    page = table(tallies, seen, time.process_time() - start, seed)
    if cases >= CASES:
        (HERE / "hostile_input.md").write_text(page, encoding="utf-8")
    print(page)
    return int(any(tally.failures for tally in tallies.values()) or bool(seen))


if __name__ == "__main__":
    sys.exit(main())
