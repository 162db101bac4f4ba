import Logging
import NIOCore
import NIOHTTP1
import NIOHTTP2

/// Puts together what serves one connection: from the socket's bytes over the parser to the requests.
struct ConnectionPipeline {
    let limits: Limits
    let security: LiveSecurity?
    let logger: Logger
    let handler: Handler
    /// Answers what does not become a request, by its status.
    let refuse: @Sendable (Int) -> Response

    init(limits: Limits, security: LiveSecurity? = nil, logger: Logger, handler: @escaping Handler) {
        self.limits = limits
        self.security = security
        self.logger = logger
        self.handler = security.map { Gatekeeper(security: $0, handler: handler).answer } ?? handler
        refuse = { status in
            let refusal = Response.refusal(status: status)
            return security?.current.access.finish(refusal) ?? refusal
        }
    }

    /// Adds the handlers: what turns other bytes into plain ones, as TLS, comes first.
    ///
    /// Call on the channel's event loop.
    func configure(_ channel: any Channel, loop: LoopContext) throws {
        let connection = ConnectionHandler(
            limits: limits, loop: loop, logger: logger, now: channel.eventLoop.now, handler: handler, refuse: refuse)
        let gate = InputGate(connection: connection)
        let parser = parser
        let pipeline = channel.pipeline.syncOperations
        if let tls = security?.current.tls {
            try pipeline.addHandler(
                TLSEntry(tls: tls, connection: connection, logger: logger) { channel in
                    // Before those that leave: the parser stays until the event loop's next turn, and must see nothing.
                    try addHTTP2(to: channel, before: gate, loop: loop)
                    pipeline.removeHandler(gate, promise: nil)
                    pipeline.removeHandler(parser, promise: nil)
                    pipeline.removeHandler(connection, promise: nil)
                })
        }
        try pipeline.addHandler(gate)
        try pipeline.addHandler(parser)
        try pipeline.addHandler(connection)
    }

    private func addHTTP2(to channel: any Channel, before next: InputGate, loop: LoopContext) throws {
        let connection = HTTP2Connection(limits: limits, loop: loop, logger: logger)
        var settings = NIOHTTP2Handler.ConnectionConfiguration()
        settings.initialSettings = [
            HTTP2Setting(parameter: .maxConcurrentStreams, value: HTTP2Connection.concurrentStreams),
            HTTP2Setting(parameter: .maxHeaderListSize, value: limits.headerBytes),
        ]
        settings.maximumBufferedControlFrames = HTTP2Connection.bufferedControlFrames
        let bound = NIOLoopBound((loop: loop, connection: connection), eventLoop: channel.eventLoop)
        let (limits, logger, handler, refuse) = (limits, logger, handler, refuse)
        let http2 = NIOHTTP2Handler(
            mode: .server, eventLoop: channel.eventLoop, connectionConfiguration: settings,
            streamDelegate: HTTP2Connection.StreamWatch(connection, eventLoop: channel.eventLoop)
        ) { stream in
            stream.eventLoop.makeCompletedFuture {
                try stream.pipeline.syncOperations.addHandler(
                    HTTP2Stream(
                        connection: bound.value.connection, limits: limits, loop: bound.value.loop, logger: logger,
                        now: stream.eventLoop.now, handler: handler, refuse: refuse))
            }
        }
        try channel.pipeline.syncOperations.addHandler(http2, position: .before(next))
        try channel.pipeline.syncOperations.addHandler(connection, position: .before(next))
        // Streams hold their clients back by themselves, through their windows.
        try channel.syncOptions?.setOption(.autoRead, value: true)
    }

    private var parser: ByteToMessageHandler<HTTPRequestDecoder> {
        var decoderLimits = NIOHTTPDecoderLimitConfiguration()
        decoderLimits.maxHeaderFieldCount = limits.headerCount
        decoderLimits.maxHeaderFieldSize = limits.headerBytes
        decoderLimits.maxHeaderListSize = limits.headerBytes
        // The decoder does not count the space around a value, yet keeps it until the field is complete.
        return ByteToMessageHandler(
            HTTPRequestDecoder(leftOverBytesStrategy: .dropBytes, limitConfiguration: decoderLimits),
            maximumBufferSize: 2 * limits.headerBytes)
    }
}
