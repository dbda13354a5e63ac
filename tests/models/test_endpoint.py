"""A served model: right answers, every way of misbehaving, and a real server that is killed."""

from __future__ import annotations

import http.client
import json
import math
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from models import serving

from auditkit.errors import InputError, ModelError
from auditkit.models import Model, NetworkModel
from auditkit.models import transport as transport_module
from auditkit.models.endpoint import EndpointModel, from_config
from auditkit.models.open_inference import answered, request, tensors
from auditkit.models.transport import Address, Transport

WHERE = "auditkit.toml [subject.model]"
ROWS = pd.DataFrame({"x": np.arange(10) / 16, "other": 1, "w": np.arange(10) % 3})


@pytest.fixture
def server() -> Iterator[serving.Server]:
    with serving.served() as one:
        yield one


def made(url: str, **changes: Any) -> EndpointModel:
    asked: dict[str, Any] = {"task": "binary", "positive": 1, "features": ["x", "w"]}
    keys: dict[str, Any] = {"endpoint": url, "timeout": 5.0, "retries": 0, "backoff": 0.0}
    asked |= {key: value for key, value in changes.items() if key in asked}
    keys |= {key: value for key, value in changes.items() if key not in asked}
    return from_config(keys, Path(), WHERE, **asked)


# right answers


def test_rows_are_sent_in_batches_as_one_tensor_of_the_features(server: serving.Server) -> None:
    model = made(server.url, batch=4)
    np.testing.assert_array_equal(model.scores(ROWS), ROWS["x"])
    assert [got.body["inputs"][0]["shape"] for got in server.got] == [[4, 2], [4, 2], [2, 2]]
    first = server.got[0]
    assert first.path == "/v2/models/m/infer"
    assert first.headers["Content-Type"] == "application/json"
    assert first.body == {
        "inputs": [
            {
                "name": "input-0",
                "shape": [4, 2],
                "datatype": "FP64",
                "data": [0.0, 0.0, 1 / 16, 1.0, 2 / 16, 2.0, 3 / 16, 0.0],
            }
        ],
        "outputs": [{"name": "predict_proba"}],
    }


def test_one_connection_serves_all_batches(server: serving.Server, monkeypatch: Any) -> None:
    opened = []
    connect = http.client.HTTPConnection.connect

    def counted(connection: Any) -> None:
        opened.append(connection)
        connect(connection)

    monkeypatch.setattr(http.client.HTTPConnection, "connect", counted)
    made(server.url, batch=1).scores(ROWS)
    assert (len(opened), len(server.got)) == (1, 10)


def test_it_is_a_model_whose_record_holds_the_address_and_no_digest(server: serving.Server) -> None:
    model = made(f"{server.url}/")
    assert (model.kind, model.sha256, model.parameters) == (f"endpoint {server.url}", None, None)
    assert isinstance(model, Model)
    assert not isinstance(model, NetworkModel)
    assert model.scores(ROWS[:0]).shape == (0,)
    assert server.got == []


def test_columns_are_sent_one_tensor_each(server: serving.Server) -> None:
    rows = ROWS.assign(sex=["F", "M"] * 5)
    model = made(server.url, inputs="columns", features=["x", "sex"])
    np.testing.assert_array_equal(model.scores(rows), ROWS["x"])
    body = server.got[0].body
    assert body["parameters"] == {"content_type": "pd"}
    assert body["inputs"][1] == {
        "name": "sex", "shape": [10, 1], "datatype": "BYTES", "data": ["F", "M"] * 5,
    }  # fmt: skip
    made(server.url, inputs="columns", features=["x"], parameters={}).scores(rows)
    assert "parameters" not in server.got[1].body


def test_missing_values_are_refused_or_sent_as_null(server: serving.Server) -> None:
    rows = pd.DataFrame({"x": [0.5, 0.25], "w": [None, 1.0], "s": pd.Series([None, "a"])})
    with pytest.raises(InputError, match="1 missing values, which the protocol cannot") as caught:
        made(server.url, inputs="columns", features=["w", "s"]).scores(rows)
    assert len(caught.value.problems) == 2
    model = made(server.url, inputs="columns", features=["x", "w", "s"], missing="null")
    model.scores(rows)
    assert [one["data"] for one in server.got[0].body["inputs"]] == [
        [0.5, 0.25], [None, 1.0], [None, "a"],
    ]  # fmt: skip


def test_text_or_infinity_where_numbers_are_needed_is_an_input_error(
    server: serving.Server,
) -> None:
    with pytest.raises(InputError, match="column 's'"):
        made(server.url, features=["x", "s"]).scores(ROWS.assign(s="a"))
    with pytest.raises(InputError, match="infinity in 10 rows"):
        made(server.url).scores(ROWS.assign(x=math.inf))
    with pytest.raises(InputError, match="Did you mean 'xx'"):
        made(server.url).scores(ROWS.rename(columns={"x": "xx"}))
    assert server.got == []


def test_many_classes_and_numbers(server: serving.Server) -> None:
    table = [[0.2, 0.3, 0.5]] * 10
    server.answers = [serving.saying(serving.output(table, [10, 3]))]
    model = made(server.url, task="multiclass", classes=["a", "b", "c"])
    np.testing.assert_array_equal(model.scores(ROWS), table)
    server.answers = [serving.saying(serving.output([-5] * 10, [10, 1], "predict", "INT64"))]
    assert made(server.url, task="regression").scores(ROWS).tolist() == [-5.0] * 10
    server.answers = [serving.saying(serving.output([0.0] * 10, [10], "score", "FP32"))]
    logit = made(server.url, output_name="score", output="logit")
    assert logit.scores(ROWS).tolist() == [0.5] * 10


# every way of misbehaving

WRONG = {
    "garbage": (serving.saying(b"<html>hello</html>"), r"no JSON .*<html>hello</html>"),
    "empty": (serving.saying(b""), "no JSON"),
    "deep": (serving.saying(b"[" * 200_000), "no JSON"),
    "list": (serving.saying(b"[1, 2]"), r"without a list of outputs: \[1, 2\]"),
    "error text": (serving.saying(b'{"error": "busy"}'), 'without a list of outputs: .*"busy"'),
    "other output": (serving.saying(serving.output([], [0], "predict")), "outputs 'predict', exp"),
    "short": (serving.saying(serving.output([[0.5, 0.5]] * 9, [9, 2])), r"\(9, 2\) for 10 rows"),
    "lying shape": (serving.saying(serving.output([0.5] * 9, [10, 1])), "9 numbers, but declares"),
    "wide": (serving.saying(serving.output([[0.2] * 5] * 10, [10, 5])), r"shape \(10, 5\)"),
    "bad shape": (serving.saying(serving.output([0.5], ["x"])), r"of shape .*whole numbers"),
    "negative shape": (serving.saying(serving.output([0.5], [-1, -1])), "whole numbers"),
    "NaN": (serving.saying(serving.output([math.nan] + [0.5] * 9, [10])), "NaN for 1 of 10 rows"),
    "null": (serving.saying(serving.output([None] * 2 + [0.5] * 8, [10])), "NaN for 2 of 10 rows"),
    "infinite": (serving.saying(serving.output([math.inf] * 10, [10])), "infinity for 10 of 10"),
    "huge number": (serving.saying(serving.output([10**400] * 10, [10])), "int too large"),
    "no chance": (serving.saying(serving.output([1.5] * 10, [10])), r"no probability.*1\.5"),
    "no sum": (serving.saying(serving.output([[0.5, 0.1]] * 10, [10, 2])), "do not sum to 1"),
    "text": (serving.saying(serving.output(["a"] * 10, [10])), "'a' where a number is needed"),
    "bytes": (serving.saying(serving.output(["a"], [1], datatype="BYTES")), "of type 'BYTES'"),
    "truth": (serving.saying(serving.output([True] * 10, [10])), "'True' where a number is needed"),
    "no data": (serving.saying(serving.output(None, [10])), "no list of data"),
    "nested": (serving.saying(b'{"outputs":[{"name":"predict_proba","shape":[10],"datatype":"FP64",'
                              b'"data":[[[[[[[[[[1]]]]]]]]]]}]}'), "nested more than"),
    "bad request": (serving.saying(b'{"error":"no such model"}', 404), "404 .*no such model"),
    "redirect": (serving.saying(b"", 307, Location="http://elsewhere.example/x"),
                 "307, a redirect to http://elsewhere.example/x; none is followed"),
    "packed": (serving.packed, "packed its answer with gzip"),
    "no content": (serving.saying(b"", 202), "status 202"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_answer_is_a_model_error_that_says_what_came_back(
    server: serving.Server, name: str
) -> None:
    answer, what = WRONG[name]
    server.answers = [answer]
    with pytest.raises(ModelError, match=what) as caught:
        made(server.url, retries=3).scores(ROWS)
    assert len(server.got) == 1  # trying again would not mend it
    assert len(str(caught.value)) < 700


PASSING = {
    "500": (serving.saying(b"Traceback\n  in f\nValueError: boom\n", 500), "500.*ValueError: boom"),
    "503": (serving.saying(b"", 503), "status 503"),
    "429": (serving.saying(b"", 429), "status 429"),
    "hangs up": (serving.hanging_up, "RemoteDisconnected|ConnectionResetError"),
    "cut short": (serving.cut_short, "IncompleteRead"),
    "no HTTP": (serving.no_http, "BadStatusLine"),
    "slow": (serving.late(0.5), r"no whole answer within 0\.2 s"),
    "drips": (serving.dripping, r"no whole answer within 0\.2 s"),
    "drips headers": (serving.dripping_headers, r"no whole answer within 0\.2 s"),
}


@pytest.mark.parametrize("name", PASSING)
def test_what_may_pass_is_tried_again(server: serving.Server, name: str) -> None:
    answer, _ = PASSING[name]
    server.answers = [answer, answer]
    model = made(server.url, retries=2, timeout=0.2 if "0\\.2" in PASSING[name][1] else 5.0)
    np.testing.assert_array_equal(model.scores(ROWS), ROWS["x"])
    assert len(server.got) == 3


@pytest.mark.parametrize("name", PASSING)
def test_what_does_not_pass_is_a_model_error_after_the_last_try(
    server: serving.Server, name: str
) -> None:
    answer, what = PASSING[name]
    server.answers = [answer, answer]
    begin = time.monotonic()
    with pytest.raises(ModelError, match=f"gave no answer in 2 tries: .*({what})"):
        made(server.url, retries=1, timeout=0.2 if "0\\.2" in what else 5.0).scores(ROWS)
    assert time.monotonic() - begin < 30


def test_an_answer_without_end_is_cut_off(server: serving.Server, monkeypatch: Any) -> None:
    monkeypatch.setattr(transport_module, "LARGEST_ANSWER", 1_000_000)
    server.answers = [serving.endless]
    with pytest.raises(ModelError, match="more than 1,000,000 bytes"):
        made(server.url).scores(ROWS)
    server.answers = [serving.saying(b" " * 1_000_001)]
    with pytest.raises(ModelError, match="more than 1,000,000 bytes"):
        made(server.url).scores(ROWS)


def test_nobody_there_is_a_model_error() -> None:
    port = serving.free_ports(1)[0]
    with pytest.raises(ModelError, match=r"gave no answer in 3 tries: ConnectionRefusedError"):
        made(f"http://127.0.0.1:{port}/v2/models/m", retries=2).scores(ROWS)


def test_a_server_without_encryption_is_not_asked_over_https(server: serving.Server) -> None:
    with pytest.raises(ModelError, match=r"gave no answer in 1 try: SSL"):
        made(server.url.replace("http://", "https://")).scores(ROWS)
    assert server.got == []


class Clock:
    """Time that passes only when somebody waits."""

    def __init__(self) -> None:
        self.now = 100.0
        self.waits: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds

    def __call__(self) -> float:
        return self.now


def patient(server: serving.Server, **changes: Any) -> tuple[Transport, Clock]:
    clock = Clock()
    address = Address.read(server.url, "endpoint")
    return Transport(address, sleep=clock.sleep, clock=clock, **changes), clock


def test_the_wait_doubles_before_each_further_try(server: serving.Server) -> None:
    server.answers = [serving.saying(b"", 503)] * 5
    transport, clock = patient(server, retries=4, backoff=0.5)
    body = request(tensors(ROWS, ["x"], "tensor"), 0, 1, "predict_proba", {})
    with transport.open() as post, pytest.raises(ModelError, match="in 5 tries"):
        post(body)
    assert clock.waits == [0.5, 1.0, 2.0, 4.0]


def test_the_wait_is_as_long_as_the_server_asks_and_never_too_long(server: serving.Server) -> None:
    server.answers = [
        serving.saying(b"", 429, Retry_After="7"),
        serving.saying(b"", 429, Retry_After="100000"),
        serving.saying(b"", 429, Retry_After="9999"),
        serving.saying(b"", 503, Retry_After="tomorrow"),
    ]
    transport, clock = patient(server, retries=4, backoff=1.0)
    body = request(tensors(ROWS, ["x"], "tensor"), 0, 1, "predict_proba", {})
    with transport.open() as post:
        post(body)
    assert clock.waits == [7.0, 2.0, 60.0, 8.0]


def test_no_more_requests_are_sent_than_the_rate_allows(server: serving.Server) -> None:
    transport, clock = patient(server, rate=4.0)
    body = request(tensors(ROWS, ["x"], "tensor"), 0, 1, "predict_proba", {})
    for _ in range(2):  # the limit holds over connections too
        with transport.open() as post:
            post(body)
            post(body)
    assert clock.waits == [0.25, 0.25, 0.25]


# what a user writes


@pytest.mark.parametrize(
    ("endpoint", "what"),
    [
        ("ftp://127.0.0.1/v2/models/m", "'ftp' instead of http or https"),
        ("file:///v2/models/m", "or no host"),
        ("127.0.0.1:8080/v2/models/m", "instead of http or https"),
        ("http://127.0.0.1:8080/m", "found the path '/m'"),
        ("http://127.0.0.1:99999/v2/models/m", "no address"),
        ("http://[::1/v2/models/m", "no address"),
        ("http://127.0.0.1/v2/models/a b", "a character that an address cannot hold"),
        ("http://127.0.0.1/v2/models/m\r\nX: y", "a character that an address cannot hold"),
        ("http://me:hidden@127.0.0.1/v2/models/m", "a name, a password"),
        ("http://127.0.0.1/v2/models/m?key=hidden", "a name, a password, a query"),
    ],
)
def test_a_wrong_address_is_refused_and_no_secret_of_it_shown(endpoint: str, what: str) -> None:
    with pytest.raises(InputError, match=what) as caught:
        made(endpoint)
    assert "hidden" not in str(caught.value)


@given(st.text(max_size=60))
def test_any_text_is_an_address_or_an_input_error(text: str) -> None:
    for whole in (text, f"http://{text}", f"http://127.0.0.1/v2/models/{text}"):
        try:
            read = Address.read(whole, "endpoint")
        except InputError:
            continue
        assert read.path.isprintable()
        assert "@" not in str(read).split("/v2/", maxsplit=1)[0]


def test_addresses_are_read_whole() -> None:
    read = Address.read("https://[::1]/ns/v2/models/m/versions/2/infer", "endpoint")
    assert str(read) == "https://[::1]:443/ns/v2/models/m/versions/2"
    assert read.is_here
    assert not Address.read("http://models.example/v2/models/m", "endpoint").is_here


def test_a_credential_comes_from_the_environment_and_is_never_shown(
    server: serving.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError, match="no environment variable 'THE_TOKEN'"):
        made(server.url, credential="THE_TOKEN")
    monkeypatch.setenv("THE_TOKEN", "s3cret")
    model = made(server.url, credential="THE_TOKEN")
    model.scores(ROWS)
    assert server.got[0].headers["Authorization"] == "Bearer s3cret"
    assert "s3cret" not in repr(model)
    server.answers = [serving.saying(b'{"error":"token s3cret is stale"}', 401)]
    with pytest.raises(ModelError, match=r"status 401.*token \*\*\* is stale"):
        model.scores(ROWS)
    made(server.url, credential="THE_TOKEN", credential_header="X-Key").scores(ROWS)
    assert server.got[-1].headers["X-Key"] == "s3cret"
    monkeypatch.setenv("THE_TOKEN", "s3cret\r\nX: y")
    with pytest.raises(InputError, match="that a header cannot carry") as caught:
        made(server.url, credential="THE_TOKEN")
    assert "s3cret" not in str(caught.value)


def test_a_credential_does_not_leave_the_machine_unencrypted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("THE_TOKEN", "s3cret")
    with pytest.raises(InputError, match="a credential over http, expected https"):
        made("http://models.example/v2/models/m", credential="THE_TOKEN")
    made("https://models.example/v2/models/m", credential="THE_TOKEN")


def test_every_problem_is_told_at_once() -> None:
    with pytest.raises(InputError) as caught:
        made("ftp://x", features=None, task="multiclass", output_name="out")
    assert [problem.where.removeprefix(f"{WHERE} ") for problem in caught.value.problems] == [
        "endpoint", "features", "output",
    ]  # fmt: skip
    with pytest.raises(InputError) as caught:
        made("http://127.0.0.1/v2/models/m", retry=3, batch=0, timeout="x", rate=-1.0)
    assert "Did you mean 'retries'" in str(caught.value)
    assert len(caught.value.problems) == 4


@given(st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.sampled_from(["outputs", "name", "shape", "datatype", "data"]), inner),
    max_leaves=12,
))  # fmt: skip
def test_any_json_is_numbers_or_a_model_error(whole: Any) -> None:
    for content in (
        whole,
        {"outputs": [{"name": "p", "datatype": "FP64", "shape": [1], "data": whole}]},
    ):
        try:
            values = answered(json.dumps(content).encode(), "p", "the server")
        except ModelError:
            continue
        assert values.dtype == np.float64


# a real server

TRAINING = """
import json, sys, warnings
import joblib, numpy as np, pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
rows = pd.read_json(sys.argv[1], orient="records")
numbers, everything = ["age", "hours"], ["age", "hours", "sex"]
plain = LogisticRegression().fit(rows[numbers].to_numpy(), rows["rich"])
encode = make_column_transformer((StandardScaler(), numbers), (OneHotEncoder(), ["sex"]))
frame = make_pipeline(encode, LogisticRegression()).fit(rows[everything], rows["rich"])
joblib.dump(plain, "plain/model.joblib")
joblib.dump(frame, "frame/model.joblib")
print(json.dumps({
    "plain": plain.predict_proba(rows[numbers].to_numpy())[:, 1].tolist(),
    "frame": frame.predict_proba(rows[everything])[:, 1].tolist(),
}))
"""


def people(n: int = 400) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    rows = pd.DataFrame(
        {
            "age": rng.normal(40, 9, n).round(3),
            "hours": rng.integers(10, 60, n),
            "sex": rng.choice(["F", "M"], n),
        }
    )
    rows["rich"] = (rows["age"] + rows["hours"] + rng.normal(0, 9, n) > 75).astype(int)
    return rows


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[serving.RealServer, Any]]:
    """MLServer with two models, and what they give for `people()`."""
    try:
        python = serving.real_python()
    except (serving.NoServerError, OSError) as error:
        pytest.skip(f"MLServer cannot be installed: {error}")
    folder = tmp_path_factory.mktemp("mlserver")
    people().to_json(folder / "rows.json", orient="records")
    for name in ("plain", "frame"):
        (folder / name).mkdir()
        settings = {"name": name, "implementation": "mlserver_sklearn.SKLearnModel",
                    "parameters": {"uri": "./model.joblib"}}  # fmt: skip
        (folder / name / "model-settings.json").write_text(json.dumps(settings), encoding="utf-8")
    (folder / "train.py").write_text(TRAINING, encoding="utf-8")
    done = subprocess.run(
        [str(python), "train.py", "rows.json"], cwd=folder, capture_output=True, check=True
    )
    one = serving.RealServer(python, folder)
    try:
        one.start()
        one.wait("frame")
        yield one, json.loads(done.stdout)
    finally:
        one.kill()


@pytest.mark.slow
def test_a_real_server_gives_the_scores_of_its_models(real: tuple[Any, Any]) -> None:
    one, expected = real
    rows = people()
    plain = made(one.url("plain"), features=["age", "hours"], timeout=30.0)
    np.testing.assert_allclose(plain.scores(rows), expected["plain"], rtol=1e-12)
    frame = made(one.url("frame"), features=["age", "hours", "sex"], inputs="columns", timeout=30.0)
    np.testing.assert_allclose(frame.scores(rows), expected["frame"], rtol=1e-12)


@pytest.mark.slow
def test_what_a_real_server_says_of_bad_input_is_shown(real: tuple[Any, Any]) -> None:
    one, _ = real
    rows = people(20)
    with pytest.raises(ModelError, match=r"status 500 .*expecting 2 features as input"):
        made(one.url("plain"), features=["age"], timeout=30.0).scores(rows)
    frame = made(one.url("frame"), features=["age", "hours", "sex"], inputs="columns", timeout=30.0)
    with pytest.raises(ModelError, match=r"Found unknown categories \['X'\]"):
        frame.scores(rows.assign(sex="X"))
    with pytest.raises(ModelError, match="status 404"):
        made(one.url("none"), features=["age"], timeout=30.0).scores(rows)
    with pytest.raises(ModelError, match=r"status 400 .*odds was received"):
        made(one.url("plain"), output_name="odds", output="logit", timeout=30.0).scores(
            rows.assign(x=1, w=2)
        )


@pytest.mark.slow
def test_a_real_server_that_is_killed_and_comes_back_changes_no_score(
    real: tuple[Any, Any],
) -> None:
    one, expected = real
    rows = people()
    model = made(
        one.url("plain"), features=["age", "hours"], batch=5, rate=40.0, retries=10, backoff=0.5
    )
    waits = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        time.sleep(seconds)

    def kill_and_restart() -> None:
        one.kill()
        time.sleep(1)
        one.start()

    model.transport.sleep = sleep

    timer = threading.Timer(0.5, kill_and_restart)
    timer.start()
    scores = model.scores(rows)  # 80 requests, 2 s and more
    timer.join()
    assert max(waits) >= 0.5  # it met the dead server, and waited
    np.testing.assert_allclose(scores, expected["plain"], rtol=1e-12)
