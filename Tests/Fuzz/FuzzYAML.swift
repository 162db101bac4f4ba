/// A file of any content is a tree or a list of mistakes with places in it; it costs no more than its size allows.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: start, count: count))
    let (first, second) = (Diagnostics(file: "f"), Diagnostics(file: "f"))
    let root = YAMLParser.parse(bytes, first)
    let again = YAMLParser.parse(bytes, second)
    precondition(root == again && first.problems == second.problems, "the same file was read in two ways")
    precondition(root != nil || !first.problems.isEmpty)
    let diagnostics = Diagnostics(file: "f")
    if let mapping = MappingDecoder(file: bytes, diagnostics) {
        for key in mapping.keys.prefix(20) {
            _ = mapping.text(key)
            _ = mapping.integer(key, 0...9)
            _ = mapping.mappings(key)
            _ = mapping.mapping(key)
        }
        mapping.end()
    } else {
        precondition(!diagnostics.problems.isEmpty)
    }
    for problem in diagnostics.problems {
        precondition(problem.place.hasPrefix("f:"), problem.place)
    }
    return 0
}
