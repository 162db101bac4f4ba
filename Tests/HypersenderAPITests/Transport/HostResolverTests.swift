import Glibc
import Synchronization
import Testing

@testable import HypersenderAPI

struct HostResolverTests {
    /// Name servers that answer some names at once, and others when they are told to.
    private final class NameServers: Sendable {
        private struct State {
            var asked: [String] = []
            var isReleased = false
        }

        private let state = Mutex(State())

        var asked: [String] { state.withLock { $0.asked } }

        func release() {
            state.withLock { $0.isReleased = true }
        }

        @Sendable func lookUp(_ host: String) throws -> [String] {
            state.withLock { $0.asked.append(host) }
            while host.hasPrefix("hanging"), !state.withLock({ $0.isReleased }) {
                usleep(1000)
            }
            if host.hasSuffix("unknown") { throw HostNotResolved(host: host, reason: "it is unknown") }
            return ["192.0.2.1"]
        }

        func waitUntilAsked(_ count: Int) async throws {
            while asked.count < count {
                try await PollingLoop.shared.sleep(for: .milliseconds(1))
            }
        }
    }

    @Test func namesThatAreNotAnsweredDelayNoOther() async throws {
        let servers = NameServers()
        defer { servers.release() }
        let resolver = HostResolver(lookUp: servers.lookUp)
        let hanging = (0..<10).map { number in
            Task { try await resolver.addresses(of: "hanging\(number)") }
        }
        try await servers.waitUntilAsked(10)
        #expect(try await resolver.addresses(of: "api.test") == ["192.0.2.1"])
        servers.release()
        for task in hanging {
            #expect(try await task.value == ["192.0.2.1"])
        }
    }

    @Test func lookupsAreNotMoreThanThreadsThereMayBe() async throws {
        let servers = NameServers()
        defer { servers.release() }
        let resolver = HostResolver(lookUp: servers.lookUp)
        let hanging = (0..<HostResolver.maximumLookups).map { number in
            Task { try await resolver.addresses(of: "hanging\(number)") }
        }
        try await servers.waitUntilAsked(hanging.count)
        await #expect(throws: HostNotResolved.self) { try await resolver.addresses(of: "api.test") }
        servers.release()
        for task in hanging {
            #expect(try await task.value == ["192.0.2.1"])
        }
        #expect(try await resolver.addresses(of: "api.test") == ["192.0.2.1"])
    }

    @Test func aNameIsLookedUpOnceForAllWhoWait() async throws {
        let servers = NameServers()
        defer { servers.release() }
        let resolver = HostResolver(lookUp: servers.lookUp)
        let tasks = (0..<200).map { _ in
            Task { try await resolver.addresses(of: "hanging") }
        }
        try await servers.waitUntilAsked(1)
        // Those who give up do not end the lookup, and those who come later do not start another.
        for task in tasks[..<199] {
            task.cancel()
            let late = HostNotResolved(host: "hanging", reason: "there was no answer within the poll timeout")
            await #expect(throws: late) {
                try await task.value
            }
        }
        tasks[199].cancel()
        _ = await tasks[199].result
        let late = Task { try await resolver.addresses(of: "hanging") }
        #expect(try await resolver.addresses(of: "other") == ["192.0.2.1"])
        #expect(servers.asked == ["hanging", "other"])
        servers.release()
        #expect(try await late.value == ["192.0.2.1"])
    }

    @Test func aNameIsLookedUpAgainByThoseWhoAskLater() async throws {
        let servers = NameServers()
        let resolver = HostResolver(lookUp: servers.lookUp)
        for _ in 0..<2 {
            await #expect(throws: HostNotResolved(host: "unknown", reason: "it is unknown")) {
                try await resolver.addresses(of: "unknown")
            }
        }
        #expect(servers.asked == ["unknown", "unknown"])
    }

    @Test(arguments: ["127.0.0.1", "::1", "2001:db8::1"]) func anAddressStandsForItself(address: String) async throws {
        let servers = NameServers()
        #expect(try await HostResolver(lookUp: servers.lookUp).addresses(of: address) == [address])
        #expect(servers.asked.isEmpty)
    }

    @Test func theSystemKnowsTheMachineItself() async throws {
        let addresses = try await HostResolver.shared.addresses(of: "localhost")
        #expect(!addresses.isEmpty)
        #expect(Set(addresses).isSubset(of: ["127.0.0.1", "::1"]))
    }

    @Test func aLookupThatTakesTooLongIsNotTheAPIsFault() async throws {
        let servers = NameServers()
        defer { servers.release() }
        let resolver = HostResolver(lookUp: servers.lookUp)
        let error = await #expect(throws: HostNotResolved.self) {
            try await withDeadline(.milliseconds(1)) { try await resolver.addresses(of: "hanging") }
        }
        #expect(error.map { APIError(transport: $0).reason } == .dns)
    }

    @Test func addressesTakeTurns() {
        var order = AddressOrder()
        let mixed = ["2001:db8::1", "2001:db8::2", "192.0.2.1", "192.0.2.2"]
        #expect(order.sort(mixed) == ["2001:db8::1", "192.0.2.1", "2001:db8::2", "192.0.2.2"])
        #expect(order.sort(["192.0.2.1", "2001:db8::1"]) == ["192.0.2.1", "2001:db8::1"])
        #expect(order.sort([]) == [])
        order.record("2001:db8::1", isReachable: false)
        order.record("192.0.2.1", isReachable: false)
        #expect(order.sort(mixed) == ["2001:db8::2", "192.0.2.2", "2001:db8::1", "192.0.2.1"])
        order.record("2001:db8::1", isReachable: true)
        #expect(order.sort(mixed) == ["2001:db8::1", "192.0.2.2", "2001:db8::2", "192.0.2.1"])
        for number in 0..<5000 {
            order.record("other \(number)", isReachable: false)
        }
        #expect(order.sort(["192.0.2.1", "192.0.2.2"]) == ["192.0.2.1", "192.0.2.2"])
    }

    @Test(arguments: [
        (0, 1, 10.0, 10.0), (0, 2, 3, 1), (1, 2, 3, 3), (0, 2, 60, 2), (8, 9, 10, 10), (7, 9, 10, 1),
    ])
    func anAddressLeavesTimeForTheOthers(index: Int, count: Int, timeout: Double, part: Double) {
        #expect(AddressOrder.timeout(index: index, count: count, of: .seconds(timeout)) == .seconds(part))
    }
}
