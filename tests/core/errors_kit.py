"""All refusals of the package, found by their base class, so that a new one is found too."""

from collections.abc import Iterator

import flask_tokenauth
from flask_tokenauth.core import (
    claim_errors,
    client_errors,
    encryption_errors,
    endpoint_errors,
    errors,
    exchange_errors,
    form_errors,
    signature_errors,
    token_errors,
)

PACKAGE = flask_tokenauth.__name__

FACTS: dict[type[errors.Refusal], tuple[object, ...]] = {
    errors.InsufficientClaim: ("role",),
    errors.InsufficientScope: (("reports:read", "admin"),),
    errors.LoginTooOld: (300,),
    form_errors.TokenTooLarge: (8001, 8000),
    form_errors.MalformedToken: ("header",),
    form_errors.UnsupportedHeader: ("crit",),
    signature_errors.WrongAlgorithm: ("HS256",),
    claim_errors.MissingClaim: ("sub",),
    claim_errors.MalformedClaim: ("sub", "a string"),
    claim_errors.TokenExpired: (1_700_000_000,),
    claim_errors.TokenNotYetValid: (1_700_000_000.5,),
    claim_errors.IssuedInFuture: (1_700_000_000,),
    claim_errors.LifetimeTooLong: (90_000, 86_400),
    client_errors.WrongClientSecret: ("billing",),
    encryption_errors.MalformedEncryptedToken: ("tag", "base64url of 16 bytes"),
    encryption_errors.WrongEncryption: ("dir", "A256GCM"),
    encryption_errors.HeaderClaimDiffers: ("sub",),
    endpoint_errors.RefreshTokenReused: ("s1", "alice"),
    endpoint_errors.MissingParameter: ("grant_type",),
    endpoint_errors.RepeatedParameter: ("grant_type",),
    endpoint_errors.WrongParameterType: ("grant_type",),
    endpoint_errors.WrongParameterValue: ("name", "1 to 255 characters"),
    exchange_errors.SubjectTokenRefused: ("token_expired, it is old",),
    token_errors.KindNotAccepted: ("api_key", ("jwt",)),
}


def make_refusal(kind: type[errors.Refusal]) -> errors.Refusal:
    """Return a refusal of *kind*. Add the arguments of a new class to ``FACTS``."""
    return kind(*FACTS.get(kind, ()))


def _find_subclasses(base: type[errors.Refusal]) -> Iterator[type[errors.Refusal]]:
    for kind in base.__subclasses__():
        yield kind
        yield from _find_subclasses(kind)


# Classes with a reason; the others are base classes. Other tests have refusals of their own.
KINDS = tuple(
    kind
    for kind in dict.fromkeys(_find_subclasses(errors.Refusal))
    if kind.__module__.partition(".")[0] == PACKAGE and "reason" in vars(kind)
)
