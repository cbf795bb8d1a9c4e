"""The marks of slow tests: the fast run has tests from every file, and each session of nox runs what it is to run."""

import configparser
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
WITHOUT_FAST_TESTS = {  # they start processes, or try many examples
    "docs/clients.rst",
    "docs/commands.rst",
    "docs/encryption.rst",
    "docs/extensions.rst",
    "docs/guarding.rst",
    "docs/key_rotation.rst",
    "docs/keys.rst",
    "docs/testing.rst",
    "docs/tutorial.rst",
    "tests/authentication/test_floods.py",
    "tests/browser/cross_site/test_firefox.py",
    "tests/documentation/test_javascript_client.py",
    "tests/documentation/test_oidc_provider_example.py",
    "tests/documentation/test_openssl.py",
    "tests/lifecycle/exchange/test_properties.py",
    "tests/lifecycle/revocation/test_gunicorn.py",
    "tests/lifecycle/tickets/test_races.py",
    "tests/servers/test_looked_up.py",
    "tests/servers/test_rotation.py",
    "tests/stores/redis/failovers/test_clusters.py",
    "tests/stores/redis/failovers/test_demoted.py",
    "tests/stores/redis/failovers/test_lost_writes.py",
    "tests/stores/redis/failovers/test_sentinels.py",
    "tests/stores/redis/failovers/test_storms.py",
    "tests/stores/redis/failovers/test_waiting.py",
    "tests/stores/redis/one_server/test_costs.py",
    "tests/stores/redis/one_server/test_crashes.py",
    "tests/stores/redis/one_server/test_feed.py",
    "tests/stores/redis/one_server/test_garbage_in_records.py",
    "tests/stores/redis/one_server/test_garbage_in_shared_keys.py",
    "tests/stores/redis/one_server/test_kills.py",
    "tests/stores/redis/one_server/test_lost_data.py",
    "tests/stores/redis/one_server/test_lost_ends.py",
    "tests/stores/redis/one_server/test_outages.py",
    "tests/stores/redis/one_server/test_processes.py",
    "tests/stores/redis/one_server/test_sizes.py",
    "tests/stores/redis/one_server/test_stalls.py",
    "tests/stores/redis/one_server/test_walk.py",
    "tests/stores/redis/test_cluster.py",
    "tests/stores/redis/test_contract.py",
    "tests/stores/redis/test_errors.py",
    "tests/stores/redis/test_feed_pages.py",
    "tests/stores/redis/test_processes.py",
    "tests/stores/redis/test_scripts.py",
    "tests/stores/redis/test_sentinel.py",
    "tests/stores/sql/sqlite/test_other_users.py",
    "tests/stores/sql/test_forks_on_servers.py",
    "tests/stores/test_gevent.py",
    "tests/stores/test_processes.py",
}
# Slow tests of these run on more than one version of Python, and with the lowest versions of the dependencies too.
DEPEND_ON_BOTH = [
    "tests/lifecycle/revocation/test_gunicorn.py",
    "tests/servers/test_real_servers.py",
    "tests/stores/redis/test_processes.py",
    "tests/stores/sql/mysql/test_connecting.py",
    "tests/stores/sql/postgresql/test_connecting.py",
    "tests/stores/sql/test_dropped_connections.py",
    "tests/stores/sql/test_forks_on_servers.py",
    "tests/stores/sql/test_stalls.py",
    "tests/stores/sql/test_store_on_servers.py",
]
COLLECT = """
import json, sys, pytest

class Plugin:
    def pytest_collection_finish(self, session):
        marks = {item.nodeid: sorted({mark.name for mark in item.iter_markers()}) for item in session.items}
        print("\\n" + json.dumps(marks))

sys.exit(pytest.main(["--collect-only", "-qq", "--numprocesses=0", "-m", ""], plugins=[Plugin()]))
"""


def collect() -> dict[str, set[str]]:
    """Return the marks of every test by its name."""
    ran = subprocess.run([sys.executable, "-c", COLLECT], cwd=ROOT, capture_output=True, text=True, check=True)
    line = next(line for line in ran.stdout.splitlines() if line.startswith("{"))
    return {name: set(marks) for name, marks in json.loads(line).items()}


def files_of(names: set[str]) -> set[str]:
    return {name.partition("::")[0] for name in names}


@pytest.mark.once
@pytest.mark.slow
def test_the_fast_run_and_each_session_have_the_tests_that_they_need() -> None:
    marks = collect()
    slow, once, dependencies = (
        {name for name in marks if mark in marks[name]} for mark in ("slow", "once", "dependencies")
    )

    assert files_of(set(marks)) - files_of(marks.keys() - slow) == WITHOUT_FAST_TESTS
    uncovered = {name for name in marks if "uncovered" in marks[name]}
    assert once | dependencies | uncovered <= slow < marks.keys()
    assert files_of(uncovered) <= files_of(marks.keys() - uncovered)  # else coverage would miss their lines
    assert set(DEPEND_ON_BOTH) <= files_of(slow - once)
    assert set(DEPEND_ON_BOTH) <= files_of(dependencies)


def test_sessions_name_only_marks_that_there_are() -> None:
    """Pytest does not check the marks in an expression: with a misspelled one, a session would run fewer tests."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    marks = {line.partition(":")[0] for line in config["tool:pytest"]["markers"].strip().splitlines()}
    usual = re.findall(r'-m "(.*)"', config["tool:pytest"]["addopts"])
    expressions = usual + re.findall(r'\("-m", "(.*)"\)', (ROOT / "noxfile.py").read_text())

    named = {word for expression in expressions for word in re.findall(r"\w+", expression)} - {"not", "or", "and"}

    assert len(expressions) == 6
    assert named == marks
