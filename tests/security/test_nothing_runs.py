"""What is read from a store, a server or a bucket is data, and stays data."""

import ast
from pathlib import Path

import pytest

import cortical_cache

PACKAGE = Path(cortical_cache.__file__).parent
MODULES = {
    "pickle",
    "cPickle",
    "dill",
    "cloudpickle",
    "joblib",
    "marshal",
    "shelve",
    "dbm",
    "code",
    "runpy",
}
CALLS = {"eval", "exec", "compile", "__import__", "read_pickle", "to_pickle"}

NAMES_A_SHELL = "generate_completion"
"""Prints a program for a shell, whose name it takes; starts none."""


@pytest.mark.parametrize(
    "path", sorted(PACKAGE.rglob("*.py")), ids=lambda p: str(p.relative_to(PACKAGE))
)
def test_no_module_can_run_what_it_reads(path):
    tree = ast.parse(path.read_text("utf-8"))
    fine = {
        one
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == NAMES_A_SHELL
        for one in node.keywords
    }
    for node in ast.walk(tree):
        if node in fine:
            continue
        match node:
            case ast.Import(names):
                assert not MODULES & {one.name.split(".")[0] for one in names}
            case ast.ImportFrom(module=str(module)):
                assert module.split(".")[0] not in MODULES
            case ast.Call(func=ast.Name(id=name)):
                assert name not in CALLS
            case ast.Call(func=ast.Attribute(attr=name)) if name in {
                "read_pickle",
                "to_pickle",
            }:
                pytest.fail(f"{name} in line {node.lineno}")
            case ast.keyword(arg="allow_pickle", value=value):
                assert isinstance(value, ast.Constant)
                assert value.value is False
            case ast.keyword(arg="shell", value=value):
                # of a subprocess; the other one says for which shell completions are
                assert (path.name == "app.py" and isinstance(value, ast.Name)) or (
                    isinstance(value, ast.Constant) and value.value is False
                )
