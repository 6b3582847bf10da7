"""Takes a class of fields.

Gives a value as the path of a job makes it by the thousand: slotted, keyword-only, and frozen for the type checker.
Never refuses an assignment at run time: that check would double the time that it takes to make one.
"""

from dataclasses import dataclass
from typing import TypeVar, dataclass_transform

Class = TypeVar("Class")


@dataclass_transform(frozen_default=True, kw_only_default=True)
def fast_dataclass(cls: type[Class]) -> type[Class]:
    """Make the class a dataclass whose instances nobody changes."""
    return dataclass(slots=True, kw_only=True, unsafe_hash=True)(cls)
