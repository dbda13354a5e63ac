"""Folders that hold a Hugging Face model: read file by file, without code and without network."""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auditkit.errors import InputError, Problem, quote
from auditkit.models.archives import WHY_NOT_PICKLE, digest, read_model_file, refuse
from auditkit.models.outputs import told
from auditkit.models.settings import missing_extra

if TYPE_CHECKING:
    import torch

#: Files of settings, of weights (whole, or the list of their parts), and of the tokenizer.
CONFIG, WEIGHTS, PARTS = "config.json", "model.safetensors", "model.safetensors.index.json"
TOKENIZER = (
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
    "vocab.txt", "vocab.json", "merges.txt", "sentencepiece.bpe.model", "spiece.model",
    "tokenizer.model", "spm.model",
)  # fmt: skip
#: Largest file of settings, and of a tokenizer; unit: bytes.
LARGEST_CONFIG, LARGEST_TOKENIZER = 1_000_000, 60_000_000
#: Largest number in the settings, for example a width; a larger one only wastes memory.
LARGEST_NUMBER = 10_000_000
#: Most classes, and most parts of the weights.
MOST_CLASSES, MOST_PARTS = 10_000, 1_000
#: Settings that name Python code to run or libraries that rewrite the weights.
CODE = {
    "auto_map": "Python code that lies with the model",
    "custom_pipelines": "Python code that lies with the model",
    "quantization_config": "weights that another library unpacks",
}
#: What to do instead of a pickle.
SAFE_WAY = "If you trust it, load it yourself and write it with model.save_pretrained(folder)."


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A Hugging Face model as it lies in a folder.

    Attributes:
        name: Name of the folder.
        config: What `config.json` says; see `checked_config`.
        tensors: Its weights.
        tokenizer: Its tokenizer as the `tokenizers` library writes it, in JSON.
        longest: Tokens that the tokenizer says a text may have, or None where it does not say.
        sha256: Digest of the lines that `sha256sum` prints for the files that were read, in the
            order of their names.
    """

    name: str
    config: dict[str, Any]
    tensors: dict[str, torch.Tensor]
    tokenizer: str
    longest: int | None
    sha256: str


def read_checkpoint(folder: Path) -> Checkpoint:
    """Read a folder that nobody vouches for. Nothing in it is executed, nothing is downloaded.

    Args:
        folder: A folder as `save_pretrained` of model and tokenizer leave it.

    Returns:
        What is in it.

    Raises:
        InputError: If a file is missing, damaged, too large, lies elsewhere, is a pickle or needs
            Python code to be read; every problem is listed.
        MissingExtraError: If transformers is not installed.
    """
    demand_folder(folder)
    found = _Findings(folder)
    config = found.take(lambda: checked_config(found.json(CONFIG), f"{folder.name}/{CONFIG}"))
    longest = _tokenizer_files(found)
    tensors = found.take(lambda: _weights(found))
    if found.problems or config is None or tensors is None:
        raise InputError(found.problems)
    return Checkpoint(folder.name, config, tensors, _tokenizer(folder), longest, found.sha256)


def read_tokenizer(folder: Path) -> str:
    """Read the tokenizer of a folder alone; see `read_checkpoint`."""
    demand_folder(folder)
    found = _Findings(folder)
    found.take(lambda: checked_config(found.json(CONFIG), f"{folder.name}/{CONFIG}"))
    _tokenizer_files(found)
    if found.problems:
        raise InputError(found.problems)
    return _tokenizer(folder)


def demand_folder(folder: Path) -> None:
    """Raise unless a folder has the settings of a whole model."""
    if not folder.is_dir():
        refuse(folder.name, "no such folder", "a folder with a Hugging Face model")
    if (folder / "adapter_config.json").exists() and not (folder / CONFIG).exists():
        hint = "Write the whole model: model.merge_and_unload().save_pretrained(folder)."
        refuse(folder.name, "an adapter without the model it belongs to", "a whole model", hint)


def checked_config(config: object, where: str) -> dict[str, Any]:
    """Look through the settings of a model that nobody vouches for.

    Args:
        config: What `config.json` holds.
        where: What to call it in a message.

    Returns:
        The settings, those left out that say how to compute and not what.

    Raises:
        InputError: If they name code to run, a number that only wastes memory, or no kind of
            model; every problem is listed.

    Example:
        >>> checked_config({"model_type": "bert", "auto_map": {}}, "config.json")
        Traceback (most recent call last):
        auditkit.errors.InputError: 1 problem:
          1. config.json auto_map: found Python code that lies with the model, expected none.
    """
    if not isinstance(config, dict) or not isinstance(config.get("model_type"), str):
        kind = "no model_type" if isinstance(config, dict) else f"a {type(config).__name__}"
        refuse(where, kind, "the settings of a transformers model")
    problems = [
        Problem(f"{where} {key}", what, "none") for key, what in CODE.items() if key in config
    ]
    large = sorted(
        {key for key, number in _numbers(config, "") if not abs(number) <= LARGEST_NUMBER}
    )
    expected = f"numbers up to {LARGEST_NUMBER:,}"
    problems += [Problem(f"{where} {quote(key)}", "a larger number", expected) for key in large[:5]]
    labels, count = config.get("id2label"), config.get("num_labels", 0)
    if isinstance(labels, dict):
        count = max(len(labels), count if isinstance(count, int) else 0)
    if not isinstance(count, int) or count > MOST_CLASSES:
        problems.append(Problem(f"{where} num_labels", quote(count), f"up to {MOST_CLASSES:,}"))
    if problems:
        raise InputError(problems)
    left_out = ("dtype", "torch_dtype", "num_labels" if isinstance(labels, dict) else "")
    return {
        key: value
        for key, value in config.items()
        if key not in left_out and "attn_implementation" not in key
    }


def _numbers(value: object, key: str) -> Iterator[tuple[str, float]]:
    """Every number in nested settings, with the key that it stands under."""
    if isinstance(value, dict):
        for inner, one in value.items():
            yield from _numbers(one, str(inner))
    elif isinstance(value, list):
        for one in value:
            yield from _numbers(one, key)
    elif isinstance(value, int | float):
        yield key, value


class _Findings:
    """The files of a folder that were read so far, and what was wrong with them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.root = folder, folder.resolve()
        self.problems: list[Problem] = []
        self.digests: dict[str, str] = {}

    @property
    def sha256(self) -> str:
        lines = "".join(f"{self.digests[name]}  {name}\n" for name in sorted(self.digests))
        return hashlib.sha256(lines.encode()).hexdigest()

    def take(self, call: Callable[[], Any]) -> Any:  # noqa: ANN401 - what the call gives
        """Make a call; what is wrong is kept, and gives None."""
        try:
            return call()
        except InputError as error:
            self.problems += error.problems
            return None

    def called(self, name: str) -> str:
        return f"{self.folder.name}/{name}"

    def has(self, name: str) -> bool:
        path = self.folder / name
        return path.exists() or path.is_symlink()

    def read(self, name: str, largest: int) -> bytes:
        """Read one file of the folder."""
        path = self.folder / name
        try:
            inside = path.resolve().is_relative_to(self.root)
        except (OSError, RuntimeError):  # a link to itself
            inside = False
        if not inside:
            hint = "Copy the folder with what its links lead to: cp -rL."
            refuse(self.called(name), "a link out of the folder", "a file in the folder", hint)
        if path.is_file() and path.stat().st_size > largest:
            found = f"{path.stat().st_size:,} bytes"
            refuse(self.called(name), found, f"at most {largest:,} bytes")
        content = read_model_file(path)
        self.digests[name] = digest(content)
        return content

    def json(self, name: str, largest: int = LARGEST_CONFIG) -> Any:  # noqa: ANN401 - any JSON
        content = self.read(name, largest)
        try:
            return json.loads(content)
        except (ValueError, RecursionError) as error:
            return refuse(self.called(name), f"no whole JSON file ({quote(error)})", "JSON")


def _tokenizer_files(found: _Findings) -> int | None:
    """Look through the files of the tokenizer; gives the tokens that a text may have."""
    says = found.take(lambda: _tokenizer_config(found)) or {}
    for name in TOKENIZER:
        if name not in found.digests and found.has(name):
            found.take(lambda name=name: found.read(name, LARGEST_TOKENIZER))  # type: ignore[misc]
    longest = says.get("model_max_length")
    return longest if isinstance(longest, int) and 0 < longest <= LARGEST_NUMBER else None


def _tokenizer_config(found: _Findings) -> dict[str, Any]:
    name = "tokenizer_config.json"
    if not found.has(name):
        return {}
    config = found.json(name)
    if not isinstance(config, dict):
        refuse(found.called(name), f"a {type(config).__name__}", "an object")
    if "auto_map" in config:
        hint = "Give a tokenizer that is data: tokenizer.json."
        refuse(f"{found.called(name)} auto_map", CODE["auto_map"], "none", hint)
    return config


def _weights(found: _Findings) -> dict[str, torch.Tensor]:
    """Every tensor of the folder, in safetensors only."""
    tensors: dict[str, torch.Tensor] = {}
    for name in _files_of_weights(found):
        part = found.take(lambda name=name: _loaded(found, name))  # type: ignore[misc]
        tensors |= part or {}
    return tensors


def _files_of_weights(found: _Findings) -> list[str]:
    if found.has(WEIGHTS):
        return [WEIGHTS]
    if found.has(PARTS):
        index = found.json(PARTS, LARGEST_TOKENIZER)
        parts = index.get("weight_map") if isinstance(index, dict) else None
        names = sorted(set(map(str, parts.values()))) if isinstance(parts, dict) else []
        plain = all(Path(name).name == name and name.endswith(".safetensors") for name in names)
        if not names or not plain or len(names) > MOST_PARTS:
            refuse(found.called(PARTS), "no list of weights", "names of .safetensors files")
        return names
    endings = {".bin", ".pt", ".pth", ".ckpt", ".pkl", ".h5", ".msgpack"}
    others = sorted(path.name for path in found.folder.iterdir() if path.suffix in endings)
    if not others:
        refuse(found.called(WEIGHTS), "no such file", "weights as safetensors", SAFE_WAY)
    pickled = {".bin", ".pt", ".pth", ".ckpt", ".pkl"} & {Path(name).suffix for name in others}
    what = WHY_NOT_PICKLE if pickled else "weights in another format"
    return refuse(found.called(others[0]), what, f"{WEIGHTS} beside {CONFIG}", SAFE_WAY)


def _loaded(found: _Findings, name: str) -> dict[str, torch.Tensor]:
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load

    content = found.read(name, 1 << 62)
    try:
        tensors = load(content)
    except (ValueError, KeyError, RecursionError, SafetensorError) as error:
        what = f"no whole safetensors file ({quote(error)})"
        refuse(found.called(name), what, "the file as it was saved")
    wrong = [
        key for key, t in tensors.items() if t.is_floating_point() and not torch.isfinite(t).all()
    ]
    if wrong:
        place = f"{found.called(name)} {quote(wrong[0])}"
        refuse(place, f"NaN or infinity in {len(wrong):,} tensors", "finite numbers")
    return tensors


def _tokenizer(folder: Path) -> str:
    """The tokenizer as transformers reads it, as data."""
    with quietly():
        from transformers import AutoTokenizer

        try:
            found = AutoTokenizer.from_pretrained(
                str(folder), local_files_only=True, trust_remote_code=False
            )
        except Exception as error:  # transformers and tokenizers raise many classes
            what = f"none that transformers can open ({told(error).replace(str(folder), '')})"
            hint = "Write it with tokenizer.save_pretrained(folder), which leaves a tokenizer.json."
            raise InputError(
                [Problem(f"{folder.name} tokenizer", what, "a tokenizer", hint)]
            ) from error
    backend = getattr(found, "backend_tokenizer", None)
    if backend is None:
        what = f"a {type(found).__name__}, which is a Python program"
        refuse(f"{folder.name} tokenizer", what, "one that can be written as tokenizer.json")
    return str(backend.to_str())


@contextmanager
def quietly() -> Iterator[None]:
    """Let transformers work without network, messages and lasting changes of the environment.

    Raises:
        MissingExtraError: If it is not installed.
    """
    before = dict(os.environ)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with _silent():
                yield
    finally:
        for name in set(os.environ) - set(before):
            del os.environ[name]
        os.environ.update(before)


@contextmanager
def _silent() -> Iterator[None]:
    try:
        from huggingface_hub import constants
        from transformers.utils import logging
    except ImportError:
        what = "A Hugging Face model"
        raise missing_extra(what, ["transformers", "tokenizers"], "huggingface") from None
    offline, level = constants.HF_HUB_OFFLINE, logging.get_verbosity()
    bars = logging.is_progress_bar_enabled()
    constants.HF_HUB_OFFLINE = True
    logging.set_verbosity(logging.CRITICAL)
    logging.disable_progress_bar()
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = offline
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


def stated(settings: Mapping[str, Any]) -> Any:  # noqa: ANN401 - imported where it is used
    """Make the settings object of transformers from checked settings.

    Args:
        settings: As `checked_config` gives them.

    Returns:
        A `transformers.PreTrainedConfig`.

    Raises:
        InputError: If transformers does not know the kind of model, or refuses a setting.
    """
    rest = {key: value for key, value in settings.items() if key != "model_type"}
    with quietly():
        from transformers import AutoConfig

        try:
            return AutoConfig.for_model(settings["model_type"], **rest)
        except Exception as error:  # transformers raises many classes
            what = f"settings that transformers refuses ({told(error)})"
            raise InputError([Problem(CONFIG, what, "those of a known model")]) from error
