"""Inserts a file of audit events into ClickHouse (PyPI chdb): the raw line and eight columns. Prints megabytes a second.

It is the mark that `cargo xtask bench intake` is held against. ClickHouse neither hashes what it takes nor syncs it before it answers.

    python clickhouse_insert.py audit.log
"""

import os
import sys
import tempfile
import time

from chdb import session

FILE = sys.argv[1]
SHAPE = (
    "Tuple(auditID String, stage String, verb String, user Tuple(username String), "
    "objectRef Tuple(resource String, namespace String), responseStatus Tuple(code Int32), stageTimestamp String)"
)

with tempfile.TemporaryDirectory() as place:
    engine = session.Session(place)
    engine.query(
        "CREATE TABLE events (raw String, audit_id String, stage LowCardinality(String), verb LowCardinality(String), "
        "user_name LowCardinality(String), resource LowCardinality(String), namespace LowCardinality(String), code Int32, "
        "at DateTime64(6, 'UTC')) ENGINE = MergeTree ORDER BY at SETTINGS fsync_after_insert = 0"
    )
    began = time.monotonic()
    engine.query(
        f"INSERT INTO events SELECT line, e.auditID, e.stage, e.verb, e.user.username, e.objectRef.resource, "
        f"e.objectRef.namespace, e.responseStatus.code, parseDateTime64BestEffort(e.stageTimestamp, 6, 'UTC') "
        f"FROM (SELECT line, JSONExtract(line, '{SHAPE}') AS e FROM file('{os.path.abspath(FILE)}', 'LineAsString')) "
        f"SETTINGS max_threads = 2, max_insert_threads = 2"
    )
    seconds = time.monotonic() - began
    rows = int(str(engine.query("SELECT count() FROM events WHERE audit_id != '' AND at > '2025-12-31'", "CSV")).strip())
    bytes_read = os.path.getsize(FILE)
    engine.close()

with open(FILE, "rb") as file:
    lines = sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))
if rows != lines:
    sys.exit(f"ClickHouse holds {rows} rows of {lines} lines")
print(f"ClickHouse, raw line and 8 columns: {bytes_read / 1e6 / seconds:.0f} MB/s, {rows / seconds:.0f} events/s, {seconds:.2f} s")
