import Exposition
import FoundationEssentials
import NIOCore
import Synchronization
import Testing

@testable import HypersenderAPI
@testable import Monitoring

/// Whole pages, compared with files beside these tests.
struct SnapshotTests {
    func page(_ snapshot: Snapshot, _ format: ExpositionFormat = .text, at seconds: Double = 100) -> String {
        var end = ExpositionWriter(format)
        end.end()
        let compressor = SegmentCompressor()
        let accounts = snapshot.accountSegment(format, compressor, uptime: .seconds(seconds))
        let instances = Snapshot.instances(of: snapshot.groups(uptime: .seconds(seconds)), format, compressor)
        return String(buffer: accounts.text) + String(buffer: instances.text)
            + String(decoding: end.bytes, as: UTF8.self)
    }

    private func account(_ name: String?, _ statusSet: StatusSet = .all) -> AccountState {
        AccountState(
            AccountOptions(name: name, interval: .seconds(60), staleAfter: .seconds(180), statusSet: statusSet))
    }

    /// An account with some of everything, polled three times.
    func busy(_ name: String? = nil, _ statusSet: StatusSet = .all) -> AccountState {
        var state = account(name, statusSet)
        func moment(_ seconds: Double) -> Moment {
            Moment(unix: 1_748_254_000 + seconds, uptime: .seconds(seconds))
        }
        func list(_ first: InstanceStatus) -> InstanceList {
            var list = InstanceList(
                instances: [
                    Instance(
                        id: "fa3d01c4-1234-4c0d-a12f-df319b612f8c", name: "MyInstanceName", status: first,
                        details: .init(phone: "+201234567890", hasAccessToken: true, createdAt: 1_748_254_365)),
                    Instance(
                        id: "c9a1dd76-5678-4f9d-9012-a5b78de100c3", name: "Second \"Instance\"\\\n😀",
                        status: .unknown, details: .init(hasAccessToken: false, createdAt: 1_748_187_022.5)),
                    Instance(id: "b", name: "", status: .scanQRCode, details: .init(serviceType: "")),
                ], bytes: 1_234_567, rateLimit: RateLimit(limit: 60, remaining: 58))
            list.duplicates = 1
            list.withoutStatus = 1
            list.withoutID = 1
            list.unknownStatuses = ["BANNED"]
            return list
        }
        state.record(.success(.list(list(.starting))), started: moment(1), ended: moment(1.5))
        state.record(
            .failure(APIError(.rateLimited, "slow down")), started: moment(31), ended: moment(31.0625))
        state.record(.success(.list(list(.working))), started: moment(61), ended: moment(63))
        return state
    }

    @Test(arguments: [
        ("busy.txt", ExpositionFormat.text, StatusSet.all), ("busy.openmetrics", .openMetrics, .all),
        ("busy-current.txt", .text, .current),
    ])
    func aBusyAccount(file: String, format: ExpositionFormat, statusSet: StatusSet) throws {
        try expectGolden(page(Snapshot(accounts: [busy(nil, statusSet)]), format), file)
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

    /// A page that is withdrawn stays in memory no longer than it is shown.
    @Test func withdrawnDataKeepsNoPage() throws {
        let snapshot = Snapshot(accounts: [busy()])
        let texts = snapshot.accounts[0].groups.flatMap(\.texts)
        func kept() -> Int { texts.count { text in text.kept.withLock { $0[.text] != nil } } }
        let compressor = SegmentCompressor()
        _ = Snapshot.instances(of: snapshot.groups(uptime: .seconds(100)), .text, compressor)
        snapshot.forgetStale(.text, uptime: .seconds(243))
        #expect(kept() == texts.count)
        snapshot.forgetStale(.text, uptime: .seconds(243.5))
        #expect(kept() == 0)
    }

    /// However accounts change from poll to poll, the page of groups that keep their text is that of new groups.
    @Test(arguments: [ExpositionFormat.text, .openMetrics], [StatusSet.all, .current])
    func keptTextIsThatOfThePresentInstances(format: ExpositionFormat, statusSet: StatusSet) throws {
        var generator = Generator()
        var states = ["large", "small", "late"].map { account($0, statusSet) }
        let compressor = SegmentCompressor()
        var (keptGroups, keptTexts) = (0, 0)
        for poll in 1...60 {
            let time = Moment(unix: 1_748_254_000 + Double(poll * 30 - poll / 20 * 500), uptime: .seconds(poll * 30))
            for (index, size) in [200, 3, 70].enumerated() where generator.next() % 4 > 0 && (index < 2 || poll > 30) {
                let before = states[index].groups
                let list = generator.list(upTo: size, seed: UInt64(index), poll: poll)
                states[index].record(.success(.list(list)), started: time, ended: time)
                for group in states[index].groups {
                    keptGroups += before.count { $0 === group }
                    keptTexts += group.texts.count { text in before.contains { $0.texts.contains { $0 === text } } }
                }
            }
            let groups = Snapshot(accounts: states).groups(uptime: time.uptime)
            let new = states.filter { $0.isFresh(at: time.uptime) }.flatMap { state in
                stride(from: 0, to: state.instances.count, by: InstanceGroup.size).map {
                    InstanceGroup(
                        Array(state.instances[$0...].prefix(InstanceGroup.size)), state.labels,
                        statusSet == .all ? .all : .current)
                }
            }
            let kept = Snapshot.instances(of: groups, format, compressor)
            let text = Snapshot.instances(of: new, format, compressor).text
            #expect(try inflated(kept) == Array(text.readableBytesView) && kept.text == text)
            if poll % 16 == 0 {
                Snapshot(accounts: states).forget(format)
            }
        }
        #expect(keptGroups > 50 && keptTexts > 200)
    }

    /// Returns the text of compressed segments.
    private func inflated(_ segments: SegmentedBody) throws -> [UInt8] {
        let inflater = try Inflater()
        let header = SegmentedBody([.gzipHeader]).bytes
        var file = ByteBuffer(bytes: header + segments.bytes + segments.trailer.completion(storing: []))
        var text: [UInt8] = []
        while try inflater.inflate(&file, to: &text) {}
        #expect(inflater.isComplete)
        return text
    }

    /// Random lists, the same in each run.
    private struct Generator: RandomNumberGenerator {
        private var state: UInt64 = 42

        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state >> 33
        }

        /// Most instances stay as they are; few change their status or their name, come or go.
        mutating func list(upTo size: Int, seed: UInt64, poll: Int) -> InstanceList {
            let present = (0..<size).filter { $0 % 50 > 0 || (poll / 10 + $0) % 3 > 0 }
            return InstanceList(
                instances: present.shuffled(using: &self).map { number in
                    let status = number % 40 == 1 ? InstanceStatus.allCases[Int(next() % 7)] : .working
                    return Instance(
                        id: "\(number * 7919 % 1000)", name: number % 90 == 2 ? "name \(next() % 3)" : "name",
                        status: status, details: .init(createdAt: number < 100 ? 1_748_254_365 : nil))
                })
        }
    }

    @Test func anEmptyAccountHasCountsOfZero() {
        var state = account(nil)
        let now = Moment(unix: 1, uptime: .seconds(1))
        state.record(.success(.list(InstanceList())), started: now, ended: now)
        let text = page(Snapshot(accounts: [state]))
        #expect(text.contains("hypersender_instances{status=\"WORKING\"} 0\n"))
        #expect(text.contains("hypersender_up 1\n"))
        #expect(!text.contains("hypersender_instance_"))
    }

    func exporterPage(_ format: ExpositionFormat = .text) -> String {
        var state = ExporterState(
            version: "1.2.3", revision: "abc", swiftVersion: "6.3", startTime: 1_748_254_000.25)
        state.shard = 1
        state.shards = 3
        state.configurationHash = 0xFFFF_FFFF_FFFF
        state.requests = [
            .init(handler: "metrics", code: 503): 2, .init(handler: "metrics", code: 200): 1_000_000,
            .init(handler: "status", code: 200): 1,
        ]
        let usage = ProcessUsage(
            cpuSeconds: 1.25, residentBytes: 16_777_216, virtualBytes: 1_000_000, openFiles: 12, maxFiles: 1024,
            threads: 5)
        var writer = ExpositionWriter(format)
        state.write(to: &writer, usage: usage)
        writer.end()
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    @Test(arguments: [("exporter.txt", ExpositionFormat.text), ("exporter.openmetrics", .openMetrics)])
    func theExporterSaysWhatItIs(file: String, format: ExpositionFormat) throws {
        try expectGolden(exporterPage(format), file)
    }

    @Test func everyFamilyIsNamedOnceAndExplained() {
        let families = MetricFamily.all
        #expect(Set(families.map(\.name)).count == families.count)
        for family in families {
            #expect(family.name.hasPrefix("hypersender_") || family.name.hasPrefix("process_"))
            #expect(family.name.hasSuffix("_total") == (family.type == .counter), "\(family.name)")
            #expect(family.help.count > 10 && family.help.hasSuffix("."), "\(family.name)")
        }
    }

    /// A series has the labels of its family and the account's; `phone` only if it is known.
    @Test func seriesHaveTheLabelsOfTheirFamily() throws {
        let page = page(Snapshot(accounts: [busy("acme")])) + exporterPage()
        for family in MetricFamily.all {
            let lines = page.split(separator: "\n").filter { $0.hasPrefix(family.name + "{") }
            for line in lines {
                let names = line.matches(of: /[{,]([a-z_]+)="/).map { String($0.output.1) }.filter { $0 != "account" }
                #expect(names == family.labels || names == family.labels.filter { $0 != "phone" }, "\(line)")
            }
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
        let url = top.appending(path: "MonitoringTests/Golden/\(name)")
        if ProcessInfo.processInfo.environment["UPDATE_GOLDEN"] != nil {
            try Data(text.utf8).write(to: url)
        }
        let isGolden = text == String(decoding: try Data(contentsOf: url), as: UTF8.self)
        #expect(isGolden, "\(name) differs. UPDATE_GOLDEN=1 swift test writes it anew.")
    }

    /// The folder of all tests.
    private let top = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
}

extension SegmentedBody {
    fileprivate var bytes: [UInt8] { Array(buffer.readableBytesView) }
}
