import Logging
import NIOCore
import NIOHTTP1

/// Adds the handlers of a connection to its channel.
struct ConnectionPipeline {
    let limits: Limits
    /// `nil` for plain HTTP and everybody.
    let security: LiveSecurity?
    let handler: Handler
    let logger: Logger

    /// Adds the handlers. Call on the channel's event loop.
    ///
    /// - Parameter tls: TLS for this connection, `nil` for plain HTTP.
    /// - Throws: `ChannelError` if the rules of TLS have changed since `tls` was prepared.
    func configure(_ channel: any Channel, among connections: EventLoopConnections, _ tls: TLSSetup? = nil) throws {
        let pipeline = channel.pipeline.syncOperations
        guard tls?.rules == security?.current.tls?.rules else { throw ChannelError.ioOnClosedChannel }
        if let tls {
            try pipeline.addHandler(PlainRequestHandler(limits: limits))
            try pipeline.addHandler(tls.makeHandler())
            try pipeline.addHandler(TLSHandshakeHandler(allowing: tls.clients?.allowedNames ?? [], logger: logger))
        }
        try pipeline.addHandler(InputBufferHandler())
        try pipeline.addHandler(parser)
        try pipeline.addHandler(
            ConnectionHandler(self, among: connections, rules: tls?.rules, now: channel.eventLoop.now))
    }

    /// Prepares TLS for one connection; `nil` for plain HTTP.
    func prepareTLS(on eventLoop: any EventLoop) -> EventLoopFuture<TLSSetup?> {
        security?.current.tls?.forOneConnection(on: eventLoop).map { $0 } ?? eventLoop.makeSucceededFuture(nil)
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
