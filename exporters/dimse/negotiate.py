"""An acceptor's answer to a request (PS3.8 section 9.3.3)."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from exporters.dimse.items import ContextAnswer, ProposedContext, UserInformation
from exporters.dimse.pdu import AssociateAccept, AssociateRequest
from exporters.dimse.reasons import ContextResult


def answer(
    request: AssociateRequest,
    supported: Mapping[str, Collection[str]] | None,
    *,
    user: UserInformation | None = None,
    preferred: Sequence[str] = (),
) -> AssociateAccept:
    """Accept what is supported: abstract syntax -> transfer syntaxes; None: whatever is proposed.

    Of each proposal the first transfer syntax of `preferred` is taken that is supported, else the first supported one
    as proposed. Roles are granted as they are proposed, for supported SOP classes. `user` is our user information
    without roles.
    """
    user = user or UserInformation()
    roles = tuple(role for role in request.user.roles if supported is None or role.sop_class_uid in supported)
    return AssociateAccept(
        request.called_ae_title,
        request.calling_ae_title,
        tuple(_answer(context, supported, preferred) for context in request.contexts),
        replace(user, roles=roles),
    )


def _answer(
    context: ProposedContext, supported: Mapping[str, Collection[str]] | None, preferred: Sequence[str]
) -> ContextAnswer:
    known = context.transfer_syntaxes if supported is None else supported.get(context.abstract_syntax)
    if known is None:
        return ContextAnswer(context.id, ContextResult.ABSTRACT_SYNTAX_NOT_SUPPORTED)
    possible = [syntax for syntax in context.transfer_syntaxes if syntax in known]
    if not possible:
        return ContextAnswer(context.id, ContextResult.TRANSFER_SYNTAXES_NOT_SUPPORTED)
    chosen = next((syntax for syntax in preferred if syntax in possible), possible[0])
    return ContextAnswer(context.id, ContextResult.ACCEPTANCE, chosen)
