"""What structured reports say: content items (PS3.3 section C.17.3) by the templates of PS3.16."""

from typing import Any, Final

import numpy as np
from pydicom.dataset import Dataset

from loadtests.profiles.modules import coded, make
from loadtests.profiles.uids import derive

DISTINCT: Final = 8
"""Reports of each sort."""
NONCE_CHARACTERS: Final = 64

_CHAPTERS = (("121060", "History"), ("121070", "Findings"), ("121072", "Impressions"))
_SENTENCES = (
    "No focal lesion is seen in the part of the body that was examined.",
    "The caliber of the large vessels is regular, without a filling defect.",
    "Compared with the prior examination there is no relevant change.",
    "The lymph nodes are not enlarged by their short axis.",
    "A nodule with smooth margins is unchanged in size.",
)


def findings(seed: int, number: int) -> Dataset:
    """A basic diagnostic imaging report (TID 2000) of synthetic sentences and measurements."""
    random = np.random.default_rng([seed, number, 0xF1D])
    said = [" ".join(random.choice(_SENTENCES, 3)) for _ in range(4 + 4 * number)]
    measured = [
        quantity(("103339001", "SCT", "Long Axis"), f"{random.uniform(3, 40):.1f}", ("mm", "UCUM", "millimeter"))
        for _ in range(2 + number)
    ]
    texts = [text(("121071", "DCM", "Finding"), sentence) for sentence in said]
    history = text(("121060", "DCM", "History"), "Synthetic test study.")
    impression = text(("121073", "DCM", "Impression"), "0" * NONCE_CHARACTERS)
    chapters = zip(_CHAPTERS, ([history], [*texts, *measured], [impression]), strict=True)
    return _root(
        ("18748-4", "LN", "Diagnostic Imaging Report"),
        "2000",
        [
            code(("121058", "DCM", "Procedure reported"), ("77477000", "SCT", "CT"), "HAS CONCEPT MOD"),
            *(container((value, "DCM", meaning), items) for (value, meaning), items in chapters),
        ],
    )


def dose(seed: int, number: int) -> Dataset:
    """A CT radiation dose report (TID 10011) with 2 to 16 irradiations."""
    random = np.random.default_rng([seed, number, 0xD05E])
    events = [_irradiation(random, seed, number, event) for event in range(2 * (number + 1))]
    product = f"{random.uniform(200, 1500):.1f}"
    total = container(
        ("113811", "DCM", "CT Accumulated Dose Data"),
        [
            quantity(("113812", "DCM", "Total Number of Irradiation Events"), f"{len(events)}", _EVENTS),
            quantity(("113813", "DCM", "CT Dose Length Product Total"), product, _MILLIGRAY_CENTIMETER),
        ],
    )
    reported = code(("121058", "DCM", "Procedure reported"), ("77477000", "SCT", "CT"), "HAS CONCEPT MOD")
    reported.ContentSequence = [
        code(("363703001", "SCT", "Has Intent"), ("261004008", "SCT", "Diagnostic Intent"), "HAS CONCEPT MOD")
    ]
    scope = code(("113705", "DCM", "Scope of Accumulation"), ("113014", "DCM", "Study"), "HAS OBS CONTEXT")
    scope.ContentSequence = [
        reference(("110180", "DCM", "Study Instance UID"), derive("dose", seed, number), "HAS PROPERTIES")
    ]
    source = code(
        ("113854", "DCM", "Source of Dose Information"), ("113856", "DCM", "Automated Data Collection"), "CONTAINS"
    )
    return _root(
        ("113701", "DCM", "X-Ray Radiation Dose Report"),
        "10011",
        [
            reported,
            scope,
            total,
            *events,
            source,
            text(("121106", "DCM", "Comment"), "0" * NONCE_CHARACTERS),
        ],
    )


_EVENTS = ("{events}", "UCUM", "events")
_MILLIGRAY = ("mGy", "UCUM", "mGy")
_MILLIGRAY_CENTIMETER = ("mGy.cm", "UCUM", "mGy.cm")
_MILLIMETER = ("mm", "UCUM", "mm")


def _irradiation(random: np.random.Generator, seed: int, number: int, event: int) -> Dataset:
    """CT irradiation event data (TID 10013)."""
    dose_index = random.uniform(3, 25)
    length = random.uniform(120, 600)
    parameters = container(
        ("113822", "DCM", "CT Acquisition Parameters"),
        [
            quantity(("113824", "DCM", "Exposure Time"), f"{random.uniform(1, 12):.2f}", ("s", "UCUM", "s")),
            quantity(("113825", "DCM", "Scanning Length"), f"{length:.1f}", _MILLIMETER),
            quantity(("113826", "DCM", "Nominal Single Collimation Width"), "0.625", _MILLIMETER),
            quantity(("113827", "DCM", "Nominal Total Collimation Width"), "40", _MILLIMETER),
            quantity(("113828", "DCM", "Pitch Factor"), "0.984", ("{ratio}", "UCUM", "ratio")),
            quantity(("113823", "DCM", "Number of X-Ray Sources"), "1", ("{X-Ray sources}", "UCUM", "X-Ray sources")),
        ],
    )
    delivered = container(
        ("113829", "DCM", "CT Dose"),
        [
            quantity(("113830", "DCM", "Mean CTDIvol"), f"{dose_index:.2f}", _MILLIGRAY),
            code(
                ("113835", "DCM", "CTDIw Phantom Type"),
                ("113691", "DCM", "IEC Body Dosimetry Phantom"),
                "CONTAINS",
            ),
            quantity(("113838", "DCM", "DLP"), f"{dose_index * length / 10:.2f}", _MILLIGRAY_CENTIMETER),
        ],
    )
    return container(
        ("113819", "DCM", "CT Acquisition"),
        [
            text(("125203", "DCM", "Acquisition Protocol"), f"Synthetic {event + 1}"),
            code(("123014", "DCM", "Target Region"), ("51185008", "SCT", "Chest"), "CONTAINS"),
            code(("113820", "DCM", "CT Acquisition Type"), ("116152004", "SCT", "Spiral Acquisition"), "CONTAINS"),
            reference(("113769", "DCM", "Irradiation Event UID"), derive("event", seed, number, event), "CONTAINS"),
            parameters,
            delivered,
        ],
    )


Code = tuple[str, str, str]
"""Value, scheme and meaning."""


def _root(title: Code, template: str, items: list[Dataset]) -> Dataset:
    """The outermost container, with the language and the observer (TID 1204 and 1001)."""
    language = code(
        ("121049", "DCM", "Language of Content Item and Descendants"), ("en", "RFC5646", "English"), "HAS CONCEPT MOD"
    )
    observer = [
        code(("121005", "DCM", "Observer Type"), ("121007", "DCM", "Device"), "HAS OBS CONTEXT"),
        reference(("121012", "DCM", "Device Observer UID"), derive("vnaops", "observer"), "HAS OBS CONTEXT"),
    ]
    # modifiers of the title come first, then the context, then what is contained
    modifiers = [item for item in items if item.RelationshipType == "HAS CONCEPT MOD"]
    contained = [item for item in items if item.RelationshipType != "HAS CONCEPT MOD"]
    return make(
        ValueType="CONTAINER",
        ConceptNameCodeSequence=coded(*title),
        ContinuityOfContent="SEPARATE",
        ContentTemplateSequence=[make(MappingResource="DCMR", TemplateIdentifier=template)],
        ContentSequence=[language, *modifiers, *observer, *contained],
    )


def _item(kind: str, relationship: str, name: Code, **values: Any) -> Dataset:
    return make(RelationshipType=relationship, ValueType=kind, ConceptNameCodeSequence=coded(*name), **values)


def container(name: Code, items: list[Dataset]) -> Dataset:
    """A chapter."""
    return _item("CONTAINER", "CONTAINS", name, ContinuityOfContent="SEPARATE", ContentSequence=items)


def text(name: Code, value: str) -> Dataset:
    """A sentence; its text is the last element of the item."""
    return _item("TEXT", "CONTAINS", name, TextValue=value)


def code(name: Code, value: Code, relationship: str) -> Dataset:
    """A concept."""
    return _item("CODE", relationship, name, ConceptCodeSequence=coded(*value))


def reference(name: Code, uid: str, relationship: str) -> Dataset:
    """A UID."""
    return _item("UIDREF", relationship, name, UID=uid)


def quantity(name: Code, value: str, unit: Code) -> Dataset:
    """A number with its unit."""
    measured = make(NumericValue=value, MeasurementUnitsCodeSequence=coded(*unit))
    return _item("NUM", "CONTAINS", name, MeasuredValueSequence=[measured])
