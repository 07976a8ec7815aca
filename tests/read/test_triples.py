"""Knowledge graphs: triples in files, frames and PyKEEN's folders, and what is odd about them."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import polars as pl
import pytest

from negatives.errors import DataError
from negatives.read import convert, load, splits

TRAIN = "h\tr\tt\nann\tknows\tbob\nann\tknows\tcy\nbob\tlives in\trome\ncy\tlives in\trome\n"


def written(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def graph(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        written(folder / f"{name}.tsv", text)
    return folder


def complaint(data: str | Path) -> str:
    with pytest.raises(DataError) as caught:
        load(data)
    return str(caught.value)


def test_a_triple_asks_for_its_tail_and_for_its_head(tmp_path: Path) -> None:
    data = load(written(tmp_path / "people.tsv", TRAIN))
    assert data.identity == "id"
    assert data.corpus["doc_id"].to_list() == ["ann", "bob", "cy", "rome"]
    assert data.qrels.rows() == [
        ("?|knows|bob", "ann", 1),
        ("?|knows|cy", "ann", 1),
        ("?|lives in|rome", "bob", 1),
        ("?|lives in|rome", "cy", 1),
        ("ann|knows|?", "bob", 1),
        ("ann|knows|?", "cy", 1),
        ("bob|lives in|?", "rome", 1),
        ("cy|lives in|?", "rome", 1),
    ]
    asked = data.queries.filter(pl.col("query_id") == "ann|knows|?")
    assert asked.select("entity", "relation", "asks").row(0) == ("ann", "knows", "tail")
    assert "text" not in data.queries.columns  # the ids say it all


def test_a_folder_of_splits_shares_its_entities_and_its_questions(tmp_path: Path) -> None:
    folder = graph(
        tmp_path / "g",
        train=TRAIN,
        test="h\tr\tt\nann\tknows\tdan\n",
        test_negatives="h\tr\tt\nann\tknows\trome\n",
    )
    assert splits(folder) == ["test", "train"]
    train, test = load(folder), load(f"{folder}@test")
    assert train.corpus["doc_id"].equals(test.corpus["doc_id"])
    assert ("ann|knows|?", "rome", 0) in test.qrels.rows()  # verified to be false
    assert ("ann|knows|?", "dan", 1) not in train.qrels.rows()  # nothing drawn may know it
    assert (
        "1 entity is of test and in no triple of train (dan): a model of ids knows nothing of it"
        in (train.notes)
    )


def test_triples_are_told_by_their_look_only_where_they_repeat_relations(tmp_path: Path) -> None:
    rows = "".join(f"e{n}\tlikes\te{n + 1}\n" for n in range(9))
    bare = graph(tmp_path / "bare", train=rows, valid=rows, test=rows)
    assert len(load(bare).qrels) == 18
    ratings = "".join(f"u{n}\ti{n % 3}\t{n % 5}\n" for n in range(9))
    assert "no header" in complaint(graph(tmp_path / "rated", train=ratings, test=ratings))
    texts = "".join(f"what is {n}\tit is {n}\tno, it is not {n}\n" for n in range(9))
    read = load(graph(tmp_path / "texts", train=texts, test=texts))
    assert read.identity == "text"


def test_every_form_of_the_same_triples_is_the_same_collection(tmp_path: Path) -> None:
    rows = [line.split("\t") for line in TRAIN.splitlines()[1:]]
    frame = pl.DataFrame(rows, schema=["subject", "predicate", "object"], orient="row")
    frame.write_parquet(tmp_path / "g.parquet")
    frame.write_ndjson(tmp_path / "g.jsonl")
    frame.write_csv(tmp_path / "g.csv")
    with gzip.open(tmp_path / "g.tsv.gz", "wt") as file:
        file.write(TRAIN)
    expected = load(written(tmp_path / "plain" / "g.tsv", TRAIN)).qrels
    for data in ("g.parquet", "g.jsonl", "g.csv", "g.tsv.gz"):
        assert load(tmp_path / data).qrels.equals(expected), data
    assert load(frame).qrels.equals(expected)
    assert load({"train": frame, "test": frame}, split="test").qrels.equals(expected)


def test_what_pykeen_saved_is_read_by_its_labels(tmp_path: Path) -> None:
    folder = tmp_path / "saved" / "training"
    folder.mkdir(parents=True)
    files = {
        "numeric_triples": "head\trelation\ttail\n0\t0\t1\n",
        "entity_to_id": "id\tlabel\n0\tann\n1\tbob\n",
        "relation_to_id": "id\tlabel\n0\tknows\n",
    }
    for name, text in files.items():
        with gzip.open(folder / f"{name}.tsv.gz", "wt") as file:
            file.write(text)
    (folder / "base.pth").write_bytes(b"a pickle that nobody opens")
    for data in (tmp_path / "saved", folder):
        assert load(data).qrels.rows() == [("?|knows|bob", "ann", 1), ("ann|knows|?", "bob", 1)]


def test_names_make_texts_and_types_a_field(tmp_path: Path) -> None:
    folder = graph(tmp_path / "g", train=TRAIN)
    entities = [{"_id": "ann", "name": "Ann", "description": "A friend."}, {"_id": "zoe"}]
    written(folder / "entities.jsonl", "".join(json.dumps(row) + "\n" for row in entities))
    written(folder / "relations.jsonl", '{"_id": "knows", "text": "is a friend of"}\n')
    written(folder / "entity_types.jsonl", '{"_id": "ann", "types": ["human", "friend"]}\n')
    data = load(folder)
    docs = {row["doc_id"]: row for row in data.corpus.iter_rows(named=True)}
    assert docs["ann"]["text"] == "Ann A friend."
    assert docs["ann"]["type"] == "human|friend"
    assert docs["zoe"]["text"] == ""  # listed, and in no triple
    texts = dict(data.queries.select("query_id", "text").iter_rows())
    assert texts["ann|knows|?"] == "Ann is a friend of ?"
    assert texts["?|knows|bob"] == "? is a friend of bob"
    assert "3 entities are not in the file of entities (bob, cy, rome)" in data.notes
    again = load(convert(data, tmp_path / "beir"))
    assert again.queries.select("query_id", "asks", "entity", "relation").equals(
        data.queries.select("query_id", "asks", "entity", "relation")
    )


def test_oddities_are_told_in_words_of_the_graph(tmp_path: Path) -> None:
    folder = graph(
        tmp_path / "g",
        train=TRAIN + "ann\tknows\tbob\nbob\tis known by\tann\n",
        test="h\tr\tt\nbob\tknows\tann\nann\tknows\tcy\n",
        valid="h\tr\tt\n",
    )
    assert set(load(folder).notes) >= {
        "1 triple is repeated: it counts once",
        "1 relation is in one triple only (is known by): hardly to be learned",
        "leak: 1 of 2 triples of test are triples of train too",
        "split valid has no triples",
    }
    assert "the split 'valid' has no triples" in complaint(f"{folder}@valid")


def test_a_turned_triple_is_a_leak_where_its_relation_holds_both_ways(tmp_path: Path) -> None:
    def rows(relation: str, pairs: list[tuple[int, int]]) -> str:
        return "".join(f"e{head}\t{relation}\te{tail}\n" for head, tail in pairs)

    chain = [(n, n + 1) for n in range(10)]
    back = [(tail, head) for head, tail in chain]
    one_way = rows("above", [*chain, back[0]])  # (e1, above, e0) is an error, or another statement
    for train, test, leak, by in (
        (one_way, rows("above", back[1:3]), 0, ""),
        # Half of what holds both ways is in train: by train alone it would not seem to.
        (rows("married", chain), rows("married", back), 10, "married"),
        (rows("above", chain), rows("below", back), 10, "below"),
        (rows("self", [(n, n) for n in range(6)]), rows("self", [(7, 7)]), 0, ""),
        (rows("above", chain[:4]), rows("below", back[:4]), 0, ""),  # too few to tell
        (one_way + rows("married", chain), rows("married", back[:9]), 9, "married"),
    ):
        folder = graph(tmp_path / f"g{leak}{by}{len(train)}", train=f"h\tr\tt\n{train}",
                       test=f"h\tr\tt\n{test}")  # fmt: skip
        said = [note for note in load(folder).notes if "the other way round" in note]
        total = test.count("\n")
        assert said == [
            f"leak: {leak} of {total} triples of test stand in train the other way round, by "
            f"relations that hold both ways or by their inverse ({by}): a model knows them by "
            "heart, so that ranks of other relations say more"
        ] * bool(leak), (train, test)


def test_a_header_that_comes_again_is_no_triple_and_no_edge(tmp_path: Path) -> None:
    for name, head, row in (
        ("a.csv", "subject,predicate,object", "ann,knows,bob"),
        ("a.tsv", "head\trelation\ttail", "ann\tknows\tbob"),
        ("e.csv", "source,target", "ann,bob"),
        ("e.txt", "from to", "ann bob"),
    ):
        path = written(tmp_path / name, "\n".join([head, row, head, row, ""]))
        said = complaint(f"ids:{path}" if name[0] == "e" else path)
        assert "1 row is the header again" in said
        assert f"{name}, line 3" in said
    row = "ann\tknows\tbob\n"
    folder = graph(tmp_path / "g", train=row + row, test=row)
    assert len(load(folder).positives) == 2  # without a header the first line is a triple


def test_what_columns_of_words_may_be_besides_is_part_of_the_remedy(tmp_path: Path) -> None:
    for name, row, said in (
        ("e.tsv", "1 242", "ids:{} "),
        ("e.txt", "1 242\n1 243", "ids:{} "),
        ("e.csv", "source,target\n1,2", "ids:{} "),
        ("t.tsv", "0\t1\t2", "of triples of a graph: head, relation, tail "),
    ):
        path = written(tmp_path / name, f"{row}\n")
        assert said.format(path) in complaint(path).replace("\n", " ") + " ", name
        if said.startswith("ids:"):
            assert load(f"ids:{path}").identity == "id"


def test_what_is_false_by_one_split_and_true_by_another_is_told(tmp_path: Path) -> None:
    folder = graph(
        tmp_path / "g",
        train=TRAIN,
        test="h\tr\tt\nbob\tknows\tann\n",
        test_negatives="h\tr\tt\nann\tknows\tbob\nrome\tknows\tbob\n",
    )
    said = "1 of 2 triples that test says are false is true in train (['ann', 'knows', 'bob'])"
    assert said in load(f"{folder}@test").notes
    assert said not in load(folder).notes


def test_one_and_several_that_train_does_not_know_are_told_apart(tmp_path: Path) -> None:
    for rows, said in (
        ("ann\tknows\tnew\n", "1 entity is of test and in no triple of train (new): a model of ids "
         "knows nothing of it"),
        ("new\tknows\tother\n", "2 entities are of test and in no triple of train (new, other): a "
         "model of ids knows nothing of them"),
    ):  # fmt: skip
        assert said in load(graph(tmp_path / said[0], train=TRAIN, test="h\tr\tt\n" + rows)).notes


def test_what_is_no_triple_is_refused_with_its_place(tmp_path: Path) -> None:
    for text, said in (
        ("h\tr\tt\na\tb\n", "line 2: 2 columns, where the first line has 3"),
        ("h\tr\tt\na\t \tc\n", "1 triple lacks its head, its relation or its tail"),
        ("h\tr\tt\tlabel\na\tb\tc\tmaybe\n", "the label is 'maybe', and neither 1 nor 0 or -1"),
        ("h\tr\tt\tlabel\na\tb\tc\t1\na\tb\tc\t-1\n", "is false here, and true before"),
        ("h\tr\tt\na|b\tc\td\na\tb|c\td\n", "two questions would be called 'a|b|c|?'"),
        ("h\tr\tt\n", "there are no triples"),
    ):
        assert said in complaint(written(tmp_path / "g.tsv", text))
    pl.DataFrame({"h": [1.5], "r": ["b"], "t": [2.0]}).write_parquet(tmp_path / "g.parquet")
    assert "holds numbers that are no ids, such as 1.5" in complaint(tmp_path / "g.parquet")
    labelled = load(written(tmp_path / "l.tsv", "h\tr\tt\tlabel\na\tb\tc\t1\na\tb\td\t-1\n"))
    assert ("a|b|?", "d", 0) in labelled.qrels.rows()


def test_ids_that_a_table_wrote_as_floats_are_refused(tmp_path: Path) -> None:
    floats = written(tmp_path / "floats.csv", "head,relation,tail\n1.0,r,2.0\n2.0,r,3.0\n")
    message = complaint(floats)
    assert "every head is a number with a fraction, such as 1.0" in message
    assert "astype('Int64') in pandas" in message
    assert str(floats) in message
    pl.read_csv(floats).write_parquet(tmp_path / "floats.parquet")  # there 1.0 is surely 1
    assert load(tmp_path / "floats.parquet").corpus["doc_id"].to_list() == ["1", "2", "3"]
    literal = "head\trelation\ttail\nann\tweighs\t61.0\nbob\tknows\tann\n"
    assert "61.0" in load(written(tmp_path / "literal.tsv", literal)).corpus["doc_id"].to_list()
