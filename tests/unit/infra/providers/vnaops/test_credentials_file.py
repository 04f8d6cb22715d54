"""The shared credentials file: readable by boto3, by its owner only, and nobody's profile is lost."""

from pathlib import Path
from threading import Thread

import botocore.session
import pytest

from infra.providers.vnaops import credentials_file
from infra.providers.vnaops.credentials_file import Keys
from infra.providers.vnaops.errors import RefusalError

KEYS = Keys("VNID", "topsecret")
URN = "urn:pulumi:dev::vnaops::vnaops:index:Credentials::s3"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "state" / "s3-credentials"


def test_boto3_reads_what_was_written(file: Path) -> None:
    keys = credentials_file.new_keys()
    credentials_file.write(file, "dev", keys, URN)
    session = botocore.session.Session(profile="dev")
    session.set_config_variable("credentials_file", str(file))
    found = session.get_credentials()
    assert found is not None
    assert (found.access_key, found.secret_key) == (keys.access_key_id, keys.secret_access_key)


def test_the_file_is_the_owner_s_alone(file: Path) -> None:
    credentials_file.write(file, "dev", KEYS, URN)
    assert file.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in file.parent.iterdir()] == ["s3-credentials"]


def test_other_profiles_are_kept(file: Path) -> None:
    file.parent.mkdir()
    file.write_text("[default]\naws_access_key_id = A\naws_secret_access_key = B%C\nregion = eu\n")
    credentials_file.write(file, "dev", KEYS, URN)
    credentials_file.remove(file, "dev", KEYS)
    assert credentials_file.read(file, "default") == Keys("A", "B%C")
    assert "region = eu" in file.read_text()
    assert credentials_file.read(file, "dev") is None


def test_the_owner_may_write_again(file: Path) -> None:
    credentials_file.write(file, "dev", KEYS, URN)
    credentials_file.write(file, "dev", Keys("NEW", "secret"), URN)
    assert credentials_file.read(file, "dev") == Keys("NEW", "secret")


def test_a_profile_of_somebody_else_is_not_taken_over(file: Path) -> None:
    file.parent.mkdir()
    file.write_text("[dev]\naws_access_key_id = A\naws_secret_access_key = topsecret\n")
    with pytest.raises(RefusalError) as refusal:
        credentials_file.write(file, "dev", KEYS, URN)
    assert str(refusal.value) == (
        f"profile 'dev' in {file} belongs to nobody known: choose another name, import it "
        "(`pulumi import vnaops:index:Credentials NAME dev`), or remove it from the file"
    )
    assert credentials_file.read(file, "dev") == Keys("A", "topsecret")


def test_a_profile_that_was_claimed_may_be_written(file: Path) -> None:
    file.parent.mkdir()
    file.write_text("[dev]\naws_access_key_id = A\naws_secret_access_key = B\n")
    credentials_file.claim(file, "dev", URN)
    credentials_file.write(file, "dev", KEYS, URN)
    assert credentials_file.read(file, "dev") == KEYS


def test_removal_leaves_keys_that_are_not_the_given_ones(file: Path) -> None:
    credentials_file.write(file, "dev", Keys("NEW", "secret"), URN)
    credentials_file.remove(file, "dev", KEYS)
    assert credentials_file.read(file, "dev") == Keys("NEW", "secret")


def test_a_file_that_does_not_exist_has_no_profiles(file: Path) -> None:
    assert credentials_file.profiles(file) == []
    assert credentials_file.read(file, "dev") is None


def test_a_broken_file_is_refused_by_line_and_without_quoting_it(file: Path) -> None:
    file.parent.mkdir()
    file.write_text("[dev]\naws_access_key_id = A\ntopsecret\n")
    with pytest.raises(RefusalError) as refusal:
        credentials_file.write(file, "prod", KEYS, URN)
    assert str(refusal.value) == f"{file} is not an AWS shared credentials file (line 3): correct or remove it"


def test_writers_at_the_same_time_lose_nothing(file: Path) -> None:
    writers = [
        Thread(target=credentials_file.write, args=(file, f"p{number}", Keys(str(number), "s"), URN))
        for number in range(16)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert sorted(credentials_file.profiles(file)) == sorted(f"p{number}" for number in range(16))


def test_new_keys_have_aws_s_form_and_hide_in_the_representation() -> None:
    keys = credentials_file.new_keys()
    assert len(keys.access_key_id) == 20
    assert len(keys.secret_access_key) == 40
    assert keys.secret_access_key not in repr(keys)
