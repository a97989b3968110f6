"""Any engine with workers judges files by the same judge: here the standard library's pool. Run it on a folder."""

import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from fakeweb.bulk import Judge

_held: list[Judge] = []


def judge(path: str) -> tuple[str, str]:
    """Judge one file; the models are loaded once per worker."""
    if not _held:
        _held.append(Judge())
    answer = _held[0](path)
    return path, answer.file.get("verdict") or answer.file["code"]


if __name__ == "__main__":
    paths = sorted(str(p) for p in Path(sys.argv[1]).rglob("*.jpg"))
    with ProcessPoolExecutor(2) as pool:
        for path, said in pool.map(judge, paths, chunksize=8):
            sys.stdout.write(f"{said} {path}\n")
