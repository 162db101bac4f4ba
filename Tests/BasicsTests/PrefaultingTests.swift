import Glibc
import Testing

@testable import Basics

struct PrefaultingTests {
    /// The pages of fresh memory that are there after some bytes from its start were asked for, out of 100.
    private func pages(afterAskingFor bytes: Int, startingAt offset: Int = 0) throws -> Range<Int> {
        let (page, count) = (Int(getpagesize()), 100)
        let memory = try #require(
            mmap(nil, count * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))
        defer { munmap(memory, count * page) }
        // A huge page would be there as a whole.
        madvise(memory, count * page, MADV_NOHUGEPAGE)
        UnsafeMutableRawBufferPointer(start: memory + offset, count: count * page - offset).prefault(bytes)
        var states = [UInt8](repeating: 0, count: count)
        #expect(mincore(memory, count * page, &states) == 0)
        let found = states.indices.filter { states[$0] & 1 == 1 }
        let range = (found.first ?? 0)..<((found.last ?? -1) + 1)
        #expect(found.count == range.count)
        return range
    }

    /// Whether the system can do it: Linux 5.14 can.
    private static let isPossible: Bool = {
        let page = mmap(nil, Int(getpagesize()), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        defer { munmap(page, Int(getpagesize())) }
        return madvise(page, Int(getpagesize()), populateWrite) == 0
    }()

    @Test(.enabled(if: isPossible)) func wholePagesAreThereBeforeTheFirstWrite() throws {
        let page = Int(getpagesize())
        #expect(try pages(afterAskingFor: 50 * page) == 0..<50)
        #expect(try pages(afterAskingFor: 50 * page + 1, startingAt: 1) == 1..<50)
        #expect(try pages(afterAskingFor: 1000 * page) == 0..<100, "no more than there is")
        #expect(try pages(afterAskingFor: page).isEmpty)
        #expect(try pages(afterAskingFor: 0).isEmpty)
        UnsafeMutableRawBufferPointer(start: nil, count: 0).prefault(1 << 20)
    }
}
