"""The loopback CAVE, filled with recorded tables, repeats the real server's answers."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from caveclient import CAVEclient

from cortical_cache.demo import LoopbackCave
from cortical_cache.testing import forget_client_caches, write_token
from tests.demo.golden import (
    CASES,
    GOLDEN,
    assert_same_json,
    call,
    golden_world,
    picked,
    recorded_frame,
    settings,
)

pytestmark = [
    pytest.mark.skipif(not CASES, reason=f"no golden answers at {GOLDEN}"),
    pytest.mark.filterwarnings("ignore"),
]


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[str, LoopbackCave]]:
    world = golden_world()
    with (
        LoopbackCave(world, settings(200_000)) as whole_tables,
        LoopbackCave(world, settings(500)) as capped,
    ):
        yield {"whole": whole_tables, "capped": capped}


def _cells(frame: pd.DataFrame) -> pd.DataFrame:
    plain = pd.DataFrame(index=frame.index)
    for name in sorted(frame.columns):
        column = frame[name]
        if column.dtype == object:
            plain[name] = [
                None
                if v is None or v is pd.NA
                else str([None if pd.isna(p) else float(p) for p in v])
                if isinstance(v, (list, np.ndarray))
                else str(v)
                for v in column
            ]
        else:
            plain[name] = column.astype("string").fillna("<null>")
    return (
        plain.astype("string").sort_values(list(plain.columns)).reset_index(drop=True)
    )


def _comparable(case: dict) -> bool:
    """Whether the rows are determined: no arbitrary part of more."""
    limited = {"limit", "offset", "random_sample"} & case["kwargs"].keys()
    return not limited and case["group"] != "truncation"


@pytest.mark.parametrize("case", picked(), ids=lambda c: f"{c['group']}-{c['name']}")
def test_recorded_case(
    case: dict,
    servers: dict[str, LoopbackCave],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    forget_client_caches()
    cave = servers["capped" if case["group"] == "truncation" else "whole"]
    write_token(tmp_path, cave)
    monkeypatch.setenv("HOME", str(tmp_path))
    urls = [exchange["url"] for exchange in case["http"]]
    public = any("/datastack/demo_public/" in url for url in urls)
    client = CAVEclient("demo_public" if public else "demo", server_address=cave.url)

    if case["result"] == "exception":
        with pytest.raises(Exception) as caught:  # noqa: PT011 - compared below
            call(case, client)
        _assert_same_failure(case, caught.value)
        return
    answer = call(case, client)
    if case["result"] == "json":
        if "timestamp" not in case["name"] and "version" not in case["name"]:
            assert_same_json(case, answer)
        return
    assert isinstance(answer, pd.DataFrame)
    _assert_same_frame(case, answer)


def _assert_same_frame(case: dict, answer: pd.DataFrame) -> None:
    columns = list(answer.columns)
    if case["group"] in ("join_query", "managers") or any("_ref" in c for c in columns):
        assert sorted(columns) == sorted(case["columns"])
    else:
        assert columns == case["columns"]
    if _comparable(case) or case["group"] != "query_view":
        # A view's types depend on nulls, so those of an arbitrary part do not matter.
        assert {c: str(t) for c, t in answer.dtypes.items()} == case["dtypes"]
    if _comparable(case) or case["group"] != "synapse_query":
        # The client drops autapses, of which an arbitrary part holds a few or none.
        assert [type(answer.index).__name__, str(answer.index.dtype)] == case["index"]
        assert len(answer) == case["rows"]
    sent = case["http"][-1]["headers"]
    if _comparable(case):
        pd.testing.assert_frame_equal(
            _cells(answer), _cells(recorded_frame(case["file"][:-8]))
        )
    elif "Warning" in sent:
        assert "Limited query" in sent["Warning"]


def _assert_same_failure(case: dict, error: Exception) -> None:
    kind, message = case["exception"]
    assert type(error).__name__ == kind
    status = re.match(r"\d{3}", message)
    if status:
        assert str(error).startswith(status.group())
    asked = re.sub(r"^\d{3} \w+ Error: ", "", message).split(" for url")[0]
    if asked.startswith(("Execution failed", "Don't know how to join")):
        assert asked[:16] in str(error)
    else:
        assert asked in str(error)
