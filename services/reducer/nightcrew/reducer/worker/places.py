"""Where attempts work, where their products are kept, and the names by which people find them.

::

    SCRATCH/JOB.ATTEMPT.TOKEN/products/NAME     written by the child
    PRODUCTS/.jobs/JOB/ATTEMPT-TOKEN/NAME       moved there as a whole; never written again; the ledger's path
    PRODUCTS/YYYYMMDD/NAME                      another link to it, made once the ledger has it

The directory in SCRATCH is there from the claim until all is done: whoever finds one asks the ledger what is to become
of it.  The token tells attempts apart that have the same number, because one was handed back.
"""

from __future__ import annotations

import os
import secrets
import shutil
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from nightcrew.shared.errors import ServiceError, SettingsError
from nightcrew.shared.fits.output import writing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import date
    from pathlib import Path

_JOBS, _OUTPUT = ".jobs", "products"


@dataclass(frozen=True, slots=True)
class Workspace:
    """An attempt, as its directory is called."""

    job: UUID
    attempt: int
    token: str

    @classmethod
    def new(cls, job: UUID, attempt: int) -> Workspace:
        """Return one that there has never been."""
        return cls(job, attempt, secrets.token_hex(4))

    @classmethod
    def parse(cls, name: str) -> Workspace | None:
        """Read the name of a directory; None if it is none of ours."""
        job, attempt, token = (*name.split("."), "", "")[:3]
        try:
            found = cls(UUID(job), int(attempt), token)
        except ValueError:
            return None
        return found if found.name == name and token else None

    @property
    def name(self) -> str:
        """Name of its directory in SCRATCH."""
        return f"{self.job}.{self.attempt}.{self.token}"

    @property
    def kept_name(self) -> str:
        """Name of its directory below that of the job."""
        return f"{self.attempt}-{self.token}"


@dataclass(frozen=True, slots=True)
class Places:
    """The two directories, which are in one file system.

    Parameters
    ----------
    products, scratch
        Absolute.
    """

    products: Path
    scratch: Path

    def prepare(self) -> None:
        """Make the directories that are missing.

        Raises
        ------
        ServiceError
            If they cannot be made.
        SettingsError
            If they are in different file systems, between which nothing can be moved in one step.
        """
        for directory in (self.products / _JOBS, self.scratch):
            with writing(directory):
                directory.mkdir(parents=True, exist_ok=True)
        if self.products.stat().st_dev != self.scratch.stat().st_dev:
            raise SettingsError(
                f"{self.scratch}: is in another file system than {self.products}; choose a directory for "
                "NIGHTCREW_REDUCER_SCRATCH from which a finished product can be moved in one step"
            )

    def at_work(self, workspace: Workspace) -> Path:
        """Return the directory of an attempt."""
        return self.scratch / workspace.name

    def output(self, workspace: Workspace) -> Path:
        """Return where the child writes."""
        return self.at_work(workspace) / _OUTPUT

    def kept(self, workspace: Workspace) -> Path:
        """Return where the products are kept."""
        return self.products / _JOBS / str(workspace.job) / workspace.kept_name

    def public(self, night: date, name: str) -> Path:
        """Return the name by which people find a product."""
        return self.products / f"{night:%Y%m%d}" / name

    def free(self) -> int:
        """Return the bytes that the file system has left for us."""
        with writing(self.products):
            return shutil.disk_usage(self.products).free

    def workspaces(self) -> Iterator[Workspace]:
        """Yield what is in SCRATCH."""
        with os.scandir(self.scratch) as entries:
            for entry in entries:
                workspace = Workspace.parse(entry.name)
                if workspace is not None:
                    yield workspace

    def attempts(self, before: float) -> Iterator[Workspace]:
        """Yield the attempts whose products have been kept since a time (seconds since 1970), whatever became of them.

        Raises
        ------
        ServiceError
            If the directories cannot be read.
        """
        with writing(self.products / _JOBS):
            for job in (self.products / _JOBS).iterdir():
                for kept in job.iterdir():
                    attempt, _, token = kept.name.partition("-")
                    workspace = Workspace.parse(f"{job.name}.{attempt}.{token}")
                    if workspace is not None and kept.stat().st_mtime < before:
                        yield workspace

    def open(self, workspace: Workspace) -> None:
        """Make the directories of an attempt.

        Raises
        ------
        ServiceError
            If that is not possible.
        """
        output = self.output(workspace)
        with writing(output):
            output.mkdir(parents=True)

    def keep(self, workspace: Workspace) -> None:
        """Move what the child has written to where it stays, as a whole and for good.

        Raises
        ------
        ServiceError
            If that is not possible; the products are where they were, then.
        """
        kept = self.kept(workspace)
        with writing(kept):
            kept.parent.mkdir(exist_ok=True)
            try:
                self.output(workspace).rename(kept)
            except FileNotFoundError:  # another attempt was removed meanwhile, and the directory with it
                kept.parent.mkdir(exist_ok=True)
                self.output(workspace).rename(kept)
            for directory in (kept, kept.parent, kept.parent.parent):
                _sync(directory)

    def show(self, workspace: Workspace, names: Mapping[Path, Path]) -> None:
        """Let public names stand for products, whatever they stood for before; there is no moment without a file.

        Raises
        ------
        ServiceError
            If that is not possible.
        """
        for public, kept in names.items():
            self._link(workspace, kept, public)
        for directory in {public.parent for public in names}:
            with writing(directory):
                _sync(directory)

    def _link(self, workspace: Workspace, kept: Path, public: Path) -> None:
        link = self.at_work(workspace) / f"link-{secrets.token_hex(4)}"
        with writing(public):
            public.parent.mkdir(exist_ok=True)
            link.parent.mkdir(exist_ok=True)
            try:
                os.link(kept, link)
            except FileNotFoundError:
                raise ServiceError(f"{kept}: is in the ledger, and not on disk; restore it from a copy") from None
            except OSError:  # a file system without hard links
                link.symlink_to(os.path.relpath(kept, public.parent))
            try:
                link.replace(public)
            finally:
                link.unlink(missing_ok=True)  # it stays where both are the same file

    def forget(self, kept: Path, public: Path | None) -> bool:
        """Remove a product, the directories that are empty then, and a public name if it stands for the product.

        What lies elsewhere is left alone: False then.

        Raises
        ------
        ServiceError
            If that is not possible.
        """
        if not kept.is_relative_to(self.products / _JOBS):
            return False
        with writing(kept):
            if public is not None and _stands_for(public, kept):
                public.unlink()
            kept.unlink(missing_ok=True)
        with suppress(OSError):  # other products are in them
            kept.parent.rmdir()
            kept.parent.parent.rmdir()
        return True

    def close(self, workspace: Workspace) -> None:
        """Remove the directory of an attempt that has been seen to."""
        shutil.rmtree(self.at_work(workspace), ignore_errors=True)

    def discard(self, workspace: Workspace) -> None:
        """Remove all that an attempt has written."""
        kept = self.kept(workspace)
        shutil.rmtree(kept, ignore_errors=True)
        with suppress(OSError):  # other attempts have theirs in it, or there is none
            kept.parent.rmdir()
        self.close(workspace)


def _stands_for(public: Path, kept: Path) -> bool:
    """Whether a public name is a link of either kind to a product, or to one that is gone."""
    with suppress(FileNotFoundError):
        return public.samefile(kept)
    return public.is_symlink() and not public.exists()


def _sync(directory: Path) -> None:
    number = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(number)
    finally:
        os.close(number)
