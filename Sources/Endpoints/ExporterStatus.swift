import Exposition
public import Monitoring
import Synchronization

/// The exporter's state, shared by all that change or show it.
public final class ExporterStatus: Sendable {
    private let state: Mutex<ExporterState>
    private let usage = Mutex<(read: Duration, usage: ProcessUsage)?>(nil)
    private let time: any TimeSource

    /// Creates a status that begins with this state.
    public init(_ state: ExporterState, time: any TimeSource) {
        self.state = Mutex(state)
        self.time = time
    }

    /// The present state.
    public var current: ExporterState {
        state.withLock { $0 }
    }

    /// Counts a request that has been answered.
    func count(handler: String, code: Int) {
        state.withLock { $0.requests[ExporterState.RequestKey(handler: handler, code: code), default: 0] += 1 }
    }

    /// Records that the configuration was read.
    public func configurationRead(succeeded: Bool) {
        state.withLock { state in
            state.reloadSucceeded = succeeded
            if succeeded { state.reloadTime = time.now.unix }
        }
    }

    /// Records the configuration of accounts that is in use now, by its hash.
    public func configurationInUse(hash: UInt64) {
        state.withLock { $0.configurationHash = hash }
    }

    /// Renders the families about the exporter, and the end of the page.
    func page(_ format: ExpositionFormat, includingExporter: Bool) -> [UInt8] {
        var writer = ExpositionWriter(format)
        if includingExporter { current.write(to: &writer, usage: processUsage()) }
        writer.end()
        return writer.bytes
    }

    /// Reads the usage at most once in 10 ms, the tick in which the system keeps such figures.
    private func processUsage() -> ProcessUsage {
        let now = time.now.uptime
        return usage.withLock { cached in
            if let cached, now - cached.read < .milliseconds(10) { return cached.usage }
            let fresh = ProcessUsage.current()
            cached = (now, fresh)
            return fresh
        }
    }
}
