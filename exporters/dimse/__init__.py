"""The project's one DICOM upper layer and DIMSE codec (PS3.8, PS3.7), without I/O.

Bytes in, events out; calls in, buffers out. No sockets, threads or clocks: the prober drives it with asyncio, the load
engine with blocking sockets, the tap with neither. Where to begin: `association.Association` for somebody who takes
part in an association, `stream.PduParser` for somebody who only watches one. Everything that the peer's bytes can do
wrong is a `errors.ProtocolError`; what is kept in memory for a peer has limits that the caller sets.
"""
