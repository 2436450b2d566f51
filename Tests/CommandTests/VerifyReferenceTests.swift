import Foundation
import RNNKit
import Testing

/// `rnn verify` with references of PyTorch's and wrong ones; `Fixtures/verify/make.py` made them.
@Suite struct VerifyReferenceTests {
  private func path(_ name: String) -> String {
    Command.root.appendingPathComponent("Tests/CommandTests/Fixtures/verify/\(name)").path
  }

  @Test func judgesAChaoticModelStepByStep() throws {
    for (name, status, words) in [
      ("true.npz", 0, "rounding"), ("zeros.npz", 1, "mismatch"), ("random.npz", 1, "mismatch"),
    ] as [(String, Int32, String)] {
      let result = try Command.run(
        "verify", path("chaotic.pt"), "--nonlinearity", "tanh", "--case", path(name), "--json")
      #expect(result.status == status, "\(name): \(result.errors)")
      let output = try #require(try JSON(result.output)["cases"]?.array?.first?["members"]?.array?.first)
      #expect(output["verdict"]?.string == words)
      #expect(output["not_compared"] != nil, "rounding covers the signal's range within 100 steps")
      if status == 1 { #expect(result.output.contains("\"diverges\": \"first at step 0\"")) }
    }
  }

  @Test func anInfiniteReferenceMatchesNothingFinite() throws {
    let result = try Command.run("verify", path("ordinary.pt"), "--case", path("infinite.npz"))
    #expect(result.status == 1)
    #expect(result.output.contains("first at step 0, batch 0, unit 0: reference -inf, here 0.0663, 0 apart allowed"))
    #expect(result.output.hasSuffix("0 of 1 cases hold\n"))
  }

  @Test func aReferenceOfAnotherShapeOrTypeIsRefused() throws {
    let scratch = try Scratch()
    let arrays = try ArrayFile.read(path("infinite.npz"))
    let input = try #require(arrays["input"])
    func refusal(_ output: Tensor) throws -> String {
      let place = scratch.path("case.npz")
      try ArrayFile.write([NamedTensor("input", input), NamedTensor("output", output)], place)
      let result = try Command.run("verify", path("ordinary.pt"), "--case", place)
      #expect(result.status == 65 && result.output.isEmpty)
      return result.errors
    }
    #expect(try refusal(try tensor(noise(20), 5, 4)).contains("its shape is (5, 4), the model gives (5, 2, 4)"))
    let shape = try #require(Shape([5, 2, 4]))
    let complex = try #require(Tensor(.complex64, shape) { _ in })
    #expect(try refusal(complex).contains("its type is complex64, the model gives float32; export it as float32 or float64"))
  }
}
