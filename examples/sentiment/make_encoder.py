"""Make a small language encoder of the messages' own words, untrained, into the folder `build`.

It stands in for a pre-trained one, which no package carries: `huggingface.toml` tunes it, as it
would any folder that `save_pretrained` left.

    python examples/sentiment/make_encoder.py
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd

FOLDER = Path(__file__).resolve().parent
SPECIAL = {"pad": "[PAD]", "unk": "[UNK]", "cls": "[CLS]", "sep": "[SEP]", "mask": "[MASK]"}
#: Pieces of words, and the width and layers of the encoder.
PIECES, WIDTH, LAYERS = 4_000, 64, 2


def main() -> int:
    """Learn the pieces of words, draw the weights, and save both."""
    import torch
    import transformers
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

    texts = pd.read_parquet(FOLDER / "sentiment.parquet")["text"]
    pieces = Tokenizer(models.WordPiece(unk_token=SPECIAL["unk"]))
    pieces.normalizer = normalizers.BertNormalizer()
    pieces.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = list(SPECIAL.values())
    trainer = trainers.WordPieceTrainer(
        vocab_size=PIECES, special_tokens=special, show_progress=False
    )
    pieces.train_from_iterator(texts, trainer)
    ends = [(SPECIAL[name], pieces.token_to_id(SPECIAL[name])) for name in ("cls", "sep")]
    pieces.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=ends
    )
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=pieces.get_vocab_size(),
        hidden_size=WIDTH,
        num_hidden_layers=LAYERS,
        num_attention_heads=4,
        intermediate_size=4 * WIDTH,
        max_position_embeddings=128,
        num_labels=3,
        id2label=dict(enumerate(["negative", "neutral", "positive"])),
    )
    folder = FOLDER / "build" / "bert"
    transformers.BertForSequenceClassification(config).save_pretrained(folder)
    names = {f"{name}_token": token for name, token in SPECIAL.items()}
    transformers.PreTrainedTokenizerFast(tokenizer_object=pieces, **names).save_pretrained(folder)
    print(f"made {folder.relative_to(FOLDER)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
