import Foundation
import RNNKit
import Testing

/// What a state_dict holds beside its recurrent layers and head: computed, or refused with the modules that can be run
/// without it, or of no effect and said. Fixtures and numbers are PyTorch's, of Fixtures/make_leftovers.py.
@Suite struct LeftoverTests {
  private static let folder = Command.root.appendingPathComponent("Tests/CommandTests/Fixtures/leftovers")
  private let scratch: Scratch

  init() throws {
    scratch = try Scratch()
  }

  private static func model(_ name: String) -> String { folder.appendingPathComponent("\(name).pt").path }
  private static func arrays(_ name: String) -> String { folder.appendingPathComponent("\(name).npz").path }

  /// What a run says, and whether it gives `member` of the fixture.
  private func run(_ name: String, _ options: String..., giving member: String, model: String? = nil) throws -> String {
    try run(name, options, giving: member, model: model)
  }

  private func run(_ name: String, _ options: [String], giving member: String, model: String? = nil) throws -> String {
    let output = scratch.path("y.npy")
    let result = try Command.run(
      ["run", model ?? Self.model(name), "--input", Self.arrays(name), "--output", output, "--force"] + options)
    try #require(result.status == 0, "\(name) \(options): \(result.errors)")
    let found = try #require(try ArrayFile.read(output)[""])
    let wanted = try #require(try ArrayFile.read(Self.arrays(name))[member])
    #expect(found.shape == wanted.shape)
    let error = zip(found.doubles, wanted.doubles).map { abs($0 - $1) }.max() ?? .infinity
    #expect(error <= 1e-6, "\(name) \(options): \(error)")
    return result.errors
  }

  @Test(arguments: [
    ("weight_norm", "rnn.weight_hh_l0 is computed from rnn.parametrizations.weight_hh_l0.original0 and rnn.parametrizations.weight_hh_l0.original1, taken as weight_norm"),
    ("weight_norm_hook", "rnn.weight_hh_l0 is computed from rnn.weight_hh_l0_g and rnn.weight_hh_l0_v (weight_norm)"),
    ("weight_norm_axis_1", "fc.weight is computed from fc.weight_g and fc.weight_v (weight_norm)"),
    ("weight_norm_whole", "rnn.weight_ih_l0 is computed from rnn.weight_ih_l0_g and rnn.weight_ih_l0_v (weight_norm)"),
    ("spectral_norm", "fc.weight is computed from fc.parametrizations.weight.original, fc.parametrizations.weight.0._u and fc.parametrizations.weight.0._v (spectral_norm)"),
    ("spectral_norm_hook", "fc.weight is computed from fc.weight_orig, fc.weight_u and fc.weight_v (spectral_norm)"),
    ("pruned", "rnn.weight_hh_l0 is computed from rnn.weight_hh_l0_orig and rnn.weight_hh_l0_mask (pruning)"),
    ("weight_drop", "rnn.module.weight_hh_l0 is rnn.weight_hh_l0_raw: weights are dropped in training only"),
  ])
  func computesWeights(name: String, note: String) throws {
    #expect(try run(name, giving: "y").contains("\(note)\n"))
    // Every command reads the same plain weights, and what is written holds them.
    #expect(try Command.run("inspect", Self.model(name)).errors.contains("\(note)\n"))
    #expect(try Command.run("verify", Self.model(name), "--case", try plainCase(name)).status == 0)
    for container in ["rnn", "pt", "safetensors"] {
      let converted = scratch.path("model.\(container)")
      let result = try Command.run("convert", Self.model(name), converted)
      #expect(result.status == 0 && result.errors.contains("\(note)\n") && !result.errors.contains("carried along"))
      #expect(try !run(name, giving: "y", model: converted).contains("computed from"))
      #expect(try Command.run("diff", Self.model(name), converted).output.contains("tensors are identical bit for bit"))
    }
  }

  /// The fixture's input and output as a case.
  private func plainCase(_ name: String) throws -> String {
    let all = try ArrayFile.read(Self.arrays(name))
    let path = scratch.path("case.npz")
    try ArrayFile.write(["input", "y"].compactMap { key in all[key].map { NamedTensor(key, $0) } }, path)
    return path
  }

  @Test(arguments: [
    ("orthogonal", "module fc: RNNKit cannot run what its tensors fc.bias, fc.parametrizations.weight.original, fc.parametrizations.weight.0.base belong to; choose --module rnn to leave it out"),
    ("parameter_head", "the model's own parameter W_out: nothing tells what the model does with this tensor; choose --module rnn --module fc to leave it out"),
    ("mean", "the model's own parameter mean: nothing tells what the model does with this tensor; choose --module rnn --module fc to leave it out"),
    ("scale", "the model's own parameter scale: nothing tells what the model does with this tensor; choose --module rnn --module fc to leave it out"),
    ("float8_head", "module fc: RNNKit cannot run what its tensors fc.weight, fc.bias belong to; choose --module rnn to leave it out"),
    ("int8_head", "module fc: RNNKit cannot run what its tensors fc.weight, fc.bias, fc.scale belong to; choose --module rnn to leave it out"),
    ("learned_h0", "the model's own parameter h0: nothing tells what the model does with this tensor; add --rename 'h0=rnn.h0' to start from it, or choose --module rnn --module fc to leave it out"),
    ("learned_state", "the model's own parameter init_h: nothing tells what the model does with this tensor; add --rename 'init_h=rnn.h0' --rename 'init_c=rnn.c0' to start from it, or choose --module rnn --module fc to leave it and init_c out"),
  ])
  func refusesWhatItCannotRunAndNamesWhatItCan(name: String, message: String) throws {
    let y = scratch.path("y.npz")
    let native = scratch.path("model.rnn")
    try #require(Command.run("convert", Self.model(name), native).status == 0)
    // A conversion does not make the model another.
    for model in [Self.model(name), native] {
      for command in [["run", model, "--input", Self.arrays(name), "--output", y], ["verify", model, "--case", try plainCase(name)],
        ["diagnose", model], ["bench", model, "--seconds", "0.001"]] {
        #expect(try Refusal.of(command, status: 65, in: scratch) == "\(model): \(message)", "\(command[0])")
      }
    }
    // The choice runs and says what it leaves out, in the same words for each command.
    let words = message.components(separatedBy: "choose ").last?.components(separatedBy: " to leave").first ?? ""
    let choice = words.components(separatedBy: " ")
    let said = try run(name, choice, giving: "part").split(separator: "\n").filter { $0.contains("left out") }
    #expect(!said.isEmpty)
    for command in [["diagnose", Self.model(name)], ["bench", Self.model(name), "--seconds", "0.001"]] {
      let result = try Command.run(command + choice)
      #expect(result.status == 0 && said.allSatisfy { result.errors.contains($0 + "\n") }, "\(command[0]): \(result.errors)")
    }
    if let add = message.components(separatedBy: "add ").dropFirst().first {
      let renames = add.components(separatedBy: " to start")[0].replacing("'", with: "")
        .components(separatedBy: " ")
      #expect(try run(name, renames, giving: "y").contains("rnn starts from rnn.h0"))
    }
  }

  @Test func namesWhatNoRunDependsOn() throws {
    let said = try run("own_parameters", giving: "y")
    #expect(said.contains("the model's own parameters similarity_weight, similarity_bias, log_sigma are left out\n"))
    #expect(said.contains("criterion.weight, fc.total_ops are left out: no part of what is computed\n"))
  }

  @Test func startsFromAStateOfTheModulesOwn() throws {
    #expect(try run("own_state", giving: "y").contains("rnn starts from rnn.h0\n"))
  }

  @Test func putsTheHeadActivationAfterTheLastLinearLayerThatIsRun() throws {
    let part = ["--module", "a", "--module", "a_out"]
    _ = try run("two_modules", part, giving: "part")
    _ = try run("two_modules", part + ["--head-activation", "sigmoid"], giving: "y")
    let run = ["run", Self.model("two_modules"), "--input", Self.arrays("two_modules"), "--output", scratch.path("none.npy")]
    for (options, problem) in [
      (["--module", "a", "--head-activation", "sigmoid"], "--head-activation needs a linear layer, and none is run"),
      (["--module", "a", "--nonlinearity", "relu"], "--nonlinearity is of an Elman RNN, and none is run"),
      (["--nonlinearity", "relu"], "--nonlinearity is of an Elman RNN, and the model has none"),
    ] {
      #expect(try Refusal.of(run + options, status: 64, in: scratch) == "\(Self.model("two_modules")): \(problem); leave the option out")
    }
  }

  @Test func refusesAStartingStateThatNothingTakes() throws {
    let x = try #require(try ArrayFile.read(Self.arrays("two_modules"))["input"])
    let path = scratch.path("x.npz")
    func refusal(_ name: String, _ modules: [String]) throws -> String {
      let state = try tensor(noise(8), 1, 2, 4)
      try ArrayFile.write([NamedTensor("input", x), NamedTensor(name, state)], path)
      let message = try Refusal.of(
        ["run", Self.model("two_modules"), "--input", path, "--output", scratch.path("y.npy")]
          + modules.flatMap { ["--module", $0] }, status: 65, in: scratch)
      return String(message.dropFirst(path.utf8.count + 2))
    }
    let problem = "a starting state of no recurrent module that is run"
    #expect(try refusal("encoder.h0", ["a"]) == "encoder.h0: \(problem); name it as one of h0, or leave it out")
    #expect(try refusal("h_0", ["a"]) == "h_0: \(problem); name it as one of h0, or leave it out")
    #expect(try refusal("h0", ["a", "b"]) == "h0: \(problem); name it as one of a.h0, b.h0, or leave it out")
    #expect(try refusal("b.h0", ["a"]) == "b.h0: \(problem); name it as one of h0, or leave it out")
    let twice = try tensor(noise(8), 1, 2, 4)
    try ArrayFile.write([NamedTensor("input", x), NamedTensor("h0", twice), NamedTensor("a.h0", twice)], path)
    #expect(try Refusal.of(
      ["run", Self.model("two_modules"), "--input", path, "--output", scratch.path("y.npy"), "--module", "a"], status: 65,
      in: scratch) == "\(path): a.h0: the starting state of a is given as h0 too; leave one out")
    // The same for a file of states, and for a case.
    let states = scratch.path("s.npz")
    try ArrayFile.write([NamedTensor("h0", twice), NamedTensor("encoder.h0", twice)], states)
    try ArrayFile.write([NamedTensor("input", x)], scratch.path("only.npz"))
    for option in ["--state-in", "--h0"] {
      #expect(try Refusal.of(
        ["run", Self.model("two_modules"), "--input", scratch.path("only.npz"), "--output", scratch.path("y.npy"), "--module", "a",
          option, states], status: 65, in: scratch).hasPrefix("\(states): encoder.h0: \(problem)"), "\(option)")
    }
    try ArrayFile.write(
      [NamedTensor("input", x), NamedTensor("encoder.h0", twice), NamedTensor("output", try tensor(noise(48), 6, 2, 4))],
      scratch.path("case.npz"))
    #expect(try Refusal.of(
      ["verify", Self.model("two_modules"), "--case", scratch.path("case.npz"), "--module", "a"], status: 65, in: scratch)
      .contains("encoder.h0: \(problem)"))
  }
}
