"""Names that were learnt are found in texts, in whatever way these write them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.redaction.canaries import KEY
from tests.redaction.support import names
from xenwatch.display.text import printable
from xenwatch.redaction.tokens import VM, Tokens


def logged(name: str) -> str:
    """A line of the daemon's log: what is escaped in a text, and what is in a list as it is."""
    texts = {"event": printable(f"VM {name} stopped"), "path": printable(f"\N{EM DASH}{name}")}
    return json.dumps({**texts, "exception": f"failed:\n{name}\n", "names": [name]})


def replaced(name: str, said: str) -> str:
    """The text after the name was learnt."""
    return names(name).text(said.encode()).decode()


NAMES = [
    *("B\u00fcro-Server", "B\u00dcRO", "\u4f1a\u8ba1\U0001f600", 'web "prod"', r"acme\payroll"),
    *(r"db\xff7", "web\tprod", "web\x9bprod\nb", "accounts"),
]


@pytest.mark.parametrize("name", NAMES)
def test_no_name_is_left_in_the_log(name: str) -> None:
    """Neither of quotes and backslashes, nor of letters and controls, which JSON escapes."""
    found = json.loads(replaced(name, logged(name)))
    token = Tokens(KEY).name(VM, name.encode()).decode()
    assert found == {
        "event": f"VM {token} stopped",
        "path": f"\N{EM DASH}{token}",
        "exception": f"failed:\n{token}\n",
        "names": [token],
    }


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
def test_no_name_is_left_whatever_it_is(rest: str) -> None:
    """Any text between letters that make it a name."""
    name = f"acme{rest}payroll"
    assert "payroll" not in replaced(name, f"{logged(name)} {name} {printable(name)}")
