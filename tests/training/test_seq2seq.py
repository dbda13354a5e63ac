"""The encoder-decoder: what it computes, how it writes, and that it learns."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import nn

from auditkit.encoding.text import FIRST, PAD
from auditkit.training import seq2seq
from auditkit.training.decoding import beamed, greedy, written
from auditkit.training.seq2seq import Seq2SeqNetwork, row_losses, rows_at_once
from auditkit.training.seq2seq_settings import Seq2Seq

#: Tokens of both sides: 0 none, 1 unknown, then three words; the end of what is written is 5.
SOURCE, TARGET, END = 5, 6, 5
SMALL = Seq2Seq(embedding=6, hidden=8, dropout=0.0)
KINDS = {
    "attention": SMALL,
    "none": Seq2Seq(embedding=6, hidden=8, dropout=0.0, attention=False),
    "deep": Seq2Seq(embedding=6, hidden=8, layers=2, dropout=0.3),
    "one direction": Seq2Seq(embedding=6, hidden=7, layers=2, dropout=0.0, bidirectional=False),
}


def built(settings: Seq2Seq = SMALL, seed: int = 0, scale: float = 1.0) -> Seq2SeqNetwork:
    """A network of random weights; a large scale makes it sure of what it writes."""
    network, generator = Seq2SeqNetwork(settings, SOURCE, TARGET), torch.Generator()
    generator.manual_seed(seed)
    for weight in network.parameters():
        nn.init.uniform_(weight, -scale, scale, generator=generator)
    return network.eval()


def sources(n: int = 12, length: int = 6, seed: int = 1) -> torch.Tensor:
    """Encoded texts of 0 to `length` tokens."""
    rows = torch.randint(1, SOURCE, (n, length), generator=torch.Generator().manual_seed(seed))
    return rows * (torch.arange(length) < (torch.arange(n) % (length + 1))[:, None])


def targets(n: int = 12, length: int = 4, seed: int = 2) -> torch.Tensor:
    """Encoded texts of 0 to `length` words and their ends, in one column more."""
    rows = torch.randint(1, END, (n, length + 1), generator=torch.Generator().manual_seed(seed))
    at, ends = torch.arange(length + 1), (torch.arange(n) % (length + 1))[:, None]
    return torch.where(at == ends, END, rows) * (at <= ends)


@pytest.fixture(params=list(KINDS.values()), ids=list(KINDS))
def network(request: pytest.FixtureRequest) -> Seq2SeqNetwork:
    return built(request.param)


def test_it_gives_logits_of_every_token_after_the_true_ones_before(
    network: Seq2SeqNetwork,
) -> None:
    logits = network(sources(), targets())
    assert logits.shape == (12, 5, TARGET)
    changed = targets()
    changed[:, 2] = FIRST + (changed[:, 2] + 1) % 3
    again = network(sources(), changed)
    assert torch.equal(logits[:, :3], again[:, :3])
    assert not torch.allclose(logits[:, 3], again[:, 3])


def test_the_rows_of_a_batch_do_not_touch_each_other_nor_the_padding(
    network: Seq2SeqNetwork,
) -> None:
    together = row_losses(network, sources(), targets())
    for row, loss in enumerate(together):
        source, target = sources()[row : row + 1], targets()[row : row + 1]
        cut = source[:, : max(1, int((source != PAD).sum()))]
        alone = row_losses(network, cut, target[:, : int((target != PAD).sum())])
        assert torch.allclose(alone, loss[None], atol=1e-5)


def test_a_loss_is_the_sum_over_the_tokens_and_the_end() -> None:
    network, rows, texts = (
        built(),
        sources(3),
        torch.tensor([[2, 3, END], [4, END, 0], [END, 0, 0]]),
    )
    logs = network(rows, texts).log_softmax(-1)
    expected = [
        -(logs[0, 0, 2] + logs[0, 1, 3] + logs[0, 2, END]),
        -(logs[1, 0, 4] + logs[1, 1, END]),
        -logs[2, 0, END],
    ]
    assert torch.allclose(row_losses(network, rows, texts), torch.stack(expected))


def test_losses_without_a_gradient_are_taken_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    network = built()
    whole = row_losses(network, sources(), targets())
    monkeypatch.setattr(seq2seq, "NUMBERS_AT_ONCE", 1)
    assert rows_at_once(network, places=6, steps=5, texts=5) == 1
    with torch.no_grad():
        assert torch.allclose(row_losses(network, sources(), targets()), whole, atol=1e-5)
        assert row_losses(network, sources(0), targets(0)).shape == (0,)


def test_attention_is_softmax_of_bilinear_matches_with_the_tokens_that_are_there() -> None:
    network, rows = built(), sources(5)
    assert network.attention is not None
    reading, query = network.read(rows), torch.randn(5, 2, 8)
    joined = network.attention(query, reading)
    for row, count in enumerate((rows != PAD).sum(1).clamp(min=1).tolist()):
        states = reading.states[row, :count]
        match = query[row] @ network.attention.query.weight.T @ states.T
        context = match.exp() / match.exp().sum(1, keepdim=True) @ states
        both = torch.cat([context, query[row]], dim=1)
        expected = torch.tanh(both @ network.attention.join.weight.T)
        assert torch.allclose(joined[row], expected, atol=1e-5)


def test_only_a_network_with_attention_looks_back_at_each_state() -> None:
    for settings, looks in ((KINDS["attention"], True), (KINDS["none"], False)):
        reading = built(settings).read(sources())
        states = reading.states.requires_grad_()
        logits, _ = built(settings).write(targets(), reading.last, reading)
        (gradient,) = torch.autograd.grad(logits.sum(), states, allow_unused=True)
        assert (gradient is not None) == looks


def test_without_teacher_forcing_the_network_is_given_what_it_would_write() -> None:
    network = built(Seq2Seq(embedding=6, hidden=8, dropout=0.0, teacher_forcing=0.0), scale=2.0)
    rows, texts = sources(), targets()
    evaluated = network(rows, texts)
    logits = network.train()(rows, texts)
    own = logits[..., FIRST:].argmax(-1) + FIRST
    assert torch.allclose(logits, network.eval()(rows, own), atol=1e-5)
    assert not torch.allclose(logits, evaluated)


def test_partial_teacher_forcing_mixes_steps_and_is_off_in_evaluation() -> None:
    half = built(Seq2Seq(embedding=6, hidden=8, dropout=0.0, teacher_forcing=0.5), scale=2.0)
    rows, texts = sources(40), targets(40)
    true = half(rows, texts)
    assert torch.equal(true, built(SMALL, scale=2.0)(rows, texts))
    half.train()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        first, second = half(rows, texts), half(rows, texts)
    assert torch.allclose(first[:, 0], true[:, 0], atol=1e-5)
    assert not torch.equal(first, second)
    kept = torch.isclose(first[:, 1], true[:, 1], atol=1e-5).all(-1).float().mean()
    assert 0.3 < float(kept) < 0.9


def test_a_beam_of_one_is_greedy(network: Seq2SeqNetwork) -> None:
    for length in (1, 5):
        texts, scores = beamed(network, sources(), length, beam=1)
        simple, same = greedy(network, sources(), length)
        assert torch.equal(texts, simple)
        assert torch.equal(scores, same)


@pytest.mark.parametrize("beam", [1, 3])
def test_a_score_is_minus_the_loss_of_what_is_written(network: Seq2SeqNetwork, beam: int) -> None:
    texts, scores = beamed(network, sources(), 4, beam)
    losses = row_losses(network, sources(), texts).detach().double()
    assert torch.allclose(scores, -losses, atol=1e-5)


def test_what_is_written_has_words_then_an_end_then_nothing(network: Seq2SeqNetwork) -> None:
    for beam in (1, 3):
        for line in written(network, sources(), 3, beam).tolist():
            assert len(line) == 4
            words, rest = line[: line.index(END)], line[line.index(END) + 1 :]
            assert all(FIRST <= word < END for word in words)
            assert set(rest) <= {PAD}


def every_text(length: int) -> torch.Tensor:
    """All texts of up to `length` words."""
    lines = [
        [*words, END, *[PAD] * (length - count)]
        for count in range(length + 1)
        for words in itertools.product(range(FIRST, END), repeat=count)
    ]
    return torch.tensor(lines)


@pytest.mark.parametrize("scale", [0.5, 1.5])
def test_a_beam_that_keeps_all_finds_the_likeliest_of_all_texts(scale: float) -> None:
    network, rows, every = built(scale=scale), sources(7), every_text(3)
    found, scores = beamed(network, rows, 3, beam=len(every))
    for row, (text, score) in enumerate(zip(found, scores, strict=True)):
        losses = row_losses(network, rows[row].expand(len(every), -1), every).detach()
        best = every[losses.argmin()]
        assert torch.equal(text[: len(best)], best[: len(text)])
        assert float(score) == pytest.approx(-float(losses.min()), abs=1e-5)


def test_no_beam_scores_below_greedy_where_a_bare_beam_would() -> None:
    from auditkit.training import decoding

    lost = 0
    for seed in range(12):
        network, rows = built(seed=seed, scale=2.0), sources(60)
        _, least = greedy(network, rows, 6)
        for beam in (2, 3):
            _, bare = decoding._beam(network, rows, 6, beam)
            _, scores = beamed(network, rows, 6, beam)
            assert (scores >= least).all()
            lost += int((bare < least - 1e-9).sum())
    assert lost > 0


def test_rows_are_written_in_parts_and_alone_the_same(
    network: Seq2SeqNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = {beam: written(network, sources(), 4, beam) for beam in (1, 2)}
    monkeypatch.setattr(seq2seq, "NUMBERS_AT_ONCE", 1)
    for beam, texts in whole.items():
        assert torch.equal(written(network, sources(), 4, beam), texts)
    assert written(network, sources(0), 4, 2).shape == (0, 5)


def test_writing_changes_no_random_numbers_and_keeps_no_graph(network: Seq2SeqNetwork) -> None:
    before = torch.get_rng_state()
    texts = written(network, sources(), 4, 2)
    assert torch.equal(before, torch.get_rng_state())
    assert torch.equal(texts, written(network, sources(), 4, 2))
    assert not texts.requires_grad
