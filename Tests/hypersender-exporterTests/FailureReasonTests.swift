import HypersenderAPI
import Testing

@testable import Endpoints

/// Rules and runbooks sort the reasons of failed polls as `APIError.Reason` does.
struct FailureReasonTests {
    @Test func leadToTheirRunbook() {
        #expect(APIError.Reason.allCases.filter(\.meansKeyRefused) == [.unauthorized, .forbidden, .notFound])
        for reason in APIError.Reason.allCases {
            let runbook: Runbook =
                reason.meansKeyRefused ? .unauthorized : reason == .rateLimited ? .rateLimited : .pollsFailing
            #expect(Runbook(reason) == runbook, "\(reason)")
        }
    }

    /// A reason that nothing gives would have a row in the documents, and no meaning.
    @Test func areGivenSomewhere() throws {
        let files = try Repository.files(endingIn: ".swift", below: "Sources/HypersenderAPI")
        let names = Set(try files.filter { !$0.hasSuffix("/APIError.swift") }.flatMap(Repository.expressions(in:)))
        let unused = APIError.Reason.allCases.filter { !names.contains(".\($0)") }
        #expect(unused.isEmpty, "no poll fails with these")
    }

    @Test func areSelectedByTheRules() throws {
        let selected = try ["rules", "alerts"].flatMap { name in
            try Repository.text("deploy/mixin/\(name).libsonnet").matches(of: /reason=~?"([^"]*)"/).map { match in
                Set(match.output.1.split(separator: "|").map(String.init))
            }
        }
        let refused = Set(APIError.Reason.allCases.filter(\.meansKeyRefused).map(\.rawValue))
        #expect(selected.contains(refused))
        #expect(selected.allSatisfy { $0 == refused || $0 == [APIError.Reason.rateLimited.rawValue] }, "\(selected)")
    }

    @Test func areExplainedInTheRunbooks() throws {
        let table = try Repository.text("deploy/RUNBOOKS.md").split(separator: "\n").drop {
            $0 != "| reason | look at |"
        }
        .dropFirst(2).prefix { $0.hasPrefix("|") }
        let explained = table.flatMap { row in
            row.dropFirst().prefix { $0 != "|" }.matches(of: /`([^`]*)`/).map { String($0.output.1) }
        }
        let others = APIError.Reason.allCases.filter { Runbook($0) == .pollsFailing }.map(\.rawValue)
        #expect(
            explained.sorted() == others.sorted(),
            "deploy/RUNBOOKS.md, HypersenderPollsFailing, is to explain \(others)")
    }
}
