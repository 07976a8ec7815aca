"""negatives review: a local page on which people judge pairs of a run."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from negatives.cli.options import RunFolder
from negatives.cli.resources import ALL_THREADS


def review(
    run: RunFolder,
    /,
    *,
    order: Literal["active", "random"] = "active",
    port: int = 8765,
    host: str = "127.0.0.1",
    allow_host: Annotated[list[str] | None, Parameter(negative="")] = None,
    browser: Annotated[bool, Parameter(negative="--no-browser", show_default=False)] = True,
    reviewer: str | None = None,
    twice: float = 0.1,
    confidence: float = 0.95,
    instructions: Path | None = None,
) -> None:
    """Judge pairs of a finished run on a local page, by keys, one after the other.

    The active order asks about the pairs whose verdicts tell most: they feed the
    estimate, and forty of them make a promise possible where queries have one known
    positive each. The random order is a sample of the chosen negatives: it bounds
    how many of them are false. Verdicts go to RUN/reviews.jsonl, one line each;
    `negatives judge RUN --reviews` learns from them and picks again.

    Examples:

        negatives review runs/cranfield

        negatives review runs/cranfield --order random --no-browser

        negatives review runs/labels --instructions instructions.md

    Only this machine can reach the page, and only by the address that is printed.
    Ctrl-C stops it; come back whenever you like.

    Parameters
    ----------
    order
        What is asked about first: active or random; the page changes between them.
    port
        Where the page is served; 0: any that is free.
    host
        The address to serve at; another one lets others in who have the page's address.
    allow_host
        A name by which others reach this machine, where --host lets them in.
    browser
        Open the page in the browser (the default), or only print its address.
    reviewer
        The name that is offered to whoever judges; by default the login name.
    twice
        The share of the pairs that two reviewers are asked about, so that it is known
        how far they agree.
    confidence
        How sure the bound on the page is.
    instructions
        A text file, such as `negatives data instructions` writes, that the guideline shows to
        whoever judges.
    """
    from negatives.show.review.serving import Address, serve

    ALL_THREADS.limit_pools()
    address = Address(host, port, tuple(allow_host or ()))
    judged = serve(
        Path(run),
        address,
        order=order,
        confidence=confidence,
        twice=twice,
        instructions=instructions,
        reviewer=_login() if reviewer is None else reviewer,
        browser=browser,
        ready=lambda url: print(f"judge at {url}\nCtrl-C stops it", flush=True),
    )
    if judged:
        print(f"\n{judged:,} verdicts in all. Learn from them: negatives judge {run} --reviews")
    else:
        print("\nnothing was judged")


def _login() -> str:
    import getpass

    with suppress(Exception):  # there is no user of that number, or no environment
        return getpass.getuser()
    return ""
