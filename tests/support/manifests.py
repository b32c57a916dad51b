"""What is applied to a cluster, as kustomize builds it."""

from __future__ import annotations

import functools
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from support.composing import ROOT

KUBERNETES = ROOT / "deploy" / "kubernetes"
OVERLAYS = ("single-node", "production", "object-store")
OPERATORS = ("keda.sh", "monitoring.coreos.com", "postgresql.cnpg.io", "rabbitmq.com")
"""Groups of kinds that are not Kubernetes' own."""


@functools.cache
def built(overlay: str) -> tuple[dict[str, Any], ...]:
    """Return what an overlay applies."""
    kubectl = Path(sys.executable).with_name("kubectl")
    done = subprocess.run(
        [kubectl, "kustomize", KUBERNETES / "overlays" / overlay], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr, done.stderr
    return tuple(yaml.safe_load_all(done.stdout))


def of_kind(overlay: str, *kinds: str) -> list[dict[str, Any]]:
    """Return what an overlay applies of some kinds."""
    return [one for one in built(overlay) if one["kind"] in kinds]


def name_of(resource: dict[str, Any]) -> str:
    """Return kind and name."""
    return f"{resource['kind']}/{resource['metadata']['name']}"
