"""What the runners of worked examples share: arrays in JSON, comparison, the record of what failed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass
class Report:
    """Failures of one file of worked examples."""

    passed: int = 0
    failures: list[str] = field(default_factory=list)

    @property
    def failed(self) -> int:
        """How many examples failed."""
        return len(self.failures)

    def record(self, name: str, problem: str | None) -> None:
        """Count an example; `problem` is None if it came out as it should."""
        if problem is None:
            self.passed += 1
        else:
            self.failures.append(f"{name}: {problem}")


def array(values: Any, dtype: type) -> np.ndarray | None:
    """Return nested lists as an array; None stays None, "nan" and "inf" become numbers."""
    return None if values is None else np.array(values, dtype=np.float64).astype(dtype)


def difference(name: str, ours: Any, expected: Any, tolerance: float) -> str | None:
    """Say how an array differs from what the example lists, or None if it does not."""
    if expected is None or ours is None:
        return None if ours is None and expected is None else f"{name}: {_brief(ours)} instead of {_brief(expected)}"
    got, want = np.asarray(ours, np.float64), np.array(expected, dtype=np.float64)
    if got.shape != want.shape:
        return f"{name}: shape {got.shape} instead of {want.shape}"
    if np.allclose(got, want, rtol=tolerance, atol=0.0, equal_nan=True):
        return None
    return f"{name}: {_brief(got)} instead of {_brief(want)}"


def first_problem(*problems: str | None) -> str | None:
    """Return the first problem that is one."""
    return next((problem for problem in problems if problem is not None), None)


def _brief(values: Any) -> str:
    text = "nothing" if values is None else np.array2string(np.asarray(values), threshold=40).replace("\n", "")
    return text if len(text) <= 160 else text[:157] + "..."
