"""The typeface of a PDF: DejaVu, Noto or the like if installed, otherwise Helvetica, which covers only Latin-1.

No text makes it fail: characters without a glyph become question marks.
"""

import functools
import os
import unicodedata
from collections.abc import Iterator
from pathlib import Path

from fpdf import FPDF
from fpdf.bidi import BidiParagraph
from fpdf.fonts import TTFFont

# Regular and bold. DejaVu first, because one file has Greek, Cyrillic, Hebrew, Arabic and many symbols.
_FILES = (
    ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf"),
    ("NotoSans-Regular.ttf", "NotoSans-Bold.ttf"),
    ("LiberationSans-Regular.ttf", "LiberationSans-Bold.ttf"),
    ("Arial Unicode.ttf", "Arial Unicode.ttf"),
    ("arial.ttf", "arialbd.ttf"),
)
_FOLDERS = (
    "/usr/share/fonts",
    "/usr/local/share/fonts",
    "~/.local/share/fonts",
    "~/.fonts",
    "/Library/Fonts",
)
_MORE_FOLDERS = ("/System/Library/Fonts/Supplemental", "C:/Windows/Fonts")
_LATIN = str.maketrans({"–": "-", "—": "-", "‘": "'", "’": "'", "“": '"', "”": '"', "…": "...", "•": "*", "€": "EUR"})
_LATIN_1 = frozenset(range(0x100))
_MIRRORED = str.maketrans("()[]{}<>«»", ")(][}{><»«")
_RIGHT_TO_LEFT = {"R", "AL"}


class Typeface:
    """The regular and the bold font of one family in a PDF."""

    def __init__(self, pdf: FPDF, files: tuple[Path, Path] | None) -> None:
        self._pdf = pdf
        self._family = "unicode" if files else "helvetica"
        for style, file in zip(("", "B"), files or (), strict=False):
            pdf.add_font(self._family, style, file)
        fonts = [font for font in pdf.fonts.values() if isinstance(font, TTFFont)]
        self._known = frozenset.intersection(*(frozenset(font.cmap) for font in fonts)) if fonts else _LATIN_1
        self._shown = functools.cache(self._show)

    def use(self, points: float, *, bold: bool = False) -> None:
        """Use this size and weight from now on."""
        self._pdf.set_font(self._family, "B" if bold else "", points)

    def width(self, text: str) -> float:
        """The width in millimetres of a text returned by `plain`, in the current size and weight."""
        font = self._pdf.current_font
        assert font is not None
        return float(font.get_text_width(text, self._pdf.font_size_pt, None)[1]) / self._pdf.k

    def plain(self, text: str) -> str:
        """The text as one line of characters that this typeface can show."""
        text = unicodedata.normalize("NFC", " ".join(text.split()))
        if text.isascii() and text.isprintable():
            return text
        if self._known is _LATIN_1:
            text = text.translate(_LATIN)
        return "".join(map(self._shown, text))

    def _show(self, character: str) -> str:
        """The character, an empty string if it is invisible, or a question mark."""
        if unicodedata.category(character) in {"Cc", "Cf", "Cs"} or 0xFE00 <= ord(character) <= 0xFE0F:
            return ""
        return character if ord(character) in self._known else "?"


def visual_order(line: str) -> str:
    """A line with its characters in visual order: right-to-left scripts are reversed."""
    if line.isascii() or not any(unicodedata.bidirectional(character) in _RIGHT_TO_LEFT for character in line):
        return line
    characters = BidiParagraph(line).get_reordered_characters()
    return "".join(
        found.character.translate(_MIRRORED) if found.embedding_level % 2 else found.character for found in characters
    )


def find_fonts() -> tuple[Path, Path] | None:
    """The regular and the bold file of a font with many scripts, if this machine has one."""
    wanted = {name for pair in _FILES for name in pair}
    found = {path.name: path for folder in (*_FOLDERS, *_MORE_FOLDERS) for path in _files_below(folder, wanted)}
    return next(
        ((found[regular], found.get(bold, found[regular])) for regular, bold in _FILES if regular in found),
        None,
    )


def _files_below(folder: str, wanted: set[str]) -> Iterator[Path]:
    for place, _, names in os.walk(Path(folder).expanduser()):
        yield from (Path(place, name) for name in names if name in wanted)
