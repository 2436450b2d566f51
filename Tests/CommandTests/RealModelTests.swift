import Foundation
import RNNKit
import Testing

/// Models that nobody here wrote, with outputs that their makers' frameworks gave.
@Suite(.enabled(if: Command.hasShared("real-models"), "no folder ../shared/real-models"))
struct RealModelTests {
  private static func file(_ name: String) -> String {
    Command.shared.appendingPathComponent("real-models/\(name)").path
  }

  private func largestDifference(_ first: [Double], _ second: [Double]) -> Double {
    #expect(first.count == second.count)
    return zip(first, second).map { abs($0 - $1) }.max() ?? .infinity
  }

  private static let lines = ["lstm": "dense(lstm2(lstm(x)))", "gru": "dense(gru2(gru(x)))"]

  @Test(arguments: ["lstm", "gru"]) func runsRTNeuralsModelsAsPyTorchDid(cell: String) throws {
    let folder = "rtneural_\(cell)_torch/"
    let scratch = try Scratch()
    let (native, y) = (scratch.path("model.rnn"), scratch.path("y.csv"))
    try #require(Command.run("convert", Self.file(folder + "model.json"), native, "--forward", Self.lines[cell] ?? "").status == 0)
    // Two recurrent modules may be an encoder and a decoder: the file does not say.
    #expect(try Command.run("run", Self.file(folder + "model.json"), "--input", Self.file(folder + "x.csv")).status == 64)
    for (model, said) in [(Self.file(folder + "model.json"), ["--forward", Self.lines[cell] ?? ""]), (native, [])] {
      let run = try Command.run(["run", model] + said + ["--input", Self.file(folder + "x.csv"), "--output", y, "--force"])
      #expect(run.status == 0, "\(run.errors)")
      let found = try #require(try ArrayFile.read(y)[""]).doubles
      let expected = try #require(try ArrayFile.read(Self.file(folder + "y.csv"))[""]).doubles
      #expect(found.count == 1000)
      #expect(largestDifference(found, expected) <= 1e-6)
    }
  }

  private let silero = file("silero_lstm_cell/silero_vad_16k.safetensors")
  private let sileroArrays = file("silero_lstm_cell/io.npz")

  @Test func runsACellOutOfASpeechModel() throws {
    let output = try Scratch()
    let run = try Command.run(
      "run", "-v", silero, "--module", "lstm_cell", "--input", sileroArrays, "--output", output.path("y.npz"))
    #expect(run.status == 0, "\(run.errors)")
    let (found, expected) = (try ArrayFile.read(output.path("y.npz")), try ArrayFile.read(sileroArrays))
    let exact = try #require(expected["output64"]).doubles
    let error = largestDifference(try #require(found["output"]).doubles, exact)
    #expect(error <= 4e-6)
    #expect(error <= largestDifference(try #require(expected["output"]).doubles, exact), "PyTorch is nearer to float64")
    // What is left out is named, each with its tensors.
    for module in ["stft_conv", "conv1", "conv2", "conv3", "conv4", "final_conv"] {
      #expect(run.errors.contains("\(module) is left out: what \(module).weight"))
    }
    #expect(try Command.run("verify", silero, "--module", "lstm_cell", "--case", sileroArrays).status == 0)
  }

  @Test func refusesToSkipWhatItCannotRun() throws {
    let run = try Command.run("run", silero, "--input", sileroArrays)
    #expect(run.status == 65)
    #expect(run.output.isEmpty)
    #expect(run.errors.contains("""
      stft_conv: RNNKit cannot run what its tensors stft_conv.weight belong to; say what it was made with before the \
      forward's expression, --forward 'stft_conv = Conv1d(stride=…, padding=…, dilation=…, groups=…); …', or choose \
      --module lstm_cell to leave it and conv1, conv2, conv3, conv4, final_conv out
      """))
  }

  @Test func carriesASpeechModelWhole() throws {
    let scratch = try Scratch()
    let (native, back) = (scratch.path("model.rnn"), scratch.path("model.safetensors"))
    try #require(Command.run("convert", silero, native).status == 0)
    try #require(Command.run("convert", native, back).status == 0)
    for file in [native, back] {
      let difference = try Command.run("diff", silero, file)
      #expect(difference.status == 0, "\(difference.output)")
      #expect(difference.output == "15 of 15 tensors are identical bit for bit\n")
    }
  }
}
