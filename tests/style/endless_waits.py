"""Find calls and loops that may wait without end, like ``thread.join()``, by their syntax: it knows no types."""

import ast
from collections.abc import Iterator

WAITING_METHODS = {"acquire", "communicate", "exception", "get", "join", "result", "wait"}  # the first argument limits
WAITING_FUNCTIONS = {"call", "check_call", "check_output", "create_connection", "run", "urlopen"}  # "timeout" limits
EXECUTORS = {"ProcessPoolExecutor", "ThreadPoolExecutor"}


def find(source: str) -> list[str]:
    """Return the line of each wait without a limit, and its reason."""
    nodes = sorted(
        (node for node in ast.walk(ast.parse(source)) if hasattr(node, "lineno")), key=lambda node: node.lineno
    )
    return [f"{node.lineno}: {reason}" for node in nodes for reason in _reasons(node)]


def _reasons(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.While) and not any(map(_checks_deadline, ast.walk(node))):
        yield "while without deadline.check()"
    if not isinstance(node, ast.Call):
        return
    name = ast.unparse(node.func).rpartition(".")[2]
    options = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
    if name in WAITING_METHODS and isinstance(node.func, ast.Attribute) and not node.args and "timeout" not in options:
        yield f".{name}() without a timeout"
    if name in WAITING_FUNCTIONS and "timeout" not in options:
        yield f"{name}() without a timeout"
    if name in EXECUTORS:
        yield f"{name}, which waits for its threads without a limit"
    if name == "Thread" and options.get("daemon") != "True":
        yield "Thread without daemon=True, for which Python waits without a limit"


def _checks_deadline(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func).endswith("deadline.check")
