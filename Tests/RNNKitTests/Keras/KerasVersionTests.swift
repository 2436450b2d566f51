import Foundation
import RNNFormats
import RNNHDF5
import RNNKit
import Testing

/// `.keras` of every version that could be installed, against what that version predicts; see
/// `Fixtures/make_keras_versions.py` and `Fixtures/make_keras_inside.py`.
@Suite struct KerasVersionTests {
  private static let folder = KerasFixture.folder.deletingLastPathComponent().appendingPathComponent("keras-versions")

  /// The files whose names begin so, without their ending.
  private static func names(_ prefix: String) -> [String] {
    let files = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    return files.filter { $0.hasPrefix(prefix) && $0.hasSuffix(".keras") }.map { String($0.dropLast(6)) }.sorted()
  }

  private static func open(_ name: String) throws -> ModelFile {
    try ModelFile.open(folder.appendingPathComponent(name).path, registry: KerasFixture.registry)
  }

  private static func arrays(_ name: String) throws -> [NamedTensor] {
    try ArrayRegistry.standard.read(InputFile(folder.appendingPathComponent("\(name).npz").path))
  }

  /// Numbers that are not zero, in order of size: what is left of arrays that are transposed, reordered and split.
  private static func values(_ tensors: [Tensor]) -> [Double] {
    tensors.flatMap(\.doubles).filter { $0 != 0 }.sorted()
  }

  private static func compare(_ file: ModelFile, _ name: String) throws {
    let arrays = try arrays(name)
    let expected = try #require(arrays["y"])
    let input = try #require(arrays["input"])
    let found = try #require(try Plan(file.model).run(input).last)
    #expect(found.doubles.count == expected.doubles.count)
    let difference = zip(found.doubles, expected.doubles).map { abs($0 - $1) }.max() ?? .infinity
    #expect(difference < 2e-6, "\(name)")
  }

  @Test func thereAreFilesOfManyVersions() {
    #expect(Self.names("two_").count > 3 && Self.names("inside_").count > 3)
  }

  @Test(arguments: names("two_"))
  func givesEachLayerItsArrays(name: String) throws {
    try Self.compare(Self.open("\(name).keras"), name)
  }

  /// A model inside, whose layers have the names of those outside.
  @Test(arguments: names("inside_"))
  func runsAModelInside(name: String) throws {
    let file = try Self.open("\(name).keras")
    let modules = file.model.architecture.modules.map(\.name)
    #expect(modules.count == 5 && modules.suffix(3) == ["lstm", "gru", "dense"])
    #expect(modules.first?.hasSuffix(".gru") == true && modules.dropFirst().first?.hasSuffix(".dense") == true)
    try Self.compare(file, name)
  }

  @Test func readsWindowsNames() throws {
    try Self.compare(Self.open("windows.keras"), "two_2.15")
  }

  @Test func asksForTheOrderOfWeightsAlone() throws {
    let file = try Self.open("two_3.3.weights.h5")
    #expect(throws: RNNError.self) { try Plan(file.model) }
    #expect(Set(file.model.architecture.modules.map(\.name)) == ["lstm", "lstm_1", "lstm_2", "dense", "dense_1"])
  }

  @Test(arguments: ["stacked", "mdn", "wrapped", "custom_lstm", "identity", "stateful", "attention"], ["keras", "h5"])
  func carriesEveryArray(name: String, kind: String) throws {
    let file = try Self.open("\(name).\(kind)")
    let wanted = try Self.arrays(name).filter { $0.name.hasPrefix("weight") }.map(\.tensor)
    let found = file.model.archive.tensors.map(\.tensor)
    #expect(Self.values(found) == Self.values(wanted))
  }

  @Test(arguments: ["identity", "stateful", "stacked", "attention"])
  func runsWhatItHas(name: String) throws {
    try Self.compare(Self.open("\(name).keras"), name)
  }

  @Test(arguments: [
    ("mdn", "mdn_outputs", "Custom>MDN"), ("custom_lstm", "lstm", "Custom>LSTM"),
  ])
  func refusesByClass(name: String, layer: String, className: String) throws {
    let file = try Self.open("\(name).keras")
    do {
      _ = try Plan(file.model)
      Issue.record("\(name) is run")
    } catch {
      let text = "\(error)"
      #expect(text.contains("RNNKit cannot run this layer of class \(className)"), "\(text)")
    }
  }
}
