import Exposition
public import Monitoring
import Synchronization

/// What the exporter knows of itself, shared by all that count or show it.
public final class ExporterStatus: Sendable {
    private let state: Mutex<ExporterState>
    private let usage = Mutex<(read: Duration, usage: ProcessUsage)?>(nil)
    private let time: any TimeSource

    /// Begins counting.
    public init(_ state: ExporterState, time: any TimeSource) {
        self.state = Mutex(state)
        self.time = time
    }

    /// What is known now.
    public var current: ExporterState {
        state.withLock { $0 }
    }

    /// Counts a request that has been answered.
    func count(handler: String, code: Int) {
        state.withLock { $0.requests[ExporterState.RequestKey(handler: handler, code: code), default: 0] += 1 }
    }

    /// Takes note of a reading of the configuration.
    public func configurationRead(succeeded: Bool) {
        state.withLock { state in
            state.reloadSucceeded = succeeded
            if succeeded {
                state.reloadTime = time.now.unix
            }
        }
    }

    /// The families about the exporter, and the end of the page.
    func page(_ format: ExpositionFormat, includingExporter: Bool) -> [UInt8] {
        var writer = ExpositionWriter(format, capacity: 8192)
        if includingExporter {
            current.write(to: &writer, usage: processUsage())
        }
        writer.end()
        return writer.bytes
    }

    /// Read at most once in 10 ms, the tick in which the system itself keeps such figures.
    private func processUsage() -> ProcessUsage {
        let now = time.now.uptime
        return usage.withLock { cached in
            if let cached, now - cached.read < .milliseconds(10) {
                return cached.usage
            }
            let fresh = ProcessUsage.current()
            cached = (now, fresh)
            return fresh
        }
    }
}
