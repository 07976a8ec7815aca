"""The page of `negatives review` on a ledger of a million candidates: how long it takes to open,
how long a verdict takes from the key to the next pair (the server's part, over HTTP on this
machine, fsync included), and what becomes of verdicts when twenty people judge as fast as a program
can, while the server is killed (SIGKILL) and started again. The collection is made up: ten thousand
queries with one known positive each, texts of words of cranfield, a hundred candidates a query.
Times by the clock hold for the load that is given; processor time is the server's own.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import numpy as np

import negatives as neg
from benchmarks.page import write_page
from negatives.run.reviews import read_lines, standing

QUERIES, DOCS, TOP = 10_000, 20_000, 100
REVIEWERS, SECONDS = 20, 60
TWICE = 0.1
FORM = {"Content-Type": "application/x-www-form-urlencoded", "X-Part": "1"}


def main() -> None:
    """Mine once, measure, write the page."""
    with tempfile.TemporaryDirectory() as scratch:
        run = Path(os.environ.get("REVIEW_RUN", f"{scratch}/run"))
        if not run.exists():
            _mined(Path(scratch), run)
        candidates = neg.Run(run).manifest.counts.candidates
        opened = [_opened(run) for _ in range(3)]
        single = {order: _judged(run, order) for order in ("active", "random")}
        (run / "reviews.jsonl").unlink(missing_ok=True)
        many = _together(run)
    write_page(
        "review-server",
        "The page of a review under load",
        __doc__,
        _lines(candidates, opened, single, many),
    )


def _mined(scratch: Path, run: Path) -> None:
    draw = np.random.default_rng(0)
    words = np.array(" ".join(neg.Collection.load("cranfield").corpus["text"]).split())
    texts = [" ".join(draw.choice(words, 60)) for _ in range(DOCS)]
    data = scratch / "data"
    (data / "qrels").mkdir(parents=True)
    _written(data / "corpus.jsonl", (f"d{place}" for place in range(DOCS)), texts)
    queries = [" ".join(draw.choice(text.split(), 12)) for text in texts[:QUERIES]]
    _written(data / "queries.jsonl", (f"q{place}" for place in range(QUERIES)), queries)
    rows = "".join(f"q{place}\td{place}\t1\n" for place in range(QUERIES))
    (data / "qrels" / "test.tsv").write_text(f"query-id\tcorpus-id\tscore\n{rows}")
    neg.mine(str(data), run, sources=[neg.Dense(top=TOP)], judges=[],
             estimate=neg.Evidence(), pick=neg.RiskLimited(per_query=5))  # fmt: skip


def _written(path: Path, ids: Any, texts: list[str]) -> None:
    rows = zip(ids, texts, strict=True)
    path.write_text("".join(json.dumps({"_id": id, "text": text}) + "\n" for id, text in rows))


class Server:
    """`negatives review RUN` in a process of its own."""

    def __init__(self, run: Path) -> None:
        began = time.perf_counter()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "negatives.cli", "review", str(run), "--no-browser", "--port",
             "0", "--twice", str(TWICE), "--reviewer", "somebody"],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().split()[-1]
        self.seconds = time.perf_counter() - began
        self.cpu = _cpu(self.process.pid)

    def ended(self, number: int = signal.SIGTERM) -> None:
        """Kill it."""
        self.process.send_signal(number)
        self.process.wait()


class Reviewer:
    """Somebody with a browser."""

    def __init__(self, url: str, name: str, order: str) -> None:
        at = urlsplit(url)
        self.connection = http.client.HTTPConnection(at.hostname or "", at.port, timeout=30)
        self.host, self.order, self.cookies = f"{at.hostname}:{at.port}", order, ""
        first = self._ask("GET", f"/?{at.query}")[1]
        self.cookies = first["set-cookie"].split(";")[0]
        named = self._ask("POST", "/start", urlencode({"name": name, "order": order}))[1]
        self.cookies += "; " + named["set-cookie"].split(";")[0]
        self.tab = f"tab{abs(hash((name, time.time()))):x}"
        self.page = self._ask("GET", f"/judge?tab={self.tab}&order={order}")[2]

    def judge(self, verdict: str) -> str | None:
        """Judge the pair on the page; its name once the server has answered, None at the end."""
        found = re.search(r'name="pair" value="(\w+)"', self.page)
        if found is None:
            return None
        fields = {"pair": found[1], "tab": self.tab, "order": self.order, "verdict": verdict}
        code, _, self.page = self._ask("POST", "/verdict", urlencode(fields))
        assert code == 200, self.page
        return found[1]

    def _ask(self, method: str, path: str, body: str = "") -> tuple[int, dict[str, str], str]:
        headers = {"Cookie": self.cookies} if self.cookies else {}
        if method == "POST":
            headers |= FORM | {"Origin": f"http://{self.host}"}
        self.connection.request(method, path, body or None, headers)
        answer = self.connection.getresponse()
        text = answer.read().decode()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, text


def _opened(run: Path) -> dict[str, float]:
    server = Server(run)
    began = time.perf_counter()
    Reviewer(server.url, "first", "active")
    page = time.perf_counter() - began
    peak = _peak(server.process.pid)
    server.ended()
    return {"ready": server.seconds, "cpu": server.cpu, "page": page, "peak": peak}


def _cpu(process: int) -> float:
    """Seconds of processor time that a process has used."""
    fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _peak(process: int) -> float:
    text = Path(f"/proc/{process}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", text)[1]) / 1024  # type: ignore[index]


def _judged(run: Path, order: str) -> tuple[list[float], float]:
    """Milliseconds of each of a hundred verdicts, with a short look at each pair; of the processor,
    all that the server does counted, on average.
    """
    (run / "reviews.jsonl").unlink(missing_ok=True)
    server = Server(run)
    somebody, taken, before = Reviewer(server.url, "one", order), [], _cpu(server.process.pid)
    for number in range(100):
        time.sleep(0.15)
        began = time.perf_counter()
        somebody.judge("relevant" if number % 9 == 0 else "not")
        taken.append(1000 * (time.perf_counter() - began))
    used = 10 * (_cpu(server.process.pid) - before)
    server.ended()
    return taken, used


def _together(run: Path) -> dict[str, Any]:
    """Twenty at once for a minute; the server is killed after half of it."""
    server = Server(run)
    answered: list[tuple[str, str]] = []
    taken: list[float] = []
    at, ends, lock = [server.url], time.perf_counter() + SECONDS, threading.Lock()

    def work(name: str) -> None:
        order = "active" if name[-1] in "02468" else "random"
        while time.perf_counter() < ends:
            try:
                somebody = Reviewer(at[0], name, order)
                while time.perf_counter() < ends:
                    began = time.perf_counter()
                    pair = somebody.judge("not")
                    if pair is None:
                        return
                    with lock:
                        taken.append(1000 * (time.perf_counter() - began))
                        answered.append((name, pair))
            except (OSError, http.client.HTTPException, KeyError):
                time.sleep(0.1)

    threads = [threading.Thread(target=work, args=(f"r{n}",)) for n in range(REVIEWERS)]
    for each in threads:
        each.start()
    time.sleep(SECONDS / 2)
    server.ended(signal.SIGKILL)
    server = Server(run)
    at[0] = server.url
    for each in threads:
        each.join()
    server.ended()
    lines = read_lines(run)
    pairs = Counter(standing(lines).select("query_id", "doc_id").iter_rows())
    times = Counter(pairs.values())
    return {
        "answered": len(answered),
        "distinct": len({*answered}),
        "lines": len(lines),
        "pairs": len(pairs),
        "twice": times[2],
        "more": sum(count for often, count in times.items() if often > 2),
        "same reviewer": len(lines) - len(standing(lines)),
        "taken": taken,
    }


def _lines(
    candidates: int,
    opened: list[dict[str, float]],
    single: dict[str, tuple[list[float], float]],
    many: dict[str, Any],
) -> list[str]:
    ready, cpu, page, peak = (
        np.median([each[key] for each in opened]) for key in ("ready", "cpu", "page", "peak")
    )
    rows = [
        f"{candidates:,} candidates. Load of the machine meanwhile: {os.getloadavg()[2]:.1f} "
        f"processes wanting {os.cpu_count()} cores.",
        "",
        "| | |",
        "|---|---|",
        f"| start of the process to the printed address | {ready:.2f} s (target: under 3) |",
        f"| processor time of that | {cpu:.2f} s |",
        f"| opened, named, first pair shown | {1000 * page:.0f} ms |",
        f"| peak memory of the server | {peak:.0f} MB |",
    ]
    for order, (taken, used) in single.items():
        half, most, worst = np.quantile(taken, [0.5, 0.95, 1])
        rows.append(
            f"| 100 verdicts, {order} order: median, 95th percentile, longest | {half:.1f}, "
            f"{most:.1f}, {worst:.1f} ms (target: 95th under 50) |"
        )
        rows.append(f"| processor time a verdict, with the forecasts, {order} | {used:.1f} ms |")
    half, most = np.quantile(many["taken"], [0.5, 0.95])
    return [
        *rows,
        "",
        f"## {REVIEWERS} reviewers for {SECONDS} seconds, killed once",
        "",
        "| | |",
        "|---|---|",
        f"| verdicts that the server had answered | {many['answered']:,} |",
        f"| of them in the file | {many['distinct']:,} answered pairs, {many['lines']:,} lines |",
        f"| median and 95th percentile of an answer | {half:.0f}, {most:.0f} ms |",
        f"| pairs that were judged | {many['pairs']:,} |",
        f"| judged by two, as {TWICE:.0%} shall be | {many['twice']:,} |",
        f"| judged by more than two | {many['more']:,} |",
        f"| judged twice by one reviewer | {many['same reviewer']:,} |",
    ]


if __name__ == "__main__":
    main()
