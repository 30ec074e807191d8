"""A clock that is set while a run works: the run's start is told by the clock as it is now.

So a run takes as long as it took, whatever the clock says: on a small computer without a battery it is set by years
once the network is there.
"""

from __future__ import annotations

import json
import sys
import time

from sqlite_utils import Database

NOTICED = 2.0  # seconds; a clock that is brought near step by step is no other one


def follow(con: Database, worker: str) -> None:
    """Within a transaction, whenever a worker begins or ends a run: move the start of what is open with the clock.

    Only what one worker sees from one time to the next counts: two may live on two computers, or a restart apart.
    """
    ahead = time.time() - ticks()
    row = con.execute("SELECT value FROM meta WHERE key = 'clock'").fetchone()
    known, before = json.loads(row["value"]) if row else ("", 0.0)
    if known == worker and abs(ahead - before) > NOTICED:
        con.execute(
            "UPDATE run SET started = started + ? WHERE status IN ('queued', 'running') AND started IS NOT NULL",
            (ahead - before,),
        )
    con.table("meta").upsert({"key": "clock", "value": json.dumps([worker, ahead])}, pk="key")


def ticks() -> float:
    """Seconds on a clock that nobody sets, and that goes on while the computer sleeps."""
    if sys.platform == "linux":
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    if sys.platform == "darwin":  # where time.monotonic stands still meanwhile
        return time.clock_gettime(time.CLOCK_MONOTONIC)
    return time.monotonic()
