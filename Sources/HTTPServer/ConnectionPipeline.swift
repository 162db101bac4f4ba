import Logging
import NIOCore
import NIOHTTP1

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
        let pipeline = channel.pipeline.syncOperations
        if let security, let tls = security.current.tls {
            try pipeline.addHandler(TLSEntry(tls: tls, of: security, connection: connection, logger: logger))
        } else {
            connection.rules = .plain
        }
        try pipeline.addHandler(InputGate(connection: connection))
        try pipeline.addHandler(parser)
        try pipeline.addHandler(connection)
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
