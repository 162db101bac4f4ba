import Exposition
import HTTPServer
import Monitoring
import Synchronization

/// The part of the metrics page that changes once a poll, rendered and compressed once a poll.
///
/// There are four forms of it, by format and by compression. Those that scrapers have asked for lately are made when a poll ends, before
/// any scrape asks again; the others when they are first asked for.
final class MetricsPage: Sendable {
    /// A form that the page is served in.
    struct Form: Hashable {
        var format: ExpositionFormat
        var gzip: Bool
    }

    /// The page's cached part in one form.
    struct Rendered: Sendable {
        let page: SnapshotPage
        let accounts: Body
        let instances: Body

        /// Both parts, one after the other.
        var body: Body {
            accounts + instances
        }

        /// Set where the body is the beginning of a gzip file.
        var ending: GzipEnding? {
            page.ending
        }
    }

    private struct Cache {
        var rendered: [Form: Rendered] = [:]
        /// The uptime from which `rendered` is wrong although no poll has ended: some data is stale then.
        var validUntil: Duration?
        /// When each form was last asked for.
        var asked: [Form: Duration] = [:]

        func isOutdated(at uptime: Duration) -> Bool {
            validUntil.map { uptime > $0 } ?? false
        }
    }

    private let cache = Mutex(Cache())
    private let renderer = Renderer()
    private let refreshes = Atomic(0)
    private let snapshot: @Sendable () -> Snapshot
    private let time: any TimeSource

    /// What Prometheus asks for: made ahead while nobody asks for anything, so that the first scrape too finds the page ready.
    private static let usual = Form(format: .openMetrics, gzip: true)

    /// How long a form that nobody asks for is still made ahead.
    private static let interest = Duration.seconds(900)

    init(snapshot: @escaping @Sendable () -> Snapshot, time: any TimeSource) {
        self.time = time
        self.snapshot = snapshot
    }

    /// The page in a form, where it is there already; takes microseconds.
    func cached(_ form: Form) -> Rendered? {
        let now = time.now.uptime
        return cache.withLock { cache in
            cache.asked[form] = now
            return cache.isOutdated(at: now) ? nil : cache.rendered[form]
        }
    }

    /// Whether the page is there in a form. Unlike `cached` this asks for nothing.
    func isReady(_ form: Form) -> Bool {
        let now = time.now.uptime
        return cache.withLock { !$0.isOutdated(at: now) && $0.rendered[form] != nil }
    }

    /// The page in a form, made now where it is not there.
    func rendered(_ form: Form) async -> Rendered {
        await renderer.render {
            // Somebody else may have made it while this waited for its turn.
            if let rendered = self.cached(form) {
                return rendered
            }
            let now = self.time.now.uptime
            let snapshot = self.snapshot()
            let rendered = Self.render(snapshot, form, uptime: now, previous: nil)
            self.cache.withLock { cache in
                if cache.isOutdated(at: now) {
                    cache.rendered = [:]
                }
                cache.rendered[form] = rendered
                cache.validUntil = snapshot.changes(after: now)
            }
            return rendered
        }
    }

    /// Makes the page anew after a poll, in all forms that are in demand.
    ///
    /// Polls that end while a page is being made share the next one. Where many accounts are polled, pages are spaced so far apart that
    /// making them takes no more than a tenth of the time, but for no longer than a second.
    func refresh() async {
        let number = refreshes.add(1, ordering: .relaxed).newValue
        await renderer.refresh(number, time) {
            let made = self.refreshes.load(ordering: .relaxed)
            let now = self.time.now.uptime
            let snapshot = self.snapshot()
            let (wanted, before) = self.cache.withLock { cache in
                cache.asked = cache.asked.filter { now - $0.value < Self.interest }
                return (cache.asked.isEmpty ? [Self.usual] : Array(cache.asked.keys), cache.rendered)
            }
            let rendered = wanted.map { ($0, Self.render(snapshot, $0, uptime: now, previous: before[$0])) }
            self.cache.withLock { cache in
                cache.rendered = Dictionary(uniqueKeysWithValues: rendered)
                cache.validUntil = snapshot.changes(after: now)
            }
            return made
        }
    }

    private static func render(
        _ snapshot: Snapshot, _ form: Form, uptime: Duration, previous: Rendered?
    ) -> Rendered {
        let (page, accounts, instances) = SnapshotPage.write(
            snapshot, form.format, compressing: form.gzip, uptime: uptime, previous: previous?.page)
        let before = previous?.instances ?? .empty
        return before.withUnsafeBytes { earlier in
            func body(_ page: PiecedPage) -> Body {
                Body(count: page.count) { page.write(to: $0, from: earlier) }
            }
            return Rendered(page: page, accounts: body(accounts), instances: instances.map(body) ?? before)
        }
    }

    /// Makes pages one at a time: making them side by side would only cost memory.
    private actor Renderer {
        /// The number of the last refresh whose poll is in the page.
        private var latest = 0

        func render(_ work: @Sendable () -> Rendered) -> Rendered {
            work()
        }

        /// The uptime before which no page is made.
        private var earliest = Duration.zero

        /// - Parameter work: makes the page, and gives the number of the last refresh that it covers.
        func refresh(_ number: Int, _ time: any TimeSource, _ work: @Sendable () -> Int) async {
            if number > latest, time.now.uptime < earliest {
                // Ends early where the task is cancelled, which is at the shutdown.
                try? await time.sleep(untilUptime: earliest)
            }
            // Somebody else may have made it while this waited.
            guard number > latest else {
                return
            }
            let started = time.now.uptime
            latest = work()
            let ended = time.now.uptime
            earliest = ended + min((ended - started) * 9, .seconds(1))
        }
    }
}
