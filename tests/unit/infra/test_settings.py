"""Every refusal of the settings, with its exact words."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.settings import Right, SettingsError, Writers, parse


def refusal(values: dict[str, Any]) -> str:
    with pytest.raises(SettingsError) as error:
        parse(values, "dev")
    return str(error.value)


def test_an_empty_stack_is_a_whole_development_environment() -> None:
    settings = parse({}, "dev")
    assert settings.namespace == "vnaops-dev"
    assert settings.object_store.bucket == "vnaops-dev-archive"
    assert settings.archive.writers is Writers.ONE
    assert settings.object_store.retention == ("GOVERNANCE", 1)


def test_a_modality_has_the_right_to_echo_and_no_other_by_default() -> None:
    (modality,) = parse({"modalities": [{"aeTitle": "CT1", "host": "10.1.2.3"}]}, "dev").modalities
    assert modality.rights == {Right.ECHO}
    assert modality.network == "10.1.2.3/32"


LOADED = {"loadGenerator": "LOAD", "modalities": [{"aeTitle": "LOAD", "host": "10.0.0.9", "rights": ["store"]}]}
INVALID = {
    "an unknown setting": (
        {"archives": 1},
        "vnaops:archives: there is no such setting; infra/settings.py lists them (it is 1)",
    ),
    "an unknown setting inside a section": (
        {"archive": {"replica": 2}},
        "vnaops:archive.replica: there is no such setting; infra/settings.py lists them (it is 2)",
    ),
    "no replica": (
        {"archive": {"replicas": 0}},
        "vnaops:archive.replicas: Input should be greater than or equal to 1 (it is 0)",
    ),
    "a long AE title": (
        {"archive": {"aeTitle": "A" * 17}},
        "vnaops:archive.aeTitle: an AE title has 1 to 16 printable ASCII characters without backslash or outer blanks "
        f'(PS3.5 section 6.2) (it is "{"A" * 17}")',
    ),
    "probes kept longer than images": (
        {"objectStore": {"retentionDays": 7, "probeRetentionDays": 8}},
        "vnaops:objectStore: probeRetentionDays must not be above retentionDays (7): "
        "a probe is not worth more than a patient's image",
    ),
    "retention without object lock": (
        {"objectStore": {"objectLock": False, "retentionDays": 7}},
        "vnaops:objectStore: retentionDays cannot be set when objectLock is off: "
        "a bucket without object lock keeps nothing",
    ),
    "several replicas on a file system": (
        {"archive": {"pixelData": "filesystem", "replicas": 2}, "objectStore": {"objectLock": False}},
        "vnaops:archive: replicas must be 1 when pixelData is filesystem: "
        "the volume is one replica's own, and another could not read what it stored",
    ),
    "object lock on a file system": (
        {"archive": {"pixelData": "filesystem", "replicas": 1}},
        "vnaops:settings: objectStore.objectLock must be false when archive.pixelData is filesystem: "
        "a file system has no object lock, and nothing is kept there against deletion",
    ),
    "a memory limit below what is asked for": (
        {"archive": {"memory": "2Gi", "memoryLimit": "1Gi"}},
        "vnaops:archive: memoryLimit must not be below memory: a replica could not have what it asks for",
    ),
    "a volume beside the bucket": (
        {"archive": {"volumeSize": "1Gi"}},
        "vnaops:archive: volumeSize needs pixelData filesystem: in S3, objectStore says where instances are",
    ),
    "a capacity of the embedded store": (
        {"objectStore": {"capacity": "1Ti"}},
        "vnaops:objectStore: capacity needs endpoint: the embedded store has what size says",
    ),
    "deletion of studies in production": (
        {"production": True, "archive": {"testDeletion": True}},
        "vnaops:settings: archive.testDeletion cannot be set when production is: no route there may delete a study",
    ),
    "deletion of studies that are kept by law": (
        {"archive": {"testDeletion": True}, "objectStore": {"retentionMode": "COMPLIANCE", "retentionDays": 3650}},
        "vnaops:settings: archive.testDeletion cannot be set when objectStore.retentionMode is COMPLIANCE: "
        "what is kept by law is in production, and no route there may delete a study",
    ),
    "a load generator that is no modality": (
        {"loadGenerator": "LOAD"},
        'vnaops:settings: loadGenerator "LOAD" is no aeTitle of modalities: the archive would reject it',
    ),
    "a target of load with a path": (
        {"loadTargets": ["https://vna.example/dicom-web"]},
        "vnaops:loadTargets.0: a target of load is written like "
        '"scp.hospital.example:104" or "https://vna.hospital.example" (it is "https://vna.example/dicom-web")',
    ),
    "days without a mode": (
        {"objectStore": {"retentionMode": None, "retentionDays": 7}},
        "vnaops:objectStore: retentionMode and retentionDays go together: a mode without days keeps nothing",
    ),
    "an endpoint with a path": (
        {"objectStore": {"endpoint": "https://s3.example/x"}},
        'vnaops:objectStore.endpoint: an endpoint is written like "https://s3.hospital.example:443", without a path '
        '(it is "https://s3.example/x")',
    ),
    "an endpoint without credentials": (
        {"objectStore": {"endpoint": "https://s3.example", "endpointCidrs": ["10.0.0.0/24"]}},
        "vnaops:objectStore: credentialsSecret must be set when endpoint is: "
        "the archive needs its own key and leave to go there",
    ),
    "an admin endpoint for the embedded store": (
        {"objectStore": {"adminEndpoint": "https://s3.example"}},
        "vnaops:objectStore: adminEndpoint needs endpoint: the embedded store makes its own",
    ),
    "a bucket name": (
        {"objectStore": {"bucket": "Archive"}},
        "vnaops:objectStore.bucket: a bucket name has 3 to 63 lower-case letters, digits, dots and dashes "
        '(S3 bucket naming rules) (it is "Archive")',
    ),
    "an image by tag": (
        {"images": {"archive": "registry.example/archive:1"}},
        "vnaops:images.archive: an image is named by digest (REGISTRY/NAME@sha256:…): "
        'a tag can change under a running hospital (it is "registry.example/archive:1")',
    ),
    "a size without a unit": (
        {"database": {"size": "10"}},
        'vnaops:database.size: a size is written like "20Gi" (it is "10")',
    ),
    "one port for two services": (
        {"loadBalancer": {"dicomPort": 30443}},
        "vnaops:loadBalancer: dicomPort, dicomTlsPort and httpsPort must differ: one address serves all three",
    ),
    "a named modality without a network": (
        {"modalities": [{"aeTitle": "CT1", "host": "ct1.example"}]},
        'vnaops:modalities.0: cidr must be set when host is a name ("ct1.example"): '
        "network policies know addresses only",
    ),
    "an AE title twice": (
        {"modalities": [{"aeTitle": "VNAOPS", "host": "10.0.0.1"}]},
        'vnaops:settings: modalities.0.aeTitle "VNAOPS" is taken by archive.aeTitle: an AE title names one entity',
    ),
    "an AE title of the environment's own": (
        {"modalities": [{"aeTitle": "VNAOPS_PROBE", "host": "10.0.0.1"}]},
        'vnaops:settings: modalities.0.aeTitle "VNAOPS_PROBE" is taken by the prober: an AE title names one entity',
    ),
    "an archive under the balancer's AE title": (
        {"archive": {"aeTitle": "VNAOPS_BALANCER"}},
        'vnaops:settings: archive.aeTitle "VNAOPS_BALANCER" is taken by the balancer: an AE title names one entity',
    ),
    "a network with host bits": (
        {"loadBalancer": {"clientCidrs": ["10.1.2.3/24"]}},
        'vnaops:loadBalancer.clientCidrs.0: an IPv4 network is written like "10.1.2.0/24" '
        '(10.1.2.3/24 has host bits set) (it is "10.1.2.3/24")',
    ),
    "a campaign of nothing": (
        {**LOADED, "campaign": {"workers": 2}},
        "vnaops:campaign: exactly one of name and plan says what the campaign does",
    ),
    "a campaign of two minds": (
        {**LOADED, "campaign": {"name": "first", "plan": "name: second"}},
        "vnaops:campaign: exactly one of name and plan says what the campaign does",
    ),
    "a plan that is no YAML": (
        {**LOADED, "campaign": {"plan": "streams: ["}},
        "vnaops:campaign: plan is no YAML: while parsing a flow node expected the node content, but found "
        "'<stream end>' in \"<unicode string>\", line 1, column 11: streams: [ ^",
    ),
    "a plan without fields": (
        {**LOADED, "campaign": {"plan": "first"}},
        "vnaops:campaign: plan is a campaign file's text: fields and values (`vnaops-campaign schema`)",
    ),
    "a campaign without a worker": (
        {**LOADED, "campaign": {"name": "first", "workers": 0}},
        "vnaops:campaign.workers: Input should be greater than or equal to 1 (it is 0)",
    ),
    "a processor request with a decimal": (
        {**LOADED, "campaign": {"name": "first", "cpu": "0.5"}},
        'vnaops:campaign.cpu: processor is written like "200m" (thousandths of a core) or "2" (it is "0.5")',
    ),
    "a run's name with a blank": (
        {**LOADED, "campaign": {"name": "first", "run": "my run"}},
        "vnaops:campaign.run: a run's name has at most 64 letters, digits, dots, dashes and underscores "
        '(it is "my run")',
    ),
    "a campaign whose AE title the archive does not know": (
        {"campaign": {"name": "first"}},
        "vnaops:settings: campaign needs loadGenerator, an entry of modalities: "
        "the archive rejects whom it doesn't know",
    ),
}


@pytest.mark.parametrize(("values", "words"), INVALID.values(), ids=INVALID.keys())
def test_a_wrong_setting_is_refused_with_its_path_its_rule_and_the_reason(values: dict[str, Any], words: str) -> None:
    assert refusal(values) == words


def test_every_fault_has_a_line_of_its_own() -> None:
    lines = refusal({"archive": {"replicas": 0}, "loadBalancer": {"dicomPort": 80}}).splitlines()
    assert [line.split(": ")[0] for line in lines] == ["vnaops:archive.replicas", "vnaops:loadBalancer.dicomPort"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=8), children, max_size=3),
    max_leaves=8,
)
names = st.sampled_from(
    ["namespace", "archive", "objectStore", "database", "modalities", "images", "loadBalancer", "x"]
)


@given(st.dictionaries(names, json_values, max_size=4))
def test_whatever_is_configured_is_either_settings_or_words(values: dict[str, Any]) -> None:
    try:
        parse(values, "dev")
    except SettingsError as error:
        lines = str(error).splitlines()
    else:
        lines = []
    assert all(line.startswith("vnaops:") for line in lines)
