public import Logging
import NIOCore
import NIOPosix

/// A server of HTTP/1.1 (RFC 9110, RFC 9112): takes requests from its listeners and sends one handler's responses.
public final class Server: Sendable {
    /// The addresses listened on, with the real ports, in the order configured.
    public let addresses: [ListenAddress]

    let listeners: [any Channel]
    private let files: [UnixSocketFile]
    /// The number of listeners that were inherited; they come first.
    private let inheritedCount: Int
    private let limits: Limits
    let loops: [NIOLoopBound<LoopContext>]
    private let admission: Admission
    private let relief: Relief
    private let ownGroup: MultiThreadedEventLoopGroup?
    private let ending: Ending
    /// Ends the observation of the rules of TLS, and lets out refusals that are held back.
    private let endSecurity: @Sendable () -> Void

    private init(
        _ configuration: ServerConfiguration, bound: [Listener.Bound], loops: [NIOLoopBound<LoopContext>],
        admission: Admission, relief: Relief, ownGroup: MultiThreadedEventLoopGroup?,
        endSecurity: @escaping @Sendable () -> Void
    ) {
        limits = configuration.limits
        inheritedCount = configuration.inherited.count
        addresses = bound.map(\.address)
        listeners = bound.map(\.channel)
        files = bound.compactMap(\.file)
        self.loops = loops
        self.admission = admission
        self.relief = relief
        self.ownGroup = ownGroup
        ending = Ending()
        self.endSecurity = endSecurity
    }

    /// The port of the first address.
    public var port: Int { addresses[0].port }

    /// Binds every address or none, then accepts connections. The inherited sockets come first.
    ///
    /// - Parameters:
    ///   - refusal: refuses requests by their head; the default refuses none.
    ///   - handler: answers all others, once their body has been read and thrown away.
    /// - Throws: `BindError`, which names the address and the reason in words.
    public static func start(
        _ configuration: ServerConfiguration, logger: Logger, refusal: @escaping Refusal = { _ in nil },
        handler: @escaping Handler
    ) async throws -> Server {
        precondition(
            !configuration.addresses.isEmpty || !configuration.inherited.isEmpty, "a server needs an address")
        let ownGroup = configuration.eventLoops.map { MultiThreadedEventLoopGroup(numberOfThreads: $0) }
        let group = ownGroup ?? .singleton
        var loops: [NIOLoopBound<LoopContext>] = []
        for loop in group.makeIterator() {
            loops.append(try await loop.submit { NIOLoopBound(LoopContext(), eventLoop: loop) }.get())
        }
        let admission = Admission(limit: Admission.limit(asked: configuration.limits.connections))
        let relief = Relief(loops: loops, admission: admission)
        let gatekeeper = Gatekeeper(security: configuration.security, refusal: refusal, handler: handler)
        let pipeline = ConnectionPipeline(
            limits: configuration.limits, gatekeeper: gatekeeper, logger: logger)
        let listener = Listener {
            bootstrap(
                group: group, loops: loops, admission: admission, relief: relief, logger: logger, pipeline: pipeline)
        }

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
            try? await ownGroup?.shutdownGracefully()
            throw error
        }
        let server = Server(
            configuration, bound: bound, loops: loops, admission: admission, relief: relief, ownGroup: ownGroup,
            endSecurity: observe(configuration.security, on: loops))
        for (listener, address) in zip(server.listeners, server.addresses) {
            let ending = server.ending
            listener.closeFuture.whenComplete { _ in ending.listenerClosed(address) }
            try await listener.setOption(.autoRead, value: true).get()
        }
        return server
    }

    /// Ends connections once the rules of TLS they were made under have changed.
    ///
    /// - Returns: what ends that, and lets out refusals that are held back.
    private static func observe(
        _ security: LiveSecurity?, on loops: [NIOLoopBound<LoopContext>]
    ) -> @Sendable () -> Void {
        guard let security else { return {} }
        security.onNewRules { rules in
            for loop in loops {
                loop.eventLoop.execute { loop.value.drain(unlessUnder: rules) }
            }
        }
        return {
            security.onNewRules(nil)
            security.current.access.endDelays()
        }
    }

    private static func bootstrap(
        group: MultiThreadedEventLoopGroup, loops: [NIOLoopBound<LoopContext>], admission: Admission, relief: Relief,
        logger: Logger, pipeline: ConnectionPipeline
    ) -> ServerBootstrap {
        let loopOf = Dictionary(uniqueKeysWithValues: loops.map { (ObjectIdentifier($0.eventLoop), $0) })
        return ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: CInt(AcceptGate.backlog))
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            // Accepting begins when every address is bound.
            .serverChannelOption(.autoRead, value: false)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        AcceptGate(admission: admission, relief: relief, logger: logger))
                }
            }
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            // The connection asks for bytes itself, so that it reads nothing while it answers.
            .childChannelOption(.autoRead, value: false)
            .childChannelOption(.maxMessagesPerRead, value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    guard let loop = loopOf[ObjectIdentifier(channel.eventLoop)] else {
                        preconditionFailure("a connection on an event loop that is not of the group")
                    }
                    try pipeline.configure(channel, loop: loop.value)
                }
            }
    }

    /// Returns when the server has been shut down.
    ///
    /// Throws `ListenerError` if a listener ends by itself. Cancelling the task shuts the server down without grace.
    public func run() async throws {
        try await withTaskCancellationHandler {
            try await ending.wait()
        } onCancel: {
            Task { await shutdown(grace: .zero) }
        }
    }

    /// Stops accepting, lets the requests in flight finish, and returns when every connection is closed.
    ///
    /// Idle connections are closed at once. Those that wait in the backlog are still taken, and closed unless a request
    /// has come; but the backlog of an inherited socket is left to the next process. Requests under way are answered,
    /// with `Connection: close`; what is not done after `grace` is closed. May be called again, also to shorten the grace.
    public func shutdown(grace: Duration) async {
        let isFirst = ending.begin()
        relief.end()
        endSecurity()
        if isFirst {
            for file in files {
                file.remove()
            }
            // First, so that there is room for those who wait.
            forEachLoop { $0.drain() }
            let deadline = NIODeadline.now() + TimeAmount(min(grace, limits.drainDeadline))
            for (number, listener) in listeners.enumerated() {
                let takesBacklog = number >= inheritedCount && grace > .zero
                listener.triggerUserOutboundEvent(
                    AcceptGate.Close(takesBacklog: takesBacklog, deadline: deadline), promise: nil)
            }
            for listener in listeners {
                // Fails only if the listener has ended by itself before.
                try? await listener.closeFuture.get()
            }
        }
        let end = Task {
            try await Task.sleep(for: grace)
            // Without connections the event loops may be gone already.
            if !admission.isEmpty {
                forEachLoop { $0.closeAll() }
            }
        }
        await admission.close()
        end.cancel()
        if isFirst {
            try? await ownGroup?.shutdownGracefully()
            ending.finish()
        } else {
            try? await ending.wait()
        }
    }

    private func forEachLoop(_ action: @escaping @Sendable (LoopContext) -> Void) {
        for loop in loops {
            loop.eventLoop.execute { action(loop.value) }
        }
    }
}
