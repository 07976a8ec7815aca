"""Make the static encoder of `src/negatives/models/static/` from a sentence encoder.

    python scripts/distil_static.py sentence-transformers/all-MiniLM-L6-v2 --texts FOLDER

1. Every word piece of the teacher's vocabulary is encoded on its own.
2. A linear map of these vectors, pieces weighed down by their frequency (Arora et al. 2017, SIF),
   is solved for: the mean over a text's pieces shall be the teacher's vector of the text, reduced
   by principal components.
3. From there the table itself is fitted by gradient descent, to the teacher's vectors and to its
   similarities between the texts of a batch; pieces that the texts lack keep what step 2 gave.

FOLDER holds the openly licensed collections of `fitting_texts`, in BEIR layout. Only texts are
used, never a judgement; no query of a dev or test split is.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import save_file
from sentence_transformers import SentenceTransformer
from torch.nn import functional

from negatives.models.wordpiece import CONTINUES, WORD, WordPiece, folded

Matrix = NDArray[np.float32]

SEED = 0
WINDOWS = (12, 30, 60, 90)
"""Words of a passage, drawn at random: short and long texts shall both come out right."""

SIF = 3e-3
"""The larger, the less frequent pieces are weighed down at the start."""

TEMPERATURE = 0.05
"""Of the similarities in a batch, cosines before it."""


@dataclass(frozen=True)
class Bags:
    """Texts as piece numbers: `pieces` of all of them in a row, text t from `starts[t]` on."""

    pieces: torch.Tensor
    starts: torch.Tensor

    def means(self, table: torch.Tensor) -> torch.Tensor:
        """float32[texts, dim]: the mean of each text's rows."""
        return functional.embedding_bag(self.pieces, table, self.starts, mode="mean")


def bags(texts: list[list[int]]) -> Bags:
    """Texts one after the other."""
    lengths = [len(text) for text in texts]
    pieces = torch.tensor([piece for text in texts for piece in text])
    return Bags(pieces, torch.tensor(np.cumsum([0, *lengths[:-1]])))


def vocabulary(teacher: Any) -> list[str]:
    """The teacher's pieces that a folded text can contain, in Latin script, commonest first."""
    ranked = sorted(teacher.tokenizer.get_vocab().items(), key=lambda item: item[1])
    return [piece for piece, _ in ranked if usable(piece)]


def usable(piece: str) -> bool:
    """Not `[MASK]` and the like, no accents, no sign inside a word, no other script."""
    body = piece.removeprefix(CONTINUES) if piece != CONTINUES else piece
    one_word = WORD.fullmatch(body) is not None and (body.isalnum() or piece == body)
    return one_word and folded(piece) == piece and all(ord(c) < 0x250 for c in body)


def encode_pieces(teacher: Any, pieces: list[str]) -> Matrix:
    """float32[pieces, teacher]: the last hidden state of each piece, alone between CLS and SEP."""
    bert, tokenizer = teacher[0].auto_model, teacher.tokenizer
    known = tokenizer.get_vocab()
    first, last = tokenizer.cls_token_id, tokenizer.sep_token_id
    vectors = []
    with torch.inference_mode():
        for at in range(0, len(pieces), 512):
            ids = torch.tensor([[first, known[p], last] for p in pieces[at : at + 512]])
            vectors.append(bert(input_ids=ids).last_hidden_state[:, 1].numpy())
    made = np.concatenate(vectors).astype(np.float32)
    return np.asarray(made - made.mean(axis=0), np.float32)


def encode_texts(teacher: Any, texts: list[str], kept: Path | None) -> Matrix:
    """float32[texts, teacher], length 1; read from `kept`, or written there, if it is named."""
    key = hashlib.blake2b("\0".join(texts).encode(), digest_size=16).hexdigest()
    if kept and kept.exists():
        with np.load(kept, allow_pickle=False) as held:
            if str(held["key"]) == key:
                return np.asarray(held["vectors"], np.float32)
    teacher.max_seq_length = 256
    vectors: Matrix = teacher.encode(texts, batch_size=32, normalize_embeddings=True)
    if kept:
        np.savez(kept, key=np.array(key), vectors=vectors)
    return vectors


def principal(vectors: Matrix, dim: int) -> Matrix:
    """float32[n, dim]: the vectors in their first principal directions, length 1 again."""
    values, directions = np.linalg.eigh(vectors.T @ vectors)
    reduced = vectors @ directions[:, np.argsort(-values)[:dim]]
    return np.asarray(reduced / np.linalg.norm(reduced, axis=1, keepdims=True), np.float32)


def started(pieces: Matrix, texts: Bags, targets: Matrix) -> Matrix:
    """float32[pieces, dim]: the best weighted linear map of the pieces' vectors (ridge)."""
    counts = torch.bincount(texts.pieces, minlength=len(pieces)).numpy() + 0.3
    weight = (SIF / (SIF + counts / counts.sum())).astype(np.float32)[:, None]
    weighted = np.hstack([pieces * weight, weight])
    features = functional.normalize(texts.means(torch.from_numpy(weighted))).numpy()
    gram = features.T @ features
    gram += 1e-2 * np.trace(gram) / len(gram) * np.eye(len(gram), dtype=np.float32)
    table = weighted @ np.linalg.solve(gram, features.T @ targets)
    scale = np.linalg.norm(texts.means(torch.from_numpy(table)).numpy(), axis=1).mean()
    return np.asarray(table / scale, np.float32)


def fitted(
    table: Matrix, texts: list[list[int]], targets: Matrix, teacher: Matrix, epochs: int
) -> Matrix:
    """float32[pieces, dim]: the table after gradient descent (Adam, one cycle)."""
    batch, rate = 1024, 3e-3
    rows = torch.tensor(table, requires_grad=True)
    optimiser = torch.optim.Adam([rows], lr=rate)
    steps = epochs * (len(texts) // batch)
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps, pct_start=0.1)
    wanted, full = torch.from_numpy(targets), torch.from_numpy(teacher)
    draw = np.random.default_rng(SEED)
    itself = torch.eye(batch, dtype=torch.bool)
    for epoch in range(epochs):
        order, total = draw.permutation(len(texts)), 0.0
        for at in range(0, len(texts) - batch + 1, batch):
            chosen = order[at : at + batch]
            made = functional.normalize(bags([texts[text] for text in chosen]).means(rows))
            pointing = 1 - (made * wanted[chosen]).sum(dim=1).mean()
            mine, its = (
                (one @ one.T / TEMPERATURE).masked_fill(itself, -1e4).log_softmax(dim=1)
                for one in (made, full[chosen])
            )
            neighbours = functional.kl_div(mine, its, reduction="batchmean", log_target=True)
            loss = pointing + 0.5 * neighbours
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            cycle.step()
            total += loss.item()
        print(f"epoch {epoch + 1} of {epochs}: loss {total * batch / len(texts):.4f}", flush=True)
    return np.asarray(rows.detach().numpy(), np.float32)


def quantised(table: Matrix) -> dict[str, NDArray[Any]]:
    """int8 rows, each with its own factor."""
    scale = np.abs(table).max(axis=1) / 127
    return {
        "table": np.rint(table / scale[:, None]).astype(np.int8),
        "scale": scale.astype(np.float32),
    }


def fitting_texts(root: Path) -> list[str]:
    """About 64,000 texts: questions, passages, definitions, example sentences, titles, problems."""
    draw = random.Random(SEED)
    medquad, wordnet, synergy = root / "medquad", root / "scale_wordnet", root / "synergy9"
    answers = [f"{d['title']} . {d['text']}" for d in lines(medquad / "corpus.jsonl")]
    parts = [draw.sample(train_queries(medquad), 4000)]
    parts += [draw.sample([p for text in answers for p in passages(text, draw)], 14_000)]
    glosses = [f"{d['title']} {d['text']}" for d in lines(wordnet / "corpus.jsonl")]
    parts += [draw.sample(glosses, 26_000), draw.sample(train_queries(wordnet), 7000)]
    abstracts = lines(synergy / "corpus.jsonl")
    parts += [[d["title"] for d in abstracts if d["title"]][:3000]]
    parts += [draw.sample([p for d in abstracts for p in passages(d["text"], draw)], 9000)]
    parts += [[d["question"] for d in lines(root / "gsm8k" / "train.jsonl")][:3000]]
    return list(dict.fromkeys(text for part in parts for text in part))


def train_queries(folder: Path) -> list[str]:
    """Texts of the queries that are in the train split and in no other."""
    splits = {path.stem: path.read_text("utf-8") for path in (folder / "qrels").glob("*.tsv")}
    ids = {
        name: {line.split("\t")[0] for line in text.split("\n")} for name, text in splits.items()
    }
    others = set().union(*(found for name, found in ids.items() if name != "train"))
    train = ids["train"] - others
    return [query["text"] for query in lines(folder / "queries.jsonl") if query["_id"] in train]


def passages(text: str, draw: random.Random) -> list[str]:
    """Runs of whole sentences, up to 110 words."""
    found: list[str] = []
    words: list[str] = []
    wanted = draw.choice(WINDOWS)
    for sentence in re.split(r"(?<=[.!?])\s+", " ".join(text.split())):
        words += sentence.split()
        if len(words) >= wanted:
            found.append(" ".join(words[:110]))
            words, wanted = [], draw.choice(WINDOWS)
    return [*found, " ".join(words)] if len(words) >= 4 else found


def lines(path: Path) -> list[dict[str, Any]]:
    """The objects of a JSON Lines file."""
    return [json.loads(line) for line in path.read_text("utf-8").split("\n") if line]


def main() -> None:
    """Distil, and write the table and its pieces."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("teacher", help="a sentence-transformers folder or hub name")
    parser.add_argument("--texts", type=Path, required=True, help="folder of the collections")
    parser.add_argument("--out", type=Path, default=Path("src/negatives/models/static"))
    parser.add_argument("--dim", type=int, default=256)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--keep", type=Path, help=".npz for the teacher's vectors, to start again")
    given = parser.parse_args()
    torch.manual_seed(SEED)
    torch.set_num_threads(1)  # more threads would add in another order, and change the last bits
    teacher = SentenceTransformer(given.teacher, device="cpu")
    pieces = vocabulary(teacher)
    splitter = WordPiece(pieces)
    split = {text: splitter.split(text) for text in fitting_texts(given.texts)}
    texts = [text for text, numbers in split.items() if numbers]
    numbers = [split[text] for text in texts]
    print(f"{len(pieces)} pieces, {len(texts)} texts", flush=True)
    vectors = encode_texts(teacher, texts, given.keep)
    targets = principal(vectors, given.dim)
    table = started(encode_pieces(teacher, pieces), bags(numbers), targets)
    table = fitted(table, numbers, targets, vectors, given.epochs)
    given.out.mkdir(parents=True, exist_ok=True)
    save_file(quantised(table), given.out / "table.safetensors")
    (given.out / "table.safetensors").chmod(0o644)
    (given.out / "pieces.txt").write_text("\n".join(pieces) + "\n", "utf-8")


if __name__ == "__main__":
    main()
