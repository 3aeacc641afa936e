import io
import sys

import pytest

from wyld_service.announce import announce


def test_a_line_goes_to_standard_output_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    announce("telnet 127.0.0.1:4000")
    announce("Ready.")

    captured = capsys.readouterr()
    assert captured.out == "telnet 127.0.0.1:4000\nReady.\n"
    assert captured.err == ""


def test_a_reader_that_has_gone_does_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone(io.StringIO):
        def flush(self) -> None:
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stdout", Gone())
    announce("Ready.")
