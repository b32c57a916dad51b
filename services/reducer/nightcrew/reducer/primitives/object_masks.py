"""Object masks: grown, turned into flags, carried from frame to frame (primitives-sky-and-stack, 7)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from nightcrew.shared.dq import DQ

from nightcrew.reducer.engine.parameters import Parameters, parameter
from nightcrew.reducer.engine.primitive import all_frames, each_frame
from nightcrew.reducer.geometry import Affine, tangent_plane
from nightcrew.reducer.kernels.morphology import dilate
from nightcrew.reducer.kernels.resample import Interpolant

if TYPE_CHECKING:
    from nightcrew.shared.frames import Array, Frame, Plane

    from nightcrew.reducer.engine.run import Run
