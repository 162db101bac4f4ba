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
        let exposure = FileExposure(mode: mode, fileSystem: fileSystem)
        #expect(exposure.warning(isSecret: false) == warning)
        #expect(exposure.warning(isSecret: true) == ofSecret)
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
        for (mode, isWritable, isReadable) in [(0o600, false, false), (0o644, false, true), (0o602, true, false)] {
            try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file)
            let exposure = FileExposure(path: link)
            #expect(exposure?.isWritable == isWritable && exposure?.isReadable == isReadable)
        }
        #expect(FileExposure(path: "\(file)-nowhere") == nil)
    }
}
