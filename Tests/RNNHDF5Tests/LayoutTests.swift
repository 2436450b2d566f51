import Foundation
import RNNFormats
import RNNHDF5
import RNNModel
import Testing

/// What a tree means: RNNKit's layout and plain dumps.
@Suite struct LayoutTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func tensor(_ type: ElementType, _ axes: [Int] = [2]) throws -> Tensor {
    let shape = try #require(Shape(axes))
    return try #require(Tensor(type, shape, fill: { bytes in
      for index in bytes.indices { bytes[index] = UInt8(truncatingIfNeeded: index + 1) }
    }))
  }

  private func archive(_ path: String) throws -> TensorArchive { try HDF5Format(HDF5File()).read(InputFile(path)) }

  private func write(_ archive: TensorArchive, _ name: String) throws {
    try HDF5File().write(HDF5Tree(archive), to: folder(name))
  }

  private func expectSame(_ a: TensorArchive, _ b: TensorArchive) {
    #expect(a.tensors.map(\.name) == b.tensors.map(\.name))
    for (x, y) in zip(a.tensors, b.tensors) { #expect(x.tensor.isIdentical(to: y.tensor), "\(x.name)") }
    #expect(a.isOrdered == b.isOrdered)
    #expect(a.architecture == b.architecture)
    #expect(a.metadata == b.metadata)
    #expect(a.cases.map(\.name) == b.cases.map(\.name))
    for (x, y) in zip(a.cases, b.cases) {
      #expect(x.metadata == y.metadata)
      #expect(x.members.map(\.name) == y.members.map(\.name))
      for (p, q) in zip(x.members, y.members) { #expect(p.tensor.isIdentical(to: q.tensor), "\(p.name)") }
    }
  }

  @Test(arguments: [true, false])
  func keepsAWholeArchive(isOrdered: Bool) throws {
    var archive = TensorArchive(isOrdered: isOrdered)
    for type in ElementType.allCases { try archive.append("z.\(type.rawValue)", try tensor(type)) }
    let names = ["", ".", "..", "/", "a/b", "a%2Fb", "%", "%2E", "…", "with space", "a.", ".a", "state_dict", "line\nbreak"]
    for name in names {
      try archive.append(name, try tensor(.float32, []))
    }
    try archive.append("zero.size", try tensor(.float64, [0, 4]))
    archive.architecture = Architecture(modules: [.linear(Linear(name: "fc", inFeatures: 2, outFeatures: 3))])
    archive.metadata = try #require(try JSONValue(parsing: """
      {"b": 1, "a": [1.5, null, {"c": "d\\u0000"}], "epoch": 2.0, "name": "x", "format": "mine"}
      """).members)
    archive.cases = [
      ReferenceCase(
        name: "second/one",
        members: [NamedTensor("output", try tensor(.float32)), NamedTensor("input", try tensor(.bfloat16))],
        metadata: [.init("framework", .string("torch 2.15.0"))]),
      ReferenceCase(name: "", members: []),
    ]
    try write(archive, "x.h5")
    expectSame(try self.archive(folder("x.h5")), archive)
  }

  @Test func refusesNamesWithAZeroCharacter() throws {
    var archive = TensorArchive()
    try archive.append("a\u{0}b", try tensor(.float32))
    let error = #expect(throws: RNNError.self) { try HDF5Tree(archive) }
    #expect(error?.problem == "HDF5 cannot hold a name with a zero character")
  }

  @Test func readsAPlainDumpInGroupsWithItsAttributesAsMetadata() throws {
    let archive = try archive(fixture("attributes"))
    #expect(archive.tensors.map(\.name) == ["data"])
    #expect(!archive.isOrdered)
    let metadata = JSONValue.object(archive.metadata)
    #expect(metadata["text"] == .string("grün"))
    let attributes = try JSONValue(parsing: #"{"/data": {"unit": "V"}, "/ordered": {"z": 1, "a": 2}}"#)
    #expect(metadata["hdf5_attributes"] == attributes)
    #expect(metadata["hdf5_unreadable"]?.array?.first == .string("/, attribute compound: a compound type"))
  }

  @Test func joinsPathsWithDotsAndTakesStringsAsMetadata() throws {
    let lstm = HDF5Tree.Group(children: [
      .init("weight_ih_l0", .dataset(.init(try tensor(.float32)))),
      .init("note", .strings(.init(["a"], try #require(Shape([]))))),
    ])
    let tree = HDF5Tree(root: .init(children: [
      .init("encoder", .group(.init(children: [.init("lstm", .group(lstm))]))),
      .init("fc.bias", .dataset(.init(try tensor(.float16)))),
    ]))
    let archive = try TensorArchive(hdf5: tree)
    #expect(archive.tensors.map(\.name) == ["encoder.lstm.weight_ih_l0", "fc.bias"])
    #expect(archive.isOrdered)
    #expect(archive.metadata == [.init("encoder.lstm.note", .string("a"))])
  }

  @Test func refusesTwoPathsToOneName() throws {
    let tensor = try tensor(.float32)
    let tree = HDF5Tree(root: .init(children: [
      .init("a", .group(.init(children: [.init("b", .dataset(.init(tensor)))]))), .init("a.b", .dataset(.init(tensor))),
    ]))
    let error = #expect(throws: RNNError.self) { try TensorArchive(hdf5: tree) }
    #expect(error?.place == "tensor a.b")
    #expect(error?.problem == "the name stands twice")
  }

  /// A tree that says it is in RNNKit's layout.
  private func ours(version: Int64 = 1, _ attributes: [HDF5Tree.Attribute]) -> HDF5Tree {
    let format: [HDF5Tree.Attribute] = [.init("format", .string("rnnkit")), .init("format_version", .integer(version))]
    return HDF5Tree(root: .init(attributes: format + attributes))
  }

  @Test func refusesAnotherVersion() throws {
    let tree = ours(version: 2, [])
    let error = #expect(throws: RNNError.self) { try TensorArchive(hdf5: tree) }
    #expect(error?.place == "/, attribute format_version")
    #expect(error?.problem == "2, expected 1")
  }

  @Test func refusesItsOwnFormatWithoutTensors() throws {
    let tree = ours([])
    let error = #expect(throws: RNNError.self) { try TensorArchive(hdf5: tree) }
    #expect(error?.place == "/state_dict")
  }

  @Test(arguments: [("architecture", "{"), ("metadata", "[1]"), ("metadata", "{\"a\": 1, \"a\": 2}")])
  func refusesBadJSONInAnAttribute(_ name: String, _ text: String) throws {
    var tree = ours([.init(name, .string(text))])
    tree.root.children = [.init("state_dict", .group(.init()))]
    let error = #expect(throws: RNNError.self) { try TensorArchive(hdf5: tree) }
    #expect(error?.place?.hasPrefix("/, attribute \(name)") == true)
    #expect(error?.kind == .badData)
  }

  /// HDF5 → native → HDF5 → native: the native files are the same, byte for byte.
  @Test func returnsEverySampleUnchanged() throws {
    let samples = FileManager.default.enumerator(atPath: packageFolder + "/SampleModels")?
      .compactMap { $0 as? String }.filter { $0.hasSuffix(".h5") }.sorted() ?? []
    try #require(!samples.isEmpty)
    for sample in samples + ["filters", "numbers", "attributes", "links", "kinds", "userblock"] {
      let path = sample.hasSuffix(".h5") ? packageFolder + "/SampleModels/" + sample : fixture(sample)
      let archive = try archive(path)
      try writeNative(archive, "first.rnn")
      try write(NativeFormat().read(InputFile(folder("first.rnn"))), "second.h5")
      try writeNative(try self.archive(folder("second.h5")), "third.rnn")
      #expect(try readBytes(folder("first.rnn")) == readBytes(folder("third.rnn")), "\(sample)")
    }
  }

  private func writeNative(_ archive: TensorArchive, _ name: String) throws {
    // A model whose chain is empty holds any archive.
    var archive = archive
    archive.departures = []
    let model = try Model(archive, architecture: archive.architecture ?? Architecture(modules: []))
    var file = try OutputFile(folder(name), replacing: true)
    try NativeFormat().write(model, to: &file)
    try file.commit()
  }

  @Test func recognisesHDF5ByContentAlone() throws {
    #expect(HDF5Format(HDF5File()).recognizes(try InputFile(fixture("numbers"))))
    #expect(HDF5Format(HDF5File()).recognizes(try InputFile(fixture("userblock"))))
    #expect(!HDF5Format(HDF5File()).recognizes(try InputFile(#filePath)))
    // A zip archive may hold HDF5 just where a user block would end, as a .keras file does one time in eight.
    let bytes = try readBytes(fixture("numbers"))
    for start in [[0x50, 0x4B, 0x03, 0x04], [0, 0, 0, 0]] as [[UInt8]] {
      let file = InputFile(start + [UInt8](repeating: 0, count: 1020) + bytes, name: "archive")
      #expect(HDF5Format(HDF5File()).recognizes(file) == (start[0] == 0))
    }
    #expect(!HDF5Format(HDF5File()).recognizes(InputFile([], name: "empty")))
    #expect(!HDF5Format(HDF5File()).recognizes(InputFile([0x89, 0x48, 0x44], name: "short")))
  }
}
