"""A plan is a value: what it adds up to, what is refused before a byte is fetched."""

from dataclasses import replace

import pytest

from cortical_cache import load_client
from cortical_cache.errors import StoreError, UnknownNameError
from cortical_cache.sync import Item, Outcome, Selection, execute, make_plan
from tests.kit import is_count, row_queries


class Heard:
    """Remembers what a sync says of its progress."""

    def __init__(self) -> None:
        self.said: list[tuple[object, ...]] = []

    def started(self, item: Item) -> None:
        self.said.append(("started", item.name))

    def progressed(self, item: Item, come: int, there_are: int) -> None:
        self.said.append(("progressed", item.name, come, there_are))

    def finished(self, outcome: Outcome) -> None:
        self.said.append(("finished", outcome.item.name, outcome.rows))


@pytest.fixture
def repositories(server):
    return load_client("demo").repositories


def test_a_plan_adds_up_what_it_fetches(repositories):
    plan = make_plan(repositories, 5, Selection(tables=("core",)))

    assert plan.rows == sum(one.rows for one in plan.to_fetch) == 1_783
    assert plan.nbytes == 48 * plan.rows
    assert 0 < plan.seconds < 60
    assert plan.fits


def test_a_plan_without_room_fetches_nothing(repositories, server):
    plan = make_plan(repositories, 5, Selection(tables=("core",)))
    full = replace(plan, free_bytes=1_000)

    with pytest.raises(StoreError, match="1,000 bytes free, the plan needs about"):
        execute(repositories, full, Heard())

    assert all(map(is_count, row_queries(server)))


def test_a_plan_counts_only_what_is_not_held(repositories, server):
    selection = Selection(tables=("cell_types", "nucleus_scores"))
    first = make_plan(repositories, 5, Selection(tables=("cell_types",)))
    execute(repositories, first, Heard())
    server.clear_log()

    plan = make_plan(load_client("demo").repositories, 5, selection)

    assert [one.action for one in plan.items] == ["held", "fetch"]
    assert len(row_queries(server)) == 1


def test_a_listener_hears_of_each_table_in_order(repositories):
    plan = make_plan(repositories, 5, Selection(tables=("cell_types",)))
    heard = Heard()

    report = execute(repositories, plan, heard, jobs=1)

    assert heard.said == [
        ("started", "cell_types"),
        ("progressed", "cell_types", 512, 512),
        ("finished", "cell_types", 512),
    ]
    assert (report.rows, report.failed) == (512, ())


def test_a_table_that_is_gone_since_stops_no_other(repositories):
    plan = make_plan(repositories, 5, Selection(tables=("cell_types",)))
    (item,) = plan.items
    gone = replace(item, name="cell_typos")

    report = execute(repositories, replace(plan, items=(gone, item)), Heard())

    (failed,) = report.failed
    assert failed.item == gone
    assert isinstance(failed.error, UnknownNameError)
    assert report.rows == item.rows


def test_a_name_that_is_nothing_names_its_neighbours(repositories):
    with pytest.raises(UnknownNameError, match="there are cell_types"):
        make_plan(repositories, 5, Selection(tables=("cell_typos",)))


def test_what_a_preset_names_and_a_version_lacks_is_passed_over(repositories):
    dataset = replace(repositories.dataset, core_tables=("not there", "cell_types"))
    changed = replace(repositories, home=replace(repositories.home, dataset=dataset))

    plan = make_plan(changed, 5, Selection(tables=("core",)))

    assert "cell_types" in {one.name for one in plan.items}
    assert "not there" not in {one.name for one in plan.items}
