#!/usr/bin/env python3
"""Write the rules of Prometheus as a PrometheusRule, which the operator of Prometheus reads.

usage: deploy/kubernetes/make_rules.py
"""

from __future__ import annotations

import sys
from pathlib import Path

import yaml

HERE = Path(__file__).parent
RULES = HERE.parent / "prometheus" / "rules"
TARGET = HERE / "components" / "monitoring" / "rules.yaml"
ABOUT = "# Written by deploy/kubernetes/make_rules.py from deploy/prometheus/rules/: change them there.\n"


def text() -> str:
    """Return the resource as its file holds it."""
    groups = [group for path in sorted(RULES.glob("*.yml")) for group in yaml.safe_load(path.read_text())["groups"]]
    resource = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "nightcrew", "labels": {"app.kubernetes.io/part-of": "nightcrew"}},
        "spec": {"groups": groups},
    }
    return ABOUT + yaml.safe_dump(resource, sort_keys=False, width=120)


def main() -> int:
    """Run the command."""
    TARGET.write_text(text(), encoding="utf-8")
    print(TARGET)
    return 0


if __name__ == "__main__":
    sys.exit(main())
