import RNNFormats
import RNNHDF5
import RNNModel
import Testing

/// What h5py wrote, read by us. The values are those of Fixtures/make.py.
@Suite struct ReadingTests {
  @Test(arguments: ["little", "big"])
  func readsEveryElementTypeInBothByteOrders(_ order: String) throws {
    let tree = try fixtureTree("numbers")
    func check<Value: Equatable>(_ type: ElementType, _ expected: [Value]) throws {
      let dataset = try tree.dataset("\(order)/\(type.rawValue)")
      #expect(dataset.tensor.elementType == type)
      #expect(dataset.tensor.shape.dimensions == [2, 3])
      #expect(dataset.tensor.elements(as: Value.self) == expected, "\(order) \(type)")
      #expect((dataset.fileOffset != nil) == (order == "little" || type.byteCount == 1))
    }
    try check(.float64, [0, 1, 2, 3, 4, 5] as [Double])
    try check(.float32, [0, 1, 2, 3, 4, 5] as [Float])
    try check(.float16, [0, 0x3C00, 0x4000, 0x4200, 0x4400, 0x4500] as [UInt16])
    try check(.int64, [0, 1, 2, 3, 4, 5] as [Int64])
    try check(.int32, [0, 1, 2, 3, 4, 5] as [Int32])
    try check(.int16, [0, 1, 2, 3, 4, 5] as [Int16])
    try check(.int8, [0, 1, 2, 3, 4, 5] as [Int8])
    try check(.uint64, [0, 1, 2, 3, 4, 5] as [UInt64])
    try check(.uint32, [0, 1, 2, 3, 4, 5] as [UInt32])
    try check(.uint16, [0, 1, 2, 3, 4, 5] as [UInt16])
    try check(.uint8, [0, 1, 2, 3, 4, 5] as [UInt8])
    try check(.complex64, (0..<6).map { SIMD2<Float>(Float($0), Float(2 * $0)) })
    try check(.complex128, (0..<6).map { SIMD2<Double>(Double($0), Double(2 * $0)) })
  }

  @Test func readsBoolScalarAndEmptyDatasets() throws {
    let tree = try fixtureTree("numbers")
    #expect(try tree.dataset("bool").tensor.elementType == .bool)
    #expect(try tree.dataset("bool").tensor.bytes == [1, 0, 1])
    #expect(try tree.dataset("scalar").tensor.shape.dimensions == [])
    #expect(try tree.dataset("scalar").tensor.elements(as: Float.self) == [1.5])
    #expect(try tree.dataset("empty").tensor.shape.dimensions == [0, 3])
    #expect(try tree.dataset("empty").tensor.bytes == [])
    #expect(try tree.dataset("minus").tensor.elements(as: Int32.self) == [-1, -2])
  }

  @Test func keepsTheBitsOfBigEndianNaNs() throws {
    let tree = try fixtureTree("numbers")
    #expect(try tree.dataset("nan").tensor.elements(as: UInt32.self) == [0x7FC0_1234, 0xFF80_0001])
  }

  @Test func readsFloatsByTheirLayoutAndNarrowIntegersByValue() throws {
    let tree = try fixtureTree("numbers")
    #expect(try tree.dataset("bfloat16").tensor.elementType == .bfloat16)
    #expect(try tree.dataset("bfloat16").tensor.elements(as: UInt16.self) == [0x3F80, 0xC000])
    #expect(try tree.dataset("twelve_bits").tensor.elementType == .int16)
    #expect(try tree.dataset("twelve_bits").tensor.elements(as: Int16.self) == [-3, 5])
  }

  @Test(arguments: [
    "contiguous", "chunked", "gzip", "shuffle", "fletcher32", "szip", "big_gzip", "growing", "lzf",
  ])
  func readsEveryStorage(_ name: String) throws {
    let dataset = try fixtureTree("filters").dataset(name)
    #expect(dataset.tensor.shape.dimensions == [100, 30])
    #expect(dataset.tensor.elements(as: Float.self) == (0..<3000).map { Float($0) * 0.25 })
    #expect((dataset.fileOffset != nil) == (name == "contiguous"))
  }

  @Test func fillsWhatIsNotStored() throws {
    let tree = try fixtureTree("filters")
    #expect(try tree.dataset("filled").tensor.elements(as: Float.self) == [Float](repeating: 2.5, count: 3000))
    #expect(try tree.dataset("sparse").tensor.elements(as: Float.self)
      == (0..<3000).map { (1500..<1800).contains($0) ? Float($0) * 0.25 : -1 })
    #expect(try tree.dataset("compact").tensor.elements(as: Float.self) == [0, 1, 2, 3, 4, 5])
  }

  @Test func countsAUserBlock() throws {
    let dataset = try fixtureTree("userblock").dataset("weight")
    #expect(dataset.fileOffset.map { $0 >= 1024 } == true)
    #expect(dataset.tensor.elements(as: Float.self) == (0..<3000).map { Float($0) * 0.25 })
  }

  @Test func followsLinksInsideTheFileOnly() throws {
    let tree = try fixtureTree("links")
    #expect(tree.root.isOrdered)
    #expect(tree.root.children.map(\.name) == ["zebra", "apple", "tied", "soft", "group"])
    #expect(try tree.dataset("tied").fileOffset == tree.dataset("zebra").fileOffset)
    #expect(try tree.dataset("soft").tensor.elements(as: Double.self) == [0, 1])
    #expect(tree.reasons == [
      "/group/up": "another link to the group /",
      "/alias": "another link to the group /group",
      "/dangling": "a soft link that leads nowhere in this file",
      "/elsewhere": "a link to another file",
      "/through": "a soft link that leads nowhere in this file",
      "/outside": "a dataset whose data is in another file",
      "/virtual": "a virtual dataset, whose data is elsewhere",
    ])
  }

  @Test func ordersByNameWhereTheFileKeepsNoOrder() throws {
    let tree = try fixtureTree("kinds")
    #expect(!tree.root.isOrdered)
    #expect(tree.root.children.map(\.name) == ["fixed", "grid", "word", "words"])
  }

  @Test func readsStringsAndListsWhatNoTensorHolds() throws {
    let tree = try fixtureTree("kinds")
    #expect(try tree.strings("words").values == ["one", "två", ""])
    #expect(try tree.strings("fixed").values == ["ab", "cde"])
    #expect(try tree.strings("word").json == .string("single"))
    #expect(try tree.strings("grid").json == JSONValue(parsing: #"[["a", "b"], ["c", "d"]]"#))
    #expect(tree.reasons == [
      "/array": "a compound type", "/compound": "a compound type",
      "/enumeration": "an enumeration other than h5py's bool", "/lists": "variable-length lists",
      "/long_double": "a floating-point number of 16 bytes in an unknown layout", "/opaque": "opaque bytes",
      "/reference": "references", "/shapeless": "a dataset without a shape", "/type": "a named datatype",
    ])
  }

  @Test func readsAttributes() throws {
    let tree = try fixtureTree("attributes")
    let expected = try JSONValue(parsing: """
      {"byte_texts": ["lstm", "gru"], "bytes": "fixed", "flag": true, "flags": [true, false], "integer": 7,
       "integers": [1, -2], "large": 18446744073709551615, "none": [], "nothing": null, "number": 0.5, "numbers": [0.5, 2.0], "one": [3],
       "square": [[1, 2], [3, 4]], "text": "grün", "texts": ["a", "bc"]}
      """)
    #expect(tree.root.attributes.map { JSONValue.Member($0.name, $0.value) } == expected.members)
    #expect(try tree.dataset("data")[attribute: "unit"] == .string("V"))
    #expect(tree.reasons == [
      "/, attribute compound": "a compound type",
      "/, attribute latin": "text that is not UTF-8",
    ])
  }

  @Test func keepsTheOrderOfAttributesWhereTheFileDoes() throws {
    guard case .group(let group) = try fixtureTree("attributes").root["ordered"] else {
      throw HDF5Tree.Missing(path: "ordered")
    }
    #expect(group.attributes.map(\.name) == ["z", "a"])
  }

  @Test func readsAttributesOver64KiB() throws {
    let many = try fixtureTree("large_attribute").root[attribute: "many"]
    #expect(many == .array((0..<9000).map { .integer($0) }))
  }

  @Test func readsBytesThatCameThroughAPipe() throws {
    let file = InputFile(try readBytes(fixture("filters")), name: "-")
    let dataset = try HDF5File().readTree(file).dataset("gzip")
    #expect(dataset.tensor.elements(as: Float.self) == (0..<3000).map { Float($0) * 0.25 })
  }
}
