import Foundation
import RNNFormats
import RNNHDF5
import RNNModel
import Testing

/// One defect a file, and the words it is refused with.
@Suite struct RefusalTests {
  private func refusal(of path: String) -> RNNError? {
    do throws(RNNError) {
      _ = try HDF5File().readTree(path)
      return nil
    } catch {
      return error
    }
  }

  private func check(
    _ error: RNNError?, _ kind: RNNError.Kind, _ place: String?, _ problem: String,
    _ location: SourceLocation = #_sourceLocation
  ) {
    #expect(error?.kind == kind, sourceLocation: location)
    #expect(error?.place == place, sourceLocation: location)
    #expect(error?.problem == Phrase(problem), sourceLocation: location)
    #expect(error?.remedy != nil, sourceLocation: location)
  }

  @Test func refusesAHugeDatasetThatIsNotStored() {
    check(refusal(of: fixture("bad_unstored")), .badData, "/weight",
      "it claims 4398046511104 bytes, of which 0 are stored: more than 1100 to 1")
  }

  @Test func refusesMoreThanCompressionCanGive() {
    check(refusal(of: fixture("bad_ratio")), .badData, "/weight",
      "it claims 274877906944 bytes, of which 282 are stored: more than 1100 to 1")
  }

  @Test func refusesChunksThatDoNotFitMemory() {
    check(refusal(of: fixture("bad_chunk")), .badData, "/weight",
      "its chunks are 536870912 bytes each, more than 256 MiB")
  }

  @Test func refusesAShapeThatOverflows() {
    check(refusal(of: fixture("bad_shape")), .badData, "/weight",
      "its shape (4294967296, 4294967296) is more than memory can hold")
  }

  @Test func refusesManyDatasetsThatUnpackToTooMuch() {
    check(refusal(of: fixture("bad_total")), .badData, "/c",
      "the file's datasets unpack to more than 1100 times its size")
  }

  @Test func refusesMoreTextThanAFileMayHold() throws {
    let folder = try TemporaryFolder()
    let text = String(repeating: "a", count: Limits.maximumHeaderSize + 1)
    try HDF5File().write(HDF5Tree(root: .init(attributes: [.init("text", .string(text))])), to: folder("x.h5"))
    check(refusal(of: folder("x.h5")), .badData, "/, attribute text", "attributes and strings take more than 64 MiB")
  }

  @Test func refusesDeepGroups() {
    let error = refusal(of: fixture("bad_depth"))
    #expect(error?.problem == "groups are nested more than 64 deep")
    #expect(error?.place == String(repeating: "/g", count: 64))
  }

  @Test func refusesAFletcher32ChecksumThatDiffers() {
    check(refusal(of: fixture("bad_checksum")), .badData, "/weight",
      "its elements cannot be read: data error detected by Fletcher32 checksum")
  }

  @Test func refusesAFileCutShort() throws {
    let folder = try TemporaryFolder()
    let bytes = try readBytes(fixture("userblock"))
    try writeBytes(Array(bytes.dropLast(100)), to: folder("cut.h5"))
    let error = refusal(of: folder("cut.h5"))
    #expect(error?.kind == .badData)
    #expect(error?.file == folder("cut.h5"))
    #expect(error?.problem.description.hasPrefix("cannot be opened as HDF5: truncated file: eof = ") == true)
  }

  @Test func refusesWhatIsNotHDF5() {
    check(refusal(of: #filePath), .badData, nil, "cannot be opened as HDF5: file signature not found")
  }

  @Test func refusesAMissingFile() {
    check(refusal(of: "/nowhere/at/all.h5"), .missingInput, nil, "cannot be opened: No such file or directory")
  }

  @Test func refusesOverlappingDatasets() throws {
    let (bytes, first, second) = try twoDatasets()
    let folder = try TemporaryFolder()
    try writeBytes(try patched(bytes, UInt64(second), with: UInt64(first + 4)), to: folder("overlap.h5"))
    check(refusal(of: folder("overlap.h5")), .badData, "/second",
      "its bytes, from offset \(first + 4), overlap those of /first, to offset \(first + 400)")
  }

  @Test func refusesADatasetBeyondTheEndOfTheFile() throws {
    let (bytes, _, second) = try twoDatasets()
    let folder = try TemporaryFolder()
    try writeBytes(try patched(bytes, UInt64(second), with: UInt64(bytes.count - 16)), to: folder("beyond.h5"))
    let error = refusal(of: folder("beyond.h5"))
    #expect(error?.kind == .badData)
    #expect(error?.place == "/second")
  }

  /// A file of two contiguous datasets of 400 bytes, and their offsets.
  private func twoDatasets() throws -> (bytes: [UInt8], first: Int, second: Int) {
    let folder = try TemporaryFolder()
    let tensor = Tensor([Float](repeating: 1, count: 100), Shape([100])!)!
    try HDF5File().write(
      HDF5Tree(root: .init(children: ["first", "second"].map { .init($0, .dataset(.init(tensor))) })),
      to: folder("two.h5"))
    let tree = try HDF5File().readTree(folder("two.h5"))
    return (
      try readBytes(folder("two.h5")), try #require(try tree.dataset("first").fileOffset),
      try #require(try tree.dataset("second").fileOffset)
    )
  }

  /// Replaces the one place where an address stands, and the checksum of the object header around it.
  private func patched(_ bytes: [UInt8], _ old: UInt64, with new: UInt64) throws -> [UInt8] {
    let pattern = withUnsafeBytes(of: old.littleEndian) { Array($0) }
    let places = (0..<bytes.count - 8).filter { bytes[$0..<$0 + 8].elementsEqual(pattern) }
    let place = try #require(places.count == 1 ? places.first : nil)
    var bytes = bytes
    withUnsafeBytes(of: new.littleEndian) { bytes.replaceSubrange(place..<place + 8, with: $0) }
    // The header begins at its signature and says its length; four bytes of lookup3 follow.
    let start = try #require((0..<place).last { bytes[$0..<$0 + 4].elementsEqual(Array("OHDR".utf8)) })
    let sizeWidth = 1 << Int(bytes[start + 5] & 3)
    let size = (0..<sizeWidth).reduce(0) { $0 | Int(bytes[start + 6 + $1]) << (8 * $1) }
    let end = start + 6 + sizeWidth + size
    let checksum = lookup3(bytes[start..<end])
    withUnsafeBytes(of: checksum.littleEndian) { bytes.replaceSubrange(end..<end + 4, with: $0) }
    return bytes
  }
}

/// Bob Jenkins' hashlittle with initial value 0, which HDF5's version 2 object headers end with
/// (HDF5 File Format Specification, IV.A.1.b; https://burtleburtle.net/bob/c/lookup3.c).
func lookup3(_ key: ArraySlice<UInt8>) -> UInt32 {
  func rotated(_ x: UInt32, _ k: UInt32) -> UInt32 { x << k | x >> (32 - k) }
  var a = 0xDEAD_BEEF &+ UInt32(key.count), b = a, c = a
  var rest = key
  func word(_ index: Int) -> UInt32 {
    (0..<4).reduce(0) { $0 | UInt32(rest.dropFirst(4 * index + $1).first ?? 0) << (8 * UInt32($1)) }
  }
  while rest.count > 12 {
    a &+= word(0); b &+= word(1); c &+= word(2)
    a &-= c; a ^= rotated(c, 4); c &+= b
    b &-= a; b ^= rotated(a, 6); a &+= c
    c &-= b; c ^= rotated(b, 8); b &+= a
    a &-= c; a ^= rotated(c, 16); c &+= b
    b &-= a; b ^= rotated(a, 19); a &+= c
    c &-= b; c ^= rotated(b, 4); b &+= a
    rest = rest.dropFirst(12)
  }
  if rest.isEmpty { return c }
  a &+= word(0); b &+= word(1); c &+= word(2)
  c ^= b; c &-= rotated(b, 14)
  a ^= c; a &-= rotated(c, 11)
  b ^= a; b &-= rotated(a, 25)
  c ^= b; c &-= rotated(b, 16)
  a ^= c; a &-= rotated(c, 4)
  b ^= a; b &-= rotated(a, 14)
  c ^= b; c &-= rotated(b, 24)
  return c
}
