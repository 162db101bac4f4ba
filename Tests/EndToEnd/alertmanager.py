"""The shipped configuration of Alertmanager, read as Alertmanager reads it: the route of an alert, and what silences it."""

import re

import yaml

from exporter import TOP

PATH = TOP / "deploy/alertmanager/alertmanager.yml"


class Matcher:
    """`name="value"` and the like; a label that is missing is empty."""

    OPERATORS = {
        "=": lambda actual, value: actual == value,
        "!=": lambda actual, value: actual != value,
        "=~": lambda actual, value: re.fullmatch(value, actual),
        "!~": lambda actual, value: not re.fullmatch(value, actual),
    }

    def __init__(self, text):
        self.name, self.operator, self.value = re.fullmatch(r'(\w+)(=~|!~|!=|=)"([^"]*)"', text).groups()

    def matches(self, labels):
        return bool(self.OPERATORS[self.operator](labels.get(self.name, ""), self.value))


def match(texts, labels):
    return all(Matcher(text).matches(labels) for text in texts)


class Configuration:
    def __init__(self, path=PATH):
        self._file = yaml.safe_load(path.read_text())
        self.inhibitions = self._file["inhibit_rules"]

    def route(self, labels):
        """The settings of the deepest route that takes an alert, with those it inherits."""
        settings = route = self._file["route"]
        while route:
            settings = settings | route
            route = next((child for child in route.get("routes", ()) if match(child.get("matchers", ()), labels)), None)
        return settings

    def silences(self, source, target):
        """Whether an alert silences another that fires at the same time."""
        return any(
            match(rule["source_matchers"], source) and match(rule["target_matchers"], target)
            and all(source.get(label, "") == target.get(label, "") for label in rule["equal"])
            for rule in self.inhibitions)
