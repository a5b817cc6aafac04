"""The queries that bdpedigo/parqlayground lists, and the cases that ask them."""

__all__ = ["QUERIES"]

QUERIES = {
    "a single synapse by id": "synapses/one id",
    "a hundred synapses by id": "synapses/100 ids",
    "all postsynapses of a root": "synapses/one root by post",
    "all presynapses of a root": "synapses/one root by pre",
    "all postsynapses of about 100 roots": "synapses/100 roots by post",
    "all presynapses of about 100 roots": "synapses/100 roots by pre",
    "all synapses among about 100 roots": "synapses/among 100 roots",
    "mean postsynapse size of a root": "connections/mean size of a root's inputs",
    "mean presynapse size of a root": "connections/mean size of a root's outputs",
    "connections among about 100 roots": "connections/among 100 roots",
    "connections among cells with nuclei": "connections/among all nuclei",
}
"""By their words, the case without its size."""
