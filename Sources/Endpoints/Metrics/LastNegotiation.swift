import Exposition
import Synchronization

/// The last choice of a format and an encoding.
///
/// A scraper sends the same header fields each time, and to read those of Prometheus takes 40 to 90 µs: longer than all
/// else that a scrape of a small page costs.
final class LastNegotiation: Sendable {
    private let known = Mutex<(accept: String?, acceptEncoding: String?, choice: Negotiation)?>(nil)

    func choice(accept: String?, acceptEncoding: String?) -> Negotiation {
        let known = known.withLock { $0 }
        if let known, known.accept == accept, known.acceptEncoding == acceptEncoding { return known.choice }
        let choice = Negotiation(accept: accept, acceptEncoding: acceptEncoding)
        self.known.withLock { $0 = (accept, acceptEncoding, choice) }
        return choice
    }
}
