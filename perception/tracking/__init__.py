"""Radar without any learning: sweeps, how the sensor itself moves, clusters of what moves, and tracks of them."""
