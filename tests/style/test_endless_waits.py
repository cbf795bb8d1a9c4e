"""No wait of the stores' contract may be without end: it runs on stores of users, which may fail or hang."""

from pathlib import Path

import pytest

from .endless_waits import find

TESTING = Path(__file__).parents[2] / "flask_tokenauth" / "testing"


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("event.wait()", ".wait() without a timeout"),
        ("threads[0].join()", ".join() without a timeout"),
        ("queue.get(block=True)", ".get() without a timeout"),
        ("future.result()", ".result() without a timeout"),
        ("lock.acquire()", ".acquire() without a timeout"),
        ("child.communicate(input='x')", ".communicate() without a timeout"),
        ("subprocess.run(['sh'])", "run() without a timeout"),
        ("urlopen(url)", "urlopen() without a timeout"),
        ("ThreadPoolExecutor(8)", "ThreadPoolExecutor, which waits for its threads without a limit"),
        ("futures.ProcessPoolExecutor()", "ProcessPoolExecutor, which waits for its threads without a limit"),
        ("Thread(target=f)", "Thread without daemon=True, for which Python waits without a limit"),
        ("threading.Thread(daemon=False)", "Thread without daemon=True, for which Python waits without a limit"),
        ("while page.more:\n    fetch()\n    limit.check()", "while without deadline.check()"),
    ],
)
def test_a_wait_without_a_limit_is_found(source: str, found: str) -> None:
    assert find(f"# a file\n{source}") == [f"2: {found}"]


@pytest.mark.parametrize(
    "source",
    [
        "event.wait(60)",
        "event.wait(timeout=60)",
        "', '.join(names)",
        "names.get('a')",
        "wait()",
        "subprocess.run(['sh'], timeout=60)",
        "Thread(target=f, daemon=True)",
        "while page.more:\n    deadline.check()",
        "while page.more:\n    if page.more:\n        self.deadline.check()",
        "for page in pages:\n    fetch()",
    ],
)
def test_what_has_a_limit_is_left_alone(source: str) -> None:
    assert find(source) == []


def test_all_waits_are_found_in_the_order_of_their_lines() -> None:
    assert find("while True:\n    f(a.join(), b.get())\nc.wait()") == [
        "1: while without deadline.check()",
        "2: .join() without a timeout",
        "2: .get() without a timeout",
        "3: .wait() without a timeout",
    ]


def test_each_wait_of_the_contract_has_a_limit() -> None:
    found = {path.name: find(path.read_text()) for path in TESTING.rglob("*.py")}

    assert {name: waits for name, waits in found.items() if waits} == {}
    assert {"kit.py", "revocation_pages.py"} <= found.keys()
