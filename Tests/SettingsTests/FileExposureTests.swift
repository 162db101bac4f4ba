import FoundationEssentials
import Testing

@testable import Settings

struct FileExposureTests {
    private static let ext4 = 0xEF53
    private static let tmpfs = 0x0102_1994
    private static let ramfs = 0x8584_58F6

    @Test(
        arguments: [
            (0o600, ext4, nil, nil), (0o640, ext4, nil, nil), (0o660, ext4, nil, nil), (0o677, tmpfs, nil, nil),
            (0o666, ramfs, nil, nil), (0o604, ext4, nil, "may be read by everybody: chmod o-r"),
            (0o444, ext4, nil, "may be read by everybody: chmod o-r"),
            (0o602, ext4, "may be written by everybody: chmod o-w", "may be written by everybody: chmod o-w"),
            (
                0o666, ext4, "may be written by everybody: chmod o-w",
                "may be read and written by everybody: chmod o-rw"
            ),
        ] as [(UInt32, Int, String?, String?)])
    func judgesByModeAndPlace(mode: UInt32, fileSystem: Int, warning: String?, ofSecret: String?) {
        #expect(FileExposure.warning(mode: mode, fileSystem: fileSystem, isSecret: false) == warning)
        #expect(FileExposure.warning(mode: mode, fileSystem: fileSystem, isSecret: true) == ofSecret)
    }

    @Test func looksAtTheEndOfLinks() throws {
        let file = FileManager.default.temporaryDirectory.path + "/exposure-\(UInt64.random(in: 0...UInt64.max))"
        let link = "\(file)-link"
        defer {
            for path in [file, link] {
                try? FileManager.default.removeItem(atPath: path)
            }
        }
        try Data().write(to: URL(filePath: file))
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: file)
        for (mode, warning) in [
            (0o600, nil), (0o644, "may be read by everybody: chmod o-r"),
            (0o602, "may be written by everybody: chmod o-w"),
        ] as [(Int, String?)] {
            try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file)
            #expect(FileExposure.warning(link, isSecret: true) == warning)
        }
        #expect(FileExposure.warning("\(file)-nowhere", isSecret: true) == nil)
    }
}
