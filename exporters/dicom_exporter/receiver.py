"""The prober's own SCP."""

from exporters.dicom_exporter import config


class Receiver:
    """Stand-in until C-MOVE."""

    async def listen(self, settings: config.Receiver | None) -> None:
        """Listen."""

    def close(self) -> None:
        """End."""
