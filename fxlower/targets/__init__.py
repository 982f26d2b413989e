"""Machines, one value each."""
