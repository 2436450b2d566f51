import Foundation
import RNNKit
import Testing

/// `rnn verify`: what holds, what does not, and where it parts.
@Suite struct VerifyTests {
  private let scratch: Scratch

  init() throws {
    scratch = try Scratch()
  }

  /// A copy of a sample with one element of a tensor, or of a case's member, changed.
  private func changed(
    _ sample: String, tensor name: String = "", member: String = "", at index: Int = 0, by change: Double
  ) throws -> String {
    let model = try Samples.open(sample)
    func altered(_ tensor: Tensor) throws -> Tensor {
      var values = tensor.doubles
      values[index] += change
      let wide = try #require(Tensor(values, tensor.shape))
      return try #require(wide.converted(to: tensor.elementType)).tensor
    }
    var archive = model.archive
    var failure: (any Error)?
    archive = try archive.mapTensors { named in
      guard named.name == name else { return named.tensor }
      do { return try altered(named.tensor) } catch {
        failure = error
        return named.tensor
      }
    }
    if let failure { throw failure }
    if let position = archive.cases.first?.members.firstIndex(where: { $0.name == member }) {
      archive.cases[0].members[position].tensor = try altered(archive.cases[0].members[position].tensor)
    }
    let path = scratch.path("changed.rnn")
    try Model(archive, architecture: model.architecture).write(to: path, replacing: true)
    return path
  }

  /// The verdict on a member, from the JSON, which must agree with the text.
  private func verdict(_ path: String, _ member: String, _ options: String...) throws -> (verdict: String, holds: Bool, diverges: String?) {
    let (text, document) = (try Command.run(["verify", path] + options), try Command.run(["verify", path, "--json"] + options))
    #expect(text.status == document.status && document.errors.isEmpty)
    let json = try JSON(document.output)
    let first = try #require(json["cases"]?.array?.first)
    let found = try #require(first["members"]?.array?.first { $0["name"]?.string == member })
    let verdict = try #require(found["verdict"]?.string)
    #expect(text.output.split(separator: "\n").contains { line in
      let words = line.split(separator: " ")
      return words.count > 1 && words[0] == member && words[1] == verdict
    })
    let holds = try #require(json["holds"]?.bool as Bool?)
    #expect(holds == (text.status == 0))
    let diverges = first["diverges"]?.string
    if let diverges { #expect(text.output.contains("  diverges \(diverges)\n")) }
    return (verdict, holds, diverges)
  }

  @Test func findsAChangedWeightAndWhereTheRunsPart() throws {
    for (tensor, index, place) in [
      // h_{-1} is zero, so that W_hh shows from the second step.
      ("rnn.weight_ih_l0", 0, "first at step 0, first in layer 0 (hn)"),
      ("rnn.weight_hh_l1", 0, "first at step 1, first in layer 1 (hn)"),
      ("rnn.bias_hh_l2", 3, "first at step 0, first in layer 2 (hn)"),
    ] {
      let path = try changed("rnn_3_layers", tensor: tensor, at: index, by: 0.25)
      let found = try verdict(path, "output")
      #expect(found.verdict == "mismatch" && !found.holds)
      #expect(found.diverges == place, "\(tensor)")
    }
    let head = try changed("lstm_1_layer", tensor: "fc.weight", by: 0.01)
    #expect(try verdict(head, "output").verdict == "match")
    let y = try verdict(head, "y")
    #expect(y.verdict == "mismatch" && y.diverges == "first at step 0, in what follows the last recurrent layer")
  }

  @Test func matchesWithinItsTolerance() throws {
    // 1e-6 + 1e-5·|reference| in float32, 1e-12 + 1e-12·|reference| in float64; the outputs are less than 1.
    for (sample, change, holds) in [
      ("rnn_3_layers", 5e-7, true), ("rnn_3_layers", 2e-5, false), ("lstm", -5e-7, true), ("lstm", -2e-5, false),
      ("rnn_float64", 5e-13, true), ("rnn_float64", 3e-12, false), ("lstm_float64", 3e-12, false),
    ] {
      // Not the last step, whose output is the last state as well.
      let found = try verdict(try changed(sample, member: "output", by: change), "output")
      #expect(found.verdict == (holds ? "match" : "mismatch"), "\(sample), \(change)")
      #expect(found.holds == holds)
      if !holds { #expect(found.diverges == "first at step 0") }
    }
  }

  @Test func seesPlaceholderNumbers() throws {
    // A last state that is not the last output cannot come from an RNN, close as it may be.
    let model = try Samples.open("tutorial/sequence_first")
    let count = try #require(model.archive.cases[0]["hn"]).count
    let path = try changed("tutorial/sequence_first", member: "hn", at: count - 1, by: 1e-7)
    let result = try Command.run("verify", path)
    #expect(result.status == 1)
    #expect(result.output.contains(
      "  the reference's hn[last] == output[last]: no; these are not the outputs of a recurrent network\n"))
    #expect(result.output.hasSuffix("1 of 2 cases hold\n"))
  }

  /// An RNN of 16 units that amplifies any difference, and 80 steps of it in plain float32 loops.
  private func chaotic() throws -> (weights: [Float], input: [Float], outputs: [Float]) {
    let weights = noise(16 * 16, seed: 5).map { $0 * 2 }
    let input = noise(80, seed: 6)
    var (h, outputs) = ([Float](repeating: 0, count: 16), [Float]())
    for step in 0..<80 {
      // Another order of adding than the runner's, which rounds otherwise.
      h = (0..<16).map { unit in
        var sum: Float = 0
        for other in (0..<16).reversed() { sum += weights[unit * 16 + other] * h[other] }
        return tanhf(sum + input[step] * 0.5)
      }
      outputs += h
    }
    return (weights, input, outputs)
  }

  @Test func tellsRoundingThatTheModelAmplifiesFromAMistake() throws {
    let (weights, input, outputs) = try chaotic()
    let (model, arrays) = (scratch.path("chaos.npz"), scratch.path("case.npz"))
    func write(_ weights: [Float]) throws {
      try ArrayFile.write([
        NamedTensor("rnn.weight_ih_l0", try tensor([Float](repeating: 0.5, count: 16), 16, 1)),
        NamedTensor("rnn.weight_hh_l0", try tensor(weights, 16, 16)),
      ], model)
    }
    try write(weights)
    try ArrayFile.write([
      NamedTensor("input", try tensor(input, 80, 1)), NamedTensor("output", try tensor(outputs, 80, 16)),
    ], arrays)
    let found = try verdict(model, "output", "--case", arrays)
    #expect(found.verdict == "rounding" && found.holds)
    let text = try Command.run("verify", model, "--case", arrays).output
    #expect(text.contains("from float64: reference "))
    // The same network without amplification: now the difference would be a mistake.
    try write(weights.map { $0 / 16 })
    #expect(try verdict(model, "output", "--case", arrays).verdict == "mismatch")
  }

  @Test func replaysACaseOfAFileOfItsOwn() throws {
    let reference = try #require(try Samples.open("lstm_1_layer").archive.cases.first)
    let members = reference.members.filter { !$0.name.hasSuffix("64") }
    for kind in ["npz", "json", "h5"] {
      let path = scratch.path("mine.\(kind)")
      try ArrayFile.write(members, path)
      let result = try Command.run("verify", Samples.path("lstm_1_layer"), "--case", path)
      #expect(result.status == 0, "\(result.output)\(result.errors)")
      #expect(result.output.hasPrefix("case mine\n"))
    }
    try ArrayFile.write(try #require(Samples.open("chain_embedding").archive.cases.first).members, scratch.path("e.json"))
    #expect(try Command.run("verify", Samples.path("chain_embedding"), "--case", scratch.path("e.json")).status == 0)
  }

  @Test func refusesACaseThatCannotBeReplayed() throws {
    let (model, path) = (Samples.path("rnn_relu"), scratch.path("case.npz"))
    let (input, output) = (NamedTensor("input", try tensor(noise(8), 2, 4)), NamedTensor("output", try tensor(noise(14), 2, 7)))
    func refusal(_ members: [NamedTensor]) throws -> String {
      try ArrayFile.write(members, path)
      let message = try Refusal.of(["verify", model, "--case", path], status: 65, in: scratch)
      return String(message.dropFirst(message.hasPrefix(path) ? path.count + 2 : model.count + 2))
    }
    #expect(try refusal([output])
      == "holds no array named input, but output; save it with numpy.savez(path, input=…, output=…)")
    #expect(try refusal([input, NamedTensor("h0", try tensor(noise(14), 2, 7))])
      == "holds no output to compare with, but input, h0; save what the framework gave as output, hn, cn or y beside the input")
    #expect(try refusal([input, output, NamedTensor("cn", try tensor([1], 1))])
      == "case case, member cn: the model gives no such output; it gives output, hn; rename or remove the member")
    #expect(try refusal([input, NamedTensor("output", try tensor(noise(7), 1, 7))])
      == "case case, member output: its shape is (1, 7), the model gives (2, 7); export the case again")
    #expect(try refusal([NamedTensor("input", try tensor(noise(6), 2, 3)), output])
      == "case case, input: its shape (2, 3) ends in 3 features, expected 4; reshape it")
    let bare = scratch.path("bare.npz")
    try ArrayFile.write(try Samples.open("rnn_relu").archive.tensors, bare)
    #expect(try Refusal.of(["verify", bare], status: 65, in: scratch) == """
      \(bare): has no reference case to replay; give one with --case, or add it with 'rnn convert --case'
      """)
  }

  /// A file for each array, until a name comes again.
  @Test func takesACaseFromAFileForEachArray() throws {
    let reference = try #require(Samples.open("head_head").archive.cases.first)
    let (x, y, wrong) = (scratch.path("x.npy"), scratch.path("y.npy"), scratch.path("wrong.npy"))
    let result = try #require(reference["y"])
    for (path, tensor) in [(x, try #require(reference["input"])), (y, result), (wrong, try #require(Tensor(result.doubles.map { $0 + 1 }, result.shape)))] {
      try ArrayFile.write([NamedTensor("", tensor)], path)
    }
    let model = Samples.path("head_head")
    let both = try Command.run(
      "verify", model, "--case", "input=\(x)", "--case", "y=\(y)", "--case", "input=\(x)", "--case", "y=\(wrong)")
    #expect(both.status == 1 && both.output.contains("1 of 2 cases hold"), "\(both)")
    let kept = scratch.path("kept.rnn")
    #expect(try Command.run("convert", model, kept, "--no-cases", "--case", "input=\(x)", "--case", "y=\(y)").status == 0)
    #expect(try ModelFile.open(kept).model.archive.cases.map { $0.members.map(\.name) } == [["input", "y"]])
    #expect(try Command.run("verify", kept).output.contains("1 of 1 cases hold"))
    func problem(_ options: String..., status: Int32) throws -> String {
      let result = try Command.run(["verify", model] + options.flatMap { ["--case", $0] })
      #expect(result.status == status && result.output.isEmpty)
      return result.errors
    }
    #expect(try problem(y, status: 65).contains("holds no output to compare with, but input; name each file's array: --case input=x.npy --case y=y.npy"))
    #expect(try problem("y=\(y)", status: 65).contains("holds no array named input, but y; add --case input=x.npy"))
    #expect(try problem("input=\(x)", status: 65).contains("holds no output to compare with, but input; add --case y=y.npy, what the model gave"))
    #expect(try problem("=\(x)", status: 64).contains("lacks a name; say it as --case input=x.npy --case y=y.npy"))
  }
}
