import RNNFormats
import RNNHDF5
import RNNModel
import Testing

/// h5py's own compression. The values are those that h5py wrote beside, uncompressed: Fixtures/make_lzf.py.
@Suite struct LZFTests {
  @Test(arguments: [
    "float32", "float64", "float16", "big_endian", "big_endian_float64", "int8", "edges", "shuffled", "checked",
    "shuffled_checked", "zeros", "growing", "noise", "half_noise", "checked_first",
  ])
  func readsWhatH5pyCompressed(_ name: String) throws {
    let tree = try fixtureTree("lzf")
    let (packed, plain) = (try tree.dataset("lzf/\(name)"), try tree.dataset("plain/\(name)"))
    #expect(packed.fileOffset == nil)
    #expect(packed.tensor.elementType == plain.tensor.elementType && packed.tensor.shape == plain.tensor.shape)
    #expect(packed.tensor.bytes == plain.tensor.bytes)
    let child = try HDF5Process(timeout: 10, program: childProgram).readTree(InputFile(fixture("lzf")))
    #expect(try child.dataset("lzf/\(name)").tensor.bytes == plain.tensor.bytes)
  }

  @Test func readsStringsToo() throws {
    let words = try fixtureTree("lzf").strings("words").values
    #expect(words == (0..<50).flatMap { _ in ["ab", "cde"] })
  }

  @Test func refusesChunksThatAreNoLZFOrTooShort() throws {
    for name in ["bad_lzf_distance", "bad_lzf_short"] {
      let error = #expect(throws: RNNError.self) { try fixtureTree(name) }
      #expect(error?.kind == .badData && error?.place == "/weight", "\(name): \(error.map { "\($0)" } ?? "")")
      #expect(error?.problem.description.hasPrefix("its elements cannot be read") == true)
    }
  }

  private func decoded(_ bytes: [UInt8], atMost limit: Int = 1000) -> [UInt8]? {
    bytes.withUnsafeBytes { source in
      guard let count = LZF.decodedCount(source, atMost: limit) else { return nil }
      var target = [UInt8](repeating: 0xAA, count: count)
      return target.withUnsafeMutableBytes { LZF.decode(source, into: $0) } ? target : nil
    }
  }

  @Test func decodesLiteralsAndCopiesThatOverlapThemselves() {
    #expect(decoded([]) == [])
    #expect(decoded([2, 1, 2, 3]) == [1, 2, 3])
    // Three bytes from one before: 7 repeated.
    #expect(decoded([0, 7, 0x20, 0]) == [7, 7, 7, 7])
    // The longest count, 7 + 255 + 2, from two before.
    #expect(decoded([1, 1, 2, 0xE0, 255, 1]) == (0..<133).flatMap { _ in [1, 2] as [UInt8] })
  }

  @Test(arguments: [
    [0], [31, 1], [0, 7, 0x20], [0, 7, 0xE0], [0, 7, 0xE0, 1], [0x20, 0], [0, 7, 0x20, 1], [0, 7, 0x21, 0],
  ] as [[UInt8]])
  func refusesPiecesThatEndTooSoonOrReachBeforeTheStart(_ bytes: [UInt8]) {
    #expect(decoded(bytes) == nil)
  }

  @Test func refusesMoreThanIsAllowed() {
    #expect(decoded([1, 1, 2, 0xE0, 255, 1], atMost: 266)?.count == 266)
    #expect(decoded([1, 1, 2, 0xE0, 255, 1], atMost: 265) == nil)
    var target: [UInt8] = [0, 0]
    #expect(!target.withUnsafeMutableBytes { target in [2, 1, 2, 3].withUnsafeBytes { LZF.decode($0, into: target) } })
  }
}
