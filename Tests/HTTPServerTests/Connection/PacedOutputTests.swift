import NIOCore
import Testing

@testable import HTTPServer

@Suite struct PacedOutputTests {
    /// One buffer that is cut must not make all others be cut.
    @Test(arguments: [[9, 16_384], [9, 16_384, 9, 135], [300_000], [1 << 20, 1], [1, 1, 1]])
    func writesDoNotCrumble(sizes: [Int]) {
        var output = PacedOutput(isPaced: true)
        let written = (0..<40).flatMap { _ in sizes }
        for size in written {
            output.append(ByteBuffer(repeating: 0, count: size))
        }
        #expect(output.queuedBytes == written.reduce(0, +))
        var pending: CircularBuffer<Int> = []
        var pieces: [Int] = []
        var most = 0
        repeat {
            while let (bytes, count) = output.next() {
                #expect(count == bytes.readableBytes)
                pieces.append(bytes.readableBytes)
                pending.append(bytes.readableBytes)
            }
            most = max(most, pending.reduce(0, +))
            if let count = pending.popFirst() {
                output.written(count)
            }
        } while !pending.isEmpty || output.hasNext
        #expect(output.isDone && output.queuedBytes == 0)
        #expect(pieces.reduce(0, +) == written.reduce(0, +))
        #expect(most < PacedOutput.windowBytes + PacedOutput.pieceBytes)
        let fewest = written.reduce(0) { $0 + ($1 + PacedOutput.pieceBytes - 1) / PacedOutput.pieceBytes }
        #expect(pieces.count == fewest)
    }

    @Test func withoutPaceBuffersAreWholeAndReportedOnce() {
        var output = PacedOutput(isPaced: false)
        for size in [100, 1 << 20, 7] {
            output.append(ByteBuffer(repeating: 0, count: size))
        }
        var reported: [Int?] = []
        while let (_, count) = output.next() {
            reported.append(count)
        }
        #expect(reported == [nil, nil, 107 + 1 << 20])
        #expect(!output.isDone)
        output.written(107 + 1 << 20)
        #expect(output.isDone)
    }
}
