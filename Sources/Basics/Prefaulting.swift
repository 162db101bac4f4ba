import Glibc

/// Linux's `MADV_POPULATE_WRITE`, which the C library's headers lack before 2.35.
let populateWrite: CInt = 23

extension UnsafeMutableRawBufferPointer {
    /// Gets the system's pages for memory that is about to be written, all in one call: madvise(2).
    ///
    /// Otherwise the first write to each page interrupts the program. A poll that finds 10,000 instances unchanged
    /// takes 0.85 of the time so (`Tests/Benchmarks/README.md`). Before Linux 5.14, nothing happens here.
    ///
    /// - Parameter count: The number of bytes from the start that will surely be written. Few are not worth a call.
    public func prefault(_ count: Int) {
        let bytes = UnsafeMutableRawBufferPointer(rebasing: prefix(count))
        guard bytes.count >= 128 << 10, let start = bytes.baseAddress else { return }
        let page = Int(getpagesize())
        // The first and the last page may hold something else, and are there then.
        let first = start.alignedUp(toMultipleOf: page)
        madvise(first, (start + bytes.count).alignedDown(toMultipleOf: page) - first, populateWrite)
    }
}
