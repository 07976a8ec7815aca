"""How a specification such as `model.onnx` becomes a reranker.

path/model.onnx                    ONNX; its tokenizer.json beside it or in the folder above
path/model.onnx?tokenizer=PATH     ONNX with its tokenizer elsewhere
anything else                      a cross-encoder of sentence-transformers: folder or hub name
"""

from __future__ import annotations

from pathlib import Path

from negatives.errors import DataError, RecipeError
from negatives.models.reranker import Reranker
from negatives.models.spec import names_nothing, split_options
from negatives.secrets import refuse_secrets


def open_reranker(spec: str, *, threads: int = 1, device: str = "auto") -> Reranker:
    """The reranker that `spec` names (see the top of this module), its backend imported now.

    `threads` bounds the cores used; `device` is where sentence-transformers computes: `auto`, `cpu`
    or `cuda`; ONNX models run on the CPU.

    Raises `DataError` for a path that does not exist or holds no usable model, `MissingExtra` where
    the backend is not installed, `RecipeError` for an unknown option.
    """
    if not spec.strip():
        raise DataError(
            "no reranker is named",
            fix="name a cross-encoder's folder or hub name, or a .onnx file",
        )
    refuse_secrets(spec)
    if spec.partition("?")[0].lower().endswith(".onnx"):
        from negatives.models.onnx_reranker import OnnxReranker

        try:
            path, options = split_options(spec, values=["tokenizer"])
        except RecipeError as error:
            raise RecipeError(error.what, where=f"the reranker {spec!r}", fix=error.fix) from None
        tokenizer = Path(options["tokenizer"]) if "tokenizer" in options else None
        return OnnxReranker(Path(path), tokenizer=tokenizer, threads=threads)
    if names_nothing(spec):
        raise DataError(
            f"there is no reranker at {spec!r}",
            fix="give an existing folder or .onnx file, or the hub name of a cross-encoder",
        )
    from negatives.models.cross_encoder import CrossEncoderReranker

    return CrossEncoderReranker(spec, threads=threads, device=device)
