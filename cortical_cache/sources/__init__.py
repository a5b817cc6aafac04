"""Where things come from: CAVE and cloud buckets. Foreign errors stop here."""
