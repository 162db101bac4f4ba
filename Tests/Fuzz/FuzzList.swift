import FoundationEssentials

/// Any JSON value, of which only the grammar matters.
private struct Anything: Decodable {
    init(from decoder: any Decoder) throws {}
}

/// What the list decoder takes, Foundation's decoder takes too: it may be stricter, never laxer. And what it takes is sound.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: start, count: count))
    var decoder = InstanceListDecoder()
    do throws(JSONError) {
        let link = try decoder.decode(page: bytes)
        precondition(link == nil || bytes.contains(UInt8(ascii: "{")))
    } catch {
        precondition((0...bytes.count).contains(error.offset), "the place is outside the document")
        return 0
    }
    let list = decoder.list
    precondition(Set(list.instances.map { ExactText($0.id) }).count == list.instances.count, "an id is there twice")
    for instance in list.instances {
        precondition(!instance.id.isEmpty && instance.id.utf8.count <= InstanceListDecoder.longestID)
        precondition(instance.name.unicodeScalars.count <= InstanceListDecoder.longestText + 1)
        precondition(instance.phone == nil, "a phone number was kept though nobody asked")
    }
    // Half a surrogate pair reads as U+FFFD here, and spoils the whole document there: that difference is meant.
    let text = String(decoding: bytes, as: UTF8.self).lowercased()
    if !text.contains("\\ud") {
        let plain = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? Array(bytes.dropFirst(3)) : bytes
        do {
            _ = try JSONDecoder().decode(Anything.self, from: Data(plain))
        } catch {
            fatalError("Foundation refuses what was taken: \(error)")
        }
    }
    return 0
}
