"""Progress: plain lines where there is no terminal, and none for what is quick."""

import logging

import pytest
from tqdm import std

from stages.utils.progress import SECONDS, expect, progress


def test_plain_lines(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    clock = [1000.0]
    monkeypatch.setattr(std, "time", lambda: clock[0])
    with progress(4_000_000, "rows") as known, progress(None, "rows") as unknown:
        for done in range(1, 5):
            clock[0] += 0.9 * SECONDS
            known.set_postfix_str(f"{done} of 4 parts", refresh=False)
            known.update(1_000_000)
            if done > 2:
                expect(unknown, 2_000_000)
            unknown.update(500_000)
    assert [record.getMessage() for record in caplog.records] == [
        "2.00M of 4.00M rows, 2 of 4 parts; 111k rows/s, 00:18 left",
        "1.00M rows; 55.6k rows/s",
        "4.00M of 4.00M rows, 4 of 4 parts; 111k rows/s, 00:00 left",
        "2.00M of 2.00M rows; 55.6k rows/s, 00:00 left",
    ]
    caplog.clear()
    with progress(4, "parts") as slow:
        clock[0] += 2 * SECONDS
        slow.update()
    assert [record.getMessage() for record in caplog.records] == ["1 of 4 parts; 0.05 parts/s, 01:00 left"]
    caplog.clear()
    with progress(2, "parts") as quick:
        quick.update(2)
    assert not caplog.records
