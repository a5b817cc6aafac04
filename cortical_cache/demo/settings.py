"""What a demo world contains and how its server behaves."""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

DatastackName = Literal[
    "demo",
    "demo_public",
    "minnie65_phase3_v1",
    "minnie65_public",
    "v1dd",
    "v1dd_public",
]
DATASTACKS: tuple[DatastackName, ...] = (
    "demo",
    "demo_public",
    "minnie65_phase3_v1",
    "minnie65_public",
    "v1dd",
    "v1dd_public",
)

JoinBlockOrder = Literal["random", "given", "reversed"]


@dataclass(frozen=True, slots=True)
class WorldSettings:
    """Size and name of a synthetic cortex.

    Parameters
    ----------
    seed : int
        Equal settings give equal worlds.
    cells : int
        Number of cells with a soma, at least 40.
    synapses : int
        Number of synapses, at least 200.
    datastack : str
        The datastack to stand in for; its private or public twin comes with it.
    lifelike : bool
        Every fourth cell has 120 to 300 level-2 nodes (otherwise 70 at most), and a
        nucleus has an alternative point only where its own misses the segmentation,
        in its own cell. Otherwise as many special cases as fit: alternative points
        lie in any cell.
    """

    seed: int = 7
    cells: int = 600
    synapses: int = 20_000
    datastack: DatastackName = "demo"
    lifelike: bool = False

    def __post_init__(self) -> None:
        """Refuse values that make no sense."""
        if self.seed < 0:
            raise ValueError(f"seed must not be negative, got {self.seed}")
        if self.cells < 40:  # noqa: PLR2004 - fewer cannot hold every special case
            raise ValueError(f"cells must be at least 40, got {self.cells}")
        if self.synapses < 200:  # noqa: PLR2004 - the same
            raise ValueError(f"synapses must be at least 200, got {self.synapses}")
        if self.datastack not in DATASTACKS:
            raise ValueError(
                f"datastack must be one of {', '.join(DATASTACKS)}, "
                f"got {self.datastack!r}"
            )


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """How the loopback server behaves.

    Parameters
    ----------
    row_cap : int
        Most rows that one query returns.
    latency : float
        Seconds to wait before every answer.
    notices : mapping of str to str
        Notice texts by table or view name; they win over the world's own.
    port : int
        0 picks a free one.
    token : str
        The only accepted token, 32 hexadecimal digits.
    require_token : bool
        Answer requests without the token as the real services do.
    join_block_order : {"random", "given", "reversed"}
        Which table's columns come first in a join. The real server's order depends
        on the process that answers.
    forbidden : tuple of str
        Datastacks that the token's owner may not see.
    seed : int
        Seed of the row order and of arbitrary selections.
    clock : callable
        Tells the present, in the ``Date`` of every reply and in the graph.
    l2_limit : int
        Most level-2 ids that one request of the L2 cache may name.
    l2_uncomputed : collection of int
        Level-2 ids of which nothing is computed yet; asking for one has it computed.
    l2_delay : float
        Seconds that this takes, by `clock`.
    skeletons_unmade : collection of int
        Roots whose skeleton is not made yet; asking for one has it made.
    skeleton_delay : float
        Seconds that this takes where nobody waits for it, by `clock`.
    skeletons_refused : collection of int
        Roots of which the service makes no skeleton.
    mesh_delay : float
        Seconds after an edit until the level-2 nodes that it made have meshes.
    """

    row_cap: int = 200_000
    latency: float = 0.0
    notices: Mapping[str, str] = field(default_factory=dict[str, str])
    port: int = 0
    token: str = "0123456789abcdef0123456789abcdef"  # noqa: S105 - not a secret
    require_token: bool = True
    join_block_order: JoinBlockOrder = "random"
    forbidden: tuple[str, ...] = ()
    seed: int = 0
    clock: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    l2_limit: int = 50_000
    l2_uncomputed: Collection[int] = ()
    l2_delay: float = 0.0
    skeletons_unmade: Collection[int] = ()
    skeleton_delay: float = 0.0
    skeletons_refused: Collection[int] = ()
    mesh_delay: float = 0.0

    def __post_init__(self) -> None:
        """Refuse values that make no sense."""
        if self.row_cap < 1:
            raise ValueError(f"row_cap must be at least 1, got {self.row_cap}")
        if self.latency < 0:
            raise ValueError(f"latency must not be negative, got {self.latency}")
        if self.l2_limit < 1:
            raise ValueError(f"l2_limit must be at least 1, got {self.l2_limit}")
        if not 0 <= self.port <= 65535:  # noqa: PLR2004 - the port range
            raise ValueError(f"port must be between 0 and 65535, got {self.port}")
        if not re.fullmatch(r"[0-9a-f]{32}", self.token):
            raise ValueError("token must be 32 hexadecimal digits")
        if self.join_block_order not in ("random", "given", "reversed"):
            raise ValueError(
                "join_block_order must be random, given or reversed, "
                f"got {self.join_block_order!r}"
            )
        if self.seed < 0:
            raise ValueError(f"seed must not be negative, got {self.seed}")
