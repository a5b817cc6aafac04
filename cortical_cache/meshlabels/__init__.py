"""Which level-2 id each vertex of a mesh belongs to: geometry only, no I/O.

`label` puts it together; see docs/meshes.md for the assumptions and the accuracy.
"""

from cortical_cache.meshlabels.assigner import VertexAssigner
from cortical_cache.meshlabels.label import label_vertices
from cortical_cache.meshlabels.match import Nearness

__all__ = ["Nearness", "VertexAssigner", "label_vertices"]
