"""Tables whose truth is known: every oddity that public tables have, mixed by a seed and written as text."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

ROWS = 360  # 24 entities of 15 rows
MARKS = (-200, -999, -1, -99.9, 777, 9999, 99999, -12345, 5555)
DATES = ("%Y-%m-%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%y", "%Y-%m-%d %H:%M:%S", "%d %b %Y")
WORDS = ("", "?", "NA", "–", "n.d.", "not measured")
AMOUNTS = {"": "{}", "GB": "{}GB", "kg": "{} kg", "$": "${}", "%": "{}%"}


@dataclass
class Truth:
    """One column as it was meant."""

    name: str
    cells: list[str]
    values: list[Any]  # None where missing
    role: str = "feature"
    kind: str = "number"  # number, level or date; "any" if it is left out
    unit: str | None = None
    title: str | None = None


@dataclass
class Made:
    """A table, how it is written, and the truth."""

    columns: list[Truth]
    delimiter: str = ","
    encoding: str = "utf-8"
    header: bool = True
    archive: bool = False
    suspicious: list[str] = field(default_factory=list)  # columns that have to be marked

    @property
    def text(self) -> str:
        """The table as CSV, every cell quoted where a separator makes it necessary."""
        frame = pd.DataFrame({column.name: column.cells for column in self.columns})
        return str(frame.to_csv(index=False, sep=self.delimiter, header=self.header))


def make_table(seed: int) -> Made:
    """The table of a seed."""
    rng = np.random.default_rng(seed)
    comma = bool(rng.random() < 0.3)  # decimal comma
    made = Made([], delimiter=";" if comma else str(rng.choice([",", ";", "\t", "|"])))
    made.encoding = str(rng.choice(["utf-8", "utf-8-sig", "cp1252", "utf-16"]))
    made.header, made.archive = bool(rng.random() < 0.85), bool(rng.random() < 0.2)

    def written(values: np.ndarray, digits: int, form: str = "{}") -> list[str]:
        texts = [f"{value:.{digits}f}" for value in values]
        return [form.format(text.replace(".", ",") if comma else text) for text in texts]

    def number(name: str, values: np.ndarray, digits: int, form: str = "{}", **truth: Any) -> Truth:
        values = np.round(values, digits)
        return Truth(name, written(values, digits, form), values.tolist(), **truth)

    def with_marks(column: Truth, mark: float, share: float) -> Truth:
        digits = 0 if all(value == int(value) for value in column.values) else 2
        for row in np.flatnonzero(rng.random(ROWS) < share):
            column.cells[row], column.values[row] = written(np.array([mark]), digits)[0], None
        return column

    entity = np.repeat(np.arange(24), 15)
    a, b, c = rng.normal(20, 6, ROWS), rng.gamma(2, 30, ROWS), rng.uniform(5, 80, ROWS)
    columns = [
        number("air_temp", a, 2, title="air temp"),
        number("NOx(GT)", b + 2, 1, title=None),
        number("load (kW)", c, 2, unit="kW", title="load"),
    ]
    mark = float(rng.choice(MARKS))
    for column in rng.permutation(3)[: rng.integers(0, 4)]:
        if mark != 777 or column != 1:  # a long tail reaches it
            with_marks(columns[column], mark, rng.uniform(0.02, 0.15))
    y = 3 * a + 0.2 * b + rng.normal(0, 9, ROWS)

    extra: list[Truth] = []
    unit = str(rng.choice(list(AMOUNTS)))
    extra.append(number("size", rng.uniform(10, 900, ROWS), 2, AMOUNTS[unit], unit=unit or None))
    word = str(rng.choice(WORDS))
    for row in np.flatnonzero(rng.random(ROWS) < 0.1):
        extra[0].cells[row], extra[0].values[row] = word, None
    flag = rng.choice(["Y", "N", "P"], ROWS, p=[0.6, 0.37, 0.03])
    extra.append(Truth("flag", flag.tolist(), flag.tolist(), kind="level"))
    switch = rng.choice(["yes", "no"], ROWS)
    extra.append(Truth("garden", switch.tolist(), (switch == "yes").astype(float).tolist()))
    sex = rng.choice(["F", "M"], ROWS)
    extra.append(Truth("Sex", sex.tolist(), sex.tolist(), kind="level"))
    style = rng.choice(["1Story", "2Story", "1.5Fin", "SLvl"], ROWS, p=[0.5, 0.3, 0.15, 0.05])
    extra.append(Truth("HouseStyle", style.tolist(), style.tolist(), kind="level"))
    rooms = rng.integers(1, 9, ROWS).astype(float)
    extra.append(with_marks(number("rooms", rooms, 0), 99, 0.05))
    hours = rng.integers(0, 24, ROWS)
    extra.append(Truth("hour", [str(hour) for hour in hours], [str(hour) for hour in hours], kind="level"))
    zeros = np.where(rng.random(ROWS) < 0.5, 0, rng.gamma(1, 4, ROWS))
    extra.append(number("rain (mm)", zeros, 2, unit="mm", title="rain"))
    pattern = str(rng.choice(DATES))
    days = (
        pd.date_range("2021-03-05", periods=ROWS, freq="D")
        .to_series(index=range(ROWS))
        .sample(frac=1, random_state=seed)
    )
    extra.append(Truth("day", days.dt.strftime(pattern).tolist(), days.tolist(), kind="date", role="time"))
    chosen = sorted(rng.permutation(len(extra))[: rng.integers(3, 7)])
    columns += [extra[place] for place in chosen]

    story = str(rng.choice(["none", "entity", "counter", "total", "id", "ambiguous"]))
    if story == "entity":
        names = [f"Country {chr(65 + n)}" for n in entity]
        columns.append(Truth("country", names, names, role="group", kind="level"))
        columns.append(number("year", 2000.0 + np.tile(np.arange(15), 24), 0))
        size = rng.uniform(1, 90, 24).round(2)[entity]
        columns.append(number("population", size, 2))
        y = y + rng.normal(0, 30, 24)[entity]
    if story == "counter":
        runs = np.sort(rng.choice(np.arange(20, ROWS - 20), 5, replace=False))
        count = np.concatenate([np.arange(1, len(run) + 1) for run in np.split(np.arange(ROWS), runs)])
        columns.append(Truth("obs", [str(n) for n in count], count.tolist(), role="id", kind="any"))
    if story == "id":
        names = [f"Q{n * 7919 % 99991:05d}" for n in range(ROWS)]
        columns.append(Truth("order", names, names, role="id", kind="any"))
    if story == "ambiguous":
        days = [pd.Timestamp(2020, m, d) for m in range(1, 13) for d in range(1, 13)]
        days = [days[n] for n in rng.integers(0, len(days), ROWS)]
        dates = [column for column in columns if column.kind == "date"]  # the one date is the time, two are features
        columns.append(Truth("sold", [d.strftime("%d/%m/%Y") for d in days], days, kind="date"))
        for date in [*dates, columns[-1]]:
            date.role = "feature" if dates else "time"
        made.suspicious.append("sold")
    if rng.random() < 0.3:
        level = rng.choice(["café", "bar"], ROWS).tolist()
        level[:-1] = ["bar" if text == "café" else "pub" for text in level[:-1]]
        level[-1] = "café"  # the first byte beyond ASCII is in the last row
        columns.append(Truth("place", level, level, kind="level"))
    target = number("y", np.round(y + 300, 2), 2, role="target")
    if story == "total":
        fees = np.round(y + 300 + rng.normal(0, y.std() / 8, ROWS), 2)
        columns.append(number("fare", fees, 2))
        made.suspicious.append("fare")
    if rng.random() < 0.4:
        with_marks(target, mark if mark < 0 else -mark, 0.06)
    made.columns = [columns[place] for place in rng.permutation(len(columns))] + [target]
    return made
