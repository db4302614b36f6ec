"""heyi 合益: a benefits alliance platform (权益中台). Start with ARCHITECTURE.md and flows/map.py."""

__version__ = "0.1.0"
