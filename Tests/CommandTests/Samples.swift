import Foundation
import RNNHDF5
import RNNKit
import Testing

/// The sample models, and small files made for a test.
enum Samples {
  /// Names without the extension, `tutorial/batch_first`, of those that state their architecture.
  static let all: [String] = {
    let files = FileManager.default.enumerator(atPath: Command.samples.path)?.compactMap { $0 as? String } ?? []
    return files.filter { $0.hasSuffix(".h5") && !$0.hasPrefix("plain/") && !$0.hasPrefix("rename/") }
      .map { String($0.dropLast(3)) }.sorted()
  }()

  static let registry = FormatRegistry.standard.adding(HDF5Format(HDF5File()))

  static func path(_ name: String) -> String { Command.samples.appendingPathComponent(name + ".h5").path }

  static func file(_ name: String) -> String { Command.samples.appendingPathComponent(name).path }

  static func open(_ name: String) throws -> Model { try ModelFile.open(path(name), registry: registry).model }

  /// Converts a sample to a native file.
  static func native(_ name: String, _ scratch: Scratch, as file: String = "model.rnn") throws -> String {
    let target = scratch.path(file)
    try #require(Command.run("convert", path(name), target, "--quiet").status == 0)
    return target
  }

  /// The modules that a case is of, as options; none for the whole chain.
  static func moduleOptions(_ reference: ReferenceCase) -> [String] {
    let names = reference.metadata.first { $0.key == "modules" }?.value.array?.compactMap(\.string) ?? []
    return names.flatMap { ["--module", $0] }
  }
}

/// Arrays in files.
enum ArrayFile {
  private static let registry = ArrayRegistry.standard.adding(HDF5ArrayFormat(HDF5File()))

  static func write(_ members: [NamedTensor], _ path: String) throws {
    let end = try #require(members.first).tensor
    var file = try OutputFile(path, replacing: true)
    try registry.writer(for: path).write(ArrayOutput(members: members, end: end), to: &file)
    try file.commit()
  }

  static func read(_ path: String) throws -> [String: Tensor] {
    let members = try registry.read(InputFile(path))
    return Dictionary(members.map { ($0.name, $0.tensor) }) { first, _ in first }
  }

  /// The inputs of a case, without what came out.
  static func writeInputs(_ reference: ReferenceCase, _ path: String) throws {
    let inputs = reference.members.filter { member in
      ["input", "h0", "c0", "lengths"].contains { member.name == $0 || member.name.hasSuffix("." + $0) }
    }
    try write(inputs, path)
  }

  /// The one array of a file that cannot name it.
  static func readOnly(_ path: String) throws -> Tensor { try #require(try read(path)[""]) }
}

/// What a command refuses, and that it leaves nothing behind.
struct Refusal {
  /// Runs the command, which must end with `status`, print nothing, leave the folder's files as they are and write one line
  /// to standard error. Returns the line without `rnn: `. Notes about a model that leaves something open do not count.
  static func of(
    _ arguments: [String], status: Int32, in scratch: Scratch, input: String? = nil,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws -> String {
    let before = try scratch.files()
    let result = try Command.run(arguments, input: input)
    #expect(result.status == status, "\(arguments): \(result.errors)", sourceLocation: sourceLocation)
    // Of what is no model, inspect shows the tensors.
    let listsTensors = arguments.first == "inspect" && result.output.contains("bytes\n\ntensors\n")
    #expect(result.output.isEmpty || listsTensors, "\(arguments)", sourceLocation: sourceLocation)
    #expect(try scratch.files() == before, "\(arguments) changed the folder", sourceLocation: sourceLocation)
    let lines = result.errors.split(separator: "\n", omittingEmptySubsequences: false).filter { !$0.hasPrefix("note: ") }
    #expect(lines.count == 2 && lines.last == "", "not one line: \(result.errors)", sourceLocation: sourceLocation)
    let line = try #require(lines.first, sourceLocation: sourceLocation)
    #expect(line.hasPrefix("rnn: "), "\(line)", sourceLocation: sourceLocation)
    #expect(line.contains("; "), "no remedy: \(line)", sourceLocation: sourceLocation)
    return String(line.dropFirst(5))
  }
}

/// A tensor of these values. Fails the test where the shape does not hold as many.
func tensor(_ values: [Float], _ sizes: Int...) throws -> Tensor {
  let shape = try #require(Shape(sizes))
  return try #require(Tensor(values, shape))
}

/// An int64 tensor of these values.
func integers(_ values: [Int64], _ sizes: Int...) throws -> Tensor {
  let shape = try #require(Shape(sizes))
  return try #require(Tensor(values, shape))
}

/// A float64 tensor of these values.
func doubles(_ values: [Double], _ sizes: Int...) throws -> Tensor {
  let shape = try #require(Shape(sizes))
  return try #require(Tensor(values, shape))
}

/// Numbers that look like noise, always the same: a tenth of a whole number from -9 to 9.
func noise(_ count: Int, seed: Int = 1) -> [Float] {
  var state = UInt64(truncatingIfNeeded: seed &* 7919 &+ 17)
  return (0..<count).map { _ in
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Float(Int(state >> 40) % 19 - 9) / 10
  }
}

/// Steps from..<to of a tensor whose first axis is time.
func steps(_ range: Range<Int>, of tensor: Tensor) throws -> Tensor {
  let row = tensor.byteCount / max(tensor.shape[0], 1)
  let shape = try #require(Shape([range.count] + tensor.shape.dimensions.dropFirst()))
  return try #require(Tensor(tensor.elementType, shape, in: tensor.storage, at: tensor.offset + range.lowerBound * row))
}

/// Whether two tensors hold the same bits under any shape.
func sameBits(_ first: Tensor, _ second: Tensor) -> Bool {
  first.elementType == second.elementType
    && first.withUnsafeBytes { a in second.withUnsafeBytes { b in a.elementsEqual(b) } }
}
