import NIOCore
import NIOHTTP1
import NIOSSL

/// Decides when a kept connection is too old to be used again.
///
/// A host that has moved may go on answering at its old address. Only a new connection finds the new one.
struct ConnectionAge {
    /// The greatest age at which a connection is used.
    static let maximum = TimeAmount.minutes(5)
    /// The greatest part of it that chance takes away, so that many connections do not end at the same time.
    static let maximumJitter = TimeAmount.minutes(1)

    /// The time from which on the connection is not used again.
    let end: NIODeadline
    private var isBusy = false
    private var lastResponse: NIODeadline?

    /// - Parameter jitter: From 0 to 1, the part of `maximumJitter` to take away.
    init(born: NIODeadline, jitter: Double) {
        end = born + Self.maximum - .nanoseconds(Int64(Double(Self.maximumJitter.nanoseconds) * jitter))
    }

    mutating func requestSent() {
        isBusy = true
    }

    /// Returns whether the response is the last one of this connection: it is too old, or will be before the next request, judging by the time
    /// since the previous one.
    mutating func responseBegan(at now: NIODeadline) -> Bool {
        defer { lastResponse = now }
        let interval = lastResponse.map { now - $0 } ?? .zero
        return now + interval >= end
    }

    mutating func responseEnded() {
        isBusy = false
    }

    /// Returns whether to close the connection: it is too old, and no request is under way.
    func isOver(at now: NIODeadline) -> Bool {
        !isBusy && now >= end
    }
}

/// Ends a connection of the client at its greatest age, and tells what it is doing. No request is cut off.
final class ConnectionAgeHandler: ChannelDuplexHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias InboundOut = HTTPClientResponsePart
    typealias OutboundIn = HTTPClientRequestPart
    typealias OutboundOut = HTTPClientRequestPart

    /// A change of what a connection does. A new one is busy, and so is one that takes no further request.
    enum Event {
        case opened
        case becameBusy
        case becameIdle
        case closed
    }

    private let jitter: Double
    private let onEvent: (Event) -> Void
    /// `nil` once the connection is closed.
    private var age: ConnectionAge?
    private var isIdle = false
    private var isLastResponse = false
    private var timer: Scheduled<Void>?

    /// - Parameters:
    ///   - jitter: As `ConnectionAge` takes it.
    ///   - onEvent: Called at each change.
    init(jitter: Double, onEvent: @escaping (Event) -> Void) {
        self.jitter = jitter
        self.onEvent = onEvent
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let age = ConnectionAge(born: context.eventLoop.now, jitter: jitter)
        self.age = age
        timer = context.eventLoop.assumeIsolated().scheduleTask(deadline: age.end) { [self] in
            closeIfOver(context)
        }
        onEvent(.opened)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        ended()
    }

    func channelInactive(context: ChannelHandlerContext) {
        ended()
        context.fireChannelInactive()
    }

    private func ended() {
        timer?.cancel()
        timer = nil
        setIdle(false)
        if age != nil {
            age = nil
            onEvent(.closed)
        }
    }

    private func setIdle(_ isIdle: Bool) {
        if self.isIdle != isIdle {
            self.isIdle = isIdle
            onEvent(isIdle ? .becameIdle : .becameBusy)
        }
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        if case .head = Self.unwrapOutboundIn(data) {
            age?.requestSent()
            setIdle(false)
        }
        context.write(data, promise: promise)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch Self.unwrapInboundIn(data) {
        case .head(var head) where head.status.code >= 200:
            if age?.responseBegan(at: context.eventLoop.now) == true {
                // The client closes the connection in its own time then, and gives it to no other request.
                head.headers.replaceOrAdd(name: "connection", value: "close")
            }
            isLastResponse = !head.isKeepAlive
            context.fireChannelRead(Self.wrapInboundOut(.head(head)))
        case .head, .body:
            context.fireChannelRead(data)
        case .end:
            age?.responseEnded()
            setIdle(!isLastResponse && age != nil)
            // The client may send its next request before this returns.
            context.fireChannelRead(data)
            closeIfOver(context)
        }
    }

    /// Closes the connection below TLS: until the server had answered a goodbye, the client would take the connection for a good one.
    private func closeIfOver(_ context: ChannelHandlerContext) {
        guard let age, age.isOver(at: context.eventLoop.now) else {
            return
        }
        setIdle(false)
        let tls = try? context.pipeline.syncOperations.context(handlerType: NIOSSLClientHandler.self)
        (tls ?? context).close(promise: nil)
    }
}
