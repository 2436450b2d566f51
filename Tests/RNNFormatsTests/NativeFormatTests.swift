import RNNFormats
import RNNModel
import Testing

@Suite struct NativeFormatTests {
  /// A small model with every part that a file can have.
  static func model() throws -> Model {
    let recurrent = Recurrent(name: "rnn", cell: .rnn, inputSize: 1, hiddenSize: 2, bias: false)
    let architecture = Architecture(modules: [.recurrent(recurrent)], batchFirst: true)
    var archive = TensorArchive(isOrdered: false)
    try archive.append("steps", makeTensor([5] as [Int64], []))
    try archive.append("rnn.weight_ih_l0", makeTensor([0.5, -1] as [Float], [2, 1]))
    try archive.append("nothing", makeTensor(.bfloat16, [0, 3], bytes: []))
    try archive.append("rnn.weight_hh_l0", makeTensor([1, 2, .nan, -.infinity] as [Float], [2, 2]))
    archive.cases = [
      ReferenceCase(
        name: "first", members: [NamedTensor("input", try makeTensor([1, 2] as [Float], [2, 1]))],
        metadata: [.init("framework", .string("by hand"))]),
      ReferenceCase(name: "", members: []),
    ]
    archive.metadata = [
      .init("seed", .largeInteger("18446744073709551615")), .init("list", .array([.null, .number(-0.0)])),
    ]
    return try Model(archive, architecture: architecture)
  }

  static func file() throws -> [UInt8] {
    let model = try model()
    return try written { (file) in try NativeFormat().write(model, to: &file) }
  }

  @Test func givesBackWhatWasWritten() throws {
    let model = try Self.model()
    let read = try FormatRegistry.standard.read(try Self.file().file)
    expectSame(read, model.archive)
    #expect(read.metadata.first?.value == .largeInteger("18446744073709551615"))
  }

  @Test func writesTheSameBytesForTheSameModel() throws {
    let bytes = try Self.file()
    #expect(bytes == (try Self.file()))
    let again = try Model(NativeFormat().read(bytes.file), architecture: Self.model().architecture)
    #expect(bytes == (try written { (file) in try NativeFormat().write(again, to: &file) }))
  }

  @Test func alignsTensorsAndEndsWithTheLast() throws {
    let bytes = try Self.file()
    let archive = try NativeFormat().read(bytes.file)
    let tensors = archive.tensors + archive.cases.flatMap(\.members)
    #expect(tensors.allSatisfy { $0.tensor.offset % 64 == 0 })
    #expect(tensors.last.map { $0.tensor.offset + $0.tensor.byteCount } == bytes.count)
  }

  @Test func readsTheFileThatTheRefusalsStartFrom() throws {
    let archive = try NativeFile.good.read()
    #expect(archive["a"]?.doubles == [1, 2])
    #expect(archive["b"]?.doubles == [3])
    #expect(archive.cases.first?["input"]?.doubles == [7])
  }

  @Test func readsMembersInAnyOrderWithSpaceBetween() throws {
    var file = try NativeFile.good(replacing: "{\"tensors\"", with: "\t{ \"metadata\" : {\"a\": 1e2}\n , \"tensors\"")
    #expect(try file.read().metadata == [.init("a", .number(100))])
    file = try NativeFile.good(
      replacing: "{\"name\":\"b\",\"dtype\":\"float32\"", with: "{\"dtype\":\"float32\",\"name\":\"b\"")
    #expect(try file.read().tensors.map(\.name) == ["a", "b"])
    file = try NativeFile.good(replacing: "}]}]}", with: "}]}],\"ordered\":false}")
    #expect(try file.read().isOrdered == false)
  }

  @Test func readsAFileWithoutTensors() throws {
    let archive = try NativeFile(header: "{\"tensors\":[]}").read()
    #expect(archive.tensors.isEmpty && archive.cases.isEmpty && archive.isOrdered)
  }

  @Test func refusesEveryFlippedBit() throws {
    var bytes = try Self.file()
    for position in 0..<bytes.count * 8 {
      bytes[position / 8] ^= 1 << (position % 8)
      #expect(throws: RNNError.self, "bit \(position % 8) of byte \(position / 8)") {
        try NativeFormat().read(bytes.file)
      }
      bytes[position / 8] ^= 1 << (position % 8)
    }
  }

  @Test func refusesEveryTruncation() throws {
    let bytes = try Self.file()
    for length in 0..<bytes.count {
      #expect(throws: RNNError.self, "\(length) bytes") { try NativeFormat().read(Array(bytes[..<length]).file) }
    }
  }

  @Test func refusesEveryAddedByte() throws {
    let bytes = try Self.file()
    for position in stride(from: 0, through: bytes.count, by: 7) {
      #expect(throws: RNNError.self, "at \(position)") {
        try NativeFormat().read((bytes[..<position] + [0] + bytes[position...]).file)
      }
    }
  }

  // MARK: What other formats may hold and a native file cannot

  private static let remedy = "; carry less metadata, or correct the architecture"

  private static func refusalToWrite(_ change: (inout TensorArchive) throws -> Void) throws -> String? {
    var archive = try model().archive
    try change(&archive)
    let changed = try Model(archive, architecture: archive.architecture ?? Architecture(modules: []))
    return refusal { _ = try written { (file) in try NativeFormat().write(changed, to: &file) } }
  }

  @Test func writesMetadataAsDeepAsTheReaderGoesAndNoDeeper() throws {
    func nested(_ levels: Int) -> JSONValue { (1..<levels).reduce(.array([])) { inner, _ in .array([inner]) } }
    let deepest = try Self.refusalToWrite { $0.metadata = [.init("a", nested(62))] }
    #expect(deepest == nil)
    let tooDeep = try Self.refusalToWrite { $0.metadata = [.init("a", nested(63))] }
    let message = try #require(tooDeep)
    #expect(message.hasPrefix("header, offset "))
    #expect(message.hasSuffix(": a native file cannot hold it: more than 64 levels, expected valid JSON" + Self.remedy))
  }

  @Test func refusesToWriteTwoCasesOrMembersOfOneName() throws {
    let cases = try Self.refusalToWrite { $0.cases[1].name = "first" }
    #expect(cases == "case first: a second case of this name; rename it")
    let members = try Self.refusalToWrite { $0.cases[0].members += $0.cases[0].members }
    #expect(members == "case first, member input: a second member of this name; rename it")
    let same = try Self.refusalToWrite { archive in
      archive.cases[0].name = "é"
      archive.cases[1].name = "e\u{301}"
    }
    #expect(same == "case e\u{301}: a second case of this name; rename it")
  }

  @Test func refusesToWriteNamesBeyondTheLimit() throws {
    let long = String(repeating: "n", count: 4097)
    let start = String(repeating: "n", count: 60)
    let reference = try Self.refusalToWrite { $0.cases[0].name = long }
    #expect(reference == "case \(start)…: the name is longer than 4096 bytes; rename it")
    let member = try Self.refusalToWrite { $0.cases[0].members[0].name = long }
    #expect(member == "case first, member \(start)…: the name is longer than 4096 bytes; rename it")
    let module = try Self.refusalToWrite {
      $0.architecture?.modules.append(.unknown(UnknownModule(name: long, tensorNames: [])))
    }
    #expect(module?.hasSuffix("a native file cannot hold it: more than 4096 bytes" + Self.remedy) == true)
  }

  @Test func refusesToWriteAnActivationThatJSONCannotHold() throws {
    let message = try Self.refusalToWrite {
      var forward = Forward()
      forward.outputs = [Forward.Output(forward.add(.activation(.elementwise(.leakyReLU(alpha: .nan))), .input(0)))]
      $0.architecture?.forward = forward
    }
    #expect(message == """
      header, architecture.forward: a native file cannot hold it: forward, column 1: leaky_relu with these numbers is no \
      function
      """ + Self.remedy)
  }
}
