"""conda_envs, what is asked for: settings, requirements, frameworks, files, requests and locks. No host."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from labprov import role
from labprov.compat import cards, tables
from labprov.compat.request import Policy, Request
from labprov.engine.facts.gpu import Gpu
from labprov.engine.facts.system import System
from labprov.errors import HostError, UserError, Where
from labprov_roles.conda_envs import files
from labprov_roles.conda_envs.frameworks import Hardware, hardware, resolved
from labprov_roles.conda_envs.request import canonical, digest_of, read_lock, request
from labprov_roles.conda_envs.requirements import Explicit, imports, item, ready_made, table

DEBIAN = System("debian", "12", "bookworm")
PLAIN = hardware(DEBIAN, (), "", tables.load())


def settings(folder: Path = Path("/lab"), **environments):
    where = lambda *path: Where(folder / "lab.yml", 7, ".".join(map(str, path)))  # noqa: E731
    return role.load("conda_envs").settings({"environments": environments}, where)


def refused(**environment) -> str:
    with pytest.raises(UserError) as error:
        settings(mine=environment)
    assert "\n" not in str(error.value)
    return str(error.value)


def with_card(name: str, driver: str, system: str = "debian12") -> Hardware:
    known = tables.load()
    policy = Policy(known.collected, chosen_on=known.collected)
    return Hardware(Request((cards.find(name, known),), system, policy), driver, known)


def of(*packages, python="3.12", host=PLAIN):
    return resolved([item(each, table({})) for each in packages], python, host)


@pytest.mark.parametrize(
    ("written", "by", "conda", "pip"),
    [
        ("numpy>=2", "any", "numpy>=2", "numpy>=2"),
        ("pandas >=2, <3", "any", "pandas>=2,<3", "pandas>=2,<3"),
        ("opencv", "any", "opencv", "opencv-python-headless"),
        ("cv2", "any", "opencv", "opencv-python-headless"),
        ("sklearn>=1.5", "any", "scikit-learn>=1.5", "scikit-learn>=1.5"),
        ("Typing_Extensions", "any", "typing_extensions", "typing-extensions"),
        ("pytorch==2.14.*", "any", "pytorch==2.14.*", "torch==2.14.*"),
        ("jax[cuda12]>=0.5", "pip", "jax>=0.5", "jax[cuda12]>=0.5"),
        (Explicit(conda="numpy=2.1"), "conda", "numpy=2.1", "numpy=2.1"),
        (Explicit(pip="numpy==2.1"), "pip", "numpy==2.1", "numpy==2.1"),
    ],
)
def test_conda_and_pip_each_read_a_requirement_their_way(written, by, conda, pip):
    made = item(written, table({}))
    assert (made.by, made.conda, made.pip) == (by, conda, pip)


def test_an_inventory_adds_names():
    own = {"labtools": {"conda": "lab-tools", "pip": "labtools-py", "imports": ["labtools"], "also": ["lt"]}}
    where = lambda *path: Where(Path("/lab/lab.yml"))  # noqa: E731
    made = role.load("conda_envs").settings({"names": own, "environments": {"a": {"packages": ["lt>=1"]}}}, where)
    data = request("a", made, DEBIAN, PLAIN).data
    assert [(each["conda"], each["pip"]) for each in data["items"]] == [("lab-tools>=1", "labtools-py>=1")]
    assert imports("lt>=1", table(made.names)) == ("labtools",)


def test_every_set_is_made_of_requirements_and_every_name_leads_to_itself():
    assert set(ready_made()) == {"datascience", "pytorch", "tensorflow", "jupyter", "spyder", "physics"}
    assert all(item(each, table({})).by == "any" for packages in ready_made().values() for each in packages)
    assert imports("opencv>=4", table({})) == ("cv2",)
    assert imports("conda-forge::scikit-learn", table({})) == ("sklearn",)


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"packages": ["numpy=2"]}, "one = is conda's"),
        ({"packages": ["numpy; rm -rf /"]}, "should be a requirement"),
        ({"packages": ["--index-url=http://x"]}, "should be a requirement"),
        ({"packages": ["git+https://host/x"]}, "should be a requirement"),
        ({"packages": [{"conda": "numpy", "pip": "numpy"}]}, "either conda or pip"),
        ({"sets": ["datascienc"]}, "known: datascience"),
        ({"packages": ["a"], "requirements_file": "r.txt"}, "should name either"),
        ({"user": "anna", "jupyter_kernel": True}, "shared environments"),
        ({"python": 3.1}, "string"),
        ({"user": "root; id"}, "user"),
    ],
)
def test_mistakes_are_refused_in_one_line(environment, message):
    assert message in refused(**environment)


def test_names_that_would_not_fit_a_scripts_first_line_are_refused():
    where = lambda *path: Where(Path("/lab/lab.yml"))  # noqa: E731
    values = {"prefix": "/opt/" + "x" * 60, "environments": {"y" * 32: {}}}
    with pytest.raises(UserError, match="too long"):
        role.load("conda_envs").settings(values, where)


def test_condas_own_environment_is_not_declared():
    with pytest.raises(UserError, match="base is conda's own environment"):
        settings(base={"packages": ["numpy"]})


def test_decisions_lie_beside_the_inventory(tmp_path):
    assert settings(tmp_path).locks == str(tmp_path / "labprov-envs")
    assert settings(tmp_path, a={"requirements_file": "r.txt"}).environments["a"].requirements_file == str(
        tmp_path / "r.txt"
    )


def test_a_host_without_a_gpu_gets_builds_for_cpus():
    made = of("torch", "torchvision", "numpy")
    assert made.wheels == "cpu"
    assert [(each.by, each.pip) for each in made.items] == [
        ("pip", "torch==2.14.1+cpu"),
        ("pip", "torchvision"),
        ("any", "numpy"),
    ]
    assert "CPU" in made.items[0].why


@pytest.mark.parametrize(
    ("card", "driver", "wheels"),
    [
        ("GTX 1080 Ti", "580.126.09", "cu126"),
        ("V100", "580.126.09", "cu126"),
        ("A100", "580.126.09", "cu130"),
        ("A100", "550.163.01", "cu126"),
        ("GTX 1080 Ti", "", "cu126"),
    ],
)
def test_the_card_and_the_driver_choose_the_build_of_torch(card, driver, wheels):
    made = of("torch", host=with_card(card, driver))
    assert made.wheels == wheels
    assert made.items[0].pip == f"torch==2.14.1+{wheels}"
    assert card.split()[-1] in made.items[0].why


def test_the_release_that_is_named_is_kept_to():
    assert of("torch>=2.9,<2.10", host=with_card("A100", "580.126.09")).items[0].pip.startswith("torch==2.9.1+cu")
    assert of("tensorflow==2.20.*", host=with_card("A100", "580.126.09")).items[0].pip == "tensorflow[and-cuda]==2.20.0"
    assert of("tensorflow").items[0].pip.startswith("tensorflow==2.")
    with pytest.raises(HostError, match=r"no release of torch==9\.9"):
        of("torch==9.9")


def test_python_must_be_one_that_the_framework_has():
    assert of("tensorflow", python="3.9").items[0].pip == "tensorflow==2.20.0"
    with pytest.raises(HostError, match=r"runs on python 3\.7"):
        of("tensorflow<2.10", python="3.7")


def test_no_driver_that_could_be_chosen_is_said():
    with pytest.raises(HostError, match=r"no driver is installed, and none can be chosen: .*580 or older"):
        of("torch", host=with_card("GTX 1080 Ti", "", "debian13"))


def test_who_names_the_installer_of_torch_is_taken_at_that_word():
    host = with_card("A100", "580.126.09")
    assert [each.by for each in of(Explicit(conda="pytorch"), host=host).items] == ["conda"]
    named = of(Explicit(pip="torch==2.14.1+cpu"), "torchvision", host=host)
    assert (named.wheels, [each.pip for each in named.items]) == ("cpu", ["torch==2.14.1+cpu", "torchvision"])


def test_torchvision_alone_brings_the_right_torch():
    made = of("torchvision", host=with_card("A100", "580.126.09"))
    assert [each.pip for each in made.items] == ["torch==2.14.1+cu130", "torchvision"]
    assert made.items[1].why == "goes with torch==2.14.1+cu130"


def test_gpus_are_looked_up_by_device():
    assert (
        hardware(DEBIAN, (Gpu("0000:01:00.0", "1b06", ""),), "580.1", tables.load())
        .request.cards[0]
        .name.endswith("1080 Ti")
    )


def test_a_set_and_a_package_of_it_are_one_requirement():
    made = settings(a={"sets": ["datascience"], "packages": ["numpy>=2", "cv2"], "jupyter_kernel": True})
    items = request("a", made, DEBIAN, PLAIN).data["items"]
    assert [each["requirement"] for each in items if each["pip"].startswith(("numpy", "opencv"))] == [
        "numpy>=2",
        "opencv",
    ]
    assert items[-1]["requirement"] == "ipykernel"


def test_conda_s_file_names_who_installs_what(tmp_path):
    (tmp_path / "environment.yml").write_text(
        "name: x\nchannels: [lab, conda-forge]\n"
        "dependencies: [python=3.11, pip, numpy=2.1, 'lab::tool>=1', {pip: ['six==1.16.0']}]\n"
    )
    made = settings(tmp_path, a={"environment_file": "environment.yml"})
    data = request("a", made, DEBIAN, PLAIN).data
    assert (data["python"], data["channels"]) == ("3.11", ["lab", "conda-forge"])
    assert [(each["by"], each["requirement"]) for each in data["items"]] == [
        ("conda", "numpy=2.1"),
        ("conda", "lab::tool>=1"),
        ("pip", "six==1.16.0"),
    ]


def test_pip_s_file_is_read_line_by_line(tmp_path):
    (tmp_path / "r.txt").write_text("# ours\nsix==1.16.0  # old\n\nnumpy>=2\n")
    assert [each.pip for each in files.requirements(tmp_path / "r.txt")] == ["six==1.16.0", "numpy>=2"]
    (tmp_path / "r.txt").write_text("six\n-r other.txt\n")
    with pytest.raises(UserError, match=r"r\.txt:2: '-r other\.txt' should be a requirement"):
        files.requirements(tmp_path / "r.txt")
    with pytest.raises(UserError, match="No such file"):
        files.requirements(tmp_path / "none.txt")


def test_a_lock_answers_one_request(tmp_path):
    made = settings(a={"packages": ["numpy"]}, b={"packages": ["numpy>=2"]})
    one, other = (request(name, made, DEBIAN, PLAIN) for name in ("a", "b"))
    assert one.lock_name.startswith("a-debian12-x86_64-") and one.digest != other.digest
    path = tmp_path / one.lock_name
    assert read_lock(path, one) is None
    path.write_text(canonical({"labprov": 1, "request": one.data, "decisions": [], "conda": [], "pip": []}))
    assert read_lock(path, one) == path.read_text()
    assert read_lock(path, other) is None
    path.write_text(path.read_text()[:-20])
    assert read_lock(path, one) is None


def test_another_mirror_is_no_other_request():
    where = lambda *path: Where(Path("/lab/lab.yml"))  # noqa: E731
    values = {"environments": {"a": {"packages": ["torch"]}}}
    mirrors = {"conda": "https://mirror.example/conda", "pytorch": "https://mirror.example/whl"}
    load = role.load("conda_envs").settings
    one = request("a", load(values, where), DEBIAN, PLAIN)
    other = request(
        "a", load({**values, "mirrors": mirrors, "pip_index": "https://mirror.example/simple"}, where), DEBIAN, PLAIN
    )
    assert one.digest == other.digest
    assert other.where == {
        "conda": "https://mirror.example/conda",
        "pip": "https://mirror.example/simple",
        "wheels": "https://mirror.example/whl/cpu",
    }


def test_reasons_do_not_make_another_environment():
    lock = {"labprov": 1, "request": {}, "decisions": [{"why": "a"}], "conda": [{"name": "x"}], "pip": []}
    assert digest_of(json.dumps(lock)) == digest_of(json.dumps({**lock, "decisions": []}))
    assert digest_of(json.dumps(lock)) != digest_of(json.dumps({**lock, "conda": []}))
