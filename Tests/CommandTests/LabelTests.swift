import Foundation
import RNNKit
import Testing

/// `rnn run --labels`: names with probabilities, best first, and what comes out in which order.
@Suite struct LabelTests {
  private let scratch: Scratch

  init() throws {
    scratch = try Scratch()
    // A linear layer alone: its result is its input's, which the tests choose.
    try write("identity.npz", [1, 0, 0, 0, 1, 0, 0, 0, 1], 3, inputs: 3)
    try write("one.npz", [1, 0, 0], 1, inputs: 3)
  }

  private func write(_ name: String, _ weight: [Float], _ outputs: Int, inputs: Int) throws {
    let gru = Recurrent(name: "gru", cell: .gru, inputSize: inputs, hiddenSize: 2)
    var archive = TensorArchive()
    for (name, shape) in Model.parameters(of: .recurrent(gru)) {
      try archive.append(name, try #require(Shape(shape).flatMap { Tensor(noise($0.count), $0) }))
    }
    try archive.append("fc.weight", tensor(weight, outputs, inputs))
    try archive.append("fc.bias", tensor([Float](repeating: 0, count: outputs), outputs))
    try ArrayFile.write(archive.tensors, scratch.path(name))
  }

  private func run(_ rows: [[Float]], _ forward: String, labels: String, model: String = "identity.npz", _ options: String...) throws -> Command.Result {
    try ArrayFile.write([NamedTensor("", try tensor(rows.flatMap { $0 }, rows.count, rows[0].count))], scratch.path("x.npy"))
    try Data(labels.utf8).write(to: scratch.url("labels"))
    return try Command.run(
      ["run", scratch.path(model), "--forward", forward, "-i", scratch.path("x.npy"), "--labels", scratch.path("labels")] + options)
  }

  /// Probabilities are NumPy's: e = numpy.exp([1, 3, 2]); e / e.sum() → 0.09003, 0.66524, 0.24473.
  @Test(arguments: ["cat\ndog\nbird\n", #"["cat", "dog", "bird"]"#, #"{"id2label": {"2": "bird", "0": "cat", "1": "dog"}}"#])
  func printsNamesWithProbabilitiesBestFirst(labels: String) throws {
    let scores = try run([[1, 3, 2]], "last(fc(x))", labels: labels)
    #expect(scores.status == 0 && scores.output == "  dog   66.5 %\n  bird  24.5 %\n  cat    9.0 %\n", "\(scores)")
    #expect(scores.errors.contains("note: \(scratch.path("identity.npz")): the result is taken as scores, of which softmax makes"))
    for function in ["softmax", "log_softmax"] {
      let known = try run([[1, 3, 2]], "last(\(function)(fc(x)))", labels: labels)
      #expect(known.output == scores.output && !known.errors.contains("taken as scores"), "\(known)")
    }
  }

  @Test func printsALineForEachOfSeveral() throws {
    let result = try run([[1, 3, 2], [3, 1, 1]], "softmax(fc(x))", labels: "cat\ndog\nbird\n")
    // numpy: softmax([3, 1, 1]) → 0.78699, 0.10651, 0.10651
    #expect(result.output == "step 0: dog 66.5 %, bird 24.5 %, cat 9.0 %\nstep 1: cat 78.7 %, dog 10.7 %, bird 10.7 %\n", "\(result)")
  }

  /// numpy: 1 / (1 + exp(-2)) → 0.88080
  @Test func takesTwoNamesForOneNumber() throws {
    for forward in ["last(sigmoid(fc(x)))", "last(fc(x))"] {
      let result = try run([[2, 0, 0]], forward, labels: "no\nyes\n", model: "one.npz")
      #expect(result.output == "  yes  88.1 %\n  no   11.9 %\n", "\(result)")
    }
  }

  @Test func refusesNamesThatDoNotFit() throws {
    _ = try run([[1, 3, 2]], "last(fc(x))", labels: "")
    let (model, labels) = (scratch.path("identity.npz"), scratch.path("labels"))
    func refusal(_ text: String, status: Int32) throws -> String {
      try Data(text.utf8).write(to: scratch.url("labels"))
      return try Refusal.of(
        ["run", model, "--forward", "last(fc(x))", "-i", scratch.path("x.npy"), "--labels", labels], status: status, in: scratch)
    }
    #expect(try refusal("a\nb\n", status: 64) == "\(labels): 2 names for a result of 3 numbers; give 3, one for each number of the result, in its order")
    #expect(try refusal("[1, 2, 3]", status: 65).hasPrefix("\(labels): no list of names in JSON; "))
    #expect(try refusal(#"{"0": "a", "3": "b", "1": "c"}"#, status: 65).hasPrefix("\(labels): no list of names in JSON; "))
    #expect(try refusal("", status: 65).hasPrefix("\(labels): holds 0 names; "))
  }

  @Test func printsTheResultFirst() throws {
    let result = try Command.run("run", Samples.path("head_head"), "--input", try input())
    #expect(result.status == 0)
    let names = result.output.split(separator: "\n").filter { !$0.contains("tensor") && !$0.hasPrefix(" ") }
    #expect(names.first == "y" && Set(names) == ["y", "output", "hn"], "\(names)")
  }

  private func input() throws -> String {
    let reference = try #require(Samples.open("head_head").archive.cases.first)
    try ArrayFile.write([NamedTensor("", try #require(reference["input"]))], scratch.path("input.npy"))
    return scratch.path("input.npy")
  }

  /// float64 and whole numbers go into a model of float32, and that is said.
  @Test func saysWhereAnInputIsOfAnotherType() throws {
    func notes(_ input: Tensor, _ options: String...) throws -> [String] {
      try ArrayFile.write([NamedTensor("", input)], scratch.path("typed.npy"))
      let result = try Command.run(
        ["run", scratch.path("identity.npz"), "--forward", "fc(x)", "-i", scratch.path("typed.npy"), "-o", scratch.path("y.npy"), "-f"] + options)
      #expect(result.status == 0)
      #expect(try ArrayFile.readOnly(scratch.path("y.npy")).doubles == input.doubles)
      return result.errors.split(separator: "\n").filter { $0.contains("the input is") }.map { String($0.split(separator: ":").last ?? "") }
    }
    #expect(try notes(tensor([1, 2, 3], 1, 3)).isEmpty)
    #expect(try notes(doubles([1, 2, 3], 1, 3)) == [" the input is float64, rounded to float32, in which the model is computed (--precision f64 keeps it)"])
    #expect(try notes(doubles([1, 2, 3], 1, 3), "--precision", "f64").isEmpty)
    #expect(try notes(integers([1, 2, 3], 1, 3)) == [" the input is int64, taken as float32"])
    for type in ElementType.allCases where type.isInteger || type == .bool {
      let shape = try #require(Shape([1, 3]))
      let input = try #require(Tensor(type, shape, fill: { bytes in
        for index in 0..<3 { bytes[index * type.byteCount] = type == .bool ? UInt8(index % 2) : UInt8(index + 1) }
      }))
      #expect(try notes(input) == [" the input is \(type.rawValue), taken as float32"])
    }
    // Text has no types.
    try Data("1,2,3\n".utf8).write(to: scratch.url("x.csv"))
    let table = try Command.run("run", scratch.path("identity.npz"), "--forward", "fc(x)", "-i", scratch.path("x.csv"))
    #expect(table.status == 0 && !table.errors.contains("the input is"))
  }

  @Test func warnsOnceOfWhatIsNotFinite() throws {
    func warnings(_ rows: [[Float]]) throws -> [String] {
      let result = try run(rows, "fc(x)", labels: "a\nb\nc\n")
      #expect(result.status == 0)
      return result.errors.split(separator: "\n").filter { $0.hasPrefix("warning: ") }.map { String($0.dropFirst(9)) }
    }
    let model = scratch.path("identity.npz")
    #expect(try warnings([[1, 2, 3]]).isEmpty)
    // A NaN makes NaN of every number of its step.
    #expect(try warnings([[1, .nan, 3], [1, 2, 3]]) == ["\(model): the input has 1 NaN value; the result has 3 NaN values"])
    try write("identity.npz", [.nan, 0, 0, 0, .infinity, 0, 0, 0, 1], 3, inputs: 3)
    #expect(try warnings([[1, 1, 1]]) == ["\(model): fc.weight has 1 NaN and 1 infinite values; the result has 1 NaN and 1 infinite values"])
    // A stream says it at the first line that has one.
    let stream = try Command.run(["run", model, "--forward", "fc(x)", "--stream"], data: Data("1 1 1\n1 1 1\n".utf8))
    #expect(stream.errors.split(separator: "\n").filter { $0.hasPrefix("warning: ") }.count == 1, "\(stream.errors)")
  }
}
