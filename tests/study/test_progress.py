"""The progress bar: what it says, and where it is silent."""

import contextlib
import errno
import fcntl
import io
import os
import pty
import re
import struct
import sys
import termios
import threading
import types

import pytest
import tqdm
import tqdm.auto

import assocmem_jax as am
from assocmem_jax.study import _plan, _progress
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
    assert kind_of_bar(True) == (_progress.Lines, False)
    monkeypatch.setattr(tqdm.auto, "tqdm", Widget)
    assert kind_of_bar(True) == (Widget, False)


def test_a_notebook_without_widgets_gets_letters_and_no_warning(monkeypatch):
    stream = type("OutStream", (io.StringIO,), {"__module__": "ipykernel.iostream"})
    monkeypatch.setattr(sys, "stderr", stream())
    # As tqdm finds it in a kernel that has no `ipywidgets`.
    monkeypatch.setitem(sys.modules, "ipykernel.zmqshell", sys)
    ipython = types.SimpleNamespace(get_ipython=object)
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setattr("tqdm.notebook.IProgress", None)
    for name in ("tqdm.auto", "tqdm.autonotebook"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    bar, off = kind_of_bar(True)
    assert not off and bar.__module__ != "tqdm.notebook" and bar is not _progress.Lines


def test_a_log_file_gets_a_line_now_and_then(capsys, monkeypatch):
    monkeypatch.setattr(_plan, "_CHUNK_WORK", 1.0)
    monkeypatch.setattr(_progress, "_PAUSE", 0)
    sweep()
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) >= 6 and all(line.startswith("sweep: ") for line in lines)
    line = r"sweep: +\d+% \d\d:\d\d<.*, 8/12 cells, .*/s, running dot, d = 3"
    assert any(re.fullmatch(line, said) for said in lines)


@pytest.mark.parametrize("stream", (None, "closed", "broken"))
def test_a_study_needs_no_stderr(stream, monkeypatch):
    class Broken(io.StringIO):
        def write(self, text):
            raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))

    def closed():
        text = io.StringIO()
        text.close()
        return text

    streams = {None: lambda: None, "closed": closed, "broken": Broken}
    monkeypatch.setattr(_progress, "_PAUSE", 0)
    monkeypatch.setattr(sys, "stderr", streams[stream]())
    assert sweep().sizes["trial"] == 3
