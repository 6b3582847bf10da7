"""What a browser would submit of a form: the successful controls, with line breaks as CR LF."""

from collections.abc import Mapping
from functools import cache
from html.parser import HTMLParser

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from herdbook.web.form.entries import FieldEntry
from herdbook.web.form.fields import Field
from herdbook.web.form.submission import Submission, submitted_entry

_TEMPLATE = '{% import "form/field.html" as form %}{{ form.root(entry, errors) }}'


def rendered(entry: FieldEntry, errors: Mapping[str, list[str]] | None = None) -> str:
    """The entry as HTML."""
    return _template().render(entry=entry, errors=errors or {})


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("herdbook.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.from_string(_TEMPLATE)


def pairs_of(html: str) -> list[tuple[str, str]]:
    """The names and texts that a browser would submit of the form in a page."""
    form = _Form()
    form.feed(html)
    form.close()
    return [(name, text.replace("\r\n", "\n").replace("\n", "\r\n")) for name, text in form.pairs]


def sent_back(entry: FieldEntry, **changes: str) -> FieldEntry:
    """The entry after a browser has shown and submitted it, with some inputs changed by their names."""
    pairs = pairs_of(rendered(entry))
    return sent(entry.field, *[pair for pair in pairs if pair[0] not in changes], *changes.items(), name=entry.name)


def sent(field: Field, *pairs: tuple[str, str], name: str = "jobData") -> FieldEntry:
    """The entry of a field for which these pairs were submitted."""
    return submitted_entry(field, name, Submission(pairs))


class _Form(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.pairs: list[tuple[str, str]] = []
        self._area: tuple[str, list[str]] | None = None
        self._select: str | None = None
        self._options: list[tuple[str, bool]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        name = found.get("name", "")
        if tag == "input":
            self._input(name, found)
        elif tag == "textarea":
            self._area = (name, [])
        elif tag == "select":
            self._select, self._options = name, []
        elif tag == "option":
            self._options.append((found["value"], "selected" in found))

    def handle_data(self, data: str) -> None:
        if self._area is not None:
            self._area[1].append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea" and self._area is not None:
            name, services = self._area
            # Browsers drop a line break right behind the tag.
            self.pairs.append((name, "".join(services).removeprefix("\n")))
            self._area = None
        elif tag == "select" and self._select is not None:
            chosen = [value for value, selected in self._options if selected] or [self._options[0][0]]
            self.pairs.append((self._select, chosen[-1]))
            self._select = None

    def _input(self, name: str, found: Mapping[str, str]) -> None:
        kind = found.get("type", "text")
        if kind in ("checkbox", "radio"):
            if "checked" in found:
                self.pairs.append((name, found["value"]))
        elif kind == "hidden":
            self.pairs.append((name, found["value"]))
        else:
            # A line has no breaks.
            self.pairs.append((name, found["value"].replace("\n", "").replace("\r", "")))
