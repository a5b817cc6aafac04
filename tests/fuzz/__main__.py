"""Fuzz one reader, guided by the coverage of our code.

``python -m tests.fuzz NAME --runs 1000000``; needs the extra ``fuzz`` (atheris). A
finding ends it with the input beside it, and a code other than 0.
"""

import argparse
import logging
import sys
import tempfile
from functools import partial
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["cortical_cache"]):
    from tests.fuzz.targets import TARGETS, Target


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("name", choices=[*TARGETS])
    parser.add_argument("--runs", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0, help="0: another each time")
    asked = parser.parse_args()
    target = TARGETS[asked.name]
    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder) / "corpus"
        corpus.mkdir()
        for number, seed in enumerate(target.seeds):
            (corpus / str(number)).write_bytes(seed)
        words = Path(folder) / "words"
        words.write_text("".join(f'"{_escaped(one)}"\n' for one in target.words if one))
        arguments = [
            sys.argv[0],
            str(corpus),
            f"-runs={asked.runs}",
            f"-seed={asked.seed}",
            *([f"-dict={words}"] if target.words and not target.is_words else []),
            "-max_len=4096",
            "-timeout=60",
            "-rss_limit_mb=4096",
            "-print_final_stats=1",
            f"-artifact_prefix=fuzz-{asked.name}-",
        ]
        atheris.Setup(
            arguments,
            target.run,
            custom_mutator=partial(_mutate, target),
        )
        atheris.Fuzz()


def _mutate(target: Target, data: bytes, most: int, seed: int) -> bytes:
    """Change the meaning half of the time, else bytes as libFuzzer does."""
    found = target.changed(data, seed) if seed % 2 else data
    return found if found != data and len(found) <= most else atheris.Mutate(data, most)


def _escaped(word: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in word)


if __name__ == "__main__":
    main()
