import Foundation
import RNNKit
import Testing

/// Model files that cannot be used: each command says what, where and what to do, and leaves things as they were.
@Suite struct ModelRefusalTests {
  /// Every command that reads a model, with an output that exists already and one that does not.
  private func commands(_ model: String, _ scratch: Scratch) throws -> [[String]] {
    let (old, input) = (scratch.path("old.rnn"), scratch.path("x.npy"))
    try Data("old".utf8).write(to: scratch.url("old.rnn"))
    try ArrayFile.write([NamedTensor("", try tensor(noise(12), 4, 3))], input)
    return [
      ["inspect", model], ["inspect", model, "--json"], ["verify", model], ["diagnose", model],
      ["diff", model, Samples.path("lstm")], ["diff", Samples.path("lstm"), model],
      ["convert", model, old, "--force"], ["convert", model, scratch.path("new.rnn")],
      ["run", model, "--input", input, "--output", scratch.path("y.npy")],
    ]
  }

  /// The message, the same from every command.
  private func refusal(_ model: String, status: Int32, _ scratch: Scratch) throws -> String {
    let messages = try commands(model, scratch).map { try Refusal.of($0, status: status, in: scratch) }
    #expect(Set(messages).count == 1, "\(messages)")
    let message = try #require(messages.first)
    #expect(message.hasPrefix(model + ": "), "\(message)")
    return String(message.dropFirst(model.count + 2))
  }

  @Test func refusesWhatIsNoFile() throws {
    let scratch = try Scratch()
    #expect(try refusal(scratch.path("none.rnn"), status: 66, scratch)
      == "cannot be opened: No such file or directory; check the path and its permissions")
    #expect(try refusal(scratch.folder.path, status: 66, scratch) == "cannot be opened: Is a directory; name a file in it")
  }

  @Test func refusesWhatIsNoModel() throws {
    let scratch = try Scratch()
    let remedy = "see 'rnn formats', or say which it is with --from"
    try Data().write(to: scratch.url("empty.rnn"))
    #expect(try refusal(scratch.path("empty.rnn"), status: 65, scratch) == "the file is empty; \(remedy)")
    try Data((0..<999).map { UInt8(truncatingIfNeeded: $0 &* 73 &+ 41) }).write(to: scratch.url("noise.h5"))
    #expect(try refusal(scratch.path("noise.h5"), status: 65, scratch)
      == "not in a format that RNNKit knows; \(remedy)")
  }

  @Test func refusesANativeFileCutShort() throws {
    let scratch = try Scratch()
    let whole = try Data(contentsOf: URL(fileURLWithPath: Samples.native("rnn_1_layer", scratch)))
    for length in stride(from: 1, to: whole.count, by: whole.count / 40) {
      try whole.prefix(length).write(to: scratch.url("cut.rnn"))
      let message = try Refusal.of(["inspect", scratch.path("cut.rnn")], status: 65, in: scratch)
      #expect(message.hasPrefix("\(scratch.path("cut.rnn")): "))
      _ = try Refusal.of(["convert", scratch.path("cut.rnn"), scratch.path("new.rnn")], status: 65, in: scratch)
    }
    try whole.prefix(whole.count - 1).write(to: scratch.url("cut.rnn"))
    _ = try refusal(scratch.path("cut.rnn"), status: 65, scratch)
  }

  @Test func refusesAFlippedBitInANativeFile() throws {
    let scratch = try Scratch()
    let whole = try Data(contentsOf: URL(fileURLWithPath: Samples.native("rnn_1_layer", scratch)))
    for bit in stride(from: 3, to: whole.count * 8, by: whole.count * 8 / 150) {
      var bytes = whole
      bytes[bit / 8] ^= 1 << (bit % 8)
      try bytes.write(to: scratch.url("flipped.rnn"))
      _ = try Refusal.of(["verify", scratch.path("flipped.rnn")], status: 65, in: scratch)
    }
  }

  @Test func refusesAnHDF5FileCutShort() throws {
    let scratch = try Scratch()
    let whole = try Data(contentsOf: URL(fileURLWithPath: Samples.path("rnn_1_layer")))
    for length in stride(from: 9, to: whole.count, by: whole.count / 12) {
      try whole.prefix(length).write(to: scratch.url("cut.h5"))
      let message = try Refusal.of(["convert", scratch.path("cut.h5"), scratch.path("new.rnn")], status: 65, in: scratch)
      #expect(message.hasPrefix("\(scratch.path("cut.h5")): "))
    }
  }

  /// A two-layer RNN without metadata, tensors changed or left out, as .npz and as .h5.
  private func dumps(_ scratch: Scratch, _ change: (inout [String: Tensor]) throws -> Void) throws -> [String] {
    var tensors = [
      "rnn.weight_ih_l0": try tensor(noise(12), 4, 3), "rnn.weight_hh_l0": try tensor(noise(16), 4, 4),
      "rnn.bias_ih_l0": try tensor(noise(4), 4), "rnn.bias_hh_l0": try tensor(noise(4), 4),
      "rnn.weight_ih_l1": try tensor(noise(16), 4, 4), "rnn.weight_hh_l1": try tensor(noise(16), 4, 4),
      "rnn.bias_ih_l1": try tensor(noise(4), 4), "rnn.bias_hh_l1": try tensor(noise(4), 4),
    ]
    try change(&tensors)
    let paths = [scratch.path("dump.npz"), scratch.path("dump.h5")]
    for path in paths {
      try ArrayFile.write(tensors.sorted { $0.key < $1.key }.map { NamedTensor($0.key, $0.value) }, path)
    }
    return paths
  }

  @Test func namesTheTensorThatIsMissing() throws {
    let scratch = try Scratch()
    for path in try dumps(scratch, { $0["rnn.weight_hh_l1"] = nil }) {
      #expect(try refusal(path, status: 65, scratch) == """
        tensor rnn.weight_hh_l1: missing, though the model's other tensors ask for it; \
        export the whole state_dict, or name the right tensor with --rename
        """)
    }
  }

  @Test func namesTheTensorThatDoesNotFit() throws {
    let scratch = try Scratch()
    for path in try dumps(scratch, { $0["rnn.weight_hh_l1"] = try tensor(noise(20), 4, 5) }) {
      #expect(try refusal(path, status: 65, scratch) == """
        tensor rnn.weight_hh_l1: its shape is (4, 5), expected (4, 4) from the other tensors; \
        export the model again; the tensors are not of one model
        """)
    }
    for path in try dumps(scratch, { $0["rnn.bias_ih_l0"] = try integers([1, 2, 3, 4], 4) }) {
      #expect(try refusal(path, status: 65, scratch) == """
        tensor rnn.bias_ih_l0: its type is int64, expected float32, float64, float16 or bfloat16; \
        export the weights as one of these
        """)
    }
    for path in try dumps(scratch, { $0["rnn.weight_hh_l0"] = try tensor(noise(24), 6, 4) }) {
      #expect(try refusal(path, status: 65, scratch) == """
        tensor rnn.weight_hh_l0: its shape is (6, 4), expected 1, 3 or 4 times as many rows as the hidden size 4; \
        export the model again; no RNN, GRU or LSTM has such a weight
        """)
    }
  }

  @Test func allowsWeightsThatAreNotFiniteAndSaysSo() throws {
    let scratch = try Scratch()
    for path in try dumps(scratch, { $0["rnn.bias_hh_l1"] = try tensor([.nan, 1, -.infinity, .infinity], 4) }) {
      let inspected = try Command.run("inspect", path)
      #expect(inspected.status == 0)
      #expect(inspected.output.contains(
        "\nwarning: weights that are not finite\n  rnn.bias_hh_l1: 1 NaN and 2 infinite values\n"))
      let document = try JSON(Command.run("inspect", path, "--json").output)
      let parameter = try #require(document["parameters"]?.array?.first { $0["name"]?.string == "rnn.bias_hh_l1" })
      #expect(parameter["nan"]?.integer == 1 && parameter["infinite"]?.integer == 2)

      try ArrayFile.write([
        NamedTensor("input", try tensor(noise(6), 2, 3)), NamedTensor("hn", try tensor(noise(8), 2, 4)),
      ], scratch.path("case.npz"))
      let verified = try Command.run("verify", path, "--case", scratch.path("case.npz"))
      #expect(verified.status == 1)
      #expect(verified.errors.contains("note: rnn.bias_hh_l1 has 1 NaN and 2 infinite values\n"))
      #expect(try Command.run("convert", path, scratch.path("m.rnn"), "--force").status == 0)
      #expect(try Command.run("diff", path, scratch.path("m.rnn")).status == 0)
    }
  }
}

/// Names that are made to look like something else stay one line, and do nothing to a terminal.
@Suite struct MessageTests {
  @Test(arguments: [
    ("a\nb", "a\\nb"), ("a\r\u{1B}[2Jb", "a\\u{d}\\u{1b}[2Jb"), ("a\u{85}\u{2028}b\u{2029}", "a\\u{85}\\u{2028}b\\u{2029}"),
    ("a\u{202E}nnr.b", "a\\u{202e}nnr.b"), ("ä 層", "ä 層"),
  ])
  func namesStayOnOneLine(_ name: String, _ shown: String) throws {
    let scratch = try Scratch()
    let model = try Samples.native("rnn_1_layer", scratch)
    let missing = "no such path/\(name)"
    #expect(try Refusal.of(["inspect", missing], status: 66, in: scratch)
      == "no such path/\(shown): cannot be opened: No such file or directory; check the path and its permissions")
    #expect(try Refusal.of(["convert", model, missing + ".rnn"], status: 73, in: scratch)
      == "no such path/\(shown).rnn: cannot be created: No such file or directory; check that the folder exists and may be written to")
    #expect(try Refusal.of(["run", model, "--stream", "--module", name], status: 64, in: scratch).contains("module \(shown): "))
    #expect(try Refusal.of(["inspect", model, "--from", name], status: 64, in: scratch)
      .hasPrefix("no format is named \(shown); choose one of "))
    #expect(try Refusal.of(["inspect", model, "--rename", "\(name)=b"], status: 64, in: scratch).contains("--rename '\(shown)=b': "))
    #expect(try Refusal.of([name], status: 64, in: scratch).hasPrefix("there is no command named \(shown); choose one of "))
  }
}
