import RNNKit

/// A model of an amplifier, as an audio device calls it: once for each block of frames, on a thread where nothing may wait.
final class Amp {
  private let runner: Runner
  private var state: State

  /// Makes everything that a block needs. Throws where the model does not take one channel and give one.
  init(_ model: Model) throws {
    let plan = try Plan(model)
    guard plan.inputSize == 1, plan.outputSize == 1 else {
      throw RNNError(.usage, "the model takes \(plan.inputSize) channels and gives \(plan.outputSize)", remedy: "take one of one channel")
    }
    runner = try Runner(plan)
    state = try plan.state(batch: 1)
  }

  /// One block of one channel. Allocates nothing and takes no lock. NaN in the input stays in the state: silence it before.
  func process(_ input: UnsafePointer<Float>, _ output: UnsafeMutablePointer<Float>, frames: Int) throws(RNNError) {
    for frame in 0..<frames { try runner.step(input + frame, &state, into: output + frame) }
  }
}
