"""
Compiled code keeps to what both worlds compute alike.

Powers, NumPy's reductions and ``round`` differ in their last bits between the interpreter, Numba and processors; dice
and output have no place in a decision.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.architecture.sources import package_modules, shown, tree

REDUCTIONS = {
    *("all", "any", "argmax", "argmin", "average", "convolve", "corrcoef", "cov", "cumprod", "cumsum", "diff", "dot"),
    *("max", "mean", "median", "min", "nanmax", "nanmean", "nanmin", "nanstd", "nansum", "nanvar", "percentile"),
    *("prod", "ptp", "quantile", "round", "std", "sum", "trapezoid", "var", "vdot"),
}
# CPython 3.12 began to compensate `sum`, so even the interpreter has two answers.
FORBIDDEN_CALLS = {"eval", "exec", "hash", "id", "input", "open", "pow", "print", "round", "sum"}
FORBIDDEN_ATTRIBUTES = {"fsum", "pow", "random", "sumprod"}


def is_door(node: ast.expr) -> bool:
    target = node.func if isinstance(node, ast.Call) else node
    return (isinstance(target, ast.Name) and target.id in {"compiled", "compiled_for"}) or (
        isinstance(target, ast.Attribute) and target.attr in {"compiled", "compiled_for"}
    )


def compiled_functions(module: ast.Module) -> Iterator[ast.FunctionDef]:
    """Yield the functions that go through the door: decorated, or handed to it by name."""
    handed_over = {
        argument.id
        for call in ast.walk(module)
        if isinstance(call, ast.Call) and is_door(call)
        for argument in call.args
        if isinstance(argument, ast.Name)
    }
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef) and (node.name in handed_over or any(map(is_door, node.decorator_list))):
            yield node


def faults(function: ast.FunctionDef) -> Iterator[str]:
    for node in ast.walk(function):
        if isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Pow | ast.MatMult):
            yield f"{function.name}:{node.lineno} a power or matrix product"
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in FORBIDDEN_CALLS:
            yield f"{function.name}:{node.lineno} {node.func.id}()"
        elif isinstance(node, ast.Attribute) and node.attr in FORBIDDEN_ATTRIBUTES:
            yield f"{function.name}:{node.lineno} .{node.attr}"
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in REDUCTIONS:
            yield f"{function.name}:{node.lineno} .{node.func.attr}()"


def test_no_compiled_function_uses_what_differs_between_builds() -> None:
    found = [
        f"{shown(path)} {fault}"
        for path in package_modules()
        for function in compiled_functions(tree(path))
        for fault in faults(function)
    ]
    assert found == []


def test_there_is_compiled_code_to_look_at() -> None:
    assert sum(1 for path in package_modules() for _ in compiled_functions(tree(path))) > 20


@pytest.mark.parametrize(
    "body",
    [
        "return x ** 2",
        "x **= 0.5\n    return x",
        "return np.sum(v)",
        "return v.mean()",
        "return math.pow(x, 2.0)",
        "return pow(x, 2.0)",
        "return round(x)",
        "return sum(v)",
        "return np.random.rand()",
        "return v @ v",
        "print(x)\n    return x",
        "y = 0.0\n    for i in range(3):\n        y += np.max(v)\n    return y",
    ],
)
@pytest.mark.parametrize("door", ["@compiled\n{0}", "@compiled(inline=True)\n{0}", "{0}\nbuilt = compiled_for(s, f)"])
def test_a_planted_fault_is_found(door: str, body: str) -> None:
    module = ast.parse(door.format(f"def f(x, v):\n    {body}\n"))
    (function,) = compiled_functions(module)
    assert list(faults(function)) != []


@pytest.mark.parametrize("body", ["return max(x, abs(x))", "return math.sqrt(x) * np.isnan(x)", "return v[0] * v[1]"])
def test_plain_arithmetic_passes(body: str) -> None:
    (function,) = compiled_functions(ast.parse(f"@compiled\ndef f(x, v):\n    {body}\n"))
    assert list(faults(function)) == []
