public import Logging
import NIOCore
import NIOPosix
import Synchronization

/// A server of HTTP/1.1 (RFC 9110, RFC 9112): takes requests from its listeners and sends one handler's responses.
public final class Server: Sendable {
    private let configuration: ServerConfiguration
    /// The inherited sockets come first.
    private let bound: [Listener.Bound]
    private let loops: [NIOLoopBound<EventLoopConnections>]
    private let connectionLimit: ConnectionLimit
    private let isShuttingDown = Atomic(false)
    private let ended: EventLoopPromise<Void>

    /// Binds every address, or throws `BindError`; then accepts connections.
    public init(_ configuration: ServerConfiguration, logger: Logger, handler: @escaping Handler) async throws {
        precondition(!configuration.addresses.isEmpty || !configuration.inherited.isEmpty, "a server needs an address")
        var loops: [NIOLoopBound<EventLoopConnections>] = []
        for loop in MultiThreadedEventLoopGroup.singleton.makeIterator() {
            loops.append(try await loop.submit { NIOLoopBound(EventLoopConnections(on: loop), eventLoop: loop) }.get())
        }
        let connectionLimit = ConnectionLimit(
            maximum: ConnectionLimit.maximum(asked: configuration.limits.connections), loops: loops)
        let pipeline = ConnectionPipeline(
            limits: configuration.limits, security: configuration.security, handler: handler, logger: logger)
        let listener = Listener { [loops] in Self.bootstrap(loops, connectionLimit, pipeline) }

        var bound: [Listener.Bound] = []
        do {
            for socket in configuration.inherited {
                bound.append(try await listener.take(socket))
            }
            for address in configuration.addresses {
                bound.append(try await listener.bind(address))
            }
        } catch {
            for listener in bound {
                listener.file?.remove()
                try? await listener.channel.close()
            }
            throw error
        }
        self.configuration = configuration
        self.bound = bound
        self.loops = loops
        self.connectionLimit = connectionLimit
        ended = MultiThreadedEventLoopGroup.singleton.any().makePromise()
        // Connections end once the TLS rules they were made under have changed.
        configuration.security?.onNewRules { [loops] rules in
            Self.forEach(loops) { $0.drain(unlessUnder: rules) }
        }
        for listener in bound {
            listener.channel.closeFuture.whenComplete { _ in
                if !self.isShuttingDown.load(ordering: .relaxed) {
                    self.ended.fail(ListenerError(address: listener.address))
                }
            }
            try await listener.channel.setOption(.autoRead, value: true).get()
        }
    }

    /// The addresses listened on, with the real ports: first of the inherited sockets, then in the order configured.
    public var addresses: [ListenAddress] { bound.map(\.address) }

    var listeners: [any Channel] { bound.map(\.channel) }

    private static func bootstrap(
        _ loops: [NIOLoopBound<EventLoopConnections>], _ connectionLimit: ConnectionLimit,
        _ pipeline: ConnectionPipeline
    ) -> ServerBootstrap {
        ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.backlog, value: CInt(AcceptHandler.backlog))
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            // Accepting begins when every address is bound.
            .serverChannelOption(.autoRead, value: false)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        AcceptHandler(
                            limit: connectionLimit, loops: loops.map(\.eventLoop), logger: pipeline.logger))
                }
            }
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            // The connection asks for bytes itself, so that it reads nothing while it answers.
            .childChannelOption(.autoRead, value: false)
            .childChannelOption(.maxMessagesPerRead, value: 1)
            .childChannelOption(
                .writeBufferWaterMark,
                value: .init(low: ConnectionHandler.windowBytes / 2, high: ConnectionHandler.windowBytes)
            )
            .childChannelInitializer { channel in
                guard let loop = loops.first(where: { $0.eventLoop === channel.eventLoop }) else {
                    preconditionFailure("a connection on an event loop that is not of the group")
                }
                return pipeline.prepareTLS(on: channel.eventLoop).flatMapThrowing { tls in
                    try pipeline.configure(channel, among: loop.value, tls)
                }
            }
    }

    /// Returns when the server has been shut down, or throws `ListenerError`. Cancellation shuts it down at once.
    public func run() async throws {
        try await withTaskCancellationHandler {
            try await ended.futureResult.get()
        } onCancel: {
            Task { await shutdown(grace: .zero) }
        }
    }

    /// Stops accepting, lets the requests in flight finish, and returns when every connection is closed.
    ///
    /// Idle connections are closed at once. Those in the backlog are still taken, and closed unless a request has come;
    /// but the backlog of an inherited socket is left to the next process. Requests under way are answered with
    /// `Connection: close`, and closed after `grace`. A further call may shorten the grace.
    public func shutdown(grace: Duration) async {
        let isFirst = !isShuttingDown.exchange(true, ordering: .relaxed)
        connectionLimit.endEvicting()
        await configuration.security?.current.access.checker.endDelays()
        if isFirst {
            for listener in bound { listener.file?.remove() }
            // First, so that there is room for those who wait.
            Self.forEach(loops) { $0.drain() }
            let deadline = NIODeadline.now() + TimeAmount(min(grace, configuration.limits.drainDeadline))
            for (number, listener) in listeners.enumerated() {
                let takesBacklog = number >= configuration.inherited.count && grace > .zero
                listener.triggerUserOutboundEvent(
                    AcceptHandler.Close(takesBacklog: takesBacklog, deadline: deadline), promise: nil)
            }
            for listener in listeners {
                // Fails only if the listener has ended by itself before.
                try? await listener.closeFuture.get()
            }
        }
        let end = Task {
            try await Task.sleep(for: grace)
            Self.forEach(loops) { $0.closeAll() }
        }
        for loop in loops {
            try? await loop.eventLoop.flatSubmit { loop.value.closed }.get()
        }
        end.cancel()
        if isFirst { ended.succeed() }
        try? await ended.futureResult.get()
    }

    private static func forEach(
        _ loops: [NIOLoopBound<EventLoopConnections>], _ action: @escaping @Sendable (EventLoopConnections) -> Void
    ) {
        for loop in loops {
            loop.eventLoop.execute { action(loop.value) }
        }
    }
}

/// A listener that ended without being asked to.
public struct ListenerError: Error, Equatable, CustomStringConvertible {
    /// The address it listened on.
    public let address: ListenAddress

    public var description: String { "the listener on \(address) has ended by itself" }
}
