"""The file of references by digest, and the registry that settings name."""

import json
from pathlib import Path

import pytest

from infra import paths
from infra.images.builder import Built, write_references
from infra.images.recipe import ImageError, ImageFile, Recipe
from infra.images.registry import Registry, from_environment


def built(reference: str) -> Built:
    return Built("key", "sha256:0", reference, fresh=True)


def test_building_one_image_keeps_the_others_and_forgets_those_that_no_longer_exist(tmp_path: Path) -> None:
    file = tmp_path / "state/images.json"
    known = {name: Recipe(name, ImageFile(title="t", version="1")) for name in ("one", "two", "gone")}
    write_references(file, {name: built(f"old/{name}") for name in known}, known)
    del known["gone"]
    write_references(file, {"two": built("new/two")}, known)
    assert json.loads(file.read_text()) == {"one": "old/one", "two": "new/two"}
    assert [path.name for path in file.parent.iterdir()] == ["images.json"]


def test_without_a_setting_it_is_the_embedded_registry_with_the_nodes_authority() -> None:
    registry = from_environment({})
    assert registry == Registry("10.89.0.1:5000", "vnaops", paths.node_dir() / "pki/ca.crt")
    assert registry.embedded


def test_a_sites_registry_is_taken_with_the_systems_authorities() -> None:
    registry = from_environment({"VNAOPS_REGISTRY": "registry.site.test/radiology/vna"})
    assert registry.repository("archive") == "registry.site.test/radiology/vna/archive"
    assert registry.ca is None
    assert not registry.embedded


@pytest.mark.parametrize(
    "setting", ["registry.test", "https://registry.test/vna", "registry.test/", "registry.test/Vna"]
)
def test_a_registry_of_another_form_is_refused(setting: str) -> None:
    with pytest.raises(ImageError) as refused:
        from_environment({"VNAOPS_REGISTRY": setting})
    assert str(refused.value) == (
        f"VNAOPS_REGISTRY={setting!r}: must be HOST[:PORT]/PREFIX in lower case, without https://"
    )


def test_an_authority_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ImageError, match="VNAOPS_REGISTRY_CA='/nowhere': there is no such file"):
        from_environment({"VNAOPS_REGISTRY": "registry.test/vna", "VNAOPS_REGISTRY_CA": "/nowhere"})
