"""The DICOM standard's tables for dicom-validator, which would fetch them from the network.

They are those of PS3.3 and PS3.4 in the edition of spring 2020, as PyPI's dicom-standard carries them; the conditions
and the enumerated values in their texts are read by dicom-validator's own parsers. Values that stand in another section
of the text are not among them: the tables have lost which part of such a section belongs to which attribute.
"""

import json
from functools import cache
from html.parser import HTMLParser
from importlib.metadata import files
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from dicom_validator.spec_reader.condition_parser import ConditionParser
from dicom_validator.spec_reader.enum_parser import EnumParser
from dicom_validator.spec_reader.serializer import DefinitionEncoder
from dicom_validator.validator.dicom_info import DicomInfo
from pydicom.datadict import DicomDictionary

Table = list[dict[str, Any]]

# Content items have the attributes of their value type (PS3.3 table C.17-5, "if and only if Value Type is"); the merged
# tables have lost these conditions.
_OF_VALUE_TYPE = {
    "(0040,A300)": ("NUM",),
    "(0040,A168)": ("CODE",),
    "(0008,1199)": ("COMPOSITE", "IMAGE", "WAVEFORM"),
    "(0070,0022)": ("SCOORD", "SCOORD3D"),
    "(0070,0023)": ("SCOORD", "SCOORD3D"),
    "(3006,0024)": ("SCOORD3D",),
    "(0040,A130)": ("TCOORD",),
    "(0040,A132)": ("TCOORD",),
    "(0040,A138)": ("TCOORD",),
    "(0040,A13A)": ("TCOORD",),
    "(0040,A050)": ("CONTAINER",),
}
_CONTENT_SEQUENCE = "(0040,A730)"
_DEPTH = 6  # levels of content; no report here has more


@cache
def dicom_info(sop_class: str) -> DicomInfo:
    """The IOD of this SOP class: its modules, functional groups and their attributes.

    Raises:
        KeyError: the tables have no such class.
    """
    return _standard().info(sop_class)


@cache
def _standard() -> "_Standard":
    return _Standard()


@cache
def _table(name: str) -> Any:
    (file,) = (file for file in files("dicom-standard") or [] if file.name == f"{name}.json")
    return json.loads(Path(str(file.locate())).read_bytes())


class _Standard:
    def __init__(self) -> None:
        self._dictionary = {
            f"({tag >> 16:04X},{tag & 0xFFFF:04X})": {"name": name, "vr": vr, "vm": vm, "prop": retired}
            for tag, (vr, vm, name, retired, _) in DicomDictionary.items()
        }
        self._conditions = ConditionParser(self._dictionary)
        self._enumerations = EnumParser(lambda _: None, self._conditions)

    def info(self, sop_class: str) -> DicomInfo:
        title = {one["id"]: one["ciod"] for one in _table("sops")}[sop_class]
        iod = {one["name"]: one["id"] for one in _table("ciods")}[title]
        modules = _grouped("ciod_to_modules", "ciodId", {iod})[iod]
        macros = _grouped("ciod_to_fg_macros", "ciodId", {iod})[iod]
        described = {
            "title": title,
            "modules": {row["moduleId"]: self._use(row, row["moduleId"]) for row in modules},
            "group_macros": {row["macroId"]: self._use(row, _macro(row["macroId"])) for row in macros},
        }
        attributes: dict[str, Any] = {}
        used = {row["moduleId"] for row in modules}
        for name, rows in _grouped("module_to_attributes", "moduleId", used).items():
            attributes[name] = _completed(self._attributes(rows))
        used = {row["macroId"] for row in macros}
        for name, rows in _grouped("macro_to_attributes", "macroId", used).items():
            attributes[_macro(name)] = self._attributes(rows)
        plain = json.loads(json.dumps([{sop_class: described}, attributes], cls=DefinitionEncoder))
        return DicomInfo(self._dictionary, *plain)

    def _use(self, row: dict[str, Any], ref: str) -> dict[str, Any]:
        said = row["usage"] + (f" - {row['conditionalStatement']}" if row["conditionalStatement"] else "")
        return {"ref": ref, "use": said, **({"cond": self._conditions.parse(said)} if len(said) > 1 else {})}

    def _attributes(self, rows: Table) -> dict[str, Any]:
        """The rows of a module or macro as a tree by tag."""
        tree: dict[str, Any] = {}
        for row in rows:
            level = tree
            *above, last = row["path"].split(":")[1:]
            for step in above:
                level = level.setdefault(_tag(step), {"name": "", "type": "3"}).setdefault("items", {})
            tag = _tag(last)
            level[tag] = {**level.get(tag, {}), **self._attribute(tag, row)}
        return tree

    def _attribute(self, tag: str, row: dict[str, Any]) -> dict[str, Any]:
        kind = row["type"]
        known = self._dictionary.get(tag, {"name": tag, "vr": ""})
        attribute: dict[str, Any] = {"name": known["name"], "type": kind if kind != "None" else "3"}
        described = _docbook(row["description"])
        if kind in ("1C", "2C", "3"):
            condition = self._conditions.parse(" ".join("".join(described.itertext()).split()))
            if condition.type and not condition.type.user_defined:
                attribute["cond"] = condition
        values = self._enumerations.parse(described, known["vr"])
        own = [
            {key: value for key, value in one.items() if key != "tag"} for one in values if one.get("tag", tag) == tag
        ]
        return {**attribute, **({"enums": own} if own else {})}


def _grouped(table: str, key: str, wanted: set[str]) -> dict[str, Table]:
    """The rows of a table, by those values of the key that are wanted; a few have none."""
    grouped: dict[str, Table] = {name: [] for name in wanted}
    for row in _table(table):
        if row[key] in wanted:
            grouped[row[key]].append(row)
    return grouped


def _macro(name: str) -> str:
    return f"macro {name}"


def _tag(step: str) -> str:
    """As dicom-validator writes it; the x of repeating groups stays small."""
    return f"({step[:4].upper()},{step[4:].upper()})".replace("X", "x")


def _completed(attributes: dict[str, Any]) -> dict[str, Any]:
    """With what the tables leave out: functional groups, and content items within content items."""
    for groups in ("(5200,9229)", "(5200,9230)"):
        if groups in attributes:
            attributes[groups].setdefault("items", {})["include"] = [{"ref": "FuncGroup"}]
    if _CONTENT_SEQUENCE in attributes:
        items = attributes[_CONTENT_SEQUENCE]["items"]
        for level in (attributes, items):
            for tag in _OF_VALUE_TYPE.keys() & level.keys():
                values = list(_OF_VALUE_TYPE[tag])
                condition = {"type": "MN", "op": "=", "tag": "(0040,A040)", "index": 0, "values": values}
                level[tag] |= {"type": level[tag]["type"].rstrip("C") + "C", "cond": condition}
        for _ in range(_DEPTH):
            items = items | {_CONTENT_SEQUENCE: attributes[_CONTENT_SEQUENCE] | {"items": items}}
        attributes[_CONTENT_SEQUENCE]["items"] = items
    return attributes


def _docbook(html: str) -> ElementTree.Element:
    """What the parsers of docbook look for, from HTML: lists of values, and the text."""
    reader = _Reader()
    reader.feed(html)
    return reader.root


_NS = EnumParser.docbook_ns


class _Reader(HTMLParser):
    """`<p><strong>Enumerated Values:</strong></p><dl><dt>A</dt>…` becomes a variablelist with its title."""

    def __init__(self) -> None:
        super().__init__()
        self.root = ElementTree.Element(_NS + "td")
        self._title, self._into = "", ""
        self._list: ElementTree.Element | None = None
        self._term: ElementTree.Element | None = None

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag == "strong":
            self._title, self._into = "", "title"
        elif tag == "dl":
            self._list = ElementTree.SubElement(self.root, _NS + "variablelist")
            ElementTree.SubElement(self._list, _NS + "title").text = self._title.strip()
        elif tag == "dt" and self._list is not None:
            entry = ElementTree.SubElement(self._list, _NS + "varlistentry")
            self._term, self._into = ElementTree.SubElement(entry, _NS + "term"), "term"
            self._term.text = ""

    def handle_endtag(self, tag: str) -> None:
        if tag in ("strong", "dt"):
            self._into = ""
        elif tag == "dl":
            self._list = self._term = None

    def handle_data(self, data: str) -> None:
        if self._into == "title":
            self._title += data
        elif self._into == "term" and self._term is not None:
            self._term.text = (self._term.text or "") + data.strip()
        elif self._list is None:
            last = ElementTree.SubElement(self.root, _NS + "para")
            last.text = data
