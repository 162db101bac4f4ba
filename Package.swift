// swift-tools-version: 6.2
import PackageDescription

/// The next release. `deploy/package/version` reads this line, and tells the version of each commit from it.
let release = "0.2.0"

/// The version and the commit this is built from, for `--version` and the build info metric, where whoever builds says them.
///
/// `Context.gitInformation` would tell too, but it is cached with the manifest: after the next commit it is wrong.
let version = Context.environment["EXPORTER_VERSION"] ?? "\(release)-dev"
let revision = Context.environment["EXPORTER_REVISION"] ?? "unknown"

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .treatAllWarnings(as: .error),
]

/// Full RELRO: what the linker relocates, function pointers among it, is read-only once the program runs.
let linking: [LinkerSetting] = [
    .unsafeFlags(["-Xlinker", "-z", "-Xlinker", "relro", "-Xlinker", "-z", "-Xlinker", "now"])
]

/// One room of the house: a module of the program, or a program.
func sources(
    _ name: String, program: Bool = false, _ dependencies: [Target.Dependency], resources: [Resource] = []
) -> Target {
    program
        ? .executableTarget(name: name, dependencies: dependencies, swiftSettings: settings, linkerSettings: linking)
        : .target(name: name, dependencies: dependencies, resources: resources, swiftSettings: settings)
}

/// The tests of one room.
func tests(
    _ room: String, _ dependencies: [Target.Dependency] = [], exclude: [String] = []
) -> Target {
    .testTarget(
        name: "\(room)Tests", dependencies: [.byName(name: room)] + dependencies, exclude: exclude,
        swiftSettings: settings)
}

let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioEmbedded = Target.Dependency.product(name: "NIOEmbedded", package: "swift-nio")
let nioTLS = Target.Dependency.product(name: "NIOTLS", package: "swift-nio")
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let asyncHTTPClient = Target.Dependency.product(name: "AsyncHTTPClient", package: "async-http-client")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let signals = Target.Dependency.product(name: "UnixSignals", package: "swift-service-lifecycle")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")

let package = Package(
    name: "hypersender-exporter",
    // Exactly these: a build must not change by itself. deploy/package/dependencies.txt has those that they need in turn.
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", exact: "2.37.6"),
        .package(url: "https://github.com/swift-server/async-http-client", exact: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", exact: "2.13.0"),
    ],
    targets: [
        .systemLibrary(name: "CZlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CYAML", providers: [.apt(["libyaml-dev"])]),
        .systemLibrary(name: "CSodium", providers: [.apt(["libsodium-dev"])]),
        .systemLibrary(name: "CCrypt", providers: [.apt(["libcrypt-dev"])]),
        .target(name: "CProcess"),
        .target(
            name: "CBuildInfo",
            cSettings: [
                .define("EXPORTER_VERSION", to: "\"\(version)\""), .define("EXPORTER_REVISION", to: "\"\(revision)\""),
            ]),

        sources("Basics", ["CSodium"]),
        sources(
            "HypersenderAPI", ["Basics", "CZlib", asyncHTTPClient, nioCore, nioHTTP1, nioPosix, nioSSL]),
        sources("Exposition", ["Basics", "CZlib", nioCore]),
        sources("Monitoring", ["Basics", "HypersenderAPI", "Exposition", logging]),
        sources("HTTPServer", ["Basics", "CCrypt", nioCore, nioPosix, nioHTTP1, nioSSL, nioTLS, logging]),
        sources(
            "Endpoints", ["Basics", "HypersenderAPI", "Monitoring", "Exposition", "HTTPServer"],
            // The Markdown is a symbolic link to deploy/RUNBOOKS.md.
            resources: [
                .embedInCode("Runbooks/RUNBOOKS.md"), .embedInCode("Runbooks/runbooks.css"),
                .embedInCode("StatusPage/status.css"),
            ]),
        sources("Settings", ["Basics", "CProcess", "CYAML", "HypersenderAPI", "Monitoring", "HTTPServer"]),
        sources("Simulator", ["Basics", "Exposition", "HTTPServer", logging]),
        sources(
            "hypersender-exporter", program: true,
            [
                "Basics", "CBuildInfo", "CProcess", "HypersenderAPI", "Monitoring", "HTTPServer",
                "Endpoints", "Settings", "Simulator",
                asyncHTTPClient, logging, nioCore, nioHTTP1, nioPosix, nioSSL, signals,
            ]),
        sources(
            "hypersender-simulator", program: true,
            ["Simulator", arguments, logging, signals]),

        tests("Basics"),
        tests(
            "HypersenderAPI",
            ["Basics", "HTTPServer", "Simulator", logging, nioCore, nioEmbedded, nioHTTP1, nioPosix, nioSSL]),
        tests("Exposition", ["CZlib", nioCore], exclude: ["Golden"]),
        tests("Monitoring", ["HypersenderAPI", "Exposition", logging, nioCore], exclude: ["Golden"]),
        tests("HTTPServer", ["Basics", nioCore, nioEmbedded, nioHTTP1, nioPosix, nioSSL, nioTLS, logging]),
        tests("Endpoints", ["Basics", "Exposition", "HypersenderAPI", "Monitoring", "HTTPServer", logging, nioCore]),
        tests("Settings", ["Basics", "HypersenderAPI", "Monitoring", "HTTPServer"], exclude: ["Web"]),
        tests("Simulator", ["CZlib", "HTTPServer", nioCore]),
        tests(
            "hypersender-exporter",
            [
                "Basics", "Endpoints", "Exposition", "HTTPServer", "HypersenderAPI", "Monitoring", "Settings",
                logging, nioCore, nioPosix,
            ], exclude: ["Golden"]),
    ]
)
