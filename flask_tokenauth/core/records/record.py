"""The common base of the records that an application may make others from."""

from typing import Any, Self

import msgspec


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """A value whose fields do not change. :meth:`replace` makes another one."""

    def replace(self, **changes: Any) -> Self:
        """Return a copy of this record with some fields changed. It is checked like a new record.

        Args:
            changes: the new values, by the names of the fields.

        Raises:
            TypeError: the record has no such field, or a value is of the wrong type.
            ValueError: a value cannot be one of this record.
        """
        return msgspec.structs.replace(self, **changes)
