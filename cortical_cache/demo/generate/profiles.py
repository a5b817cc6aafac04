"""The datastacks that a demo world can stand in for: names and numbers, no code."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from cortical_cache.demo.world import Resolution

Role = Literal[
    "nuclei",
    "alternatives",
    "cell_types",
    "neuron_calls",
    "proofreading",
    "synapses",
    "fine_cells",
    "synapse_tags",
    "scores",
    "private_notes",
]


@dataclass(frozen=True, slots=True)
class TableProfile:
    """One table: what it holds, its name, schema, unit and target."""

    role: Role
    name: str
    schema: str
    resolution: Resolution
    target: str | None = None
    public: bool = True
    notice: str | None = None


@dataclass(frozen=True, slots=True)
class VersionProfile:
    """One version; `public` says whether the public datastack lists it."""

    number: int
    time_stamp: datetime
    is_merged: bool
    status: Literal["AVAILABLE", "RUNNING", "EXPIRED"] = "AVAILABLE"
    public: bool = True


@dataclass(frozen=True, slots=True)
class Profile:
    """A private datastack with its public twin."""

    private: str
    public: str
    aligned_volume: str
    display_name: str
    description: str
    segmentation: str
    public_segmentation: str
    base_resolution: Resolution
    viewer_resolution: Resolution
    tables: tuple[TableProfile, ...]
    lookup_view: str
    stats_view: str | None
    versions: tuple[VersionProfile, ...]
    oldest: datetime
    newest: datetime

    def table(self, role: Role) -> TableProfile | None:
        """Return the table with a role, if the datastack has one."""
        return next((table for table in self.tables if table.role == role), None)

    def name_of(self, role: Role) -> str:
        """Return the name of the table with a role; every profile must have it."""
        return next(table.name for table in self.tables if table.role == role)


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


_STATUS = "compartment_proofread_status_strategy"
_CITE = "Please cite https://doi.org/10.1101/2022.07.20.499976 when using this table."
_MINNIE = (4.0, 4.0, 40.0)
_V1DD = (9.0, 9.0, 45.0)
_FINE = (9.7, 9.7, 45.0)
_NUCLEI = "nucleus_detection_v0"

DEMO = Profile(
    private="demo",
    public="demo_public",
    aligned_volume="demo_volume",
    display_name="Demo cortex",
    description="A synthetic cortex.",
    segmentation="demo_pcg",
    public_segmentation="demo_public",
    base_resolution=(8.0, 8.0, 40.0),
    viewer_resolution=_MINNIE,
    tables=(
        TableProfile("nuclei", _NUCLEI, "nucleus_detection", _MINNIE),
        TableProfile(
            "alternatives",
            "nucleus_alternative_points",
            "reference_point",
            _MINNIE,
            _NUCLEI,
        ),
        TableProfile(
            "cell_types", "cell_types", "cell_type_reference", _MINNIE, _NUCLEI
        ),
        TableProfile(
            "proofreading", "proofreading_status_and_strategy", _STATUS, _MINNIE
        ),
        TableProfile("synapses", "synapses_demo", "synapse", _MINNIE),
        TableProfile(
            "fine_cells", "cells_v1dd_nm", "cell_type_local", _FINE, public=False
        ),
        TableProfile(
            "scores",
            "nucleus_scores",
            "reference_tag_float",
            _MINNIE,
            _NUCLEI,
            notice="Scores are made up,\nuse them with care.",
        ),
        TableProfile(
            "private_notes", "private_notes", "bound_tag", _MINNIE, public=False
        ),
        TableProfile(
            "synapse_tags", "synapse_tags", "reference_tag", _MINNIE, "synapses_demo"
        ),
    ),
    lookup_view="nucleus_detection_lookup",
    stats_view="synapse_counts",
    versions=(
        VersionProfile(
            1, _utc("2024-03-01T08:10:00.215114"), is_merged=True, status="EXPIRED"
        ),
        VersionProfile(2, _utc("2024-07-01T08:10:01.123456"), is_merged=True),
        VersionProfile(3, _utc("2024-10-01T08:10:01.500000"), is_merged=False),
        VersionProfile(4, _utc("2025-02-01T08:10:01.987654"), is_merged=True),
        VersionProfile(5, _utc("2025-06-01T08:10:01.277723"), is_merged=False),
        VersionProfile(
            6,
            _utc("2025-07-15T08:10:01.000015"),
            is_merged=False,
            status="RUNNING",
            public=False,
        ),
    ),
    oldest=_utc("2023-01-10T00:00:00"),
    newest=_utc("2025-09-01T00:00:00"),
)

MINNIE = Profile(
    private="minnie65_phase3_v1",
    public="minnie65_public",
    aligned_volume="minnie65_phase3",
    display_name="Minnie65",
    description="A synthetic stand-in for the minnie65 volume and segmentation. ",
    segmentation="minnie3_v1",
    public_segmentation="minnie65_public",
    base_resolution=(8.0, 8.0, 40.0),
    viewer_resolution=_MINNIE,
    tables=(
        TableProfile("nuclei", _NUCLEI, "nucleus_detection", _MINNIE),
        TableProfile(
            "alternatives",
            "nucleus_alternative_points",
            "reference_point",
            _MINNIE,
            _NUCLEI,
        ),
        TableProfile(
            "neuron_calls",
            "nucleus_ref_neuron_svm",
            "cell_type_reference",
            _MINNIE,
            _NUCLEI,
            notice=_CITE,
        ),
        TableProfile(
            "cell_types",
            "aibs_metamodel_celltypes_v661",
            "cell_type_reference",
            _MINNIE,
            _NUCLEI,
        ),
        TableProfile(
            "proofreading", "proofreading_status_and_strategy", _STATUS, _MINNIE
        ),
        TableProfile("synapses", "synapses_pni_2", "synapse", _MINNIE),
    ),
    lookup_view="nucleus_detection_lookup_v1",
    stats_view=None,
    versions=(
        VersionProfile(
            1181, _utc("2024-09-16T10:10:01.121167"), is_merged=False, status="EXPIRED"
        ),
        VersionProfile(1300, _utc("2025-01-13T10:10:01.286229"), is_merged=True),
        VersionProfile(1412, _utc("2025-04-29T10:10:01.200893"), is_merged=False),
        VersionProfile(1484, _utc("2025-07-10T10:10:01.306544"), is_merged=False),
        VersionProfile(
            1500,
            _utc("2025-07-26T10:10:01.000327"),
            is_merged=False,
            status="RUNNING",
            public=False,
        ),
    ),
    oldest=_utc("2020-06-01T00:00:00"),
    newest=_utc("2025-09-15T00:00:00"),
)

V1DD = Profile(
    private="v1dd",
    public="v1dd_public",
    aligned_volume="v1dd",
    display_name="V1DD",
    description="A synthetic stand-in for the V1DD volume and segmentation.",
    segmentation="aibs_v1dd",
    public_segmentation="v1dd_public",
    base_resolution=_FINE,
    viewer_resolution=_V1DD,
    tables=(
        TableProfile("nuclei", _NUCLEI, "nucleus_detection", _V1DD),
        TableProfile(
            "alternatives",
            "nucleus_alternative_points",
            "reference_point",
            _V1DD,
            _NUCLEI,
            public=False,
        ),
        TableProfile(
            "cell_types",
            "cell_type_multifeature_v1",
            "cell_type_reference",
            _V1DD,
            _NUCLEI,
        ),
        TableProfile(
            "proofreading", "proofreading_status_and_strategy", _STATUS, _V1DD
        ),
        TableProfile("synapses", "synapses_v1dd", "synapse", _FINE),
    ),
    lookup_view="nucleus_alternative_lookup",
    stats_view=None,
    versions=(
        VersionProfile(
            1180, _utc("2025-05-20T10:10:01.175316"), is_merged=False, status="EXPIRED"
        ),
        VersionProfile(1196, _utc("2025-06-12T10:10:01.417392"), is_merged=False),
        VersionProfile(
            1207, _utc("2025-07-03T10:10:01.552087"), is_merged=True, public=False
        ),
        VersionProfile(
            1221, _utc("2025-08-01T10:10:01.093248"), is_merged=False, public=False
        ),
        VersionProfile(
            1230,
            _utc("2025-08-20T10:10:01.000481"),
            is_merged=False,
            status="RUNNING",
            public=False,
        ),
    ),
    oldest=_utc("2023-03-01T00:00:00"),
    newest=_utc("2025-10-01T00:00:00"),
)

PROFILES: Mapping[str, Profile] = {
    name: profile
    for profile in (DEMO, MINNIE, V1DD)
    for name in (profile.private, profile.public)
}
