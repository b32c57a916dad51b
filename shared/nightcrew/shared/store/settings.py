"""Settings of the store of products: from arguments, else from the environment, else there is none."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote, urlsplit

from pydantic import Field, SecretStr

from nightcrew.shared.errors import SettingsError
from nightcrew.shared.settings import Settings
from nightcrew.shared.store.cache import Cache
from nightcrew.shared.store.depot import Depot
from nightcrew.shared.store.directory import DirectoryStore
from nightcrew.shared.store.errors import NotAKey
from nightcrew.shared.store.keys import checked_key
from nightcrew.shared.store.observing import ObservedStore, Observer

if TYPE_CHECKING:
    from urllib.parse import SplitResult

    from obstore.store import S3Config

    from nightcrew.shared.store.protocol import Store

GIGABYTE = 1_000_000_000
SHAPE = "s3://BUCKET/PREFIX?endpoint=https://HOST&region=REGION, file:///DIRECTORY or /DIRECTORY"
"""Of an address; without an endpoint it is Amazon's, and the region may be left out where there is only one."""
REGION = "us-east-1"
_ENDPOINT = re.compile(r"https?://[^@/?#]+/?")
_REGION = re.compile(r"[A-Za-z0-9-]*")


class StoreSettings(Settings):
    """Where products are kept for all machines; the environment is read when an instance is made.

    Every field is an environment variable with the prefix ``NIGHTCREW_``.  Keys that are not given here are looked for
    where Amazon's own programs do: ``AWS_ACCESS_KEY_ID``, a service account of Kubernetes, the machine's role.
    """

    store_url: str | None = Field(None, description=f"Address of the store, {SHAPE}; without one there is none")
    store_url_file: Path | None = Field(
        None, description="File whose one line is the address; read where NIGHTCREW_STORE_URL is not set"
    )
    store_access_key: SecretStr | None = Field(None, description="Access key of the store")
    store_access_key_file: Path | None = Field(
        None, description="File whose one line is the access key; read where NIGHTCREW_STORE_ACCESS_KEY is not set"
    )
    store_secret_key: SecretStr | None = Field(None, description="Secret key of the store")
    store_secret_key_file: Path | None = Field(
        None, description="File whose one line is the secret key; read where NIGHTCREW_STORE_SECRET_KEY is not set"
    )
    store_timeout: float = Field(60.0, gt=0, le=3600, description="Seconds that a request to the store may take")
    store_retry: float = Field(
        20.0, ge=0, le=3600, description="Seconds in which a request that failed is repeated, before that is told"
    )
    store_cache: Path | None = Field(
        None, description="Directory for copies of what lies in the store; by default each service has its own"
    )
    store_cache_size: float = Field(20.0, ge=0, description="Gigabytes that the copies may take")

    def address(self) -> str:
        """Return the address of the store; empty if there is none.

        Raises
        ------
        SettingsError
            If the file cannot be read.
        """
        if self.store_url is not None:
            return self.store_url
        return _line(self.store_url_file, "NIGHTCREW_STORE_URL_FILE")

    def keys(self) -> tuple[str, str] | None:
        """Return access and secret key, None if neither is given.

        Raises
        ------
        SettingsError
            If there is only one of them, or a file cannot be read; what is in it is never shown.
        """
        access = _secret(self.store_access_key, self.store_access_key_file, "NIGHTCREW_STORE_ACCESS_KEY_FILE")
        secret = _secret(self.store_secret_key, self.store_secret_key_file, "NIGHTCREW_STORE_SECRET_KEY_FILE")
        if access and secret:
            return access, secret
        if access or secret:
            missing = "NIGHTCREW_STORE_SECRET_KEY" if access else "NIGHTCREW_STORE_ACCESS_KEY"
            raise SettingsError(f"{missing}: is missing; give both keys (or {missing}_FILE), or neither")
        return None


def open_store(settings: StoreSettings) -> Store | None:
    """Return the store that is configured, None if there is none; nothing is asked of it.

    Raises
    ------
    SettingsError
        If the settings make no sense.
    """
    address = settings.address()
    if not address:
        return None
    parts = urlsplit(address)
    if parts.scheme == "s3":
        return _objects(settings, parts)
    if parts.scheme == "file" and parts.netloc in ("", "localhost") and parts.path.startswith("/"):
        return DirectoryStore(Path(unquote(parts.path)))
    if not parts.scheme and address.startswith("/"):
        return DirectoryStore(Path(address))
    raise _no_address()


def open_depot(settings: StoreSettings, cache: Path, observer: Observer | None = None) -> Depot | None:
    """Return the store that is configured with its copies on this machine, None if there is none.

    Parameters
    ----------
    settings
        Where it is.
    cache
        Where the copies are, unless the settings say so.
    observer
        Is told what is done with the store.

    Raises
    ------
    SettingsError
        If the settings make no sense.
    """
    store = open_store(settings)
    if store is None:
        return None
    if observer is not None:
        store = ObservedStore(store, observer)
    return Depot(store, Cache((settings.store_cache or cache).absolute(), int(settings.store_cache_size * GIGABYTE)))


def _objects(settings: StoreSettings, parts: SplitResult) -> Store:
    from obstore.store import S3Store  # noqa: PLC0415 (slow, and a directory does without)

    from nightcrew.shared.store.objects import ObjectStore  # noqa: PLC0415

    bucket, prefix, asked = parts.netloc, parts.path.strip("/"), dict(parse_qsl(parts.query, keep_blank_values=True))
    endpoint, region = asked.pop("endpoint", ""), asked.pop("region", "")
    if not bucket or "@" in bucket or parts.fragment or asked or not _REGION.fullmatch(region):
        raise _no_address()
    if endpoint and not _ENDPOINT.fullmatch(endpoint):
        raise SettingsError("NIGHTCREW_STORE_URL: its endpoint must be http[s]://HOST or http[s]://HOST:PORT")
    if prefix:
        try:
            checked_key(prefix)
        except NotAKey as error:
            raise SettingsError(f"NIGHTCREW_STORE_URL: {error}") from None
    given: S3Config = {}
    if endpoint:
        given["endpoint"] = endpoint.rstrip("/")
    if endpoint or region:
        given["region"] = region or REGION
    keys = settings.keys()
    if keys is not None:
        given["access_key_id"], given["secret_access_key"] = keys
    objects = S3Store(
        bucket,
        prefix=prefix or None,
        config=given,
        client_options={
            "allow_http": endpoint.startswith("http://"),
            "connect_timeout": timedelta(seconds=min(10.0, settings.store_timeout)),
            "timeout": timedelta(seconds=settings.store_timeout),
        },
        retry_config={"max_retries": 10, "retry_timeout": timedelta(seconds=settings.store_retry)},
    )
    return ObjectStore(objects, f"s3://{bucket}/{prefix}".rstrip("/"))


def _no_address() -> SettingsError:
    return SettingsError(f"NIGHTCREW_STORE_URL: no address of a store; it looks like {SHAPE}")


def _secret(given: SecretStr | None, file: Path | None, variable: str) -> str:
    return _line(file, variable) if given is None else given.get_secret_value()


def _line(file: Path | None, variable: str) -> str:
    if file is None:
        return ""
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = (error.strerror if isinstance(error, OSError) else None) or "not a text"
        raise SettingsError(f"{file}: cannot be read ({why}); {variable} must name a file with one line") from None
