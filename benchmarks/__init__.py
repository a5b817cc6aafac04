"""This project beside what its users would do otherwise, in one run on one machine."""
