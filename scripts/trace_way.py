"""Which modules of howlkit a command visits, in order, and how often it steps up a layer.

    python scripts/trace_way.py CHECKOUT train --steps 3 ...
    python scripts/trace_way.py CHECKOUT sample RUN ...

The command runs in this process, with howlkit of CHECKOUT. A module is visited when one of its
functions is first called in the main thread; what importing runs does not count, nor do components
(builtin) and values (`VALUES`), which every stage uses. A step up is a visit to a module of a
higher layer than the one visited before. The layer of a module is counted in two ways:

file    the length of the longest chain of imports below it; modules that import each other share
        one. Imports under TYPE_CHECKING and inside functions count.
stage   its place in the layers of import-linter's contract, where CHECKOUT has one.

Printed: the imports (modules at the root, cycles, layers), then a line for each module on the way
with both layers, and the number of steps up.
"""

import ast
import re
import sys
import tomllib
from pathlib import Path

VALUES = frozenset(
    "arrays atomic_files disk errors head_options heads midi music option_values options ordering "
    "piece protocols schema tables values".split()
)


def modules(root):
    """Return the modules of howlkit by name, with their files."""
    found = {}
    for path in sorted((root / "howlkit").rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(name, path, known):
    """Return the modules of howlkit that a module imports, wherever in its file."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [one if one in known else node.module for one in inner]
        else:
            continue
        found |= {one for one in names if one in known and one != name}
    return found


def components(graph):
    """Return the strongly connected components (Tarjan 1972), those below first."""
    order, low, stack, found = {}, {}, [], []

    def visit(node):
        order[node] = low[node] = len(order)
        stack.append(node)
        for below in sorted(graph[node]):
            if below not in order:
                visit(below)
            if below in stack:
                low[node] = min(low[node], low[below])
        if low[node] == order[node]:
            at = stack.index(node)
            found.append(stack[at:])
            del stack[at:]

    for node in sorted(graph):
        if node not in order:
            visit(node)
    return found


def layers(graph):
    """Return the layer of each module, from 0, and the cycles."""
    layer, cycles = {}, []
    for group in components(graph):
        below = [layer[b] for node in group for b in graph[node] if b not in group]
        layer |= dict.fromkeys(group, 1 + max(below, default=-1))
        if len(group) > 1:
            cycles.append(sorted(group))
    return layer, cycles


def stages(root):
    """Return the layer of each folder and module at the root by import-linter's contract, or {}."""
    settings = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = settings["tool"].get("importlinter", {}).get("contracts", [])
    layers = next((c["layers"] for c in contracts if c["type"] == "layers"), [])
    return {
        name.rpartition(".")[2]: number
        for number, line in enumerate(reversed(layers))
        for name in re.split(r" [|:] ", line)
    }


def is_counted(name):
    """Say whether a module belongs to the stages of the way."""
    return name.split(".")[1] not in VALUES | {"builtin"}


def trace(known, arguments):
    """Run a command; return the modules whose functions it calls, in the order of first calls."""
    from howlkit.cli import main

    files = {str(path): name for name, path in known.items()}
    seen = {}

    def watch(frame, event, _):
        if event == "call":
            name = files.get(frame.f_code.co_filename)
            if name is not None and name not in seen and not importing(frame):
                seen[name] = len(seen)

    def importing(frame):
        while frame is not None:
            if frame.f_code.co_name == "<module>" and frame.f_code.co_filename in files:
                return True
            frame = frame.f_back
        return False

    sys.setprofile(watch)
    try:
        main(arguments)
    except SystemExit as stop:
        if stop.code:
            raise
    finally:
        sys.setprofile(None)
    return list(seen)


def main():
    root = Path(sys.argv[1]).resolve()
    sys.path.insert(0, str(root))
    sys.setrecursionlimit(10_000)
    known = modules(root)
    # The face of the package names what lies in all layers, and imports nothing before it is used.
    graph = {n: imports(n, p, known) - {"howlkit"} for n, p in known.items() if n != "howlkit"}
    layer, cycles = layers(graph)
    at_root = [n for n in known if n.count(".") == 1 and known[n].name != "__init__.py"]
    print(f"modules at the root: {len(at_root) + 1}, with __init__")
    print(f"layers: {max(layer.values()) + 1}; cycles: {len(cycles)}")
    for cycle in cycles:
        print(f"  {len(cycle)}: {', '.join(cycle)}")
    if len(sys.argv) > 2:
        way = [n for n in trace(known, sys.argv[2:]) if n in layer and is_counted(n)]
        stage = stages(root)
        by_file = [layer[name] for name in way]
        by_stage = [stage.get(name.split(".")[1], 0) for name in way]
        print("file stage")
        for name, file_layer, stage_layer in zip(way, by_file, by_stage, strict=True):
            print(f"{file_layer:4} {stage_layer:5} {name}")
        print(f"{len(way)} modules; steps up: {ups(by_file)} by file, {ups(by_stage)} by stage")


def ups(numbers):
    """Return how often a number is larger than the one before it."""
    return sum(after > before for before, after in zip(numbers, numbers[1:], strict=False))


if __name__ == "__main__":
    main()
