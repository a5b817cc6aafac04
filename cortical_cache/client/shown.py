"""How a client shows itself: from what is remembered alone, never by a request."""

from html import escape

from cortical_cache.client.status import CacheStatus, cache_status, size
from cortical_cache.errors import CorticalCacheError
from cortical_cache.model.json import JsonObject, as_object
from cortical_cache.model.viewer import link, viewer_state
from cortical_cache.policy.freshness import Fact
from cortical_cache.repositories.dataset import Repositories
from cortical_cache.repositories.expiry import last_known

__all__ = ["as_html", "as_text", "viewer_link"]


def as_text(of: Repositories) -> str:
    """Name dataset, version and its end, what is held, its size, offline or not.

    Of a store that cannot be read it says what is wrong, rather than raise.
    """
    try:
        status = cache_status(of)
    except CorticalCacheError as error:
        return f"<cortical_cache.Client {of.dataset.name}: {error}>"
    versions = sorted({one.version for one in status.holdings if one.version})
    parts = [
        "cortical_cache.Client",
        of.dataset.name,
        f"version={_version(of)}",
        *_end(of, status),
        f"held={versions}",
        *([f"size={size(status.nbytes)}"] if status.holdings else []),
        *(["offline"] if of.settings.offline else []),
    ]
    return f"<{' '.join(parts)}>"


def as_html(of: Repositories) -> str:
    """Say the same as a link to neuroglancer, with the table of what is held."""
    try:
        status = cache_status(of)
    except CorticalCacheError:
        return escape(as_text(of))
    name = escape(f"{of.dataset.name} {_version(of)}")
    url = viewer_link(of)
    title = f"<b>{name}</b>"
    if url is not None:
        title = f'<a href="{escape(url)}" target="_blank">{title}</a>'
    told = [
        f"{of.dataset.datastack} at {of.dataset.server_address}",
        *_end(of, status),
        f"{size(status.nbytes)} held in {of.store.folder}"
        if status.holdings
        else "nothing is held yet",
        "offline" if of.settings.offline else "online",
    ]
    line = escape(" · ".join(told))
    held = f"<details><summary>held</summary>{status.to_html()}</details>"
    return f"<div>{title} · {line}{held if status.holdings else ''}</div>"


def viewer_link(of: Repositories) -> str | None:
    """Return what opens the dataset in neuroglancer; None before its record is known.

    Made without nglui, which takes seconds to import; it opens the same.
    """
    try:
        document = of.facts.held(Fact.INFO)
        if document is None:
            return None
        info = as_object(document.value)
        return link(viewer_state(info, _images(info)))
    except (CorticalCacheError, KeyError, TypeError, ValueError):
        return None  # damaged, or of a server that tells less: no reason to fail


def _images(info: JsonObject) -> str:
    return str(as_object(info["aligned_volume"])["image_source"])


def _version(of: Repositories) -> str:
    settled = of.versions.settled()
    if settled is None and of.settings.offline and (held := of.versions.held()):
        settled = held[-1]
    return "newest" if settled is None else str(settled)


def _end(of: Repositories, status: CacheStatus) -> list[str]:
    """Tell the end of the version, if there is one and it is known."""
    version = _version(of)
    if not version.isdecimal():
        return []
    try:
        known = last_known(of.store, int(version))
    except (CorticalCacheError, TypeError, ValueError):
        return []
    return [] if known is None else [known.told(status.now)]
