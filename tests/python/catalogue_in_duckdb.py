"""Runs the SQL of controls in DuckDB over Parquet files and prints the rows, so that a test can compare them with DataFusion's.

Reads one JSON object from standard input: {"cases": [{"name", "tables": {name: path}, "population", "test", "materialised": path}]}.
`tables` are the open tables and the tables of the window and the parameters. The population's SQL runs over them; the test's SQL runs
over them and over `materialised` (the population as it was clipped) as `population`. Prints one JSON object: {name: {"population": rows, "test": rows}},
each row an array of values in the order of the columns, times as RFC 3339 with six digits and Z, the rows sorted by their text.
"""

import datetime
import json
import sys

import duckdb


EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


def value(cell, kind):
    if cell is None:
        return None
    if kind == "TIMESTAMP WITH TIME ZONE":
        return (EPOCH + datetime.timedelta(microseconds=cell)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if kind in ("BOOLEAN", "VARCHAR", "TINYINT", "SMALLINT", "INTEGER", "BIGINT"):
        return cell
    raise ValueError(f"no open table holds a {kind}")


def rows(connection, sql):
    columns = [(row[0], row[1]) for row in connection.execute(f"DESCRIBE {sql}").fetchall()]
    # Times are fetched as microseconds: as Python's own they would need a database of time zones.
    shown = [f'epoch_us("{name}")' if kind == "TIMESTAMP WITH TIME ZONE" else f'"{name}"' for name, kind in columns]
    found = connection.execute(f"SELECT {', '.join(shown)} FROM ({sql}) AS query").fetchall()
    values = [[value(cell, kind) for cell, (_, kind) in zip(row, columns)] for row in found]
    return sorted(values, key=lambda row: json.dumps(row, ensure_ascii=False, separators=(",", ":")))


def run(case):
    connection = duckdb.connect(":memory:")
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET threads = 1")
    for name, path in case["tables"].items():
        quoted = path.replace("'", "''")
        connection.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet('{quoted}')")
    population = rows(connection, case["population"])
    quoted = case["materialised"].replace("'", "''")
    connection.execute(f"CREATE VIEW population AS SELECT * FROM read_parquet('{quoted}')")
    return {"population": population, "test": rows(connection, case["test"])}


def main():
    cases = json.load(sys.stdin)["cases"]
    results = {}
    for case in cases:
        try:
            results[case["name"]] = run(case)
        except (duckdb.Error, ValueError) as error:
            sys.exit(f"{case['name']}: {error}")
    json.dump(results, sys.stdout)


if __name__ == "__main__":
    main()
