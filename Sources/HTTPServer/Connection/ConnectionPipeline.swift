import Logging
import NIOCore
import NIOHTTP1

/// Puts together what serves one connection: from the socket's bytes over the parser to the requests.
struct ConnectionPipeline {
    let limits: Limits
    let gatekeeper: Gatekeeper
    let logger: Logger

    /// Adds the handlers: what turns other bytes into plain ones, as TLS, comes first.
    ///
    /// Call on the channel's event loop.
    func configure(_ channel: any Channel, loop: LoopContext) throws {
        let connection = ConnectionHandler(
            limits: limits, loop: loop, logger: logger, now: channel.eventLoop.now, gatekeeper: gatekeeper)
        let pipeline = channel.pipeline.syncOperations
        let security = gatekeeper.security?.current
        connection.rules = security?.rules ?? .plain
        if let tls = security?.tls {
            let pacer = WritePacer()
            connection.pacer = pacer
            try pipeline.addHandler(PlainRequestDetector())
            try pipeline.addHandler(tls.makeHandler())
            try pipeline.addHandler(pacer)
            try pipeline.addHandler(TLSHandshakeHandler(allowing: tls.clientNames, logger: logger))
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
