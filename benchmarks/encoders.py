"""How well and how fast the built-in encoder retrieves, next to BM25 and to its teacher.

    python benchmarks/encoders.py --data FOLDER --teacher FOLDER --onnx MODEL.onnx

`--data` (or the variable NEGATIVES_DATA) holds the collections cranfield, cisi, med and medquad as
folders or as NAME.tar.xz. Writes docs/results/encoders.md. None of these judgements were used to
make or choose the encoder.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import os
import platform
import tarfile
import tempfile
import time
from pathlib import Path

import bm25s
import ir_measures
import numpy as np
import Stemmer
from threadpoolctl import threadpool_limits

from negatives.models.encoder import Encoder
from negatives.models.open_encoder import open_encoder
from negatives.read import load
from negatives.schema import Collection, Floats

SETS = ("cranfield", "cisi", "med", "medquad@dev")
DEPTH = 10
MEASURE = ir_measures.nDCG @ DEPTH
PACKAGES = ("bm25s", "ir-measures", "numpy", "sentence-transformers", "torch", "onnxruntime")
WARM = "a text to warm up with"


def bm25_scores(collection: Collection) -> Floats:
    """float32[queries, docs] by Lucene's BM25, English stop words and Snowball stems."""
    stem = Stemmer.Stemmer("english")

    def split(texts: list[str]) -> list[list[str]]:
        made: list[list[str]] = bm25s.tokenize(
            texts, stopwords="en", stemmer=stem, return_ids=False, show_progress=False
        )
        return made

    index = bm25s.BM25(method="lucene", k1=1.2, b=0.75)
    index.index(split(collection.corpus["text"].to_list()), show_progress=False)
    queries = split(collection.query_texts(collection.mined_queries))
    return np.stack([index.get_scores(words) for words in queries])


def dense_scores(encoder: Encoder, collection: Collection) -> Floats:
    """float32[queries, docs]: cosines; documents without text come last."""
    docs, queries = (
        unit(encoder.encode(texts).vectors)
        for texts in (
            collection.corpus["text"].to_list(),
            collection.query_texts(collection.mined_queries),
        )
    )
    scores = queries @ docs.T
    scores[:, collection.empty_docs] = -np.inf
    return scores


def unit(vectors: Floats) -> Floats:
    """Each row divided by its length; zeros stay."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12), np.float32)


def ndcg(scores: Floats, collection: Collection) -> float:
    """Mean nDCG@10 over the queries with a positive, ties in the order of ids."""
    queries = collection.queries["query_id"].gather(collection.mined_queries).to_list()
    docs = collection.corpus["doc_id"].to_list()
    run: dict[str, dict[str, float]] = {}
    for query, row in zip(queries, scores, strict=True):
        top = np.argsort(-row, kind="stable")[:DEPTH]
        run[query] = {docs[doc]: float(DEPTH - rank) for rank, doc in enumerate(top)}
    qrels: dict[str, dict[str, int]] = {}
    for query, doc, relevance in collection.qrels.iter_rows():
        qrels.setdefault(query, {})[doc] = max(0, relevance)
    judged = {query: qrels[query] for query in queries}
    return float(ir_measures.calc_aggregate([MEASURE], judged, run)[MEASURE])


def speed(encoder: Encoder, texts: list[str], seconds: float = 3.0) -> float:
    """Texts encoded per second of processor time, which on one core is what a second gives."""
    encoder.encode([WARM])
    done, start = 0, time.process_time()
    while (spent := time.process_time() - start) < seconds:
        encoder.encode(texts)
        done += len(texts)
    return done / spent


def unpacked(name: str, root: Path, spare: Path) -> Path:
    """The folder of a collection, unpacked into `spare` where only its archive is there."""
    if (root / name).is_dir():
        return root / name
    if not (spare / name).is_dir():
        with tarfile.open(root / f"{name}.tar.xz") as archive:
            archive.extractall(spare, filter="data")
    return spare / name


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table, the first column to the left and numbers to the right."""
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def main() -> None:
    """Measure, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--data", type=Path, default=os.environ.get("NEGATIVES_DATA"))
    parser.add_argument("--teacher", help="all-MiniLM-L6-v2 for sentence-transformers")
    parser.add_argument("--onnx", help="all-MiniLM-L6-v2 as .onnx[?tokenizer=PATH]")
    parser.add_argument("--out", type=Path, default=Path("docs/results/encoders.md"))
    given = parser.parse_args()
    if given.data is None:
        parser.error("name the folder of the collections: --data, or the variable NEGATIVES_DATA")
    static = open_encoder("static")
    encoders = {"static (built in)": static}
    if given.teacher:
        encoders["all-MiniLM-L6-v2 (torch)"] = open_encoder(given.teacher)
    with tempfile.TemporaryDirectory() as spare, threadpool_limits(1):
        found: dict[str, list[str]] = {name: [] for name in ["BM25", *encoders]}
        for name in SETS:
            folder, _, split = name.partition("@")
            path = unpacked(folder, Path(given.data), Path(spare))
            collection = load(f"{path}@{split}" if split else path)
            found["BM25"].append(f"{ndcg(bm25_scores(collection), collection):.3f}")
            for label, encoder in encoders.items():
                found[label].append(f"{ndcg(dense_scores(encoder, collection), collection):.3f}")
            print(name, {label: row[-1] for label, row in found.items()}, flush=True)
        path = unpacked("cranfield", Path(given.data), Path(spare))
        cranfield = load(path)
        short, long = (t["text"].to_list() for t in (cranfield.queries, cranfield.corpus))
        if given.onnx:
            encoders["all-MiniLM-L6-v2 (ONNX)"] = open_encoder(given.onnx)
        speeds = [
            [label, f"{speed(encoder, short):,.0f}", f"{speed(encoder, long[:256]):,.0f}"]
            for label, encoder in encoders.items()
        ]
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(page(found, speeds, static), "utf-8")


def page(found: dict[str, list[str]], speeds: list[list[str]], static: Encoder) -> str:
    """The results as Markdown."""
    versions = [f"{name} {importlib.metadata.version(name)}" for name in PACKAGES]
    return f"""# The built-in encoder

{MEASURE} on all judged queries, cosine over title and text; BM25 is Lucene's (k1 = 1.2, b = 0.75,
English stop words, Snowball stems). MiniLM reads 256 pieces of a text, the static encoder 512.
None of these judgements were used to make or to choose the static encoder; but passages of
MedQuAD's answers are among the texts it was fitted to, so medquad@dev is a familiar subject to it,
and the other three are not.

{table(["", *SETS], [[label, *row] for label, row in found.items()])}

Texts a second on one core: Cranfield's queries (17 words) and documents (165 words). The ONNX
encoder cuts texts where tokenizer.json says, which for MiniLM is at 128 pieces.

{table(["", "queries", "documents"], speeds)}

Made {datetime.datetime.now(datetime.UTC):%Y-%m-%d} by `python benchmarks/encoders.py --data FOLDER
--teacher all-MiniLM-L6-v2 --onnx MODEL.onnx`; Python {platform.python_version()},
{", ".join(versions)}; table {static.fingerprint.split("-")[2][:8]}, {static.dim} dimensions.
"""


if __name__ == "__main__":
    main()
