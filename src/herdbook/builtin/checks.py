"""Takes texts of payloads, and what is wrong with them.

Gives errors that pydantic shows at the right field, in words for a person.
Never repeats the refused value, for it may be secret.
"""

import unicodedata

from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError


def problem(message: str) -> PydanticCustomError:
    """The error to raise in a validator; `message` is shown as it is, with no "Value error" before it."""
    return PydanticCustomError("unusable", "{message}", {"message": message})


def problem_at(field: str, message: str) -> ValidationError:
    """The error to raise in a validator of a whole model, shown at its `field` (named as in JSON)."""
    details = InitErrorDetails(type=problem(message), loc=(field,), input=None)
    return ValidationError.from_exception_data("payload", [details], hide_input=True)


def single_line(text: str) -> str:
    """The text, without the spaces around it; refused when it has control characters or line breaks."""
    if any(unicodedata.category(character) in {"Cc", "Zl", "Zp"} for character in text):
        raise problem("line breaks and control characters are not allowed here")
    return text.strip()
