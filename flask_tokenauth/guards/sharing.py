"""Views whose answers never depend on the caller: shared caches may keep them."""

from typing import Any, TypeVar, overload

from .marks import check_view, list_own, mark_giver

F = TypeVar("F")

_SHAREABLE = "__tokenauth_shareable__"


@overload
def shareable(view: F, /) -> F: ...
@overload
def shareable() -> Any: ...
def shareable(view: Any = None, /) -> Any:
    """Declare that the answers of *view*, or of a class of views, never depend on the caller.

    They get no ``Vary: Authorization``, and keep the ``Cache-Control`` of the view. A shared cache that keeps such an
    answer gives it to everyone, **also without a token**, unless the view says ``no-cache``. Refusals are not shared.

    Args:
        view: the view or class. The decorator can be written with or without parentheses.

    Raises:
        TypeError: at import, *view* is neither a view nor a class, or cannot be marked, as a method of an object.
        SettingsError: at import, *view* is a class, but not a class of Flask views.
    """
    if view is None:
        return shareable
    check_view("shareable", view)
    try:
        setattr(view, _SHAREABLE, True)
    except AttributeError:
        kind = type(view).__name__
        raise TypeError(f"shareable cannot mark this {kind}: write the decorator above its function") from None
    return view


mark_giver(shareable, None)


def is_shareable(view: Any, method: str) -> bool:
    """Return whether the answers of *view* to *method* never depend on the caller."""
    return any(_SHAREABLE in getattr(target, "__dict__", {}) for target in list_own(view, method))
