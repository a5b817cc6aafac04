"""``cortical-cache demo``: the main job, on a synthetic cortex of this machine."""

import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from cyclopts import App

from cortical_cache.cli.output import say
from cortical_cache.cli.progress import progress
from cortical_cache.cli.teaching import OPTIONS
from cortical_cache.errors import ConfigurationError, NotCachedError
from cortical_cache.model.quantities import counted

if TYPE_CHECKING:
    from cortical_cache.client import Client

__all__ = ["demo_app"]

demo_app = App(
    name="demo",
    help="Try it on a synthetic cortex, without a network.",
    default_parameter=OPTIONS,
)

_CALL = "client.tables.cell_types(cell_type='23P').query(desired_resolution=[1, 1, 1])"


@demo_app.default
def demo(*, keep: Path | None = None) -> None:
    """Mirror a synthetic cortex from a CAVE on this machine, and query it offline.

    Parameters
    ----------
    keep
        Keep the store in this folder; otherwise it is removed at the end.

    Examples
    --------
    cortical-cache demo
    # and look at what it kept
    cortical-cache demo --keep demo-store
    """
    from cortical_cache.demo import (
        LoopbackCave,
        ServerSettings,
        WorldSettings,
        build_world,
    )

    with tempfile.TemporaryDirectory(prefix="cortical-cache-demo-") as scratch:
        folder = keep or Path(scratch)
        say("1. a CAVE with a synthetic cortex, on this machine")
        world = build_world(WorldSettings())
        with LoopbackCave(world, ServerSettings(require_token=False)) as cave:
            client = _open(folder, cave.url, offline=False)
            say(f"   serving datastack {client.datastack_name} at {cave.url}")
            say("2. cortical-cache sync demo latest")
            _mirror(client)
            cave.clear_log()
            say(f"3. {_CALL}")
            online = client.tables.cell_types(cell_type="23P")
            frame = online.query(desired_resolution=[1, 1, 1])
            print(frame[_SHOWN].head(5).to_string(index=False))  # noqa: T201  data
            say(f"   {len(frame)} rows, {len(cave.requests)} requests to the server")
        say("4. the server is gone; the same question, offline")
        offline = _open(folder, cave.url, offline=True)
        again = offline.tables.cell_types(cell_type="23P")
        same = again.query(desired_resolution=[1, 1, 1]).drop(columns=_POINTS)
        if not same.equals(frame.drop(columns=_POINTS)):
            raise ConfigurationError("the offline answer differs; please report this")
        say(f"   {len(same)} rows, the same")
        say("5. and what was never fetched")
        try:
            offline.version = 3
            offline.tables.cell_types().query()
        except NotCachedError as error:
            say(f"   {error}")
        say("What is held:")
        print(offline.cache_status())  # noqa: T201  data
    say(
        "Yours: `cortical-cache login minnie_public`, then "
        "`cortical-cache sync minnie_public latest --tables core`"
    )


@demo_app.command
def serve(  # noqa: PLR0913  one parameter for each option
    *,
    port: int = 8421,
    datastack: str = "demo",
    seed: int = 7,
    cells: int = 600,
    synapses: int = 20_000,
    row_cap: int = 200_000,
    latency: float = 0.0,
    require_token: bool = False,
) -> None:
    """Serve the synthetic cortex alone, until interrupted.

    Parameters
    ----------
    port
        Where; 8421 is where the dataset "demo" looks for it.
    datastack
        Stand in for this one: demo, minnie65_public, minnie65_phase3_v1, v1dd,
        v1dd_public.
    seed, cells, synapses
        Of the synthetic cortex.
    row_cap
        Rows that one query returns at most.
    latency
        Seconds before each answer.
    require_token
        Refuse requests without the token 0123456789abcdef0123456789abcdef.

    Examples
    --------
    # in one terminal
    cortical-cache demo serve
    # in another: the dataset "demo" is served there
    cortical-cache sync demo latest
    # a stand-in for a real datastack, elsewhere
    cortical-cache demo serve --port 8500 --datastack minnie65_public
    """
    from cortical_cache.demo import (
        LoopbackCave,
        ServerSettings,
        WorldSettings,
        build_world,
    )

    standard = WorldSettings()
    try:
        settings = WorldSettings(
            seed=seed,
            cells=cells,
            synapses=synapses,
            datastack=datastack,  # pyright: ignore[reportArgumentType]  it is checked
        )
        server = ServerSettings(
            port=port, row_cap=row_cap, latency=latency, require_token=require_token
        )
    except ValueError as error:
        raise ConfigurationError(str(error)) from error
    if port == _DEMO_PORT and settings != standard:
        raise ConfigurationError(
            f"port {port} is the dataset demo's, which has one cortex only; "
            "give another --port, and `--server` to `cortical-cache sync`"
        )
    try:
        cave = LoopbackCave(build_world(settings), server)
        cave.start()
    except OSError as error:
        raise ConfigurationError(f"cannot serve on port {port}: {error}") from error
    say(f"serving {datastack} at {cave.url}; stop with Ctrl-C")
    try:
        threading.Event().wait()
    finally:
        cave.stop()


_DEMO_PORT = 8421
_POINTS = ["pt_position", "bb_start_position", "bb_end_position"]
_SHOWN = ["id", "cell_type", "pt_root_id", "pt_position"]


def _open(folder: Path, url: str, *, offline: bool) -> "Client":
    from cortical_cache.client import load_client

    return load_client(
        "demo", cache_dir=folder, server_address=url, same_data=True, offline=offline
    )


def _mirror(client: "Client") -> None:
    from cortical_cache.sync import Selection, execute, make_plan

    repositories = client.repositories
    plan = make_plan(repositories, repositories.versions.newest(), Selection())
    with progress() as listener:
        report = execute(repositories, plan, listener)
    for one in report.outcomes:
        say(f"   {one.item.kind} {one.item.name}: {counted(one.rows, 'row')}")
    for item in plan.items:
        if item.action == "skip":
            say(f"   {item.kind} {item.name}: skipped, {item.reason}")
