import Foundation
import RNNFormats
import RNNHDF5
import RNNModel
import Testing

@Suite struct WritingTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// Bytes 1, 2, 3 … as elements of a type, in (2, 3).
  private func tensor(_ type: ElementType, _ axes: [Int] = [2, 3]) throws -> Tensor {
    let shape = try #require(Shape(axes))
    return try #require(Tensor(type, shape, fill: { bytes in
      for index in bytes.indices { bytes[index] = UInt8(truncatingIfNeeded: index + 1) }
    }))
  }

  @Test(arguments: ElementType.allCases)
  func keepsEveryBitOfEveryElementType(_ type: ElementType) throws {
    for axes in [[2, 3], [], [1], [0, 3], [5, 1, 2, 1]] {
      let tensor = try tensor(type, axes)
      try HDF5File().write(HDF5Tree(root: .init(children: [.init("x", .dataset(.init(tensor)))])), to: folder("x.h5"))
      let read = try HDF5File().readTree(folder("x.h5")).dataset("x")
      #expect(read.tensor.isIdentical(to: tensor), "\(type) \(axes)")
      // Mapped, and aligned for whoever uses it in place.
      #expect(axes.contains(0) ? read.fileOffset == nil : read.fileOffset.map { $0 % 64 } == 0 || tensor.byteCount < 64)
    }
  }

  /// So that a file of very many objects is not taken for one on which libhdf5 hangs.
  @Test func givesSignsOfProgressForTensorsAndAttributes() throws {
    final class Count {
      var signs = 0
    }
    let shape = try #require(Shape([1]))
    let tensor = try #require(Tensor([1] as [Float], shape))
    let children = (0..<5000).map { HDF5Tree.Child("t\($0)", .dataset(HDF5Tree.Dataset(tensor))) }
    let attributes = (0..<5000).map { HDF5Tree.Attribute("a\($0)", .integer(1)) }
    let written = Count()
    var output = try OutputFile(folder("laid.h5"), replacing: false)
    _ = try HDF5File.layOut(HDF5Tree(root: .init(children: children)), in: &output) { written.signs += 1 }
    #expect(written.signs == 1)
    for root in [HDF5Tree.Group(children: children), HDF5Tree.Group(attributes: attributes)] {
      let path = folder("\(root.children.count).h5")
      try HDF5File().write(HDF5Tree(root: root), to: path)
      let read = Count()
      _ = try HDF5File.readTree(InputFile(path), unpackingInto: nil) { read.signs += 1 }
      #expect(read.signs == 1)
    }
  }

  @Test func keepsGroupsOrderAndAttributes() throws {
    let attributes: [HDF5Tree.Attribute] = [
      .init("array", .array([.integer(1), .integer(-2)])), .init("empty", .array([])), .init("flag", .bool(true)),
      .init("flags", .array([.bool(false), .bool(true)])), .init("integer", .integer(.min)), .init("large", .largeInteger("18446744073709551615")),
      .init("nothing", .null),
      .init("number", .number(0.1)), .init("text", .string("grün \u{1F600}")),
      .init("texts", .array([.string(""), .string("b")])),
    ]
    let inner = HDF5Tree.Group(
      attributes: attributes,
      children: try ["z", "a", "m"].map { .init($0, .dataset(.init(try tensor(.float32), attributes: attributes))) })
    let byName = HDF5Tree.Group(
      children: try ["a", "z"].map { .init($0, .dataset(.init(try tensor(.int8)))) }, isOrdered: false)
    let strings = HDF5Tree.Strings(["a", "", "ü", "d"], try #require(Shape([2, 2])), attributes: attributes)
    try HDF5File().write(
      HDF5Tree(root: .init(children: [
        .init("inner", .group(inner)), .init("by name", .group(byName)), .init("..", .strings(strings)),
      ])), to: folder("x.h5"))
    let tree = try HDF5File().readTree(folder("x.h5"))
    #expect(tree.unreadable.isEmpty)
    #expect(tree.root.children.map(\.name) == ["inner", "by name", ".."])
    guard case .group(let group) = tree.root["inner"], case .group(let other) = tree.root["by name"] else {
      throw HDF5Tree.Missing(path: "inner")
    }
    #expect(group.attributes == attributes)
    #expect(group.isOrdered)
    #expect(group.children.map(\.name) == ["z", "a", "m"])
    #expect(try tree.dataset("inner/m").attributes == attributes)
    #expect(!other.isOrdered)
    #expect(try tree.strings("..").values == strings.values)
    #expect(try tree.strings("..").attributes == attributes)
  }

  @Test func keepsLargeAttributesAndManyDatasets() throws {
    let text = String(repeating: "0123456789abcdef", count: 1 << 16)
    let many = JSONValue.array((0..<20000).map { .integer($0) })
    let names = JSONValue.array((0..<10000).map { .string("layer \($0)") })
    let attributes = [HDF5Tree.Attribute("many", many), .init("names", names), .init("text", .string(text))]
    let tensor = try tensor(.float32)
    let root = HDF5Tree.Group(
      attributes: attributes, children: (0..<5000).map { .init("weight.\(5000 - $0)", .dataset(.init(tensor))) })
    try HDF5File().write(HDF5Tree(root: root), to: folder("x.h5"))
    let tree = try HDF5File().readTree(folder("x.h5"))
    #expect(tree.root.attributes == attributes)
    #expect(tree.root.children.map(\.name) == root.children.map(\.name))
    #expect(try tree.dataset("weight.1").tensor.isIdentical(to: tensor))
  }

  @Test func givesTheSameBytesForTheSameTree() throws {
    let attributes = [HDF5Tree.Attribute("names", .array((0..<9000).map { .string("layer \($0)") }))]
    let root = HDF5Tree.Group(
      attributes: attributes,
      children: try (0..<300).map { .init("w\($0)", .dataset(.init(try tensor(.int16, [$0])))) })
    try HDF5File().write(HDF5Tree(root: root), to: folder("a.h5"))
    // Something else in between, so that freed memory holds other bytes.
    _ = try HDF5File().readTree(fixture("filters"))
    try HDF5File().write(HDF5Tree(root: root), to: folder("b.h5"))
    #expect(try readBytes(folder("a.h5")) == readBytes(folder("b.h5")))
  }

  @Test(arguments: ["", ".", "a/b", "a\u{0}b", "/"])
  func refusesNamesThatHDF5CannotHold(_ name: String) throws {
    let tree = HDF5Tree(root: .init(children: [.init(name, .dataset(.init(try tensor(.int8))))]))
    let error = #expect(throws: RNNError.self) { try HDF5File().write(tree, to: folder("x.h5")) }
    #expect(error?.problem == "HDF5 cannot hold the name \"\(name)\"")
    #expect(!FileManager.default.fileExists(atPath: folder("x.h5")))
  }

  @Test(arguments: [
    JSONValue.object([]), .largeInteger("18446744073709551616"), .array([.integer(-1), .largeInteger("9223372036854775808")]),
    .array([.integer(1), .string("a")]), .array([.array([.integer(1)])]), .array([.null]),
  ])
  func refusesAttributesThatHDF5CannotHold(_ value: JSONValue) throws {
    let tree = HDF5Tree(root: .init(attributes: [.init("a", value)]))
    let error = #expect(throws: RNNError.self) { try HDF5File().write(tree, to: folder("x.h5")) }
    #expect(error?.place == "/, attribute a")
    #expect(error?.kind == .badData)
  }

  @Test func refusesTwoThingsOfOneName() throws {
    let tensor = try tensor(.int8)
    let tree = HDF5Tree(root: .init(children: ["a", "a"].map { .init($0, .dataset(.init(tensor))) }))
    let error = #expect(throws: RNNError.self) { try HDF5File().write(tree, to: folder("x.h5")) }
    #expect(error?.place == "/a")
    #expect(error?.problem == "cannot be created: name already exists")
    #expect(error?.remedy == "rename what HDF5 cannot hold")
  }

  @Test func refusesTextWithAZeroCharacter() throws {
    let tree = HDF5Tree(root: .init(attributes: [.init("a", .string("b\u{0}c"))]))
    let error = #expect(throws: RNNError.self) { try HDF5File().write(tree, to: folder("x.h5")) }
    #expect(error?.problem == "HDF5 cannot hold a text with a zero character")
  }

  @Test(.enabled(if: FileManager.default.fileExists(atPath: "/dev/full")))
  func reportsAFullDiskAndGoesOn() throws {
    let tree = HDF5Tree(root: .init(children: [.init("x", .dataset(.init(try tensor(.float64))))]))
    let error = #expect(throws: RNNError.self) { try HDF5File().write(tree, to: "/dev/full") }
    #expect(error?.kind == .inputOutput)
    #expect(error?.problem == "cannot be written: No space left on device")
    try HDF5File().write(tree, to: folder("x.h5"))
    #expect(try HDF5File().readTree(folder("x.h5")).root.children.count == 1)
  }

  @Test func worksFromManyThreads() async throws {
    let expected = try fixtureTree("filters").dataset("gzip").tensor
    try await withThrowingTaskGroup(of: Bool.self) { group in
      for _ in 0..<16 {
        group.addTask { try fixtureTree("filters").dataset("gzip").tensor.isIdentical(to: expected) }
      }
      for try await isSame in group { #expect(isSame) }
    }
  }
}
