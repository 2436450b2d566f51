import RNNFormats
import RNNModel
import Testing

@Suite struct TorchWriterTests {
  private func archive() throws -> TensorArchive {
    var archive = TensorArchive()
    let bytes = (0..<48).map { UInt8($0 * 5) }
    try archive.append("rnn.weight_ih_l0", floats([1, 2, 3, 4, 5, 6], 2, 3))
    try archive.append("rnn.weight_hh_l0", floats([0.5, -0.0, .nan, 4], 2, 2))
    for type in ElementType.allCases {
      let bytes = type == .bool ? bytes.map { $0 & 1 } : bytes
      try archive.append("types.\(type.rawValue)", tensor(type, [48 / type.byteCount], bytes))
    }
    try archive.append("scalar", tensor(.float32, [], bytes))
    try archive.append("none", tensor(.float32, [2, 0, 3], []))
    try archive.append("größe", tensor(.float32, [2, 2, 3], bytes))
    archive.metadata = [.init("author", .string("x"))]
    archive.cases = [
      ReferenceCase(
        name: "first",
        members: [
          NamedTensor("input", try floats([1, 2, 3], 1, 3)), NamedTensor("output", try floats([1, 2], 1, 2)),
        ],
        metadata: [.init("framework", .string("torch"))]),
      ReferenceCase(name: "empty", members: []),
    ]
    archive.architecture = Architecture(
      modules: [.recurrent(Recurrent(name: "rnn", cell: .rnn, inputSize: 3, hiddenSize: 2, bias: false))],
      batchFirst: true)
    return archive
  }

  @Test func givesEverythingBack() throws {
    let archive = try archive()
    expectSame(try roundTrip(archive, through: TorchFormat()), archive)
  }

  @Test func keepsTensorsWithoutAnOrder() throws {
    var archive = try archive()
    archive.isOrdered = false
    expectSame(try roundTrip(archive, through: TorchFormat()), archive)
  }

  @Test func writesTheSameBytesEveryTime() throws {
    #expect(try written(archive(), as: TorchFormat()) == written(archive(), as: TorchFormat()))
  }

  @Test func alignsEveryTensor() throws {
    let file = InputFile(try written(archive(), as: TorchFormat()), name: "model")
    let base = file.withUnsafeBytes { UInt(bitPattern: $0.baseAddress) }
    for tensor in try TorchFormat().read(file).tensors {
      let address = tensor.tensor.withUnsafeBytes { UInt(bitPattern: $0.baseAddress) }
      #expect((address - base) % 64 == 0, "\(tensor.name)")
    }
  }

  @Test(.enabled(if: Python.has("torch"), "torch is not installed"))
  func torchLoadsEveryType() throws {
    let archive = try archive()
    let found = try loaded(archive).split(separator: "\n")
    #expect(found.first == "OrderedDict")
    let expected = archive.tensors.map { tensor in
      let bytes = tensor.tensor.withUnsafeBytes { bytes in
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
      }
      return "\(tensor.name) \(tensor.tensor.elementType.rawValue) \(tensor.tensor.shape) \(bytes)"
    }
    #expect(found.dropFirst().map { String($0) } == expected)
  }

  @Test(.enabled(if: Python.has("torch"), "torch is not installed"))
  func torchLoadsAStateDictStrictly() throws {
    let archive = try TorchFormat().read(Fixture.file("torch/state_dict.pt"))
    #expect(try loaded(archive, "--module") == "strict\n")
  }

  /// What load_torch.py prints of the archive as we write it.
  private func loaded(_ archive: TensorArchive, _ options: String...) throws -> String {
    let folder = try TemporaryFolder(), path = folder("model.pt")
    defer { withExtendedLifetime(folder) {} }
    let bytes = try written(archive, as: TorchFormat())
    var file = try OutputFile(path, replacing: false)
    try file.write(bytes)
    try file.commit()
    return try Python.run([Fixture.path("load_torch.py"), path] + options)
  }
}
