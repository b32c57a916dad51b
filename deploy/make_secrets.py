#!/usr/bin/env python3
"""Make the secrets of a deployment: passwords, addresses that hold them, tokens, the broker's definitions.

usage: deploy/make_secrets.py DIRECTORY [--postgres HOST] [--rabbitmq HOST]

Every secret is a file; one that exists is left as it is, so that running this again only adds what is missing.
RabbitMQ is given salted SHA-256 hashes, as its own `rabbitmqctl hash_password` makes them, never the passwords.
Needs nothing but Python.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import secrets
import sys
from pathlib import Path
from typing import Any

DEFINITIONS = Path(__file__).parent / "rabbitmq" / "definitions.json"
PEOPLE = {"operator": "administrator", "keda": "monitoring"}
"""Users that are no services: who looks at the broker's pages, and who counts its messages for scaling."""
PASSWORDS = ("postgres_password", "grafana_password")
TOKENS = ("calmanager_token", "ingest_token")


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description="Make the secrets of a deployment; what exists stays.")
    parser.add_argument("directory", type=Path, help="where; nobody else may look into it")
    parser.add_argument("--postgres", default="postgres", help="HOST or HOST:PORT of PostgreSQL (default: postgres)")
    parser.add_argument("--rabbitmq", default="rabbitmq", help="HOST or HOST:PORT of RabbitMQ (default: rabbitmq)")
    options = parser.parse_args()
    made = make(options.directory, options.postgres, options.rabbitmq)
    print(f"{options.directory}: {', '.join(made) or 'nothing'} made; keep it out of version control and back it up")
    return 0


def make(directory: Path, postgres: str = "postgres", rabbitmq: str = "rabbitmq") -> list[str]:
    """Write the secrets that are missing, and return their names.

    Parameters
    ----------
    directory
        Where; made for its owner alone.  The files in it may be read by all: any user of a container may be given
        one of them, and none can reach the others.
    postgres, rabbitmq
        Hosts, as the services reach them, with a port where it is not the usual one.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    made: list[str] = []

    def kept(name: str, text: str) -> str:
        path = directory / name
        if not path.exists():
            path.touch(mode=0o600)
            path.write_text(text + "\n", encoding="utf-8")
            path.chmod(0o444)
            made.append(name)
        return path.read_text(encoding="utf-8").rstrip("\n")

    for name in (*PASSWORDS, *TOKENS):
        kept(name, secrets.token_hex(24))
    password = kept("postgres_password", "")
    kept("database_url", f"postgresql://nightcrew:{password}@{_at(postgres, 5432)}/nightcrew")
    definitions = json.loads(DEFINITIONS.read_text(encoding="utf-8"))
    definitions["users"] += [{"name": name, "tags": tags} for name, tags in PEOPLE.items()]
    for user in definitions["users"]:
        name = user["name"]
        password = kept(f"rabbitmq_password_{name}", secrets.token_hex(24))
        if name not in PEOPLE:
            kept(f"rabbitmq_url_{name}", f"amqp://{name}:{password}@{_at(rabbitmq, 5672)}/nightcrew")
        user.update(hashed(password))
    definitions["permissions"] += [_permission("operator", ".*"), _permission("keda", "^$")]
    kept("rabbitmq_definitions", json.dumps(definitions, indent=1))
    return made


def hashed(password: str, salt: bytes | None = None) -> dict[str, str]:
    """Return how RabbitMQ keeps a password: base64 of 4 bytes of salt and the SHA-256 of salt and password."""
    salt = secrets.token_bytes(4) if salt is None else salt
    digest = hashlib.sha256(salt + password.encode()).digest()
    algorithm = "rabbit_password_hashing_sha256"
    return {"password_hash": base64.b64encode(salt + digest).decode(), "hashing_algorithm": algorithm}


def _at(host: str, port: int) -> str:
    return host if ":" in host else f"{host}:{port}"


def _permission(user: str, resources: str) -> dict[str, Any]:
    return {"user": user, "vhost": "nightcrew", "configure": resources, "write": resources, "read": resources}


if __name__ == "__main__":
    sys.exit(main())
