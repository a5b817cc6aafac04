"""Ask CAVE a question once: a local, versioned cache for connectomics tables."""
