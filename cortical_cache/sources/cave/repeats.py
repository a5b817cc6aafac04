"""Which requests may be sent again when their answer is lost.

A question may. What changes something is sent once: whether it was carried out cannot
be known, and an annotation that is sent twice is there twice.
"""

import re

__all__ = ["is_question"]

# The POSTs of caveclient 8.2 (its ``endpoints.py``) that only ask; of those that it
# has besides, all write.
_ASKS = re.compile(
    r"^/materialize/.*/query$"
    r"|^/segmentation/.*/(?:roots_binary|leaves_many|minimal_covering_nodes"
    r"|is_latest_roots|root_timestamps|lineage_graph_multiple|split_preview)$"
    r"|^/l2cache/.*/attributes$"
    r"|^/skeletoncache/"
    r"|^/schema/"
)


def is_question(method: str, path: str) -> bool:
    """Tell whether a request changes nothing on the server.

    Parameters
    ----------
    method : str
        Of HTTP.
    path : str
        Of the address, without its query.
    """
    return method in {"GET", "HEAD"} or (
        method == "POST" and _ASKS.search(path) is not None
    )
