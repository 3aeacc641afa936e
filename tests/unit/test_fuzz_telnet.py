"""The fuzz target in the suite: with inputs that Hypothesis makes of telnet's own words, and, where atheris is installed, guided by it."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
import zlib
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

FUZZ = Path(__file__).parent.parent.parent / "fuzz"

RUNS = 1000
"""Inputs of the guided run: a few seconds."""


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("fuzz_telnet", FUZZ / "fuzz_telnet.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def words() -> list[bytes]:
    """Those of the dictionary, in libFuzzer's notation."""
    lines = (FUZZ / "telnet.dict").read_text().splitlines()
    quoted = [line.strip('"') for line in lines if line.startswith('"')]
    return [
        re.sub(rb"\\x(..)", lambda match: bytes.fromhex(match[1].decode()), word.encode()) for word in quoted
    ]


target = load()
telnet = st.lists(
    st.sampled_from(words()) | st.binary(max_size=8) | st.binary(max_size=64).map(zlib.compress), max_size=40
)


@settings(max_examples=150, deadline=None)
@given(telnet.map(b"".join))
def test_invariant_holds_for_words_of_telnet_in_any_order(data):
    target.check(data)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        bytes(range(256)) * 8,
        b"\xff\xfd\x57\xff\xfa\x57\xff\xf0" + zlib.compress(b"\n" * 100_000),
        b"\xff\xfa\x1f" + b"\xff\xff" * 2000,
        b"\xff\xfd\x56\xff\xfe\x56" * 300,
    ],
)
def test_invariant_holds_for_inputs_that_were_thought_of(data):
    target.check(data)


def test_target_notices_a_codec_that_breaks_the_invariant(monkeypatch):
    class Forgetful(target.TelnetConnection):
        def receive_data(self, data):
            return super().receive_data(data[-8:])

    monkeypatch.setattr(target, "TelnetConnection", Forgetful)

    with pytest.raises(AssertionError, match="depend on how"):
        target.check(b"a long line of somebody\r\n" * 3)


def test_guided_run_finds_nothing(tmp_path):
    pytest.importorskip("atheris", reason="atheris is not installed (uv sync --group fuzz)")

    finished = subprocess.run(
        [
            sys.executable,
            FUZZ / "fuzz_telnet.py",
            f"-runs={RUNS}",
            f"-dict={FUZZ / 'telnet.dict'}",
            "-max_len=256",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert finished.returncode == 0, finished.stderr
    assert f"Done {RUNS} runs" in finished.stderr
