"""An application module with a function that logs, in a separate process too."""

import logging

import structlog


def speak(payload: dict[str, str]) -> str:
    logging.getLogger("app").warning("from a library: %s", payload["word"])
    structlog.get_logger("app").info("from the function", word=payload["word"])
    return payload["word"]
