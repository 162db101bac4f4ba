import Basics
import Monitoring
import Testing

@testable import Settings

/// Labels of the user's own.
struct LabelTests {
    /// Returns the problem with the last of some labels; `nil` if there is none.
    private func problem(_ labels: KeyValuePairs<String, String>) -> String? {
        var values = FlagValues()
        var problem: String?
        for (name, value) in labels {
            do throws(Problem) {
                try values.label(name, value)
                problem = nil
            } catch {
                problem = error.description
            }
        }
        return problem
    }

    @Test(arguments: ["customer", "Team_2", "_x", "account_id", "statuses", "x\(String(repeating: "y", count: 127))"])
    func takesNamesOfPrometheus(name: String) {
        #expect(problem([name: "a"]) == nil)
    }

    @Test(arguments: ["", "2a", "a-b", "a.b", "a b", "é", "a:b", "a\u{301}", "a\n", "a\r\n", "٢", "x=y"])
    func refusesOtherNames(name: String) {
        #expect(problem([name: "a"])?.hasPrefix("must have a name of ASCII letters") == true)
    }

    /// A label of the user's would take the place of one that something relies on.
    @Test(
        arguments: Array(AccountState.reservedLabels)
            + ["status", "reason", "handler", "phone", "account", "job", "le", "instance", "instances", "__name__"])
    func refusesNamesWithAMeaning(name: String) {
        #expect(problem([name: "a"])?.hasPrefix("must have another name") == true)
    }

    @Test func takesAnyTextAsAValueWithinLimits() {
        #expect(problem(["a": String(repeating: "é", count: 128)]) == nil)
        #expect(problem(["a": "\"\\\n\u{0}\u{7}😀"]) == nil)
        for (name, value) in [("a", String(repeating: "é", count: 129)), (String(repeating: "a", count: 129), "b")] {
            #expect(problem([name: value]) == "must have a name and a value of no more than 128 characters")
        }
        for value in ["", " ", "\u{a0}\n"] {
            #expect(problem(["a": value])?.hasPrefix("has a blank value") == true)
        }
        #expect(problem(["a": "1", "b": "1", "a": "2"]) == "is given twice")
    }

    @Test func takesSixteen() throws {
        var values = FlagValues()
        for number in 1...16 {
            try values.label("l\(number)", "x")
        }
        #expect(throws: Problem.self) { try values.label("l17", "x") }
        #expect(values.options.labels.count == 16)
    }
}
