import Synchronization

/// A limit on what is under way at the same time.
final class ConcurrencyLimit: Sendable {
    private let maximum: Int
    private let taken = Atomic(0)

    init(_ maximum: Int) {
        self.maximum = maximum
    }

    /// Takes a place; returns `nil` if all are taken.
    func take() -> Place? {
        guard taken.add(1, ordering: .relaxed).newValue <= maximum else {
            taken.subtract(1, ordering: .relaxed)
            return nil
        }
        return Place(of: self)
    }

    /// A place, given back by the first `release`, or when nothing refers to it any more.
    final class Place: Sendable {
        private let limit: ConcurrencyLimit
        private let isReleased = Atomic(false)

        fileprivate init(of limit: ConcurrencyLimit) {
            self.limit = limit
        }

        func release() {
            guard !isReleased.exchange(true, ordering: .relaxed) else { return }
            limit.taken.subtract(1, ordering: .relaxed)
        }

        deinit {
            release()
        }
    }
}
