import RNNModel

/// Compares the architecture that a file states with the one its graph computes.
///
/// A graph cannot say everything: what a tensor's name was, which index is padding, whether one layer was a cell. What
/// it does say must agree, or the file was changed after RNNKit wrote it.
enum StatedArchitecture {
  static func differs(_ what: String) -> RNNError {
    RNNError(
      .badData, place: "metadata \(ONNXProperties.prefix)architecture", "its \(what) is not what the graph computes",
      remedy: "remove the entry to read the graph alone, or write the file again")
  }

  static func check(
    _ architecture: Architecture, against found: [Link], in frame: Frame, isDouble: Bool, batchFirst: Bool?
  ) throws(RNNError) {
    /// ONNX's attributes are float32.
    func same(_ first: Double, _ second: Double) -> Bool { isDouble ? first == second : Float(first) == Float(second) }
    guard batchFirst == nil || batchFirst == architecture.batchFirst else { throw differs("batch_first") }
    guard let (stated, own) = architecture.links, stated.count == found.count else { throw differs("forward") }
    func gained(_ frame: Frame) -> Int? {
      frame.inputGain == 1 ? nil : frame.gainedFeatures ?? stated.first?.module.inputSize
    }
    guard own.skip == frame.skip, same(own.inputGain, frame.inputGain), same(own.outputGain, frame.outputGain),
      gained(own) == gained(frame)
    else {
      throw differs("skip or gain")
    }
    func activation(_ stated: Activation, _ found: Activation) -> Activation {
      let (first, second) = (stated.parameters, found.parameters)
      let isSame = stated.name == found.name && zip(first, second).allSatisfy { same($0.value, $1.value) }
      return isSame ? stated : found
    }
    func activations(_ stated: Recurrent.Activations, _ found: Recurrent.Activations) -> Recurrent.Activations {
      Recurrent.Activations(
        gate: activation(stated.gate, found.gate), candidate: activation(stated.candidate, found.candidate),
        output: activation(stated.output, found.output))
    }
    for (index, (stated, link)) in zip(stated, found).enumerated() {
      let isEnd = index == found.count - 1
      var found = link
      let returnsSequence = stated.returnsSequence
      switch (stated.module, link.module) {
      case (.recurrent(let stated), .recurrent(var module)):
        // What ONNX does not hold, or holds rounded, is taken over; the rest must be equal.
        module.isCell = stated.isCell
        // At the chain's end both are given, every step's output and the last state.
        if isEnd { found.returnsSequence = returnsSequence }
        module.hasInitialState = stated.hasInitialState || module.hasInitialState
        let reverse = stated.activations(direction: 1)
        let foundReverse = module.activations(direction: 1)
        module.activations = activations(stated.activations, module.activations)
        if stated.direction == .bidirectional, activations(reverse, foundReverse) == reverse {
          module.reverseActivations = stated.reverseActivations
        }
        if let clip = stated.clip, let found = module.clip, same(clip, found) { module.clip = clip }
        if stated.cell == .rnn {
          module.activations.gate = stated.activations.gate; module.activations.output = stated.activations.output
        }
        if stated.cell == .gru { module.activations.output = stated.activations.output }
        if stated.cell != .gru { module.resetAfter = stated.resetAfter }
        found.module = .recurrent(module)
      case (.linear, .linear):
        for (index, pair) in zip(stated.functions, found.functions).enumerated() {
          if case (.elementwise(let wanted), .elementwise(let function)) = pair {
            found.functions[index] = .elementwise(activation(wanted, function))
          }
        }
      case (.embedding(let stated), .embedding(var module)):
        module.paddingIndex = stated.paddingIndex
        found.module = .embedding(module)
      default: break
      }
      guard stated == found else { throw differs("module \(stated.module.name)") }
    }
  }
}
