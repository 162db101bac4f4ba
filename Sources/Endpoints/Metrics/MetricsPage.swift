import Exposition
import HTTPServer
import Monitoring
import Synchronization

/// The part of the metrics page that changes once a poll, rendered and compressed once a poll.
///
/// There are four forms of it, by format and by compression. Compressed ones that scrapers have asked for lately are
/// made when a poll ends, before any scrape asks again; the others when they are first asked for. Plain pages are
/// large, 170 MB for 100,000 instances, and Prometheus does not ask for them: memory never holds two of them, except
/// those that are being sent. How a form is made, and why a poll costs only what it changes, is told at
/// `InstanceGroup`.
final class MetricsPage: Sendable {
    /// A form that the page is served in.
    struct Form: Hashable {
        var format: ExpositionFormat
        var gzip: Bool
    }

    /// The page in one form.
    struct Rendered: Sendable {
        private let accounts: Body
        private let instances: Body
        /// The instances that the page shows; while they stay the same, so does that part of the page.
        private let groups: [InstanceGroup]
        private let instancesTrailer: GzipTrailer?
        /// The trailer of the gzip file that the body begins; `nil` if the page is plain.
        let trailer: GzipTrailer?

        /// Both parts, one after the other.
        var body: Body { accounts + instances }

        /// Renders a snapshot at a time.
        ///
        /// - Parameters:
        ///   - groups: the instances that it shows at that time.
        ///   - previous: an earlier page of the same form.
        init(_ snapshot: Snapshot, _ groups: [InstanceGroup], _ form: Form, uptime: Duration, previous: Rendered?) {
            // Without the memory to compress, the page is plain.
            let compressor = form.gzip ? SegmentCompressor() : nil
            let accounts = SegmentedBody(
                (compressor == nil ? [] : [.gzipHeader])
                    + [snapshot.accountSegment(form.format, compressor, uptime: uptime)])
            self.accounts = Body(accounts.buffer)
            self.groups = groups
            snapshot.forgetStale(form.format, uptime: uptime)
            if let previous, (previous.trailer == nil) == (compressor == nil), previous.shows(groups) {
                instances = previous.instances
                instancesTrailer = previous.instancesTrailer
            } else if let compressor {
                let instances = Snapshot.instances(of: groups, form.format, compressor)
                self.instances = Body(instances.buffer)
                instancesTrailer = instances.trailer
            } else {
                let families = Snapshot.plainInstances(of: groups, form.format)
                // A small page is sent faster from one buffer; a large one must not stand in memory twice.
                instances =
                    families.reduce(0) { $0 + $1.count } < 1 << 20
                    ? Body(SegmentedBody(families).buffer) : Body(segments: families.map(\.bytes))
                instancesTrailer = nil
            }
            trailer = instancesTrailer.map { accounts.trailer.followed(by: $0) }
        }

        fileprivate func shows(_ groups: [InstanceGroup]) -> Bool {
            self.groups.elementsEqual(groups, by: { $0 === $1 })
        }
    }

    struct Cache {
        fileprivate(set) var rendered: [Form: Rendered] = [:]
        /// The uptime after which `rendered` is wrong without another poll: some data is stale then.
        fileprivate var validUntil: Duration?
        /// The uptime at which each form was last asked for.
        fileprivate var asked: [Form: Duration] = [:]

        func isOutdated(at uptime: Duration) -> Bool {
            validUntil.map { uptime > $0 } ?? false
        }
    }

    let cache = Mutex(Cache())
    private let renderer = Renderer()
    private let refreshes = Atomic(0)
    private let snapshot: @Sendable () -> Snapshot
    private let time: any TimeSource

    /// The form that Prometheus asks for. It is made while nobody asks for anything, so that the first scrape is quick.
    private static let usual = Form(format: .openMetrics, gzip: true)

    /// The time for which a form is still made after it was last asked for.
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
            return cache.isOutdated(at: now) ? nil : cache.rendered[form]
        }
    }

    /// Returns the page in a form, made now if it is not there.
    func rendered(_ form: Form) async -> Rendered {
        await renderer.render {
            // Another scrape may have made it while this one waited for its turn.
            if let rendered = self.cached(form) { return rendered }
            let now = self.time.now.uptime
            let snapshot = self.snapshot()
            self.cache.withLock { cache in
                let isOutdated = cache.isOutdated(at: now)
                cache.rendered = cache.rendered.filter { !isOutdated && (form.gzip || $0.key.gzip) }
            }
            let rendered = Rendered(snapshot, snapshot.groups(uptime: now), form, uptime: now, previous: nil)
            self.cache.withLock { cache in
                cache.rendered[form] = rendered
                cache.validUntil = snapshot.changes(after: now)
            }
            return rendered
        }
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
            let (wanted, before) = self.cache.withLock { cache in
                cache.asked = cache.asked.filter { now - $0.value < Self.interest }
                return (cache.asked.isEmpty ? [Self.usual] : Array(cache.asked.keys), cache.rendered)
            }
            for form in before.keys where form.gzip && !wanted.contains(form) {
                snapshot.forget(form.format)
            }
            let groups = snapshot.groups(uptime: now)
            let rendered = wanted.filter { $0.gzip || before[$0]?.shows(groups) ?? false }
                .map { ($0, Rendered(snapshot, groups, $0, uptime: now, previous: before[$0])) }
            self.cache.withLock { cache in
                cache.rendered = Dictionary(uniqueKeysWithValues: rendered)
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
