"""Who is asked about which pair: leases, and what a restart remembers."""

from __future__ import annotations

import negatives as neg
from negatives.run.reviews import read_lines
from negatives.show.review.desk import LEASE, Desk, Tab


def test_two_reviewers_see_the_first_pair_and_no_third_until_a_lease_ends(run: neg.Run) -> None:
    now = [0.0]
    desk = Desk(run, twice=0.1, clock=lambda: now[0])
    tabs = [desk.opened(name, name, "active") for name in ("ann", "bob", "eve", "kim")]
    shown = [desk.shown(tab) for tab in tabs]
    assert len({*shown}) == 3
    assert shown[0] not in shown[2:]
    now[0] = LEASE + 1  # ann has left, and bob, and eve
    assert desk.shown(desk.opened("zoe", "zoe", "active")) == shown[0]


def test_what_was_judged_is_known_to_another_desk_and_can_be_taken_back_there(run: neg.Run) -> None:
    desk = Desk(run)
    tab = desk.opened("one", "ann", "random")
    judged = []
    for word in ("relevant", "not", "unsure"):
        pair = desk.shown(tab)
        assert pair is not None
        desk.judge(tab, pair, word, "")
        judged.append(pair)
    later = Desk(run)
    assert later.done("ann") == 3
    sample = later.sample()
    assert (sample.judged, sample.relevant, sample.unsure) == (2, 1, 1)
    again = later.opened("two", "ann", "random")
    assert later.shown(again) not in judged
    assert later.undo(again) == judged[-1]
    assert later.shown(again) == judged[-1]
    desk.catch_up()
    assert desk.done("ann") == 2


def test_other_negatives_are_noticed_and_a_verdict_on_the_old_ones_is_kept(run: neg.Run) -> None:
    desk = Desk(run)
    tab = desk.opened("one", "ann", "random")
    picks, pair = desk.questions.picks, desk.shown(tab)
    run.repick(neg.RiskLimited(per_query=2))
    desk.catch_up()
    assert desk.questions.picks != picks
    assert pair is not None
    assert desk.named(desk.name(pair)) == pair
    desk.judge(tab, pair, "not", "", picks)
    assert read_lines(run.path)["picks"].to_list() == [picks]
    assert desk.sample().judged == 0


def test_a_tab_of_another_reviewer_is_not_theirs(run: neg.Run) -> None:
    desk = Desk(run)
    first = desk.shown(desk.opened("one", "ann", "active"))
    assert first is not None
    assert desk.opened("one", "bob", "active") == Tab("bob", "active")
