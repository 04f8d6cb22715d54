"""An acceptor's answer to a request (PS3.8 section 9.3.3)."""

from collections.abc import Collection, Mapping
from dataclasses import replace

from exporters.dimse.items import ContextAnswer, ProposedContext, UserInformation
from exporters.dimse.pdu import AssociateAccept, AssociateRequest
from exporters.dimse.reasons import ContextResult


def answer(
    request: AssociateRequest, supported: Mapping[str, Collection[str]], *, user: UserInformation | None = None
) -> AssociateAccept:
    """Accept what is supported: abstract syntax -> transfer syntaxes; of each proposal the first that is known.

    Roles are granted as they are proposed, for supported SOP classes. `user` is our user information without roles.
    """
    user = user or UserInformation()
    roles = tuple(role for role in request.user.roles if role.sop_class_uid in supported)
    return AssociateAccept(
        request.called_ae_title,
        request.calling_ae_title,
        tuple(_answer(context, supported) for context in request.contexts),
        replace(user, roles=roles),
    )


def _answer(context: ProposedContext, supported: Mapping[str, Collection[str]]) -> ContextAnswer:
    known = supported.get(context.abstract_syntax)
    if known is None:
        return ContextAnswer(context.id, ContextResult.ABSTRACT_SYNTAX_NOT_SUPPORTED)
    for transfer_syntax in context.transfer_syntaxes:
        if transfer_syntax in known:
            return ContextAnswer(context.id, ContextResult.ACCEPTANCE, transfer_syntax)
    return ContextAnswer(context.id, ContextResult.TRANSFER_SYNTAXES_NOT_SUPPORTED)
