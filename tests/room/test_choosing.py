"""What goes to make room, for any store there could be."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from cortical_cache.model.room import Taken, distinct_bytes
from cortical_cache.policy.pruning import Criteria, choose

NOW = datetime(2026, 11, 22, tzinfo=UTC)

things = st.lists(
    st.builds(
        Taken,
        folder=st.sampled_from(["a", "b"]),
        kind=st.sampled_from(["table", "query", "records"]),
        name=st.text("xyz", max_size=2),
        version=st.integers(0, 4),
        files=st.dictionaries(
            st.tuples(st.just(0), st.integers(0, 12)), st.just(10), max_size=3
        ),
        used_at=st.none() | st.integers(0, 9).map(lambda d: NOW - timedelta(days=d)),
        is_pinned=st.booleans(),
        is_expired=st.booleans(),
    ),
    max_size=10,
)
criteria = st.builds(
    Criteria,
    keep=st.none() | st.integers(0, 3),
    older_than=st.none() | st.integers(0, 9).map(lambda d: timedelta(days=d)),
    max_size=st.none() | st.integers(0, 150),
    expired=st.booleans(),
    pinned=st.booleans(),
)


@given(things, criteria)
def test_what_is_protected_stays_and_the_sums_are_true(found, asked):
    plan = choose(found, asked, NOW)
    going = [one.thing for one in plan.going]
    left = [one for one in found if not any(one is other for other in going)]

    assert all(asked.pinned or not one.is_pinned for one in going)
    assert all(asked.expired or not one.is_expired for one in going)
    assert all(one.kind != "records" for one in going)
    assert plan.before == distinct_bytes(found)
    assert plan.after == distinct_bytes(left)
    if asked.max_size is not None:
        assert plan.over == max(0, plan.after - asked.max_size)
    if asked.keep is not None:
        for folder in "ab":
            versions = {
                one.version
                for one in found
                if one.folder == folder and one.version and one.kind != "records"
            }
            expired = {
                one.version
                for one in found
                if one.folder == folder and one.is_expired and one.kind != "records"
            }
            counted = versions if asked.expired else versions - expired
            kept = set(sorted(counted, reverse=True)[: asked.keep])
            gone = {one.version for one in going if one.folder == folder}
            assert not gone & kept


@given(things, st.integers(0, 150))
def test_the_least_recently_used_goes_first_and_no_more_than_must(found, limit):
    asked = Criteria(max_size=limit)
    plan = choose(found, asked, NOW)

    if plan.going:
        last = plan.going[-1].thing
        rest = [one.thing for one in plan.going[:-1]]
        without = [one for one in found if not any(one is other for other in rest)]
        assert distinct_bytes(without) > limit  # the last one was needed
        alone = {file: sum(file in one.files for one in found) for file in last.files}
        if all(count == 1 for count in alone.values()):
            stays = [
                one
                for one in found
                if one.kind != "records"
                and not one.is_pinned
                and not one.is_expired
                and not any(one is other.thing for other in plan.going)
                and one.files
            ]
            used = last.used_at or datetime.min.replace(tzinfo=UTC)
            assert all(
                used <= (one.used_at or datetime.min.replace(tzinfo=UTC))
                for one in stays
                if all(sum(f in o.files for o in found) == 1 for f in one.files)
            )
    else:
        free = [
            one
            for one in found
            if not one.is_pinned and not one.is_expired and one.kind != "records"
        ]
        assert distinct_bytes(found) <= limit or not free


@given(things, st.integers(0, 9))
def test_what_was_used_since_stays(found, days):
    plan = choose(found, Criteria(older_than=timedelta(days=days)), NOW)

    for one in plan.going:
        assert one.thing.used_at is None or NOW - one.thing.used_at > timedelta(days)


@given(st.permutations(range(9)), st.integers(0, 50))
def test_of_things_apart_those_go_that_were_used_longest_ago(days, limit):
    found = [
        Taken("a", "table", str(n), 1, {(0, n): n + 1}, NOW - timedelta(days=day))
        for n, day in enumerate(days)
    ]

    plan = choose(found, Criteria(max_size=limit), NOW)

    gone = [one.thing.used_at for one in plan.going]
    assert gone == sorted(one.used_at for one in found)[: len(gone)]
    assert plan.over == 0
