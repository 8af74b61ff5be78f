"""Installs `muscle` from settings.ini, where nbdev keeps what a package says of itself."""

from configparser import ConfigParser
from pathlib import Path

from setuptools import find_packages, setup

config = ConfigParser(delimiters=["="])
config.read(Path(__file__).parent / "settings.ini", encoding="utf-8")
about = config["DEFAULT"]

setup(
    name=about["lib_name"],
    version=about["version"],
    description=about["description"],
    long_description=Path(__file__).with_name("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    author=about["author"],
    author_email=about["author_email"],
    license="MIT",
    keywords=about["keywords"],
    packages=find_packages(include=["muscle", "muscle.*"]),
    package_data={"muscle": ["*.js", "*.css"]},
    python_requires=">=" + about["min_python"],
    install_requires=about["requirements"].split(),
    extras_require={name: about[f"{name}_requirements"].split() for name in ("dev", "lite", "site")},
    entry_points={"console_scripts": about.get("console_scripts", "").split()},
)
