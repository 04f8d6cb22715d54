"""The balancer's C-ECHO bytes, read by an independent implementation."""

from pynetdicom.dimse_messages import C_ECHO_RQ
from pynetdicom.pdu import A_ASSOCIATE_RQ, P_DATA_TF

from infra.components import dicom_check


def test_the_association_request_proposes_verification_between_the_given_titles() -> None:
    pdu = A_ASSOCIATE_RQ()
    pdu.decode(dicom_check.associate_request("VNAOPS_BALANCER", "VNAOPS"))
    assert (pdu.calling_ae_title.strip(), pdu.called_ae_title.strip()) == ("VNAOPS_BALANCER", "VNAOPS")
    (context,) = pdu.presentation_context
    assert context.abstract_syntax == "1.2.840.10008.1.1"
    assert context.transfer_syntax == ["1.2.840.10008.1.2"]


def test_the_message_is_a_c_echo_request_that_can_be_read() -> None:
    pdu = P_DATA_TF()
    pdu.decode(dicom_check.echo_request())
    message = C_ECHO_RQ()
    assert message.decode_msg(pdu.to_primitive())
    assert message.command_set.CommandField == 0x0030
    assert message.command_set.AffectedSOPClassUID == "1.2.840.10008.1.1"
    assert message.command_set.MessageID == 1
