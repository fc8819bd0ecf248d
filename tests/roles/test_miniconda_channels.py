"""The condarc, the URLs behind channel names, and whose terms must be accepted."""

import yaml

from labprov_roles.miniconda.channels import ANACONDAS, channel_urls, condarc, terms_to_accept

ALIAS = "https://conda.anaconda.org"


def text(**changes: object) -> dict[str, object]:
    """What a YAML reader gets from the condarc."""
    values: dict[str, object] = {
        "channels": ["conda-forge"],
        "alias": ALIAS,
        "custom": {},
        "default_channels": (),
        "terms_accepted": False,
        "auto_activate": False,
    }
    loaded: dict[str, object] = yaml.safe_load(condarc(**{**values, **changes}))  # type: ignore[arg-type]
    return loaded


def test_plain_condarc() -> None:
    assert text() == {
        "channels": ["conda-forge"],
        "channel_alias": ALIAS,
        "default_channels": [f"{ALIAS}/conda-forge"],
        "auto_activate_base": False,
    }


def test_without_terms_defaults_means_the_channels_wherever_they_are() -> None:
    loaded = text(
        channels=["conda-forge", "bioconda", "https://x.example.org/lab"],
        alias="https://m.example.org/conda",
        custom={"bioconda": "https://n.example.org/cloud/"},
    )
    assert loaded["default_channels"] == [
        "https://m.example.org/conda/conda-forge",
        "https://n.example.org/cloud/bioconda",
        "https://x.example.org/lab",
    ]
    assert loaded["custom_channels"] == {"bioconda": "https://n.example.org/cloud/"}


def test_with_terms_defaults_is_left_to_conda_or_to_the_mirror() -> None:
    assert "default_channels" not in text(terms_accepted=True)
    mirror = ["https://m.example.org/anaconda/pkgs/main"]
    assert text(terms_accepted=True, default_channels=mirror)["default_channels"] == mirror


def test_auto_activation_is_a_boolean() -> None:
    assert text(auto_activate=True)["auto_activate_base"] is True


def test_urls_of_channels() -> None:
    assert channel_urls(["conda-forge"], ALIAS, {}) == (f"{ALIAS}/conda-forge",)
    assert channel_urls(["a", "a"], ALIAS, {"a": "https://b.example.org/"}) == ("https://b.example.org/a",)
    assert channel_urls(["file:///srv/channel"], ALIAS, {}) == ("file:///srv/channel",)
    assert channel_urls(["x", "defaults"], ALIAS, {}) == (f"{ALIAS}/x", *ANACONDAS)
    assert channel_urls(["defaults"], ALIAS, {}, ["https://m.example.org/pkgs/main"]) == (
        "https://m.example.org/pkgs/main",
    )


def test_terms_are_those_of_anacondas_own_server() -> None:
    assert terms_to_accept([f"{ALIAS}/conda-forge", "https://m.example.org/pkgs/main"]) == ()
    assert terms_to_accept([f"{ALIAS}/conda-forge", *ANACONDAS]) == ANACONDAS
