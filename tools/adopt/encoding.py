"""The encoding of a text file, and whether it has quotes: one pass over the bytes of the whole file."""

import re
from pathlib import Path

BLOCK = 1 << 19  # bytes that are read at a time
ODD = 65_536  # bytes of lines beyond ASCII that the encoding is told from
BOMS = {b"\xef\xbb\xbf": "utf-8", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


def scan(path: Path) -> tuple[str, bool]:
    """The encoding, and whether a quote stands anywhere, so that a cell may hold line breaks."""
    odd, quoted = b"", False
    with path.open("rb") as file:
        start = file.read(4)
        marked = next((encoding for mark, encoding in BOMS.items() if start.startswith(mark)), None)
        file.seek(0)
        while block := file.read(BLOCK) + file.readline():  # whole lines: no character is cut
            quoted = quoted or b'"' in block
            if marked is None and len(odd) < ODD and not is_utf8(block):
                odd += b"".join(line for line in block.splitlines(keepends=True) if not line.isascii())[:ODD]
            elif quoted and (marked is not None or len(odd) >= ODD):
                break
    return marked or (guess_encoding(odd) if odd else "utf-8"), quoted


def is_utf8(block: bytes) -> bool:
    """Whether bytes can be read as UTF-8."""
    if block.isascii():
        return True
    try:
        block.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def guess_encoding(odd: bytes) -> str:
    """The encoding of lines that are not UTF-8: what charset-normalizer says, or Western European for a few bytes."""
    from charset_normalizer import from_bytes

    western = "cp1252" if re.search(rb"[\x80-\x9f]", odd) else "latin-1"
    runs = re.findall(rb"[\x80-\xff]+", odd)
    if len(runs) < 20 or sum(len(run) == 1 for run in runs) > 0.7 * len(runs):
        return western  # accents among plain letters; other scripts have words of odd bytes
    best = from_bytes(odd, cp_isolation=["latin_1", "cp1252", "cp1251", "gb18030", "shift_jis", "euc_kr"]).best()
    if best is None or best.encoding in ("latin_1", "cp1252"):
        return western
    return best.encoding
