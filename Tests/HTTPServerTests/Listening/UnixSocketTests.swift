import Glibc
import NIOCore
import Testing

@testable import HTTPServer

/// Unix sockets: their files, and what else may stand in their place.
@Suite struct UnixSocketTests {
    private static let ok: Handler = { _ in .now(Response(status: 200, body: Body("ok"))) }

    private func start(_ path: String) async throws -> Server {
        try await Server(
            ServerConfiguration(addresses: [try ListenAddress("unix:\(path)")], limits: .patient), logger: .silent,
            handler: Self.ok)
    }

    private func reasonNotToStart(_ path: String) async -> String? {
        let error = await #expect(throws: BindError.self) { _ = try await start(path) }
        #expect(error?.description.hasPrefix("cannot listen on unix:\(path): ") == true)
        return error?.reason
    }

    private func exists(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0
    }

    @Test func servesAndRemovesItsFile() async throws {
        try await withDirectory { directory in
            let path = "\(directory)/a.sock"
            let server = try await start(path)
            #expect(server.addresses.map(\.description) == ["unix:\(path)"])
            for _ in 0..<2 {
                let client = try await TestClient.connect(to: path)
                try await client.get("/")
                #expect(await client.response()?.body == "ok")
            }
            await server.shutdown(grace: .zero)
            #expect(!exists(path))
        }
    }

    @Test func replacesTheSocketOfADeadProcess() async throws {
        try await withDirectory { directory in
            let path = "\(directory)/a.sock"
            let stale = try listeningSocket(at: path)
            close(stale)
            #expect(exists(path))
            let server = try await start(path)
            let client = try await TestClient.connect(to: path)
            try await client.get("/")
            #expect(await client.response()?.body == "ok")
            await server.shutdown(grace: .zero)
        }
    }

    @Test func leavesALiveSocketAlone() async throws {
        try await withDirectory { directory in
            let path = "\(directory)/a.sock"
            let first = try await start(path)
            let reason = await reasonNotToStart(path)
            #expect(reason == "another process listens there")
            let client = try await TestClient.connect(to: path)
            try await client.get("/")
            #expect(await client.response()?.body == "ok")
            await first.shutdown(grace: .zero)
        }
    }

    @Test func touchesNeitherFilesNorLinks() async throws {
        try await withDirectory { directory in
            let file = "\(directory)/file"
            close(open(file, O_CREAT | O_WRONLY, 0o600))
            let stale = try listeningSocket(at: "\(directory)/stale.sock")
            close(stale)
            let link = "\(directory)/link"
            symlink("\(directory)/stale.sock", link)
            let dangling = "\(directory)/dangling"
            symlink("\(directory)/nothing", dangling)
            for path in [file, link, dangling, directory] {
                let reason = await reasonNotToStart(path)
                #expect(reason?.hasPrefix("something that is not a socket stands there") == true)
                #expect(exists(path))
            }
            #expect(exists("\(directory)/stale.sock"))
            #expect(!exists("\(directory)/nothing"))
            let reason = await reasonNotToStart("\(directory)/missing/a.sock")
            #expect(reason == "the directory does not exist")
        }
    }

    /// Somebody else has taken the path meanwhile: what stands there at the end is theirs.
    @Test func leavesTheFileOfASuccessor() async throws {
        try await withDirectory { directory in
            let path = "\(directory)/a.sock"
            let server = try await start(path)
            unlink(path)
            let successor = try listeningSocket(at: path)
            await server.shutdown(grace: .zero)
            #expect(exists(path))
            close(successor)
        }
    }

    @Test func aStartThatFailsLeavesNoFile() async throws {
        try await withDirectory { directory in
            let path = "\(directory)/a.sock"
            let addresses = [try ListenAddress("unix:\(path)"), try ListenAddress("192.0.2.1:0")]
            await #expect(throws: BindError.self) {
                _ = try await Server(
                    ServerConfiguration(addresses: addresses, limits: .patient), logger: .silent, handler: Self.ok)
            }
            #expect(!exists(path))
        }
    }
}

/// A directory that exists while `body` runs.
func withDirectory(_ body: (String) async throws -> Void) async throws {
    var template = Array("/tmp/socketsXXXXXX\0".utf8CString.dropLast())
    guard let name = mkdtemp(&template) else { throw IOError(errnoCode: errno, reason: "mkdtemp") }
    let directory = String(cString: name)
    defer {
        if let entries = opendir(directory) {
            while let entry = readdir(entries) {
                let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                    pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                }
                unlink("\(directory)/\(name)")
            }
            closedir(entries)
        }
        rmdir(directory)
    }
    try await body(directory)
}

/// A unix socket that listens, as another program would have it.
func listeningSocket(at path: String) throws -> CInt {
    let descriptor = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0)
    let result = try SocketAddress(unixDomainSocketPath: path).withSockAddr { bind(descriptor, $0, socklen_t($1)) }
    guard result == 0, listen(descriptor, 8) == 0 else { throw IOError(errnoCode: errno, reason: "bind") }
    return descriptor
}
