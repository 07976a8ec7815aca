"""Make examples/faq.csv, the spreadsheet of docs/tutorial.md, from a BEIR folder of MedQuAD.

python scripts/faq.py FOLDER

MedQuAD (Ben Abacha and Demner-Fushman, 2019; Creative Commons Attribution 4.0): of its questions
about genetic conditions, answered by the National Library of Medicine, the first thousand by their
ids, with the beginning of the answer.
"""

from __future__ import annotations

import csv
import re
import sys
from pathlib import Path

import msgspec

OUT = Path("examples/faq.csv")
ABOUT = "GHR_"  # Genetics Home Reference, by the ids of the answers
ROWS = 1_000
LONG = 200
"""Characters of an answer, about: whole sentences, the first at least."""
SENTENCE = re.compile(r"(?<=[.!?])\s+")


def beginning(answer: str) -> str:
    """The first sentences."""
    first, *others = SENTENCE.split(answer.strip())
    for sentence in others:
        if len(first) + 1 + len(sentence) > LONG:
            break
        first += f" {sentence}"
    return first


def asked(question: str) -> str:
    """Without what a program left in it."""
    return re.sub(r"\s+\?", "?", question.replace("What is (are)", "What is"))


def texts(path: Path) -> dict[str, str]:
    """The texts of a .jsonl file by id."""
    rows = map(msgspec.json.decode, path.read_bytes().splitlines())
    return {row["_id"]: row["text"] for row in rows}


def main() -> None:
    """Write the file."""
    folder = Path(sys.argv[1])
    questions, answers = texts(folder / "queries.jsonl"), texts(folder / "corpus.jsonl")
    pairs = []
    for split in ("train", "dev"):
        lines = (folder / "qrels" / f"{split}.tsv").read_text("utf-8").splitlines()[1:]
        pairs += [line.split("\t")[:2] for line in lines]
    chosen = sorted((pair for pair in pairs if pair[1].startswith(ABOUT)), key=lambda p: p[1])
    with OUT.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["question", "answer"])
        for query, doc in chosen[:ROWS]:
            rows.writerow([asked(questions[query]), beginning(answers[doc])])


if __name__ == "__main__":
    main()
