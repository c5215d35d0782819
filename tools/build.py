"""Build every distribution of this repository, check the files, and use the wheels from a clean environment.

    python tools/build.py                 # into dist/; third-party packages are those of this Python
    python tools/build.py --from-index    # the core and its offline suite with what their metadata ask for, downloaded

Each wheel is made from its sdist, so that a file which the sdist lacks is missing in the wheel too, and is noticed.
Uploads nothing; see RELEASING.md.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import venv
import zipfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
OFFLINE = ("judge-harness", "judge-harness-baselines", "judge-harness-miniature")
"""What `--from-index` installs: a suite that runs, without torch and its gigabytes."""


@dataclass(frozen=True, slots=True)
class Distribution:
    """One `pyproject.toml`."""

    folder: Path
    """Where it stands."""
    name: str
    """As on the package index."""
    version: str
    """Its version."""

    @property
    def stem(self) -> str:
        """What the names of its files begin with."""
        return f"{self.name.replace('-', '_')}-{self.version}"


def find_distributions() -> list[Distribution]:
    """The core, then the plugins by path."""
    files = [ROOT / "pyproject.toml", *sorted(ROOT.glob("plugins/*/*/pyproject.toml"))]
    projects = [(file.parent, tomllib.loads(file.read_text(encoding="utf-8"))["project"]) for file in files]
    return [Distribution(folder, project["name"], project["version"]) for folder, project in projects]


def build(distribution: Distribution, out: Path, *, isolated: bool) -> None:
    """Make the sdist, and the wheel from it."""
    flags = [] if isolated else ["--no-isolation"]
    run([sys.executable, "-m", "build", *flags, "--outdir", str(out), str(distribution.folder)])


def check_files(distributions: Sequence[Distribution], out: Path) -> None:
    """Check what the package index would show, and that licence and README are where they belong.

    Raises:
        SystemExit: Something is missing; all of it is named.
    """
    problems = [
        f"{distribution.name}: {problem}"
        for distribution in distributions
        for problem in (*_wheel_problems(distribution, out), *_sdist_problems(distribution, out))
    ]
    if problems:
        sys.exit("\n".join(problems))
    files = [str(path) for path in sorted(out.iterdir()) if path.suffix in (".whl", ".gz")]
    run([sys.executable, "-m", "twine", "check", "--strict", *files])


def _wheel_problems(distribution: Distribution, out: Path) -> Iterator[str]:
    with zipfile.ZipFile(out / f"{distribution.stem}-py3-none-any.whl") as wheel:
        names = wheel.namelist()
        metadata = wheel.read(f"{distribution.stem}.dist-info/METADATA").decode()
    if f"{distribution.stem}.dist-info/licenses/LICENSE" not in names:
        yield "the wheel has no LICENSE"
    if not any(name.endswith("/py.typed") for name in names):
        yield "the wheel has no py.typed"
    for target in re.findall(r"\]\((?!https?://|#)([^)\s]+)\)", metadata):
        yield f"the README leads to {target}, which is nowhere on the package index"


def _sdist_problems(distribution: Distribution, out: Path) -> Iterator[str]:
    with tarfile.open(out / f"{distribution.stem}.tar.gz") as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    for name in ("LICENSE", "README.md", "pyproject.toml"):
        if name not in names:
            yield f"the sdist has no {name}"
    for name in sorted(names):
        if name.startswith("plugins/"):
            yield f"the sdist holds {name}, which is part of another distribution"


def use(distributions: Sequence[Distribution], out: Path, *, from_index: bool) -> None:
    """Install the wheels into a new virtual environment and run a small benchmark there, offline."""
    with tempfile.TemporaryDirectory(prefix="harness-wheels-") as temporary:
        place = Path(temporary).resolve()
        environment = place / "venv"
        venv.create(environment)
        scripts = environment / ("Scripts" if os.name == "nt" else "bin")
        wheels = [str(out / f"{wheel.stem}-py3-none-any.whl") for wheel in distributions]
        flags = ["--find-links", str(out)] if from_index else ["--no-deps", "--no-index"]
        run([sys.executable, "-m", "pip", "--python", str(environment), "install", "-q", *flags, *wheels])
        if not from_index:
            _lend_packages(scripts / "python")
        harness = [str(scripts / "harness")]
        # Without the checkout and without PYTHONPATH, so that only what is in the wheels can be found.
        hidden = ("PYTHONPATH", "PYTHONHOME", "HARNESS_")
        plain = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
        strict = {**plain, "HARNESS_STRICT_PLUGINS": "1", "OMP_NUM_THREADS": "1"}
        where = run([str(scripts / "python"), "-c", "import harness; print(harness.__file__)"], env=plain, cwd=place)
        if not Path(where.strip()).resolve().is_relative_to(environment):
            sys.exit(f"the wheels were not used: harness is {where.strip()}")
        listed = run([*harness, "plugins"], env=strict, cwd=place)
        missing = [item.name for item in distributions if f"({item.name} {item.version})  ok:" not in listed]
        if missing:
            sys.exit(f"installed, and no working plugin: {', '.join(missing)}\n{listed}")
        run([*harness, "list", "tasks"], env=strict, cwd=place)
        judges = ["baselines/random"] if from_index else ["baselines/random", "miniature-judges/sft-unified"]
        (place / "smoke.yaml").write_text(SMOKE + "".join(f"  - use: {judge}\n" for judge in judges), encoding="utf-8")
        run([*harness, "run", "smoke.yaml"], env=strict, cwd=place)
        print(f"{len(distributions)} wheels are plugins that work, and miniature/ood ran with {' and '.join(judges)}")


SMOKE = """\
extends: miniature/ood
name: smoke
vars: {items: 4}
judges:
"""


def _lend_packages(python: Path) -> None:
    """Let the new environment see the packages of this Python, after its own.

    A path in a `.pth` file is searched last, and `.pth` files there are not read: editable installs of this repository
    stay out of sight.
    """
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    own = {run([program, "-c", code]).strip() for program in (sys.executable, str(python))}
    site = run([str(python), "-c", code]).strip()
    lent = "\n".join(sorted(own - {site}))
    (Path(site) / "lent.pth").write_text(f"{lent}\n", encoding="utf-8")


def run(command: Sequence[str], *, env: dict[str, str] | None = None, cwd: Path = ROOT) -> str:
    """What a command prints.

    Raises:
        SystemExit: It failed; what it printed is shown.
    """
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, encoding="utf-8", check=False)
    if done.returncode:
        sys.exit(f"$ {' '.join(command)}\n{done.stdout}{done.stderr}\nexit code {done.returncode}")
    return done.stdout


def main() -> None:
    """Build, check and use everything."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="where the files go; must be new or empty")
    parser.add_argument("--isolated", action="store_true", help="build in new environments, as the index's users do")
    parser.add_argument("--from-index", action="store_true", help="download what the metadata ask for")
    arguments = parser.parse_args()
    out: Path = arguments.out.resolve()
    if out.exists() and any(out.iterdir()):
        sys.exit(f"{out} is not empty; remove it, so that nothing old is uploaded")
    distributions = find_distributions()
    core, *plugins = distributions
    build(core, out, isolated=arguments.isolated)  # by itself: its folder holds those of the plugins
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # each build is a process, and uses one core
        for done in [pool.submit(build, plugin, out, isolated=arguments.isolated) for plugin in plugins]:
            done.result()
    print(*(f"built {item.name} {item.version}" for item in distributions), sep="\n")
    check_files(distributions, out)
    used = [item for item in distributions if item.name in OFFLINE] if arguments.from_index else distributions
    use(used, out, from_index=arguments.from_index)


if __name__ == "__main__":
    main()
