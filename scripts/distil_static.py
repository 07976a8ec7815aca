"""Make the static encoder of `src/negatives/models/static/` from a sentence encoder.

    python scripts/distil_static.py sentence-transformers/all-MiniLM-L6-v2 --out FOLDER

Every word piece of the teacher's vocabulary is encoded on its own, the vectors are reduced by
principal components, and frequent pieces are weighed down.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import save_file
from sentence_transformers import SentenceTransformer

Matrix = NDArray[np.float32]


def vocabulary(teacher: SentenceTransformer) -> list[str]:
    """The teacher's pieces in Latin script, commonest first, without its special tokens."""
    pieces = sorted(teacher.tokenizer.get_vocab().items(), key=lambda item: item[1])
    return [p for p, _ in pieces if not re.match(r"\[.+\]$", p) and all(ord(c) < 0x250 for c in p)]


def encode_pieces(teacher: SentenceTransformer, pieces: list[str]) -> Matrix:
    """float32[pieces, teacher]: mean of the last hidden states of each piece between CLS and SEP."""
    bert, tokenizer = teacher[0].auto_model, teacher.tokenizer
    known = tokenizer.get_vocab()
    start, end = tokenizer.cls_token_id, tokenizer.sep_token_id
    vectors = []
    with torch.inference_mode():
        for at in range(0, len(pieces), 512):
            ids = torch.tensor([[start, known[p], end] for p in pieces[at : at + 512]])
            vectors.append(bert(input_ids=ids).last_hidden_state[:, 1].numpy())
    return np.concatenate(vectors).astype(np.float32)


def principal(vectors: Matrix, dim: int) -> Matrix:
    """float32[n, dim]: the centred vectors in their first principal directions."""
    centred = vectors - vectors.mean(axis=0)
    directions = np.linalg.svd(centred, full_matrices=False)[2][:dim]
    return np.asarray(centred @ directions.T, np.float32)


def rank_weights(n: int, a: float = 1e-4) -> Matrix:
    """a / (a + p) (Arora et al. 2017, SIF), p from Zipf's law by the rank in the vocabulary."""
    p = 1 / np.arange(2, n + 2)
    p /= p.sum()
    return np.asarray(a / (a + p), np.float32)[:, None]


def quantised(table: Matrix) -> dict[str, NDArray[np.generic]]:
    """int8 rows, each with its own factor."""
    scale = np.abs(table).max(axis=1) / 127
    return {
        "table": np.rint(table / scale[:, None]).astype(np.int8),
        "scale": scale.astype(np.float32),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("teacher", help="a sentence-transformers folder or hub name")
    parser.add_argument("--out", type=Path, default=Path("src/negatives/models/static"))
    parser.add_argument("--dim", type=int, default=256)
    given = parser.parse_args()
    teacher = SentenceTransformer(given.teacher, device="cpu")
    pieces = vocabulary(teacher)
    vectors = principal(encode_pieces(teacher, pieces), given.dim)
    given.out.mkdir(parents=True, exist_ok=True)
    save_file(quantised(vectors * rank_weights(len(pieces))), given.out / "table.safetensors")
    (given.out / "pieces.txt").write_text("\n".join(pieces) + "\n", "utf-8")


if __name__ == "__main__":
    main()
