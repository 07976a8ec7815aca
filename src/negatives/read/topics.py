"""Topics of TREC, CLEF and their kin: TSV, JSON lines, or markup.

In markup a topic is a `<top>`, a `<topic>` or, where there is neither, a `<query>`.

| what | where                                                                                    |
|------|------------------------------------------------------------------------------------------|
| id   | the attribute number, num, id, qid or topic_id; else <num>, <number>, <identifier>, <id>,|
|      | <qid> or <topic_id>                                                                      |
| text | <title>, <query>, <text>, <question>, <content>, <desc>, <description> or <summary>: the |
|      | first that is filled; else the topic's own text, where it has no parts. A part that comes|
|      | again with another text, as in a second language, is refused                             |

Tags may have the prefix of a namespace (`<t:topic>`), or be left open, as in the first TREC topics,
and labels such as `Number:` are no part of what follows them. Entities such as &amp; are the
character they stand for.
"""

from __future__ import annotations

import html
import re
from bisect import bisect_right
from itertools import accumulate
from pathlib import Path
from typing import Final

import polars as pl

from negatives.errors import DataError
from negatives.read.files import Lines, ending
from negatives.read.findings import MISSING, RAGGED, Fault, Findings, shown
from negatives.read.jsonl import PLACE
from negatives.read.texts import is_header, read_texts

NO_TAB: Final = Fault(
    RAGGED.key,
    "line has no tab",
    "lines have no tab",
    "write id, tab, text on each line",
)
UNCLOSED: Final = Fault(
    RAGGED.key,
    "topic is not closed",
    "topics are not closed",
    "end each topic with its closing tag",
)
SEVERAL_TEXTS: Final = Fault(
    "several-texts",
    "topic has several texts, and which of them asks is not known",
    "topics have several texts each, and which of them asks is not known",
    "leave one in each topic: that of the language of the documents, say",
)

_TOPICS: Final = ("top", "topic", "query")
_IDS: Final = ("number", "num", "identifier", "id", "qid", "topic_id")
_TEXTS: Final = ("title", "query", "text", "question", "content", "desc", "description", "summary")
_PARTS: Final = "|".join(sorted({*_IDS, *_TEXTS}, key=len, reverse=True))
_PART: Final = re.compile(
    rf"<(?:[a-z][a-z]-)?({_PARTS})\b[^>]*>(?:(.*?)</(?:[a-z][a-z]-)?\1\s*>|(.*?)(?=<[/a-z]|\Z))",
    re.DOTALL | re.IGNORECASE,
)
_PREFIX: Final = re.compile(
    rf"(</?)([a-z_][\w.-]*:)(?=(?:{'|'.join(_TOPICS)}|{_PARTS})[\s/>])", re.IGNORECASE
)
"""The prefix of a namespace of XML, in the tag of a topic or of a part of one."""
_ATTRIBUTE: Final = re.compile(
    r"""(?<![\w:.-])([\w:.-]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'<>=]+))"""
)
"""Any attribute, so that what looks like one in the value of another is not taken for it."""
_LABEL: Final = re.compile(r"^\s*(number|topic|description)\s*:", re.IGNORECASE)
_CDATA: Final = re.compile(r"<!\[CDATA\[(.*?)\]\]>", re.DOTALL)
_COMMENT: Final = re.compile(r"<!--.*?-->", re.DOTALL)
_TAG: Final = re.compile(r"</?[a-z][^<>]*>", re.IGNORECASE)
_ENTITY: Final = re.compile(r"&(?:#\d+|#x[0-9a-f]+|[a-z]\w*);", re.IGNORECASE)


def read_topics(path: Path, findings: Findings) -> pl.DataFrame:
    """query_id, text, row, file, line of a file of topics."""
    if ending(path) in (".jsonl", ".ndjson", ".json"):
        return read_texts(path, "query_id", findings)
    if not _first_line(path).lstrip().startswith("<"):
        return read_lines(path, "query_id", findings)
    return _read_markup(path, findings)


def read_lines(path: Path, key: str, findings: Findings) -> pl.DataFrame:
    """The texts of a CSV or TSV file, by its header; or of `id TAB text`, where it has none."""
    head = _first_line(path)
    if head.lstrip().startswith("<") and "\t" not in head:
        raise DataError(
            f"the file is markup, and begins with {shown(head.strip())}",
            where=str(path),
            fix="write documents as JSON lines with docid and text, or as id, tab, text",
        )
    if ending(path) == ".csv":
        return read_texts(path, key, findings)
    if not is_header([name.strip() for name in head.split("\t")], key):
        return read_tsv(path, key, findings)
    if ending(path) == ".tsv":
        return read_texts(path, key, findings)
    raise DataError(
        f"the first line is a header: {shown(head.strip())}",
        where=f"{path}, line 1",
        fix="end the name of the file in .tsv, or take the header out",
    )


def _first_line(path: Path) -> str:
    return next((line for line in Lines(path, Findings(set_aside=True)) if line.strip()), "")


def read_tsv(path: Path, key: str, findings: Findings) -> pl.DataFrame:
    """`key`, text, row, file, line of a file of `id TAB text`; further tabs belong to the text."""
    file = findings.file(path)
    lines = Lines(path, findings)
    kept = []
    row = 0
    for line in lines:
        if not line.strip():
            continue
        name, tab, text = line.rstrip("\r\n").partition("\t")
        if not tab:
            reason = f"expected id, tab, text: {shown(line.strip())}"
            findings.add(NO_TAB, file, lines.number, reason, line)
        elif not name:
            findings.add(MISSING, file, lines.number, "the id is empty", line)
        else:
            kept.append((name, text, row, file, lines.number))
        row += 1
    findings.done()
    return _table(kept, key)


def _table(rows: list[tuple[str, str, int, int, int]], key: str) -> pl.DataFrame:
    frame = pl.DataFrame(rows, schema={key: pl.String, "text": pl.String} | PLACE, orient="row")
    return frame.with_columns(pl.col("text").str.strip_chars())


def _read_markup(path: Path, findings: Findings) -> pl.DataFrame:
    file = findings.file(path)
    lines = Lines(path, findings)
    numbered = [(lines.number, line) for line in lines]
    starts = [0, *accumulate(len(line) for _, line in numbered)]
    text = "".join(line for _, line in numbered)
    text = _COMMENT.sub(lambda found: " " * len(found[0]), text)
    text = _PREFIX.sub(lambda found: " " * len(found[2]) + found[1], text)  # all stays in its line
    kept = []
    tag, topics = _topics(text)
    if not topics:
        raise DataError(
            "the file has markup, and no topic in it",
            where=str(path),
            fix="a topic is a <top>, <topic> or <query>; or write id, tab, text on each line",
        )
    for row, (start, opening, inside, closed) in enumerate(topics):
        line = numbered[bisect_right(starts, start) - 1][0]
        name, asked, missing, several = _topic(opening, inside)
        if not closed:
            findings.add(UNCLOSED, file, line, f"the topic has no </{tag}>", opening + inside)
        elif missing or several:
            fault = MISSING if missing else SEVERAL_TEXTS
            findings.add(fault, file, line, missing or several, opening + inside)
        else:
            kept.append((name, asked, row, file, line))
    findings.done()
    return _table(kept, "query_id")


def _topics(text: str) -> tuple[str, list[tuple[int, str, str, bool]]]:
    """The tag of topics; of each topic where it starts, its opening tag, its inside, if closed."""
    for tag in _TOPICS:
        pattern = rf"(<{tag}(?:\s[^>]*)?>)(.*?)(</{tag}\s*>|(?=<{tag}[\s>])|\Z)"
        found = re.finditer(pattern, text, re.DOTALL | re.IGNORECASE)
        topics = [(each.start(), each[1], each[2], each[3] != "") for each in found]
        if topics:
            return tag, topics
    return "", []


def _topic(opening: str, inside: str) -> tuple[str, str, str, str]:
    """Id and text of one topic, what it lacks, and what it has several of."""
    every: dict[str, list[str]] = {}
    for tag, closed, left_open in _PART.findall(inside):
        said = _plain(_LABEL.sub("", closed or left_open))
        if said or tag.lower() not in every:
            every.setdefault(tag.lower(), []).append(said)
    parts = {tag: next(filter(None, said), "") for tag, said in every.items()}
    attributes = {
        name.lower(): _plain("".join(values)) for name, *values in _ATTRIBUTE.findall(opening)
    }
    ids = [attributes.get(name) for name in ("number", "num", "id", "qid", "topic_id")]
    name = next(filter(None, [*ids, *(parts.get(tag) for tag in _IDS)]), "")
    if not name:
        return "", "", "the topic has no number: <num>, <number>, or an attribute number", ""
    texts = [parts[tag] for tag in _TEXTS if tag in parts]
    if not texts and not _TAG.search(_CDATA.sub("", inside)):
        texts = [_plain(inside)]
    if not texts:
        return name, "", f"the topic has no text: none of <{'>, <'.join(_TEXTS)}>", ""
    asked = next((tag for tag in _TEXTS if parts.get(tag)), "")
    different = {*filter(None, every.get(asked, []))}
    if len(different) > 1:
        return name, "", "", f"topic {name!r} has {len(different)} different <{asked}>"
    return name, parts.get(asked, texts[0]), "", ""


def _plain(markup: str) -> str:
    """Text without tags, its entities decoded, its white space single."""
    pieces = _CDATA.split(markup)  # every second piece is the content of a CDATA, taken as it is
    pieces[::2] = [
        _ENTITY.sub(lambda found: html.unescape(found[0]), _TAG.sub(" ", piece))
        for piece in pieces[::2]
    ]
    return " ".join("".join(pieces).split())
