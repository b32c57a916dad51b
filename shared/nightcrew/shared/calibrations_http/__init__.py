"""Calibrations from a server: nightcrew's calibration manager, or an archive that speaks Gemini's protocol.

It needs the extra `http` of nightcrew-shared.
"""

from nightcrew.shared.calibrations_http.cache import Cache
from nightcrew.shared.calibrations_http.desk import ServerDesk
from nightcrew.shared.calibrations_http.manager import ManagerClient
from nightcrew.shared.calibrations_http.server import Server
from nightcrew.shared.calibrations_http.source import ServerCalibrations

__all__ = ["Cache", "ManagerClient", "Server", "ServerCalibrations", "ServerDesk"]
