"""Expert failures: a corridor whose door needs a key that the agent would never pick up."""

from __future__ import annotations

from pathlib import Path

import pytest

from negatives.errors import NegativesError
from negatives.learn.steps.trajectories import Failure, learnable, useful
from negatives.read import load

EXPERT = ["east", "take key", "east", "wait", "fall asleep"]


class Corridor:
    """Three rooms and a door: solved by opening it with the key, over after falling asleep."""

    def begin(self) -> str:
        self.room, self.key = 0, False
        return "room 0"

    def act(self, action: str) -> tuple[str, bool, bool]:
        if action == "east":
            self.room = min(2, self.room + 1)
        elif action == "take key" and self.room == 1:
            self.key = True
        elif action == "open" and self.room == 2 and self.key:
            return "outside", True, True
        elif action == "fall asleep":
            return "night", True, False
        return f"room {self.room}{' with key' * self.key}", False, False


def hasty(seen: str, attempt: int) -> str:
    """An agent that goes on, and opens the door where it has come to it."""
    return "open" if seen.split("\n")[-1].startswith("room 2") else "east"


@pytest.mark.method("expert-failures")
def test_what_lies_between_failing_and_succeeding_is_useful() -> None:
    assert useful([0, 0, 1, 1]).tolist() == [False, True, False]
    assert useful([1, 1, 1]).tolist() == [False, False]
    assert useful([0, 0, 0]).tolist() == [False, False]
    assert useful([0, 1, 0, 1]).tolist() == [True, False, False]
    assert useful([0, 0.3, 0.6], margin=0.5).tolist() == [False, False], "a rise may be luck"
    with pytest.raises(NegativesError, match="a margin of 0"):
        useful([0, 1], margin=0)


def test_the_action_that_was_lacking_is_learned_and_the_rest_is_not(tmp_path: Path) -> None:
    found = learnable([Failure(Corridor(), EXPERT)], hasty, every=1, longest=6)
    assert found.filter(by="expert")["response"].to_list() == ["take key"]
    assert found.filter(by="agent")["response"].to_list() == ["east", "open"]
    assert found["prompt"].to_list() == [
        "room 0\neast\nroom 1",
        "room 0\neast\nroom 1\ntake key\nroom 1 with key",
        "room 0\neast\nroom 1\ntake key\nroom 1 with key\neast\nroom 2 with key",
    ]
    found.write_ndjson(tmp_path / "rows.jsonl")
    assert len(load(tmp_path / "rows.jsonl").positives) == 3
    by_twos = learnable([Failure(Corridor(), EXPERT)], hasty, every=2, longest=6)
    assert by_twos.filter(by="expert")["response"].to_list() == ["east", "take key"]


def test_an_agent_that_needs_nobody_and_one_that_never_succeeds_learn_nothing() -> None:
    def able(seen: str, attempt: int) -> str:
        if "key" not in seen and seen.endswith("room 1"):
            return "take key"
        return hasty(seen, attempt)

    for agent in (able, lambda seen, attempt: "wait"):
        assert learnable([Failure(Corridor(), EXPERT)], agent, every=1, longest=6).is_empty()


def test_an_environment_that_does_not_begin_again_is_refused() -> None:
    class Forgetful(Corridor):
        begun = 0

        def begin(self) -> str:
            super().begin()
            self.begun += 1
            self.room = self.begun > 2
            return f"room {int(self.room)}"

    seen = ["room 0", "room 1", "room 1 with key", "room 2 with key", "room 2 with key", "night"]
    assert len(learnable([Failure(Corridor(), EXPERT, seen)], hasty, every=1)) == 3
    with pytest.raises(NegativesError, match="another state than the expert"):
        learnable([Failure(Forgetful(), EXPERT, seen)], hasty, every=1)
