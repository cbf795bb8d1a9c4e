"""Methods that override guarded ones and are no plain functions, and guarded methods that are none themselves."""

from collections.abc import Callable
from functools import partial, partialmethod, singledispatchmethod
from types import MethodType
from typing import Any

import pytest
from flask import Flask
from flask.views import MethodView, View
from werkzeug.local import LocalProxy

from flask_tokenauth import SettingsError, TokenAuth, login_optional, login_required, public, require_scope

from ..conftest import MakeApp, Mint, bearer
from .kit import hide, report_routes


def serve(app: Flask, view: Callable[..., Any], **options: Any) -> Flask:
    app.add_url_rule("/x", endpoint="x", view_func=view, **options)
    return app


def derive(base: type, **attributes: Any) -> Any:
    """Return a class derived from *base*. mypy would not let it override methods by other objects."""
    return type("Derived", (base,), attributes)


def statuses(app: Flask, mint: Mint, method: str = "GET") -> list[int]:
    """Return the status without a token and with a good one."""
    client = app.test_client()
    return [client.open("/x", method=method, headers=headers).status_code for headers in ({}, bearer(mint()))]


def fresh() -> Callable[..., str]:
    """Return a new function, since guards mark the function that they guard."""
    return lambda *args: "served"


def required(app: Flask) -> Any:
    """Return what GET on /x requires, as the report has it."""
    [route] = [route for route in report_routes(app)["routes"] if (route["rule"], route["method"]) == ("/x", "GET")]
    return route["requires"]


class Guarded(MethodView):
    """A base whose methods have guards."""

    @login_required
    def get(self) -> str:
        raise NotImplementedError  # pragma: no cover  # overridden, never called

    @login_required
    def options(self) -> str:
        raise NotImplementedError  # pragma: no cover  # overridden, never called


class Served:
    """An object that can be called."""

    def __call__(self, *args: object) -> str:
        return "served"


class Hiding:
    """A descriptor that exists for objects only, not for their class."""

    def __get__(self, owner: object, cls: type) -> Callable[[], str]:
        if owner is None:
            raise AttributeError
        return fresh()


OVERRIDES: dict[str, Any] = {
    "partial": partial(fresh()),
    "partialmethod": partialmethod(fresh(), 1),
    "static method": staticmethod(fresh()),
    "class method": classmethod(fresh()),
    "object": Served(),
    "property": property(lambda self: fresh()),
    "descriptor": Hiding(),
}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:functools.partial will be a method descriptor:FutureWarning")  # Python 3.13
@pytest.mark.parametrize("override", OVERRIDES.values(), ids=OVERRIDES)
def test_an_override_of_any_kind_keeps_the_guard(override: Any, make_app: MakeApp, mint: Mint) -> None:
    app = serve(make_app(), derive(Guarded, get=override).as_view("x"))

    assert statuses(app, mint) == [401, 200]
    assert required(app) == ["login"]


class CallableGuarded:
    """An object whose method has the guard."""

    @login_required
    def __call__(self, *args: object) -> str:
        raise NotImplementedError  # pragma: no cover  # overridden, never called


BASES: dict[str, Any] = {
    "partial": partial(login_required(fresh())),
    "partialmethod": partialmethod(login_required(fresh()), 1),
    "static method": staticmethod(login_required(fresh())),
    "class method": classmethod(login_required(fresh())),
    "object": CallableGuarded(),
    "property": property(login_required(lambda self: fresh())),
    "single dispatch": singledispatchmethod(login_required(lambda self, *args: "served")),
}


@pytest.mark.parametrize("base", BASES.values(), ids=BASES)
def test_a_guarded_method_of_any_kind_keeps_its_guard_if_it_is_overridden(
    base: Any, make_app: MakeApp, mint: Mint
) -> None:
    cls = derive(derive(MethodView, get=base), get=lambda self: "served")

    assert statuses(serve(make_app(), cls.as_view("x")), mint) == [401, 200]


# Objects that are views


class Open(CallableGuarded):
    """An object whose class overrides the guarded method."""

    def __call__(self, *args: object) -> str:
        return "served"


def test_an_object_as_a_view_keeps_the_guard_of_an_overridden_call(make_app: MakeApp, mint: Mint) -> None:
    assert statuses(serve(make_app(), Open()), mint) == [401, 200]


def test_the_report_shows_the_guard_of_an_object_that_is_a_view(make_app: MakeApp) -> None:
    app = serve(make_app(), CallableGuarded())

    assert required(app) == ["login"]


# Bound methods that are views


class Page:
    """A class whose method is a view."""

    @login_required
    def show(self) -> str:
        raise NotImplementedError  # pragma: no cover  # overridden, never called


def test_a_bound_method_whose_function_has_another_name_keeps_the_guard(make_app: MakeApp, mint: Mint) -> None:
    page = derive(Page, show=hide(lambda self: "served"))()

    assert statuses(serve(make_app(), page.show), mint) == [401, 200]


class Binding:
    """A descriptor that binds a function, as some decorators do."""

    def __get__(self, owner: object, cls: type) -> Any:
        def show(self: object) -> str:
            return "served"

        return self if owner is None else MethodType(show, owner)


def test_a_method_that_a_descriptor_binds_keeps_the_guard(make_app: MakeApp, mint: Mint) -> None:
    page = derive(Page, show=Binding())()

    assert statuses(serve(make_app(), page.show), mint) == [401, 200]


def test_a_bound_method_without_a_name_is_served(make_app: MakeApp, mint: Mint) -> None:
    method = MethodType(partial(fresh()), Page())

    assert statuses(serve(make_app(), method), mint) == [200, 200]


def test_a_proxy_among_the_attributes_of_the_class_is_not_asked(make_app: MakeApp, mint: Mint) -> None:
    def fail() -> None:
        raise LookupError  # pragma: no cover  # never called

    page = derive(Page, show=lambda self: "served", user=LocalProxy(fail))()

    assert statuses(serve(make_app(), page.show), mint) == [401, 200]


# OPTIONS


def test_an_overridden_method_for_options_keeps_its_guard(make_app: MakeApp, mint: Mint) -> None:
    app = serve(make_app(), derive(Guarded, options=lambda self: "served").as_view("x"))

    assert statuses(app, mint, "OPTIONS") == [401, 200]


def test_flask_answers_options_for_an_overridden_method_as_for_others(make_app: MakeApp) -> None:
    class Plain(MethodView):
        @login_required
        def get(self) -> str:
            raise NotImplementedError  # pragma: no cover  # overridden, never called

    answer = serve(make_app(), derive(Plain, get=fresh()).as_view("x")).test_client().options("/x")

    assert (answer.status_code, answer.data, sorted(answer.allow)) == (200, b"", ["GET", "HEAD", "OPTIONS"])


# Guarded methods that views call


class Calling(View):
    """A class of views whose guard is on a method that the view calls."""

    def dispatch_request(self) -> str:
        return self.find()

    @require_scope("reports:read")
    def find(self) -> str:
        return "found"


class Found(Calling):
    """A class that overrides the guarded method, without a guard."""

    def find(self) -> str:
        raise NotImplementedError  # pragma: no cover  # never called


def test_a_class_that_overrides_a_guarded_method_which_its_view_calls_stops_the_application(make_app: MakeApp) -> None:
    app = serve(make_app(), Found.as_view("x"))

    with pytest.raises(SettingsError) as caught:
        app.test_client().get("/x")

    assert str(caught.value) == (
        f"/x: {__name__}.Found.find overrides {__name__}.Calling.find, which has a guard (reports:read), and has none: "
        "put a guard on it as well, or @public if it needs none"
    )


def test_the_check_names_a_mixin_that_overrides_a_guarded_method(make_app: MakeApp) -> None:
    class Mixin:
        def find(self) -> str:
            raise NotImplementedError  # pragma: no cover  # never called

    cls: Any = type("Mixed", (Mixin, Calling), {})

    with pytest.raises(SettingsError, match=r"Mixin\.find overrides .*Calling\.find"):
        TokenAuth().check(serve(make_app(), cls.as_view("x")))


def test_a_property_that_overrides_a_guarded_one_stops_the_application(make_app: MakeApp) -> None:
    base = derive(Calling, found=property(login_required(fresh())))
    cls = derive(base, found=property(fresh()))

    with pytest.raises(SettingsError, match=r"Derived\.found overrides .*Derived\.found, which has a guard \(login\)"):
        TokenAuth().check(serve(make_app(), cls.as_view("x")))


@pytest.mark.parametrize("decorate", [login_required, public, login_optional(is_view=False)])
def test_an_override_with_a_guard_or_an_opening_is_no_mistake(decorate: Any, make_app: MakeApp, mint: Mint) -> None:
    cls = derive(Calling, find=decorate(lambda self: "served"))

    assert statuses(serve(make_app(), cls.as_view("x")), mint)[1] == 200


def test_an_inherited_guarded_method_is_no_mistake(make_app: MakeApp, mint: Mint) -> None:
    cls = derive(Calling, other=fresh())

    assert statuses(serve(make_app(), cls.as_view("x")), mint) == [401, 200]


def test_a_method_that_a_route_calls_is_no_mistake(make_app: MakeApp, mint: Mint) -> None:
    """The guard of the overridden method counts on this route."""

    class Purging(MethodView):
        @login_required
        def purge(self) -> str:
            raise NotImplementedError  # pragma: no cover  # overridden, never called

    app = serve(make_app(), derive(Purging, purge=fresh()).as_view("x"), methods=["PURGE"])

    assert statuses(app, mint, "PURGE") == [401, 200]


def test_a_method_of_http_without_a_route_is_no_mistake(make_app: MakeApp, mint: Mint) -> None:
    cls = derive(Guarded, get=fresh(), options=fresh())

    assert statuses(serve(make_app(), cls.as_view("x"), methods=["GET"]), mint) == [401, 200]
