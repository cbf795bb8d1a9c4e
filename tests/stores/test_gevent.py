"""gevent in a process that has imported the application before, as in ``gunicorn --preload -k gevent``."""

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import sys
patched, used = sys.argv[1:]
if patched == "early":
    from gevent import monkey; monkey.patch_all()
import sqlite3
from datetime import timedelta
from flask_tokenauth.stores.sql import SQLStore
store = SQLStore("sqlite:///tokens.db")
if used == "used":
    store.create()
from gevent import monkey; monkey.patch_all()
import gevent
store.create()
other = sqlite3.connect("tokens.db", isolation_level=None)  # another worker, which writes for a moment
other.execute("BEGIN IMMEDIATE")

def end():
    gevent.sleep(0.1)
    other.execute("COMMIT")
    print("the other ended")

def revoke(user):
    store.revoke_user(user, retention=timedelta(days=1), api_keys=False)
    print("revoked")

gevent.joinall([gevent.spawn(revoke, "alice"), gevent.spawn(revoke, "bob"), gevent.spawn(end)], raise_error=True)
store.close()
"""


@pytest.mark.slow
@pytest.mark.parametrize("patched", ["early", "late"])
@pytest.mark.parametrize("used", ["used", "unused"])
def test_greenlets_wait_for_each_other_and_do_not_stop_the_process(tmp_path: Path, patched: str, used: str) -> None:
    """A lock that was made before the patch would keep the other greenlets from running until the write has failed."""
    command = [sys.executable, "-c", PROGRAM, patched, used]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert run.stdout.splitlines() == ["the other ended", "revoked", "revoked"], run.stderr
