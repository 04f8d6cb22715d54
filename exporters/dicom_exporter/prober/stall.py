"""The 44 ms stall: a peer that writes an answer in parts with Nagle on waits for the acknowledgement that we delay.

The second part of such an answer leaves when Linux acknowledges the first, 40 to 48 ms later (a timer of 40 ms on a
clock of 4 ms), whatever the answer is: 23 messages a second per association. Measured with Debian's storescp and
Orthanc: 41 to 48.4 ms for each of ten echoes; with TCP_NODELAY=1 in their environment 0.06 to 0.6 ms.
"""

from collections.abc import Awaitable, Callable

SHORTEST, LONGEST = 0.039, 0.050  # seconds
ECHOES = 5
NEAR = 0.02  # seconds to connect: from further away distance may be the reason


def on_the_plateau(seconds: float) -> bool:
    """Whether an answer took as long as a stalled one does."""
    return SHORTEST <= seconds <= LONGEST


async def suspected(connect: float, first: float, echo: Callable[[], Awaitable[float]]) -> bool:
    """Whether that many answers in a row lie on the plateau.

    `connect` and `first` are what the connection and the first echo took; `echo` sends another and gives its time
    (seconds). A peer without the stall is asked nothing more.
    """
    taken = first
    for _ in range(ECHOES - 1):
        if connect > NEAR or not on_the_plateau(taken):
            return False
        taken = await echo()
    return on_the_plateau(taken)
