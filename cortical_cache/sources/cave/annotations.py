"""The annotation service, through caveclient's own methods. Nothing is remembered."""

from typing import TYPE_CHECKING

from cortical_cache.errors import InvalidQueryError
from cortical_cache.sources.cave.session import CaveSession

if TYPE_CHECKING:
    from caveclient.tools.stage import StagedAnnotations

__all__ = ["CaveAnnotations"]


class CaveAnnotations:
    """Stage annotations and give them to the service.

    Parameters
    ----------
    session : CaveSession
    """

    def __init__(self, session: CaveSession) -> None:
        self._session = session

    def stage(self, **options: object) -> "StagedAnnotations":
        """See caveclient's ``AnnotationClient.stage_annotations``."""
        asked = f"table {options.get('table_name')} of the annotation service"
        with self._session.asking(asked):
            service = self._session.service("annotation")
            try:
                return service.stage_annotations(**options)
            except ValueError as error:  # caveclient's own: neither table nor schema
                raise _refused(error) from error

    def upload(self, staged: object, *, progress: bool) -> list[int] | dict[str, int]:
        """See caveclient's ``AnnotationClient.upload_staged_annotations``."""
        with self._session.asking("an upload of annotations"):
            service = self._session.service("annotation")
            try:
                # Its three attempts would write twice what was written and not told.
                return service.upload_staged_annotations(
                    staged, progress=progress, retries=1
                )
            except ValueError as error:  # caveclient's own: staged for no table
                raise _refused(error) from error


def _refused(error: ValueError) -> Exception:
    """Return what to raise of a value that caveclient refuses."""
    import requests

    if isinstance(error, requests.RequestException):  # of the server, for `translated`
        return error
    return InvalidQueryError(" ".join(str(error).split()))
