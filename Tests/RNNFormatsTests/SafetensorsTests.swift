import RNNFormats
import RNNModel
import Testing

/// Against files that the safetensors library wrote (`Fixtures/make_safetensors.py`), and files damaged by hand.
@Suite struct SafetensorsTests {
  @Test func readsEveryTypeThatTheLibraryWrites() throws {
    let archive = try FormatRegistry.standard.read(try Fixture.file("types.safetensors"))
    #expect(archive.metadata == [.init("format", .string("pt"))])
    #expect(archive.tensors.count == 18)
    #expect(!archive.isOrdered)
    for type in ElementType.allCases where type != .complex128 {
      #expect(archive[type.rawValue]?.elementType == type)
      #expect(archive[type.rawValue]?.shape.dimensions == [1, 3])
    }
    #expect(archive["float64"]?.isIdentical(to: try makeTensor([0, 1, 2] as [Double], [1, 3])) == true)
    #expect(archive["int64"]?.isIdentical(to: try makeTensor([0, 1, 2] as [Int64], [1, 3])) == true)
    let half = try makeTensor(.bfloat16, [1, 3], bytes: [0, 0, 0x80, 0x3F, 0, 0x40])
    #expect(archive["bfloat16"]?.isIdentical(to: half) == true)
    let small = try makeTensor(.float8_e4m3fn, [1, 3], bytes: [0, 0x38, 0x40])
    #expect(archive["float8_e4m3fn"]?.isIdentical(to: small) == true)
    #expect(archive["scalar"]?.isIdentical(to: try makeTensor([1.5] as [Float], [])) == true)
    #expect(archive["empty"]?.shape.dimensions == [0, 3])
  }

  @Test func losesNothing() throws {
    let model = try SampleModel.model()
    let bytes = try written { try SafetensorsFormat().write(model, to: &$0) }
    #expect(try FormatRegistry.standard.format(of: bytes.file).name == "safetensors")
    let archive = try FormatRegistry.standard.read(bytes.file)
    #expect(try SampleModel.native(archive) == (try SampleModel.native(model)))
  }

  /// `load_state_dict(strict=True)` takes no other name: the cases are texts in the metadata.
  @Test func holdsNoTensorsButTheModels() throws {
    let model = try SampleModel.model()
    let bytes = try written { try SafetensorsFormat().write(model, to: &$0) }
    let size = bytes[..<8].reversed().reduce(0) { $0 << 8 | Int($1) }
    let header = try JSONValue(parsing: String(decoding: bytes[8..<8 + size], as: UTF8.self))
    #expect(Set(header.members?.map(\.key) ?? []) == Set(["__metadata__"] + model.archive.tensors.map(\.name)))
    let arrays = try JSONValue(parsing: try #require(header["__metadata__"]?["rnnkit.arrays"]?.string))
    // 0.5 and 1 as float32, by Python's base64 and struct.
    #expect(arrays.array?.first == .object([
      .init("name", .string("cases/first/input")), .init("dtype", .string("float32")),
      .init("shape", .array([.integer(1), .integer(2), .integer(1)])), .init("base64", .string("AAAAPwAAgD8=")),
    ]))
  }

  @Test func refusesCasesTooLargeForAHeader() throws {
    var archive = try SampleModel.model().archive
    let input = try #require(Tensor.zeros(.float32, [1, 4 << 20, 1]))
    archive.cases = [ReferenceCase(name: "long", members: [NamedTensor("input", input)])]
    let model = try Model(archive, architecture: try #require(archive.architecture))
    #expect(try written { try SafetensorsFormat().write(model, to: &$0) }.count > 21 << 20)
    archive.cases.append(ReferenceCase(name: "b", members: [NamedTensor("input", try makeTensor([1] as [Float], [1, 1]))]))
    let larger = try Model(archive, architecture: try #require(archive.architecture))
    #expect(refusal { _ = try written { try SafetensorsFormat().write(larger, to: &$0) } }
      == "its reference cases have 16777220 bytes, and safetensors' metadata take no more than 16777216 of them; "
      + "leave them out with Conversion.removeCases(), or write another format")
  }

  @Test(arguments: [
    (#"{}"#, "not a list"),
    (#"[{"name":"cases/a/input","dtype":"float32","shape":[1]}]"#, "[0]: not an object of name, dtype, shape and base64"),
    (#"[{"name":"cases/a/input","dtype":"float32","shape":[2],"base64":"AAAAPw=="}]"#,
      "[0]: its base64 does not hold the bytes of float32 (2,)"),
    (#"[{"name":"cases/a/input","dtype":"float32","shape":[1],"base64":"AAAAPw="}]"#,
      "[0]: its base64 does not hold the bytes of float32 (1,)"),
  ])
  func refusesCasesThatAreNotWhatTheySay(_ arrays: String, _ problem: String) throws {
    let text = JSONValue.string(arrays).text
    let header = #"{"__metadata__":{"rnnkit.arrays":\#(text)},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#
    let message = "__metadata__.rnnkit.arrays" + (problem.hasPrefix("[") ? problem : ": " + problem)
    #expect(refusal { _ = try SafetensorsFormat().read(Self.file(header).file) } == message + "; write the file again")
  }

  @Test func keepsPlainMetadataPlain() throws {
    var archive = try SampleModel.model(.float32, extras: false).archive
    archive.metadata = [.init("format", .string("pt"))]
    archive.isOrdered = false
    let model = try Model(archive, architecture: try #require(archive.architecture))
    let bytes = try written { try SafetensorsFormat().write(model, to: &$0) }
    let text = String(decoding: bytes, as: UTF8.self)
    #expect(text.contains(#","format":"pt"},"rnn.weight_ih_l0":{"dtype":"F32","shape":[2,1],"#))
    let read = try SafetensorsFormat().read(bytes.file)
    #expect(read.metadata == archive.metadata && !read.isOrdered)
  }

  @Test func alignsTensorsAndHeader() throws {
    let bytes = try written { try SafetensorsFormat().write(try SampleModel.model(), to: &$0) }
    #expect(bytes[0] % 8 == 0)
    let archive = try SafetensorsFormat().read(bytes.file)
    #expect(archive.tensors.allSatisfy { $0.tensor.offset % $0.tensor.elementType.byteCount == 0 })
  }

  @Test func refusesToWriteComplex128() throws {
    #expect(try Self.writing("z", try makeTensor(.complex128, [1], bytes: [UInt8](repeating: 0, count: 16)))
      == "tensor z: safetensors has no complex128; write another format")
  }

  @Test func refusesToWriteTheMetadatasName() throws {
    #expect(try Self.writing("__metadata__", try makeTensor([1] as [Float], [1]))
      == "tensor __metadata__: safetensors keeps this name for itself; rename the tensor")
  }

  static func writing(_ name: String, _ tensor: Tensor) throws -> String? {
    var archive = try SampleModel.model().archive
    try archive.append(name, tensor)
    guard let architecture = archive.architecture else { return nil }
    let model = try Model(archive, architecture: architecture)
    return refusal { _ = try written { try SafetensorsFormat().write(model, to: &$0) } }
  }

  /// A file with this header and so many bytes of tensors.
  static func file(_ header: String, _ count: Int = 8) -> [UInt8] {
    var bytes = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Array($0) }
    bytes += Array(header.utf8)
    return bytes + (0..<count).map { UInt8(truncatingIfNeeded: $0) }
  }

  @Test func readsTensorsInTheOrderOfTheirOffsets() throws {
    let header = #"{"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]},"#
      + #""a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"#
      + #""c":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}   "#
    let archive = try SafetensorsFormat().read(Self.file(header).file)
    #expect(archive.tensors.map(\.name) == ["c", "a", "b"])
    #expect(archive.isOrdered)
  }

  static let again = "compare with the schema, or write the file again"

  @Test(arguments: [
    (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}"#,
      "header, offset 53: neither comma nor closing brace, expected valid JSON; write the file again"),
    ("[]", "offset 8: a header that does not begin with {; copy the file again; it is damaged"),
    ("{}", "offset 10: 8 bytes that belong to no tensor; copy the file again; it is damaged"),
    (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#,
      "offset 66: 4 bytes that belong to no tensor; copy the file again; it is damaged"),
    (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#,
      "tensor a: it begins at 4, after a gap, expected 0; write the file again with the safetensors library"),
    (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#,
      "tensor b: it begins at 4, inside the tensor before it, expected 8; "
        + "write the file again with the safetensors library"),
    (#"{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}}"#,
      "tensor a: it ends at 12, the file has 8 bytes of tensors; copy the file again; it is cut short"),
    (#"{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}"#,
      "tensor a.data_offsets: 8 bytes, expected 12 for F32 (3,); \(again)"),
    (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}"#,
      "tensor a.data_offsets: not a start and an end; \(again)"),
    (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[8]}}"#,
      "tensor a.data_offsets: not a start and an end; \(again)"),
    (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8.0]}}"#,
      "tensor a.data_offsets: not a list of whole numbers from 0; \(again)"),
    (#"{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}"#,
      "tensor a.shape: not a list of whole numbers from 0; \(again)"),
    (#"{"a":{"dtype":"F32","shape":[9223372036854775807,9223372036854775807],"data_offsets":[0,4]}}"#,
      "tensor a.shape: too many axes, or more elements than memory can hold; \(again)"),
    (#"{"a":{"dtype":"F32","shape":[4611686018427387904],"data_offsets":[0,0]}}"#,
      "tensor a.shape: too many axes, or more elements than memory can hold; \(again)"),
    (#"{"a":{"dtype":"F8_E8M0","shape":[2],"data_offsets":[0,2]}}"#,
      "tensor a: the element type F8_E8M0, which RNNKit does not know; save it as one of "
        + "BF16, BOOL, C64, F16, F32, F64, F8_E4M3, F8_E5M2, I16, I32, I64, I8, U16, U32, U64, U8"),
    (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"crc":1}}"#,
      "tensor a.crc: an unknown key, which may change what the model computes; use a newer RNNKit, or correct the key"),
    (#"{"a":{"dtype":"F32","data_offsets":[0,8]}}"#, "tensor a.shape: missing; \(again)"),
    (#"{"a":1}"#, "tensor a: not a JSON object; \(again)"),
    (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#,
      "header, offset 57: the key \"a\" stands twice, expected valid JSON; write the file again"),
    (#"{"__metadata__":[]}"#, "__metadata__: not a JSON object; write the file again"),
    (#"{"__metadata__":{"a":1}}"#, "__metadata__.a: not a string; write the file again"),
  ])
  func refusesADamagedHeader(_ header: String, _ message: String) {
    #expect(refusal { _ = try SafetensorsFormat().read(Self.file(header).file) } == message)
  }

  @Test(arguments: [
    ("architecture", "[]", "architecture: not a JSON object; \(again)"),
    ("architecture", "{",
      "__metadata__.rnnkit.architecture, offset 1: no string, expected valid JSON; write the file again"),
    ("ordered", "1", "__metadata__.rnnkit.ordered: neither true nor false; write the file again"),
    ("metadata", "1", "__metadata__.rnnkit.metadata: not a JSON object; write the file again"),
    ("metadata", #"{\"k\":1}"#, "__metadata__.rnnkit.metadata: the key k stands beside it too; write the file again"),
    ("order", "[]", "__metadata__.rnnkit.order: not a list of every tensor's name; write the file again"),
    ("order", #"[\"b\"]"#, "__metadata__.rnnkit.order: no tensor is named b, or it stands twice; write the file again"),
    ("cases", "1", "__metadata__.rnnkit.cases: not a list; write the file again"),
    ("other", "1",
      "__metadata__.rnnkit.other: an unknown key, which may change what the model computes; write the file again"),
  ])
  func refusesDamagedMetadata(_ key: String, _ value: String, _ message: String) {
    let header = #"{"__metadata__":{"k":"v","rnnkit.\#(key)":"\#(value)"},"#
      + #""a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#
    #expect(refusal { _ = try SafetensorsFormat().read(Self.file(header).file) } == message)
  }

  @Test func refusesAHeaderBeyondTheLimit() {
    #expect(refusal { _ = try SafetensorsFormat().read([1, 0xE1, 0xF5, 0x05, 0, 0, 0, 0].file) }
      == "offset 0: a header of 100000001 bytes, more than the limit of 100000000; copy the file again; it is damaged")
  }

  @Test func refusesEveryTruncation() throws {
    let bytes = try Fixture.file("types.safetensors").withUnsafeBytes { bytes in Array(bytes) }
    for count in bytes.indices {
      #expect(refusal { _ = try SafetensorsFormat().read(Array(bytes[..<count]).file) } != nil)
    }
  }

  @Test func readsSeveralFilesUnderAnIndex() throws {
    let file = try Fixture.file("model.safetensors.index.json")
    #expect(try FormatRegistry.standard.format(of: file).name == "safetensors")
    let archive = try FormatRegistry.standard.read(file)
    #expect(archive.tensors.map(\.name) == ["fc.bias", "fc.weight", "scale"])
    #expect(archive.metadata == [.init("format", .string("pt")), .init("author", .string("nobody"))])
    #expect(archive["fc.weight"]?.isIdentical(to: try makeTensor([1, 2] as [Float], [1, 2])) == true)
  }

  /// An index beside the fixtures, without being there.
  static func index(_ map: String) -> InputFile {
    InputFile(Array(#"{"weight_map":\#(map)}"#.utf8), name: Fixture.path("index.json"))
  }

  @Test(arguments: ["../model.safetensors", "/etc/model.safetensors", "a\\\\b.safetensors", "..", "", "-"])
  func opensNoFileOfAnotherFolder(_ name: String) {
    #expect(refusal { _ = try FormatRegistry.standard.read(Self.index(#"{"a":"\#(name)","b":"x.safetensors"}"#)) }
      == "\(Fixture.path("index.json")): weight_map.a: \"\(name)\", expected the name of a file beside the index; "
      + "put the files in one folder")
  }

  static let first = "model-00001-of-00002.safetensors"
  static let second = "model-00002-of-00002.safetensors"

  @Test(arguments: [
    (#"{"scale":"\#(second)","x":"\#(second)"}"#,
      "index.json: tensor x: it is not in \(second), where the index has it; write the model again"),
    (#"{"fc.weight":"\#(first)"}"#, "\(first): tensor fc.bias: it is not in the index; write the model again"),
    (#"{"fc.weight":"\#(first)","fc.bias":"\#(second)"}"#,
      "\(first): tensor fc.bias: it is here, expected in \(second); write the model again"),
    (#"{"a":"missing.safetensors"}"#,
      "missing.safetensors: a file of the model cannot be opened: No such file or directory; "
        + "copy the data files along with the model"),
    (#""x.safetensors""#, "index.json: weight_map: not a JSON object; write the model again"),
  ])
  func refusesAnIndexThatDoesNotFit(_ map: String, _ message: String) {
    #expect(refusal { _ = try FormatRegistry.standard.read(Self.index(map)) } == Fixture.path(message))
  }

  @Test func refusesAnIndexFromAPipe() {
    let file = InputFile(Array(#"{"weight_map":{"a":"x.safetensors"}}"#.utf8), name: "-")
    #expect(refusal { _ = try FormatRegistry.standard.read(file) }
      == "-: an index on standard input does not tell where its files are; name the index's path")
  }
}
