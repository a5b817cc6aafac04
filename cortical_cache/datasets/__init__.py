"""The known datasets. ``from cortical_cache.datasets.minnie_public import client``.

Importing one of these modules makes a client and opens no socket.
"""
