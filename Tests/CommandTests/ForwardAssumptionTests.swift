import Foundation
import RNNKit
import Testing

/// What a file of tensors alone does not say of what is computed with them.
@Suite struct ForwardAssumptionTests {
  private let scratch: Scratch

  init() throws { scratch = try Scratch() }

  /// An npz in the order given, as a state_dict is.
  private func write(_ modules: [Module]) throws -> String {
    var archive = TensorArchive()
    for module in modules {
      for (name, shape) in Model.parameters(of: module) {
        try archive.append(name, try tensor(noise(shape.reduce(1, *)), shape))
      }
    }
    let plain = scratch.path("plain.npz")
    try ArrayFile.write(archive.tensors, plain)
    try ArrayFile.write([NamedTensor("", try tensor(noise(12), [4, 3]))], scratch.path("x.npy"))
    return plain
  }

  private func tensor(_ values: [Float], _ shape: [Int]) throws -> Tensor {
    try #require(Shape(shape).flatMap { Tensor(values, $0) })
  }

  private let lstm = Module.recurrent(Recurrent(name: "lstm", cell: .lstm, inputSize: 3, hiddenSize: 5))

  /// Every line that the refusal prints, run as it stands, is a run.
  @Test(arguments: [
    ("two linear layers", ["fc1", "fc2"], "the file does not say what stands between fc1 and fc2"),
    ("a gap in a Sequential", ["head.0", "head.2"], "the file does not say what stands between head.0 and head.2"),
    ("one entry of a Sequential", ["head.1"], "the names head.0 and head.1 leave out a module without tensors between them"),
  ])
  func refusesWhatIsPlainlyMissing(_ kind: String, _ names: [String], _ problem: String) throws {
    var size = 5
    let heads = names.map { name -> Module in
      defer { size -= 2 }
      return .linear(Linear(name: name, inFeatures: size, outFeatures: size - 2))
    }
    let path = try write([lstm] + heads)
    let x = scratch.path("x.npy")
    let message = try Refusal.of(["run", path, "--input", x], status: 64, in: scratch)
    #expect(message.contains(problem), "\(kind): \(message)")
    let lines = message.components(separatedBy: "--forward ").dropFirst().map { text in
      text.components(separatedBy: " or ")[0].trimmingCharacters(in: ["'"])
    }
    #expect(lines.count > 1, "\(message)")
    for line in lines {
      let result = try Command.run("run", path, "--input", x, "--forward", line)
      #expect(result.status == 0, "\(line): \(result.errors)")
    }
  }

  @Test func asksWhetherTwoRecurrentModulesAreAStack() throws {
    let path = try write([lstm, .recurrent(Recurrent(name: "second", cell: .gru, inputSize: 5, hiddenSize: 2))])
    let message = try Refusal.of(["run", path, "--input", scratch.path("x.npy")], status: 64, in: scratch)
    #expect(message.contains("--forward 'second(lstm(x))'"), "\(message)")
  }

  /// A note says what is assumed, and the line itself says it; what is said is kept and shown.
  @Test func saysAndKeepsWhatIsComputed() throws {
    let path = try write([lstm, .linear(Linear(name: "fc", inFeatures: 5, outFeatures: 2))])
    let x = scratch.path("x.npy")
    let assumed = try Command.run("run", path, "--input", x)
    #expect(assumed.status == 0 && assumed.errors.contains(
      "note: \(path): forward fc(lstm(x)): assumed from sizes and order (the file does not say; --forward)\n"), "\(assumed.errors)")
    let last = scratch.path("last.rnn")
    try Data("out, (h, c) = self.lstm(x)\nreturn self.fc(F.relu(h[-1]))\n".utf8).write(to: scratch.url("forward.txt"))
    let converted = try Command.run("convert", path, last, "--forward", "@" + scratch.path("forward.txt"))
    try #require(converted.status == 0, "\(converted.errors)")
    #expect(try Command.run("inspect", last).output.contains("\nforward  fc(relu(lstm(x).hn[0]))\n"))
    let run = try Command.run("run", last, "--input", x, "--output", scratch.path("y.npy"))
    #expect(run.status == 0)
    #expect(try ArrayFile.read(scratch.path("y.npy"))[""]?.shape.dimensions == [2])
    #expect(try Command.run("diff", path, last).output.contains("- forward  fc(lstm(x))\n+ forward  fc(relu(lstm(x).hn[0]))\n"))
    #expect(try Refusal.of(
      ["run", last, "--input", x, "--forward", "fc(gru(x))"], status: 64, in: scratch).contains("forward, column 4: "))
  }
}
