"""The model that training starts from: opened safely, with the trainer of its class."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from negatives.learn.kept_pieces import keep_pieces
from negatives.models.sort import sort_of
from negatives.models.torch_model import hash_weights, loaded, prepared
from negatives.optional import require, torch
from negatives.store.atomic import explained

UNKNOWN: Final = "[UNK]"
MEND: Final = "give a folder or hub name with safetensors weights, or 'static'"
_MODULES: Final = {
    "SentenceTransformer": "sentence_transformer",
    "SparseEncoder": "sparse_encoder",
    "CrossEncoder": "cross_encoder",
}
"""Classes of sentence-transformers that load a model -> the modules with their trainers."""


@dataclass(frozen=True)
class Base:
    """A model ready to be trained, and the trainer and arguments of its library for it."""

    name: str
    model: Any
    trainer: Any
    arguments: Any

    def save(self, folder: Path) -> None:
        """Write the model. It has no card: to write one takes longer than all the rest."""
        with explained(folder):
            self.model.save_pretrained(str(folder), create_model_card=False)


def open_base(name: str, loaded_by: str, *, threads: int, device: str, **options: Any) -> Base:
    """Load `name`, a folder or hub name, or `static`, by a class of sentence-transformers.

    Raises `DataError` for a model that does not load.
    """
    if name == "static":
        library = prepared(threads=threads, device=device)  # the hub is not asked for the name
        model = _built_in(library, None if device == "auto" else device)
    else:
        model = loaded(
            name, loaded_by, threads=threads, device=device, what="model", fix=MEND, **options
        )
    package = f"sentence_transformers.{_MODULES[loaded_by]}"
    trainer = getattr(require(f"{package}.trainer", extra="train"), f"{loaded_by}Trainer")
    arguments = getattr(
        require(f"{package}.training_args", extra="train"), f"{loaded_by}TrainingArguments"
    )
    return Base(name, model, trainer, arguments)


def usual_kind(name: str) -> str:
    """The kind of [train] that is usual for the sort of model that `name` is."""
    if names_static(name):
        return "static-embedding"
    sort = sort_of(name)
    return "encoder" if sort == "dense" else sort


def limit(base: Base, pieces: int, memory: int = 0) -> None:
    """Read at most `pieces` of a text; 0: as many as the model can.

    The pieces of texts that a static embedding has seen are kept in so many bytes of `memory`.
    """
    model = base.model
    static = is_static(model)
    if pieces and static:
        model[0].tokenizer.enable_truncation(pieces)
    elif pieces:
        longest = model.max_seq_length
        model.max_seq_length = pieces if longest is None else min(int(longest), pieces)
    if static and memory:
        keep_pieces(model, memory)


def weights_of(base: Base) -> str:
    """Blake2b-128 of all its weights, hexadecimal."""
    digest = hashlib.blake2b(digest_size=16)
    hash_weights(digest, base.model)
    return digest.hexdigest()


def is_static(model: Any) -> bool:
    """Whether a model's texts are bags of tokens."""
    return type(next(iter(model.children()))).__name__ == "StaticEmbedding"


def names_static(name: str) -> bool:
    """Whether the name, `static` or a folder's, is that of a static embedding."""
    modules = Path(name) / "modules.json"
    return name == "static" or (
        modules.is_file() and "StaticEmbedding" in modules.read_text("utf-8")
    )


def _built_in(library: Any, device: str | None) -> Any:
    """The table in the package as a model of sentence-transformers."""
    from negatives.models.static import BUNDLED, PIECES, StaticEncoder

    tokenizers = require("tokenizers", extra="train")
    pieces = [*(BUNDLED / PIECES).read_text("utf-8").splitlines(), UNKNOWN]
    vocabulary = {piece: place for place, piece in enumerate(pieces)}
    tokenizer = tokenizers.Tokenizer(
        tokenizers.models.WordPiece(vocabulary, unk_token=UNKNOWN, max_input_chars_per_word=100)
    )
    tokenizer.normalizer = tokenizers.normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    modules = require("sentence_transformers.sentence_transformer.modules", extra="train")
    table = StaticEncoder().table
    # The encoder leaves out what it does not know; here it counts, so little that it only matters
    # to a text that holds nothing else.
    unknown = table.mean(axis=0, keepdims=True) * 1e-3
    table = torch.tensor(np.concatenate([table, unknown]))
    static = modules.StaticEmbedding(tokenizer, embedding_weights=table)
    return library.SentenceTransformer(modules=[static], device=device, similarity_fn_name="cosine")
