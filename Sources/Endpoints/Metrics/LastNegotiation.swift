import Exposition
import Synchronization

/// The last choice of a format and an encoding.
///
/// A scraper sends the same header fields each time, and to read those of Prometheus takes 40 to 90 µs: longer than all
/// else that a scrape of a small page costs.
final class LastNegotiation: Sendable {
    private struct Known {
        var accept: String?
        var acceptEncoding: String?
        var choice: Negotiation
    }

    private let known = Mutex<Known?>(nil)

    func choice(accept: String?, acceptEncoding: String?) -> Negotiation {
        let known = known.withLock { $0 }
        if let known, known.accept == accept, known.acceptEncoding == acceptEncoding { return known.choice }
        let choice = Negotiation(accept: accept, acceptEncoding: acceptEncoding)
        self.known.withLock { $0 = Known(accept: accept, acceptEncoding: acceptEncoding, choice: choice) }
        return choice
    }
}
