"""Two plain pages for people: the control page and the till."""


def control(world: object) -> str:
    return "todo"


def till() -> str:
    return "todo"
