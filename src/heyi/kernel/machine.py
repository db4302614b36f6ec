"""States are tables: (state, move) -> state. Every context keeps its tables in model.py, and a test walks them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Generic, TypeVar

S = TypeVar("S", bound=str)


class Machine(Generic[S]):
    """A table of moves with a first state. `step` answers the next state, or None when the move is not allowed."""

    def __init__(self, first: S, moves: Mapping[tuple[S, str], S]) -> None:
        self.first = first
        self.moves = dict(moves)

    def step(self, state: S, move: str) -> S | None:
        return self.moves.get((state, move))

    def sources(self, move: str) -> tuple[S, ...]:
        """The states from which this move is allowed: what a compare-and-set update names."""
        return tuple(state for state, name in self.moves if name == move)

    def states(self) -> set[S]:
        return {self.first, *(state for state, _ in self.moves), *self.moves.values()}

    def reachable(self, *born: S) -> set[S]:
        """Every state that something can come to, from the first one or from those it may be born in."""
        seen, edge = {self.first, *born}, [self.first, *born]
        while edge:
            here = edge.pop()
            for (state, _), target in self.moves.items():
                if state == here and target not in seen:
                    seen.add(target)
                    edge.append(target)
        return seen
