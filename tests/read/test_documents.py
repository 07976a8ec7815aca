"""Documents as people have them: what is read of each kind, how it is cut, what is passed over."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pandas as pd
import pytest

from negatives.errors import DataError, InputError
from negatives.read import known_texts
from negatives.read.documents import read_passages, write_passages
from negatives.read.documents.cut import Cutting, passages
from negatives.read.documents.html import html_parts
from negatives.read.documents.parts import Heading, Part
from negatives.read.documents.plain import LONGEST, lines_of, markdown_parts, text_parts


def told(parts: list[Part]) -> list[str]:
    """Parts as lines: `# ` and so on before headings, `0 ` before a title."""
    return [
        f"{'#' * part.level or '0'} {part.text}" if isinstance(part, Heading) else part
        for part in parts
    ]


def folder(at: Path, files: dict[str, str | bytes]) -> Path:
    for name, content in files.items():
        path = at / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return at


# ---- kinds of documents --------------------------------------------------------------------------


def test_markdown_is_parted_at_its_headings_but_not_in_code() -> None:
    page = """---
title: "The pump"
tags: [water]
---
Intro with [a link](http://x/y "z") and ![a picture](p.png).

Setting up
==========
one
two
<!-- not
shown --> three

## Running it ##
```sh
# no heading
run
```
~~~
---
~~~
- - -
[1]: http://definition
### *Stars*
end
"""
    assert told(list(markdown_parts([page]))) == [
        "0 The pump",
        "Intro with a link and a picture.",
        "# Setting up",
        "one\ntwo",
        "three",
        "## Running it",
        "# no heading\nrun",
        "---",
        "### Stars",
        "end",
    ]
    assert told(list(markdown_parts(["---\nno front matter\n"]))) == ["no front matter"]


def test_a_plain_text_has_a_title_and_underlined_headings() -> None:
    text = "How to sing\n\nOpen the mouth.\nBreathe.\n\nNotes\n-----\nDo not shout.\n\n=====\nEnd"
    assert told(list(text_parts([text]))) == [
        "0 How to sing",
        "Open the mouth.\nBreathe.",
        "## Notes",
        "Do not shout.",
        "End",
    ]
    for first in ("A sentence.\n\n", "A line\nand another\n\n", f"{'long ' * 30}\n\n"):
        assert not isinstance(next(text_parts([first, "rest"])), Heading)


def test_of_a_page_scripts_navigation_and_what_is_hidden_are_left_out() -> None:
    page = """<!doctype html><html><head><title>Lift | Site</title><style>p {}</style></head>
    <body><header><nav><ul><li>Home</ul></nav></header><main><h1>Lift &amp; drag</h1>
    <p>Air flows <b>fast</b> over
    it.<p hidden>secret</p><div aria-hidden="true">icon</div><ul><li>one<li>two</ul>
    <h2>In <i>figures</i></h2><table><tr><td>a<td>b</tr><tr><td>c</tr></table>
    <pre>x = 1
      y</pre><br/><script>if (a < b) "</p>"</script></main><footer>(c)</footer></body></html>"""
    assert told(list(html_parts([page[:100], page[100:]]))) == [
        "# Lift & drag",
        "Air flows fast over it.",
        "one\ntwo",
        "## In figures",
        "a b\nc",
        "x = 1\n      y",
    ]
    assert told(list(html_parts(["<title>Only</title>text"]))) == ["0 Only", "text"]
    # One that nobody closed would take the rest of the page with it.
    assert told(list(html_parts(["<nav>menu<p>text"]))) == ["menu", "text"]


def test_a_pdf_gives_its_title_and_its_pages(tmp_path: Path) -> None:
    pypdf = pytest.importorskip("pypdf")
    writer = pypdf.PdfWriter()
    page = writer.add_blank_page(200, 200)
    text = "BT /F1 12 Tf 10 150 Td (A pump lifts wa-) Tj 0 -14 Td (ter.) Tj ET"
    stream = pypdf.generic.DecodedStreamObject()
    stream.set_data(text.encode())
    font = {"/Type": "/Font", "/Subtype": "/Type1", "/BaseFont": "/Helvetica"}
    named = pypdf.generic.DictionaryObject(
        {
            pypdf.generic.NameObject(key): pypdf.generic.NameObject(value)
            for key, value in font.items()
        }
    )
    fonts = pypdf.generic.DictionaryObject({pypdf.generic.NameObject("/F1"): named})
    page[pypdf.generic.NameObject("/Resources")] = pypdf.generic.DictionaryObject(
        {pypdf.generic.NameObject("/Font"): fonts}
    )
    page[pypdf.generic.NameObject("/Contents")] = writer._add_object(stream)
    writer.add_metadata({"/Title": "Pumps"})
    writer.write(tmp_path / "pump.pdf")
    corpus = read_passages(tmp_path / "pump.pdf").corpus
    assert corpus["doc_id", "text", "title"].rows() == [
        ("pump.pdf#1", "Pumps A pump lifts water.", "Pumps")
    ]
    folder(tmp_path, {"broken.pdf": "%PDF-1.7 no more", "nothing.pdf": ""})
    account = write_passages(tmp_path, tmp_path / "out")
    assert account.skipped.counts == {"PDF that cannot be read": 1, "empty": 1}


# ---- cutting -------------------------------------------------------------------------------------


def test_a_passage_is_of_whole_paragraphs_while_they_fit_and_of_one_section() -> None:
    parts: list[Part] = [
        Heading(1, "Pumps"), "a" * 30, "b" * 15, "c" * 30,
        Heading(3, "Deep"), "d" * 50,
        Heading(2, "Repairs"), "e" * 10, "***",
        Heading(1, "Pipes"), "f",
    ]  # fmt: skip
    made = [(each.title, each.text) for each in passages(parts, Cutting(50))]
    assert made == [
        ("Pumps", "a" * 30 + "\n" + "b" * 15),
        ("Pumps", "c" * 30),
        ("Pumps: Deep", "d" * 50),
        ("Pumps: Repairs", "e" * 10 + "\n***"),
        ("Pipes", "f"),
    ]


def test_what_is_too_long_is_cut_between_sentences_and_then_between_words() -> None:
    sentences = " ".join(f"This is sentence number {number}." for number in range(9))
    for text in (sentences, "word " * 60, "。".join(["漢字" * 10] * 9), "x" * 400):
        made = [each.text for each in passages([text], Cutting(80))]
        assert max(map(len, made)) <= 80 * 1.2
        assert "".join("".join(made).split()) == "".join(text.split()), "nothing is lost or twice"
    made = [each.text for each in passages([sentences], Cutting(80))]
    assert all(text.endswith(".") for text in made)


def test_a_short_rest_goes_with_the_passage_before_it() -> None:
    made = [each.text for each in passages(["a" * 50, "b" * 5], Cutting(50))]
    assert made == ["a" * 50 + "\n" + "b" * 5]


def test_a_text_without_an_end_is_read_in_bounded_parts() -> None:
    pieces = ["word " * 100_000] * 5
    lines = list(lines_of(pieces))
    assert max(map(len, lines)) <= LONGEST
    assert "".join(lines) == "".join(pieces)


def test_a_length_of_nothing_is_refused() -> None:
    with pytest.raises(InputError, match="passages of 3 characters"):
        Cutting(3)


# ---- folders and tables --------------------------------------------------------------------------


def test_a_folder_becomes_a_collection_whose_passages_know_their_document(tmp_path: Path) -> None:
    docs = folder(
        tmp_path / "docs",
        {
            "pump.md": "# Pumps\n\nA pump lifts water.\n\n## Repairs\n\nStop it first.",
            "deep/sing.txt": "How to sing\r\n\r\nBreathe.",
            "deep/u16.txt": "über".encode("utf-16"),
            "old.html": b'<meta charset="iso-8859-1"><p>caf\xe9 \x80',
        },
    )
    out = tmp_path / "out"
    account = write_passages(docs, out)
    rows = [json.loads(line) for line in (out / "corpus.jsonl").read_text("utf-8").splitlines()]
    assert rows[0] == {
        "_id": "deep/sing.txt#1",
        "title": "How to sing",
        "text": "Breathe.",
        "parent": "deep/sing.txt",
    }
    assert [(row["_id"], row["title"], row["text"]) for row in rows[1:]] == [
        ("deep/u16.txt#1", "", "über"),
        ("old.html#1", "", "café €"),
        ("pump.md#1", "Pumps", "A pump lifts water."),
        ("pump.md#2", "Pumps: Repairs", "Stop it first."),
    ]
    assert (account.documents, account.passages, len(account.skipped)) == (4, 5, 0)
    read, made = known_texts(out).corpus, read_passages(docs).corpus
    for name in ("doc_id", "text", "parent"):
        assert read[name].to_list() == made[name].to_list()


def test_what_is_passed_over_is_counted_by_its_reason(tmp_path: Path) -> None:
    docs = folder(
        tmp_path / "docs",
        {
            "a.txt": "text",
            "empty.txt": "",
            "blank.md": " \n\n",
            "latin.txt": b"caf\xe9",
            "binary.txt": b"a\0b",
            "picture.png": b"\x89PNG",
            ".git/config": "hidden",
            "cut.txt.gz": b"\x1f\x8b\x08\x00",
        },
    )
    (docs / "again").symlink_to(docs)
    (docs / "same.txt").symlink_to("a.txt")
    (docs / "dead.txt").symlink_to("nowhere")
    os.mkfifo(docs / "pipe.txt")
    account = write_passages(docs, tmp_path / "out")
    assert (account.documents, account.passages) == (1, 1)
    assert account.skipped.counts == {
        "a link to a folder, which is not followed": 1,
        "a link that leads nowhere": 1,
        "no file, but a pipe or a device": 1,
        "hidden": 1,
        "of a kind that is not read: .png": 1,
        "another name of a file that is read": 1,
        "no text: it holds null bytes": 1,
        "without text": 1,
        "the gzip file ends too early: it was cut off": 1,
        "empty": 1,
        "not UTF-8": 1,
    }
    assert "1 not UTF-8 (latin.txt): save them as UTF-8, or" in account.skipped.told()
    assert read_passages(docs, encoding="cp1252").corpus["doc_id"].to_list() == [
        "a.txt#1",
        "latin.txt#1",
    ]


def test_a_file_that_is_no_text_at_its_very_end_is_not_half_read(tmp_path: Path) -> None:
    docs = folder(tmp_path, {"a.txt": "fine", "long.txt": b"word " * 500_000 + b"\xff"})
    assert read_passages(docs).corpus["doc_id"].to_list() == ["a.txt#1"]


def test_tables_with_a_document_a_row_are_read_too(tmp_path: Path) -> None:
    rows = [
        {"id": "p", "title": "Pumps", "text": "A pump lifts water.\n\nHeads\n-----\nThey turn."},
        {"id": "q", "title": "", "text": "Pipes leak."},
    ]
    wanted = [("p#1", "A pump lifts water."), ("p#2", "They turn."), ("q#1", "Pipes leak.")]
    (tmp_path / "docs.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    pd.DataFrame(rows).to_csv(tmp_path / "docs.csv", index=False)
    for docs in (rows, pd.DataFrame(rows), tmp_path / "docs.jsonl", str(tmp_path / "docs.csv")):
        corpus = read_passages(docs).corpus
        assert [
            (name, text.rsplit("Pumps ")[-1].removeprefix("Pumps: Heads "))
            for name, text in corpus["doc_id", "text"].rows()
        ] == wanted
        assert corpus["parent"].to_list() == ["p", "p", "q"]


def test_nothing_to_read_is_an_error_that_says_what_was_there(tmp_path: Path) -> None:
    docs = folder(tmp_path / "docs", {"a.png": b"\x89", "b.txt": ""})
    with pytest.raises(DataError) as caught:
        write_passages(docs, tmp_path / "out")
    assert str(caught.value).startswith(
        "there is nothing to read in the folder: passed over were 1 of a kind that is not read: "
        ".png (a.png); 1 empty (b.txt)"
    )
    assert not (tmp_path / "out").exists()
    with pytest.raises(DataError, match="no such file or folder"):
        read_passages(tmp_path / "dosc")
    (tmp_path / "x.docx").write_bytes(b"PK")
    with pytest.raises(DataError, match=r"nothing to read in a file that ends in '\.docx'"):
        read_passages(tmp_path / "x.docx")
    (tmp_path / "ids.jsonl").write_text('{"_id": "a"}\n', "utf-8")
    (tmp_path / "faq.jsonl").write_text('{"question": "a", "answer": "b"}\n', "utf-8")
    for name, columns in (("ids", "'_id'"), ("faq", "'question', 'answer'")):
        with pytest.raises(DataError, match=f"no column of texts among {columns}"):
            read_passages(tmp_path / f"{name}.jsonl")
    with pytest.raises(InputError, match="there is no encoding 'klingon'"):
        read_passages(docs, encoding="klingon")
