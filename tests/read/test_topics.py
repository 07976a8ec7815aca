"""Topics: the forms that TREC, CLEF and their kin have written them in."""

from __future__ import annotations

from pathlib import Path

import pytest

from negatives.read import load
from negatives.read.findings import Findings
from negatives.read.topics import read_topics
from tests.each import for_each
from tests.read.test_trec import trec
from tests.read.tiny import complaint

CASES = Path(__file__).parent.parent / "cases" / "topics-xml"


def topics(folder: Path, text: str, name: str = "topics.xml") -> list[tuple[str, str]]:
    (folder / name).write_text(text, "utf-8")
    return read_topics(folder / name, Findings()).select("query_id", "text").rows()


@pytest.mark.parametrize(
    ("case", "texts"),
    [
        ("misinfo", ["why is the sea salty", "what makes bread rise"]),
        ("ct", ["why is the sea salty and the lakes", "what makes bread rise"]),
        ("classic", ["Salt & sea", "bread rising"]),
    ],
)
def test_the_published_forms_are_read(case: str, texts: list[str]) -> None:
    queries = load(CASES / case).queries
    assert queries.select("query_id", "text").rows() == list(
        zip(["101", "102"], texts, strict=True)
    )


@for_each(
    "text",
    [
        "<top>\n<head> Tipster Topic Description\n<num> Number: 051\n<dom> Domain: trade\n"
        "<title> Topic: Airbus Subsidies\n<desc> Description: x\n</top>",
        '<webtrack><topic number="051" type="faceted"><query>Airbus Subsidies</query>'
        '<description>x</description><subtopic number="1">y</subtopic></topic></webtrack>',
        "<?xml version='1.0'?><!-- <topic number='9'>no</topic> -->\n<topics>"
        "<topic type='x' number='051'><title><![CDATA[Airbus]]> <i>Subsidies</i></title></topic>"
        "</topics>",
        "<topics><topic lang='en'><identifier>051</identifier><title>Airbus Subsidies</title>"
        "<description>x</description></topic></topics>",
        "<TOP>\n<NUM>051</NUM>\n<EN-title> Airbus Subsidies </EN-title>\n</TOP>",
        "<parameters><query><number>051</number><text>Airbus Subsidies</text></query></parameters>",
        "<queries><query><id>051</id><title>Airbus\n   Subsidies</title></query></queries>",
        "<t:topics xmlns:t='http://x'>\n<t:topic number='051'><t:title>Airbus Subsidies</t:title>"
        "<t:desc>x</t:desc></t:topic></t:topics>",
        "<ns-1.a:topics>\n<ns-1.a:topic><ns-1.a:num>051</ns-1.a:num>\n<ns-1.a:query>Airbus "
        "Subsidies</ns-1.a:query></ns-1.a:topic>\n</ns-1.a:topics>",
        "<topic><num>051</num><title/><title> </title><desc>Airbus Subsidies</desc></topic>",
        "<queries><query><qid>051</qid><content>Airbus Subsidies</content><description>x"
        "</description></query></queries>",
        "<session><topic num='051'><title>Airbus Subsidies</title><desc>x</desc></topic></session>",
        "<TOPICS><TOPIC ID=051><TITLE>Airbus Subsidies</TITLE></TOPIC></TOPICS>",
        "<topics><topic topic_id='051'><title>Airbus Subsidies</title><title>Airbus Subsidies"
        "</title></topic></topics>",
    ],
)
def test_other_forms_are_read_alike(tmp_path: Path, text: str) -> None:
    assert topics(tmp_path, text) == [("051", "Airbus Subsidies")]


def test_several_topics_may_stand_on_one_line(tmp_path: Path) -> None:
    text = '<topics><topic number="1">a</topic><topic number="2">b</topic></topics>'
    assert topics(tmp_path, text) == [("1", "a"), ("2", "b")]


def test_entities_are_decoded_once_and_only_in_markup(tmp_path: Path) -> None:
    title = "R&amp;D &#233;t&eacute; &lt;b&gt; AT&T &amp;lt; &odd;"
    text = f"<top><num>1</num><title>{title}</title></top>"
    assert topics(tmp_path, text) == [("1", "R&D été <b> AT&T &lt; &odd;")]
    assert topics(tmp_path, "1\tR&amp;D\n", "topics.tsv") == [("1", "R&amp;D")]


def test_topics_may_be_json_lines(tmp_path: Path) -> None:
    noted = '<topics><topic qid="1" note="the number=3 case"><title>a</title></topic></topics>'
    assert topics(tmp_path, noted) == [("1", "a")]
    assert topics(tmp_path, '{"qid": 1, "text": "a"}\n', "topics.jsonl") == [("1", "a")]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("<topics>\n<topic><title>x</title></topic></topics>", "line 2: the topic has no number"),
        ('<topic number="1"><disease>x</disease></topic>', "line 1: the topic has no text"),
        ('\n<topic number="1">x\n<topic number="2">y</topic>', "line 2: the topic has no </topic>"),
        ("<html>not found</html>", "the file has markup, and no topic in it"),
    ],
)
def test_what_is_no_topic_is_told_with_its_line(tmp_path: Path, text: str, reason: str) -> None:
    assert reason in complaint(trec(tmp_path, **{"topics.txt": text}))


def test_of_several_texts_of_a_topic_none_is_taken_for_the_query(tmp_path: Path) -> None:
    for part in ("title", "query", "description"):
        several = f"<{part} lang='de'>Salz</{part}><{part} lang='en'>Salt</{part}>"
        text = f"<topics>\n<topic number='101'>{several}</topic></topics>"
        said = complaint(trec(tmp_path, **{"topics.txt": text}))
        assert said.startswith("1 topic has several texts, and which of them asks is not known")
        assert f"line 2: topic '101' has 2 different <{part}>" in said
        assert "leave one in each topic" in said


def test_what_is_to_be_done_fits_files_without_quotation_marks(tmp_path: Path) -> None:
    ragged = "1 row has the wrong number of columns"
    for name, text, what, fix in (
        ("topics.txt", "101:salt\n", "1 line has no tab", "write id, tab, text on each line"),
        ("topics.txt", "<topic number='1'>a", "1 topic is not closed", "its closing tag"),
        ("qrels.txt", "1 d1 1\n", ragged, "write 4 columns on each line, apart by spaces"),
    ):
        said = complaint(trec(tmp_path, **{name: text}))
        assert what in said
        assert fix in said
        assert "quote" not in said
