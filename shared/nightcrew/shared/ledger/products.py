"""Products: what finished jobs have made, and which later one takes whose place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select, text, update
from sqlalchemy.dialects.postgresql import distinct_on

from nightcrew.shared.ledger.records import ProductRow
from nightcrew.shared.ledger.tables import products

if TYPE_CHECKING:
    from collections.abc import Collection
    from uuid import UUID

    from sqlalchemy import Connection, Row

# In one order everywhere, so that two wait for one another instead of each for the other.
_IN_TURN = text("""
    SELECT pg_advisory_xact_lock(key)
    FROM (SELECT DISTINCT hashtextextended('ledger.products ' || name, 0) AS key
          FROM unnest(CAST(:names AS text[])) AS name ORDER BY key) AS keys
""")


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


def currents_in_turn(connection: Connection, names: Collection[str]) -> dict[str, ProductRow]:
    """Return what `current` does for several names, as far as there are any, to one transaction after the other.

    Whoever brings the files of these names up to date within the transaction brings them to the latest products,
    though several do it at once: the locks are on the names, and are kept to the end of the transaction.
    """
    connection.execute(_IN_TURN, {"names": list(names)})
    wanted = (
        select(products)
        .ext(distinct_on(products.c.name))
        .where(products.c.name.in_(names), products.c.superseded_by.is_(None), products.c.removed_at.is_(None))
        .order_by(products.c.name, products.c.id.desc())
    )
    return {row.name: _product(row) for row in connection.execute(wanted)}


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
