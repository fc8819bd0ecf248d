"""The default locale: from a fact to commands."""

from dataclasses import dataclass, field

from pyinfra.context import ctx_host

from labprov_roles.base.facts import LocaleState
from labprov_roles.base.operations import default_locale


@dataclass
class FakeHost:
    """A host whose only fact is its locales."""

    state: LocaleState
    noops: list[str] = field(default_factory=list)

    def get_fact(self, kind: type) -> LocaleState:
        """The locales."""
        return self.state

    def noop(self, description: str) -> None:
        """Remember why nothing is to be done."""
        self.noops.append(description)


def commands(locale: str, *generated: str, default: str = "") -> list[str]:
    host = FakeHost(LocaleState(generated, default))
    with ctx_host.use(host):
        found = [command.get_raw_value() for command in default_locale._inner(locale=locale)]
    assert bool(found) != bool(host.noops), "an operation either does something or says why not"
    return found


def test_missing_locale_is_generated_once() -> None:
    line = "'en_GB.UTF-8 UTF-8'"
    assert commands("en_GB.UTF-8", "C", "C.utf8") == [
        f"grep -qxF {line} /etc/locale.gen || printf '%s\\n' {line} >> /etc/locale.gen",
        "locale-gen",
        "update-locale LANG=en_GB.UTF-8",
    ]


def test_generated_locale_becomes_the_default() -> None:
    assert commands("C.UTF-8", "C", "C.utf8", default="en_GB.UTF-8") == ["update-locale LANG=C.UTF-8"]


def test_default_locale_stays() -> None:
    assert commands("en_GB.UTF-8", "C", "en_GB.utf8", default="en_GB.UTF-8") == []
