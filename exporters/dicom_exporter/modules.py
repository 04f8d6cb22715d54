"""The modules of the configuration: what each prober can be told."""

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.valuerep import STR_VR

from exporters.dicom_exporter.probe_patient import PROBE_PATIENT_ID
from exporters.dicom_exporter.target import Target
from exporters.dicom_exporter.tls import Tls
from exporters.dimse import uids
from exporters.dimse.pdu import encode_ae_title


def _ae_title(title: str) -> str:
    return encode_ae_title(title).decode("ascii").strip()


def _text(text: str) -> str:
    if not text.isascii() or not text.isprintable():
        raise ValueError("has to be printable ASCII")
    return text


def _person_text(text: str) -> str:
    if not text.isascii() or not text.isprintable() or "\\" in text:
        raise ValueError("has to be printable ASCII without a backslash")
    return text


def _uid(text: str) -> str:
    if not uids.is_valid(text):
        raise ValueError(f"{text!r} is no valid UID")
    return text


def _keyword(keyword: str) -> str:
    if tag_for_keyword(keyword) is None:
        raise ValueError(f"{keyword!r} is no keyword of a DICOM attribute (PS3.6)")
    return keyword


def _path(path: str) -> str:
    if not re.fullmatch(r"(/[A-Za-z0-9._~-]+)*", path):
        raise ValueError("has to be empty or a path like /dicom-web, without a slash at its end")
    return path


def _host_port(text: str) -> str:
    return str(Target.parse(text))


AeTitle = Annotated[str, AfterValidator(_ae_title)]
PersonText = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_person_text)]
Uid = Annotated[str, AfterValidator(_uid)]
Keyword = Annotated[str, AfterValidator(_keyword)]
Text = Annotated[str, AfterValidator(_text)]
UrlPath = Annotated[str, AfterValidator(_path)]


class Strict(BaseModel):
    """Knows its keys, and never changes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _is_sequence(keyword: str) -> bool:
    return _representation(keyword) == "SQ"


def _representation(keyword: str) -> str:
    tag = tag_for_keyword(keyword)
    return "" if tag is None else dictionary_VR(tag)


def _texts(match: dict[str, str]) -> dict[str, str]:
    for keyword in match:
        if (representation := _representation(keyword)) not in STR_VR:
            raise ValueError(f"{keyword} cannot be matched: its value representation {representation} is no text")
    return match


def _agree(match: "dict[str, str | dict[str, str]]") -> "dict[str, str | dict[str, str]]":
    for keyword, value in match.items():
        if _is_sequence(keyword) is isinstance(value, str):
            is_a, wanted = ("a", "mapping") if isinstance(value, str) else ("no", "text")
            raise ValueError(f"{keyword} is {is_a} sequence: its value has to be a {wanted}")
        _texts({keyword: value} if isinstance(value, str) else value)
    return match


Match = Annotated[dict[Keyword, Text | dict[Keyword, Text]], AfterValidator(_agree)]
"""Attribute keyword -> value to match, as C-FIND takes it (PS3.4 section C.2.2.2); a sequence has a mapping."""


class Patient(Strict):
    """The patient that stored instances belong to: an invented one, marked as a quality control subject."""

    id: PersonText = Field(default=PROBE_PATIENT_ID, description="Patient ID (0010,0020)")
    name: PersonText = Field(default="VNAOPS^PROBE", description="Patient's Name (0010,0010)")


class _Module(Strict):
    timeout_seconds: float = Field(
        default=10.0, gt=0, le=300, description="The longest a probe takes, whatever the scrape allows"
    )
    tls: Tls | None = Field(default=None, description="TLS towards the target; without this section: none")


class DimseModule(_Module):
    """What all probers of DIMSE services can be told."""

    calling_ae_title: AeTitle = Field(default="VNAOPS_PROBE", description="The AE title of the prober")
    called_ae_title: AeTitle = Field(description="The AE title of the target, unless `targets` has one for it")


class Imaging(Strict):
    """What a prober that stores can be told of its instance."""

    patient: Patient = Field(default_factory=Patient)
    rows: int = Field(default=128, ge=1, le=4096, description="Rows of the stored image; one byte per pixel")
    columns: int = Field(default=128, ge=1, le=4096, description="Columns of the stored image")


class EchoModule(DimseModule):
    """C-ECHO."""

    prober: Literal["echo"]


class StoreModule(DimseModule, Imaging):
    """C-STORE of a new secondary capture instance."""

    prober: Literal["store"]


class FindModule(DimseModule):
    """C-FIND."""

    prober: Literal["find"]
    level: Literal["patient", "study", "series", "image", "worklist"] = Field(
        description="Query/Retrieve level (patient: Patient Root, else Study Root), or the Modality Worklist"
    )
    match: Match = Field(default_factory=dict, description="What to look for")
    return_keys: tuple[Keyword, ...] = Field(default=(), description="Attributes to ask for besides")
    min_results: int = Field(default=0, ge=0, description="With fewer results the probe has failed")
    max_results: int = Field(default=1000, ge=1, le=100_000, description="After so many results comes a C-CANCEL")

    @model_validator(mode="after")
    def _possible(self) -> "FindModule":
        if self.min_results > self.max_results:
            raise ValueError("min_results cannot be more than max_results: the query is cancelled before")
        return self


class _Retrieve(DimseModule):
    level: Literal["patient", "study", "series", "image"] = Field(
        description="Query/Retrieve level (patient: Patient Root, else Study Root)"
    )
    match: Match = Field(min_length=1, description="The unique keys of what to retrieve (PS3.4 section C.2.2.1)")
    min_results: int = Field(default=1, ge=0, description="With fewer instances the probe has failed")


class GetModule(_Retrieve):
    """C-GET."""

    prober: Literal["get"]
    sop_classes: tuple[Uid, ...] = Field(
        default=(uids.SECONDARY_CAPTURE_IMAGE_STORAGE,),
        min_length=1,
        max_length=120,
        description="Storage SOP classes to take",
    )
    transfer_syntaxes: tuple[Uid, ...] = Field(
        default=(uids.EXPLICIT_VR_LITTLE_ENDIAN, uids.IMPLICIT_VR_LITTLE_ENDIAN),
        min_length=1,
        description="Transfer syntaxes to take them in",
    )


class MoveModule(_Retrieve):
    """C-MOVE to the prober's own SCP (the section `receiver`)."""

    prober: Literal["move"]


class CommitmentModule(DimseModule, Imaging):
    """Storage commitment of a new instance: C-STORE, N-ACTION, and the N-EVENT-REPORT that comes back."""

    prober: Literal["commitment"]


class BasicAuth(Strict):
    """User and password (RFC 7617)."""

    username: Annotated[str, Field(min_length=1, pattern="^[^:]*$")]
    password_file: Path = Field(description="Read at each probe; a line break at its end is no part of it")


class WebAccess(Strict):
    """How to speak to a DICOMweb server."""

    tls: Tls | None = Field(default=None, description="https; without this section: http")
    path: UrlPath = Field(default="/dicom-web", description="The path before /studies")
    basic_auth: BasicAuth | None = None
    bearer_token_file: Path | None = Field(default=None, description="Read at each probe (RFC 6750)")
    max_body_bytes: int = Field(
        default=16 << 20, ge=1, le=1 << 30, description="A longer answer is given up: the probe has failed"
    )

    @model_validator(mode="after")
    def _one_identity(self) -> "WebAccess":
        if self.basic_auth and self.bearer_token_file:
            raise ValueError("bearer_token_file cannot be set with basic_auth: a request has one Authorization")
        return self


class WebModule(_Module, WebAccess):
    """What all probers of DICOMweb can be told."""


class QidoModule(WebModule):
    """QIDO-RS."""

    prober: Literal["qido-rs"]
    level: Literal["studies", "series", "instances"] = "studies"
    match: Annotated[dict[Keyword, Text], AfterValidator(_texts)] = Field(
        default_factory=dict, description="What to look for"
    )
    min_results: int = Field(default=0, ge=0, description="With fewer results the probe has failed")
    max_results: int = Field(default=100, ge=1, le=10_000, description="The parameter `limit`")
    max_body_bytes: int = Field(
        default=1 << 20,
        ge=1,
        le=1 << 26,
        description="A longer answer is given up; JSON takes twenty times as much memory",
    )


class InstanceUids(Strict):
    """One instance of the archive."""

    study: Uid
    series: Uid
    instance: Uid


class StowModule(WebModule, Imaging):
    """STOW-RS of a new secondary capture instance."""

    prober: Literal["stow-rs"]


class WadoRsModule(WebModule, Imaging):
    """WADO-RS of an instance."""

    prober: Literal["wado-rs"]
    instance: InstanceUids | None = Field(default=None, description="Without: a new one, stored by STOW-RS before")


class WadoUriModule(WebModule, Imaging):
    """WADO-URI of an instance."""

    prober: Literal["wado-uri"]
    wado_path: UrlPath = Field(default="/wado", description="The path of WADO-URI")
    instance: InstanceUids | None = Field(default=None, description="Without: a new one, stored by STOW-RS before")


class WebRetrieve(WebAccess):
    """Where a round trip retrieves by WADO-RS."""

    target: Annotated[str, AfterValidator(_host_port)] = Field(description="HOST:PORT of the DICOMweb server")


class RoundTripModule(DimseModule, Imaging):
    """Store, find, retrieve, compare: the one probe that says that the archive works."""

    prober: Literal["round-trip"]
    rows: int = Field(default=64, ge=1, le=1024, description="Rows of the stored image; one byte per pixel")
    columns: int = Field(default=64, ge=1, le=1024, description="Columns of the stored image")
    retrieve: Literal["get", "move", "wado-rs"] = Field(default="get", description="How the instance comes back")
    wado_rs: WebRetrieve | None = Field(default=None, description="Where from, with `retrieve: wado-rs`")
    find_within_seconds: float = Field(
        default=0.0, ge=0, le=60, description="How long the archive may take to find what it has stored"
    )

    @model_validator(mode="after")
    def _way(self) -> "RoundTripModule":
        if (self.retrieve == "wado-rs") is not (self.wado_rs is not None):
            raise ValueError("the section wado_rs belongs to retrieve: wado-rs, and that needs it")
        return self


Module = Annotated[
    EchoModule
    | StoreModule
    | FindModule
    | GetModule
    | MoveModule
    | CommitmentModule
    | RoundTripModule
    | QidoModule
    | WadoRsModule
    | WadoUriModule
    | StowModule,
    Field(discriminator="prober"),
]
