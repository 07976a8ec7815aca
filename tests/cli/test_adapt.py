"""negatives adapt: a real folder becomes a model; each step is kept, and none is done twice."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

os.environ["HF_HUB_OFFLINE"] = "1"

import negatives as neg
from negatives.adaptation import steps as module
from negatives.adaptation.adapt import adapt
from negatives.events import silent
from tests.cli.commands import negatives
from tests.make.writing_server import writing
from tests.show.made import Page

pytest.importorskip("sentence_transformers")

pytestmark = pytest.mark.slow

QUICK = ("--steps", "6", "--set", "train.batch_size=16", "--threads", "1")
CHANGES = ["train.steps=6", "train.batch_size=16"]


@pytest.fixture(scope="module")
def docs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty documents of the bundled collection, in the formats that people have."""
    folder = tmp_path_factory.mktemp("docs") / "papers"
    texts = neg.Collection.load("cranfield").corpus.head(60)
    for place, (name, text) in enumerate(texts.select("doc_id", "text").iter_rows()):
        title, _, body = text.partition(" . ")
        ending, form = [
            (".md", "# {}\n\n{}\n"),
            (".txt", "{}\n\n{}\n"),
            (".html", "<title>{}</title><nav>home</nav><p>{}</p>"),
        ][place % 3]
        path = folder / f"part-{place % 4}" / f"{name}{ending}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(form.format(title[:100], body), "utf-8")
    (folder / "picture.png").write_bytes(b"\x89PNG")
    return folder


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The questions of the collection that those documents answer."""
    folder, data = tmp_path_factory.mktemp("real"), neg.Collection.load("cranfield")
    queries, qrels = folder / "asked.jsonl", folder / "answers.tsv"
    data.queries.select(_id="query_id", text="text").write_ndjson(queries)
    data.qrels.write_csv(qrels, separator="\t")
    return [queries, qrels]


@pytest.fixture(scope="module")
def whole(
    docs: Path, real: list[Path], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Any]:
    out = tmp_path_factory.mktemp("adapted") / "out"
    return out, negatives(
        "adapt", docs, "--out", out, "--queries", real[0], "--qrels", real[1], *QUICK
    )


def contents(out: Path) -> dict[str, str]:
    """Hashes of what must not depend on interruptions: all but what holds times."""
    names = ("passages/*", "made/**/*.*", "run/negatives.parquet", "run/candidates/*")
    files = [path for name in names for path in out.glob(name)]
    files += [*out.glob("model/*.safetensors"), *out.glob("evaluated/*")]
    return {
        str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
        if path.is_file()
    }


@pytest.mark.recipe("adapt")
def test_a_folder_becomes_a_model_and_what_it_won_is_said(whole: tuple[Path, Any]) -> None:
    out, done = whole
    assert done.returncode == 0, done.stderr
    words = " ".join(done.stdout.split())
    for said in (
        "papers: ", "verdict ", "real nDCG@10 0.", "written nDCG@10 0.", "p = ",
        "read 60 documents", "1 file passed over", " by heading, ", " by inverse-cloze; ",
        "of 3 a query", "trained static: ", "6 steps",
        f"model: {out / 'model'}", f"report: {out / 'report.html'}",
    ):  # fmt: skip
        assert said in words, (said, done.stdout)
    from sentence_transformers import SentenceTransformer

    assert SentenceTransformer(str(out / "model"), device="cpu").encode("wing").any()


def test_the_page_opens_by_itself_and_shows_what_was_made(whole: tuple[Path, Any]) -> None:
    out, _ = whole
    text = (out / "report.html").read_text("utf-8")
    page = Page(text)
    assert page.unbalanced == []
    words = " ".join(" ".join(page.words).split())
    figures = json.loads((out / "adapt.json").read_bytes())["figures"]
    assert len(figures["examples"]) == 16
    for row in figures["examples"]:
        assert " ".join(row["query"][:100].split()) in words
    for said in (
        "real questions",
        "How to use the model",
        "What it cost",
        "of a kind that is not read",
    ):
        assert said in words
    assert "http" not in text.replace("http-equiv", "").replace("http://www.w3.org", "")


def test_no_document_is_trained_with_and_judged_by(whole: tuple[Path, Any]) -> None:
    out, _ = whole
    sides = [
        {*neg.Collection.load(f"{out}/made@{name}").qrels["doc_id"].str.replace("#.*", "")}
        for name in ("train", "dev")
    ]
    assert sides[0].isdisjoint(sides[1])
    assert min(map(len, sides)) >= 4


def test_again_nothing_is_done_twice_and_real_questions_may_come_later(
    docs: Path, real: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    without = adapt(docs, out, changes=CHANGES, threads=1, emit=silent)
    assert list(without.figures["gains"]) == ["made"]
    page, before = (out / "report.html").read_bytes(), contents(out)
    for name in ("write_passages", "written_queries", "mined_run", "train"):
        monkeypatch.setattr(module, name, None)
    assert adapt(docs, out, changes=CHANGES, threads=1, emit=silent).figures == without.figures
    assert (out / "report.html").read_bytes() == page
    judged = adapt(
        docs, out, changes=CHANGES, threads=1, emit=silent, queries=real[0], qrels=real[1]
    )
    assert list(judged.figures["gains"]) == ["made", "real"]
    assert "real questions" in repr(judged.card()).lower()
    assert contents(out).items() >= before.items()


def test_stopped_after_any_step_it_ends_with_the_same_bytes(
    docs: Path, whole: tuple[Path, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = contents(whole[0])
    out, stops = tmp_path / "out", 0

    class Stop(BaseException):
        pass

    done = module.Steps._done

    def stopping(self: Any, name: str, do: Any) -> None:
        there = name in self.account["steps"]
        done(self, name, do)
        if not there:
            raise Stop

    monkeypatch.setattr(module.Steps, "_done", stopping)
    while True:
        try:
            adapt(docs, out, changes=CHANGES, threads=1, emit=silent)
            break
        except Stop:
            stops += 1
    assert stops == 6
    made = contents(out)
    assert {name: wanted[name] for name in made} == made


def test_a_language_model_writes_the_queries_and_is_asked_once(docs: Path, tmp_path: Path) -> None:
    def carried_out() -> Any:
        return adapt(docs, tmp_path / "out", llm=server.spec, changes=CHANGES, threads=1)

    with writing() as server:
        made = carried_out()
        calls = len(server.bodies)
        assert carried_out().figures == made.figures
        assert len(server.bodies) == calls
    assert list(made.figures["written"]["queries"]) == ["queries"]
    assert f"{calls} calls" in str(made.card())


def test_what_is_wrong_is_said_before_any_work(
    docs: Path, whole: tuple[Path, Any], real: list[Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    (tmp_path / "bare").mkdir()
    (tmp_path / "notes.txt").write_text("mine", "utf-8")
    (tmp_path / "short").mkdir()
    (tmp_path / "short" / "a.txt").write_text("Wings.", "utf-8")
    for words, said in (
        ((tmp_path / "nowhere",), "no such file or folder"),
        ((tmp_path / "bare",), "there is nothing to read in the folder"),
        ((docs, "--queries", real[0]), "real questions are two files"),
        ((tmp_path / "short",), "quer"),
        ((docs, "--dev", "1"), "dev 1 leaves nothing to judge by"),
        ((docs, "--length", "3"), "passages of 3 characters"),
        ((docs, "--encoding", "klingon"), "there is no encoding 'klingon'"),
        ((docs, "--recipe", "default"), "the recipe 'default' writes no queries"),
        ((docs, "--recipe", "heading"), "the recipe 'heading' mines no negatives"),
        ((docs, "--set", "train.kind=reranker"), "adapt trains a dense encoder"),
        ((docs, "--set", "pick.per_qery=3"), "per_query"),
        ((docs, "--model", "./nowhere"), "there is no model at './nowhere'"),
        ((docs, "--model", docs), "model could be loaded"),
        ((docs, "--queries", real[0], "--qrels", tmp_path / "none.tsv"), "no such file"),
    ):
        done = negatives("adapt", *words, "--out", out, *QUICK)
        assert done.returncode == 2, (words, done.stdout, done.stderr)
        assert said in done.stderr, done.stderr
        assert not out.exists(), words
    done = negatives("adapt", docs, "--out", tmp_path, *QUICK)
    assert "is not empty and holds no adaptation" in done.stderr
    done = negatives("adapt", docs, "--out", whole[0], *QUICK, "--dev", "0.3")
    assert "holds another adaptation; it differs in: dev" in done.stderr
