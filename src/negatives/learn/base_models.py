"""The model that training starts from: opened safely, with the trainer that fits it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from negatives.errors import DataError, RecipeError
from negatives.faults import raise_spent
from negatives.models.torch_model import both_sides, prepared
from negatives.optional import require

UNKNOWN: Final = "[UNK]"


@dataclass(frozen=True)
class Base:
    """A model ready to be trained, and sentence-transformers' trainer and arguments for it."""

    name: str
    model: Any
    trainer: Any
    arguments: Any


def open_base(name: str, kind: str, *, threads: int, device: str) -> Base:
    """Load `name`, a folder or hub name, or `static`, to be trained as `kind`.

    Raises `DataError` for a model that does not load, `RecipeError` for one of another sort.
    """
    library = prepared(name, threads=threads, device=device)
    options: dict[str, Any] = {
        "device": None if device == "auto" else device,
        "trust_remote_code": False,
        "model_kwargs": {"use_safetensors": True},
    }
    if kind == "reranker":
        if name == "static":
            raise RecipeError(
                "the built-in table cannot be a reranker",
                where="--model static",
                mend="name a text encoder, such as a MiniLM folder, or a cross-encoder",
            )
        load, of = library.CrossEncoder, "cross_encoder.CrossEncoder"
        options["num_labels"] = 1
    elif kind == "sparse":
        load, of = library.SparseEncoder, "sparse_encoder.SparseEncoder"
    else:
        load, of = library.SentenceTransformer, "sentence_transformer.SentenceTransformer"
    try:
        model = _built_in(library, options["device"]) if name == "static" else load(name, **options)
    except Exception as error:  # the hub, the disk and the library each have their own
        raise_spent(error)
        raise _unloadable(error, name) from None
    if kind != "reranker" and both_sides(model) is not None:
        raise DataError(
            "a model with a side for queries and one for documents cannot be trained further",
            where=name,
            mend="train the model that it was made of, for as many steps as both together",
        )
    if kind != "reranker" and kind != "sparse" and (kind == "static-embedding") != is_static(model):
        raise RecipeError(
            f"{name!r} is {'' if is_static(model) else 'no '}static embedding",
            where=f"train.kind = {kind!r}",
            mend='write "static-embedding"' if is_static(model) else 'write "encoder"',
        )
    module, _, cls = of.partition(".")
    package = f"sentence_transformers.{module}"
    trainer = getattr(require(f"{package}.trainer", extra="train"), f"{cls}Trainer")
    arguments = getattr(
        require(f"{package}.training_args", extra="train"), f"{cls}TrainingArguments"
    )
    return Base(name, model, trainer, arguments)


def usual_kind(name: str) -> str:
    """The kind of [train] that is usual for the sort of model that `name` is."""
    return "static-embedding" if _is_static_folder(name) else "encoder"


def limit(base: Base, pieces: int) -> None:
    """Read at most `pieces` of a text; 0: as many as the model can."""
    if not pieces:
        return
    model = base.model
    if is_static(model):
        model[0].tokenizer.enable_truncation(pieces)
    else:
        longest = model.max_seq_length
        model.max_seq_length = pieces if longest is None else min(int(longest), pieces)


def is_static(model: Any) -> bool:
    """Whether a model's texts are bags of tokens."""
    return type(next(iter(model.children()))).__name__ == "StaticEmbedding"


def _is_static_folder(name: str) -> bool:
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
    torch = require("torch", extra="train")
    table = StaticEncoder().table
    # The encoder leaves out what it does not know; here it counts, so little that it only matters
    # to a text that holds nothing else.
    unknown = table.mean(axis=0, keepdims=True) * 1e-3
    table = torch.tensor(np.concatenate([table, unknown]))
    static = modules.StaticEmbedding(tokenizer, embedding_weights=table)
    return library.SentenceTransformer(modules=[static], device=device)


def _unloadable(error: Exception, name: str) -> DataError:
    first = (str(error).strip() or type(error).__name__).splitlines()[0]
    return DataError(
        f"no model could be loaded: {first}",
        where=name,
        mend="give a folder or hub name with safetensors weights, or 'static'",
    )
