"""Which columns an annotation type gives a table."""

from cortical_cache.model.json import JsonObject, as_object

__all__ = ["model_columns"]

_BOUND, _UNBOUND = "BoundSpatialPoint", "SpatialPoint"


def model_columns(definition: JsonObject, *, is_merged: bool) -> tuple[str, ...]:
    """Return the model columns of a table, in the server's order, without ``deleted``.

    Parameters
    ----------
    definition : dict
        JSON schema of the annotation type, as the schema service sends it.
    is_merged : bool
        Of the version: a split one has ``created`` and ``superceded_id``, and what
        comes from the segmentation stands last (DynamicAnnotationDB,
        ``schema.create_annotation_model`` and ``create_segmentation_model``).

    Raises
    ------
    KeyError, TypeError
        If it is no such schema.
    """
    name = _last(definition["$ref"])
    described = as_object(as_object(definition["definitions"])[name])
    annotated, segmented = ["id"], list[str]()
    if not is_merged:
        annotated += ["created", "superceded_id"]
    for field, one in as_object(described["properties"]).items():
        kind = _last(as_object(one).get("$ref", ""))
        if field in {"id", *annotated}:
            continue
        if kind not in {_BOUND, _UNBOUND}:
            annotated.append(field)
            continue
        annotated.append("position" if field == "position" else f"{field}_position")
        if kind == _BOUND:
            ids = [f"{field}_supervoxel_id", f"{field}_root_id"]
            (annotated if is_merged else segmented).extend(ids)
    return (*annotated, *segmented)


def _last(reference: object) -> str:
    return str(reference).rpartition("/")[2]
