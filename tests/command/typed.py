"""Commands as they are typed, for tests."""

import pytest

from assocmem_jax._command.cli import main


SWEEP = ("sweep", "--rules", "softmax", "--d", "4", "--n", "4", "8")


def run(*args):
    main([str(arg) for arg in args])


def refusal(capsys, *args):
    """The one line that a mistake ends in, and that nothing was begun."""
    with pytest.raises(SystemExit) as stop:
        run(*args)
    assert "Result" not in capsys.readouterr().out
    message = str(stop.value.code)
    assert message.startswith("assocmem: error: ") and "\n" not in message
    return message.removeprefix("assocmem: error: ")
