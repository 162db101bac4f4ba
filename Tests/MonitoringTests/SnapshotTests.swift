import Exposition
import FoundationEssentials
import HypersenderAPI
import Testing

@testable import Monitoring

/// Whole pages, compared with files beside these tests.
struct SnapshotTests {
    private func page(_ snapshot: Snapshot, _ format: ExpositionFormat = .text, at seconds: Double = 100) -> String {
        var writer = ExpositionWriter(format)
        snapshot.write(to: &writer, uptime: .seconds(seconds))
        writer.end()
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    private func account(_ name: String?) -> AccountState {
        AccountState(name: name, interval: .seconds(60), staleAfter: .seconds(180))
    }

    /// An account with some of everything, polled three times.
    private func busy(_ name: String? = nil) -> AccountState {
        var state = account(name)
        func moment(_ seconds: Double) -> Moment {
            Moment(unix: 1_748_254_000 + seconds, uptime: .seconds(seconds))
        }
        func list(_ first: InstanceStatus) -> InstanceList {
            InstanceList(
                instances: [
                    Instance(
                        id: "fa3d01c4-1234-4c0d-a12f-df319b612f8c", name: "MyInstanceName", phone: "+201234567890",
                        status: first,
                        hasAccessToken: true, createdAt: 1_748_254_365),
                    Instance(
                        id: "c9a1dd76-5678-4f9d-9012-a5b78de100c3", name: "Second \"Instance\"\\\n😀",
                        serviceType: "whatsapp",
                        status: .unknown, hasAccessToken: false, createdAt: 1_748_187_022.5),
                    Instance(id: "b", name: "", serviceType: "", status: .scanQRCode),
                ], duplicates: 1, invalid: 2, unknownStatuses: ["BANNED"], bytes: 1_234_567,
                rateLimit: RateLimit(limit: 60, remaining: 58))
        }
        state.record(.success(list(.starting)), started: moment(1), ended: moment(1.5))
        state.record(
            .failure(APIError(.rateLimited, "slow down")), started: moment(31), ended: moment(31.0625))
        state.record(.success(list(.working)), started: moment(61), ended: moment(63))
        return state
    }

    @Test(arguments: [
        ("busy.txt", ExpositionFormat.text, StatusSet.all), ("busy.openmetrics", .openMetrics, .all),
        ("busy-current.txt", .text, .current),
    ])
    func aBusyAccount(file: String, format: ExpositionFormat, statusSet: StatusSet) throws {
        try expectGolden(page(Snapshot(accounts: [busy()], statusSet: statusSet), format), file)
    }

    @Test func severalAccountsShareEachFamily() throws {
        try expectGolden(page(Snapshot(accounts: [busy("acme"), account("new"), busy("globex")])), "accounts.txt")
    }

    @Test func beforeTheFirstPollThereAreOnlyPollSeries() throws {
        try expectGolden(page(Snapshot(accounts: [account(nil)])), "unpolled.txt")
    }

    @Test func staleDataIsWithdrawn() throws {
        let snapshot = Snapshot(accounts: [busy()])
        #expect(page(snapshot, at: 243) == page(snapshot, at: 100))
        try expectGolden(page(snapshot, at: 243.5), "stale.txt")
        #expect(snapshot.changes(after: .seconds(100)) == .seconds(243))
        #expect(snapshot.changes(after: .seconds(243.5)) == nil)
    }

    @Test func anEmptyAccountHasCountsOfZero() {
        var state = account(nil)
        let now = Moment(unix: 1, uptime: .seconds(1))
        state.record(.success(InstanceList()), started: now, ended: now)
        let text = page(Snapshot(accounts: [state]))
        #expect(text.contains("hypersender_instances{status=\"WORKING\"} 0\n"))
        #expect(text.contains("hypersender_up 1\n"))
        #expect(!text.contains("hypersender_instance_"))
    }

    @Test func theExporterSaysWhatItIs() throws {
        var state = ExporterState(version: "1.2.3", revision: "abc", swiftVersion: "6.3", startTime: 1_748_254_000.25)
        state.requests = [
            .init(handler: "metrics", code: 503): 2, .init(handler: "metrics", code: 200): 1_000_000,
            .init(handler: "status", code: 200): 1,
        ]
        let usage = ProcessUsage(
            cpuSeconds: 1.25, residentBytes: 16_777_216, virtualBytes: 1_000_000, openFiles: 12, maxFiles: 1024,
            threads: 5)
        for (format, file) in [(ExpositionFormat.text, "exporter.txt"), (.openMetrics, "exporter.openmetrics")] {
            var writer = ExpositionWriter(format)
            state.write(to: &writer, usage: usage)
            writer.end()
            try expectGolden(String(decoding: writer.bytes, as: UTF8.self), file)
        }
    }

    @Test func everyFamilyIsNamedOnceAndExplained() {
        let families = Snapshot.families + ExporterState.families
        #expect(Set(families.map(\.name)).count == families.count)
        for family in families {
            #expect(family.name.hasPrefix("hypersender_") || family.name.hasPrefix("process_"))
            #expect(family.name.hasSuffix("_total") == (family.type == .counter), "\(family.name)")
            #expect(family.help.count > 10 && family.help.hasSuffix("."), "\(family.name)")
        }
    }

    @Test func theProcessIsMeasured() {
        let usage = ProcessUsage.current()
        #expect(usage.cpuSeconds > 0)
        #expect((usage.residentBytes ?? 0) > 1 << 20)
        #expect((usage.virtualBytes ?? 0) >= (usage.residentBytes ?? 0))
        #expect((usage.openFiles ?? 0) > 2)
        #expect((usage.threads ?? 0) >= 1)
    }

    /// Compares with a golden file. With `UPDATE_GOLDEN` set the file is written instead, to be looked at before it is committed.
    private func expectGolden(_ text: String, _ name: String) throws {
        let folder = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
        let url = URL(filePath: "\(folder)/Golden/\(name)")
        if ProcessInfo.processInfo.environment["UPDATE_GOLDEN"] != nil {
            try Data(text.utf8).write(to: url)
        }
        #expect(text == String(decoding: try Data(contentsOf: url), as: UTF8.self))
    }
}
