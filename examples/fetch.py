"""In: the name of an example. Out: its data as 20 CSV shards in examples/<name>/data, as a sharded source would give them.

    python examples/fetch.py housing|adult

Both data sets are carried by one small wheel on PyPI, shapiq (MIT licence); only the CSV file is taken out of it.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import zipfile

WHEEL = "shapiq==1.4.1"
FILES = {"housing": "california_housing.csv", "adult": "adult_census.csv"}
SHARDS = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", choices=sorted(FILES))
    name = parser.parse_args().name
    target = os.path.join(os.path.dirname(os.path.abspath(__file__)), name, "data")
    if os.path.isdir(target):
        print(f"{os.path.relpath(target)} is there already")
        return
    lines = download(FILES[name]).splitlines(keepends=True)
    with tempfile.TemporaryDirectory(dir=os.path.dirname(target)) as temporary:
        write_shards(lines, temporary, name)
        os.chmod(temporary, 0o755)
        os.rename(temporary, target)
        os.mkdir(temporary)  # for the context manager to remove
    print(f"{os.path.relpath(target)}: {len(lines) - 1:,} rows in {SHARDS} CSV shards")


def download(file_name: str) -> bytes:
    """The CSV file, out of the wheel."""
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
        subprocess.run(
            [*pip, "download", "--no-deps", "--only-binary=:all:", "-d", folder, WHEEL], check=True
        )
        (wheel,) = os.listdir(folder)
        with zipfile.ZipFile(os.path.join(folder, wheel)) as archive:
            return archive.read(f"shapiq/datasets/data/{file_name}")


def write_shards(lines: list[bytes], folder: str, name: str) -> None:
    """Header and an equal run of rows to each shard. No cell of these data sets holds a newline."""
    header, rows = lines[0], lines[1:]
    for shard in range(SHARDS):
        start, stop = len(rows) * shard // SHARDS, len(rows) * (shard + 1) // SHARDS
        with open(os.path.join(folder, f"{name}-{shard:05d}-of-{SHARDS:05d}.csv"), "wb") as file:
            file.writelines([header, *rows[start:stop]])


if __name__ == "__main__":
    main()
