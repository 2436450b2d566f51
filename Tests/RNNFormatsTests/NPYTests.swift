import RNNFormats
import RNNModel
import Testing

/// Against files that NumPy wrote; `Fixtures/make_arrays.py` made them.
@Suite struct NPYTests {
  struct Case: CustomTestStringConvertible {
    var testDescription: String
    var file: [UInt8]
    var tensor: Tensor?
    /// Whether NumPy writes the same array as this very file.
    var isAsSaved: Bool
  }

  static let cases: [Case] = (try? Fixture.json("arrays.json")["files"]?.array)?.map {
    Case(testDescription: $0["name"]?.string ?? "", file: Fixture.bytes(hexadecimal: $0["file"]?.string ?? ""),
      tensor: Fixture.tensor($0), isAsSaved: $0["asSaved"]?.bool ?? false)
  } ?? []

  @Test func hasCases() {
    #expect(Self.cases.count > 45)
  }

  @Test(arguments: cases)
  func readsWhatNumPyWrote(_ example: Case) throws {
    let expected = try #require(example.tensor)
    let arrays = try ArrayRegistry.standard.read(example.file.file)
    #expect(arrays.map(\.name) == [""])
    #expect(arrays.first?.tensor.isIdentical(to: expected) == true)
  }

  @Test(arguments: cases.filter(\.isAsSaved))
  func writesTheBytesThatNumPyWrites(_ example: Case) throws {
    let tensor = try #require(example.tensor)
    let bytes = try written { try NPYFormat().write(ArrayOutput(members: [], end: tensor), to: &$0) }
    #expect(bytes == example.file)
  }

  @Test func lendsTheFilesOwnBytes() throws {
    let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }"
    let file = Self.npy(header, [UInt8](repeating: 1, count: 8)).file
    let tensor = try #require(try NPYFormat().read(file).first?.tensor)
    #expect(tensor.storage === file.storage)
  }

  @Test func widensBFloat16ToFloat32() throws {
    let tensor = try makeTensor(.bfloat16, [2], bytes: [0x80, 0x3F, 0x20, 0xC0])
    let bytes = try written { try NPYFormat().write(ArrayOutput(members: [], end: tensor), to: &$0) }
    let expected = try makeTensor([1, -2.5] as [Float], [2])
    #expect(try NPYFormat().read(bytes.file).first?.tensor.isIdentical(to: expected) == true)
  }

  /// A file of version 1.0 with this dictionary.
  static func npy(_ text: String, _ elements: [UInt8] = []) -> [UInt8] {
    [0x93] + "NUMPY".utf8 + [1, 0, UInt8(text.utf8.count % 256), UInt8(text.utf8.count / 256)] + text.utf8 + elements
  }

  static let again = "save the array again with numpy.save"

  @Test(arguments: [
    ("", "offset 10: the header: no dictionary"),
    ("{'descr': '<f4', 'fortran_order': False}",
      "offset 50: the header: 'descr', 'fortran_order' and 'shape' are not all there"),
    ("{'descr': '<f4', 'descr': '<f8'}", "offset 35: the header: the key 'descr' stands twice"),
    ("{'descr' '<f4'}", "offset 19: the header: no colon after a key"),
    ("{'type': '<f4'}", "offset 18: the header: an unknown key 'type'"),
    ("{'descr': [('a', '<f4')]}", "offset 20: the header: a structured type; plain numbers are expected"),
    ("{'descr': f4}", "offset 20: the header: no string"),
    ("{'descr': '<f4", "offset 20: the header: a string that does not end, or is not plain ASCII"),
    ("{'descr': '<f4' 'shape'", "offset 26: the header: neither comma nor closing brace"),
    ("{'fortran_order': 0}", "offset 28: the header: 'fortran_order' is neither True nor False"),
    ("{'shape': 3}", "offset 20: the header: 'shape' is no tuple"),
    ("{'shape': (-1,)}", "offset 21: the header: 'shape' holds something that is no size of an axis"),
    ("{'shape': (99999999999999999999,)}", "offset 21: the header: 'shape' holds something that is no size of an axis"),
    ("{'shape': (1 2)}", "offset 23: the header: neither comma nor closing bracket in 'shape'"),
    ("{} x", "offset 13: the header: text after the dictionary"),
  ])
  func refusesADamagedHeader(_ header: String, _ problem: String) {
    #expect(refusal { _ = try NPYFormat().read(Self.npy(header).file) } == "\(problem); \(Self.again)")
  }

  @Test func refusesMoreAxesThanThereMayBe() {
    let shape = String(repeating: "1,", count: 33)
    #expect(refusal { _ = try NPYFormat().read(Self.npy("{'shape': (\(shape))}").file) }
      == "offset 85: the header: 'shape' has more than 32 axes; \(Self.again)")
  }

  @Test(arguments: ["(4611686018427387904,)", "(4294967296, 4294967296)", "(0, 9223372036854775807, 2)"])
  func refusesShapesThatOverflow(_ shape: String) {
    let axes = shape.filter { $0 == "," }.count + (shape.hasSuffix(",)") ? 0 : 1)
    let header = "{'descr': '<f4', 'fortran_order': False, 'shape': \(shape)}"
    #expect(refusal { _ = try NPYFormat().read(Self.npy(header).file) }
      == "shape: \(axes) axes whose elements no memory can hold; \(Self.again)")
  }

  @Test func refusesPythonObjects() {
    #expect(refusal { _ = try NPYFormat().read(Self.npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}").file) }
      == "descr: Python objects, which cannot be read without running code (\"|O\"); save plain numbers")
  }

  @Test(arguments: ["<U5", "<M8[ns]", "|V2", "f4", "<f16", "|f4", "<f4 ", ""])
  func refusesOtherTypes(_ type: String) {
    #expect(
      refusal { _ = try NPYFormat().read(Self.npy("{'descr': '\(type)', 'fortran_order': False, 'shape': (1,)}").file) }
        == "descr: an element type that is no plain number of a known size (\"\(type)\"); save it as float32")
  }

  @Test func refusesAnUnknownVersion() {
    #expect(refusal { _ = try NPYFormat().read(([0x93] + "NUMPY".utf8 + [4, 0, 0, 0]).file) }
      == "offset 6: version 4.0, expected 1.0, 2.0 or 3.0; \(Self.again)")
  }

  @Test func refusesAnotherMagic() {
    #expect(refusal { _ = try NPYFormat().read([UInt8](repeating: 0, count: 20).file) }
      == "offset 0: not the magic of a .npy file; \(Self.again)")
  }

  @Test func refusesAHeaderBeyondTheLimit() {
    #expect(refusal { _ = try NPYFormat().read(([0x93] + "NUMPY".utf8 + [2, 0, 0, 0, 0, 0xF0]).file) }
      == "offset 8: a header of 4026531840 bytes, more than the limit of 67108864; \(Self.again)")
  }

  @Test(arguments: [7, 9])
  func refusesAnotherCountOfBytes(_ count: Int) {
    let file = Self.npy("{'descr': '<f4', 'fortran_order': True, 'shape': (1, 2)}", [UInt8](repeating: 0, count: count))
    #expect(refusal { _ = try NPYFormat().read(file.file) }
      == "offset 66: \(count) bytes of elements, expected 8 for float32 (1, 2); copy the file again; it is damaged")
  }

  @Test(arguments: cases.prefix(3))
  func refusesEveryTruncation(_ example: Case) {
    for count in example.file.indices {
      #expect(refusal { _ = try NPYFormat().read(Array(example.file[..<count]).file) } != nil)
    }
  }

  /// Nothing but that it ends: a changed byte may give another valid file.
  @Test func survivesEveryChangedByteOfAHeader() throws {
    let file = try #require(Self.cases.first?.file)
    for index in 0..<128 {
      for value in [0, 0x20, 0x27, 0x28, 0x39, 0x7D, 0xFF] as [UInt8] {
        var changed = file
        changed[index] = value
        _ = refusal { _ = try NPYFormat().read(changed.file) }
      }
    }
  }
}
