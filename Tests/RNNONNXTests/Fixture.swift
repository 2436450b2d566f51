import Foundation
import RNNFormats
import RNNHDF5
import RNNKit
import RNNONNX
import Testing

/// Files that the scripts beside them made.
enum Fixture {
  static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Fixtures")
    .path
  static let samples = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("SampleModels").path

  /// Names without extension of the files with this extension, in the folder or one in it.
  static func names(_ suffix: String, in part: String = "") -> [String] {
    let path = part.isEmpty ? folder : "\(folder)/\(part)"
    return ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).filter { $0.hasSuffix(suffix) }
      .map { (part.isEmpty ? "" : part + "/") + $0.dropLast(suffix.count) }.sorted()
  }

  static func file(_ name: String) throws -> InputFile { try InputFile("\(folder)/\(name)") }

  /// The arrays of `NAME.npz` whose names begin with a prefix, without it.
  static func arrays(_ name: String, _ prefix: String) throws -> [NamedTensor] {
    try NPZArrayFormat().read(file("\(name).npz")).filter { $0.name.hasPrefix(prefix) }
      .map { NamedTensor(String($0.name.dropFirst(prefix.count)), $0.tensor) }
  }
}

/// The largest difference between two tensors of one shape.
func distance(_ first: Tensor, _ second: Tensor) -> Double {
  zip(first.doubles, second.doubles).map { abs($0 - $1) }.max() ?? 0
}

/// What a run of the model gives for these members.
func run(_ model: Model, _ members: [NamedTensor]) throws -> [NamedTensor] {
  func member(_ name: String) -> Tensor? { members.first { $0.name == name }?.tensor }
  let plan = try Plan(model)
  let input = try #require(member("input"))
  let isBatched = input.shape.rank == (plan.takesIndices ? 2 : 3)
  let own = plan.architecture.forward?.inputs.first?.axes?.firstIndex(of: .batch)
  let batch = own.map { input.shape[$0] } ?? (isBatched ? input.shape[plan.architecture.batchFirst ? 0 : 1] : 1)
  let lengths = try member("lengths").map(Plan.lengths)
  return try plan.run(input, state: plan.state(batch: batch, members: members), lengths: lengths).members
}

/// A file in a folder of its own, removed with it.
final class Scratch {
  let folder: String

  init() throws {
    folder = FileManager.default.temporaryDirectory.path + "/rnnkit-onnx-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: folder) }

  func path(_ name: String) -> String { "\(folder)/\(name)" }
}

/// The one line of the error that `body` throws; nil where it throws none.
func refusal(_ body: () throws -> Void) -> String? {
  do {
    try body()
    return nil
  } catch {
    return "\(error)"
  }
}
