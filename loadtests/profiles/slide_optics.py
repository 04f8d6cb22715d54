"""What a slide scanner says about light, glass and tissue: PS3.3 sections C.8.12.5 and C.7.6.22."""

from functools import cache
from typing import Any

from PIL import ImageCms
from pydicom.dataset import Dataset

from loadtests.profiles.modules import coded, make
from loadtests.profiles.uids import derive


def optical_path() -> dict[str, Any]:
    """Bright-field light through an objective of 40 times."""
    path = make(
        OpticalPathIdentifier="1",
        OpticalPathDescription="Bright field",
        IlluminationTypeCodeSequence=coded("111744", "DCM", "Brightfield illumination"),
        IlluminationColorCodeSequence=coded("414298005", "SCT", "Full Spectrum"),
        ICCProfile=_srgb(),
        ColorSpace="SRGB",
        ObjectiveLensPower=40,
    )
    return {"NumberOfOpticalPaths": 1, "OpticalPathSequence": [path]}


@cache
def _srgb() -> bytes:
    """The profile of sRGB, which little CMS makes with the present moment in it: a fixed one is put there."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile[24:36] = bytes.fromhex("07ea 0001 0001 0000 0000 0000")  # ICC.1 section 7.2.8: 1 January 2026
    return bytes(profile) + b"\0" * (len(profile) % 2)


def specimen(slide: int) -> dict[str, Any]:
    """One section on one glass slide, stained with hematoxylin and eosin."""
    identifier = f"VNAOPS-{slide + 1}"
    described = make(
        SpecimenIdentifier=identifier,
        SpecimenUID=derive("specimen", slide),
        IssuerOfTheSpecimenIdentifierSequence=[],
        SpecimenShortDescription="Synthetic section, HE",
        SpecimenPreparationSequence=[
            _step(identifier, "12710003", "hematoxylin stain"),
            _step(identifier, "36879007", "water soluble eosin stain"),
        ],
    )
    return {
        "ContainerIdentifier": identifier,
        "IssuerOfTheContainerIdentifierSequence": [],
        "ContainerTypeCodeSequence": coded("433466003", "SCT", "Microscope slide"),
        "SpecimenDescriptionSequence": [described],
    }


def _step(identifier: str, substance: str, meaning: str) -> Dataset:
    """A stain, as a specimen preparation step (PS3.16 TID 8001 and 8003)."""
    items = [
        make(
            ValueType="TEXT",
            ConceptNameCodeSequence=coded("121041", "DCM", "Specimen Identifier"),
            TextValue=identifier,
        ),
        make(
            ValueType="CODE",
            ConceptNameCodeSequence=coded("111701", "DCM", "Processing type"),
            ConceptCodeSequence=coded("127790008", "SCT", "Staining"),
        ),
        make(
            ValueType="CODE",
            ConceptNameCodeSequence=coded("424361007", "SCT", "Using substance"),
            ConceptCodeSequence=coded(substance, "SCT", meaning),
        ),
    ]
    return make(SpecimenPreparationStepContentItemSequence=items)
