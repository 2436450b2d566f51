import RNNModel

/// Modules' parameters as Keras' arrays, and the configs of recurrent layers.
extension KerasOutline {
  func config(
    _ module: Recurrent, _ activations: Recurrent.Activations, returnsSequence: Bool, returnsState: Bool, goBackwards: Bool
  ) throws(RNNError) -> [JSONValue.Member] {
    guard let activation = KerasActivations.name(activations.candidate),
      let gate = KerasActivations.name(activations.gate)
    else {
      throw Self.refuse(module.name, "its activations; hard_sigmoid, for one, is clip(x/6 + 0.5, 0, 1) in Keras 3")
    }
    guard module.cell != .lstm || activations.output == activations.candidate else {
      throw Self.refuse(module.name, "different activations of an LSTM's candidate and output")
    }
    var config: [JSONValue.Member] = [
      .init("units", .integer(Int64(module.hiddenSize))), .init("activation", .string(activation)),
    ]
    if module.cell != .rnn { config.append(.init("recurrent_activation", .string(gate))) }
    config += [
      .init("use_bias", .bool(module.bias)), .init("return_sequences", .bool(returnsSequence)),
      .init("return_state", .bool(returnsState)), .init("go_backwards", .bool(goBackwards)), .init("stateful", .bool(false)),
      .init("unroll", .bool(false)),
    ]
    if module.cell == .gru { config.append(.init("reset_after", .bool(module.resetAfter))) }
    return config
  }

  // MARK: Arrays

  /// A parameter, half precision widened.
  func parameter(_ module: String, _ name: String) throws(RNNError) -> Tensor {
    guard let tensor = model.tensor(module, name) else { throw Self.missing(module) }
    guard [.float16, .bfloat16].contains(tensor.elementType) else { return tensor }
    guard let widened = tensor.converted(to: .float32) else { throw Self.missing(module) }
    return widened.tensor
  }

  func turned(_ tensor: Tensor, _ module: String) throws(RNNError) -> Tensor {
    guard let result = try tensor.transposed() else { throw Self.missing(module) }
    return result
  }

  /// Kernel, recurrent kernel and bias of one cell.
  func arrays(_ module: Recurrent, layer: Int, isReverse: Bool) throws(RNNError) -> [Tensor] {
    let order = KerasGates.order(module.cell)
    func take(_ kind: ParameterName.Kind) throws(RNNError) -> Tensor {
      let name = ParameterName(kind, layer: module.isCell ? nil : layer, isReverse: isReverse)
      guard let result = try parameter(module.name, name.description).reorderingBlocks(order) else {
        throw Self.missing(module.name)
      }
      return result
    }
    var arrays = [try turned(take(.weightIH), module.name), try turned(take(.weightHH), module.name)]
    guard module.bias else { return arrays }
    let (input, hidden) = (try take(.biasIH), try take(.biasHH))
    if module.cell == .gru, module.resetAfter {
      guard let both = Tensor.stacked([input, hidden]) else { throw Self.missing(module.name) }
      arrays.append(both)
    } else {
      arrays.append(hidden.isZero ? input : try sum(input, hidden, module.name))
    }
    return arrays
  }

  private func sum(_ first: Tensor, _ second: Tensor, _ module: String) throws(RNNError) -> Tensor {
    let pairs = zip(first.doubles, second.doubles)
    let result =
      first.elementType == .float64
      ? Tensor(pairs.map { $0 + $1 }, first.shape) : Tensor(pairs.map { Float($0) + Float($1) }, first.shape)
    guard let result else { throw Self.missing(module) }
    return result
  }

  /// Cannot happen for a valid model.
  static func missing(_ module: String) -> RNNError {
    RNNError(.defect, place: "module \(module)", "a parameter is not as the architecture says", remedy: "report this")
  }
}
