"""Collections of ids: interactions, folders without texts, files of ids; and fields beside ids."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from negatives.errors import DataError
from negatives.read import convert, describe, load, validate
from tests.cli.commands import negatives
from tests.each import for_each

LASTFM = "user_id\titem_id\tweight\n7\t3\t12\n7\t1\t4\n8\t1\t1\n7\t3\t2\n"


def written(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def folder(path: Path, corpus: list[Any], queries: list[Any]) -> Path:
    for name, rows in (("corpus", corpus), ("queries", queries)):
        written(path / f"{name}.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    written(path / "qrels/train.tsv", "query-id\tcorpus-id\tscore\nq1\td1\t1\nq2\td2\t1\n")
    return path


def complaint(data: str | Path) -> str:
    with pytest.raises(DataError) as caught:
        load(data)
    return str(caught.value)


def test_interactions_are_a_collection_that_goes_by_id(tmp_path: Path) -> None:
    data = load(written(tmp_path / "plays.tsv", LASTFM))
    assert data.identity == "id"
    assert data.corpus.columns == ["doc_id", "row"]
    assert data.queries["query_id"].to_list() == ["7", "8"]
    assert data.qrels.rows() == [("7", "1", 1), ("7", "3", 1), ("8", "1", 1)]
    assert data.notes == (
        "column 'weight' is not used: every row counts as one positive",
        "1 judgement is repeated: it counts once",
        "1 user has every item, so that there is no negative: '7'",
    )


def test_every_type_of_file_says_the_same(tmp_path: Path) -> None:
    rows = {"user": ["a", "a", "b"], "item": ["x", "y", "z"]}
    frame = pl.DataFrame(rows)
    frame.write_csv(tmp_path / "plays.csv")
    frame.write_parquet(tmp_path / "plays.parquet")
    frame.write_ndjson(tmp_path / "plays.jsonl")
    made = [load(tmp_path / f"plays.{end}") for end in ("csv", "parquet", "jsonl")]
    for data in made:
        assert data.qrels.rows() == [("a", "x", 1), ("a", "y", 1), ("b", "z", 1)]
        assert data.notes == ()


def test_a_rating_is_the_relevance_and_a_dislike_is_a_judged_negative(tmp_path: Path) -> None:
    text = "user,item,rating,timestamp\na,x,5,100\na,y,0,101\nb,x,-1,102\nb,y,1,103\n"
    data = load(written(tmp_path / "rated.csv", text))
    assert data.qrels.rows() == [("a", "x", 5), ("a", "y", 0), ("b", "x", 0), ("b", "y", 1)]
    assert data.times.rows() == [
        ("a", "x", 100.0),
        ("a", "y", 101.0),
        ("b", "x", 102.0),
        ("b", "y", 103.0),
    ]
    assert "1 rating is below 0: a dislike, and so judged not relevant" in data.notes
    halves = written(tmp_path / "halves.csv", "user,item,rating\na,x,3.5\n")
    assert "rating is 3.5" in complaint(halves)


def test_splits_of_a_folder_share_their_items_and_other_files_are_left_aside(
    tmp_path: Path,
) -> None:
    written(tmp_path / "train.tsv", "user_id\titem_id\n1\t10\n2\t11\n")
    written(tmp_path / "test.tsv", "user_id\titem_id\n1\t12\n")
    written(tmp_path / "friends.tsv", "1\t2\r\n")
    train, test = load(tmp_path), load(f"{tmp_path}@test")
    assert train.corpus["doc_id"].to_list() == test.corpus["doc_id"].to_list() == ["10", "11", "12"]
    assert train.queries["query_id"].to_list() == ["1", "2"]
    assert test.queries["query_id"].to_list() == ["1"]
    assert train.notes == (
        "not read, for it is of no split: friends.tsv",
        "1 item has no interaction in train: nothing is learned of it",
    )


def test_times_are_of_one_unit_and_of_a_pair_the_first_counts(tmp_path: Path) -> None:
    head = "user,item,timestamp\n"
    timed = load(written(tmp_path / "a.csv", head + "u,x,1262304000\nv,y,1262304001\n"))
    assert timed.times.rows() == [("u", "x", 1262304000.0), ("v", "y", 1262304001.0)]
    assert describe(timed)["times"] == "2 of 2, 1262304000 to 1262304001"
    again = load(written(tmp_path / "b.csv", head + "u,x,30\nu,x,20\nv,y,2\n"))
    assert again.times.rows() == [("u", "x", 20.0), ("v", "y", 2.0)]
    dates = load(written(tmp_path / "c.csv", head + "u,x,1970-01-03\nv,y,1970-01-02T12:00:00\n"))
    assert dates.times["time"].to_list() == [2.0, 1.5]
    pl.DataFrame({"user": [1, 2], "item": [3, 4], "date": [None, None]}).with_columns(
        date=pl.Series([datetime(1970, 1, 2), datetime(1970, 1, 4)])
    ).write_parquet(tmp_path / "d.parquet")
    assert load(tmp_path / "d.parquet").times["time"].to_list() == [1.0, 3.0]
    for first, second, said in (
        ("1262304000", "1262304000000", "in seconds and in milliseconds"),
        ("1262304000", "2010-01-01", "in seconds and in dates"),
        ("0", "1262304000", "in small numbers and in seconds"),
    ):
        mixed = written(tmp_path / "mixed.csv", f"{head}u,x,{first}\nv,y,{second}\n")
        message = complaint(mixed)
        assert f"column 'timestamp' has times {said}: {first} in row" in message, message
    assert "'timestamp' is 'soon'" in complaint(written(tmp_path / "e.csv", head + "u,x,soon\n"))


def test_ids_that_a_table_wrote_as_floats_are_refused(tmp_path: Path) -> None:
    for text in ("user_id\titem_id\n12.0\t3\n7.0\t4\n", "user_id\titem_id\n1\t3.0\n2\t4.0\n"):
        assert "numbers with a fraction" in complaint(written(tmp_path / "floats.tsv", text))
    frame = pl.DataFrame({"user": [1.0, 2.0], "item": ["a", "b"]})
    frame.write_parquet(tmp_path / "floats.parquet")
    message = complaint(tmp_path / "floats.parquet")
    assert "column 'user' holds the ids of users as numbers with a fraction" in message
    assert "df['user'].astype('Int64') in pandas" in message


def test_three_columns_of_numbers_are_interactions_by_their_names(tmp_path: Path) -> None:
    rows = [
        (user, item, 1 + (user * item) % 3) for user in range(20) for item in range(user % 5 + 2)
    ]
    for name in ("train", "test"):
        lines = [f"{user}\t{item + 9 * (name == 'test')}\t{plays}\n" for user, item, plays in rows]
        written(tmp_path / f"{name}.tsv", "userID\tartistID\tweight\n" + "".join(lines))
    data = load(tmp_path)
    assert data.identity == "id"
    assert len(data.positives) == len(rows)
    assert len(data.queries) == 20


def test_a_row_without_an_id_is_a_bad_row(tmp_path: Path) -> None:
    path = written(tmp_path / "plays.tsv", "user_id\titem_id\n1\t\n\t2\n3\t4\n")
    found = validate(path)
    assert [problem["count"] for problem in found["problems"]] == [2]
    assert found["description"]["queries"] == 1


def test_other_files_of_ids_are_read_as_such_when_they_are_told_to(tmp_path: Path) -> None:
    triples = written(tmp_path / "triples.tsv", "query_id\tpositive_id\tnegative_id\na\tx\ty\n")
    assert f"or, where nothing has texts, read it as ids: ids:{triples}" in complaint(triples)
    data = load(f"ids:{triples}")
    assert data.qrels.rows() == [("a", "x", 1)]
    assert data.given.rows() == [("a", "y")]
    qrels = written(tmp_path / "qrels.txt", "a 0 x 2\na 0 y 0\n")
    assert load(f"ids:{qrels}").qrels.rows() == [("a", "x", 2), ("a", "y", 0)]
    worded = written(tmp_path / "pairs.tsv", "query\tpositive\nhow so\tbecause of it\n")
    assert "the file holds texts, and was to be read as ids" in complaint(f"ids:{worded}")
    assert "ids: goes before a BEIR folder, or a file or a folder of ids" in complaint(
        "ids:ir_datasets:cranfield"
    )


def test_a_folder_of_rows_without_texts_goes_by_id(tmp_path: Path) -> None:
    bare = folder(tmp_path / "a", [{"_id": "d1"}, {"_id": "d2"}], [{"_id": "q1"}, {"_id": "q2"}])
    data = load(bare)
    assert (data.identity, data.corpus.columns) == ("id", ["doc_id", "row"])
    assert data.notes == ()
    named = [{"_id": "d1", "name": "one"}, {"_id": "d2", "name": "two"}]
    unsure = folder(tmp_path / "b", named, [{"_id": "q1"}, {"_id": "q2"}])
    assert "'text' is missing" in complaint(unsure)
    assert load(f"ids:{unsure}").identity == "id"
    late = [{"_id": "d1"}, {"_id": "d2", "text": "late"}]
    mixed = folder(tmp_path / "c", late, [{"_id": "q1"}, {"_id": "q2"}])
    assert "'text' is missing" in complaint(mixed)
    late[1:1] = [{"_id": f"more-{n}"} for n in range(5000)]
    mixed = folder(tmp_path / "d", late, [{"_id": "q1"}, {"_id": "q2"}])
    assert "line 5002: a text is here, and none in the first lines" in complaint(mixed)


def test_only_judgements_are_enough_where_ids_are_meant(tmp_path: Path) -> None:
    judged = folder(tmp_path / "a", [], [])
    for name in ("corpus", "queries"):
        (judged / f"{name}.jsonl").unlink()
    assert "the folder has no corpus.jsonl" in complaint(judged)
    assert load(f"ids:{judged}").corpus["doc_id"].to_list() == ["d1", "d2"]


def test_texts_may_be_there_and_ids_count_all_the_same(tmp_path: Path) -> None:
    rows = [{"_id": "d1", "text": "same"}, {"_id": "d2", "text": "same"}]
    path = folder(tmp_path, rows, [{"_id": "q1", "text": "a"}, {"_id": "q2", "text": "b"}])
    assert load(path).identity == "text"
    assert load(f"ids:{path}").identity == "id"
    assert load(f"ids:{path}").doc_texts(load(path).positives["doc"].to_numpy()) == ["same", "same"]


CORPUS = [
    {"_id": "d1", "time": "2019", "type": "case", "image": "a.png"},
    {"_id": "d2", "metadata": {"date": "2020-05-03T10:00:00+02:00", "parent": 7, "by": "x"}},
    {"_id": "d3", "time": "2021-02-01 08:30", "weight": 2},
]


def test_fields_have_names_and_types(tmp_path: Path) -> None:
    data = load(folder(tmp_path, CORPUS, [{"_id": "q1", "time": 5}, {"_id": "q2"}]))
    corpus, queries = data.corpus, data.queries
    assert corpus["time"].to_list() == [
        datetime(2019, 1, 1),
        datetime(2020, 5, 3, 8),
        datetime(2021, 2, 1, 8, 30),
    ]
    assert corpus["type"].to_list() == ["case", None, None]
    assert corpus["parent"].to_list() == [None, "7", None]
    assert corpus["weight"].to_list() == [None, None, 2.0]
    assert corpus["image"].to_list() == ["a.png", "", ""]
    assert queries["time"].to_list() == [5.0, None]
    assert "by" not in corpus.columns
    assert describe(data)["corpus_fields"]["image"] == "1 of 3"
    again = load(convert(data, tmp_path / "out"))
    assert again.corpus.select(sorted(corpus.columns)).equals(corpus.select(sorted(corpus.columns)))


def test_a_field_of_several_sorts_is_not_read_and_that_is_said(tmp_path: Path) -> None:
    mixed = [{"_id": "d1", "type": 1, "time": "soon"}, {"_id": "d2", "type": "x", "time": "2019"}]
    data = load(folder(tmp_path, mixed, [{"_id": "q1"}, {"_id": "q2"}]))
    assert data.corpus.columns == ["doc_id", "row"]
    assert data.notes == (
        "field 'time' is not read: 'soon' is no time such as 2019-05-03",
        "field 'type' is not read: it holds 1 and \"x\"",
    )


def test_commands_say_what_is_there_and_what_is_missing(tmp_path: Path) -> None:
    written(tmp_path / "plays.tsv", LASTFM)
    said = negatives("data", "validate", "plays.tsv", cwd=tmp_path)
    assert said.returncode == 0
    assert "identity                  id\n" in said.stdout
    said = negatives("mine", "plays.tsv", "--out", "run", cwd=tmp_path)
    assert said.returncode == 2
    assert said.stderr == (
        "error: bm25 needs the text of the documents, and these have nothing but their ids\n"
        "  where: find bm25, collection 'plays'\n"
        "  fix:   leave bm25 out; co-occurrence, popularity and random need ids alone: "
        "--recipe ids\n"
    )
    assert not (tmp_path / "run").exists()
    rows = [{"_id": "d1", "image": "a.png"}, {"_id": "d2", "image": "b.png"}]
    folder(tmp_path / "pictures", rows, [{"_id": "q1", "text": "a"}, {"_id": "q2", "text": "b"}])
    said = negatives("mine", "pictures", "--out", "run", "--recipe", "nv-retriever", cwd=tmp_path)
    assert said.returncode == 2
    assert said.stderr.startswith(
        "error: dense needs the text of the documents, and these have only the paths of images\n"
    )
    assert "encode them yourself, and give the vectors with encoder = " in said.stderr


def test_edge_lists_are_two_columns_of_ids(tmp_path: Path) -> None:
    for name, text in (
        ("a.tsv", "1\t2\n1\t3\n2\t3\n"),
        ("b.csv", "source,target\n1,2\n1,3\n2,3\n"),
        ("c.txt", "# a comment\n1 2\n1 3\n2 3\n"),
        ("d.tsv", "src\tdst\n1\t2\n\n1\t3\n2\t3\n2\t3\n"),
    ):
        data = load(f"ids:{written(tmp_path / name, text)}")
        assert data.qrels.rows() == [("1", "2", 1), ("1", "3", 1), ("2", "3", 1)], name
        assert data.corpus["doc_id"].to_list() == ["2", "3"]
    assert "1 judgement is repeated: it counts once" in data.notes
    loops = load(f"ids:{written(tmp_path / 'e.tsv', '1 1' + chr(10) + '1 2' + chr(10))}")
    assert "1 edge leads from an id to itself" in loops.notes
    for text, said in (
        ("1.0,2\n1.0,3\n2.5,3\n", "line 1: 1.0,2"),
        ("1,2\n" * 60 + "1,2,3\n", "line 61: expected 2 ids, found 3"),
    ):
        assert said in complaint(f"ids:{written(tmp_path / 'f.csv', text)}"), text


def test_items_have_names_where_a_file_beside_them_has(tmp_path: Path) -> None:
    plays = written(tmp_path / "plays.tsv", "user_id\titem_id\n1\ta\n1\tb\n2\ta\n2\tc\n")
    for name, text in (
        ("movies.csv", "item_id,title,genre\na,Alien,horror\nb,Brazil,\n"),
        ("names.jsonl", '{"id": "a", "name": "Alien"}\n{"id": "b", "name": "Brazil"}\n'),
        ("long.tsv", "id\ttitle\ttext\na\tAlien\tin space\nb\tBrazil\tforms\n"),
    ):
        data = load(plays, corpus=written(tmp_path / name, text))
        assert data.identity == "id"
        assert data.corpus["title"].to_list() == ["Alien", "Brazil", None], name
        assert data.notes == ("1 item has no name: its id is shown",)
        assert load(data.origin, **data.read_with).corpus.equals(data.corpus)
    (tmp_path / "folder").mkdir()
    for name in ("plays.tsv", "movies.csv"):
        (tmp_path / name).rename(tmp_path / "folder" / name)
    assert load(tmp_path / "folder").corpus["title"].to_list() == ["Alien", "Brazil", None]
    with pytest.raises(DataError, match="none of the 3 items is named, such as 'a'"):
        load(tmp_path / "folder/plays.tsv", corpus=written(tmp_path / "x.csv", "id,title\n9,No\n"))


@for_each("ending", [".csv", ".tsv", ".jsonl", ".json", ".parquet"])
def test_times_are_read_alike_in_every_format(ending: str, tmp_path: Path) -> None:
    rows = pl.DataFrame(
        {"user_id": ["u", "v"], "item_id": ["x", "y"], "rating": [1, 0], "timestamp": [7, 9]}
    )
    path = tmp_path / f"plays{ending}"
    if ending == ".parquet":
        rows.write_parquet(path)
    elif ending in (".csv", ".tsv"):
        rows.write_csv(path, separator="\t" if ending == ".tsv" else ",")
    else:
        objects = [json.dumps(row) for row in rows.to_dicts()]
        path.write_text("\n".join(objects) if ending == ".jsonl" else f"[{','.join(objects)}]")
    assert load(path).times is not None
    assert load(path).times.rows() == [("u", "x", 7.0), ("v", "y", 9.0)]


def test_a_file_of_interactions_with_a_header_alone_holds_no_rows(tmp_path: Path) -> None:
    for columns in ("user_id,item_id", "user_id,item_id,rating", "user_id,item_id,timestamp"):
        told = complaint(written(tmp_path / "plays.csv", columns + "\n"))
        assert told.startswith("the file holds no rows"), told


def test_a_query_whose_positives_are_all_documents_is_told_in_words_of_its_data(
    tmp_path: Path,
) -> None:
    pairs = "ann\tx\nann\ty\nbob\tx\n"
    every = "".join(f"{head}\tlikes\t{tail}\n" for head in "ab" for tail in "ab")
    written(tmp_path / "tags/labels.jsonl", '{"_id": "x", "text": "x"}\n{"_id": "y", "text": "y"}')
    text = '{"_id": "ann", "text": "of all", "labels": ["x", "y"]}'
    for data, said in (
        (written(tmp_path / "plays.tsv", f"user\titem\n{pairs}"),
         "1 user has every item, so that there is no negative: 'ann'"),
        (f"ids:{written(tmp_path / 'edges.tsv', f'source{chr(9)}target{chr(10)}{pairs}')}",
         "1 source is joined to every target, so that there is no negative: 'ann'"),
        (written(tmp_path / "graph.tsv", f"head\trelation\ttail\n{every}"),
         "4 questions have every entity for an answer, so that there is no negative: '?|likes|a', "
         "'?|likes|b', 'a|likes|?', ..."),
        (written(tmp_path / "tags/train.jsonl", text).parent,
         "1 text has every label, so that there is no negative: 'ann'"),
        (f"reverse:{tmp_path / 'plays.tsv'}",
         "1 query has every document for a positive, so that there is no negative: 'x'"),
    ):  # fmt: skip
        assert said in load(data).notes, data


def test_how_the_splits_of_interactions_and_edges_stand_to_each_other_is_told(
    tmp_path: Path,
) -> None:
    for name, header, asks, pair in (
        ("plays", "user\titem\n", "user", "interaction"),
        ("edges", "source\ttarget\n", "source", "edge"),
    ):
        folder = tmp_path / name
        written(folder / "train.tsv", f"{header}1\t1\n1\t2\n2\t1\n3\t2\n3\t3\n")
        written(folder / "test.tsv", f"{header}1\t1\n1\t3\n4\t2\n")
        leak = f"leak: 1 of 3 {pair}s of test is in train too"
        new = (
            f"1 {asks} is of test and in no {pair} of train (4): a model of ids knows nothing of it"
        )
        for split in ("train", "test"):
            assert {leak, new} <= {*load(f"ids:{folder}@{split}").notes}, (name, split)
        written(folder / "test.tsv", f"{header}1\t3\n")
        assert not any("of test" in note for note in load(f"ids:{folder}").notes)
    for name, header in (("edges", "source\ttarget\n"), ("plays", "user\titem\n")):
        written(tmp_path / name / "test.tsv", f"{header}1\t1\n2\t3\n1\t2\n")
        turned = [note for note in load(f"ids:{tmp_path / name}").notes if "other way" in note]
        told = "1 of 3 edges of test stands in train the other way round: a leak, unless an edge "
        assert turned == [f"{told}has a direction"] * (name == "edges"), name
    tables = {
        name: pl.DataFrame({"user": ["u", "u"], "item": items, "rating": [0.5, 4.5]})
        for name, items in (("train", ["a", "b"]), ("test", ["c", "b"]))
    }
    data = load(tables, relevant_from=4.0)
    assert data.corpus["doc_id"].to_list() == ["a", "b", "c"]
    assert "leak: 1 of 1 interaction of test is in train too" in data.notes


def test_what_is_odd_is_told_where_items_have_names(tmp_path: Path) -> None:
    written(tmp_path / "train.tsv", "user_id\titem_id\n1\ta\n1\tb\n")
    written(tmp_path / "movies.csv", "item_id,title\na,Alien\n")
    assert load(tmp_path).notes == (
        "1 user has every item, so that there is no negative: '1'",
        "1 item has no name: its id is shown",
    )


def test_a_scale_of_ratings_that_all_count_as_positives_is_told(tmp_path: Path) -> None:
    def notes(ratings: str, column: str = "rating", **settings: Any) -> tuple[str, ...]:
        rows = "".join(f"u\t{item}\t{rating}\n" for item, rating in enumerate(ratings))
        path = written(tmp_path / "ratings.tsv", f"user\titem\t{column}\n{rows}")
        return tuple(each for each in load(path, **settings).notes if column in each)

    said = (
        "column 'rating' goes up to 5, and all above 0 count as positives: --relevant-from says "
        "from where on, such as --relevant-from 3"
    )
    assert notes("135") == notes("0135") == (said,)
    assert notes("0135", "Rating") == (said.replace("rating", "Rating"),)
    assert notes("135", relevant_from=4) == notes("012") == notes("0123", "relevance") == ()


def test_a_column_that_was_said_to_be_a_side_is_that_side(tmp_path: Path) -> None:
    rows = "u1\ti1\tgood phone\tits screen is bright\t5\nu2\ti1\tbad one\tit dies soon\t6\n"
    path = written(tmp_path / "r.tsv", f"user_id\titem_id\ttitle\ttext\tvisit_id\n{rows}")
    texts = load(path, query_column="title", positive_column="text")
    assert texts.queries["text"].to_list() == ["good phone", "bad one"]
    visits = load(path, query_column="visit_id")
    assert visits.qrels.rows() == [("5", "i1", 1), ("6", "i1", 1)]
    assert visits.notes[0] == (
        "columns 'user_id', 'title', 'text' are not used: every row counts as one positive"
    )


def test_who_it_was_may_be_a_session(tmp_path: Path) -> None:
    rows = "s1\ti1\t5\ns1\ti2\t6\n"
    found = load(written(tmp_path / "s.tsv", f"session_id\titem_id\ttimestamp\n{rows}"))
    assert found.times.rows() == [("s1", "i1", 5.0), ("s1", "i2", 6.0)]
    both = written(tmp_path / "b.tsv", "session_id\titem_id\tuser_id\ns1\ti1\tann\n")
    assert load(both).qrels.rows() == [("ann", "i1", 1)]


def test_ids_under_other_names_have_times_too_and_what_is_not_used_is_told(tmp_path: Path) -> None:
    rows = "s1\t7\t5\t1\ns1\t8\t6\t1\n"
    path = written(tmp_path / "w.tsv", f"who_id\tthing_id\ttimestamp\tdwell\n{rows}")
    found = load(f"ids:{path}", query_column="who_id", positive_column="thing_id")
    assert found.times.rows() == [("s1", "7", 5.0), ("s1", "8", 6.0)]
    assert found.notes == ("column 'dwell' is not used",)


def test_a_first_line_that_may_name_the_columns_of_edges_is_not_guessed_at(tmp_path: Path) -> None:
    data = load(f"ids:{written(tmp_path / 'a.csv', f'source,target{chr(10)}ann,bob{chr(10)}')}")
    assert data.qrels.rows() == [("ann", "bob", 1)]
    for name, text, said in (
        ("b.csv", "follower,followed\n1,2\n1,3\n", "names the columns: ['follower', 'followed']"),
        ("c.txt", "ann bob\nbob cy\n", "names the columns: ['ann', 'bob']"),
        ("d.txt", "1 2 0.5\n1 3 0.7\n", "two columns of ids, and this has 3: ['1', '2'"),
    ):
        assert said in complaint(f"ids:{written(tmp_path / name, text)}"), name
