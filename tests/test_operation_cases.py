"""Operations as data: ``operations/<role or module>.<operation>/*.yaml`` say arguments, facts and expected commands.

A folder named after a role is about that role's ``operations.py``, any other about ``labprov.engine.operations``.
"""

from pathlib import Path

from pyinfra_testing.operations import make_operation_tests

from labprov import role

CASES = Path(__file__).parent / "operations"

for folder in sorted(path for path in CASES.iterdir() if path.is_dir()):
    owner, _, operation = folder.name.partition(".")
    base, path = (
        ("labprov_roles", f"{owner}.operations") if owner in role.names() else ("labprov.engine.operations", owner)
    )
    globals()[f"Test_{owner}_{operation}"] = make_operation_tests(base, f"{path}.{operation}", folder)


def test_there_are_cases() -> None:
    assert any(CASES.rglob("*.yaml"))
