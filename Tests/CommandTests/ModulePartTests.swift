import Foundation
import RNNHDF5
import RNNKit
import Testing

/// `rnn convert --module` and `rnn inspect --module`: parts of a model.
@Suite struct ModulePartTests {
  private let scratch: Scratch

  init() throws {
    scratch = try Scratch()
  }

  /// A .pt-like file whose encoder and decoder are of one size, with a head and something that cannot be run.
  private func source() throws -> String {
    func ramp(_ shape: [Int], _ step: Float) throws -> Tensor {
      let shape = try #require(Shape(shape))
      return try #require(Tensor((0..<shape.count).map { (Float($0 % 11) - 5) * step }, shape))
    }
    var members: [NamedTensor] = [NamedTensor("cnn.weight", try ramp([2, 2, 3, 3], 0.1))]
    for (name, step) in [("encoder", Float(0.05)), ("decoder", 0.07)] {
      members.append(NamedTensor("\(name).weight_ih_l0", try ramp([20, 4], step)))
      members.append(NamedTensor("\(name).weight_hh_l0", try ramp([20, 5], step)))
    }
    members += [NamedTensor("fc.weight", try ramp([2, 5], 0.1)), NamedTensor("fc.bias", try ramp([2], 0.1))]
    let path = scratch.path("whole.npz")
    try ArrayFile.write(members, path)
    return path
  }

  @Test(arguments: ["rnn", "onnx", "keras", "keras.h5", "pt", "safetensors", "npz", "h5", "json"])
  func aPartGivesTheNumbersThatRunGives(_ fileExtension: String) throws {
    let (whole, part) = (try source(), scratch.path("part." + fileExtension))
    let options = ["--module", "decoder", "--module", "fc"]
    let converted = try Command.run(["convert", whole, part] + options)
    try #require(converted.status == 0, "\(converted.errors)")
    #expect(converted.errors.contains("note: modules left out: encoder\n"))
    #expect(converted.errors.contains("note: modules left out, which cannot be run: cnn\n"))
    #expect(converted.errors.contains("note: tensors left out: "))
    try Data("0.1,0.2,0.3,0.4\n-1,0,1,2\n".utf8).write(to: scratch.url("x.csv"))
    for (file, options, target) in [(whole, options, "a.csv"), (part, [], "b.csv")] {
      let run = try Command.run(["run", file, "--input", scratch.path("x.csv"), "--output", scratch.path(target)] + options)
      try #require(run.status == 0, "\(run.errors)")
    }
    let (a, b) = (try ArrayFile.read(scratch.path("a.csv")), try ArrayFile.read(scratch.path("b.csv")))
    #expect(a.count == 1 && zip(a.values.flatMap(\.doubles), b.values.flatMap(\.doubles)).allSatisfy { abs($0 - $1) <= 1e-6 })
  }

  @Test func keepsTheCasesOfThePart() throws {
    let whole = Samples.path("chain_lstm_lstm2_dense")
    let model = try Samples.open("chain_lstm_lstm2_dense")
    let names = model.architecture.modules.map(\.name)
    let all = scratch.path("all.rnn")
    _ = try Command.run(["convert", whole, all] + names.flatMap { ["--module", $0] })
    let kept = try ModelFile.open(all).model
    #expect(kept.architecture == model.architecture && kept.archive.cases.count == model.archive.cases.count)
    #expect(try Command.run("verify", all).status == 0)
    let first = try Command.run("convert", whole, scratch.path("first.rnn"), "--module", names[0])
    #expect(first.status == 0 && first.errors.contains("note: reference cases left out, which are of other modules: "))
    #expect(try ModelFile.open(scratch.path("first.rnn")).model.archive.cases.isEmpty)
    let inspected = try JSON(Command.run("inspect", whole, "--module", names[0], "--json").output)
    #expect(inspected["modules"]?.array?.count == 1)
  }

  @Test func refusesWhatIsNoPart() throws {
    let whole = try source()
    func refusal(_ modules: String...) throws -> String {
      try Refusal.of(
        ["convert", whole, scratch.path("o.onnx")] + modules.flatMap { ["--module", $0] }, status: 64, in: scratch)
    }
    #expect(try refusal("gru").hasPrefix("\(whole): module gru: the model has no module of this name; use one of "))
    #expect(try refusal("fc", "fc").contains("it is named twice"))
    #expect(try refusal("fc", "decoder").contains("it takes 4 features, and what it is applied to has 2"))
  }
}
