/// However odd the header fields, there is an answer, and it is one of those that are served.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let fields = UnsafeBufferPointer(start: start, count: count)
        .split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false)
        .map { String(decoding: $0, as: UTF8.self) }
    let accept = fields.first
    let encoding = fields.count > 1 ? fields[1] : nil
    let choice = Negotiation(accept: accept, acceptEncoding: encoding)
    precondition(choice == Negotiation(accept: accept, acceptEncoding: encoding), "the same question has two answers")
    precondition(!choice.gzip || encoding?.lowercased().contains("gzip") == true || encoding?.contains("*") == true)
    precondition(
        choice.format == .text || accept?.lowercased().contains("application/") == true
            || accept?.contains("*/*") == true)
    let type = choice.format.contentType(escaping: choice.escaping)
    precondition(type.utf8.allSatisfy { (0x20...0x7E).contains($0) }, "what was asked must not be echoed")
    return 0
}
