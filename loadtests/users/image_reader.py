"""What viewers ask of DICOMweb: single frames, compared with what was stored, and rendered images, decoded."""

from collections.abc import Callable, Mapping, Sequence

import imagecodecs

from loadtests import dicomweb, multipart
from loadtests.campaigns.plan import Operation
from loadtests.campaigns.work import StoredStudy
from loadtests.profiles.instance import Instance
from loadtests.users.dicomweb import BULK_PARTS, Counted, PeerError, Taken
from loadtests.users.frames import Frames
from loadtests.users.http import Answer
from loadtests.users.web_reader import WebReader

IMAGE_LIMIT = 1 << 26
RENDERED = "image/jpeg"  # one type: Orthanc's DICOMweb 1.20 answers a list of them with 400
_KEPT_FRAMES = 4
_DECODERS: Mapping[str, Callable[[bytes], object]] = {
    "image/jpeg": imagecodecs.jpeg8_decode,
    "image/png": imagecodecs.png_decode,
}


class ImageReader(WebReader):
    """Looks at images."""

    abstract = True

    def frames_of(self, stored: StoredStudy, sop_instance_uid: str) -> Sequence[bytes]:
        """The stored frames of an instance, none where it has no pixel data; those of the last few are kept.

        Raises:
            KeyError: the study has no such instance.
        """
        kept: dict[str, Sequence[bytes]] = self.__dict__.setdefault("_frames", {})
        if sop_instance_uid not in kept:
            for instance in stored.study.instances():
                if instance.sop_instance_uid == sop_instance_uid:
                    if len(kept) >= _KEPT_FRAMES:
                        del kept[next(iter(kept))]
                    kept[sop_instance_uid] = _frames(instance)
                    break
        return kept[sop_instance_uid]

    def frames(
        self, path: str, wanted: Sequence[int], stored: Sequence[bytes], *, intended: float | None = None
    ) -> bool:
        """WADO-RS frames of the instance at the path, compared; returns whether they came as they ought to.

        Args:
            wanted: numbers, from 1.
        """
        known = [stored[number - 1] for number in wanted if number <= len(stored)]
        limit = sum(map(len, known)) + self.ALLOWANCE

        def take(answer: Answer) -> Taken[bool]:
            if len(known) != len(wanted):
                raise PeerError("has more frames than were stored")
            if not answer.content_type.lower().startswith("multipart/related"):
                raise PeerError("another content type")
            pieces, came = Counted(answer.pieces(limit)), []
            try:
                for part in multipart.parts(answer.content_type, pieces):
                    came.append(b"".join(part.pieces))
            except dicomweb.DicomWebError:
                raise PeerError("broken multipart") from None
            pieces.drain()
            if len(came) != len(wanted):
                raise PeerError("returned another number of frames")
            # an archive may take the byte away that makes a frame's length even (PS3.5 section 8.2)
            if any(one not in (frame, frame + b"\0") for one, frame in zip(known, came, strict=True)):
                raise PeerError("returned other bytes than were stored")
            return Taken(True, 0, pieces.size)

        numbers = ",".join(map(str, wanted))
        url = f"{path}/frames/{numbers}"
        return self.fetch(Operation.WADO_RS_FRAMES, url, BULK_PARTS, take, intended=intended) or False

    def rendered(self, path: str, *, intended: float | None = None) -> bool:
        """A rendered image or thumbnail (the path ends so), decoded; returns whether it is one."""

        def take(answer: Answer) -> Taken[bool]:
            decode = _DECODERS.get(answer.content_type.partition(";")[0].strip().lower())
            if decode is None:
                raise PeerError("another content type")
            body = answer.body(IMAGE_LIMIT)
            try:
                decode(body)
            except (RuntimeError, ValueError):
                raise PeerError("an image that can't be decoded") from None
            return Taken(True, size=len(body))

        return self.fetch(Operation.WADO_RS_RENDERED, path, RENDERED, take, intended=intended) or False


def _frames(instance: Instance) -> Sequence[bytes]:
    try:
        return Frames(instance)
    except ValueError:
        return ()
