"""Validation errors for payloads, with readable messages at the right field.

They never repeat the refused value, because it may be secret.
"""

import unicodedata

from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError


def problem(message: str) -> PydanticCustomError:
    """The error to raise in a validator; `message` is shown as it is, without a "Value error" prefix."""
    return PydanticCustomError("unusable", "{message}", {"message": message})


def problem_at(field: str, message: str) -> ValidationError:
    """The error to raise in a model validator, shown at `field` (its name in JSON)."""
    details = InitErrorDetails(type=problem(message), loc=(field,), input=None)
    return ValidationError.from_exception_data("payload", [details], hide_input=True)


def single_line(text: str) -> str:
    """The text, stripped; raises if it contains control characters or line breaks."""
    if any(unicodedata.category(character) in {"Cc", "Zl", "Zp"} for character in text):
        raise problem("line breaks and control characters are not allowed here")
    return text.strip()
