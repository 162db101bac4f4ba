import Logging
import NIOCore
import NIOHTTP1

/// Adds the handlers of a connection to its channel.
struct ConnectionPipeline {
    let limits: Limits
    let gatekeeper: Gatekeeper
    let logger: Logger

    /// Adds the handlers, in order: TLS if configured, the input buffer, the parser and the connection's own.
    ///
    /// Call on the channel's event loop.
    func configure(_ channel: any Channel, among connections: EventLoopConnections) throws {
        let pipeline = channel.pipeline.syncOperations
        let security = gatekeeper.security?.current
        if let tls = security?.tls {
            try pipeline.addHandler(PlainRequestHandler())
            try pipeline.addHandler(tls.makeHandler())
            try pipeline.addHandler(TLSHandshakeHandler(allowing: tls.clientNames, logger: logger))
        }
        try pipeline.addHandler(InputBufferHandler())
        try pipeline.addHandler(parser)
        try pipeline.addHandler(
            ConnectionHandler(
                self, among: connections, rules: security?.rules ?? .plain, now: channel.eventLoop.now))
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
