"""``client.cached.skeleton``: caveclient's reading methods, remembered.

Names and signatures are those of caveclient's ``SkeletonClient``; lists may be of any
length.
"""

from typing import TYPE_CHECKING, Any, Literal

from cortical_cache.client.cached.passthrough import PassThrough
from cortical_cache.errors import InvalidQueryError
from cortical_cache.model.ids import as_ids
from cortical_cache.repositories.skeletonoutcome import as_arrays

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CachedSkeleton"]

_SWC = ["id", "type", "x", "y", "z", "radius", "parent"]


class CachedSkeleton(PassThrough):
    """The skeleton service, answered from the store where it can be.

    Parameters
    ----------
    repositories : Repositories
    """

    _service = "skeleton"

    def _connected(self) -> Any:  # noqa: ANN401  caveclient has no types
        return self._of.origin.session.skeleton

    def get_versions(self) -> list[int]:
        """Return the versions of skeletons. Freshness: a day."""
        return self._of.skeletons.versions()

    def skeletons_exist(
        self,
        datastack_name: str | None = None,
        skeleton_version: int | None = 4,
        root_ids: object = 0,
        log_warning: bool = True,
        verbose_level: int | None = 0,
    ) -> bool | dict[int, bool]:
        """Tell which roots have a skeleton; of one root a bool.

        Freshness: that there is one is kept for ever; that there is none is asked each
        time.
        """
        if self._is_other(datastack_name):
            return self._plain().skeletons_exist(
                datastack_name, skeleton_version, root_ids, log_warning, verbose_level
            )
        skeletons = self._of.skeletons
        asked = as_ids(root_ids, "root_ids")
        found = skeletons.exist(asked, skeletons.version(skeleton_version))
        return found[asked[0]] if len(found) == 1 else found

    def get_skeleton(
        self,
        root_id: int,
        datastack_name: str | None = None,
        skeleton_version: int | None = 4,
        output_format: Literal["dict", "swc"] = "dict",
        log_warning: bool = True,
        verbose_level: int | None = 0,
    ) -> "dict[str, Any] | pd.DataFrame":
        """Return one skeleton, waiting until it is made. Freshness: for ever."""
        if self._is_other(datastack_name):
            return self._plain().get_skeleton(
                root_id,
                datastack_name,
                skeleton_version,
                output_format,
                log_warning,
                verbose_level,
            )
        (root,) = as_ids(root_id, "root_id")
        skeletons = self._of.skeletons
        version = skeletons.version(skeleton_version)
        if output_format == "dict":
            return as_arrays(skeletons.get(root, version))
        if output_format != "swc":
            raise InvalidQueryError(
                f"output_format is 'dict' or 'swc', not {output_format!r}"
            )
        return _lines(skeletons.get_swc(root, version))

    def get_bulk_skeletons(
        self,
        root_ids: object,
        datastack_name: str | None = None,
        skeleton_version: int | None = 4,
        output_format: Literal["dict", "swc"] = "dict",
        generate_missing_skeletons: bool = False,
        log_warning: bool = True,
        verbose_level: int | None = 0,
    ) -> dict[str, Any]:
        """Return those skeletons that are made, by root id as text.

        Freshness: for ever, as JSON; lines are asked each time.
        """
        if self._is_other(datastack_name) or output_format != "dict":
            return self._plain().get_bulk_skeletons(
                root_ids,
                datastack_name,
                skeleton_version,
                output_format,
                generate_missing_skeletons,
                log_warning,
                verbose_level,
            )
        return self._many(root_ids, skeleton_version, make=generate_missing_skeletons)

    def fetch_skeletons(
        self,
        root_ids: object,
        datastack_name: str | None = None,
        skeleton_version: int | None = 4,
        output_format: Literal["dict", "swc"] = "dict",
        method: Literal["server", "gcs"] = "server",
        generate_missing_skeletons: bool = False,
        verbose_level: int | None = 0,
    ) -> dict[str, Any]:
        """Return those skeletons that are made, by root id as text.

        Freshness: for ever, as JSON by way of the server; other ways ask each time.
        """
        is_ours = output_format == "dict" and method == "server"
        if self._is_other(datastack_name) or not is_ours:
            return self._plain().fetch_skeletons(
                root_ids,
                datastack_name,
                skeleton_version,
                output_format,
                method,
                generate_missing_skeletons,
                verbose_level,
            )
        return self._many(root_ids, skeleton_version, make=generate_missing_skeletons)

    def _many(
        self, root_ids: object, version: int | None, *, make: bool
    ) -> dict[str, Any]:
        skeletons = self._of.skeletons
        outcomes = skeletons.get_many(
            as_ids(root_ids, "root_ids"),
            skeletons.version(version),
            make=make,
            come=lambda _more: None,
        )
        return {str(root): one.flat() for root, one in outcomes.items() if one.is_there}


def _lines(text: str) -> "pd.DataFrame":
    import io

    import pandas as pd

    return pd.read_csv(io.StringIO(text), sep=" ", names=_SWC)
