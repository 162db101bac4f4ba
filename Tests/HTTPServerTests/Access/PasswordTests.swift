import Basics
import NIOCore
import Synchronization
import Testing

@testable import HTTPServer

/// Hashes, credentials and checks of passwords.
@Suite struct PasswordTests {
    @Test(arguments: [
        // Of crypt_blowfish's own tests.
        ("U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", true),
        ("U*V", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", false),
        (
            "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789chars after 72 are ignored",
            "$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui", true
        ),
        ("secret", "$2a$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW", true),
        ("secret", "$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW", true),
        ("secret", "$2y$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW", true),
        ("Secret", "$2y$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW", false),
        ("", "$2y$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW", false),
        ("secret\0and more", "$2y$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW", false),
        ("pässword", "$2y$04$abcdefghijklmnopqrstuum174eFeoTj0DHmtuueFaS3Wde4P7wHG", true),
        (
            String(repeating: "x", count: 1000), "$2y$04$abcdefghijklmnopqrstuubzadhGtS2zEF.gu0yd0opP6cVzb.e0i", true
        ),
    ])
    func hashesAreCompared(password: String, text: String, isRight: Bool) throws {
        let hash = try #require(BcryptHash(text))
        #expect(hash.matches(Array(password.utf8)) == isRight)
    }

    @Test(arguments: [
        "", "secret", "$2y$04$short", "$2x$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW",
        "$2y$03$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW",
        "$2y$32$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW",
        "$2y$+4$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW",
        "$2y$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIr!",
        "$2y$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW\n",
        "$1$abcdefgh$abcdefghijklmnopqrstuv",
    ])
    func whatIsNoHashIsRefused(text: String) {
        #expect(BcryptHash(text) == nil)
    }

    @Test func aDummyCostsWhatItSays() throws {
        #expect(BcryptHash(decoyOfCost: 4).cost == 4)
        #expect(BcryptHash(decoyOfCost: 12).text.hasPrefix("$2b$12$") == true)
        // It is a hash that can be computed, so that it takes its time.
        #expect(BcryptHash(decoyOfCost: 4).matches([]) == false)
    }

    @Test(
        arguments: [
            ("Basic YTpi", "a", "b"), ("basic YTpi", "a", "b"), ("BASIC YTo=", "a", ""), ("Basic OmI=", "", "b"),
            ("Basic Og==", "", ""), ("Basic YTpiOmM=", "a", "b:c"), ("Basic w6Q6w7Y=", "ä", "ö"), ("Basic ", nil, nil),
            ("Basic", nil, nil), ("Bearer YTpi", nil, nil), ("BasicYTpi", nil, nil), ("Basic  YTpi", nil, nil),
            ("Basic YTp", nil, nil), ("Basic YTpi=", nil, nil), ("Basic Y===", nil, nil), ("Basic YWI=", nil, nil),
            ("Basic YT-_", nil, nil), ("Basic YTpi, Basic YTpi", nil, nil),
        ] as [(String, String?, String?)])
    func credentialsAreRead(field: String, user: String?, password: String?) {
        let expected = password.map { Credentials(user: user, password: Array($0.utf8)) }
        #expect(Credentials(authorization: field) == expected)
    }

    @Test func aNameThatIsNotUTF8IsNobodys() {
        // 0xff, a colon and a "b".
        #expect(Credentials(authorization: "Basic /zpi") == Credentials(user: nil, password: Array("b".utf8)))
    }

    @Test(arguments: [(1, 1), (2, 1), (3, 1), (4, 2), (16, 8)])
    func checksTakeHalfOfTheProcessorsAndTheirQueueIsBounded(processors: Int, concurrency: Int) async throws {
        let hash = BcryptHash(decoyOfCost: 4)
        let began = Signal()
        let mayEnd = Signal()
        let checks = PasswordChecker(capacity: 3, processors: processors) { password, _ in
            began.fire()
            await mayEnd.wait()
            return (password == [1], .zero)
        }
        await withTaskGroup(of: PasswordChecker.Outcome.self) { group in
            for _ in 0..<concurrency + 8 {
                group.addTask { await checks.check([1], hash, for: Client()) }
            }
            // Some run, three wait, and the other five are turned away at once.
            var results: [PasswordChecker.Outcome] = []
            for _ in 0..<5 {
                results.append(await group.next() ?? .right)
            }
            #expect(results == [.busy, .busy, .busy, .busy, .busy])
            await began.wait(count: concurrency)
            #expect(began.count == concurrency)
            mayEnd.fire()
            for await result in group {
                #expect(result == .right)
            }
        }
        let wrong = await checks.check([2], hash, for: Client())
        #expect(wrong == .wrong)
    }

    @Test func theOnlyProcessorRestsAsLongAsItHasWorked() async throws {
        let hash = BcryptHash(decoyOfCost: 4)
        let slept = Mutex<[Duration]>([])
        let (hasRested, began) = (Signal(), Signal())
        let checks = PasswordChecker(processors: 1) { _, _ in
            began.fire()
            return (true, .milliseconds(40))
        } sleep: { time in
            slept.withLock { $0.append(time) }
            await hasRested.wait()
        }
        let first = await checks.check([1], hash, for: Client())
        #expect(first == .right, "who is right need not wait for the rest")
        async let second = checks.check([1], hash, for: Client())
        for _ in 0..<100 {
            await Task.yield()
        }
        #expect(began.count == 1)
        hasRested.fire()
        #expect(await second == .right)
        #expect(slept.withLock { $0.first } == .milliseconds(40))
    }

    /// The answers to wrong passwords take twice the time that all requests of the client would need.
    @Test func wrongPasswordsAreAnsweredLate() async throws {
        let hash = BcryptHash(decoyOfCost: 4)
        let delays = Mutex<[Duration]>([])
        let (mayEnd, held) = (Signal(), Signal())
        let checks = PasswordChecker(capacity: 4, processors: 4) { password, _ in
            (password == [1], .milliseconds(10))
        } sleep: { time in
            delays.withLock { $0.append(time) }
            held.fire()
            await mayEnd.wait()
        }
        let (flood, other) = (try client("127.0.0.1"), try client("127.0.0.2"))
        await withTaskGroup(of: PasswordChecker.Outcome.self) { group in
            for number in 1...3 {
                group.addTask { await checks.check([2], hash, for: flood) }
                await held.wait(count: number)
            }
            let right = await checks.check([1], hash, for: flood)
            #expect(right == .right)
            group.addTask { await checks.check([2], hash, for: other) }
            await held.wait(count: 4)
            // As many are held back as may be.
            let beyond = await checks.check([2], hash, for: other)
            #expect(beyond == .wrong)
            mayEnd.fire()
            for await result in group {
                #expect(result == .wrong)
            }
        }
        #expect(delays.withLock { $0 } == [10, 20, 30, 10].map { .milliseconds($0) })
    }

    @Test func aShutdownLetsOutWhatIsHeldBack() async throws {
        let hash = BcryptHash(decoyOfCost: 4)
        let held = Signal()
        let checks = PasswordChecker { _, _ in
            (false, .seconds(1000))
        } sleep: { time in
            held.fire()
            try? await Task.sleep(for: time)
        }
        async let wrong = checks.check([2], hash, for: Client())
        await held.wait()
        await checks.endDelays()
        #expect(await wrong == .wrong)
        let next = await checks.check([2], hash, for: Client())
        #expect(next == .wrong)
        #expect(held.count == 1)
    }

    @Test func aFloodOfOneClientDelaysNoOther() async throws {
        let hash = BcryptHash(decoyOfCost: 4)
        let began = Signal()
        let mayEnd = Signal()
        let order = Mutex<[[UInt8]]>([])
        let checks = PasswordChecker(capacity: 4, processors: 4) { password, _ in
            order.withLock { $0.append(password) }
            began.fire()
            await mayEnd.wait()
            return (true, .zero)
        }
        let (flood, other) = (try client("127.0.0.1"), try client("127.0.0.2"))
        await withTaskGroup(of: PasswordChecker.Outcome.self) { group in
            for _ in 0..<7 {
                group.addTask { await checks.check([1], hash, for: flood) }
            }
            // Two run, four wait, and one is turned away at once.
            let surplus = await group.next()
            #expect(surplus == .busy)
            await began.wait(count: 2)
            group.addTask { await checks.check([2], hash, for: other) }
            // One of the long line makes room.
            let last = await group.next()
            #expect(last == .busy)
            mayEnd.fire()
            await group.waitForAll()
        }
        // Of the first two that go on, either may be seen first.
        let places = order.withLock { $0 }
        #expect(places.count == 6 && places.filter { $0 == [2] }.count == 1 && places[2...3].contains([2]), "\(places)")
    }

    private func client(_ address: String) throws -> Client {
        Client(address: ClientAddress(try SocketAddress(ipAddress: address, port: 1)))
    }

    @Test(arguments: [
        ("127.0.0.1", "::ffff:127.0.0.1", true), ("127.0.0.1", "127.0.0.2", false),
        ("2001:db8::1", "2001:db8::ffff:0:0:2", true), ("2001:db8::1", "2001:db8:0:1::1", false),
        ("::1", "127.0.0.1", false),
    ])
    func clientsAreToldApart(one: String, other: String, areSame: Bool) throws {
        #expect(try (client(one).address == client(other).address) == areSame)
    }

    /// Each step is `+` and a client to come, answered by who is turned away, or `-` for a turn, answered by whose it is.
    /// Of a client in capitals it is known that it has left.
    @Test(arguments: [
        (9, "+a +a +b - - - -", "a1 b2 a0"), (9, "+a +a +a +a - - - -", "a3 a0 a2 a1"),
        (9, "+a +a - +a +a - - +a -", "a1 a0 a4 a3"), (9, "+a +a +b +b - - - -", "a1 b3 a0 b2"),
        (3, "+a +a +a +a - - -", "a0 a3 a1 a2"), (3, "+a +a +a +b -", "a0 a2"), (2, "+a +b +b +c", "b1 a0"),
        (4, "+a +a +a +b +c - - - -", "a0 a2 b3 c4 a1"), (9, "+A +a +A +a +A - - - - -", "a3 a1 A0 A2 A4"),
        (3, "+a +A +a +a - - -", "A1 a3 a0 a2"), (9, "+A -", "A0"), (9, "-", ""),
    ])
    func linesAreServedInTurn(capacity: Int, steps: String, results: String) throws {
        let addresses = [
            "a": try client("192.0.2.1"), "b": try client("192.0.2.2"), "c": try client("192.0.2.3"),
        ]
        var queue = FairQueue<String>(capacity: capacity) { $0.lowercased() == $0 }
        var found: [String] = []
        for (number, step) in steps.split(separator: " ").enumerated() {
            let name = String(step.dropFirst())
            if let client = addresses[name.lowercased()] {
                found += queue.append("\(name)\(number)", of: client.address).map { [$0] } ?? []
            } else {
                found += queue.popFirst().map { [$0] } ?? []
            }
        }
        #expect(found == results.split(separator: " ").map(String.init))
    }

    @Test func onlySoManyPasswordsAreKept() throws {
        let hash = BcryptHash(decoyOfCost: 4)
        let known = VerifiedCredentials()
        let all = (0...VerifiedCredentials.capacity).map { Credentials(user: "user\($0)", password: [1]) }
        for credentials in all {
            known.insert(credentials, hash)
        }
        #expect(!known.contains(all[0], hash))
        #expect(all.dropFirst().allSatisfy { known.contains($0, hash) })
        #expect(!known.contains(Credentials(user: "user1", password: [2]), hash))
        let other = BcryptHash(decoyOfCost: 5)
        #expect(!known.contains(all[1], other))
    }
}
