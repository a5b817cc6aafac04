"""CAVE, through caveclient's own sessions. The only place that imports caveclient."""
