"""The `kubernetes` provider: the engine's requests, answered as the official plug-in answers them."""

from collections.abc import Mapping
from typing import Any

from typing_extensions import override

from infra.providers.base.detailed_diff import differences
from infra.providers.base.engine import Call
from infra.providers.base.provider import (
    Checked,
    CheckRequest,
    ConfigureRequest,
    Created,
    CreateRequest,
    DeleteRequest,
    Difference,
    DiffRequest,
    Failure,
    Found,
    InitializationError,
    Provider,
    ProviderError,
    ReadRequest,
    UpdateRequest,
)
from infra.providers.base.values import Properties, Unknown, known, plain
from infra.providers.kubernetes import (
    annotations,
    naming,
    objects,
    replacement,
    secret_data,
    settings,
    state_form,
    tokens,
    writing,
)
from infra.providers.kubernetes.apply import CLIENT_SIDE_MANAGER, Place, get, give_up
from infra.providers.kubernetes.client import ApiError, UnreachableError
from infra.providers.kubernetes.cluster import Cluster
from infra.providers.kubernetes.deletion import delete
from infra.providers.kubernetes.discovery import UnknownKindError
from infra.providers.kubernetes.drift import live_inputs
from infra.providers.kubernetes.importing import imported_inputs
from infra.providers.kubernetes.kubeconfig import KubeconfigError, load, same_server
from infra.providers.kubernetes.waiting.wait import NotReadyError, state, until_ready, verify
from infra.providers.kubernetes.words import NoClusterError, NoKindError, in_words


class KubernetesProvider(Provider):
    """Serves every kind that the cluster serves."""

    name = "kubernetes"
    version = "4.34.2"  # the package whose resources it serves

    def __init__(self) -> None:
        self._settings = settings.Settings()
        self._cluster = Cluster(self._settings)

    @override
    def check_config(self, request: CheckRequest, call: Call) -> Checked:
        """Settings that this stand-in does not have are refused, not ignored."""
        failures = [Failure(name, reason) for name, reason in settings.REFUSED.items() if request.news.get(name)]
        return Checked(request.news, failures)

    @override
    def diff_config(self, request: DiffRequest, call: Call) -> Difference:
        """Another cluster makes everything new; another way to the same one, or another setting, nothing."""
        changes = differences(request.old_inputs or request.state, request.news)
        changes.pop(("version",), None)
        about_cluster = frozenset(path for path in changes if path[0] in ("kubeconfig", "context", "cluster"))
        moved = about_cluster and _other_cluster(request.old_inputs or request.state, request.news)
        return Difference(changes, about_cluster if moved else frozenset())

    @override
    def configure(self, request: ConfigureRequest, call: Call) -> None:
        """The cluster itself is reached when it is needed."""
        self._settings = settings.parse(request.settings)
        self._cluster = Cluster(self._settings)

    @override
    def invoke(self, function: str, arguments: Properties, call: Call) -> Properties:
        """The package's functions read YAML, Helm and Kustomize: none of them is served."""
        raise ProviderError(tokens.refusal(function) or f"{function} is not served by this stand-in")

    @override
    def component_refusal(self, token: str) -> str:
        """Components of the package read YAML, Helm and Kustomize."""
        return tokens.refusal(token) or super().component_refusal(token)

    @override
    def check(self, request: CheckRequest, call: Call) -> Checked:
        """Names, namespaces, secrets: what the inputs become before they are compared or written."""
        if reason := tokens.refusal(request.type):
            return Checked(request.news, [Failure("", reason)])
        inputs = objects.tidied(request.news)
        token = tokens.parse(request.type, _text(inputs.get("kind")))
        inputs = {**inputs, "apiVersion": inputs.get("apiVersion", token.api_version), "kind": token.kind}
        try:
            verify(plain(inputs))
        except annotations.AnnotationError as error:
            return Checked(inputs, [Failure("metadata.annotations", str(error))])
        metadata = plain(inputs.get("metadata") or {})
        if token.patch:
            if not isinstance(metadata, Unknown) and not metadata.get("name"):
                return Checked(inputs, [Failure("metadata.name", "a patch must name the object that it changes")])
        else:
            try:
                inputs = naming.with_name(inputs, request.olds, request.name, request.random_seed, request.autonaming)
            except naming.NameMissingError as error:
                return Checked(inputs, [Failure("metadata.name", str(error))])
        if not self._settings.server_side_apply and not token.patch:
            inputs = objects.labelled(inputs)
        with in_words(inputs):
            inputs = self._cluster.with_namespace(inputs)
        return Checked(secret_data.folded(inputs))

    @override
    def diff(self, request: DiffRequest, call: Call) -> Difference:
        """Between old and new inputs; the cluster is not asked (drift is what `refresh` is for)."""
        old, new = (
            objects.without_default_namespace(plain(request.old_inputs)),
            objects.without_default_namespace(plain(request.news)),
        )
        changes = differences(old, new)
        mutable = self._settings.mutable
        replaces = replacement.replaced_by(changes, old, new, mutable=mutable)
        same_name = objects.names(old) == objects.names(new)
        return Difference(changes, replaces, bool(replaces) and same_name and not naming.is_autonamed(new))

    @override
    def create(self, request: CreateRequest, call: Call) -> Created:
        """Server-side apply under a field manager of its own, then the wait until it is ready."""
        inputs = plain(request.inputs)
        token = tokens.parse(request.type, inputs.get("kind"))
        manager = self._new_manager(inputs)
        with in_words(request.inputs):
            if request.preview:
                return Created("", self._preview_of_creation(request, inputs, manager, token, call))
            place = writing.placed(lambda: self._place(inputs), call)
            if token.patch and get(self._cluster.client, place) is None:
                raise ProviderError(f"{place.words} does not exist: a patch changes what is there")
            server_side = self._settings.server_side_apply or token.patch
            obj = writing.written(self._cluster.client, place, inputs, manager, call, server_side=server_side)
            place = Place(place.kind, place.namespace, obj["metadata"]["name"])
            return Created(place.id, self._ready(place, obj, request.inputs, manager, {}, request.timeout, call))

    @override
    def read(self, request: ReadRequest, call: Call) -> Found | None:
        """The object as it is; one that is not ready is an error that the engine shows as a warning."""
        before = plain(request.inputs) or plain(request.state)
        token = tokens.parse(request.type, before.get("kind"))
        namespace, name = tokens.split_id(request.id)
        api_version = before.get("apiVersion") or token.api_version
        try:
            with in_words(request.inputs):
                place = self._cluster.place_of_existing(api_version, token.kind, namespace, name)
                obj = get(self._cluster.client, place)
                return self._found(request, place, obj, patch=token.patch)
        except NoClusterError as error:
            if self._settings.delete_unreachable:
                call.warn(f"{request.id} is removed from the state: {error}")
                return None
            raise ProviderError(
                f"{request.id} can't be read: {error}. If the cluster is gone for good, "
                "PULUMI_K8S_DELETE_UNREACHABLE=true removes what was in it from the state"
            ) from None
        except NoKindError:
            return None

    @override
    def update(self, request: UpdateRequest, call: Call) -> Properties:
        """Server-side apply with the manager that created it: what the program dropped is removed."""
        inputs, old = plain(request.news), plain(request.old_inputs)
        token = tokens.parse(request.type, inputs.get("kind"))
        manager = state_form.manager_of(request.state) or self._new_manager(inputs)
        namespace, name = tokens.split_id(request.id)
        with in_words(request.news):
            if request.preview and not known(inputs):
                return request.news
            try:
                place = self._cluster.place(inputs["apiVersion"], inputs["kind"], namespace, name)
                obj = writing.changed(
                    self._cluster.client,
                    place,
                    old,
                    inputs,
                    manager,
                    call,
                    server_side=self._settings.server_side_apply or token.patch,
                    dry_run=request.preview,
                )
            except (UnreachableError, UnknownKindError):
                if request.preview:
                    return request.news
                raise
            if obj is None:
                return request.news
            if request.preview:
                version = state_form.initial_api_version_of(request.state, obj)
                return state_form.properties(obj, request.news, manager, version)
            return self._ready(place, obj, request.news, manager, request.state, request.timeout, call)

    @override
    def delete(self, request: DeleteRequest, call: Call) -> None:
        """Waits until it is gone. A patch gives up its fields, the object stays."""
        inputs = plain(request.old_inputs) or plain(request.state)
        token = tokens.parse(request.type, inputs.get("kind"))
        namespace, name = tokens.split_id(request.id)
        try:
            with in_words(request.old_inputs):
                place = self._cluster.place_of_existing(inputs["apiVersion"], inputs["kind"], namespace, name)
                if not token.patch:
                    delete(self._cluster.client, place, inputs, request.timeout, call)
                elif get(self._cluster.client, place):
                    give_up(self._cluster.client, place, state_form.manager_of(request.state) or "")
        except NoKindError:
            return  # its definition is gone, and took it along
        except NoClusterError as error:
            if not self._settings.delete_unreachable:
                raise
            call.warn(f"{request.id} counts as deleted: {error}")

    def _place(self, inputs: Mapping[str, Any]) -> Place:
        metadata = inputs.get("metadata") or {}
        name = metadata.get("name") or naming.completed(metadata.get("generateName", ""))
        return self._cluster.place(inputs["apiVersion"], inputs["kind"], metadata.get("namespace"), name)

    def _new_manager(self, inputs: Mapping[str, Any]) -> str:
        given = annotations.of(inputs, "patchFieldManager")
        return given or (naming.new_field_manager() if self._settings.server_side_apply else CLIENT_SIDE_MANAGER)

    def _preview_of_creation(
        self, request: CreateRequest, inputs: dict[str, Any], manager: str, token: tokens.Token, call: Call
    ) -> Properties:
        """The server's dry run; the inputs alone where it can't be had."""
        given = request.inputs
        if (
            token.patch
            or not self._settings.server_side_apply
            or not known(inputs)
            or not inputs["metadata"].get("name")
        ):
            return given
        try:
            obj = writing.previewed(self._cluster.client, self._place(inputs), inputs, manager, call)
        except (UnreachableError, UnknownKindError):
            return given
        return state_form.properties(obj, given, manager, obj["apiVersion"]) if obj else given

    def _ready(
        self,
        place: Place,
        obj: dict[str, Any],
        inputs: Properties,
        manager: str,
        before: Properties,
        timeout: float | None,
        call: Call,
    ) -> Properties:
        version = state_form.initial_api_version_of(before, obj)
        try:
            obj = until_ready(self._cluster.client, place, obj, plain(inputs), timeout, call)
        except (NotReadyError, ApiError, UnreachableError) as error:
            # the object exists, and the state must know it
            obj, reasons = (error.obj, error.reasons) if isinstance(error, NotReadyError) else (obj, [])
            raise InitializationError(
                str(error),
                id=place.id,
                properties=state_form.properties(obj, inputs, manager, version),
                reasons=[str(error), *reasons],
            ) from None
        return state_form.properties(obj, inputs, manager, version)

    def _found(self, request: ReadRequest, place: Place, obj: dict[str, Any] | None, *, patch: bool) -> Found | None:
        if obj is None:
            return None
        manager = state_form.manager_of(request.state) or self._new_manager(obj)
        if request.inputs:
            inputs = live_inputs(request.inputs, obj)
        elif request.importing:
            inputs = imported_inputs(obj)
        else:
            inputs = {"apiVersion": obj["apiVersion"], "kind": obj["kind"], "metadata": objects.identity(obj)}
        inputs = secret_data.marked(inputs)
        version = state_form.initial_api_version_of(request.state, obj)
        properties = state_form.properties(obj, inputs, manager, version)
        now = state(self._cluster.client, obj, plain(inputs))
        if request.inputs and not (now.ready or patch or annotations.flag(plain(inputs), "skipAwait")):
            message = f"{place.words} is not ready: {now.progress}"
            raise InitializationError(
                message, id=place.id, properties=properties, reasons=[message, *now.reasons], inputs=inputs
            )
        return Found(place.id, properties, inputs)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _other_cluster(old: Properties, new: Properties) -> bool:
    try:
        accesses = [settings.parse(one) for one in (old, new)]
        if any(one.kubeconfig_unknown for one in accesses):
            return False
        one, other = (load(one.kubeconfig, one.context, one.cluster) for one in accesses)
    except KubeconfigError:
        return False
    return not same_server(one, other)
