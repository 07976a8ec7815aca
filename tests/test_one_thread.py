"""Matrix products take one thread as long as anybody asks for it."""

from __future__ import annotations

import threading

import numpy as np  # noqa: F401
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from negatives.one_thread import one_thread


def threads() -> set[int]:
    """How many threads each library would multiply by, of those where it is the process'."""
    pools = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    return {pool["num_threads"] for pool in pools if pool.get("threading_layer") == "pthreads"}


def test_the_first_to_end_gives_no_threads_back_to_those_who_still_multiply() -> None:
    first_is_in, second_is_in, first_is_out = (threading.Event() for _ in range(3))
    seen: list[set[int]] = []

    def first() -> None:
        with one_thread():
            first_is_in.set()
            assert second_is_in.wait(10)
        first_is_out.set()

    def second() -> None:
        assert first_is_in.wait(10)
        with one_thread():
            second_is_in.set()
            assert first_is_out.wait(10)
            seen.append(threads())

    with threadpool_limits(limits=2, user_api="blas"):
        both = [threading.Thread(target=each) for each in (first, second)]
        for each in both:
            each.start()
        for each in both:
            each.join()
        assert seen == [{1}]
        assert threads() == {2}


def test_an_error_gives_them_back_too() -> None:
    with threadpool_limits(limits=2, user_api="blas"):
        with pytest.raises(ValueError, match="no"), one_thread(), one_thread():
            raise ValueError("no")
        assert threads() == {2}
