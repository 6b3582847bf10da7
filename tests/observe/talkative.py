"""A module of an application whose function runs in a process of its own and logs there."""

import logging

import structlog


def speak(payload: dict[str, str]) -> str:
    logging.getLogger("app").warning("from a library: %s", payload["word"])
    structlog.get_logger("app").info("from the function", word=payload["word"])
    return payload["word"]
