import Foundation
import RNNKit
import Testing

/// What `rnn run` refuses of inputs, states and options.
@Suite struct RunRefusalTests {
  private let scratch: Scratch
  private let lstm = Samples.path("lstm")  // LSTM(4, 9, num_layers=2)

  init() throws {
    scratch = try Scratch()
    try ArrayFile.write([NamedTensor("", try tensor(noise(24), 3, 2, 4))], scratch.path("x.npy"))
  }

  /// The message for a file of these arrays as input, without the file's name.
  private func input(
    _ members: [NamedTensor], _ model: String? = nil, _ options: String...,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws -> String {
    let path = scratch.path(members.count == 1 && members[0].name.isEmpty ? "in.npy" : "in.npz")
    try ArrayFile.write(members, path)
    let message = try Refusal.of(
      ["run", model ?? lstm, "--input", path, "--output", scratch.path("y.npz")] + options, status: 65, in: scratch,
      sourceLocation: sourceLocation)
    #expect(message.hasPrefix(path + ": "), "\(message)", sourceLocation: sourceLocation)
    return String(message.dropFirst(path.count + 2))
  }

  private func input(_ tensor: Tensor, _ model: String? = nil) throws -> String {
    try input([NamedTensor("", tensor)], model)
  }

  @Test func refusesInputsOfTheWrongShape() throws {
    let expected = "expected (time, batch, 4 features) or (time, 4 features); reshape it"
    #expect(try input(tensor(noise(4), 4)) == "input: its shape is (4,), \(expected)")
    #expect(try input(tensor(noise(24), 1, 3, 2, 4)) == "input: its shape is (1, 3, 2, 4), \(expected)")
    #expect(try input(tensor(noise(30), 3, 2, 5)) == "input: its shape (3, 2, 5) ends in 5 features, expected 4; reshape it")
    #expect(try input(tensor(noise(10), 2, 5)) == "input: its shape (2, 5) ends in 5 features, expected 4; reshape it")
    #expect(try input(tensor([], 0, 2, 4))
      == "input: its shape (0, 2, 4) has no steps, expected 1 or more; give a sequence that is not empty")
    #expect(try input(tensor([1], 1), Samples.path("rnn_batch_first"))
      == "input: its shape is (1,), expected (batch, time, 3 features) or (time, 3 features); reshape it")
  }

  @Test func refusesInputsOfTheWrongType() throws {
    let embedding = Samples.path("chain_embedding")
    #expect(try input(tensor([1, 2], 2), embedding)
      == "input: its type is float32, expected whole numbers; convert it to int64")
    #expect(try input(integers([1, 12], 2), embedding)
      == "input, step 1, row 0: index 12 is not in the embedding emb, expected 0 to 11; correct the input")
    #expect(try input(integers([1, -1], 2), embedding)
      == "input, step 1, row 0: index -1 is not in the embedding emb, expected 0 to 11; correct the input")
  }

  @Test func takesAnEmptyBatch() throws {
    try ArrayFile.write([NamedTensor("", try tensor([], 3, 0, 4))], scratch.path("x.npy"))
    let run = try Command.run("run", lstm, "--input", scratch.path("x.npy"), "--output", scratch.path("y.npz"))
    #expect(run.status == 0, "\(run.errors)")
    let outputs = try ArrayFile.read(scratch.path("y.npz"))
    #expect(outputs["output"]?.shape.dimensions == [3, 0, 9])
    #expect(outputs["hn"]?.shape.dimensions == [2, 0, 9] && outputs["cn"]?.shape.dimensions == [2, 0, 9])
  }

  @Test func refusesFilesThatHoldNoInput() throws {
    let x = NamedTensor("x", try tensor(noise(8), 2, 4))
    #expect(try input([x, NamedTensor("h0", try tensor(noise(18), 2, 9))])
      == "holds no array named input, but x, h0; name the array input")
    try Data().write(to: scratch.url("empty.csv"))
    try Data("1,2,3,4\n1,2,3\n".utf8).write(to: scratch.url("ragged.csv"))
    try Data("1,2,three,4\n".utf8).write(to: scratch.url("word.csv"))
    try Data("[[1, 2, 3, 4], [5, 6, 7]]".utf8).write(to: scratch.url("ragged.json"))
    try Data("[[1, 2, 3, 4".utf8).write(to: scratch.url("cut.json"))
    try Data([0, 1, 2, 3]).write(to: scratch.url("noise.bin"))
    let cases: [(String, Int32, String)] = [
      ("empty.csv", 65, "the file is empty; write the array again"),
      ("ragged.csv", 65, "line 2: 3 columns, expected 4 as in the rows before; give every row as many numbers"),
      ("word.csv", 65, "line 1: column 3 is \"three\", expected a number; correct the number"),
      ("ragged.json", 65, "[1]: a list of 3, expected 4 as in the first list of this level; give nested lists of numbers, of equal lengths"),
      ("cut.json", 65, "offset 12: neither comma nor closing bracket, expected valid JSON; write the file again"),
      ("noise.bin", 65, "not an array file that RNNKit knows; save it as one of pb, hdf5, npy, npz, wav, json, csv"),
      ("none.npy", 66, "cannot be opened: No such file or directory; check the path and its permissions"),
    ]
    for (name, status, message) in cases {
      #expect(try Refusal.of(["run", lstm, "--input", scratch.path(name)], status: status, in: scratch)
        == "\(scratch.path(name)): \(message)")
    }
  }

  @Test func refusesLengthsThatDoNotFit() throws {
    let x = NamedTensor("input", try tensor(noise(24), 3, 2, 4))
    func lengths(_ tensor: Tensor) throws -> String { try input([x, NamedTensor("lengths", tensor)]) }
    #expect(try lengths(integers([3, 0], 2)) == "lengths, row 1: 0, expected 1 to 3; correct the lengths")
    #expect(try lengths(integers([4, 3], 2)) == "lengths, row 0: 4, expected 1 to 3; correct the lengths")
    #expect(try lengths(integers([3], 1)) == "lengths: 1 lengths, expected 2, one for each row; correct the lengths")
    #expect(try lengths(tensor([3, 2], 2)) == """
      lengths: a tensor (2,) of float32, expected one whole number for each row; give an int64 tensor of (batch,)
      """)
  }

  @Test func refusesStatesThatDoNotFit() throws {
    let x = NamedTensor("input", try tensor(noise(24), 3, 2, 4))
    let wrong = try tensor(noise(54), 2, 3, 9)
    let problem = "its shape is (2, 3, 9), expected (2, 2, 9); give (layers·directions, batch, size)"
    #expect(try input([x, NamedTensor("h0", wrong)]) == "h0 of module lstm: \(problem)")
    let path = scratch.path("s.npz")
    func refusal(_ options: String..., model: String? = nil, status: Int32 = 65) throws -> String {
      try Refusal.of(
        ["run", model ?? lstm, "--input", scratch.path("x.npy")] + options, status: status, in: scratch)
    }
    try ArrayFile.write([NamedTensor("c0", wrong)], path)
    #expect(try refusal("--c0", path) == "\(path): c0 of module lstm: \(problem)")
    try ArrayFile.write([NamedTensor("h0", try integers(Array(repeating: 0, count: 36), 2, 2, 9))], path)
    #expect(try refusal("--h0", path) == "\(path): h0 of module lstm: its type is int64, expected a float type; convert it to float32")
    // A state without the cell's half would go on from zeros unnoticed.
    try ArrayFile.write([NamedTensor("h0", try tensor(noise(36), 2, 2, 9))], path)
    #expect(try refusal("--state-in", path) == "\(path): holds no state c0, but h0; give a file that --state-out wrote")
    #expect(try refusal("--h0", scratch.path("none.npy"), status: 66)
      == "\(scratch.path("none.npy")): cannot be opened: No such file or directory; check the path and its permissions")
    for text in ["normal", "normal:", "normal:1", "normal:x,1", "normal:-1,1", "normal:1,-1", "normal:1,2,3", "normal:inf,1"] {
      #expect(try refusal("--h0", text, status: 64)
        == "--h0 \(text): expected normal:SIGMA,SEED; write it as --h0 normal:0.1,42")
    }
    #expect(try refusal("--c0", "normal:1,2", status: 64)
      == "--c0 normal:1,2: expected a file or zeros; save the cell state as a file, or leave the option out")
    #expect(try refusal("--c0", "zeros", model: Samples.path("gru"), status: 64).hasSuffix(
      "--c0: the chain has no module with such a state; leave the option out"))
  }

  @Test func refusesOptionsThatContradictEachOther() throws {
    let (run, a) = (["run", lstm, "--input", scratch.path("x.npy")], scratch.path("a.npz"))
    let help = "; see 'rnn run --help'"
    let cases: [([String], String)] = [
      (["run", lstm], "Missing expected argument '--input <file>'" + help),
      (["run"], "Missing expected argument '<model>'" + help),
      (run + ["--stream"], "--stream reads standard input: leave --input out" + help),
      (["run", lstm, "--stream", "--output", a], "--stream writes to standard output: leave --output and --plot out" + help),
      (["run", lstm, "--stream", "--plot"], "--stream writes to standard output: leave --output and --plot out" + help),
      (run + ["--state-in", a, "--h0", "zeros"], "--state-in and --h0 or --c0 both name the first state: leave one out" + help),
      (run + ["--output", a, "--state-out", a], "--output and --state-out name the same file: choose two" + help),
      (run + ["--output", "-", "--state-out", "-"], "standard output can only take one result: write the others to files" + help),
      (run + ["--output", "-", "--plot"], "standard output can only take one result: write the others to files" + help),
      (["run", "-", "--input", "-"], "standard input can only be read once: save all but one of the inputs as files" + help),
      (run + ["--precision", "f16"], "The value 'f16' is invalid for '--precision <type>'; please provide one of 'f32' and 'f64'" + help),
      (run + ["--hO", "zeros"], "Unknown option '--hO'; did you mean --h0?"),
      (run + ["--state-out", scratch.path("s.npy")], """
        \(scratch.path("s.npy")): a .npy file holds one array, and the chain's state is several; name an .npz or .json file
        """),
      (run + ["--output", scratch.path("y.txt")], """
        \(scratch.path("y.txt")): the name's extension tells no array format; end it in one of .pb, .h5, .hdf5, .npy, .npz, .wav, .json, .csv
        """),
      (run + ["--module", "gru"], "\(lstm): module gru: the model has no module of this name; use one of lstm"),
      (["run", Samples.path("lstm_bidirectional"), "--stream"], """
        \(Samples.path("lstm_bidirectional")): the reverse direction of lstm needs the whole sequence at once; \
        run it whole
        """),
    ]
    for (arguments, message) in cases {
      #expect(try Refusal.of(arguments, status: 64, in: scratch) == message)
    }
  }

  @Test func refusesAChainThatDoesNotHold() throws {
    let x = scratch.path("x.npy")
    #expect(try Refusal.of(["run", Samples.path("seq2seq"), "--input", x], status: 64, in: scratch).hasSuffix("""
      the file does not say in which order its modules follow each other; say what is computed with --forward, or name \
      modules to run, in their order, with --module, from encoder, decoder, out
      """))
    #expect(try Refusal.of(["run", Samples.path("unknown_modules"), "--input", x], status: 65, in: scratch).hasSuffix("""
      module conv: RNNKit cannot run what its tensors conv.weight, conv.bias belong to; say what it was made with before the \
      forward's expression, --forward 'conv = Conv1d(stride=…, padding=…, dilation=…, groups=…); …', or choose --module lstm --module fc to leave it and norm out
      """))
  }

  @Test func showsBothOrdersWhereTwoFit() throws {
    // h5py keeps no order but the alphabet's, which says nothing.
    let model = Command.root.appendingPathComponent("Tests/CommandTests/Fixtures/two_orders.h5").path
    let x = scratch.path("x.npy")
    #expect(try Refusal.of(["run", model, "--input", x], status: 64, in: scratch) == """
      \(model): the file does not say in which order its modules follow each other, and several fit; \
      say what is computed: --forward 'b(a(x))' or --forward 'a(b(x))'
      """)
    let both = try ["a b", "b a"].map { order in
      try Command.run(["run", model, "--input", x, "--output", "-"] + order.split(separator: " ").flatMap { ["--module", String($0)] })
    }
    #expect(both.allSatisfy { $0.status == 0 } && both[0].output != both[1].output)
    // The native file knows as little.
    try #require(Command.run("convert", model, scratch.path("two.rnn")).status == 0)
    #expect(try Refusal.of(["run", scratch.path("two.rnn"), "--input", x], status: 64, in: scratch).contains("--forward 'a(b(x))'"))
  }
}
