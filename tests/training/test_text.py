"""The networks over text: what they compute, how they learn, and what bad input gets."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest
import torch
from texts import chinese, english, reviews
from torch import nn

import auditkit
from auditkit.encoding import TextEncoder
from auditkit.errors import InputError
from auditkit.models.torch import TorchModel
from auditkit.training import Privacy, Recipe, Training, fit, split
from auditkit.training.networks import TOKENS_AT_ONCE, Network, build
from auditkit.training.settings import PooledEmbedding, TextLSTM, architecture_from
from auditkit.training.text import read_vectors

TextSettings = TextLSTM | PooledEmbedding
BOTH: list[type[TextSettings]] = [TextLSTM, PooledEmbedding]
SMALL: dict[str, Any] = {"embedding": 6, "hidden": 5, "length": 7}
FEW = Training(epochs=4, batch_size=32, learning_rate=0.02, patience=0)


def built(kind: type[TextSettings], tokens: int = 9, seed: int = 0, **settings: Any) -> Network:
    generator = torch.Generator().manual_seed(seed)
    chosen = kind(**(SMALL | settings))
    return build(chosen, (chosen.length,), generator=generator, tokens=tokens).eval()


def numbers(n: int = 12, length: int = 7, tokens: int = 9) -> torch.Tensor:
    """Encoded texts of 0 to `length` tokens."""
    generator = torch.Generator().manual_seed(1)
    rows = torch.randint(1, tokens, (n, length), generator=generator).float()
    lengths = torch.arange(n) % (length + 1)
    return rows * (torch.arange(length) < lengths[:, None])


def table(network: nn.Module) -> torch.Tensor:
    """The vectors of the tokens."""
    (vectors,) = (v for name, v in network.named_parameters() if "embedding" in name)
    return vectors.detach()


@pytest.mark.parametrize("kind", BOTH)
def test_a_network_over_text_gives_one_logit_a_row(kind: type[TextSettings]) -> None:
    network = built(kind)
    for mode in (network.eval(), network.train()):
        for rows in (0, 1, 7):
            assert mode(numbers(rows)).shape == (rows,)


def test_the_lstm_decides_on_its_state_after_the_last_token_of_each_text() -> None:
    network, rows = built(TextLSTM), numbers()
    lstm = cast("nn.LSTM", network.get_submodule("lstm"))
    for row, logit in zip(rows, network(rows), strict=True):
        read = row[: max(1, int((row != 0).sum()))].long()
        states, _ = lstm(table(network)[read][None])
        wanted = network.get_submodule("output")(states[0, -1])
        torch.testing.assert_close(logit[None], wanted)


def test_pooling_takes_the_mean_over_the_tokens_and_zeros_for_none() -> None:
    network, rows = built(PooledEmbedding), numbers()
    for row, logit in zip(rows, network(rows), strict=True):
        read = row[row != 0].long()
        mean = table(network)[read].sum(0) / max(1, len(read))
        hidden = torch.relu(network.get_submodule("linear")(mean))
        torch.testing.assert_close(logit[None], network.get_submodule("output")(hidden))


@pytest.mark.parametrize("kind", BOTH)
def test_a_place_without_a_token_counts_for_nothing_wherever_it_stands(
    kind: type[TextSettings],
) -> None:
    network = built(kind)
    whole = network(torch.tensor([[4.0, 2, 7, 0, 0, 0, 0]]))
    torch.testing.assert_close(network(torch.tensor([[0.0, 4, 0, 0, 2, 0, 7]])), whole)
    swapped = network(torch.tensor([[7.0, 2, 4, 0, 0, 0, 0]]))
    assert torch.allclose(swapped, whole) == (kind is PooledEmbedding)


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize("wrong", [0.5, -1.0, 9.0, float("nan"), float("inf")])
def test_what_is_no_number_of_a_token_is_refused(kind: type[TextSettings], wrong: float) -> None:
    rows = numbers()
    rows[3, 2] = wrong
    with pytest.raises(ValueError, match="whole numbers from 0 to 8 only"):
        built(kind)(rows)


@pytest.mark.parametrize("kind", BOTH)
def test_many_rows_are_scored_in_parts_and_give_the_same(
    kind: type[TextSettings], monkeypatch: pytest.MonkeyPatch
) -> None:
    network, rows = built(kind), numbers(50)
    whole = network(rows).detach()
    assert TOKENS_AT_ONCE >= 50 * 7
    monkeypatch.setattr("auditkit.training.networks.TOKENS_AT_ONCE", 20)
    with torch.inference_mode():
        torch.testing.assert_close(network(rows), whole)


@pytest.mark.parametrize("kind", BOTH)
def test_first_weights_come_from_the_generator_and_the_vector_of_no_token_is_zero(
    kind: type[TextSettings],
) -> None:
    before = torch.get_rng_state()
    first, again, other = (built(kind, seed=seed).state_dict() for seed in (0, 0, 1))
    assert torch.equal(before, torch.get_rng_state())
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(table(built(kind)), table(built(kind, seed=1)))
    assert other.keys() == first.keys()
    vectors = table(built(kind))
    assert not vectors[0].any()
    assert vectors[1:].abs().min() > 0
    assert float(vectors.abs().max()) <= 6**-0.5


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize(("shape", "tokens"), [((8,), 9), ((7, 1), 9), ((7,), 0), ((7,), 1)])
def test_a_network_takes_only_texts_of_its_length(
    kind: type[TextSettings], shape: tuple[int, ...], tokens: int
) -> None:
    with pytest.raises(ValueError, match="takes no rows of"):
        build(kind(**SMALL), shape, generator=None, tokens=tokens)


@pytest.mark.parametrize("kind", BOTH)
def test_both_learn_telling_words_and_the_record_says_how(kind: type[TextSettings]) -> None:
    rows = reviews()
    training = dataclasses.replace(FEW, epochs=25)
    model, record = fit(kind(**SMALL), rows[:200], label="y", training=training)
    scores = model.scores(rows[200:])
    assert ((scores >= 0.5) == (rows.y[200:] == 1)).mean() > 0.9
    assert record.architecture == {"kind": kind.kind, **dataclasses.asdict(kind(**SMALL))}
    assert (record.rows, record.parameters, len(record.epochs)) == (200, model.parameters, 25)
    assert json.loads(json.dumps(record.to_dict()))["architecture"]["text"] == "text"
    assert (model.kind, model.features, len(model.players)) == (kind.kind, ("text",), 7)
    assert not table(model.network)[0].any()


@pytest.mark.parametrize("kind", BOTH)
def test_the_same_seed_gives_the_same_model_and_another_seed_another(
    kind: type[TextSettings],
) -> None:
    before = torch.get_rng_state()
    first, again, other = (
        fit(kind(**SMALL), reviews(), label="y", features=["text"], training=FEW, seed=s)[0].sha256
        for s in (0, 0, 1)
    )
    assert torch.equal(before, torch.get_rng_state())
    assert first == again
    assert first != other


@pytest.mark.parametrize("kind", BOTH)
def test_a_saved_model_gives_the_same_scores_bit_by_bit(
    kind: type[TextSettings], tmp_path: Path
) -> None:
    rows = pd.concat([reviews(), pd.DataFrame({"text": [None, "all new words"]})])
    model, _ = fit(kind(**SMALL), reviews(), label="y", training=FEW)
    model.save(tmp_path)
    loaded = TorchModel.load(tmp_path)
    np.testing.assert_array_equal(loaded.scores(rows), model.scores(rows))
    assert (loaded.sha256, loaded.architecture) == (model.sha256, model.architecture)
    assert np.isfinite(loaded.scores(rows)).all()


def _without(key: str) -> Callable[[dict[str, Any]], object]:
    return lambda config: config["encoder"].pop(key)


TAMPERED: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "a word more": (lambda c: c["encoder"]["words"].append("new"), "of shape"),
    "a word changed": (lambda c: c["encoder"]["words"].__setitem__(0, "new"), "do not belong"),
    "another length": (lambda c: c["encoder"].update(length=6), "takes no rows of shape"),
    "no words": (_without("words"), "encoder.words"),
    "an mlp": (lambda c: c.update(kind="mlp", architecture={"hidden": [5]}), "takes no rows of 1"),
    "an enormous width": (lambda c: c["architecture"].update(embedding=10**9), "embedding"),
}


@pytest.mark.parametrize(("tamper", "said"), TAMPERED.values(), ids=TAMPERED)
def test_a_changed_model_is_refused(
    tamper: Callable[[dict[str, Any]], object], said: str, tmp_path: Path
) -> None:
    fit(TextLSTM(**SMALL), reviews(), label="y", training=FEW)[0].save(tmp_path)
    config = json.loads((tmp_path / "model.json").read_text())
    tamper(config)
    (tmp_path / "model.json").write_text(json.dumps(config))
    with pytest.raises(InputError) as error:
        TorchModel.load(tmp_path)
    assert said in str(error.value)


@pytest.mark.parametrize("kind", BOTH)
def test_training_stops_early_and_keeps_the_best_weights(kind: type[TextSettings]) -> None:
    rows = reviews()
    noise = rows.assign(y=np.random.default_rng(5).integers(0, 2, len(rows)))
    settings = Training(epochs=40, batch_size=32, learning_rate=0.05, patience=2)
    model, record = fit(
        kind(**SMALL), noise[:160], label="y", validation=noise[160:], training=settings
    )
    assert record.stopped_early
    assert record.best_epoch == len(record.epochs) - 2
    scores, y = model.scores(noise[160:]), noise.y[160:].to_numpy()
    loss = -np.log(np.where(y == 1, scores, 1 - scores)).mean()
    assert loss == pytest.approx(record.epochs[record.best_epoch - 1].validation_loss, rel=1e-5)


def test_the_vocabulary_is_learnt_on_the_training_rows_only() -> None:
    held = reviews(40, seed=1)
    held["text"] = "heldback " + held.text
    model, _ = fit(TextLSTM(**SMALL), reviews(), label="y", validation=held, training=FEW)
    encoder = model.encoder
    assert isinstance(encoder, TextEncoder)
    assert "heldback" not in encoder.words
    assert encoder.unknown_share(held) == pytest.approx(1 / 6)


@pytest.mark.parametrize("kind", BOTH)
def test_a_configuration_names_them(kind: type[TextSettings]) -> None:
    assert architecture_from(kind.kind, {"text": "t", "hidden": 8}, "x") == kind("t", hidden=8)
    with pytest.raises(InputError) as error:
        architecture_from(kind.kind, {"text": "", "length": 5000, "vectors": 3, "wide": 1}, "x")
    for said in ("x text:", "x length:", "x vectors:", "x wide:"):
        assert said in str(error.value)


@pytest.mark.parametrize("kind", BOTH)
def test_a_configuration_file_trains_them(kind: type[TextSettings], tmp_path: Path) -> None:
    reviews().to_csv(tmp_path / "reviews.csv", index=False)
    (tmp_path / "auditkit.toml").write_text(
        '[subject]\nname = "reviews"\ndata = "reviews.csv"\nlabel = "y"\nsensitive = ["sex"]\n'
        f'features = ["text"]\n[subject.model]\ntrain = "{kind.kind}"\nhidden = 5\n'
        "[subject.training]\nepochs = 1\n"
    )
    subject = auditkit.load_subject(tmp_path / "auditkit.toml")
    assert subject.model is not None
    assert (subject.model.kind, subject.features) == (kind.kind, ("text",))
    assert subject.y_score is not None
    assert len(subject.y_score) == 72


@pytest.mark.parametrize("kind", BOTH)
def test_private_training_passes_its_self_test_and_leaves_no_token_without_noise(
    kind: type[TextSettings],
) -> None:
    privacy = Privacy(noise_multiplier=1.0, batch_size=60)
    model, record = fit(kind(**SMALL), reviews(), label="y", training=FEW, privacy=privacy)
    assert record.privacy is not None
    assert max(record.privacy["self_test"].values()) < 1e-5
    assert any("vocabulary" in line for line in record.privacy["not_covered"])
    vectors = table(model.network)
    assert not vectors[0].any()
    assert vectors[1:].any(dim=1).all()


def test_features_are_the_column_of_text_and_nothing_else() -> None:
    with pytest.raises(InputError, match="the same columns in features and in the TextLSTM"):
        fit(TextLSTM(), reviews(), label="y", features=["text", "sex"])
    with pytest.raises(InputError, match="Did you mean 'text'"):
        fit(TextLSTM("texts"), reviews(), label="y")


def vectors(folder: Path, content: str | bytes) -> str:
    path = folder / "words.vec"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(path)


@pytest.mark.parametrize("kind", BOTH)
def test_training_starts_from_the_vectors_of_a_file_and_draws_the_others(
    kind: type[TextSettings], tmp_path: Path
) -> None:
    path = vectors(tmp_path, "4 2\ngood 1 -2.5\n好 .5 1e-1 \nzebra 9 9\ngood 7 7\n")
    still = Training(epochs=1, learning_rate=1e-12, weight_decay=0, patience=0)
    settings = SMALL | {"embedding": 2}
    drawn, _ = fit(kind(**settings), reviews(), label="y", training=still)
    given, _ = fit(kind(**settings, vectors=path), reviews(), label="y", training=still)
    assert isinstance(given.encoder, TextEncoder)
    places = {word: place for place, word in enumerate(given.encoder.words, 2)}
    known = [places["good"], places["好"]]
    torch.testing.assert_close(table(given.network)[known], torch.tensor([[1.0, -2.5], [0.5, 0.1]]))
    others = [place for place in range(given.encoder.tokens) if place not in known]
    assert torch.equal(table(given.network)[others], table(drawn.network)[others])
    assert given.architecture.vectors == "words.vec"  # type: ignore[union-attr]
    given.save(tmp_path / "saved")
    (tmp_path / "words.vec").unlink()
    loaded = TorchModel.load(tmp_path / "saved")  # the file is not needed any more
    np.testing.assert_array_equal(loaded.scores(reviews()), given.scores(reviews()))


BROKEN: dict[str, tuple[str | bytes, str]] = {
    "empty": ("", "line 1"),
    "no header": ("good 1 2\nbad 1 2\n", "line 1"),
    "another width": ("1 3\ngood 1 2 3\n", "Set embedding = 3"),
    "too many": ("99999999 2\ngood 1 2\n", "at most 10000000"),
    "cut short": ("2 2\ngood 1 2\n", "the end of the file after 1 vectors"),
    "longer than it says": ("1 2\ngood 1 2\nbad 1 2\n", "more vectors"),
    "a number less": ("1 2\ngood 1\n", "line 2"),
    "no number": ("1 2\ngood 1 x\n", "line 2"),
    "not a number": ("1 2\ngood 1 nan\n", "NaN, infinity"),
    "infinity": ("1 2\ngood 1 -inf\n", "NaN, infinity"),
    "beyond float32": ("1 2\ngood 1 1e39\n", "NaN, infinity"),
    "an endless line": (b"1 2\n" + b"9" * 1_000_000, "line 2"),
    "a word alone": ("1 2\nzebra 1 2\n", "none of the"),
    "bytes": (b"1 2\n\x80\x04\x95 1 2\n", "none of the"),
}


@pytest.mark.parametrize(("content", "said"), BROKEN.values(), ids=BROKEN)
def test_a_broken_file_of_vectors_is_refused(
    content: str | bytes, said: str, tmp_path: Path
) -> None:
    path = vectors(tmp_path, content)
    with pytest.raises(InputError) as error:
        fit(TextLSTM(embedding=2, vectors=path), reviews(), label="y", training=FEW)
    assert said in str(error.value)
    assert len(str(error.value)) < 500
    assert str(tmp_path) not in str(error.value)


def test_a_missing_file_of_vectors_is_named_without_its_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"1\. none\.vec: found No such file"):
        read_vectors(tmp_path / "none.vec", 2, {})


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize(
    "audit",
    [
        "performance",
        "fairness",
        "privacy",
        "energy",
        "explainability",
    ],
)
def test_every_audit_completes_on_text(kind: type[TextSettings], audit: str) -> None:
    train, _, test = split(reviews(), label="y", validation=0)
    recipe = Recipe(kind(**SMALL), "y", FEW, features=["text"])
    model, record = recipe.fit(train)
    subject = auditkit.Subject.from_model(
        model, test, label="y", features=["text"], sensitive=["sex"], train=train,
        record=record, recipe=recipe,
    )  # fmt: skip
    report = auditkit.run(subject, audits=[audit])
    assert [(a.name, a.status, a.reason) for a in report.audits] == [(audit, "completed", None)]
    assert any(m.value is not None for m in report.measurements)
    for measurement in report.measurements:
        assert measurement.value is not None or measurement.reason


@pytest.mark.slow
@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize(("read", "least"), [(english, 0.89), (chinese, 0.84)])
def test_real_texts_are_ranked_well(
    kind: type[TextSettings], read: Callable[[], pd.DataFrame], least: float
) -> None:
    from sklearn.metrics import roc_auc_score

    train, validation, test = split(read(), label="y")
    settings = Training(epochs=3, batch_size=128, learning_rate=2e-3, patience=1)
    model, record = fit(kind(), train, label="y", validation=validation, training=settings)
    auc = roc_auc_score(test.y, model.scores(test))
    share = cast("TextEncoder", model.encoder).unknown_share(test)
    print(kind.kind, read.__name__, len(test), auc, share, record.cost["cpu_seconds"])  # noqa: T201
    assert auc > least
