"""The settings of both roles refuse what could never work or should never reach a shell."""

import pytest
from pydantic import ValidationError

from labprov_roles.cuda.settings import Settings as Cuda
from labprov_roles.nvidia_driver.settings import Settings as Driver


@pytest.mark.parametrize(
    "values",
    [
        {"branch": "580; reboot"},
        {"branch": 58},
        {"version": "580.65.06; reboot"},
        {"version": "580.*"},
        {"version": "$(id).1"},
        {"version": "580.65.06\n"},
        {"branch": 595, "version": "580.65.06"},
        {"source": "runfile"},
        {"flavour": "free"},
        {"packages": "everything"},
        {"driver": 580},
    ],
)
def test_driver_settings_refused(values):
    with pytest.raises(ValidationError):
        Driver(**values)


@pytest.mark.parametrize(
    "values",
    [
        {"versions": "12.8"},
        {"versions": ["12"]},
        {"versions": ["12.8.1"]},
        {"versions": ["12.8;id"]},
        {"versions": ["../.."]},
        {"versions": ["12.8", "12.8"]},
        {"versions": ["12.8"], "default": "13.0"},
        {"default": "newest"},
    ],
)
def test_cuda_settings_refused(values):
    with pytest.raises(ValidationError):
        Cuda(**values)


def test_a_version_may_be_written_without_quotes():
    assert Cuda(versions=[12.8, 13.0], default=13.0).versions == ("12.8", "13.0")
