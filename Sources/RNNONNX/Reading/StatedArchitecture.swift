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
    _ stated: Architecture, against found: Architecture, isDouble: Bool, batchFirst: Bool?
  ) throws(RNNError) {
    /// ONNX's attributes are float32.
    func same(_ first: Double, _ second: Double) -> Bool { isDouble ? first == second : Float(first) == Float(second) }
    guard batchFirst == nil || batchFirst == stated.batchFirst else { throw differs("batch_first") }
    func gained(_ architecture: Architecture) -> Int? {
      architecture.inputGain == 1 ? nil : architecture.inputGainFeatures ?? architecture.modules.first?.inputSize
    }
    guard stated.skip == found.skip, same(stated.inputGain, found.inputGain), same(stated.outputGain, found.outputGain),
      gained(stated) == gained(found)
    else {
      throw differs("skip or gain")
    }
    let foundModules = found.modules
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
    for (index, (stated, found)) in zip(stated.modules, found.modules).enumerated() {
      let isEnd = index == foundModules.count - 1
      var found = found
      switch (stated, found) {
      case (.recurrent(let stated), .recurrent(var module)):
        // What ONNX does not hold, or holds rounded, is taken over; the rest must be equal.
        module.isCell = stated.isCell
        // At the chain's end both are given, every step's output and the last state.
        if isEnd { module.returnsSequence = stated.returnsSequence }
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
        found = .recurrent(module)
      case (.linear(let stated), .linear(var module)):
        if case .elementwise(let wanted) = stated.activation, case .elementwise(let function) = module.activation {
          module.activation = .elementwise(activation(wanted, function))
        }
        found = .linear(module)
      case (.embedding(let stated), .embedding(var module)):
        module.paddingIndex = stated.paddingIndex
        found = .embedding(module)
      default: break
      }
      guard stated == found else { throw differs("module \(stated.name)") }
    }
  }
}
