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
        var body: Body
        /// Set where the body is the beginning of a gzip file.
        var ending: GzipEnding?
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
    private let renderer: Renderer
    private let time: any TimeSource

    /// How long a form that nobody asks for is still made ahead.
    private static let interest = Duration.seconds(900)

    init(snapshot: @escaping @Sendable () -> Snapshot, time: any TimeSource) {
        self.time = time
        // What Prometheus asks for, so that its first scrape too finds the page ready.
        let usual = Form(format: .openMetrics, gzip: true)
        cache.withLock { $0.asked[usual] = time.now.uptime }
        renderer = Renderer(snapshot: snapshot)
    }

    /// The page in a form, where it is there already; takes microseconds.
    func cached(_ form: Form) -> Rendered? {
        let now = time.now.uptime
        return cache.withLock { cache in
            cache.asked[form] = now
            return cache.isOutdated(at: now) ? nil : cache.rendered[form]
        }
    }

    /// The page in a form, made now where it is not there.
    func rendered(_ form: Form) async -> Rendered {
        await renderer.render { snapshot in
            // Somebody else may have made it while this waited for its turn.
            if let rendered = self.cached(form) {
                return rendered
            }
            let now = self.time.now.uptime
            let snapshot = snapshot()
            let rendered = Self.render(snapshot, form, uptime: now)
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
    func refresh() async {
        await renderer.refresh { snapshot in
            let now = self.time.now.uptime
            let wanted = self.cache.withLock { cache in
                cache.asked = cache.asked.filter { now - $0.value < Self.interest }
                return Array(cache.asked.keys)
            }
            let rendered = wanted.map { ($0, Self.render(snapshot, $0, uptime: now)) }
            self.cache.withLock { cache in
                cache.rendered = Dictionary(uniqueKeysWithValues: rendered)
                cache.validUntil = snapshot.changes(after: now)
            }
        }
    }

    private static func render(_ snapshot: Snapshot, _ form: Form, uptime: Duration) -> Rendered {
        var writer = ExpositionWriter(form.format)
        snapshot.write(to: &writer, uptime: uptime)
        // Without the memory to compress, the page is sent as it is, and its header fields say so.
        if form.gzip, let head = GzipHead(writer.bytes) {
            return Rendered(body: Body(head.bytes), ending: head.ending)
        }
        return Rendered(body: Body(writer.bytes))
    }

    /// Makes pages one at a time: making them side by side would only cost memory.
    private actor Renderer {
        private let snapshot: @Sendable () -> Snapshot

        init(snapshot: @escaping @Sendable () -> Snapshot) {
            self.snapshot = snapshot
        }

        func render(_ work: @Sendable (() -> Snapshot) -> Rendered) -> Rendered {
            work(snapshot)
        }

        func refresh(_ work: @Sendable (Snapshot) -> Void) {
            work(snapshot())
        }
    }
}
