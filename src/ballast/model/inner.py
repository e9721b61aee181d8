"""
Compiled functions that only other compiled functions call.

Numba makes native code of every function and optimises it in full, then again wherever it is linked in: most of a
first run went into machine code that nobody calls. So these stay LLVM's intermediate code, simplified a little, and
become machine code only as parts of the entries that Python calls. What Python does call becomes an entry of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from numba.core import types
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler_lock import global_compiler_lock
from numba.core.registry import CPUDispatcher, cpu_target
from numba.core.sigutils import normalize_signature


class InnerDispatcher(CPUDispatcher):
    """
    A compiled function without glue for Python.

    A caller's literals and enum members count as the plain numbers they are: otherwise every constant argument would
    compile the function once more. Where the array ``needs`` has no rows by its type, callers get a blank instead.
    """

    needs: str
    make_blank: Callable[[], Any]
    make_entry: Callable[[], Any]

    def compile(self, signature: Any) -> Any:
        """Compile for callers from compiled code, or load what was kept."""
        kinds = normalize_signature(signature)[0]
        with _inner_libraries():
            if not (self.needs and lacks(kinds, self.needs)):
                return super().compile(signature)
            if tuple(kinds) not in self.overloads:
                if not hasattr(self, "blank"):
                    # Kept, because Numba forgets the code of a dispatcher that nobody holds.
                    self.blank = self.make_blank()
                self.blank.compile(signature)
                self.add_overload(self.blank.overloads[tuple(kinds)])
            known: Any = self.overloads[tuple(kinds)]
            return known.entry_point

    def get_call_template(self, arguments: Any, named: Any) -> Any:
        """Return Numba's template for a call with plain numbers."""
        named = {name: plain(kind) for name, kind in named.items()}
        return super().get_call_template(tuple(plain(kind) for kind in arguments), named)

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """Call from Python, which compiles an entry at the first time."""
        if not hasattr(self, "entry"):
            self.entry = self.make_entry()
        return self.entry(*arguments, **named)


def plain(kind: Any) -> Any:
    """Return the type that a literal's or an enum member's value has."""
    kind = types.unliteral(kind)
    return kind.dtype if isinstance(kind, types.IntEnumMember) else kind


def lacks(kinds: Any, field: str) -> bool:
    """Tell whether one of these types is a record whose array ``field`` has no rows."""
    fields = (getattr(kind, "fields", None) or {} for kind in kinds)
    return any(field in known and known[field].type.shape == (0,) for known in fields)


class InnerLibrary(JITCodeLibrary):
    """The code of one such function: never native, and kept on disk as it is linked."""

    @property
    def codegen(self) -> Any:
        """Numba's code generator, for which this library has no environment to set."""
        return _WithoutEnvironments(self._codegen)

    def get_pointer_to_function(self, name: str) -> int:
        """Return 0: there is no machine code to point to."""
        self._ensure_finalized()  # type: ignore[no-untyped-call]
        return 0

    def serialize_using_object_code(self) -> Any:
        """Return what is kept: the intermediate code."""
        return self.serialize_using_bitcode()  # type: ignore[no-untyped-call]

    def _optimize_final_module(self) -> None:
        manager, builder = self._codegen._module_pass_manager(
            loop_vectorize=False, slp_vectorize=False, opt=self._codegen._opt_level, cost="cheap"
        )
        manager.run(self._final_module, builder)

    def _finalize_final_module(self) -> None:
        self._finalize_dynamic_globals()  # type: ignore[no-untyped-call]
        self._verify_declare_only_symbols()  # type: ignore[no-untyped-call]
        self._finalized = True


class _WithoutEnvironments:
    """A code generator that sets no environment: there is none in memory before an entry has been made."""

    def __init__(self, codegen: Any) -> None:
        self._codegen = codegen

    def __getattr__(self, name: str) -> Any:
        return getattr(self._codegen, name)

    def set_env(self, name: str, environment: Any) -> None:
        """Do nothing."""


@contextmanager
def _inner_libraries() -> Iterator[None]:
    """Let what is compiled or loaded meanwhile become inner libraries. An entry never compiles inside of it."""
    with global_compiler_lock:
        codegen = cpu_target.target_context.codegen()
        before = codegen._library_class
        codegen._library_class = InnerLibrary
        try:
            yield
        finally:
            codegen._library_class = before
