"""Journeys across contexts. Read map.py first."""
