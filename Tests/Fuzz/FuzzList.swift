import FoundationEssentials

/// Any JSON value, of which only the grammar matters.
private struct Anything: Decodable {
    init(from decoder: any Decoder) throws {}
}

/// Returns the outcome of reading a page.
private func read(_ bytes: [UInt8], after previous: ReadList?) -> (Result<PageSigns, JSONError>, InstanceListDecoder) {
    var decoder = InstanceListDecoder(previous: previous)
    do throws(JSONError) {
        return (.success(try decoder.decode(page: bytes)), decoder)
    } catch {
        return (.failure(error), decoder)
    }
}

/// A list is read as it is, whatever was read before it: here what stands before 0xFF, which is in no JSON, or else itself.
private func compare(_ input: [UInt8]) {
    let parts = input.split(separator: 0xFF, maxSplits: 1, omittingEmptySubsequences: false).map(Array.init)
    let (before, list) = (parts[0], parts[parts.count - 1])
    let (first, decoder) = read(before, after: nil)
    guard case .success = first else {
        return
    }
    let (fresh, again) = (read(list, after: nil), read(list, after: decoder.readList))
    precondition(fresh.0 == again.0, "what was read before changes the outcome")
    if case .success = fresh.0 {
        precondition(fresh.1.list == again.1.list, "what was read before changes the list")
        precondition(fresh.1.elements == again.1.elements, "what was read before changes the count")
    }
}

/// Holds the list decoder to Foundation's: it may be stricter, never laxer, and the result is sound.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: start, count: count))
    compare(bytes)
    var decoder = InstanceListDecoder()
    do throws(JSONError) {
        let signs = try decoder.decode(page: bytes)
        precondition(signs == PageSigns() || bytes.contains(UInt8(ascii: "{")))
    } catch {
        precondition((0...bytes.count).contains(error.offset), "the place is outside the document")
        return 0
    }
    let list = decoder.list
    precondition(
        decoder.elements.all == list.instances.count + list.duplicates + list.withoutID,
        "an element is not accounted for")
    precondition(Set(list.instances.map { UTF8Key($0.id) }).count == list.instances.count, "an id is there twice")
    for instance in list.instances {
        precondition(!instance.id.isEmpty && instance.id.utf8.count <= InstanceListDecoder.maximumIDLength)
        precondition(instance.name.unicodeScalars.count <= InstanceListDecoder.maximumTextLength + 1)
        precondition(instance.details.phone == nil, "a phone number was kept though nobody asked")
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
