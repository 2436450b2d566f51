import Foundation
import RNNKit
import Testing

/// TorchScript archives run as their own forward() says; see RNNFormatsTests/Fixtures/make_torch_scripts.py, whose .npz are
/// PyTorch's numbers.
@Suite struct TorchScriptRunTests {
  private static let folder = Command.root.appendingPathComponent("Tests/RNNFormatsTests/Fixtures/torch-script")
  private let scratch: Scratch

  init() throws { scratch = try Scratch() }

  private static func names() throws -> [String: String] {
    let lines = try JSON(String(decoding: Data(contentsOf: folder.appendingPathComponent("lines.json")), as: UTF8.self))
    return Dictionary(try #require(lines.members).compactMap { member in member.value.string.map { (member.key, $0) } }) { first, _ in first }
  }

  /// What goes in and what PyTorch gives, in order.
  private func reference(_ name: String) throws -> (inputs: [Tensor], outputs: [Tensor]) {
    let arrays = try ArrayFile.read(Self.folder.appendingPathComponent("\(name).npz").path)
    func all(_ prefix: String) -> [Tensor] { (0..<8).compactMap { arrays["\(prefix)\($0)"] } }
    return (all("input"), all("output"))
  }

  private func run(_ archive: String, _ inputs: [NamedTensor], _ more: [String] = []) throws -> Command.Result {
    try ArrayFile.write(inputs, scratch.path("x.npz"))
    return try Command.run(
      ["run", Self.folder.appendingPathComponent("\(archive).pt").path, "--input", scratch.path("x.npz"), "--output",
        scratch.path("y.npz"), "--force"] + more)
  }

  /// Whether an array of the run is the expected one, the same numbers in the same order (`view` and `squeeze` are not followed).
  private func isThere(_ expected: Tensor) throws -> Bool {
    try ArrayFile.read(scratch.path("y.npz")).values.contains { found in
      found.count == expected.count
        && zip(found.doubles, expected.doubles).allSatisfy { abs($0 - $1) <= 1e-6 * max(1, abs($1)) }
    }
  }

  /// Words of the refusals of models that have a line and modules that cannot be run, or no recurrent one.
  private static let others = ["sequential": "no recurrent", "frozen": "no recurrent"]

  /// Nothing in the archive tells the features of two inputs that are joined: the error gives the line to say them in.
  @Test func asksForTheFeaturesOfInputsThatAreJoined() throws {
    let reference = try reference("two_inputs")
    for way in ["script", "trace"] {
      let inputs = [NamedTensor("audio", reference.inputs[0]), NamedTensor("control", reference.inputs[1])]
      let refused = try run("two_inputs_\(way)", inputs)
      let line = "--forward 'audio(N), control(N) -> _; fc(lstm(cat(audio, control)))'"
      #expect(refused.status == 65 && refused.errors.contains("with numbers for N: \(line)\n"), "\(refused.errors)")
      let said = try run("two_inputs_\(way)", inputs, ["--forward", "audio(3), control(2) -> _; fc(lstm(cat(audio, control)))"])
      #expect(said.status == 0, "\(said.errors)")
      #expect(try isThere(reference.outputs[0]), "\(way)")
    }
  }

  @Test func runsWhatPyTorchComputesOrNamesWhatItCannot() throws {
    var count = (right: 0, refused: 0)
    for (archive, line) in try Self.names().sorted(by: { $0.key < $1.key }) {
      let name = String(archive[..<(try #require(archive.lastIndex(of: "_")))])
      guard name != "dropping", name != "two_inputs" else { continue }
      let reference = try reference(name)
      #expect(!reference.outputs.isEmpty)
      var inputs = [NamedTensor("input", try #require(reference.inputs.first))]
      if name.hasPrefix("packed") { inputs.append(NamedTensor("lengths", try #require(reference.inputs.last))) }
      let result = try run(archive, inputs)
      if line.hasPrefix("!") || Self.others[name] != nil {
        #expect(result.status == 65, "\(archive): \(result.errors)")
        #expect(result.errors.contains(Self.others[name] ?? String(line.dropFirst())), "\(archive): \(result.errors)")
        count.refused += 1
        continue
      }
      #expect(result.status == 0, "\(archive): \(result.errors)")
      #expect(!result.errors.contains("assumed"), "\(archive): \(result.errors)")
      guard result.status == 0 else { continue }
      for expected in reference.outputs { #expect(try isThere(expected), "\(archive)") }
      count.right += 1
    }
    #expect(count.right > 88 && count.refused > 10, "\(count)")
  }
}
