"""From what the files of this folder raise to what the user reads."""

from collections.abc import Iterator
from contextlib import contextmanager

from infra.providers.base.provider import InitializationError, ProviderError
from infra.providers.base.values import Properties
from infra.providers.kubernetes import secret_data
from infra.providers.kubernetes.annotations import AnnotationError
from infra.providers.kubernetes.client import ApiError, UnreachableError
from infra.providers.kubernetes.discovery import UnknownKindError


class NoClusterError(ProviderError):
    """The cluster does not answer."""


class NoKindError(ProviderError):
    """The cluster does not know the kind."""


@contextmanager
def in_words(inputs: Properties) -> Iterator[None]:
    """What the files below raise, as the errors that the engine shows: without what is secret in the inputs."""
    try:
        yield
    except UnreachableError as error:
        raise NoClusterError(f"the Kubernetes cluster can't be reached: {error}") from None
    except UnknownKindError as error:
        raise NoKindError(str(error)) from None
    except InitializationError as error:
        error.args = (secret_data.scrubbed(str(error), inputs),)
        error.reasons = [secret_data.scrubbed(reason, inputs) for reason in error.reasons]
        raise
    except (ApiError, ProviderError, AnnotationError) as error:
        kind = type(error) if isinstance(error, ProviderError) else ProviderError
        raise kind(secret_data.scrubbed(str(error), inputs)) from None
