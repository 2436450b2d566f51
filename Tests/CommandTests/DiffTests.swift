import Foundation
import RNNKit
import Testing

/// `rnn diff`: tensor by tensor, over any two formats.
@Suite struct DiffTests {
  private let scratch: Scratch

  init() throws {
    scratch = try Scratch()
  }

  /// A one-layer RNN as .npz, with more tensors or others.
  private func write(_ name: String, _ changes: [String: Tensor?] = [:]) throws -> String {
    var tensors: [String: Tensor] = [
      "rnn.weight_ih_l0": try tensor([1, 2, 3, 4], 2, 2), "rnn.weight_hh_l0": try tensor([5, 6, 7, 8], 2, 2),
      "note": try tensor([1, .nan, .infinity], 3),
    ]
    for (key, value) in changes { tensors[key] = value }  // nil takes one away
    let path = scratch.path(name)
    try ArrayFile.write(tensors.sorted { $0.key < $1.key }.map { NamedTensor($0.key, $0.value) }, path)
    return path
  }

  /// The verdict on the one tensor that differs, text and JSON agreeing.
  private func difference(_ changes: [String: Tensor?]) throws -> JSONValue {
    let (a, b) = (try write("a.npz"), try write("b.npz", changes))
    let (text, document) = (try Command.run("diff", a, b), try Command.run("diff", a, b, "--json"))
    #expect(text.status == 1 && document.status == 1)
    let json = try JSON(document.output)
    #expect(json["identical"]?.bool == false)
    let differing = try #require(json["tensors"]?.array).filter { $0["verdict"]?.string != "identical" }
    try #require(differing.count == 1)
    let (name, verdict) = (try #require(differing[0]["name"]?.string), try #require(differing[0]["verdict"]?.string))
    #expect(text.output.split(separator: "\n").contains { $0.contains("\(name)") && $0.contains(verdict) })
    return differing[0]
  }

  @Test func findsNothingBetweenTheSame() throws {
    let (a, b) = (try write("a.npz"), try write("b.npz"))
    let result = try Command.run("diff", a, b)
    #expect(result.status == 0 && result.output == "3 of 3 tensors are identical bit for bit\n", "\(result.output)")
    #expect(try JSON(Command.run("diff", a, b, "--json").output)["identical"]?.bool == true)
  }

  @Test func findsAnotherValue() throws {
    let found = try difference(["rnn.weight_hh_l0": try tensor([5, 6.5, 7, 7], 2, 2)])
    #expect(found["verdict"]?.string == "values" && found["differing"]?.integer == 2)
    #expect(found["largest_difference"]?.double == 1 && found["at"] == .array([.integer(1), .integer(1)]))
    // The last bit, and the sign of zero, which are no differences of value but of bits.
    #expect(try difference(["rnn.weight_ih_l0": try tensor([1, 2, 3, Float(4).nextUp], 2, 2)])["differing"]?.integer == 1)
  }

  @Test func findsAnotherShape() throws {
    let found = try difference(["note": try tensor([1, 2, 3, 4], 4)])
    #expect(found["verdict"]?.string == "shape" && found["differing"]?.integer == 0)
  }

  @Test func findsAnotherType() throws {
    let found = try difference(["rnn.weight_hh_l0": try doubles([5, 6, 7, 8], 2, 2)])
    #expect(found["verdict"]?.string == "dtype" && found["largest_difference"]?.double == 0)
  }

  @Test func findsATensorThatOneHasAlone() throws {
    #expect(try difference(["note": Tensor?.none])["verdict"]?.string == "only in the first")
    #expect(try difference(["more": try tensor([1], 1)])["verdict"]?.string == "only in the second")
  }

  @Test func findsAnotherArchitecture() throws {
    let path = try write("a.npz")
    for (options, name) in [(["--nonlinearity", "relu"], "relu.rnn"), (["--batch-first"], "batch.rnn"), ([], "plain.rnn")] {
      try #require(Command.run(["convert", path, scratch.path(name)] + options).status == 0)
    }
    #expect(try Command.run("diff", path, scratch.path("plain.rnn")).status == 0)
    for name in ["relu.rnn", "batch.rnn"] {
      let result = try Command.run("diff", path, scratch.path(name))
      #expect(result.status == 1 && result.output.hasPrefix("architectures differ\n- rnn  RNN(2, 2, bias=False)\n+ rnn  RNN(2, 2, bias=False, "))
      #expect(result.output.hasSuffix("3 of 3 tensors are identical bit for bit\n"))
    }
    // Options say what the dump leaves open, and do not contradict the file that says it.
    #expect(try Command.run("diff", path, scratch.path("relu.rnn"), "--nonlinearity", "relu").status == 0)
    #expect(try Command.run("diff", scratch.path("batch.rnn"), path, "--batch-first").status == 0)
  }

  @Test func comparesAcrossFormats() throws {
    let model = Samples.path("lstm_1_layer")
    for kind in ["rnn", "h5", "safetensors", "npz", "pt", "json"] {
      let converted = scratch.path("model.\(kind)")
      let conversion = try Command.run("convert", model, converted)
      try #require(conversion.status == 0, "\(conversion.errors)")
      let result = try Command.run("diff", model, converted)
      #expect(result.status == 0, "\(kind): \(result.output)\(result.errors)")
    }
  }

  @Test func showsTheLinesThatDiffer() throws {
    func amp(_ name: String, skip: Int) throws -> String {
      let path = scratch.path(name)
      let list = { (count: Int) in "[" + Array(repeating: "[0.5]", count: count).joined(separator: ",") + "]" }
      let bias = "[" + Array(repeating: "0.5", count: 3).joined(separator: ",") + "]"
      try Data("""
        {"model_data": {"model": "SimpleRNN", "input_size": 1, "skip": \(skip), "output_size": 1, "unit_type": "GRU",
        "num_layers": 1, "hidden_size": 1, "bias_fl": true}, "state_dict": {"rec.weight_ih_l0": \(list(3)),
        "rec.weight_hh_l0": \(list(3)), "rec.bias_ih_l0": \(bias), "rec.bias_hh_l0": \(bias),
        "lin.weight": [[1]], "lin.bias": [0]}}
        """.utf8).write(to: scratch.url(name))
      return path
    }
    let (with, without) = (try amp("with.json", skip: 1), try amp("without.json", skip: 0))
    let (line, other) = ("forward  lin(rec(x)) + x", "forward  lin(rec(x))")
    let text = try Command.run("diff", with, without)
    #expect(
      text.status == 1 && text.output.hasPrefix("architectures differ\n- \(line)\n+ \(other)\n6 of 6"), "\(text.output)")
    let json = try JSON(Command.run("diff", without, with, "--json").output)["architecture"]
    #expect(json == .object([.init("first", .array([.string(other)])), .init("second", .array([.string(line)]))]))
  }
}
