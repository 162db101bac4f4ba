import Glibc
import NIOCore

extension ChannelHandlerContext {
    /// Whether the socket has bytes, the end of input or a connection to be read; false for a channel without a socket.
    var hasInput: Bool {
        let isReadable = try? pipeline.syncOperations.withUnsafeTransportIfAvailable(of: CInt.self) { descriptor in
            var socket = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            return poll(&socket, 1, 0) == 1 && socket.revents & Int16(POLLIN) != 0
        }
        return isReadable == true
    }
}
