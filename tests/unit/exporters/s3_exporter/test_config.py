"""Bad files get one line each and change nothing."""

import json
from pathlib import Path

import pytest

from exporters import configuration
from exporters.s3_exporter.config import Config, declaration
from exporters.s3_exporter.declared import _normal

GOOD = "endpoint: http://127.0.0.1:8333\ncanary:\n  bucket: canary\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("canary: {bucket: canary}", "{}:1: endpoint: Field required"),
        (GOOD + "more: 1\n", "{}:4: more: Extra inputs are not permitted"),
        (GOOD.replace("http://", "ftp://"), "{}:1: endpoint: String should match pattern '^https?://[^/\\s]+$'"),
        (GOOD + "  interval_seconds: 0\n", "{}:4: canary.interval_seconds: Input should be greater than or equal to 1"),
        ("[1]", "{}:1: the file has to be a mapping with the keys endpoint and canary"),
        ("a: [", "{}:1: is no YAML: expected the node content, but found '<stream end>'"),
    ],
)
def test_a_bad_configuration_names_line_key_and_reason(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "s3-exporter.yaml"
    file.write_text(text)
    with pytest.raises(configuration.ConfigError) as raised:
        configuration.load(file, Config)
    assert str(raised.value) == message.format(file)


def test_a_good_one_has_its_defaults(tmp_path: Path) -> None:
    file = tmp_path / "s3-exporter.yaml"
    file.write_text(GOOD)
    assert configuration.load(file, Config).canary.object_bytes == 16384


def test_a_bad_declaration_names_the_bucket_and_the_reason(tmp_path: Path) -> None:
    file = tmp_path / "declaration.json"
    file.write_text(json.dumps({"buckets": {"archive": {"objektLock": True}}}))
    with pytest.raises(configuration.ConfigError, match=r"archive\.objektLock: Extra inputs are not permitted"):
        declaration(file)
    file.write_text("{")
    with pytest.raises(configuration.ConfigError, match="is no JSON"):
        declaration(file)


def test_order_and_what_servers_add_make_no_drift() -> None:
    ours = [{"Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}}]
    theirs = [{"ID": "x", "Expiration": {"Days": 1}, "Status": "Enabled", "Filter": {}}]
    assert _normal(ours) == _normal(theirs)
    assert _normal({"Action": "s3:GetObject"}) == _normal({"Action": ["s3:GetObject"], "Sid": "1"})
    assert _normal({"Action": ["a", "b"]}) == _normal({"Action": ["b", "a"]})
    assert _normal([{"Expiration": {"Days": 1}}]) != _normal([{"Expiration": {"Days": 2}}])
