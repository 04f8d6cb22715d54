"""Messages in fragments and together again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporters.dimse.command import Command, echo_request, response, store_request
from exporters.dimse.errors import ProtocolError, UsageError
from exporters.dimse.message import Assembler, StoreExchange, fragments
from exporters.dimse.stream import Fragment, PduParser
from exporters.dimse.uids import is_valid, new_uid
from tests.unit.exporters.dimse import strategies


def pieces(parser: PduParser) -> list[Fragment]:
    found = []
    while (piece := parser.next()) is not None:
        assert isinstance(piece, Fragment)
        found.append(piece)
    return found


@given(strategies.context_ids, st.binary(max_size=2000), st.integers(8, 2100), st.booleans())
def test_fragments_are_even_fit_the_peer_and_join_to_what_was_cut(
    context_id: int, data: bytes, max_length: int, is_command: bool
) -> None:
    stream = b"".join(fragments(context_id, [data], max_length, is_command=is_command))

    parser = PduParser(max_data_length=max_length)
    parser.feed(stream)
    found = pieces(parser)
    assert b"".join(piece.data for piece in found) == data
    assert [piece.last for piece in found] == [False] * (len(found) - 1) + [True]
    assert all(len(piece.data) % 2 == 0 for piece in found[:-1])


def test_a_data_set_is_not_copied() -> None:
    data = bytearray(100_000)

    parts = fragments(1, [data], 16384, is_command=False)

    held = [part for part in parts if isinstance(part, memoryview)]
    assert len(held) == 7
    assert all(part.obj is data for part in held)


@given(strategies.uids, strategies.uids, strategies.shorts, st.binary(max_size=3000), st.integers(400, 4000))
def test_the_prepared_store_request_is_the_plain_one(
    sop_class: str, instance: str, message_id: int, data: bytes, max_length: int
) -> None:
    prepared = StoreExchange(3, sop_class, max_length).request(message_id, instance, [data])

    command = store_request(message_id, sop_class, instance).encode()
    plain = list(fragments(3, [command], max_length, is_command=True))
    plain += fragments(3, [data], max_length, is_command=False)
    assert b"".join(prepared) == b"".join(plain)


@given(st.lists(st.binary(max_size=700), max_size=6), st.integers(8, 900), st.booleans())
def test_buffers_are_cut_where_pdus_end_and_not_where_buffers_do(
    data: list[bytes], max_length: int, is_command: bool
) -> None:
    several = b"".join(fragments(7, data, max_length, is_command=is_command))

    assert several == b"".join(fragments(7, [b"".join(data)], max_length, is_command=is_command))


def test_an_instance_of_gigabytes_is_cut_as_it_is_sent() -> None:
    block = memoryview(bytes(1 << 20))

    parts = fragments(1, [block] * 3000, 16384, is_command=False)

    assert len(next(iter(parts))) == 12
    assert sum(len(part) for part in parts) - 3000 * (1 << 20) == 12 * (3000 * (1 << 20) // 16378)


@given(strategies.uids, st.lists(strategies.uids, min_size=2, max_size=5), st.booleans())
def test_an_answer_like_one_before_is_known_without_parsing(
    sop_class: str, instances: list[str], tells_instance: bool
) -> None:
    def answer(message_id: int, instance: str) -> bytes:
        told = response(store_request(message_id, sop_class, instance), 0)
        if not tells_instance:
            told.affected_sop_instance_uid = None
        return b"".join(fragments(5, [told.encode()], 16384, is_command=True))

    exchange, learned = StoreExchange(5, sop_class, 16384), set[int]()
    for message_id, instance in enumerate(instances, 1):
        expected = exchange.usual_answer(message_id, instance)
        length = len(instance) + len(instance) % 2
        if length in learned:
            assert expected == answer(message_id, instance)
            assert expected != answer(message_id + 1, instance)
        else:
            assert not expected
        exchange.learn(answer(message_id, instance), message_id, instance)
        if tells_instance:  # without it there is nothing to tell two answers apart by but the id: not learned
            learned.add(length)


def test_the_prepared_store_request_refuses_a_peer_without_room_for_its_command() -> None:
    with pytest.raises(UsageError, match="does not fit the peer's PDUs of 64 bytes"):
        StoreExchange(1, "1.2.3", 64).request(1, "1.2.4", [b""])


@given(strategies.commands, st.binary(max_size=500), st.integers(8, 300))
def test_a_message_comes_together_from_any_fragments(command: Command, data: bytes, max_length: int) -> None:
    stream = list(fragments(5, [command.encode()], max_length, is_command=True))
    if command.has_data_set:
        stream += fragments(5, [data], max_length, is_command=False)
    parser, assembler = PduParser(max_data_length=max_length), Assembler(max_data_set=500)
    parser.feed(b"".join(stream))

    *before, message = [assembler.add(piece) for piece in pieces(parser)]

    assert before == [None] * len(before)
    assert message is not None
    assert message.command == command
    assert message.data_set == (data if command.has_data_set else None)
    assert not assembler.within_message


STORE = store_request(1, "1.2.3", "1.2.4").encode()


@pytest.mark.parametrize(
    ("stream", "said"),
    [
        ([(1, False, False, b"data")], "a data set comes without the command set that announces it"),
        (
            [(1, True, False, b"\0\0"), (3, True, True, b"")],
            "a message begins before the command set of the one before",
        ),
        ([(1, True, True, STORE), (1, True, True, STORE)], "a message begins before the data set of the one before"),
        ([(1, True, True, STORE), (3, False, True, b"")], "a message begins before the data set of the one before"),
        ([(1, True, True, STORE), (1, False, False, bytes(99)), (1, False, True, b"12")], "passes the limit of 100"),
        ([(1, True, False, bytes(65536)), (1, True, False, b"1")], "a command set passes the limit of 65536 bytes"),
    ],
)
def test_fragments_out_of_order_or_past_a_limit_are_refused(
    stream: list[tuple[int, bool, bool, bytes]], said: str
) -> None:
    assembler = Assembler(max_data_set=100)

    *good, bad = [Fragment(where, is_command, last, memoryview(data)) for where, is_command, last, data in stream]
    for fragment in good:
        assert assembler.add(fragment) is None
    with pytest.raises(ProtocolError, match=said):
        assembler.add(bad)


class Pieces(list[bytes]):
    """A sink."""

    def write(self, data: memoryview) -> None:
        self.append(bytes(data))


def test_a_data_set_that_a_sink_takes_has_no_limit_and_is_not_kept() -> None:
    assembler, opened = Assembler(max_data_set=10), list[tuple[int, Command, Pieces]]()

    def open_sink(context_id: int, command: Command) -> Pieces:
        opened.append((context_id, command, Pieces()))
        return opened[-1][2]

    assembler.open_sink = open_sink
    for number in range(2):
        assert assembler.add(Fragment(3, True, True, memoryview(STORE))) is None
        assert assembler.add(Fragment(3, False, False, memoryview(bytes(1000)))) is None
        message = assembler.add(Fragment(3, False, True, memoryview(b"ende")))

        assert message is not None
        assert (message.data_set, message.size) == (None, 1004)
        assert message.sink is opened[number][2]
        assert opened[number] == (3, message.command, [bytes(1000), b"ende"])
    assert not assembler.within_message


def test_where_no_sink_is_opened_the_data_set_is_kept_within_the_limit() -> None:
    assembler = Assembler(max_data_set=10)
    assembler.open_sink = lambda _, __: None

    assembler.add(Fragment(3, True, True, memoryview(STORE)))
    message = assembler.add(Fragment(3, False, True, memoryview(b"ende")))

    assert message is not None
    assert (message.data_set, message.sink, message.size) == (b"ende", None, 4)


def test_a_message_without_a_data_set_ends_with_its_command() -> None:
    message = Assembler(max_data_set=0).add(Fragment(1, True, True, memoryview(echo_request(1).encode())))

    assert message is not None
    assert message.data_set is None


def test_new_uids_are_valid_and_new() -> None:
    made = {new_uid() for _ in range(1000)}

    assert len(made) == 1000
    assert all(map(is_valid, made))


@pytest.mark.parametrize("uid", ["", "1", "1.", ".1", "1..2", "1.02", "1.a", "1.2 ", "1." + "2" * 63])
def test_an_invalid_uid_is_seen(uid: str) -> None:
    assert not is_valid(uid)
