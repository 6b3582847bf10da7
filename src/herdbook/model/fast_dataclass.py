"""A dataclass decorator for values created by the thousand: slotted, keyword-only, frozen for the type checker alone.

It does not freeze at run time, because that doubles the cost of creating an instance.
"""

from dataclasses import dataclass
from typing import TypeVar, dataclass_transform

Class = TypeVar("Class")


@dataclass_transform(frozen_default=True, kw_only_default=True)
def fast_dataclass(cls: type[Class]) -> type[Class]:
    """Make the class a dataclass whose instances must not be changed."""
    return dataclass(slots=True, kw_only=True, unsafe_hash=True)(cls)
