import Foundation
import RNNKit
import Testing

/// State carried from run to run, and steps as they come: the same bits as the whole at once.
@Suite struct StateTests {
  /// A model of each cell that only runs forward, and the kind of file that keeps the state.
  static let models = [
    ("rnn_3_layers", "npz"), ("rnn_cell_relu", "npy"), ("lstm", "npz"), ("lstm", "json"), ("gru", "npy"), ("gru", "h5"),
    ("lstm_projection", "h5"), ("lstm_cell", "npz"), ("gru_cell", "json"), ("gru_float64", "npz"), ("rnn_bfloat16", "npz"),
    ("keras_gru_reset_before", "npz"), ("keras_lstm_hard_sigmoid_2", "json"), ("chain_linear_between", "npz"),
    ("rnn_batch_first", "npz"), ("lengths_rnn", "npy"), ("lengths_lstm", "npz"), ("lengths_gru", "json"),
    ("rnn_unbatched", "npz"),
  ]

  @Test(arguments: models) func piecesGiveTheBitsOfTheWhole(sample: String, kind: String) throws {
    let scratch = try Scratch()
    let model = Samples.path(sample)
    let opened = try Samples.open(sample)
    let batchFirst = opened.architecture.batchFirst
    for (number, reference) in opened.archive.cases.enumerated() {
      let input = try #require(reference["input"])
      let isBatched = input.shape.rank == 3
      let axis = isBatched && batchFirst ? 1 : 0
      let count = input.shape[axis]
      guard input.count > 0 else { continue }
      let others = reference.members.filter { $0.name.hasSuffix("h0") || $0.name.hasSuffix("c0") }
      let lengths = reference["lengths"]?.doubles.map { Int($0) }
      let whole = scratch.path("whole\(number).npz")
      try ArrayFile.writeInputs(reference, scratch.path("x.npz"))
      try #require(Command.run("run", model, "--input", scratch.path("x.npz"), "--output", whole).status == 0)

      let states = [scratch.path("a.\(kind)"), scratch.path("b.\(kind)")]
      var outputs: [String: [Tensor]] = [:]
      var start = 0
      var last: [String: Tensor] = [:]
      for (piece, size) in [1, 3, 2, count].enumerated() where start < count {
        let end = min(start + size, count)
        var members = [NamedTensor("input", try slice(start..<end, axis, of: input))] + (start == 0 ? others : [])
        if let lengths {
          let rest = lengths.map { Int64(max(0, min(end, $0) - start)) }
          members.append(NamedTensor("lengths", try integers(rest, rest.count)))
        }
        try ArrayFile.write(members, scratch.path("piece.npz"))
        let result = try Command.run(
          ["run", model, "--input", scratch.path("piece.npz"), "--output", scratch.path("y.npz"), "--force",
            "--state-out", states[piece % 2]] + (start == 0 ? [] : ["--state-in", states[1 - piece % 2]]))
        try #require(result.status == 0, "\(result.errors)")
        last = try ArrayFile.read(scratch.path("y.npz"))
        for (name, tensor) in last { outputs[name, default: []].append(tensor) }
        start = end
      }
      for (name, tensor) in try ArrayFile.read(whole) {
        if name.hasSuffix("hn") || name.hasSuffix("cn") {
          #expect(last[name]?.isIdentical(to: tensor) == true, "\(sample), \(reference.name), \(name)")
        } else {
          let axis = tensor.shape.rank == 3 && batchFirst ? 1 : 0
          var done = 0
          for piece in try #require(outputs[name]) {
            let expected = try slice(done..<done + piece.shape[axis], axis, of: tensor)
            #expect(piece.isIdentical(to: expected), "\(sample), \(reference.name), \(name) from step \(done)")
            done += piece.shape[axis]
          }
          #expect(done == count)
        }
      }
    }
  }

  /// Steps of a tensor whose time axis is the first or the second.
  private func slice(_ range: Range<Int>, _ axis: Int, of tensor: Tensor) throws -> Tensor {
    if axis == 0 { return try steps(range, of: tensor) }
    let rows = tensor.shape[0]
    let row = tensor.byteCount / max(rows, 1)
    let step = row / max(tensor.shape[1], 1)
    var sizes = tensor.shape.dimensions
    sizes[1] = range.count
    let shape = try #require(Shape(sizes))
    return try #require(Tensor(tensor.elementType, shape) { target in
      tensor.withUnsafeBytes { source in
        for index in 0..<rows {
          let from = UnsafeRawBufferPointer(rebasing: source[index * row + range.lowerBound * step..<index * row + range.upperBound * step])
          UnsafeMutableRawBufferPointer(rebasing: target[index * range.count * step..<(index + 1) * range.count * step])
            .copyMemory(from: from)
        }
      }
    })
  }

  /// The end of a chain run whole on one sequence, with the numbers that went in.
  private func whole(_ model: String, _ steps: Int, _ features: Int, _ scratch: Scratch) throws -> (input: [Float], end: Tensor) {
    let values = noise(steps * features, seed: 3)
    // As the text of a stream is read: decimals, not the float32 nearest to them.
    let decimals = try values.map { try #require(Double("\($0)")) }
    try ArrayFile.write([NamedTensor("", try doubles(decimals, steps, features))], scratch.path("x.npy"))
    let path = scratch.path("whole.npy")
    try #require(Command.run("run", model, "--input", scratch.path("x.npy"), "--output", path, "--force").status == 0)
    return (values, try ArrayFile.readOnly(path))
  }

  @Test(arguments: [("rnn_relu", 4), ("lstm", 4), ("gru_1_layer", 2), ("lstm_projection", 4), ("rnn_float64", 3), ("head_two_layers", 3)])
  func streamsTheStepsOfTheWhole(sample: String, features: Int) throws {
    let scratch = try Scratch()
    let model = Samples.path(sample)
    let (input, end) = try whole(model, 9, features, scratch)
    let rows: [[String]] = (0..<9).map { step in (0..<features).map { "\(input[step * features + $0])" } }
    let expected = end.doubles
    for style in ["commas", "spaces", "JSON"] {
      let lines = rows.map { row in
        switch style {
        case "commas": row.joined(separator: ",")
        case "spaces": " " + row.joined(separator: "  ") + "\r"
        default: "[" + row.joined(separator: ", ") + "]"
        }
      }
      let result = try Command.run("run", model, "--stream", input: lines.joined(separator: "\n\n"))
      #expect(result.status == 0, "\(style): \(result.errors)")
      let printed = result.output.split(separator: "\n")
      try #require(printed.count == 9)
      let found = try printed.flatMap { line in
        if style != "JSON" { return try line.split(separator: ",").map { try #require(Double(String($0))) } }
        return try #require(try JSON(String(line)).array).map { try #require($0.double) }
      }
      // Decimals with as many digits as their type needs.
      #expect(end.elementType == .float64 ? found == expected : found.map { Float($0) } == expected.map { Float($0) }, "\(style)")
    }
  }

  @Test func streamsOnFromAStateAndLeavesOne() throws {
    let scratch = try Scratch()
    let model = Samples.path("lstm")
    let (input, end) = try whole(model, 8, 4, scratch)
    let lines = (0..<8).map { step in input[step * 4..<step * 4 + 4].map { "\($0)" }.joined(separator: ",") + "\n" }
    let state = scratch.path("s.npz")
    let first = try Command.run(["run", model, "--stream", "--state-out", state], input: lines[..<5].joined())
    let second = try Command.run(["run", model, "--stream", "--state-in", state], input: lines[5...].joined())
    let found = try (first.output + second.output).split(whereSeparator: { ",\n".contains($0) }).map { try #require(Float($0)) }
    #expect(found == end.doubles.map { Float($0) })
  }

  @Test func answersEachStepBeforeTheNextComes() throws {
    let process = Process()
    process.executableURL = Command.executable
    process.arguments = ["run", Samples.path("rnn_1_layer"), "--stream"]
    let (source, result) = (Pipe(), Pipe())
    (process.standardInput, process.standardOutput) = (source, result)
    try process.run()
    for step in 0..<3 {
      try source.fileHandleForWriting.write(contentsOf: Data("0.\(step),1\n".utf8))
      var line = Data()
      while line.last != 0x0A {
        let more = try #require(try result.fileHandleForReading.read(upToCount: 1))
        try #require(!more.isEmpty)
        line += more
      }
      #expect(String(decoding: line, as: UTF8.self).split(separator: ",").count == 8)
    }
    try source.fileHandleForWriting.close()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
  }

  @Test func refusesALineThatIsNoStep() throws {
    let scratch = try Scratch()
    let model = Samples.path("rnn_relu")
    let remedy = "give numbers between commas or spaces, or a JSON list"
    for (line, message) in [
      ("1,2,3", "3 numbers, expected 4; give one step a line"), ("1,,3,4", "\"\" is no number; \(remedy)"),
      ("1,2,3,", "\"\" is no number; \(remedy)"), ("1,2,3,x", "\"x\" is no number; \(remedy)"),
      ("0x1,2,3,4", "\"0x1\" is no number; \(remedy)"), ("1,2,3,1e999", "\"1e999\" is no number; \(remedy)"),
      ("[]", "0 numbers, expected 4; give one step a line"), ("[1, 2, 3, null]", "null is no number; \(remedy)"),
      ("[1, 2, 3, [4]]", "[4] is no number; \(remedy)"), ("{\"a\": 1}", "\"{\"a\":\" is no number; \(remedy)"),
    ] {
      let found = try Refusal.of(["run", model, "--stream"], status: 65, in: scratch, input: "\n" + line + "\n")
      #expect(found == "standard input: line 2: \(message)")
    }
    let cut = try Refusal.of(["run", model, "--stream"], status: 65, in: scratch, input: "[1, 2")
    #expect(cut.hasPrefix("standard input: line 1, offset 5: "))
    let embedding = ["run", Samples.path("chain_embedding"), "--module", "emb", "--stream"]
    #expect(try Refusal.of(embedding, status: 65, in: scratch, input: "12\n").hasPrefix("standard input: line 1, "))
    #expect(try Refusal.of(embedding, status: 65, in: scratch, input: "1.5\n")
      == "standard input: line 1: not a whole number; give an index of the embedding")
  }

  @Test func streamsWhatIsNotFinite() throws {
    let result = try Command.run(
      "run", Samples.path("rnn_relu"), "--stream", input: "nan,0,0,0\n[\"inf\", 0, 0, \"-inf\"]\n")
    #expect(result.status == 0, "\(result.errors)")
    let lines = result.output.split(separator: "\n")
    #expect(lines.count == 2 && lines[0].hasPrefix("nan,nan"))
    #expect(try JSON(String(try #require(lines.last))).array?.first == .string("nan"))
  }
}
