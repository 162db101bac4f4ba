/// The checksum of gzip (RFC 1952, section 8), able to take a long run of one byte at once.
struct CRC32: Sendable {
    private var register: UInt32 = ~0

    /// The checksum of everything appended.
    var value: UInt32 { ~register }

    mutating func append(_ byte: UInt8) {
        register = Step(byte).applied(to: register)
    }

    /// Appends `byte` so many times, in a number of operations that grows with the logarithm of `count`.
    mutating func append(_ byte: UInt8, repeated count: Int) {
        var step = Step(byte)
        var left = count
        while left > 0 {
            if left & 1 == 1 { register = step.applied(to: register) }
            step = step.twice()
            left >>= 1
        }
    }

    /// What some bytes do to the register: over bits, a matrix and a vector.
    private struct Step {
        /// What becomes of each single bit of the register.
        var columns: [UInt32]
        /// What is added whatever the register was.
        var constant: UInt32

        init(_ byte: UInt8) {
            columns = (0..<32).map { Self.shiftedByByte(1 << UInt32($0)) }
            constant = Self.shiftedByByte(UInt32(byte))
        }

        private static func shiftedByByte(_ register: UInt32) -> UInt32 {
            (0..<8).reduce(register) { bits, _ in bits & 1 == 1 ? bits >> 1 ^ 0xEDB8_8320 : bits >> 1 }
        }

        private func linear(_ register: UInt32) -> UInt32 {
            columns.indices.reduce(0) { sum, bit in register >> UInt32(bit) & 1 == 1 ? sum ^ columns[bit] : sum }
        }

        func applied(to register: UInt32) -> UInt32 {
            linear(register) ^ constant
        }

        func twice() -> Step {
            var step = self
            step.columns = columns.map(linear)
            step.constant = applied(to: constant)
            return step
        }
    }
}
