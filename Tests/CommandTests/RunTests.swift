import Foundation
import RNNKit
import Testing

/// `rnn run`: every way in and out, and what the options do.
@Suite struct RunTests {
  private let scratch: Scratch

  init() throws {
    scratch = try Scratch()
  }

  private func run(_ arguments: String..., sourceLocation: SourceLocation = #_sourceLocation) throws -> Command.Result {
    let result = try Command.run(["run"] + arguments)
    try #require(result.status == 0, "\(arguments): \(result.errors)", sourceLocation: sourceLocation)
    return result
  }

  /// The outputs as .npz holds them.
  private func outputs(
    _ arguments: String..., sourceLocation: SourceLocation = #_sourceLocation
  ) throws -> [String: Tensor] {
    let path = scratch.path("\(UUID()).npz")
    let result = try Command.run(["run"] + arguments + ["--output", path])
    try #require(result.status == 0, "\(arguments): \(result.errors)", sourceLocation: sourceLocation)
    return try ArrayFile.read(path)
  }

  private func expectSame(
    _ first: [String: Tensor], _ second: [String: Tensor], sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(first.keys.sorted() == second.keys.sorted(), sourceLocation: sourceLocation)
    for (name, tensor) in first {
      #expect(second[name]?.isIdentical(to: tensor) == true, "\(name) differs", sourceLocation: sourceLocation)
    }
  }

  // MARK: Containers

  @Test(arguments: ["npy", "npz", "json", "h5"]) func readsABatchFromEveryContainer(kind: String) throws {
    let (model, input) = (Samples.path("lstm_1_layer"), try tensor(noise(5 * 3 * 2), 5, 3, 2))
    let lone = ["npy"].contains(kind)
    let (reference, path) = (scratch.path("reference.npz"), scratch.path("x.\(kind)"))
    try ArrayFile.write([NamedTensor("input", input)], reference)
    try ArrayFile.write([NamedTensor(lone ? "" : "input", input)], path)
    let expected = try outputs(model, "--input", reference)
    #expect(expected.keys.sorted() == ["cn", "hn", "output", "y"])
    expectSame(try outputs(model, "--input", path), expected)
    // The same bytes through a pipe, known by content alone.
    let piped = try Command.run(
      ["run", model, "--input", "-", "--output", scratch.path("piped.npz")], data: Data(contentsOf: URL(fileURLWithPath: path)))
    #expect(piped.status == 0, "\(piped.errors)")
    expectSame(try ArrayFile.read(scratch.path("piped.npz")), expected)
  }

  @Test func readsATableAsOneSequence() throws {
    let model = Samples.path("lstm_1_layer")
    let values = noise(12)
    try ArrayFile.write([NamedTensor("", try tensor(values, 6, 2))], scratch.path("x.npy"))
    let rows = (0..<6).map { "\(values[$0 * 2]),\(values[$0 * 2 + 1])" }
    let expected = try outputs(model, "--input", scratch.path("x.npy"))
    #expect(expected["output"]?.shape.dimensions == [6, 11])
    for text in [rows.joined(separator: "\n"), "a,b\r\n" + rows.joined(separator: "\r\n") + "\r\n"] {
      try Data(text.utf8).write(to: scratch.url("x.csv"))
      expectSame(try outputs(model, "--input", scratch.path("x.csv")), expected)
    }
  }

  @Test func takesWholeNumbersInTextAsFeatures() throws {
    let model = Samples.path("lstm_1_layer")
    try ArrayFile.write([
      NamedTensor("input", try tensor([1, 0, 0, 1], 2, 1, 2)), NamedTensor("h0", try tensor([Float](repeating: 1, count: 11), 1, 1, 11)),
    ], scratch.path("x.npz"))
    let ones = [String](repeating: "1", count: 11).joined(separator: ",")
    try Data("{\"input\": [[[1, 0]], [[0, 1]]], \"h0\": [[[\(ones)]]]}".utf8).write(to: scratch.url("x.json"))
    expectSame(try outputs(model, "--input", scratch.path("x.json")), try outputs(model, "--input", scratch.path("x.npz")))
  }

  @Test func takesAColumnOfIndicesAsOneSequence() throws {
    try ArrayFile.write([NamedTensor("", try integers([3, 0, 11, 5], 4))], scratch.path("x.npy"))
    try Data("3\n0\n11\n5\n".utf8).write(to: scratch.url("x.csv"))
    for model in ["chain_embedding", "chain_embedding_batch_first"] {
      let expected = try outputs(Samples.path(model), "--input", scratch.path("x.npy"))
      #expect(expected["y"]?.shape.dimensions == [4, 5])
      expectSame(try outputs(Samples.path(model), "--input", scratch.path("x.csv")), expected)
    }
  }

  @Test(arguments: ["npy", "npz", "json", "h5", "csv"]) func writesEveryContainer(kind: String) throws {
    let model = Samples.path("lstm_1_layer")
    try ArrayFile.write([NamedTensor("", try tensor(noise(12), 6, 2))], scratch.path("x.npy"))
    let expected = try outputs(model, "--input", scratch.path("x.npy"))
    let path = scratch.path("y.\(kind)")
    #expect(try run(model, "--input", scratch.path("x.npy"), "--output", path).output.isEmpty)
    let found = try ArrayFile.read(path)
    if ["npy", "csv"].contains(kind) {
      // What the chain ends in; text has no float32, but enough digits for its bits.
      let (end, y) = (try #require(found[""]), try #require(expected["y"]))
      #expect(end.shape == y.shape && end.doubles.map { Float($0) } == y.doubles.map { Float($0) })
    } else {
      #expect(found.keys.sorted() == expected.keys.sorted())
      for (name, tensor) in expected {
        #expect(found[name]?.shape == tensor.shape && found[name]?.doubles.map { Float($0) } == tensor.doubles.map { Float($0) })
      }
    }
  }

  @Test func writesJSONToStandardOutput() throws {
    let model = Samples.path("lstm_1_layer")
    try ArrayFile.write([NamedTensor("", try tensor(noise(12), 6, 2))], scratch.path("x.npy"))
    _ = try run(model, "--input", scratch.path("x.npy"), "--output", scratch.path("y.json"))
    let printed = try run(model, "--input", scratch.path("x.npy"), "--output", "-")
    #expect(printed.data == (try Data(contentsOf: scratch.url("y.json"))))
    #expect(try JSON(printed.output).members?.map(\.key) == ["output", "hn", "cn", "y"])
  }

  @Test func refusesABatchAsATable() throws {
    try ArrayFile.write([NamedTensor("", try tensor(noise(12), 3, 2, 2))], scratch.path("x.npy"))
    #expect(try Refusal.of(
      ["run", Samples.path("lstm_1_layer"), "--input", scratch.path("x.npy"), "--output", scratch.path("y.csv")], status: 65,
      in: scratch) == """
        \(scratch.path("y.csv")): a table holds one sequence, the output has 2 (axis 1 of (3, 2, 3)); \
        write .npy, .npz or .json, or run one sequence
        """)
  }

  // MARK: Options

  @Test func startsFromTheStateThatIsAskedFor() throws {
    let (model, x) = (Samples.path("lstm"), scratch.path("x.npy"))
    try ArrayFile.write([NamedTensor("", try tensor(noise(24), 3, 2, 4))], x)
    func expectSameState(_ first: [String], _ second: [String], _ same: Bool = true) throws {
      let paths = [scratch.path("\(UUID()).npz"), scratch.path("\(UUID()).npz")]
      for (options, path) in zip([first, second], paths) {
        let result = try Command.run(["run", model, "--input", x, "--output", path] + options)
        try #require(result.status == 0, "\(result.errors)")
      }
      let (a, b) = (try ArrayFile.read(paths[0]), try ArrayFile.read(paths[1]))
      #expect(a.allSatisfy { b[$0.key]?.isIdentical(to: $0.value) == true } == same, "\(first), \(second)")
    }
    try expectSameState(["--h0", "zeros"], [])
    try expectSameState(["--h0", "zeros", "--c0", "zeros"], [])
    try expectSameState(["--h0", "normal:0.5,42"], ["--h0", "normal:0.5,42"])
    try expectSameState(["--h0", "normal:0.5,42"], ["--h0", "normal:0.5,43"], false)
    try expectSameState(["--h0", "normal:0.5,42"], ["--h0", "normal:0.25,42"], false)
    try expectSameState(["--h0", "normal:0,42"], [])
    // A file; a table for a single sequence.
    try ArrayFile.write([NamedTensor("", try tensor([Float](repeating: 0, count: 36), 2, 2, 9))], scratch.path("h.npy"))
    try expectSameState(["--h0", scratch.path("h.npy"), "--c0", scratch.path("h.npy")], [])
    try ArrayFile.write([NamedTensor("", try tensor(noise(36), 2, 2, 9))], scratch.path("h.npy"))
    try expectSameState(["--h0", scratch.path("h.npy")], [], false)
    try ArrayFile.write([NamedTensor("h0", try tensor(noise(36), 2, 2, 9)), NamedTensor("other", try tensor([1], 1))], scratch.path("h.npz"))
    try expectSameState(["--h0", scratch.path("h.npy")], ["--h0", scratch.path("h.npz")])
    try expectSameState(["--c0", scratch.path("h.npy")], ["--h0", scratch.path("h.npy")], false)
  }

  @Test func drawsANormalStateOfTheWantedWidth() throws {
    // A GRU of weight 0 halves its state at each step: h_n is h_0 / 2.
    let model = scratch.path("half.npz")
    try ArrayFile.write([
      NamedTensor("weight_ih_l0", try tensor([Float](repeating: 0, count: 1500), 1500, 1)),
      NamedTensor("weight_hh_l0", try tensor([Float](repeating: 0, count: 1500 * 500), 1500, 500)),
    ], model)
    try ArrayFile.write([NamedTensor("", try tensor([Float](repeating: 0, count: 40), 1, 40, 1))], scratch.path("x.npy"))
    let unit = try #require(try outputs(model, "--input", scratch.path("x.npy"), "--h0", "normal:2,7")["hn"]).doubles
    #expect(unit.count == 20000)
    let mean = unit.reduce(0, +) / 20000
    let deviation = (unit.map { ($0 - mean) * ($0 - mean) }.reduce(0, +) / 20000).squareRoot()
    #expect(abs(mean) < 0.03 && abs(deviation - 1) < 0.02, "mean \(mean), deviation \(deviation)")
    // σ scales, the draw is the same.
    let double = try #require(try outputs(model, "--input", scratch.path("x.npy"), "--h0", "normal:4,7")["hn"]).doubles
    #expect(zip(unit, double).allSatisfy { abs($0 * 2 - $1) <= abs($1) * 1e-6 })
  }

  @Test func computesInTheWantedPrecision() throws {
    for (sample, own, other) in [("lstm", "f32", "f64"), ("lstm_float64", "f64", "f32")] {
      let reference = try #require(try Samples.open(sample).archive.cases.first)
      let x = scratch.path("x.npz")
      try ArrayFile.writeInputs(reference, x)
      let (plain, same, changed) = (
        try outputs(Samples.path(sample), "--input", x), try outputs(Samples.path(sample), "--input", x, "--precision", own),
        try outputs(Samples.path(sample), "--input", x, "--precision", other))
      expectSame(plain, same)
      #expect(changed.values.allSatisfy { $0.elementType == (other == "f64" ? .float64 : .float32) })
      if other == "f64" {
        let (found, exact) = (try #require(changed["output"]).doubles, try #require(reference["output64"]).doubles)
        #expect(zip(found, exact).allSatisfy { abs($0 - $1) <= 1e-13 })
      }
    }
  }

  @Test func takesTheLayoutThatTheOptionSays() throws {
    let (model, values) = (Samples.file("plain/flat.h5"), noise(5 * 3 * 4))
    var turned: [Float] = []
    for row in 0..<3 {
      for step in 0..<5 { turned += values[(step * 3 + row) * 4..<(step * 3 + row) * 4 + 4] }
    }
    try ArrayFile.write([NamedTensor("", try tensor(values, 5, 3, 4))], scratch.path("time.npy"))
    try ArrayFile.write([NamedTensor("", try tensor(turned, 3, 5, 4))], scratch.path("batch.npy"))
    let first = try outputs(model, "--input", scratch.path("time.npy"))
    let second = try outputs(model, "--input", scratch.path("batch.npy"), "--batch-first")
    let (a, b) = (try #require(first["output"]).doubles, try #require(second["output"]).doubles)
    #expect(second["output"]?.shape.dimensions == [3, 5, 12])
    for step in 0..<5 {
      for row in 0..<3 {
        let (here, there) = ((step * 3 + row) * 12, (row * 5 + step) * 12)
        #expect(a[here..<here + 12] == b[there..<there + 12])
      }
    }
    #expect(first["hn"]?.isIdentical(to: try #require(second["hn"])) == true, "states keep the layer axis first")
  }

  @Test func appliesTheHeadThatTheOptionSays() throws {
    let model = Samples.path("head_out")
    try ArrayFile.write([NamedTensor("", try tensor(noise(12), 4, 3))], scratch.path("x.npy"))
    let plain = try #require(try outputs(model, "--input", scratch.path("x.npy"))["y"]).doubles
    let softmax = try #require(try outputs(model, "--input", scratch.path("x.npy"), "--head-activation", "softmax")["y"]).doubles
    for step in 0..<4 {
      let powers = plain[step * 4..<step * 4 + 4].map { exp($0) }
      for unit in 0..<4 { #expect(abs(powers[unit] / powers.reduce(0, +) - softmax[step * 4 + unit]) < 1e-7) }
    }
    #expect(try Refusal.of(
      ["run", Samples.path("head_tanh"), "--input", scratch.path("x.npy"), "--head-activation", "relu"], status: 64, in: scratch)
      .hasSuffix("--head-activation contradicts the file, which has another activation after fc; leave the option out"))
  }

  @Test func runsThePartsOfAModelThatIsNoChain() throws {
    let model = Samples.path("seq2seq")
    let cases = try Samples.open("seq2seq").archive.cases
    let (encode, decode) = (try #require(cases.first { $0.name == "encode" }), try #require(cases.first { $0.name == "decode" }))
    try ArrayFile.writeInputs(encode, scratch.path("source.npz"))
    let encoded = try outputs(model, "--input", scratch.path("source.npz"), "--module", "encoder")
    let expected = try #require(encode["hn"]).doubles
    #expect(zip(try #require(encoded["hn"]).doubles, expected).allSatisfy { abs($0 - $1) <= 2e-7 })
    try ArrayFile.writeInputs(decode, scratch.path("target.npz"))
    let decoded = try outputs(model, "--input", scratch.path("target.npz"), "--module", "decoder", "--module", "out")
    #expect(zip(try #require(decoded["y"]).doubles, try #require(decode["y"]).doubles).allSatisfy { abs($0 - $1) <= 2e-7 })
    let both = try Command.run("verify", model)
    #expect(both.status == 0 && both.output.hasSuffix("2 of 2 cases hold\n"))
  }

  @Test func drawsInputAndResult() throws {
    let result = try run(Samples.path("sunspots/sunspots"), "--input", Samples.file("sunspots/input.csv"), "--plot")
    let lines = result.output.split(separator: "\n")
    let steps = try ArrayFile.readOnly(Samples.file("sunspots/input.csv")).count
    #expect(lines.count == 14)
    // The table's least and most number, by sort(1): of so many steps each column has several.
    #expect(lines[0].hasPrefix("input, feature 0 of 1, \(steps) steps, from ") && lines[7].hasPrefix("result, feature 0 of 1, \(steps) steps, from "))
    #expect(lines[0].hasSuffix("in a column") == (steps > 152))
    let sorted = try Shell.run(#"LC_ALL=C sort -g "$1" | sed -n '1p;$p'"#, [Samples.file("sunspots/input.csv")]).lines.compactMap(Double.init)
    let ends = lines[0].components(separatedBy: " from ")[1].components(separatedBy: ",")[0].components(separatedBy: " to ").compactMap(Double.init)
    #expect(zip(ends, sorted).allSatisfy { abs($0 - $1) <= 0.005 * abs($1) } && ends.count == 2 && sorted.count == 2, "\(ends), \(sorted)")
    for line in lines[1...6] + lines[8...13] {
      let parts = line.split(separator: "│")
      #expect(parts.count == 2 && parts[1].unicodeScalars.allSatisfy { (0x2800...0x28FF).contains($0.value) })
    }
    // The curve is drawn, and follows the series: every column holds a dot.
    let columns = lines[1...6].map { Array($0.split(separator: "│")[1].unicodeScalars) }
    #expect(columns[0].indices.allSatisfy { column in columns.contains { $0[column].value != 0x2800 } })
  }
}
