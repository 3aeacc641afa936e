"""What a person and a program read of a run."""

from __future__ import annotations

import json

import attrs
import pytest

from wyld.bench.ledger import Command, Ledger, Token, Verb, Verdict, Voice
from wyld.bench.report import LINE_EVERY, Outcome, Progress

CLEAN = Verdict(sent=1200, applied=1200, expected=7000, seen=7000)


def test_a_clean_run_ends_with_that_word() -> None:
    sentences = Outcome(7, 60.2, {"world-kill": 3, "link-cut": 1}, CLEAN).sentences()

    assert sentences[0] == "Faults in 60 s: 3 world-kill, 1 link-cut."
    assert sentences[1] == "Commands: 1,200 sent, 1,200 applied, 0 doubtful, 0 lost, 0 repeated."
    assert sentences[-1] == "Clean."


def test_a_run_that_is_not_clean_says_what_is_wrong_and_how_to_see_it_again() -> None:
    verdict = attrs.evolve(CLEAN, lost=1, findings=("Lost: nobody saw 'say 2' of ann.",))

    sentences = Outcome(7, 60.0, {}, verdict).sentences()

    assert sentences[0] == "Faults in 60 s: none."
    assert sentences[-2] == "Lost: nobody saw 'say 2' of ann."
    assert sentences[-1].startswith("Not clean. Seed 7 ")


@pytest.mark.parametrize("field", ["lost", "repeated", "lines_missing", "lines_repeated", "out_of_order"])
@pytest.mark.parametrize("clean", [True, False])
def test_json_has_every_count_and_the_verdict_in_one_word(field: str, clean: bool) -> None:
    verdict = CLEAN if clean else attrs.evolve(CLEAN, **{field: 2})

    said = json.loads(Outcome(7, 1.23, {"link-cut": 1}, verdict).json())

    assert said["clean"] is clean
    assert said[field] == (0 if clean else 2)
    assert (said["seed"], said["seconds"], said["faults"]) == (7, 1.2, {"link-cut": 1})


def test_without_a_terminal_progress_is_a_plain_line_from_time_to_time(
    capsys: pytest.CaptureFixture[str],
) -> None:
    ledger, progress = Ledger(), Progress(60)

    with progress.shown():
        progress.tick(0.0, ledger)
        ledger.send(Command(Token("ann", Verb.SAY, 2), witnesses=frozenset({"ben"})))
        ledger.see("ann", Token("ann", Verb.SAY, 2), Voice.AUTHOR)
        progress.tick(1.0, ledger)
        progress.tick(2.0, ledger)
        progress.fault("world-kill")
        progress.tick(1.0 + LINE_EVERY, ledger)

    assert capsys.readouterr().err.splitlines() == [
        "   1.0 s  1 commands, 1 lines, 1 on their way",
        "   2.0 s  world-kill",
        "   6.0 s  1 commands, 1 lines, 1 on their way",
    ]
