"""Label values are few, whatever peers send."""

import pytest

from exporters.dimse_tap.labels import AeTitles, sop_class_group, transfer_syntax_word

STORAGE = "1.2.840.10008.5.1.4.1.1."


@pytest.mark.parametrize(
    ("uid", "group"),
    [
        (STORAGE + "2", "ct"),
        (STORAGE + "2.1", "ct"),
        (STORAGE + "20", "nm"),
        (STORAGE + "4", "mr"),
        (STORAGE + "1.2", "mg"),
        (STORAGE + "13.1.3", "mg"),
        (STORAGE + "77.1.6", "slide"),
        (STORAGE + "77.1.4.1", "video"),
        (STORAGE + "88.33", "sr"),
        (STORAGE + "104.1", "pdf"),
        ("1.2.840.10008.5.1.4.1.2.2.1", "query"),
        ("1.2.840.10008.1.1", "verification"),
        ("1.2.840.10008.1.20.1", "commitment"),
        ("1.2.840.10008.5.1.4.31", "worklist"),
        ("1.2.3.4", "other"),
        (STORAGE + "999999", "other"),
    ],
)
def test_a_sop_class_has_one_group(uid: str, group: str) -> None:
    assert sop_class_group(uid) == group


def test_a_transfer_syntax_has_one_word() -> None:
    assert transfer_syntax_word("1.2.840.10008.1.2") == "implicit-le"
    assert transfer_syntax_word("1.2.840.10008.1.2.4.202") == "htj2k"
    assert transfer_syntax_word("1.2.840.10008.1.2.4.999") == "other"
    assert transfer_syntax_word("9.9") == "other"


def test_only_so_many_accepted_ae_titles_become_labels_and_the_rest_is_other() -> None:
    titles = AeTitles(["KNOWN"], limit=2)
    assert titles.label("KNOWN") == "KNOWN"
    assert titles.label("CT1") == "other"
    assert titles.accepted("CT1") == "CT1"
    assert titles.accepted("CT2") == "other"
    assert titles.label("CT1") == "CT1"


@pytest.mark.parametrize("title", ["", "A" * 17, "A\nB", "A\\B", "É"])
def test_what_is_no_ae_title_becomes_no_label(title: str) -> None:
    assert AeTitles().accepted(title) == "other"
