"""The common base of the records of a store, which can be copied with changes."""

from typing import Any, Self

import msgspec


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """A value whose fields do not change. ``replace`` returns a changed copy."""

    def replace(self, **changes: Any) -> Self:
        """Return a copy of this record with some fields changed. It is checked like a new record.

        Args:
            changes: the new values, by the names of the fields.

        Raises:
            TypeError: the record has no such field, or a value has the wrong type.
            ValueError: a value is out of range or malformed.
        """
        fields = {name: getattr(self, name) for name in self.__struct_fields__}
        return type(self)(**{**fields, **changes})  # msgspec 0.19 checks a record only when it is made so
