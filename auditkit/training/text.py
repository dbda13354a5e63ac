"""What the networks over text are made of, and their first vectors from a file.

Source:
    Mikolov et al. (2013), arXiv:1301.3781, and the text format of their word2vec program.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence

from auditkit.encoding.text import FIRST, PAD
from auditkit.errors import InputError, Problem, quote

Vector = npt.NDArray[np.float32]

#: Layers that hold vectors of tokens.
EMBEDDINGS = (nn.Embedding, nn.EmbeddingBag)
#: Most vectors of a file that is read.
MOST_VECTORS = 10_000_000
#: Longest word and number of such a file; unit: bytes.
_LONGEST_WORD, _LONGEST_NUMBER = 4_096, 64


def token_numbers(rows: torch.Tensor, tokens: int) -> torch.Tensor:
    """Take the numbers of the tokens out of encoded rows.

    Args:
        rows: Shape (n, length): whole numbers from 0, which is no token, to below `tokens`.
        tokens: Numbers that a token can have.

    Returns:
        Shape (n, length), int64.

    Raises:
        ValueError: If something is no number of a token.

    Example:
        >>> token_numbers(torch.tensor([[4.0, 0.5]]), 5)
        Traceback (most recent call last):
        ValueError: encoded text holds whole numbers from 0 to 4 only
    """
    numbers = rows.long()
    if not bool(((numbers == rows) & (numbers >= 0) & (numbers < tokens)).all()):
        raise ValueError(f"encoded text holds whole numbers from 0 to {tokens - 1} only")
    return numbers


def closed_up(numbers: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Move the tokens of each text to its beginning, in their order.

    So a text from which an explanation takes a token away is the text without that token.

    Args:
        numbers: Shape (n, length): numbers of tokens, 0 where there is none.

    Returns:
        Shape (n, length), zeros at the end; and how many tokens each text has, shape (n,).

    Example:
        >>> numbers, lengths = closed_up(torch.tensor([[0, 4, 0, 2]]))
        >>> numbers.tolist(), lengths.tolist()
        ([[4, 2, 0, 0]], [2])
    """
    empty = numbers == PAD
    order = torch.argsort(empty.to(torch.uint8), dim=1, stable=True)
    return numbers.gather(1, order), (~empty).sum(1)


class PackedVectors(nn.Module):
    """Vectors of the tokens of each text, packed, so that an LSTM stops at each text's end.

    An empty text is one token of the vector of "no token", which is zero.

    Example:
        >>> packed = PackedVectors(tokens=5, width=8, dropout=0.0)(torch.tensor([[2.0, 4.0, 0.0]]))
        >>> packed.data.shape, packed.batch_sizes.tolist()
        (torch.Size([2, 8]), [1, 1])
    """

    def __init__(self, tokens: int, width: int, dropout: float) -> None:
        super().__init__()
        self.embedding = nn.Embedding(tokens, width, padding_idx=PAD)
        self.dropout = nn.Dropout(dropout)

    def forward(self, rows: torch.Tensor) -> PackedSequence:
        """Give the vectors of encoded rows, shape (n, length), n > 0."""
        packed = self.packed(rows)
        return packed._replace(data=self.dropout(self.embedding(packed.data)))

    def packed(self, rows: torch.Tensor) -> PackedSequence:
        """Give the numbers of the tokens, packed, so that no vector is made that nobody reads."""
        numbers, lengths = closed_up(token_numbers(rows, self.embedding.num_embeddings))
        return pack_padded_sequence(
            numbers, lengths.clamp(min=1).cpu(), batch_first=True, enforce_sorted=False
        )


class MeanVector(nn.Module):
    """Mean of the vectors of the tokens of each text; zeros for an empty text.

    Example:
        >>> MeanVector(tokens=5, width=8)(torch.tensor([[2.0, 4.0, 0.0]])).shape
        torch.Size([1, 8])
    """

    def __init__(self, tokens: int, width: int) -> None:
        super().__init__()
        self.embedding = nn.EmbeddingBag(tokens, width, mode="mean", padding_idx=PAD)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Give the mean vectors of encoded rows, shape (n, length): shape (n, width)."""
        mean: torch.Tensor = self.embedding(token_numbers(rows, self.embedding.num_embeddings))
        return mean


def start_from(network: nn.Module, words: tuple[str, ...], path: str | Path) -> int:
    r"""Put vectors of a file in the place of those that were drawn.

    Args:
        network: A network with one embedding.
        words: The vocabulary.
        path: The file; see `read_vectors`.

    Returns:
        Words that had a vector in the file; the others keep theirs.

    Raises:
        InputError: As `read_vectors`, or if the file has none of the words.

    Example:
        >>> import tempfile
        >>> layer = MeanVector(tokens=4, width=2)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "small.vec")
        ...     _ = path.write_text("2 2\ngood 1 0\nbook 0 1\n")
        ...     start_from(layer, ("bad", "good"), path)
        1
        >>> layer.embedding.weight[3].tolist()
        [1.0, 0.0]
    """
    (embedding,) = (layer for layer in network.modules() if isinstance(layer, EMBEDDINGS))
    places = {word: place for place, word in enumerate(words, FIRST)}
    found = read_vectors(path, embedding.embedding_dim, places)
    if not found:
        problem = f"none of the {len(words)} words of the vocabulary"
        raise InputError([Problem(Path(path).name, problem, "vectors of the words of the texts")])
    with torch.no_grad():
        for word, vector in found.items():
            embedding.weight[places[word]] = torch.from_numpy(vector)
    return len(found)


def read_vectors(path: str | Path, width: int, words: Mapping[str, object]) -> dict[str, Vector]:
    """Read a file of vectors that nobody vouches for, in the word2vec text format.

    Its first line holds how many vectors there are and how wide they are, each further line a
    word and its numbers, all with single spaces between.

    Args:
        path: The file. Read line by line; only the vectors that are asked for are kept.
        width: Numbers that a vector must have.
        words: The words that are asked for, as `auditkit.methods.tokens.tokens` writes them.

    Returns:
        Word to vector, shape (width,). Of a word that stands there twice the first is taken.

    Raises:
        InputError: If the file cannot be read, is not of the format, holds more or fewer vectors
            than its first line says, vectors of another width, or a number that is not finite.

    Example:
        >>> read_vectors("none.vec", 2, {})
        Traceback (most recent call last):
        auditkit.errors.InputError: 1 problem:
          1. none.vec: found No such file or directory, expected vectors in word2vec text format.
    """
    file = Path(path)
    found: dict[str, Vector] = {}
    try:
        with file.open("rb") as stream:
            for word, vector in _lines(stream, file.name, width):
                if word in words:
                    found.setdefault(word, vector)
    except OSError as error:
        expected = "vectors in word2vec text format"
        raise InputError([Problem(file.name, f"{error.strerror}", expected)]) from None
    return found


def _lines(stream: BinaryIO, name: str, width: int) -> Iterator[tuple[str, Vector]]:
    count = _count(stream, name, width)
    longest = _LONGEST_WORD + width * _LONGEST_NUMBER
    for number in range(2, count + 2):
        line = stream.readline(longest)
        if not line:
            found = f"the end of the file after {number - 2} vectors"
            raise InputError([Problem(name, found, f"{count} vectors, as line 1 says")])
        yield _parsed(line, f"{name} line {number}", width)
    if stream.readline(longest).strip():
        raise InputError([Problem(name, "more vectors", f"{count} vectors, as line 1 says")])


def _count(stream: BinaryIO, name: str, width: int) -> int:
    """How many vectors the first line says; raises if they are of another width."""
    header = stream.readline(100)
    parts = header.split()
    if len(parts) != 2 or not all(part.isdigit() and len(part) < 10 for part in parts):
        expected = "the number of vectors and their width, as in '20000 64'"
        raise InputError([Problem(f"{name} line 1", _quoted(header), expected)])
    count, wide = map(int, parts)
    problems = []
    if count > MOST_VECTORS:
        problems.append(Problem(f"{name} line 1", f"{count} vectors", f"at most {MOST_VECTORS}"))
    if wide != width:
        hint = f"Set embedding = {wide}."
        problems.append(Problem(f"{name} line 1", f"width {wide}", f"width {width}", hint))
    if problems:
        raise InputError(problems)
    return count


def _parsed(line: bytes, where: str, width: int) -> tuple[str, Vector]:
    parts = line.rstrip().rsplit(b" ", width)
    expected = f"a word and {width} finite numbers"
    if len(parts) != width + 1:
        raise InputError([Problem(where, _quoted(line), expected)])
    try:
        with np.errstate(over="ignore"):
            vector = np.array([float(part) for part in parts[1:]]).astype(np.float32)
    except ValueError:
        raise InputError([Problem(where, _quoted(line), expected)]) from None
    if not np.isfinite(vector).all():
        raise InputError([Problem(where, "NaN, infinity or a number beyond float32", expected)])
    # What is no UTF-8 is no word of a text either.
    return parts[0].decode(errors="replace"), vector


def _quoted(line: bytes) -> str:
    return quote(line[:200].decode(errors="replace").rstrip())
