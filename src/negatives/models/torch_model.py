"""What all models that sentence-transformers loads share: devices, safety, weights, pieces."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np

from negatives.bounded import check_ordinary
from negatives.errors import (
    DataError,
    NegativesError,
    RecipeError,
    ServiceError,
    nearest,
    nearest_path,
)
from negatives.faults import raise_spent
from negatives.hub import out_of_reach
from negatives.models.batching import Read
from negatives.models.model_folder import check_model
from negatives.optional import require, torch
from negatives.secrets import refuse_secrets

DEVICES: Final = ("auto", "cpu", "cuda")
QUERY: Final = "query"
DOCUMENT: Final = "document"
UNLIMITED: Final = 2**31
"""Pieces; a tokenizer that states no limit is said to take far more than these."""
CHARACTERS_A_PIECE: Final = 4
"""About; for batches alone, where a model's tokenizer does not count."""

Item = TypeVar("Item")


def prepared(*, threads: int, device: str) -> Any:
    """The library sentence-transformers; torch is set to so many `threads`, which is one number for
    the whole process, and a device that is not there is refused.
    """
    library = require("sentence_transformers", extra="train")
    prepare_torch(threads=threads, device=device)
    return library


def prepare_torch(*, threads: int, device: str) -> None:
    """Set torch to `threads`, and refuse a device that is not there."""
    if device not in DEVICES:
        raise RecipeError(
            f"there is no device {device!r}", where="device", fix=nearest(device, DEVICES)
        )
    torch.set_num_threads(threads)
    hush()
    if device == "cuda" and not torch.cuda.is_available():
        raise RecipeError(
            "torch finds no cuda device here", where="device", fix="write cpu, or auto"
        )


def check_loading(model: str) -> None:
    """Refuse a file, and a folder or a model of the hub that would run code."""
    refuse_secrets(model)
    check_ordinary(Path(model))
    if Path(model).is_file():
        raise DataError(f"{model!r} is a file, not a model's folder", fix="name its folder")
    check_model(model)


def hush() -> None:
    """Silence sentence-transformers and what it stands on: no bars, no warnings for programmers.

    What a user should know is an event of this library, or an error.
    """
    told = require("transformers.utils.logging", extra="train")
    told.set_verbosity_error()
    told.disable_progress_bar()
    require("huggingface_hub.utils", extra="train").disable_progress_bars()
    for name in ("sentence_transformers", "transformers", "huggingface_hub", "datasets"):
        logging.getLogger(name).setLevel(logging.ERROR)


def loaded(
    model: str,
    by: str,
    *,
    threads: int,
    device: str,
    what: str,
    fix: str,
    attention: str | None = None,
    **options: Any,
) -> Any:
    """A model, loaded by a class of sentence-transformers with safetensors weights and no code.

    `attention`: how transformers is to compute it, where that is not its own choice.
    Raises `DataError` that no `what` could be loaded, which `fix` says how to mend.
    """
    library = prepared(threads=threads, device=device)
    check_loading(model)
    try:
        found = getattr(library, by)(
            model,
            device=None if device == "auto" else device,
            trust_remote_code=False,
            model_kwargs={"use_safetensors": True, "attn_implementation": attention}
            if attention
            else {"use_safetensors": True},
            **options,
        )
    except Exception as error:  # the hub, the disk and the library each have their own
        raise_spent(error)
        raise unloadable(error, model, what, fix) from None
    _refuse_unusable(found, model, fix)
    return found


def _refuse_unusable(found: Any, model: str, fix: str) -> None:
    """Raise `DataError` for a model that loads, and whose first batch of texts would fail."""
    if getattr(getattr(found, "tokenizer", None), "pad_token", "") is None:
        raise DataError(
            "the tokenizer has no padding token, without which texts of several lengths are no "
            "batch; such is often a language model, and no encoder",
            where=model,
            fix=f'{fix}; or write "pad_token" into its tokenizer_config.json (often that of the '
            "end of a text)",
        )
    wrong = [name for name, each in found.state_dict().items() if not _finite(each)]
    if wrong:
        raise DataError(
            f"{len(wrong):,} of the weights hold NaN or infinity, the first {wrong[0]}",
            where=model,
            fix=f"train or copy it again, or {fix}",
        )


def _finite(tensor: Any) -> bool:
    return not tensor.is_floating_point() or bool(torch.isfinite(tensor).all())


def unloadable(error: Exception, model: str, what: str, fix: str) -> NegativesError:
    """What the hub, the disk or the library said of a model, as one error."""
    if isinstance(error, ConnectionError):
        return ServiceError(f"the hub did not answer: {error}", where=model)
    text = str(error).strip() or type(error).__name__
    if not Path(model).exists():  # a hub name, or a folder whose name was misspelt
        fix = nearest_path(Path(model), f"there is no folder of this name here: {fix}")
    if "trust_remote_code" in text:
        said = "the model needs code of its own to be run, which is never done"
        return DataError(said, where=model, fix=fix)
    if (address := out_of_reach()) and not Path(model).exists():
        # Its library would say that a variable forbids it, which no user has set.
        said = f"the hub ({address}) cannot be reached, and no such model was fetched before"
        return DataError(f"no {what} could be loaded: {said}", where=model, fix=fix)
    return DataError(f"no {what} could be loaded: {_reason(error, text)}", where=model, fix=fix)


def _reason(error: Exception, text: str) -> str:
    """What a library said, in one line: its first, and the next where the first announces it."""
    if "ignore_mismatched_sizes" in text:
        return "its weights have other shapes than its config.json says"
    if "backend tokenizer" in text:
        return "it has no tokenizer that can be read (tokenizer.json)"
    if isinstance(error, KeyError):
        return f"a file of it lacks {text}"
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    announced = lines[0].endswith(":") and lines[1:]
    return f"{lines[0]} {lines[1]}" if announced else lines[0]


def hash_weights(digest: Any, model: Any) -> None:
    """Add every tensor of a model, by name, type, shape and bytes, to a hash."""
    for name, tensor in sorted(model.state_dict().items()):
        held = tensor.detach().cpu().contiguous()
        digest.update(f"{name} {held.dtype} {tuple(held.shape)}".encode())
        digest.update(held.reshape(-1).view(torch.uint8).numpy())


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


def counted(counter: Any, items: list[Item], size: Callable[[Item], int]) -> Read[Item]:
    """Texts, or pairs, with how many pieces a model's `counter` finds in each.

    Without one (None) the characters, which are `size`, tell about how many, for batches alone.
    """
    if counter is not None:
        return Read.by(counter, items)._replace(pieces=items)
    lengths = np.fromiter(map(size, items), np.int64, len(items)) // CHARACTERS_A_PIECE
    return Read(items, lengths, np.zeros(len(items), bool))


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
    if longest is not None and longest < UNLIMITED:
        counter.enable_truncation(int(longest))
    return counter
