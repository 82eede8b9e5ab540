"""In: the name of an example. Out: its data as 20 CSV shards in examples/<name>/data, as a sharded source would give them.

    python examples/fetch.py housing|adult|movies

Housing and adult are carried by one small wheel on PyPI, shapiq (MIT licence), movies by bokeh_sampledata (the table
is CC0). Only the data are taken out of the wheel. Beside the movies' shards stand their strips and word vectors: see
movie_columns.py.
"""

from __future__ import annotations

import argparse
import csv
import io
import os
import sqlite3
import subprocess
import sys
import tempfile
import zipfile

from movie_columns import add_columns

WHEEL = "shapiq==1.4.1"
FILES = {"housing": "california_housing.csv", "adult": "adult_census.csv"}
MOVIES_WHEEL = "bokeh_sampledata==2026.1"
SHARDS = 20
# Lists have commas between their values there. What critics' tallies say (Meter, Fresh, Rotten, Metacritic) is left out: a
# rating is made of them.
MOVIES = """
    SELECT o.ID AS id, o.Title AS title, o.Year AS year, o.Rating AS mpaa, o.Runtime AS runtime, o.Released AS released,
        replace(o.Genre, ', ', '|') AS genres, replace(o.Director, ', ', '|') AS directors,
        replace(o.Writer, ', ', '|') AS writers, replace(o."Cast", ', ', '|') AS actors,
        replace(o.Country, ', ', '|') AS countries, replace(o.Language, ', ', '|') AS languages,
        o.Oscars AS oscars, t.BoxOffice AS box_office, t.Reviews AS reviews, t.Rating AS rating
    FROM omdb o JOIN tomatoes t ON o.ID = t.ID WHERE t.Rating IS NOT NULL AND t.Reviews > 0 ORDER BY o.ID
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", choices=[*sorted(FILES), "movies"])
    name = parser.parse_args().name
    target = os.path.join(os.path.dirname(os.path.abspath(__file__)), name, "data")
    if os.path.isdir(target):
        print(f"{os.path.relpath(target)} is there already")
        return
    with tempfile.TemporaryDirectory(dir=os.path.dirname(target)) as temporary:
        if name == "movies":
            records = movies(temporary)
        else:
            # No cell of these holds a newline.
            records = download(WHEEL, f"shapiq/datasets/data/{FILES[name]}").splitlines(keepends=True)
        write_shards(records, temporary, name)
        os.chmod(temporary, 0o755)
        try:
            os.rename(temporary, target)
            os.mkdir(temporary)  # for the context manager to remove
        except OSError:
            if not os.path.isdir(target):
                raise
            print(f"{os.path.relpath(target)} is there already")  # another process came first
            return
    print(f"{os.path.relpath(target)}: {len(records) - 1:,} rows in {SHARDS} CSV shards")


def movies(target: str) -> list[bytes]:
    """The movies with a rating, as CSV records: header and rows. Writes the files that stand beside them into `target`."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "movies.db")
        with open(path, "wb") as file:
            file.write(download(MOVIES_WHEEL, "bokeh_sampledata/_data/movies.db"))
        connection = sqlite3.connect(path)
        found = connection.execute(MOVIES)
        names = [column[0] for column in found.description]
        rows = [
            {name: "" if value is None else str(value) for name, value in zip(names, values, strict=True)}
            for values in found
        ]
        connection.close()
    add_columns(rows, target)
    records = []
    for row in [rows[0].keys(), *(row.values() for row in rows)]:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerow(row)
        records.append(text.getvalue().encode())
    return records


def download(wheel: str, file_name: str) -> bytes:
    """One file out of a wheel."""
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
        subprocess.run(
            [*pip, "download", "--no-deps", "--only-binary=:all:", "-d", folder, wheel], check=True
        )
        (wheel,) = os.listdir(folder)
        with zipfile.ZipFile(os.path.join(folder, wheel)) as archive:
            return archive.read(file_name)


def write_shards(records: list[bytes], folder: str, name: str) -> None:
    """Header and an equal run of rows to each shard."""
    header, rows = records[0], records[1:]
    for shard in range(SHARDS):
        start, stop = len(rows) * shard // SHARDS, len(rows) * (shard + 1) // SHARDS
        with open(os.path.join(folder, f"{name}-{shard:05d}-of-{SHARDS:05d}.csv"), "wb") as file:
            file.writelines([header, *rows[start:stop]])


if __name__ == "__main__":
    main()
