"""Work that is done after an answer, so that no client waits for it."""

from collections.abc import Callable

from flask import Response, after_this_request, has_request_context


def call_after_answer(function: Callable[[], object]) -> None:
    """Call *function* when the answer to the current request was sent. Without a request it is called now.

    Args:
        function: needs no context of the application, and raises nothing.
    """
    if not has_request_context():
        function()
        return

    @after_this_request
    def call_on_close(response: Response) -> Response:
        response.call_on_close(function)
        return response
