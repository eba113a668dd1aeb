"""The progress bar: what it says, and where it is silent."""

import contextlib
import fcntl
import os
import pty
import struct
import sys
import termios
import threading

import pytest
import tqdm
import tqdm.auto

import assocmem_jax as am
from assocmem_jax.study import _plan
from assocmem_jax.study._programs import compiled_kernel
from assocmem_jax.study._progress import kind_of_bar


def sweep():
    rules = {"dot": am.DotProduct()}
    return am.sweep(rules, d=[3, 4], n=[2, 5], trials=3, progress=True)


def test_silent_without_a_terminal(capsys):
    sweep()
    assert capsys.readouterr() == ("", "")


@pytest.fixture
def terminal(monkeypatch):
    """Runs a function with a terminal of 200 columns as stderr; tells what it wrote."""

    def written(function):
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 200, 0, 0))
        parts = []

        def read():
            # The end of a terminal is an error.
            with contextlib.suppress(OSError):
                while part := os.read(ours, 4096):
                    parts.append(part)

        reader = threading.Thread(target=read)
        reader.start()
        with os.fdopen(theirs, "w") as stream, monkeypatch.context() as patch:
            patch.setattr(sys, "stderr", stream)
            function()
        reader.join(timeout=30)
        os.close(ours)
        return b"".join(parts).decode()

    return written


def test_a_terminal_shows_share_speed_and_what_is_done(terminal, monkeypatch):
    monkeypatch.setattr(_plan, "_CHUNK_WORK", 1.0)
    # Else there may be nothing to compile.
    compiled_kernel.cache_clear()
    said = terminal(sweep)
    assert "sweep:   0%" in said and "sweep: 100%" in said
    assert "12/12 cells" in said and "/s, " in said
    assert "compiling dot, d = 4" in said and "running dot, d = 3" in said


def test_nothing_is_shown_unless_asked_for(terminal):
    assert terminal(lambda: am.sweep({"dot": am.DotProduct()}, d=[3], n=[2])) == ""


def test_notebooks_get_a_bar_of_their_own(monkeypatch):
    class Widget(tqdm.tqdm):
        __module__ = "tqdm.notebook"

    assert kind_of_bar(False) == (tqdm.tqdm, True)
    bar, off = kind_of_bar(True)
    assert issubclass(bar, tqdm.tqdm) and off is None
    monkeypatch.setattr(tqdm.auto, "tqdm", Widget)
    assert kind_of_bar(True) == (Widget, False)
