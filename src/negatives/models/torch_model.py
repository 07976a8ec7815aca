"""What all models that sentence-transformers loads share: devices, safety, weights, pieces."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from negatives.bounded import check_ordinary
from negatives.errors import DataError, RecipeError, nearest
from negatives.models.hush import hush
from negatives.models.model_folder import check_model
from negatives.optional import require
from negatives.secrets import refuse_secrets

DEVICES: Final = ("auto", "cpu", "cuda")
QUERY: Final = "query"
DOCUMENT: Final = "document"


def prepared(model: str, *, threads: int, device: str) -> Any:
    """The library, with torch set to `threads`; refuses a bad device and an unsafe folder.

    Torch's number of threads is one number for the whole process.
    """
    refuse_secrets(model)
    if device not in DEVICES:
        raise RecipeError(
            f"there is no device {device!r}", where="device", fix=nearest(device, DEVICES)
        )
    library = require("sentence_transformers", extra="train")
    torch = require("torch", extra="train")
    torch.set_num_threads(threads)
    hush()
    if device == "cuda" and not torch.cuda.is_available():
        raise RecipeError(
            "torch finds no cuda device here", where="device", fix="write cpu, or auto"
        )
    check_ordinary(Path(model))
    if Path(model).is_file():
        raise DataError(f"{model!r} is a file, not a model's folder", fix="name its folder")
    check_model(model)
    return library


def hash_weights(digest: Any, model: Any) -> None:
    """Add every tensor of a model, by name, type, shape and bytes, to a hash."""
    for name, tensor in sorted(model.state_dict().items()):
        held = tensor.detach().cpu().contiguous()
        digest.update(f"{name} {held.dtype} {tuple(held.shape)}".encode())
        digest.update(held.reshape(-1).view(require("torch", extra="train").uint8).numpy())


def both_sides(model: Any) -> tuple[Any, Any] | None:
    """The model of queries and that of documents, where the first module sends each its own way."""
    router, *rest = list(model.children()) or [None]
    routes = getattr(router, "sub_modules", None)
    if routes is None or not {QUERY, DOCUMENT} <= set(routes):
        return None
    library = require("sentence_transformers", extra="train")
    query, document = (
        library.SentenceTransformer(modules=[*routes[side], *rest], device=str(model.device))
        for side in (QUERY, DOCUMENT)
    )
    return query, document


def two_sided(queries: Any, documents: Any) -> Any:
    """One model of sentence-transformers of two, of which each encodes its own side."""
    modules = require("sentence_transformers.base.modules", extra="train")
    router = modules.Router.for_query_document(
        query_modules=list(queries.children()), document_modules=list(documents.children())
    )
    library = require("sentence_transformers", extra="train")
    return library.SentenceTransformer(modules=[router], device=str(queries.device))


def piece_counter(model: Any, longest: int | None) -> Any:
    """A copy of the model's fast tokenizer that counts up to `longest` pieces, None without one.

    A copy, for a tokenizer must not be set up by one thread while another uses it.
    """
    fast = getattr(getattr(model, "tokenizer", None), "backend_tokenizer", None)
    if fast is None:
        return None
    counter = require("tokenizers", extra="train").Tokenizer.from_str(fast.to_str())
    counter.no_padding()
    counter.no_truncation()
    if longest is not None:
        counter.enable_truncation(int(longest))
    return counter
