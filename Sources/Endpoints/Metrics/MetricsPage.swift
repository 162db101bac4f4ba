import Exposition
import HTTPServer
import Monitoring
import Synchronization

/// The part of the metrics page that changes once a poll, rendered and compressed once a poll.
///
/// There are four forms of it, by format and by compression. The compressed page of each format that scrapers have
/// asked for lately is made when a poll ends, before any scrape asks again; the others when they are first asked for.
/// Plain pages, which Prometheus does not ask for, are inflated from the compressed ones: large ones, such as those of
/// 100,000 instances (170 MB), in parts while they are sent; of the others, one is kept. `InstanceGroup` tells how a
/// page is made, and why a poll costs only what it changes.
final class MetricsPage: Sendable {
    /// A form that the page is served in.
    struct Form: Hashable {
        var format: ExpositionFormat
        var gzip: Bool
    }

    /// The page in one form.
    struct Rendered: Sendable {
        let body: Body
        /// The trailer of the gzip file that the body begins; `nil` if the page is plain.
        let trailer: GzipTrailer?
    }

    /// The page in one format. Its second part stays the same while the instances do.
    struct Page: Sendable {
        private let accounts: SegmentedBody
        private let instances: SegmentedBody
        private let groups: [InstanceGroup]
        let compressed: Rendered
        fileprivate(set) var plain: (page: Rendered, instances: Body)?

        /// The maximum number of bytes of instances that stand in memory plain.
        private static let plainBytes = 32 << 20

        /// Renders a snapshot at a time.
        ///
        /// - Parameters:
        ///   - groups: the instances that it shows at that time.
        ///   - previous: an earlier page of the same format.
        init(
            _ snapshot: Snapshot, _ groups: [InstanceGroup], _ format: ExpositionFormat, uptime: Duration,
            previous: Page?
        ) {
            let compressor = SegmentCompressor()
            accounts = SegmentedBody([.gzipHeader, snapshot.accountSegment(format, compressor, uptime: uptime)])
            snapshot.forgetStale(format, uptime: uptime)
            self.groups = groups
            let same = previous.flatMap { $0.groups.elementsEqual(groups, by: ===) ? $0 : nil }
            instances = same?.instances ?? Snapshot.instances(of: groups, format, compressor)
            compressed = Rendered(
                body: Body(accounts.buffer) + Body(instances.buffer),
                trailer: accounts.trailer.followed(by: instances.trailer))
            plain = same?.plain
            if plain != nil { makePlain() }
        }

        /// Makes the plain page, from what is left of an earlier one if its instances are the same.
        @discardableResult
        fileprivate mutating func makePlain() -> Rendered {
            let instances =
                plain?.instances
                ?? (instances.textCount <= Self.plainBytes
                    ? Body(instances.text)
                    : Body(
                        parts: instances.segments.map { segment in .init(count: segment.textCount) { segment.text } }))
            let page = Rendered(body: Body(accounts.text) + instances, trailer: nil)
            plain = (page, instances)
            return page
        }
    }

    struct Cache {
        fileprivate var pages: [ExpositionFormat: Page] = [:]
        /// The uptime after which `pages` are wrong without another poll: some data is stale then.
        fileprivate var validUntil: Duration?
        /// The uptime at which each form was last asked for.
        fileprivate var asked: [Form: Duration] = [:]

        fileprivate func isOutdated(at uptime: Duration) -> Bool { validUntil.map { uptime > $0 } ?? false }

        /// Returns the page in a form if it is there and right.
        func rendered(_ form: Form, at uptime: Duration) -> Rendered? {
            guard !isOutdated(at: uptime), let page = pages[form.format] else { return nil }
            return form.gzip ? page.compressed : page.plain?.page
        }
    }

    let cache = Mutex(Cache())
    private let renderer = Renderer()
    private let refreshes = Atomic(0)
    private let snapshot: @Sendable () -> Snapshot
    private let time: any TimeSource

    /// The format that Prometheus asks for. It is made even if nobody has asked yet, so that the first scrape is quick.
    private static let usual = ExpositionFormat.openMetrics

    /// The time for which a format is still made after it was last asked for.
    private static let interest = Duration.seconds(900)

    init(snapshot: @escaping @Sendable () -> Snapshot, time: any TimeSource) {
        self.time = time
        self.snapshot = snapshot
    }

    /// Returns the page in a form if it is there already; takes microseconds.
    func cached(_ form: Form) -> Rendered? {
        let now = time.now.uptime
        return cache.withLock { cache in
            cache.asked[form] = now
            return cache.rendered(form, at: now)
        }
    }

    /// Returns the page in a form, made now if it is not there.
    func rendered(_ form: Form) async -> Rendered {
        await renderer.render {
            // Another scrape may have made it while this one waited for its turn.
            if let rendered = self.cached(form) { return rendered }
            let now = self.time.now.uptime
            let known = self.cache.withLock { cache in
                if cache.isOutdated(at: now) { cache.pages = [:] }
                if !form.gzip { ExpositionFormat.allCases.forEach { cache.pages[$0]?.plain = nil } }
                return cache.pages[form.format]
            }
            var page = known ?? self.firstPage(form.format, at: now)
            let rendered = form.gzip ? page.compressed : page.makePlain()
            self.cache.withLock { $0.pages[form.format] = page }
            return rendered
        }
    }

    /// Makes the page in a format that was not asked for lately, or of which some data has become stale.
    private func firstPage(_ format: ExpositionFormat, at now: Duration) -> Page {
        let snapshot = self.snapshot()
        cache.withLock { $0.validUntil = snapshot.changes(after: now) }
        return Page(snapshot, snapshot.groups(uptime: now), format, uptime: now, previous: nil)
    }

    /// Makes the page after a poll, in all forms that are in demand.
    ///
    /// Polls that end while a page is being made share the next one. If many accounts are polled, pages are spaced so
    /// far apart that making them takes no more than a tenth of the time, but by no longer than five seconds.
    ///
    /// - Returns: Whether this call has made a page.
    @discardableResult
    func refresh() async -> Bool {
        let number = refreshes.add(1, ordering: .relaxed).newValue
        return await renderer.refresh(number, time) {
            let made = self.refreshes.load(ordering: .relaxed)
            let now = self.time.now.uptime
            let snapshot = self.snapshot()
            let (formats, before) = self.cache.withLock { cache in
                cache.asked = cache.asked.filter { now - $0.value < Self.interest }
                for format in ExpositionFormat.allCases where cache.asked[Form(format: format, gzip: false)] == nil {
                    cache.pages[format]?.plain = nil
                }
                let formats = Set(cache.asked.keys.map(\.format))
                return (formats.isEmpty ? [Self.usual] : formats, cache.pages)
            }
            for format in before.keys where !formats.contains(format) {
                snapshot.forget(format)
            }
            let groups = snapshot.groups(uptime: now)
            let pages = formats.map { ($0, Page(snapshot, groups, $0, uptime: now, previous: before[$0])) }
            self.cache.withLock { cache in
                cache.pages = Dictionary(uniqueKeysWithValues: pages)
                cache.validUntil = snapshot.changes(after: now)
            }
            return made
        }
    }

    /// Makes pages one at a time: making them side by side would only cost memory.
    private actor Renderer {
        /// The number of the last refresh whose poll is in the page.
        private var latest = 0
        /// The uptime before which no page is made.
        private var earliest = Duration.zero

        func render(_ work: @Sendable () -> Rendered) -> Rendered { work() }

        /// Calls `work`, unless another refresh has covered this one meanwhile.
        ///
        /// - Parameter work: makes the page, and returns the number of the last refresh that it covers.
        /// - Returns: Whether `work` was called.
        func refresh(_ number: Int, _ time: any TimeSource, _ work: @Sendable () -> Int) async -> Bool {
            if number > latest, time.now.uptime < earliest {
                // Ends early if the task is cancelled, which is at the shutdown.
                try? await time.sleep(untilUptime: earliest)
            }
            guard number > latest else { return false }
            let started = time.now.uptime
            latest = work()
            let ended = time.now.uptime
            earliest = ended + min((ended - started) * 9, .seconds(5))
            return true
        }
    }
}
