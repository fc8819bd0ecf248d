"""Divided cards: settings, facts of real output, what is refused, and the script against a stand-in of nvidia-smi."""

import subprocess
from pathlib import Path

import pytest
from pydantic import ValidationError
from pyinfra.api import OperationError

from labprov.compat import gpus
from labprov_roles.nvidia_driver import mig
from labprov_roles.nvidia_driver.facts_mig import Divided, DividedGpus
from labprov_roles.nvidia_driver.settings import Settings

U0, U1 = (f"GPU-0000000{n}-aaaa-bbbb-cccc-00000000000{n}" for n in (0, 1))


@pytest.mark.parametrize(
    "hostile",
    [
        {"GPU-0; reboot": ["1g.5gb"]},
        {"0": ["1g.5gb"]},
        {"GPU-0\n": ["1g.5gb"]},
        {"GPU-0": ["1g.5gb,-dgi"]},
        {"GPU-0": ["$(reboot)"]},
        {"GPU-0": ["8g.40gb"]},
        {"GPU-0": ["4g.20gb", "4g.20gb"]},
        {"GPU-0": "1g.5gb"},
    ],
)
def test_hostile_or_impossible_layouts_are_refused(hostile):
    with pytest.raises(ValidationError):
        Settings(mig=hostile)


def test_the_layout_as_the_script_reads_it():
    layout = Settings(mig={"GPU-0": ["3g.20gb", "2g.10gb"], U1: [], "GPU-10": ["1g.10gb+me"]}).mig
    assert mig.text(layout).splitlines()[1:] == ["0 3g.20gb,2g.10gb", f"{U1} off", "10 1g.10gb+me"]


def test_facts_of_real_output():
    output = f"""card 0, {U0}, Enabled
card 1, {U1}, Disabled
card 2, GPU-2, [N/A]
gpu 0
mig 3g.20gb
mig 1c.3g.20gb
gpu 1
gpu 2
app {U1}, 4711, /usr/bin/python3, a name with a comma""".splitlines()
    assert DividedGpus().process(output) == [
        Divided("0", U0, "Enabled", ("1c.3g.20gb", "3g.20gb")),
        Divided("1", U1, "Disabled", (), ("/usr/bin/python3, a name with a comma (pid 4711)",)),
        Divided("2", "GPU-2", ""),
    ]


FREE = [Divided("0", U0, "Enabled", ("3g.20gb", "3g.20gb")), Divided("1", U1, "Disabled"), Divided("2", "GPU-2", "")]


@pytest.mark.parametrize(
    ("layout", "acts"),
    [
        ({"GPU-0": ["3g.20gb", "3g.20gb"]}, 0),
        ({U0: ["3g.20gb", "3g.20gb"], "GPU-1": []}, 0),
        ({"GPU-2": []}, 0),
        ({"GPU-0": ["3g.20gb", "2g.10gb"]}, 1),
        ({"GPU-0": []}, 1),
        ({"GPU-1": ["7g.40gb"]}, 1),
    ],
)
def test_only_cards_that_differ_are_divided(commands, layout, acts):
    given = commands(mig.divide, {DividedGpus: FREE}, layout=layout)
    assert given == ["sh /usr/local/lib/labprov/mig"] * acts


@pytest.mark.parametrize(
    ("layout", "cards", "said"),
    [
        ({"GPU-3": ["1g.5gb"]}, FREE, f"no GPU-3 here; there are: GPU-0 is {U0}"),
        ({"GPU-2": ["1g.5gb"]}, FREE, "GPU-2 cannot be divided"),
        ({"GPU-0": [], U0: []}, FREE, "GPU-0 and .* are one card"),
        ({"GPU-0": ["1g.5gb"]}, [Divided("0", U0, "Disabled", (), ("python (pid 7)",))], "GPU-0 by python .pid 7."),
    ],
)
def test_what_cannot_be_divided_is_refused(commands, layout, cards, said):
    with pytest.raises(OperationError, match=said):
        commands(mig.divide, {DividedGpus: cards}, layout=layout)


def test_before_the_driver_answers_it_is_left_to_the_boot(commands):
    assert commands(mig.divide, {DividedGpus: []}, layout={"GPU-0": ["1g.5gb"]}) == []


@pytest.mark.parametrize(
    ("device", "can"),
    [("20b0", True), ("20b7", True), ("2330", True), ("2901", True), ("2bb5", True), ("2082", False)]
    + [(device, False) for device in ("15f8", "1db4", "1eb8", "2204", "2684", "26b9", "2b85")],
)
def test_cards_that_have_instances(commands, device, can):
    without = mig.undividable([gpus.lookup(device)])
    assert (without == []) == can
    layout = {"GPU-0": ["1g.5gb"]}
    if can:
        assert commands(mig.check, {}, layout=layout, gpus=[device], without=without) == []
    else:
        with pytest.raises(OperationError, match="cannot be divided"):
            commands(mig.check, {}, layout=layout, gpus=[device], without=without)


SMI = """#!/bin/sh
# what nvidia-smi of driver 580 does to one A100, whose mode needs a reset; state: ./mode ./next ./layout ./log
cd "$(dirname "$0")"
echo "$*" >>log
case "$*" in
    *query-gpu=index*) echo 0 ;;
    *query-gpu=mig.mode*) cat mode ;;
    -L) echo "GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-0)"; sed 's/.*/  MIG &     Device  0: (UUID: MIG-1)/' layout ;;
    *-mig*1) echo Enabled >next ;;
    *-mig*0) echo Disabled >next ;;
    *--gpu-reset) cp next mode ;;
    *-dci | *-dgi) : >layout ;;
    *-cgi*) [ ! -s layout ] && [ "$(cat mode)" = Enabled ] || exit 6; echo "$5" | tr , '\\n' >layout ;;
    *) exit 2 ;;
esac
"""


def test_the_script_divides_once_and_undoes(tmp_path):
    script = Path(mig.__file__).parent / "templates/usr/local/lib/labprov/mig"
    (tmp_path / "nvidia-smi").write_text(SMI)
    (tmp_path / "nvidia-smi").chmod(0o755)
    (tmp_path / "mode").write_text("Disabled\n")
    (tmp_path / "layout").write_text("")

    def run(layout):
        (tmp_path / "mig.conf").write_text(mig.text(layout))
        (tmp_path / "log").write_text("")
        text = script.read_text().replace(mig.LAYOUT, str(tmp_path / "mig.conf"))
        environment = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
        done = subprocess.run(["sh", "-c", text], env=environment, capture_output=True, text=True, check=False)
        log = (tmp_path / "log").read_text()
        changed = any(word in log for word in ("-cgi", "-dgi", "-mig", "reset"))
        return (
            done.returncode,
            (tmp_path / "layout").read_text().split(),
            (tmp_path / "mode").read_text().strip(),
            changed,
        )

    three_two = {"GPU-0": ["3g.20gb", "2g.10gb"]}
    assert run(three_two) == (0, ["3g.20gb", "2g.10gb"], "Enabled", True)
    assert run({"GPU-0": ["2g.10gb", "3g.20gb"]}) == (0, ["3g.20gb", "2g.10gb"], "Enabled", False)
    assert run({"GPU-0": ["7g.40gb"]}) == (0, ["7g.40gb"], "Enabled", True)
    assert run({"GPU-0": []}) == (0, [], "Disabled", True)
    assert run({"GPU-0": []}) == (0, [], "Disabled", False)
