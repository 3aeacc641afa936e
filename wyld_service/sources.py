"""Reads values for the keys of a settings class from a TOML file, the environment and the command line.

It knows no key itself. Every problem becomes one sentence that names where, which key, the bad value and what is allowed,
with the nearest known name for a misspelt one; reading goes on, so that an operator sees all problems at once.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, NewType, Self

import attrs
from typed_settings.cls_utils import deep_options
from typed_settings.dict_utils import merge_settings
from typed_settings.types import LoadedSettings, LoaderMeta, OptionList

from wyld_service.secret import MASK
from wyld_service.units import Size

ENV_PREFIX: Final = "WYLD_"
ENV_SEPARATOR: Final = "__"
"""Between section and name. Variables with the prefix and without the separator are no settings and are left alone."""

MAX_FILE: Final = Size.parse("1MiB")
"""Of the settings file; a real one has a hundred lines."""

_SHOWN: Final = 80
"""Characters of a bad value that a message repeats."""

Parse = Callable[[object], Any]
Key = NewType("Key", str)
"""A key with its section, such as `sessions.detached_ttl`."""
Values = dict[Key, Any]


@attrs.frozen
class Rule:
    """How the value of one key is read; it stands in the field's metadata under this class.

    Attributes:
        parse: From what TOML or the environment gives; raises ValueError with words that complete "it must be".
        low, high: The least and the greatest value, or None for no limit.
        in_file: Whether the settings file may hold it.
    """

    parse: Parse
    low: Any = None
    high: Any = None
    in_file: bool = True

    def read(self, value: object) -> Any:
        """The parsed value.

        Raises:
            ValueError: With words that complete "it must be".
        """
        parsed = self.parse(value)
        if self.low is not None and not self.low <= parsed <= self.high:
            raise ValueError(f"from {self.low} to {self.high}")
        return parsed


@attrs.frozen
class Catalogue:
    """All keys of a settings class with its sections, as typed-settings finds them, and their rules."""

    options: OptionList
    rules: dict[Key, Rule]
    secrets: frozenset[Key]

    @classmethod
    def of(cls, settings: type) -> Self:
        options = deep_options(settings)
        rules = {
            Key(option.path): attrs.fields_dict(option.parent_cls)[option.name].metadata[Rule]
            for option in options
        }
        return cls(options, rules, frozenset(Key(option.path) for option in options if option.is_secret))

    @property
    def sections(self) -> set[str]:
        return {key.split(".")[0] for key in self.rules}


def env_name(key: str) -> str:
    """The environment variable of a key: `WYLD_LINK__ADDRESS` for `link.address`."""
    return ENV_PREFIX + key.upper().replace(".", ENV_SEPARATOR)


def nested(flat: Mapping[Key, Any]) -> dict[str, dict[str, Any]]:
    """Values by section and name."""
    tree: dict[str, dict[str, Any]] = {}
    for key, value in flat.items():
        section, name = key.split(".")
        tree.setdefault(section, {})[name] = value
    return tree


@attrs.frozen
class _Source:
    """One place that values come from. `label` names a key as the operator wrote it there."""

    values: Values
    label: Callable[[str], str]
    folder: Path = Path()


def read_values(
    catalogue: Catalogue,
    file: Path | None,
    environ: Mapping[str, str],
    overrides: Mapping[str, object],
    problems: list[str],
) -> Values:
    """The value of every key: its default, or what the strongest source says. Paths in a file are relative to it.

    Problems are appended to `problems`; a key whose value is bad is absent from the result.
    """
    sources = [
        _from_file(catalogue, file, problems),
        _from_environment(catalogue, environ, problems),
        _from_overrides(catalogue, overrides, problems),
    ]
    trees = [LoadedSettings(nested(source.values), LoaderMeta(str(i))) for i, source in enumerate(sources)]
    values: Values = {Key(option.path): option.default for option in catalogue.options}
    for path, (value, meta) in merge_settings(catalogue.options, trees).items():
        key, source = Key(path), sources[int(meta.name)]
        try:
            parsed = catalogue.rules[key].read(value)
            values[key] = source.folder / parsed if isinstance(parsed, Path) else parsed
        except ValueError as error:
            del values[key]
            shown = MASK if key in catalogue.secrets else repr(_shown(value))
            problems.append(f"{source.label(key)} = {shown}: it must be {error}.")
    return values


def _from_file(catalogue: Catalogue, file: Path | None, problems: list[str]) -> _Source:
    if file is None:
        return _Source({}, str)
    source = _Source({}, lambda key: f"{file}: {key}", file.absolute().parent)
    for section, keys in _read_toml(file, problems).items():
        if section not in catalogue.sections:
            hint = _nearest(section, catalogue.sections)
            problems.append(f"{file}: there is no section [{_shown(section)}]{hint}.")
        elif not isinstance(keys, dict):
            problems.append(f"{file}: {section} must be a section, [{section}] on a line of its own.")
        else:
            for name, value in keys.items():
                _take(catalogue, source, f"{section}.{name}", value, problems)
    for key in [key for key in source.values if not catalogue.rules[key].in_file]:
        del source.values[key]
        problems.append(f"{file}: {key} must not stand in this file; set {key}_file or {env_name(key)}.")
    return source


def _read_toml(file: Path, problems: list[str]) -> dict[str, Any]:
    try:
        with file.open("rb") as stream:
            content = stream.read(MAX_FILE + 1)
        if len(content) <= MAX_FILE:
            return tomllib.loads(content.decode("utf-8"))
        problems.append(f"{file}: is larger than {MAX_FILE}.")
    except OSError as error:
        problems.append(f"{file}: cannot be read: {error.strerror or error}.")
    except UnicodeDecodeError:
        problems.append(f"{file}: is not UTF-8 text.")
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        problems.append(f"{file}: is not valid TOML: {error}.")
    return {}


def _from_environment(catalogue: Catalogue, environ: Mapping[str, str], problems: list[str]) -> _Source:
    source = _Source({}, env_name)
    known = {env_name(key): key for key in catalogue.rules}
    for variable, value in sorted(environ.items()):
        if variable in known:
            source.values[known[variable]] = value
        elif variable.startswith(ENV_PREFIX) and ENV_SEPARATOR in variable:
            problems.append(f"environment: {_shown(variable)} is no setting{_nearest(variable, known)}.")
    return source


def _from_overrides(catalogue: Catalogue, overrides: Mapping[str, object], problems: list[str]) -> _Source:
    source = _Source({}, lambda key: f"command line: {key}")
    for key, value in overrides.items():
        _take(catalogue, source, key, value, problems)
    return source


def _take(catalogue: Catalogue, source: _Source, key: str, value: object, problems: list[str]) -> None:
    if key in catalogue.rules:
        source.values[Key(key)] = value
    else:
        hint = _nearest(key, catalogue.rules)
        problems.append(f"{source.label(_shown(key))}: there is no such key{hint}.")


def _nearest(name: str, known: Iterable[str]) -> str:
    close = get_close_matches(name[:_SHOWN], known, n=1)
    return f" (did you mean {close[0]}?)" if close else ""


def _shown(value: object) -> Any:
    """A value as a message may repeat it: not too long, and text without anything that moves a terminal's cursor."""
    if isinstance(value, str):
        value = "".join(c if c.isprintable() else "?" for c in value)
    text = value if isinstance(value, str) else repr(value)
    return value if len(text) <= _SHOWN else text[:_SHOWN] + "..."
