"""Products: what finished jobs have made, and which later one takes whose place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select, update

from nightcrew.shared.ledger.records import ProductRow
from nightcrew.shared.ledger.tables import products

if TYPE_CHECKING:
    from collections.abc import Collection
    from uuid import UUID

    from sqlalchemy import Connection, Row


def of_jobs(connection: Connection, ids: Collection[UUID]) -> list[ProductRow]:
    """Return the products of jobs, in the order of making (unique `job_id, name`)."""
    wanted = select(products).where(products.c.job_id.in_(ids)).order_by(products.c.id)
    return [_product(row) for row in connection.execute(wanted)]


def named(connection: Connection, name: str) -> list[ProductRow]:
    """Return all products of a public name, the latest first (index `products_by_name`)."""
    wanted = select(products).where(products.c.name == name).order_by(products.c.id.desc())
    return [_product(row) for row in connection.execute(wanted)]


def current(connection: Connection, name: str) -> ProductRow | None:
    """Return the product that a public name stands for now, or None (index `products_by_name`)."""
    wanted = (
        select(products)
        .where(products.c.name == name, products.c.superseded_by.is_(None), products.c.removed_at.is_(None))
        .order_by(products.c.id.desc())
        .limit(1)
    )
    row = connection.execute(wanted).first()
    return None if row is None else _product(row)


def current_in_turn(connection: Connection, name: str) -> ProductRow | None:
    """Return what `current` does, to one transaction after the other.

    Whoever brings the file of that name up to date within the transaction brings it to the latest product, though
    several do it at once: the lock is on the name, and is kept to the end of the transaction.
    """
    connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"ledger.products {name}", 0))))
    return current(connection, name)


def supersede(connection: Connection, older: UUID, newer: UUID) -> int:
    """Let the products of one job take the place of those of another, kind by kind; return how many did."""
    later = {product.kind: product.id for product in of_jobs(connection, [newer])}
    done = 0
    for product in of_jobs(connection, [older]):
        if product.kind in later:
            replaced = update(products).where(products.c.id == product.id)
            done += connection.execute(replaced.values(superseded_by=later[product.kind])).rowcount
    return done


def _product(row: Row[tuple[object, ...]]) -> ProductRow:
    return ProductRow(**{name: getattr(row, name) for name in ProductRow.__slots__})
