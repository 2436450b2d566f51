import Foundation
import RNNKit
import Testing

/// `rnn convert --code`. Tests/Interop/check_code.py runs what it writes.
@Suite struct CodeTests {
  private let scratch: Scratch

  init() throws { scratch = try Scratch() }

  private func convert(_ sample: String, _ output: String, _ more: String...) throws -> Command.Result {
    try Command.run(["convert", Command.samples.appendingPathComponent(sample).path, scratch.path(output)] + more)
  }

  private func text(_ name: String) throws -> String { try String(contentsOfFile: scratch.path(name), encoding: .utf8) }
  private func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: scratch.path(name)) }

  @Test func writesTheClassOfAPlainModel() throws {
    let result = try convert("chain_lstm_lstm2_dense.rnn", "model.pt", "--code", scratch.path("model.py"))
    #expect(result.status == 0, "\(result.errors)")
    let code = try text("model.py")
    #expect(code.contains("class Model(nn.Module):"))
    #expect(code.contains("nn.LSTM(") && code.contains("nn.Linear(") && !code.contains("class Recurrent"))
  }

  @Test(arguments: ["pt", "safetensors", "npz", "json"]) func writesWhatTorchLacksWithItsClassAlone(_ kind: String) throws {
    let refused = try convert("keras_gru_reset_before.rnn", "model.\(kind)")
    #expect(refused.status == 65 && refused.errors.contains("it lacks a GRU with reset_after false"), "\(refused.errors)")
    #expect(!exists("model.\(kind)"))
    // The remedy, to the letter.
    let result = try convert("keras_gru_reset_before.rnn", "model.\(kind)", "--code", scratch.path("model.py"))
    #expect(result.status == 0, "\(result.errors)")
    #expect(try text("model.py").contains("reset_after=False"))
    #expect(exists("model.\(kind)"))
  }

  @Test func leavesNothingWhereOneOfTheTwoCannotBeWritten() throws {
    try Data("old".utf8).write(to: scratch.url("model.py"))
    let there = try convert("gru.rnn", "model.pt", "--code", scratch.path("model.py"))
    #expect(there.status == 73 && there.errors.contains("exists already"), "\(there.errors)")
    #expect(try !exists("model.pt") && text("model.py") == "old")
    let folder = try convert("gru.rnn", "model.pt", "--code", scratch.path("none/model.py"))
    #expect(folder.status == 73 && !exists("model.pt"), "\(folder.errors)")
    let same = try convert("gru.rnn", "one.pt", "--code", scratch.path("one.pt"), "--force")
    #expect(same.status == 64 && !exists("one.pt"), "\(same.errors)")
    // A name that no part of a PyTorch module can have; followed as it says.
    let name = try convert("gru.rnn", "model.pt", "--code", scratch.path("new.py"), "--rename", "*=float.*")
    #expect(name.status == 65 && name.errors.contains("can be named float") && !exists("model.pt") && !exists("new.py"), "\(name.errors)")
    let other = try convert("gru.rnn", "model.pt", "--code", scratch.path("new.py"), "--rename", "*=floats.*")
    #expect(other.status == 0 && exists("model.pt") && exists("new.py"), "\(other.errors)")
  }

  @Test func isOfAStateDict() throws {
    for output in ["model.onnx", "model.rnn", "model.keras"] {
      let result = try convert("gru.rnn", output, "--code", scratch.path("model.py"))
      #expect(result.status == 64 && result.errors.contains("--code is the class of a state_dict"), "\(result.errors)")
      #expect(!exists(output) && !exists("model.py"))
    }
    #expect(try convert("gru.rnn", "model.pt", "--code", "-").status == 64)
  }

  @Test func needsAForward() throws {
    let dump = scratch.path("two.npz")
    try ArrayFile.write(
      ["a", "b"].flatMap { name in
        [NamedTensor("\(name).weight_ih_l0", try tensor([1, 2], 1, 2)), NamedTensor("\(name).weight_hh_l0", try tensor([1], 1, 1))]
      }, dump)
    let result = try Command.run("convert", dump, scratch.path("model.pt"), "--code", scratch.path("model.py"))
    #expect(result.status == 65 && result.errors.contains("nothing says what is computed"), "\(result.errors)")
    let said = try Command.run("convert", dump, scratch.path("model.pt"), "--code", scratch.path("model.py"), "--forward", "cat(a(x), b(x))")
    #expect(said.status == 0, "\(said.errors)")
    #expect(try text("model.py").contains("torch.cat("))
  }
}
