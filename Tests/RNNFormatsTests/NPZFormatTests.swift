import RNNFormats
import RNNModel
import Testing

@Suite struct NPZFormatTests {
  @Test func losesNothing() throws {
    let model = try SampleModel.model()
    let bytes = try written { try NPZFormat().write(model, to: &$0) }
    let format = try FormatRegistry.standard.format(of: bytes.file)
    #expect(format.name == "npz")
    let archive = try FormatRegistry.standard.read(bytes.file)
    #expect(try SampleModel.native(archive) == (try SampleModel.native(model)))
  }

  @Test func writesTheSameBytesTwice() throws {
    let model = try SampleModel.model()
    let first = try written { try NPZFormat().write(model, to: &$0) }
    #expect(try written { try NPZFormat().write(model, to: &$0) } == first)
  }

  @Test func keepsThatTheOrderIsUnknown() throws {
    var archive = try SampleModel.model().archive
    archive.isOrdered = false
    let model = try Model(archive, architecture: try #require(archive.architecture))
    let bytes = try written { try NPZFormat().write(model, to: &$0) }
    #expect(try !NPZFormat().read(bytes.file).isOrdered)
  }

  @Test(arguments: ["stored.npz", "deflated.npz"])
  func readsWhatNumPyWrote(_ name: String) throws {
    let archive = try FormatRegistry.standard.read(try Fixture.file(name))
    #expect(archive.tensors.map(\.name) == ["input", "h0", "lengths"])
    #expect(archive.architecture == nil && archive.isOrdered)
  }

  @Test func leavesOtherZipArchivesToOthers() {
    #expect(!NPZFormat().recognizes(ZipBytes().bytes.file))
    #expect(!NPZFormat().recognizes(ZipBytes(ZipBytes.Member(name: "a.npy"), ZipBytes.Member(name: "b")).bytes.file))
    #expect(!NPZFormat().recognizes([0x50, 0x4B, 5, 6].file))
  }

  @Test func saysWhatIsWrongWithADamagedFile() throws {
    let bytes = try Fixture.file("stored.npz").withUnsafeBytes { bytes in Array(bytes) }
    #expect(refusal { _ = try FormatRegistry.standard.read(Array(bytes.dropLast()).file) }
      == "test: offset 905: a zip archive without its directory; copy the file again; it is cut short")
  }

  /// An archive with one float32 array `x` and this JSON beside it.
  static func archive(_ json: String) throws -> InputFile {
    let text = Array(json.utf8)
    let members = [
      NamedTensor("x", try makeTensor([1] as [Float], [1])),
      NamedTensor("__rnnkit__", try makeTensor(.uint8, [text.count], bytes: text)),
    ]
    return try written { try NPZArrayFormat().write(ArrayOutput(members: members, end: members[0].tensor), to: &$0) }.file
  }

  @Test(arguments: [
    ("{", "array __rnnkit__, offset 1: no string, expected valid JSON; write the file again"),
    ("[]", "__rnnkit__: not a JSON object; compare with the schema, or write the file again"),
    (#"{"dtype": 1}"#,
      "__rnnkit__.dtype: an unknown key, which may change what the model computes; "
        + "use a newer RNNKit, or correct the key"),
    (#"{"ordered": 1}"#,
      "__rnnkit__.ordered: neither true nor false; compare with the schema, or write the file again"),
    (#"{"metadata": 1}"#, "__rnnkit__.metadata: not a JSON object; compare with the schema, or write the file again"),
    (#"{"dtypes": []}"#, "__rnnkit__.dtypes: not a JSON object; compare with the schema, or write the file again"),
    (#"{"dtypes": {"y": "bfloat16"}}"#, "__rnnkit__.dtypes.y: no such array; write the file again"),
    (#"{"dtypes": {"x": "float32"}}"#, "__rnnkit__.dtypes.x: not a type that NumPy lacks; write the file again"),
    (#"{"dtypes": {"x": "bfloat16"}}"#,
      "__rnnkit__.dtypes.x: the array is float32, expected uint16 for bfloat16; write the file again"),
    (#"{"cases": 1}"#, "__rnnkit__.cases: not a list; write the file again"),
    (#"{"cases": [{"name": "a", "members": []}, {"name": "a", "members": []}]}"#,
      "__rnnkit__.cases[1].name: a second case a; compare with the schema, or write the file again"),
    (#"{"cases": [{"name": "a", "members": [1]}]}"#,
      "__rnnkit__.cases[0].members: not a list of names; compare with the schema, or write the file again"),
    (#"{"cases": [{"name": "a", "members": [], "metadata": 1}]}"#,
      "__rnnkit__.cases[0].metadata: not a JSON object; compare with the schema, or write the file again"),
    (#"{"cases": [{"name": "a", "members": ["y"]}]}"#,
      "case a: no array is named cases/a/y, or two members are; write the file again"),
  ])
  func refusesADamagedEnvelope(_ json: String, _ message: String) {
    #expect(refusal { _ = try NPZFormat().read(try Self.archive(json)) } == message)
  }

  @Test func refusesAnEnvelopeThatIsNoText() throws {
    let tensor = try makeTensor([1] as [Float], [1])
    let output = ArrayOutput(members: [NamedTensor("__rnnkit__", tensor)], end: tensor)
    let bytes = try written { try NPZArrayFormat().write(output, to: &$0) }
    #expect(refusal { _ = try NPZFormat().read(bytes.file) }
      == "array __rnnkit__: float32 (1,), expected uint8 and one axis of at most 67108864; write the file again")
  }

  @Test func refusesToWriteNamesThatZipCannotHold() throws {
    var archive = try SampleModel.model().archive
    try archive.append("../x", try makeTensor([1] as [Float], [1]))
    let model = try Model(archive, architecture: try #require(archive.architecture))
    #expect(refusal { _ = try written { try NPZFormat().write(model, to: &$0) } }
      == "tensor ../x.npy: a zip archive cannot hold it: a name that leads out of the archive; "
      + "rename it, or write another format")
  }

  @Test func refusesToWriteTwoArraysOfOneName() throws {
    var archive = try SampleModel.model().archive
    try archive.append("cases/first/input", try makeTensor([1] as [Float], [1]))
    let model = try Model(archive, architecture: try #require(archive.architecture))
    #expect(refusal { _ = try written { try NPZFormat().write(model, to: &$0) } }
      == "tensor cases/first/input: a second array of the file would have this name; rename the tensor or the case")
  }

  @Test func refusesEveryTruncation() throws {
    let model = try SampleModel.model(extras: false)
    let bytes = try written { try NPZFormat().write(model, to: &$0) }
    for count in bytes.indices {
      #expect(refusal { _ = try NPZFormat().read(Array(bytes[..<count]).file) } != nil)
    }
  }
}
