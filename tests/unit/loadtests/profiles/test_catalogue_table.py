"""The table of profiles."""

import pytest

from loadtests.profiles.__main__ import main


def test_the_table_says_what_a_profile_sends(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["profiles", "mr", "mr-rle", "--seed", "3"])

    assert main() == 0

    heading, native, runs = capsys.readouterr().out.splitlines()
    assert heading.split() == [
        "profile",
        "transfer",
        "syntax",
        "MB/instance",
        "ratio",
        "instances/study",
        "GB/study",
        "source",
    ]
    assert native.startswith("mr ")
    assert "Explicit VR Little Endian" in native
    assert " 0.13 " in native
    assert "McDonald" in native
    assert " 1.8 " in runs


def test_an_unknown_name_is_refused_in_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["profiles", "xa"])

    with pytest.raises(SystemExit, match="2"):
        main()

    assert "'xa' is no profile; there are ct, mr" in capsys.readouterr().err
