import Foundation
import RNNFormats
import RNNHDF5
import RNNModel
import Testing

/// What Swift writes, `Schemas/read_native.py` reads: the same names, types, shapes and bits, by the specification
/// alone.
@Suite(.enabled(if: Python.isReady, Python.whyNot)) struct IndependentReaderTests {
  /// What the reader makes of files; it also checks each header against the schemas.
  private func dumps(of paths: [String]) throws -> [JSONValue] {
    let result = try Python.run(["Schemas/read_native.py", "--dump"] + paths)
    #expect(result.status == 0 && result.errors.isEmpty, "\(result.errors)")
    return try result.output.split(separator: "\n").map { try JSONValue(parsing: String($0)) }
  }

  private func expectSame(_ dump: JSONValue, _ model: Model, _ what: String) throws {
    let (archive, header) = (model.archive, dump["header"])
    try expectSame(dump["tensors"], header?["tensors"], archive.tensors, what)
    let cases = dump["cases"]?.array ?? []
    #expect(cases.compactMap { $0["name"]?.string } == archive.cases.map(\.name), "\(what)")
    for (index, reference) in archive.cases.enumerated() {
      let stated = header?["cases"]?.array?[index]
      try expectSame(cases[index]["members"], stated?["members"], reference.members, "\(what), case \(reference.name)")
      #expect((stated?["metadata"]?.members ?? []) == reference.metadata, "\(what), case \(reference.name)")
    }
    // The samples are of version 1, which has no forward line; what is written now has one.
    let architecture = try header?["architecture"].map { try Architecture(json: $0) }
    #expect(architecture == archive.architecture, "\(what)")
    if header?["architecture"]?["forward"] != nil {
      #expect(header?["architecture"] == archive.architecture?.json, "\(what)")
    }
    #expect((header?["metadata"]?.members ?? []) == archive.metadata, "\(what)")
    #expect((header?["ordered"]?.bool ?? true) == archive.isOrdered, "\(what)")
  }

  private func expectSame(_ dump: JSONValue?, _ header: JSONValue?, _ tensors: [NamedTensor], _ what: String) throws {
    let (dumped, stated) = (dump?.array ?? [], header?.array ?? [])
    try #require(dumped.count == tensors.count && stated.count == tensors.count, "\(what)")
    for ((found, line), tensor) in zip(zip(dumped, stated), tensors) {
      let expected = tensor.tensor
      let same = found["name"]?.string == tensor.name && line["dtype"]?.string == expected.elementType.rawValue
        && found["shape"]?.array?.map(\.integer) == expected.shape.dimensions
        && found["data"]?.string == expected.withUnsafeBytes(hexadecimal)
      #expect(same, "\(what), tensor \(tensor.name)")
    }
  }

  private func hexadecimal(_ bytes: UnsafeRawBufferPointer) -> String {
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }

  private static let samples = Python.root.path + "/SampleModels/"

  private func samples(_ ending: String) throws -> [String] {
    let files = try FileManager.default.subpathsOfDirectory(atPath: Self.samples).filter { $0.hasSuffix(ending) }
    try #require(!files.isEmpty)
    return files.sorted()
  }

  private func write(_ model: Model, to path: String) throws {
    var file = try OutputFile(path, replacing: false)
    try NativeFormat().write(model, to: &file)
    try file.commit()
  }

  @Test func readsWhatSwiftWritesOfRandomModels() throws {
    let folder = try ScratchFolder()
    var models: [(path: String, model: Model)] = []
    for seed in UInt64(1)...200 {
      var random = RandomModel(seed: seed)
      let (path, model) = (folder.path("\(seed).rnn"), try random.model())
      try write(model, to: path)
      models.append((path, model))
    }
    let dumps = try dumps(of: models.map(\.path))
    try #require(dumps.count == models.count)
    for (dump, model) in zip(dumps, models) { try expectSame(dump, model.model, model.path) }
  }

  @Test func readsEveryTypeShapeAndOddName() throws {
    let folder = try ScratchFolder()
    var archive = TensorArchive()
    for type in ElementType.allCases {
      for sizes in [[], [0], [1], [7], [2, 3], [0, 5], [3, 0, 2], [1, 1, 1, 2], [Int](repeating: 1, count: 32)] {
        let tensor = Tensor(type, try #require(Shape(sizes))) { bytes in
          // bool is 0 or 1; every other type takes any bits.
          for index in bytes.indices {
            bytes[index] = type == .bool ? UInt8(index % 2) : UInt8(truncatingIfNeeded: index * 89 + 5)
          }
        }
        try archive.append("\(type.rawValue) \(sizes)", try #require(tensor))
      }
    }
    let empty = try #require(Shape([]))
    let scalar = try #require(Tensor([Int64.min], empty))
    for name in RandomModel.oddNames {
      try archive.append(name, scalar)
      archive.cases.append(ReferenceCase(name: name, members: [NamedTensor(name, scalar)]))
    }
    let model = try Model(archive, architecture: Architecture(modules: []))
    try write(model, to: folder.path("all.rnn"))
    let dump = try #require(try dumps(of: [folder.path("all.rnn")]).first)
    try expectSame(dump, model, "all.rnn")
  }

  /// The native file of a sample gives the tensors of the HDF5 file that PyTorch made.
  @Test func readsTheSamplesConvertedFromHDF5() throws {
    let files = try samples(".h5")
    let folder = try ScratchFolder()
    let registry = FormatRegistry.standard.adding(HDF5Format(HDF5File()))
    var models: [(path: String, model: Model)] = []
    for name in files {
      let archive = try registry.read(try InputFile(Self.samples + name))
      // Some samples are there for what the command says of a file that is no whole model.
      guard let model = try? Interpretation(archive).model else { continue }
      let path = folder.path(name.replacingOccurrences(of: "/", with: "-") + ".rnn")
      try write(model, to: path)
      models.append((path, model))
    }
    let dumps = try dumps(of: models.map(\.path))
    try #require(dumps.count == models.count)
    for (dump, model) in zip(dumps, models) { try expectSame(dump, model.model, model.path) }
  }

  @Test func readsTheNativeSamples() throws {
    let paths = try samples(".rnn").map { Self.samples + $0 }
    let dumps = try dumps(of: paths)
    try #require(dumps.count == paths.count)
    for (dump, path) in zip(dumps, paths) {
      let archive = try NativeFormat().read(try InputFile(path))
      try expectSame(dump, try Interpretation(archive).model, path)
    }
  }
}
