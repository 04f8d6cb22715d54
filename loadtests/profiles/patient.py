"""Test patients: marked so that nobody takes them for people, with names in the character sets that archives meet."""

import hashlib
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from pydicom.dataset import Dataset

from loadtests.profiles.uids import short_hash

PATIENT_ID_PREFIX = "VNAOPS-TEST-"
PATIENT_NAME_PREFIX = "VNAOPS^TEST"
ISSUER = "VNAOPS-TEST"

# The share of studies whose patient has been there before. Mean studies of a patient: 3.5 in MIMIC-CXR (227,827 of
# 65,379 patients), 1.6 in MIMIC-IV-ECHO (7,243 of 4,579): 2.5 here, so 1 - 1/2.5.
RETURNING = 0.6

LATIN_1: str = "ISO_IR 100"
UTF_8 = "ISO_IR 192"
KANJI = ("", "ISO 2022 IR 87")
# Own estimate of a Western archive with foreign studies; each set often enough to be met in a campaign of 50 studies.
CHARACTER_SETS: dict[str | tuple[str, ...], float] = {LATIN_1: 0.70, UTF_8: 0.20, KANJI: 0.10}

_ALPHABETIC = "Jürgen Müller|Zoë Lefèvre|Søren Ærø|Íñigo Muñoz|Gonçalo Antão|Åsa Öberg|Anne Weiß|Ruth Kern|Tom Hill"
_UNICODE = "Łukasz Żak|Ștefan Țuțea|Дмитрий Щукин|Ελένη Παππά|נועה לוי|سارة حداد|阮文明|김지우|सुनीता राव|Ağça Işık"
_IDEOGRAPHIC = "山田^太郎=やまだ^たろう|佐藤^花子=さとう^はなこ|鈴木^一郎=すずき^いちろう|高橋^恵子=たかはし^けいこ"
_NAMES: dict[str | tuple[str, ...], tuple[str, ...]] = {
    LATIN_1: tuple(f"{PATIENT_NAME_PREFIX}^{name}" for name in _ALPHABETIC.split("|")),
    UTF_8: tuple(f"{PATIENT_NAME_PREFIX}^{name}" for name in _UNICODE.split("|")),
    KANJI: tuple(f"{PATIENT_NAME_PREFIX}={name}" for name in _IDEOGRAPHIC.split("|")),
}


@dataclass(frozen=True)
class Patient:
    """What the patient module (PS3.3 section C.7.1.1) says about a test patient."""

    patient_id: str
    name: str
    """Component groups of PS3.5 section 6.2.1: alphabetic, and ideographic and phonetic where the name is Japanese."""
    birth_date: date
    sex: str
    character_set: str | tuple[str, ...]
    """Specific Character Set of all data sets of the patient (PS3.3 section C.12.1.1.2)."""

    def describe(self, data_set: Dataset) -> None:
        """Write the patient into this data set."""
        character_set = self.character_set
        data_set.SpecificCharacterSet = character_set if isinstance(character_set, str) else list(character_set)
        data_set.PatientName = self.name
        data_set.PatientID = self.patient_id
        data_set.IssuerOfPatientID = ISSUER
        data_set.PatientBirthDate = f"{self.birth_date:%Y%m%d}"
        data_set.PatientSex = self.sex
        data_set.QualityControlSubject = "YES"


def is_test_patient(patient_id: str, name: str) -> bool:
    """Whether both say that this is one of our test patients: the only patients that a campaign may delete."""
    named = name == PATIENT_NAME_PREFIX or name.startswith((f"{PATIENT_NAME_PREFIX}^", f"{PATIENT_NAME_PREFIX}="))
    return patient_id.startswith(PATIENT_ID_PREFIX) and named


def patient_number(seed: int, study: int) -> int:
    """The number of the study in which this study's patient came first: its own, or an earlier one's.

    A returning patient is that of any earlier study with equal chance, so that those who came often come again (Simon's
    model of skewed frequencies, Biometrika 42, 1955): most have one study, few have dozens.
    """
    while study > 1:
        digest = hashlib.sha256(f"{seed}/patient of {study}".encode()).digest()
        if int.from_bytes(digest[:8]) >= RETURNING * 2**64:
            break
        study = 1 + int.from_bytes(digest[8:16]) % (study - 1)
    return study


def make_patient(run: str, seed: int, number: int) -> Patient:
    """The patient with this number: the same person for the same seed, known in each run by another ID."""
    random = np.random.default_rng([seed, number, 1])
    character_set = list(CHARACTER_SETS)[int(random.choice(len(CHARACTER_SETS), p=list(CHARACTER_SETS.values())))]
    names = _NAMES[character_set]
    # Own estimate: imaging is asked for by the old more than by the young.
    age_days = int(365.25 * float(np.clip(random.normal(58, 19), 0, 99)))
    return Patient(
        patient_id=f"{PATIENT_ID_PREFIX}{short_hash(run)}-{number:07d}",
        name=names[int(random.integers(len(names)))],
        birth_date=date(2026, 1, 1) - timedelta(days=age_days),
        sex=str(random.choice(["F", "M", "O"], p=[0.51, 0.48, 0.01])),
        character_set=character_set,
    )
