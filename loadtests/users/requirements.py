"""What behaviours need of an environment beyond its front door: asked before any load, refused in words."""

from typing import TYPE_CHECKING

from loadtests.environment import Environment

if TYPE_CHECKING:
    from loadtests.campaigns.plan import Plan


def missing(plan: "Plan", environment: Environment) -> str | None:
    """The first thing that a stream of the plan needs and the environment's outputs don't have; None: nothing is."""
    for stream in plan.streams:
        if stream.options.get("tls") and environment.dicom_tls is None:
            return f"stream {stream.name}: options.tls cannot be true here: the environment's outputs have no dicomTls"
        if stream.protocol == "wado_uri" and not environment.dicom_web.wado_uri:
            return f"stream {stream.name}: protocol wado_uri: the environment's outputs have no dicomWeb.wadoUri"
        if stream.behaviour == "cleaning" and stream.options.get("really") and environment.test_deletion is None:
            return (
                f"stream {stream.name}: options.really cannot be true here: the environment's outputs have no "
                "testDeletion (its setting archive.testDeletion is off, as it must be in production)"
            )
    return None
