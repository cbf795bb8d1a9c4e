"""User IDs: strings in the token (``sub``), and values of a type that the application chooses."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from ..core.encoding.limits import check_identifier
from ..core.user_errors import WrongUserID


class UserIDs:
    """Converts between ``sub`` and the user IDs of an application.

    Args:
        convert: returns the user ID for a string, and raises ``ValueError`` if there is none. ``str()`` of a user ID
            must return the same string.

    Attributes:
        are_strings: whether user IDs are the strings in the token, so that there is nothing to convert.
        have_a_type: whether *convert* is a type. A function of the application may need more than the string.
    """

    def __init__(self, convert: Callable[[str], Any]) -> None:
        self._convert = convert
        self._type = convert if isinstance(convert, type) else str
        self.are_strings = convert is str
        self.have_a_type = isinstance(convert, type)

    def from_subject(self, subject: str) -> Any:
        """Return the user ID for *subject*.

        Args:
            subject: the claim ``sub``.

        Raises:
            WrongUserID: *subject* is no user ID, or is a second spelling of one: ``int("4_2")`` is 42 too.
        """
        if self.are_strings:
            return subject
        try:
            user_id = self._convert(subject)
        except (ValueError, ArithmeticError) as error:
            raise WrongUserID from error
        if str(user_id) != subject:
            raise WrongUserID
        return user_id

    def to_subject(self, user_id: object) -> str:
        """Return the string for *user_id*, to be the claim ``sub``.

        Raises:
            TypeError: *user_id* is not a ``str``, ``int``, ``UUID`` or of the declared type. None and booleans are
                never user IDs.
            ValueError: the string would not be converted back to *user_id*, is empty or too long, or has control
                characters.
        """
        subject = user_id if self.are_strings and type(user_id) is str else self._write_subject(user_id)
        check_identifier("user_id", subject)
        return subject

    def _write_subject(self, user_id: object) -> str:
        """Return the string for *user_id*, if it is converted back to the same value. Its length is not checked."""
        if isinstance(user_id, bool) or not isinstance(user_id, (str, int, UUID, self._type)):
            raise TypeError(
                f"user_id must be a str, int, UUID or of the type user_id_type, got {type(user_id).__name__}"
            )
        subject = str(user_id)
        try:
            if isinstance(user_id, str) and subject != user_id:  # str() of an enumeration is its name
                raise WrongUserID
            self.from_subject(subject)
        except WrongUserID as error:
            name = getattr(self._convert, "__qualname__", type(self._convert).__qualname__)
            raise ValueError(
                f"user_id does not survive its conversion to a string and back by user_id_type, which is {name}: pass "
                "an ID that user_id_type accepts"
            ) from error
        return subject
