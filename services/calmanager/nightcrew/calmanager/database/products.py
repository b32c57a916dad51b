"""Statements on what was made of what."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from nightcrew.calmanager.database.encoding import storable
from nightcrew.calmanager.database.tables import product_inputs, products
from nightcrew.calmanager.records import Affected, Input, ProductRecord

if TYPE_CHECKING:
    from sqlalchemy import Connection

GENERATIONS = 16
"""Further than this nothing is followed: no chain of masters is that long."""

_AFFECTED = sa.text("""
    WITH RECURSIVE made (id, name, path, md5, via, depth) AS (
        SELECT p.id, p.name, p.path, p.md5, ARRAY[]::text[], 1
        FROM calibration.product_inputs i JOIN calibration.products p ON p.id = i.product_id
        WHERE i.md5 = :md5 AND p.md5 <> :md5
        UNION
        SELECT p.id, p.name, p.path, p.md5, made.via || made.name, made.depth + 1
        FROM made
        JOIN calibration.product_inputs i ON i.md5 = made.md5
        JOIN calibration.products p ON p.id = i.product_id
        WHERE made.depth < :generations AND p.md5 <> made.md5 AND p.name <> ALL (made.via)
    )
    SELECT DISTINCT ON (id) name, path, md5, via FROM made ORDER BY id, cardinality(via), via
""")


def record(connection: Connection, product: ProductRecord) -> None:
    """Record a product with its inputs; one that is known by name and MD5 stays as it is."""
    values = {
        "name": storable(product.name),
        "path": storable(str(product.path)),
        "md5": storable(product.md5),
        "recipe": storable(product.recipe),
        "made_at": product.made_at,
    }
    new = insert(products).values(values).on_conflict_do_nothing().returning(products.c.id)
    number = connection.execute(new).scalar_one_or_none()
    rows = [
        {"product_id": number, "name": name, "md5": md5, "role": role}
        for name, md5, role in dict.fromkeys(_storable(used) for used in product.inputs)
        if md5
    ]
    if number is not None and rows:
        connection.execute(sa.insert(product_inputs), rows)


def _storable(used: Input) -> tuple[str, str, str]:
    return storable(used.name), storable(used.md5), storable(used.role)


def affected(connection: Connection, md5: str) -> list[Affected]:
    """Return the products that a file went into, directly or through masters, by the index `product_inputs_md5`."""
    rows = connection.execute(_AFFECTED, {"md5": md5, "generations": GENERATIONS})
    found = [Affected(name, Path(path), digest, tuple(via)) for name, path, digest, via in rows]
    return sorted(found, key=lambda one: (len(one.via), one.name, one.md5))
