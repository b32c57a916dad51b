"""`nightcrew up`, with its own database and bus, killed again and again in the middle of a night."""

from __future__ import annotations

import random
import time
from threading import Thread

from nightcrew.shared.database import DatabaseSettings, open_database
from support.observatory_suite import EPOCH, HASTE, Service, Suite, one_night, reduce_by_hand

KILLS = 5


def test_a_suite_in_one_process_that_is_killed_goes_on_where_it_was(tmp_path):
    rng = random.Random(3)
    night = one_night()
    night.write(tmp_path / "source")
    by_hand = reduce_by_hand(tmp_path / "source", tmp_path / "hand")
    data, raw = tmp_path / "data", tmp_path / "raw"
    raw.mkdir()
    environment = {
        **HASTE, "SOURCE_DATE_EPOCH": EPOCH, "NIGHTCREW_DATA_DIR": str(data), "NIGHTCREW_DATABASE_LINGER": "10",
    }  # fmt: skip
    command = ("nightcrew", "up", str(raw), "--out", str(tmp_path / "products"), "--reducers", "2")
    service = Service("up", command, environment, tmp_path / "log" / "up.log")
    with open_database(DatabaseSettings(data_dir=data, database_url=None), application="tests") as database:
        suite = Suite(tmp_path, database, "", "", services=())
        suite.services["up"] = service
        with suite:
            suite.until(lambda: suite.rows("SELECT 1 WHERE to_regclass('ledger.products') IS NOT NULL"))
            telescope = Thread(target=suite.deliver, args=(night,), kwargs={"pause": 0.3})
            telescope.start()
            for number in range(KILLS):
                suite.until(lambda number=number: suite.states("jobs").get("succeeded", 0) >= 2 * number)
                time.sleep(rng.uniform(0.0, 0.5))
                suite.kill("up")
            telescope.join()
            suite.until_over(len(night.exposures))
            suite.check()
            suite.check_same(by_hand)
            assert service.starts == KILLS + 1
            assert suite.states("frames") == {"reduced": len(night.exposures)}
