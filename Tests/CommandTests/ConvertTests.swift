import Foundation
import RNNKit
import Testing

/// `rnn convert`: what its options do and what it says.
@Suite struct ConvertTests {
  private let scratch: Scratch

  init() throws {
    scratch = try Scratch()
  }

  private func convert(_ arguments: String..., sourceLocation: SourceLocation = #_sourceLocation) throws -> Command.Result {
    let result = try Command.run(["convert"] + arguments)
    try #require(result.status == 0, "\(result.errors)", sourceLocation: sourceLocation)
    return result
  }

  /// An RNN of one unit whose input weights are these.
  private func dump(_ weights: Tensor) throws -> String {
    let path = scratch.path("dump.npz")
    let hidden = try #require(try tensor([0], 1, 1).converted(to: weights.elementType)).tensor
    try ArrayFile.write(
      [NamedTensor("extra", try doubles([0.1], 1)), NamedTensor("weight_hh_l0", hidden), NamedTensor("weight_ih_l0", weights)], path)
    return path
  }

  /// The bits of the rounded weights, and what was said of them.
  private func rounded(_ weights: Tensor, to type: String) throws -> (bits: [UInt64], notes: String) {
    let target = scratch.path("\(UUID()).rnn")
    let result = try convert(dump(weights), target, "--dtype", type)
    let archive = try ModelFile.open(target).model.archive
    #expect(archive["extra"]?.elementType == .float64, "no parameter of the chain, and none to round")
    let tensor = try #require(archive["weight_ih_l0"])
    let size = tensor.elementType.byteCount
    let bits = tensor.withUnsafeBytes { bytes in
      (0..<tensor.count).map { index in
        bytes[index * size..<(index + 1) * size].reversed().reduce(0) { $0 << 8 | UInt64($1) }
      }
    }
    return (bits, result.errors)
  }

  @Test func roundsToNearestEven() throws {
    // Ties, just above them, the largest that does not overflow and the first that does, and subnormal results.
    let half = try rounded(
      tensor([1, 1 + 0x1p-11, 1 + 0x1.8p-10, 1 + 0x1.008p-11, -0.0, 65519, 65520, 0x1p-25, 0x1.8p-24, 0x1p-24], 1, 10), to: "f16")
    #expect(half.bits == [0x3C00, 0x3C00, 0x3C02, 0x3C01, 0x8000, 0x7BFF, 0x7C00, 0x0000, 0x0002, 0x0001])
    #expect(half.notes.contains("rounded to float16; the largest change is inf, at weight_ih_l0[0, 6]"))

    let brain = try rounded(tensor([1, 1 + 0x1p-8, 1 + 0x1.8p-7, 1 + 0x1.01p-8, -3.4e38, .nan], 1, 6), to: "bf16")
    #expect(brain.bits.dropLast() == [0x3F80, 0x3F80, 0x3F82, 0x3F81, 0xFF80])
    #expect(brain.bits.last.map { $0 & 0x7FFF > 0x7F80 } == true)

    let single = try rounded(
      doubles([1 + 0x1p-24, 1 + 0x1.8p-23, 1 + 0x1.0001p-24, 0.1], 1, 4), to: "f32")
    #expect(single.bits == [0x3F80_0000, 0x3F80_0002, 0x3F80_0001, 0x3DCC_CCCD])
    #expect(single.notes.contains("rounded to float32; the largest change is 5.960464477539063e-08, at weight_ih_l0[0, 0]"))

    let wide = try rounded(tensor([0.1, 3], 1, 2), to: "f64")
    #expect(wide.bits == [Double(Float(0.1)).bitPattern, Double(3).bitPattern])
    #expect(wide.notes.contains("every parameter is exact as float64"))
  }

  /// What rounding does to the outputs is measured, kept in the file, carried to others, and what is beyond it is a mismatch.
  @Test func keepsWhatRoundingDoesAsTheCasesTolerance() throws {
    let model = scratch.path("m.rnn")
    let result = try convert(Samples.path("lstm"), model, "--dtype", "f16")
    let count = try Samples.open("lstm").archive.cases.count
    #expect(result.errors.split(separator: "\n").filter { $0.contains("which is kept as its tolerance") }.count == count)
    for name in ["m.rnn", "m.h5", "m.safetensors", "m.pt", "m.npz", "m.onnx"] {
      if name != "m.rnn" { _ = try convert(model, scratch.path(name)) }
      let verified = try Command.run("verify", scratch.path(name))
      #expect(verified.status == 0 && verified.output.contains("which a conversion kept in the case"), "\(name): \(verified)")
    }
    // By the usual tolerance it does not hold, and it is no wider than what is seen, rounded up in the seventh binary digit.
    let strict = try Command.run("verify", model, "--atol", "1e-6", "--rtol", "1e-5", "--json")
    let kept = try JSON(Command.run("verify", model, "--json").output)
    #expect(strict.status == 1)
    func members(_ json: JSONValue) -> [JSONValue] { (json["cases"]?.array ?? []).flatMap { $0["members"]?.array ?? [] } }
    for (seen, allowed) in zip(members(try JSON(strict.output)), members(kept)) {
      let error = try #require(seen["largest_error"]?.double), tolerance = try #require(allowed["tolerance"]?["absolute"]?.double)
      #expect(error <= tolerance && tolerance <= max(1e-6, error * 1.016), "\(error), \(tolerance)")
    }
    // Twice the rounding is beyond it: bfloat16 has three binary digits less.
    let source = try ModelFile.open(model).model
    var archive = try Samples.open("lstm").archive
    archive = try archive.mapTensors { named in
      source.archive[named.name].flatMap { $0.elementType == .float16 ? named.tensor.converted(to: .bfloat16)?.tensor : nil } ?? named.tensor
    }
    archive.cases = source.archive.cases
    try Model(archive, architecture: source.architecture).write(to: scratch.path("coarse.rnn"))
    #expect(try Command.run("verify", scratch.path("coarse.rnn")).status == 1)
    // Exact: nothing to say, and the cases hold.
    _ = try convert(Samples.path("rnn_float16"), scratch.path("w.rnn"), "--dtype", "f32")
    #expect(try Command.run("verify", scratch.path("w.rnn")).status == 0)
  }

  @Test func addsReferenceCases() throws {
    let reference = try #require(try Samples.open("lstm_1_layer").archive.cases.first)
    for name in ["mine.npz", "other.json", "third.h5"] { try ArrayFile.write(reference.members, scratch.path(name)) }
    let result = try convert(
      Samples.path("lstm_1_layer"), scratch.path("m.rnn"), "--case", scratch.path("mine.npz"), "--case", scratch.path("other.json"),
      "--case", scratch.path("third.h5"))
    for name in ["mine", "other", "third"] { #expect(result.errors.contains("note: reference case \(name) added\n")) }
    let verified = try Command.run("verify", scratch.path("m.rnn"))
    #expect(verified.status == 0 && verified.output.hasSuffix("4 of 4 cases hold\n"), "\(verified.output)")
    #expect(try Refusal.of(
      ["convert", scratch.path("m.rnn"), scratch.path("n.rnn"), "--case", scratch.path("mine.npz")], status: 64, in: scratch)
      == "\(scratch.path("mine.npz")): the model has a case named mine already; choose another name; a case that is read from a file has the file's")
    try ArrayFile.write([NamedTensor("input", try tensor(noise(4), 2, 2))], scratch.path("bare.npz"))
    #expect(try Refusal.of(
      ["convert", scratch.path("m.rnn"), scratch.path("n.rnn"), "--case", scratch.path("bare.npz")], status: 65, in: scratch)
      .hasPrefix("\(scratch.path("bare.npz")): holds no output to compare with, but input; "))
  }

  @Test func leavesReferenceCasesOutOnRequest() throws {
    let result = try convert(Samples.path("lstm"), scratch.path("m.rnn"), "--no-cases")
    #expect(result.errors.hasPrefix("note: 3 reference cases left out\n") && result.errors.hasSuffix(", 0 cases\n"))
    #expect(try ModelFile.open(scratch.path("m.rnn")).model.archive.cases.isEmpty)
    #expect(try Command.run("diff", Samples.path("lstm"), scratch.path("m.rnn")).status == 0)
  }

  @Test func saysWhatItDid() throws {
    let (input, output) = (Samples.file("plain/flat.h5"), scratch.path("m.rnn"))
    let said = try convert(input, output)
    #expect(said.output.isEmpty)
    #expect(said.errors == """
      note: rnn: nonlinearity tanh, PyTorch's default (the file does not say; --nonlinearity)
      note: batch_first False, PyTorch's default (the file does not say; --batch-first)
      note: forward rnn(x): assumed from sizes and order (the file does not say; --forward)
      \(input) (hdf5) -> \(output) (native): 8 tensors, 0 cases

      """)
    let quiet = try convert(input, output, "--force", "--quiet")
    #expect(quiet.output.isEmpty && quiet.errors.isEmpty)
    let document = try convert(input, output, "--force", "--json")
    #expect(document.errors.isEmpty)
    let json = try JSON(document.output)
    #expect(json["from"]?.string == "hdf5" && json["to"]?.string == "native" && json["tensors"]?.integer == 8)
    #expect(json["notes"]?.array?.count == 3)
    let inBrief = try convert(Samples.path("unknown_modules"), scratch.path("u.rnn"))
    #expect(inBrief.errors.contains("note: conv.weight, conv.bias, norm.weight, norm.bias carried along, no parameters\n"))
    let carried = try convert(Samples.path("unknown_modules"), scratch.path("u.rnn"), "--force", "-v")
    for name in ["conv.weight", "conv.bias", "norm.weight", "norm.bias"] {
      #expect(carried.errors.contains("note: \(name) carried along, no parameter\n"))
    }
    // A format that holds less says so.
    let less = try convert(Samples.path("lstm_1_layer"), scratch.path("m.json"), "--to", "rtneural")
    #expect(less.errors.contains("note: reference cases are left out\n") && less.errors.hasSuffix("6 tensors, 0 cases\n"))
    let parameters = try convert(Samples.path("extra_tensors"), scratch.path("m.keras"))
    #expect(parameters.errors.contains("note: 8 tensors that are no part of what is computed are left out\n"))
    #expect(!parameters.errors.contains("carried along") && parameters.errors.hasSuffix(": 10 tensors, 0 cases\n"))
  }

  @Test func takesFormatsByOption() throws {
    let odd = scratch.path("model.data")
    _ = try convert(Samples.path("gru"), odd, "--to", "safetensors")
    let json = try JSON(Command.run("inspect", odd, "--json").output)
    #expect(json["format"]?.string == "safetensors", "recognised by content, whatever the name")
    _ = try convert(odd, scratch.path("model.h5"), "--from", "safetensors")
    #expect(try Command.run("diff", Samples.path("gru"), scratch.path("model.h5")).status == 0)
    let piped = try Command.run(["convert", "-", "-", "--to", "native", "--quiet"], data: Data(contentsOf: scratch.url("model.data")))
    #expect(piped.status == 0)
    try piped.data.write(to: scratch.url("piped.rnn"))
    #expect(try Command.run("verify", scratch.path("piped.rnn")).status == 0)
  }

  /// libhdf5 lays the file out in one process, and another writes the weights into it.
  @Test(arguments: ["h5", "keras.h5"]) func writesLargeModelsWhole(_ fileExtension: String) throws {
    let sizes = [
      ("rnn.weight_ih_l0", [1500, 300]), ("rnn.weight_hh_l0", [1500, 1500]), ("rnn.bias_ih_l0", [1500]),
      ("rnn.bias_hh_l0", [1500]), ("fc.weight", [1, 1500]), ("fc.bias", [1]),
    ]
    let members = try sizes.enumerated().map { index, member in
      let shape = try #require(Shape(member.1))
      return NamedTensor(member.0, try #require(Tensor(noise(shape.count, seed: index), shape)))
    }
    let source = scratch.path("large.npz")
    try ArrayFile.write(members, source)
    let (target, back) = (scratch.path("large." + fileExtension), scratch.path("back.rnn"))
    _ = try convert(source, target, "--quiet")
    _ = try convert(target, back, "--quiet")
    let archive = try ModelFile.open(back).model.archive
    // Keras has one bias, the sum of the two.
    for member in members where !(fileExtension == "keras.h5" && member.name.contains("bias_")) {
      let found = try #require(archive[member.name])
      #expect(found.isIdentical(to: member.tensor), "\(member.name)")
    }
  }

  // MARK: Names

  @Test func proposesAMappingThatWorks() throws {
    let weights = Samples.file("rename/weights.h5")
    let message = try Refusal.of(["convert", weights, scratch.path("m.rnn")], status: 65, in: scratch)
    let start = "\(weights): no recurrent layer: no tensor is named like weight_ih_l0; if these are recurrent, add "
    try #require(message.hasPrefix(start))
    let words = message.dropFirst(start.count).prefix { $0 != "(" }.split(separator: " ").map { $0.replacingOccurrences(of: "'", with: "") }
    let mapping = try JSON(String(contentsOfFile: Samples.file("rename/mapping.json"), encoding: .utf8))
    let known = try #require(mapping["rename"]?.members).map { "\($0.key)=\($0.value.string ?? "")" }
    #expect(Set(words.filter { $0 != "--rename" }) == Set(known.filter { $0.contains("=gru.") }))
    let converted = try Command.run(["convert", weights, scratch.path("m.rnn")] + words)
    #expect(converted.status == 0, "\(converted.errors)")
    #expect(converted.errors.contains("note: enc2_b_hh renamed to gru.bias_hh_l1\n"))
    #expect(try Command.run("inspect", scratch.path("m.rnn")).output.contains("  gru          GRU(4, 6, num_layers=2)\n"))
  }

  @Test func renamesByPattern() throws {
    let weights = Samples.file("rename/weights.h5")
    let layers = [("enc2", "1"), ("enc", "0")].flatMap { prefix, layer in
      [("w_ih", "weight_ih"), ("w_hh", "weight_hh"), ("b_ih", "bias_ih"), ("b_hh", "bias_hh")].flatMap { old, new in
        ["--rename", "\(prefix)_\(old)=x.\(new)_l\(layer)"]
      }
    }
    let result = try Command.run(
      ["convert", weights, scratch.path("m.rnn"), "--rename", "proj_kernel=y.weight", "--rename", "proj_offset=y.bias"] + layers)
    #expect(result.status == 0, "\(result.errors)")
    _ = try convert(scratch.path("m.rnn"), scratch.path("n.rnn"), "--rename", "x.*=deep.encoder.*", "--rename", "y.*=head.*")
    let modules = try JSON(Command.run("inspect", scratch.path("n.rnn"), "--json").output)["modules"]
    #expect(modules?.array?.compactMap { $0["name"]?.string } == ["deep.encoder", "head"])
    _ = try convert(Samples.path("chain_lstm_lstm2_dense"), scratch.path("c.rnn"), "--rename", "lstm.*=first.*")
    #expect(try Command.run("verify", scratch.path("c.rnn")).status == 0, "cases follow their modules")
  }

  @Test func refusesAMappingThatCannotBeMeant() throws {
    let (model, target) = (Samples.path("lstm"), scratch.path("m.rnn"))
    let mapping = scratch.path("map.json")
    func refusal(_ options: String..., status: Int32 = 64) throws -> String {
      try Refusal.of(["convert", model, target] + options, status: status, in: scratch)
    }
    func refusal(mapping text: String, status: Int32 = 65) throws -> String {
      try Data(text.utf8).write(to: scratch.url("map.json"))
      let message = try refusal("--mapping", mapping, status: status)
      #expect(message.hasPrefix(mapping + ": "))
      return String(message.dropFirst(mapping.count + 2))
    }
    #expect(try refusal("--rename", "a") == "--rename a: expected OLD=NEW; write it as --rename 'enc_w_ih=gru.weight_ih_l0'")
    #expect(try refusal("--rename", "a=b")
      == "\(model): --rename 'a=b': no tensor has that name; see the names with 'rnn inspect'")
    #expect(try refusal("--rename", "lstm.weight_ih_l0=lstm.weight_hh_l0") == """
      \(model): tensor lstm.weight_hh_l0: the name stands twice once the tensors are renamed; choose another new name
      """)
    #expect(try refusal("--rename", "lstm.weight_ih_l0=w").hasPrefix(
      "\(model): --rename would call lstm.weight_ih_l0 w, but the file states its architecture, "))
    #expect(try refusal("--mapping", scratch.path("none.json"), status: 66)
      == "\(scratch.path("none.json")): cannot be opened: No such file or directory; check the path and its permissions")
    let shape = "mapping: expected an object with the one key \"rename\"; compare with Schemas/mapping.schema.json"
    #expect(try refusal(mapping: "[]") == shape)
    #expect(try refusal(mapping: "{\"renames\": {}}") == shape)
    #expect(try refusal(mapping: "{\"rename\": {\"a\": 1}}") == "rename.a: not a string; give the tensor's new name")
    #expect(try refusal(mapping: "{\"rename\": {\"a\": \"b\"").hasSuffix("expected valid JSON; write the file again"))
    #expect(try refusal(mapping: "").hasSuffix("write the file again"))
    #expect(try refusal(mapping: "{\"rename\": {\"a*b*\": \"c\"}}", status: 64).hasSuffix("write several rules"))
  }
}
