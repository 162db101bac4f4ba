"""Runs the tests of a module side by side: most of their time they wait for a poll."""

import concurrent.futures
import os
import unittest

WORKERS = int(os.environ.get("WORKERS", "12"))


class _Record(unittest.TestResult):
    """Keeps what a test reports, to be told to another result later."""

    def __init__(self):
        super().__init__()
        self.calls = []

    def addError(self, test, err):
        self.calls.append(("addError", test, err))

    def addFailure(self, test, err):
        self.calls.append(("addFailure", test, err))

    def addSuccess(self, test):
        self.calls.append(("addSuccess", test))

    def addSkip(self, test, reason):
        self.calls.append(("addSkip", test, reason))

    def addSubTest(self, test, subtest, err):
        self.calls.append(("addSubTest", test, subtest, err))


class ParallelSuite(unittest.TestSuite):
    workers = WORKERS

    def run(self, result, debug=False):
        tests = list(_flatten(self))
        with concurrent.futures.ThreadPoolExecutor(self.workers) as pool:
            pending = [(test, pool.submit(self._run_one, test)) for test in tests]
            for test, future in pending:
                result.startTest(test)
                for name, *arguments in future.result().calls:
                    getattr(result, name)(*arguments)
                result.stopTest(test)
        return result

    @staticmethod
    def _run_one(test):
        record = _Record()
        test(record)
        return record


def _flatten(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from _flatten(test)
        else:
            yield test


def load_tests(loader, tests, pattern):
    """To be imported by a module of tests whose classes have no fixtures of their own."""
    return ParallelSuite([tests])
