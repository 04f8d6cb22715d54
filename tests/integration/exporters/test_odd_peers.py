"""Peers that misbehave: each is a failed probe with its class, within its deadline, in bounded memory."""

import asyncio
import socket
import tracemalloc
from contextlib import suppress

import pytest
import structlog

from exporters.dicom_exporter import config, connection
from exporters.dicom_exporter.outcome import Outcome
from exporters.dicom_exporter.probe import Probe
from exporters.dicom_exporter.runner import BusyError, Runner
from exporters.dicom_exporter.target import Target
from exporters.dimse import pdu
from exporters.dimse.pdu import Abort, ReleaseRequest
from exporters.dimse.reasons import AbortReason
from tests.integration.exporters.odd_scp import Behaviour, Peer, behave, odd_scp
from tests.integration.exporters.test_probes import CONFIG, reason


def probe(behaviour: Behaviour, module: str = "echo", seconds: float = 20.0) -> Probe:
    async def run() -> Probe:
        async with odd_scp(behaviour) as scp:
            done = await Runner(CONFIG).probe(Target("127.0.0.1", scp.port), module, seconds)
            assert scp.connections == 1
        return done

    return asyncio.run(run())


def test_the_odd_peer_can_behave_too() -> None:
    assert probe(behave).outcome is Outcome.ACCEPTED
    assert probe(behave, "store").outcome is Outcome.ACCEPTED


async def silent(peer: Peer) -> None:
    await peer.reader.read(65536)
    assert await peer.until_closed() == [Abort()]


async def silent_after_the_request(peer: Peer) -> None:
    await peer.accept()
    await peer.message()
    assert await peer.until_closed() == [Abort()]


async def silent_at_the_release(peer: Peer) -> None:
    await peer.accept()
    peer.answer(await peer.message())
    assert isinstance(await peer.event(), ReleaseRequest)
    assert await peer.until_closed() == [Abort()]


@pytest.mark.parametrize(
    ("behaviour", "phase"),
    [(silent, "associate"), (silent_after_the_request, "request"), (silent_at_the_release, "release")],
)
def test_a_peer_that_falls_silent_times_out_at_the_deadline_and_is_told_by_an_abort(
    behaviour: Behaviour, phase: str
) -> None:
    done = probe(behaviour, seconds=0.5)

    assert done.outcome is Outcome.TIMED_OUT
    assert reason(done) == "the deadline of 0.5 s has passed"
    assert 0.5 <= done.duration < 5
    assert done.phases[phase] > 0.3


async def closing_at_once(peer: Peer) -> None:
    del peer


async def closing_within_a_pdu(peer: Peer) -> None:
    await peer.accept()
    await peer.message()
    peer.writer.write(b"\x04\0\0\0\1\0\0\0\0\xfc\1\3abc")
    await peer.writer.drain()
    peer.writer.close()
    await peer.writer.wait_closed()


async def resetting(peer: Peer) -> None:
    await peer.accept()
    await peer.message()
    peer.reset()


@pytest.mark.parametrize("behaviour", [closing_at_once, closing_within_a_pdu, resetting])
def test_a_peer_that_ends_the_connection_without_a_word_is_a_reset(behaviour: Behaviour) -> None:
    assert probe(behaviour).outcome is Outcome.RESET


async def aborting_as_provider(peer: Peer) -> None:
    await peer.accept()
    await peer.message()
    peer.writer.write(Abort(2, AbortReason.UNEXPECTED_PDU).encode())
    await peer.until_closed()


def test_an_abort_by_the_provider_is_told_with_its_reason() -> None:
    done = probe(aborting_as_provider)

    assert done.outcome is Outcome.ABORTED_BY_PROVIDER
    assert reason(done) == "aborted by service-provider: unexpected-pdu"


def sending(data: bytes) -> Behaviour:
    async def behaviour(peer: Peer) -> None:
        await peer.accept()
        await peer.message()
        peer.writer.write(data)
        (abort,) = await peer.until_closed()
        assert isinstance(abort, Abort)
        assert abort.source == 2

    return behaviour


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "PDU type 0x48 is unknown"),
        (b"\x04\0\xff\xff\xff\xff", "a P-DATA-TF PDU of 4294967295 bytes, where 16384 were agreed"),
        (b"\x04\0\0\0\0\x06\0\0\0\2\3\3", "P-DATA on presentation context 3, which is not accepted"),
        (b"\x04\0\0\0\0\x06\0\0\0\2\1\3", "a command set has no command field"),
        (pdu.ReleaseReply().encode(), "ReleaseReply is unexpected: ESTABLISHED"),
    ],
)
def test_garbage_is_a_protocol_violation_and_answered_by_an_abort(data: bytes, words: str) -> None:
    done = probe(sending(data))

    assert done.outcome is Outcome.PROTOCOL_VIOLATION
    assert reason(done) == words


async def answering_another_id(peer: Peer) -> None:
    await peer.accept()
    peer.answer(await peer.message(), message_id=4711)
    assert await peer.until_closed() == [Abort()]


async def answering_twice(peer: Peer) -> None:
    await peer.accept()
    message = await peer.message()
    peer.answer(message)
    peer.answer(message)
    await peer.until_closed()


async def releasing_instead(peer: Peer) -> None:
    await peer.accept()
    await peer.message()
    peer.writer.write(peer.association.release())
    assert await peer.until_closed() == [Abort()]


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        (answering_another_id, "a response to another message id"),
        (answering_twice, "Message instead of a release reply"),
        (releasing_instead, "ReleaseRequest instead of a message"),
    ],
)
def test_an_answer_that_is_none_is_a_protocol_violation(behaviour: Behaviour, words: str) -> None:
    done = probe(behaviour)

    assert done.outcome is Outcome.PROTOCOL_VIOLATION
    assert reason(done) == words


def endless(head: bytes, repeated: bytes) -> Behaviour:
    async def behaviour(peer: Peer) -> None:
        await peer.accept()
        await peer.message()
        peer.writer.write(head)
        with suppress(ConnectionError):
            while not peer.writer.is_closing():
                peer.writer.write(repeated)
                await peer.writer.drain()

    return behaviour


@pytest.mark.parametrize(
    ("behaviour", "outcome"),
    [
        # empty pieces of a command that never ends, 1,000 at a time
        (endless(b"", b"\x04\0\0\0\0\x06\0\0\0\2\1\1" * 1000), Outcome.TIMED_OUT),
        (endless(b"", (b"\x04\0\0\0\0\x0e\0\0\0\x0a\1\1" + bytes(8)) * 1000), Outcome.PROTOCOL_VIOLATION),
        (endless(b"\x02\0\0\x0f\xff\xff", bytes(65536)), Outcome.PROTOCOL_VIOLATION),
    ],
)
def test_an_endless_answer_costs_its_deadline_and_bounded_memory(behaviour: Behaviour, outcome: Outcome) -> None:
    tracemalloc.start()
    try:
        done = probe(behaviour, seconds=1.0)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert done.outcome is outcome
    assert done.duration < 10
    assert peak < 8 << 20, "prober and peer together"


def test_a_port_without_a_listener_is_refused() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # bound and not listening: nobody else gets it

        async def run() -> Probe:
            return await Runner(CONFIG).probe(Target("127.0.0.1", held.getsockname()[1]), "echo", 20.0)

        assert asyncio.run(run()).outcome is Outcome.REFUSED


def test_a_name_that_cannot_be_resolved_says_so() -> None:
    async def run() -> Probe:
        return await Runner(CONFIG).probe(Target("x" * 64 + ".example", 104), "echo", 20.0)

    done = asyncio.run(run())
    assert done.outcome is Outcome.UNRESOLVED
    assert str(reason(done)).endswith("can't be resolved: it is no host name")


def test_two_scrapes_at_a_time_share_one_probe_of_a_target_and_module() -> None:
    async def run() -> None:
        release = asyncio.Event()

        async def waiting(peer: Peer) -> None:
            await release.wait()
            await behave(peer)

        async with odd_scp(waiting) as scp:
            runner, target = Runner(CONFIG), Target("127.0.0.1", scp.port)
            asked = [asyncio.create_task(runner.probe(target, module, 20.0)) for module in ("echo", "echo", "store")]
            while scp.connections < 2:
                await asyncio.sleep(0)  # until both modules have connected
            release.set()
            echo, same, store = await asyncio.gather(*asked)
            assert scp.connections == 2
            again = await runner.probe(target, "echo", 20.0)
        assert echo is same
        assert echo is not again
        assert {echo.outcome, store.outcome, again.outcome} == {Outcome.ACCEPTED}

    asyncio.run(run())


def test_closing_the_runner_ends_what_runs() -> None:
    async def run() -> None:
        async with odd_scp(silent) as scp:
            runner = Runner(CONFIG)
            asked = asyncio.create_task(runner.probe(Target("127.0.0.1", scp.port), "echo", 60.0))
            while not scp.connections:
                await asyncio.sleep(0)
            await runner.close()
            with pytest.raises(asyncio.CancelledError):
                await asked

    asyncio.run(run())


def test_a_defect_of_the_exporter_is_an_internal_error_and_not_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("exporters.dicom_exporter.prober.echo.associate", broken)

    async def run() -> Probe:
        return await Runner(CONFIG).probe(Target("127.0.0.1", 1), "echo", 20.0)

    done = asyncio.run(run())
    assert done.outcome is Outcome.INTERNAL_ERROR
    assert reason(done) == "ZeroDivisionError in the exporter"


def test_the_connection_sends_without_delay() -> None:
    async def run() -> int:
        async with odd_scp(closing_at_once) as scp:
            probe = Probe(("connect",), structlog.get_logger())
            _, writer = await connection.open_stream(Target("127.0.0.1", scp.port), None, probe)
            value: int = writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            writer.transport.abort()
            return value

    assert asyncio.run(run()) == 1


def test_who_joins_a_probe_that_runs_waits_no_longer_than_asked_for() -> None:
    async def run() -> None:
        async with odd_scp(silent) as scp:
            runner, target = Runner(CONFIG), Target("127.0.0.1", scp.port)
            first = asyncio.create_task(runner.probe(target, "echo", 2.0))
            while not scp.connections:
                await asyncio.sleep(0)
            second = await runner.probe(target, "echo", 0.2)
            assert not first.done()
            assert second.outcome is Outcome.TIMED_OUT
            assert reason(second) == "the probe that runs already has not ended within 0.2 s"
            assert (await first).outcome is Outcome.TIMED_OUT
            assert scp.connections == 1

    asyncio.run(run())


def test_what_exceeds_the_limit_is_refused_at_once_and_counted() -> None:
    async def run() -> None:
        async with odd_scp(silent) as one, odd_scp(silent) as other:
            limits = config.Limits(concurrent_probes=1)
            runner = Runner(CONFIG.model_copy(update={"limits": limits}))
            running = asyncio.create_task(runner.probe(Target("127.0.0.1", one.port), "echo", 0.5))
            while not one.connections:
                await asyncio.sleep(0)
            with pytest.raises(BusyError, match=r"^1 probes run already, which is limits.concurrent_probes"):
                await runner.probe(Target("127.0.0.1", other.port), "echo", 20.0)
            assert other.connections == 0
            assert runner.registry.get_sample_value("dicom_exporter_probes_refused_total") == 1
            await running
            assert (await runner.probe(Target("127.0.0.1", other.port), "echo", 0.1)).outcome is Outcome.TIMED_OUT

    asyncio.run(run())
