"""The skeleton service: which skeletons there are, and the skeletons themselves.

Asked by address, not by caveclient's methods: those cut long lists short, and check
every root with requests of their own, which the service does anyway.
"""

import json
import zlib
from collections.abc import Mapping, Sequence
from typing import Literal

from caveclient.endpoints import skeletonservice_endpoints_v1

from cortical_cache.errors import ServerError, UnknownNameError
from cortical_cache.model.json import Json, as_list, as_object
from cortical_cache.model.packed import gunzip
from cortical_cache.sources.cave.faults import understood
from cortical_cache.sources.cave.session import CaveSession

__all__ = ["AT_ONCE", "CaveSkeletons", "SkeletonForm", "Word"]

SkeletonForm = Literal["dict", "swc"]

Word = Literal["async", "invalid_rid", "invalid_layer_rid"]

EXIST_AT_ONCE = 1_000
"""The service's own limit."""

AT_ONCE = 50
"""Of those that are made: a reply of some 25 MB; the service's limit is 500."""

_IN_BULK_AT_ONCE = 10
_FORMATS: dict[SkeletonForm, str] = {"dict": "flatdict", "swc": "swccompressed"}


class CaveSkeletons:
    """Ask the skeleton service. Remembers nothing.

    Parameters
    ----------
    session : CaveSession
    """

    def __init__(self, session: CaveSession) -> None:
        self._session = session
        self._server = session.server_address

    def versions(self) -> list[Json]:
        """Return the versions of skeletons; -1 stands for the latest."""
        url = self._url("get_versions")
        told = self._session.get_json(url, "skeleton versions")
        with understood(self._server, "skeleton versions"):
            return as_list(told)

    def exist(self, roots: Sequence[int], version: int) -> dict[int, bool]:
        """Tell which roots have a skeleton that is made."""
        url = self._url("skeletons_exist_via_skvn_rids_as_post")
        found: dict[int, bool] = {}
        for start in range(0, len(roots), EXIST_AT_ONCE):
            batch = [*roots[start : start + EXIST_AT_ONCE]]
            what = f"whether {len(batch):,} skeletons exist"
            body = {"root_ids": batch, "skeleton_version": version, "verbose_level": 0}
            told = self._post(url, body, what)
            if isinstance(told, bool):  # so it answers about one
                told = {str(batch[0]): told}
            with understood(self._server, what):
                answer = {int(one): _flag(is_) for one, is_ in as_object(told).items()}
            if set(answer) != set(batch):
                raise ServerError(f"{self._server} left ids out of {what}")
            found |= answer
        return found

    def get(self, root: int, version: int, form: SkeletonForm) -> bytes:
        """Return one skeleton, compressed; waits until it is made.

        Raises
        ------
        InvalidQueryError
            If there can be none: the id is no root, or the service refuses it.
        """
        url = self._url(
            "get_skeleton_async_via_skvn_rid_fmt",
            skeleton_version=version,
            root_id=root,
            output_format=_FORMATS[form],
        )
        packed = self._session.get_bytes(url, f"skeleton of {root}")
        return self._checked(packed, root, form)

    def made(self, roots: Sequence[int], version: int) -> dict[int, bytes]:
        """Return those skeletons that are made, compressed; at most `AT_ONCE`.

        Raises
        ------
        UnknownNameError
            If the service is too old to know this question.
        """
        url = self._url(
            "get_cached_skeletons_bulk_as_post",
            skeleton_version=version,
            output_format=_FORMATS["dict"],
        )
        body = {"root_ids": [*roots], "generate_missing": False, "verbose_level": 0}
        what = f"{len(roots)} skeletons"
        told = self._post(url, body, what)
        with understood(self._server, what):
            found = {
                int(root): self._checked(bytes.fromhex(str(text)), int(root))
                for root, text in as_object(told).items()
            }
        self._asked_only(found, roots, what)
        return found

    def bulk(
        self, roots: Sequence[int], version: int, *, make: bool
    ) -> dict[int, bytes | str]:
        """Return skeletons, compressed, or the service's word for what there is not.

        Parameters
        ----------
        roots : sequence of int
        version : int
        make : bool
            Have those made that are not; the word is ``async`` then.

        Returns
        -------
        dict
            A root that the service says nothing of is left out.
        """
        found: dict[int, bytes | str] = {}
        for start in range(0, len(roots), _IN_BULK_AT_ONCE):
            batch = roots[start : start + _IN_BULK_AT_ONCE]
            url = self._url(
                "get_bulk_skeletons_via_skvn_rids",
                skeleton_version=version,
                output_format=_FORMATS["dict"],
                gen_missing_sks=make,
                root_ids=",".join(map(str, batch)),
            )
            what = f"{len(batch)} skeletons"
            told = self._session.get_json(url, what)
            with understood(self._server, what):
                for root, text in as_object(told).items():
                    word = str(text)
                    is_word = word in {"async", "invalid_rid", "invalid_layer_rid"}
                    found[int(root)] = (
                        word
                        if is_word
                        else self._checked(bytes.fromhex(word), int(root))
                    )
        self._asked_only(found, roots, "skeletons")
        return found

    def made_or_none(
        self, roots: Sequence[int], version: int
    ) -> dict[int, bytes] | None:
        """Return `made`, or None if the service is too old to know the question."""
        try:
            return self.made(roots, version)
        except UnknownNameError:
            return None

    def _checked(self, packed: bytes, root: int, form: SkeletonForm = "dict") -> bytes:
        """Return what came if it is a skeleton; gzip ends with a checksum."""
        try:
            plain = gunzip(packed)
            if form == "dict":
                as_object(json.loads(plain))["vertices"]
            else:
                plain.split()[0]
        except (
            EOFError,
            LookupError,
            OSError,
            RecursionError,
            TypeError,
            ValueError,
            zlib.error,
        ) as error:
            message = f"{self._server} gave no skeleton of {root}: {error}"
            raise ServerError(message) from error
        return packed

    def _asked_only(
        self, found: Mapping[int, object], roots: Sequence[int], what: str
    ) -> None:
        if more := found.keys() - set(roots):
            message = f"{self._server} gave {len(more):,} more than the {what} asked"
            raise ServerError(message)

    def _post(self, url: str, body: Mapping[str, object], what: str) -> object:
        reply = self._session.post(url, what, body=json.dumps(body), params={})
        with understood(self._server, what):
            return reply.json()

    def _url(self, endpoint: str, **parts: object) -> str:
        fields = {
            "skeleton_server_address": self._session.materialize.server_address,
            "datastack_name": self._session.datastack,
            **parts,
        }
        return skeletonservice_endpoints_v1[endpoint].format_map(fields)


def _flag(value: Json) -> bool:
    if isinstance(value, bool):
        return value
    raise TypeError(f"{value!r} is neither true nor false")
