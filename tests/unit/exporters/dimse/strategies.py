"""What the codec's property tests draw: valid values of every kind."""

from hypothesis import strategies as st

from exporters.dimse.command import Command, CommandField
from exporters.dimse.items import (
    CommonExtendedNegotiation,
    ContextAnswer,
    ExtendedNegotiation,
    ProposedContext,
    RoleSelection,
    UserIdentity,
    UserInformation,
)
from exporters.dimse.pdu import Abort, AssociateAccept, AssociateReject, AssociateRequest, ReleaseReply, ReleaseRequest

uids = st.lists(st.integers(0, 10**9), min_size=2, max_size=6).map(lambda parts: ".".join(map(str, parts)))
ae_titles = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-", min_size=1, max_size=16)
shorts = st.integers(0, 0xFFFF)
context_ids = st.integers(0, 127).map(lambda n: 2 * n + 1)
versions = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_", max_size=16)

_common = {
    "max_length": st.integers(0, 2**32 - 1),
    "implementation_class_uid": uids,
    "implementation_version_name": versions,
    "async_window": st.none() | st.tuples(shorts, shorts),
    "roles": st.lists(st.builds(RoleSelection, uids, st.booleans(), st.booleans()), max_size=3).map(tuple),
    "extended": st.lists(st.builds(ExtendedNegotiation, uids, st.binary(max_size=20)), max_size=3).map(tuple),
}
# a secondary field goes with type 2 only (PS3.7 table D.3-14)
identities = st.builds(
    UserIdentity, st.sampled_from([1, 3, 4, 5]), st.binary(min_size=1, max_size=300), response_requested=st.booleans()
) | st.builds(UserIdentity, st.just(2), st.binary(min_size=1), st.binary(min_size=1), st.booleans())
requestor_informations = st.builds(
    UserInformation,
    **_common,
    common_extended=st.lists(
        st.builds(CommonExtendedNegotiation, uids, uids, st.lists(uids, max_size=3).map(tuple)), max_size=2
    ).map(tuple),
    identity=st.none() | identities,
)
acceptor_informations = st.builds(
    UserInformation, **_common, identity_response=st.none() | st.binary(min_size=1, max_size=300)
)
proposals = st.lists(
    st.builds(ProposedContext, context_ids, uids, st.lists(uids, min_size=1, max_size=4).map(tuple)),
    min_size=1,
    max_size=5,
    unique_by=lambda context: context.id,
).map(tuple)
answers = st.lists(
    st.builds(ContextAnswer, context_ids, st.just(0), uids) | st.builds(ContextAnswer, context_ids, st.integers(1, 4)),
    min_size=1,
    max_size=5,
    unique_by=lambda context: context.id,
).map(tuple)

requests = st.builds(AssociateRequest, ae_titles, ae_titles, proposals, requestor_informations)
accepts = st.builds(AssociateAccept, ae_titles, ae_titles, answers, acceptor_informations)
rejects = st.sampled_from(
    [
        AssociateReject(result, *why)
        for result in (1, 2)
        for why in ((1, 1), (1, 2), (1, 3), (1, 7), (2, 1), (2, 2), (3, 1), (3, 2))
    ]
)
aborts = st.just(Abort(0, 0)) | st.builds(Abort, st.just(2), st.sampled_from([0, 1, 2, 4, 5, 6]))
controls = requests | accepts | rejects | aborts | st.builds(ReleaseRequest) | st.builds(ReleaseReply)

texts = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-", min_size=1, max_size=16)
commands = st.builds(
    Command,
    st.sampled_from(CommandField).map(int),
    has_data_set=st.booleans(),
    **{
        name: st.none() | strategy
        for names, strategy in (
            (
                "message_id message_id_responded_to status priority move_originator_message_id error_id event_type_id "
                "remaining_suboperations completed_suboperations failed_suboperations warning_suboperations "
                "action_type_id",
                shorts,
            ),
            (
                "affected_sop_class_uid affected_sop_instance_uid requested_sop_class_uid requested_sop_instance_uid",
                uids,
            ),
            ("move_destination move_originator_ae_title error_comment", texts),
            (
                "offending_elements attribute_identifiers",
                st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=4).map(tuple),
            ),
        )
        for name in names.split()
    },
)
