"""The page of a review by raw HTTP: what it writes, what it refuses, what it never does."""

from __future__ import annotations

import http.client
import json
import shutil
import threading
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import negatives as neg
from negatives.run.asking import picks_of, questions
from negatives.run.reviews import REVIEWS, read_lines, read_reviews
from negatives.show.review.guideline import read_instructions
from tests import pictures
from tests.cli.commands import negatives
from tests.show.review.conftest import HARM, LOST
from tests.show.review.served import TOKEN, Client, name_in, served, until


def lines(run: neg.Run) -> list[dict[str, Any]]:
    return [json.loads(each) for each in (run.path / REVIEWS).read_text("utf-8").splitlines()]


def test_a_verdict_is_a_line_with_all_that_is_known_of_it(run: neg.Run) -> None:
    with served(run) as ann:
        ann.enter("Ann <b>")
        ann.judge("one", "partly", note="  a note\n")
        ann.judge("one", "not", order="random")
    first, second = lines(run)
    asked = questions(run)
    assert first["verdict"] == "partly"
    assert first["reviewer"] == "Ann <b>"
    assert first["note"] == "a note"
    assert first["time"].endswith("Z")
    assert (first["order"], second["order"]) == ("active", "random")
    assert first["picks"] == second["picks"] == picks_of(run)
    assert 0 < second["p"] < 1
    assert 0 <= second["position"] < 5
    drawn = asked.random.row(0, named=True)
    assert (second["query_id"], second["doc_id"]) == (drawn["query_id"], drawn["doc_id"])


def test_two_tabs_and_two_reviewers_are_never_asked_the_same_but_for_every_tenth(
    run: neg.Run,
) -> None:
    with served(run, twice=0.1) as ann:
        ann.enter("ann")
        bob = Client(ann.port)
        bob.enter("bob")
        shown = [ann.pair("one"), ann.pair("two"), bob.pair("one1"), bob.pair("two2")]
        assert len({*shown}) >= 3  # the first pair is one of those that two are asked about
        assert len({*shown[:2]}) == len({*shown[2:]}) == 2
        assert ann.pair("one") == shown[0]  # loading a page again changes nothing
        for _ in range(20):
            ann.judge("one", "not")
            bob.judge("one1", "relevant")
    found = read_lines(run.path)
    by_pair = found.group_by("query_id", "doc_id").len()["len"]
    assert len(found) == 40
    assert by_pair.max() == 2
    assert 2 <= (by_pair == 2).sum() <= 6


def test_undo_takes_back_and_shows_again_and_skip_asks_later(run: neg.Run) -> None:
    with served(run) as ann:
        ann.enter("ann")
        skipped = ann.pair("t")
        ann.post("/skip", pair=skipped, tab="t", order="active")
        first = ann.judge("t", "relevant")
        assert first != skipped
        ann.judge("t", "not")
        ann.post("/undo", tab="t", order="active")
        ann.post("/undo", tab="t", order="active")
        assert ann.pair("t") == first
        ann.post("/undo", tab="t", order="active")  # there is nothing left to take back
        assert ann.pair("t") == first
    assert [each["verdict"] for each in lines(run)] == [
        "relevant", "not", "retracted", "retracted",
    ]  # fmt: skip
    assert read_reviews(run.path).is_empty()


def test_the_bound_is_of_the_random_order_alone_and_a_verdict_sent_twice_counts_once(
    run: neg.Run,
) -> None:
    with served(run) as ann:
        ann.enter("ann")
        for _ in range(5):
            ann.judge("a", "relevant")
        assert "nothing is proved" in ann.ask("GET", "/headway?order=random")[2]
        for place in range(20):
            pair = ann.judge("r", "relevant" if place == 7 else "not", order="random")
        ann.post("/verdict", pair=pair, tab="r", order="random", verdict="not")
        page = ann.ask("GET", "/headway?order=random")[2]
    assert "After 20 in random order: at most 21.6% of the negatives are false, with 95%" in page
    assert "(1 found relevant)" in page
    assert len(lines(run)) == 25
    review = neg.audit(run).certificate.estimates["review"]
    assert review.value == 1 / 20


def test_what_verdicts_win_is_said_while_they_come(run: neg.Run) -> None:
    with served(run) as ann:
        ann.enter("ann")
        until(lambda: "40 more verdicts make it possible" in ann.ask("GET", "/headway")[2])
        for _ in range(39):
            ann.judge("a", "not")
        until(lambda: "one more verdict makes it possible" in ann.ask("GET", "/headway")[2])
        ann.judge("a", "not")
        until(lambda: "At most 5.0% false can be promised now" in ann.ask("GET", "/headway")[2])
        assert "harder than by the labels alone" in ann.ask("GET", "/summary")[2]


def test_without_the_token_and_with_a_wrong_one_nobody_comes_in(run: neg.Run) -> None:
    with served(run) as nobody:
        for path in ("/", "/judge", "/summary", "/guideline", "/static/review.js", "/text"):
            status, _, page = nobody.ask("GET", path)
            assert status == 403, path
            assert "<" not in page
        for token in ("", "x", TOKEN[:-1], TOKEN + "x", "é"):
            status, headers, _ = nobody.ask("GET", f"/?token={token.encode().hex() or ''}x")
            assert status == 403
            assert "set-cookie" not in headers
        assert nobody.ask("GET", f"/?token={TOKEN}&token=x")[0] == 403
        assert nobody.post("/verdict", token=TOKEN)[0] == 403
        status, headers, _ = nobody.ask("GET", f"/judge?token={TOKEN}&order=random")
        assert status == 303
        assert headers["location"] == "/judge?order=random"
        assert "HttpOnly; SameSite=Strict" in headers["set-cookie"]
        assert TOKEN not in headers["set-cookie"]
        # However it is written, nobody is sent to another host.
        for path in ("//evil.example/", "/\\evil.example/", "///evil.example"):
            _, headers, _ = nobody.ask("GET", f"{path}?token={TOKEN}")
            assert headers["location"].startswith("/")
            assert not headers["location"].startswith("//")


def test_a_foreign_host_or_page_is_refused_and_nothing_is_written(run: neg.Run) -> None:
    with served(run) as ann:
        ann.enter("ann")
        here, pair = f"127.0.0.1:{ann.port}", ann.pair("t")
        for host in ("evil.example", f"evil.example:{ann.port}", "127.0.0.1", "", f"{here}.evil"):
            assert ann.ask("GET", "/judge?tab=t", Host=host)[0] in (400, 421), host
        assert ann.ask("GET", "/judge?tab=t", Host=f"LOCALHOST:{ann.port}")[0] == 200
        fields = f"pair={pair}&tab=t&order=active&verdict=not"
        foreign = (
            "http://evil.example",
            "null",
            f"https://{here}",
            f"http://{here}.evil",
            "http://",
        )
        for origin in foreign:
            assert ann.ask("POST", "/verdict", fields, Origin=origin)[0] == 403, origin
        assert ann.ask("POST", "/verdict", fields, Origin="")[0] == 403
        assert ann.ask("POST", "/verdict", fields, Origin="", Sec_Fetch_Site="cross-site")[0] == 403
        assert ann.ask("POST", "/verdict", fields, Content_Type="text/plain")[0] == 415
        assert ann.ask("POST", "/verdict", "note=" + "x" * 70_000)[0] == 413
        for method in ("PUT", "DELETE", "OPTIONS", "TRACE"):
            assert ann.ask(method, "/verdict")[0] == 405
        assert ann.ask("GET", "/verdict")[0] == 405
        for wrong in ("pair=0&verdict=not", f"pair={pair}&verdict=maybe", "", "&" * 100, "tab=%ff"):
            assert ann.ask("POST", "/verdict", wrong)[0] == 400, wrong
        assert not (run.path / REVIEWS).exists()
        assert (
            ann.ask("POST", "/verdict", fields, Origin="", Sec_Fetch_Site="same-origin")[0] == 303
        )
    assert len(lines(run)) == 1


def test_every_answer_says_that_no_other_page_may_use_it(run: neg.Run) -> None:
    with served(run) as ann:
        answers = [ann.ask("GET", "/")]
        ann.enter("ann")
        answers += [
            ann.ask("GET", path) for path in ("/judge?tab=t", "/static/review.js", "/nowhere")
        ]
        for _, headers, _ in answers:
            policy = headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["cache-control"] == "no-store"
            assert "server" not in headers
        page = answers[1][2]
        assert page.count("<script") == 1
        assert 'style="' not in page
        assert "onclick" not in page
        for path in ("/static/../server.py", "/static/%2e%2e/server.py", "/static/server.py"):
            assert ann.ask("GET", path)[0] == 404


def test_texts_that_mean_harm_are_shown_and_do_none(harmful: neg.Run) -> None:
    with served(harmful, order="random", twice=0) as ann:
        ann.enter("<script>x</script>")
        seen = ""
        for number in range(18):
            _, _, page = ann.ask("GET", f"/judge?tab=t{number}&order=random")
            assert len(page) < 100_000
            seen += page
            for forbidden in (
                "<script>",
                "<img",
                "<u>",
                "<i>",
                "\u202e",
                "\u2066",
                "\x1b",
                "\u2028",
            ):
                assert forbidden not in page
            if name := name_in(page):
                ann.post("/skip", pair=name, tab=f"t{number}", order="random")
        assert "&lt;script&gt;" in seen
        assert "{{ 7 * 7 }}" in seen
        assert "[U+202E]" in seen
        link = next(each for each in seen.split('href="') if "show more (1,99" in each)
        address = link.split('"')[0].replace("&amp;", "&")
        status, _, part = ann.ask("GET", address)
        assert status == 200
        assert len(part) < 50_000
        assert "Characters" in part
        for wrong in ("/text?pair=x", address.replace("side=doc", "side=x"), address + "&at=-1"):
            assert ann.ask("GET", wrong)[0] == 404
        assert ann.ask("GET", "/guideline")[2].count("<script") == 1
    assert len(HARM[3]) == 2_000_000


def test_two_servers_of_one_run_lose_nothing(run: neg.Run) -> None:
    other = neg.Run(run.path, collection=run.at_hand)
    with served(run, twice=0) as ann, served(other, twice=0) as bob:
        ann.enter("ann")
        bob.enter("bob")

        def work(client: Client, word: str) -> None:
            for _ in range(25):
                client.judge("t", word)

        threads = [
            threading.Thread(target=work, args=each) for each in ((ann, "not"), (bob, "partly"))
        ]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
    found = read_lines(run.path)
    assert found.group_by("reviewer").len()["len"].to_list() == [25, 25]


def test_a_place_that_is_taken_or_open_to_all_is_refused(run: neg.Run, tmp_path: Path) -> None:
    from negatives.show.review.serving import Address
    from tests.cli.commands import negatives

    with Address(port=0).bound() as taken:
        port = str(taken.getsockname()[1])
        found = negatives("review", run.path, "--port", port, "--no-browser")
    assert found.returncode == 2
    assert f"cannot be served at 127.0.0.1, port {port}" in found.stderr
    found = negatives("review", run.path, "--host", "0.0.0.0", "--no-browser")
    assert found.returncode == 2
    assert "--allow-host" in found.stderr
    found = negatives("review", tmp_path / "nothing", "--no-browser", "--port", "0")
    assert found.returncode == 2
    assert "there is no run here" in found.stderr


def image_of(ann: Client, **query: str) -> tuple[int, str]:
    """Status and type of an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", ann.port, timeout=30)
    cookies = "; ".join(f"{name}={value}" for name, value in ann.cookies.items())
    connection.request("GET", f"/image?{urlencode(query)}", headers={"Cookie": cookies})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status, answer.headers["content-type"]


def test_only_images_of_the_collection_are_sent_and_only_by_their_ids(
    pictured: neg.Run, tmp_path: Path
) -> None:
    folder = Path(pictured.collection.images)
    other = folder / "images" / "other.png"
    shutil.copy(folder / "images" / "red-disc-0.png", other)  # there, and not of the collection
    with served(pictured) as ann:
        assert ann.ask("GET", "/image?side=doc&id=images/red-disc-0.png")[0] == 403
        ann.enter("ann")
        assert image_of(ann, side="doc", id="images/red-disc-0.png") == (200, "image/jpeg")
        for asked in (
            "images/other.png", str(other), "../data/images/red-disc-0.png", "/etc/passwd",
            "images/../images/red-disc-0.png", "images/red-disc-0.png\0", "", f"images/{LOST}",
        ):  # fmt: skip
            assert image_of(ann, side="doc", id=asked)[0] == 404, asked
        assert image_of(ann, side="query", id="images/red-disc-0.png")[0] == 404
        assert image_of(ann, side="..", id="images/red-disc-0.png")[0] == 404
    other.unlink()


def test_a_file_that_is_no_image_is_not_sent_whatever_the_collection_says(tmp_path: Path) -> None:
    secret = tmp_path / "secret.png"
    secret.write_text("a password", "utf-8")
    data = pictures.folder(tmp_path / "data")
    rows = [{"image": "../secret.png", "caption": "a red disc"},
            {"image": "images/red-disc-0.png", "caption": "a secret"}]  # fmt: skip
    (data / "train.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n", "utf-8")
    run = neg.mine(
        f"{data}@train", tmp_path / "run", sources=[neg.Random(top=2)], judges=[],
        pick=neg.RandomPick(per_query=1),
    )  # fmt: skip
    with served(run) as ann:
        ann.enter("ann")
        assert image_of(ann, side="doc", id="images/red-disc-0.png")[0] == 200
        assert image_of(ann, side="doc", id="../secret.png")[0] == 404


def test_instructions_are_shown_to_whoever_judges(run: neg.Run, tmp_path: Path) -> None:
    file = tmp_path / "labels.md"
    file.write_text("## Wings\n\n- a <b>wing</b> and \u202e{{ 7 * 7 }}\n", "utf-8")
    with served(run, instructions=read_instructions(file)) as ann:
        ann.enter("ann")
        page = ann.ask("GET", "/guideline")[2]
        assert "<h2>Instructions</h2>" in page
        assert "## Wings\n\n- a &lt;b&gt;wing&lt;/b&gt; and [U+202E]{{ 7 * 7 }}" in page
    with served(run) as ann:
        ann.enter("ann")
        assert "<h2>Instructions</h2>" not in ann.ask("GET", "/guideline")[2]


def test_instructions_that_say_nothing_are_refused_before_the_page_is_served(
    run: neg.Run, tmp_path: Path
) -> None:
    (tmp_path / "empty.md").write_text(" \n")
    for name, said in (("empty.md", "the instructions are empty"), ("gone.md", "No such file")):
        done = negatives("review", run.path, "--instructions", tmp_path / name, "--no-browser")
        assert done.returncode == 2
        assert said in done.stderr
        assert name in done.stderr
