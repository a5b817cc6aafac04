"""``client.explain``: how a question would be answered. No network."""

from dataclasses import replace
from typing import Any

from cortical_cache.client.cached import Cached
from cortical_cache.errors import InvalidQueryError, NotCachedError
from cortical_cache.model.query import Query
from cortical_cache.policy.answering import Options
from cortical_cache.repositories.answered import Explanation
from cortical_cache.repositories.dataset import Repositories, open_dataset

__all__ = ["explain", "offline_twin"]


def explain(
    repositories: Repositories,
    allowed: Options,
    question: object,
    options: dict[str, Any],
) -> Explanation:
    """Explain a question on an offline twin of the client: same store, no sockets.

    Parameters
    ----------
    repositories : Repositories
        Of the client.
    allowed : Options
        Of the client.
    question : Query, str, or what ``client.tables.NAME(...)`` returns
        Text is SQL.
    options : dict
        Of its ``query``; of SQL its ``params``.

    Raises
    ------
    InvalidQueryError
        If it is no question.
    """
    twin = offline_twin(repositories)
    try:
        if isinstance(question, str):
            from cortical_cache.client.sql.answering import Sql
            from cortical_cache.client.sql.question import Question

            return Sql(twin).explain(Question(question, **options))
        if isinstance(question, Query):
            return twin.tables.explain(question, allowed)
        return _replayed(twin, allowed, question).query(**options)
    except NotCachedError as error:
        return Explanation("fetch", f"{error.missing} not held", (), 0, 0)


def offline_twin(repositories: Repositories) -> Repositories:
    """Return the same dataset on the same store, without a network."""
    settings = replace(repositories.settings, offline=True)
    twin = open_dataset(repositories.home, settings)
    twin.versions.chosen = repositories.versions.settled()
    return twin


def _replayed(twin: Repositories, allowed: Options, question: object) -> Any:  # noqa: ANN401  made at run time
    made = type(question)
    fields: list[str] | None = getattr(made, "fields", None)
    if fields is None or not hasattr(made, "query"):
        raise InvalidQueryError(
            "explain takes client.tables.NAME(...) without .query(), or a Query"
        )
    cached = Cached(twin, allowed, explaining=True)
    is_view = not hasattr(made, "live_query")
    managers = cached.materialize.views if is_view else cached.materialize.tables
    given = {one: getattr(question, one) for one in fields}
    return managers[made.__name__](
        **{name: value for name, value in given.items() if value is not None}
    )
