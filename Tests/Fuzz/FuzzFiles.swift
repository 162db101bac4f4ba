/// Both readers get every file: what is one's is full of mistakes to the other, and building takes longer than running.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: start, count: count))
    tryAccounts(bytes)
    tryWeb(bytes)
    return 0
}
