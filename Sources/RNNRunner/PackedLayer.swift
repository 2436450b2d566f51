import CRNNKernels
import RNNModel

/// One direction of one recurrent layer, ready for the kernels, with the memory that `layer` points into.
struct PackedLayer {
  var layer = rnnkit_layer()
  private(set) var memory: [AlignedMemory] = []

  /// `index` is 1 for the reverse half of a bidirectional module.
  init<R: Real>(
    _ model: Model, _ module: Recurrent, layer number: Int, direction index: Int, as type: R.Type, _ packing: Packing
  ) throws(RNNError) {
    // A lone reverse direction's parameters are named as a forward one's are.
    func name(_ kind: ParameterName.Kind) -> ParameterName {
      ParameterName(kind, layer: module.isCell ? nil : number, isReverse: index == 1)
    }
    func tensor(_ kind: ParameterName.Kind) throws(RNNError) -> Tensor {
      let name = name(kind)
      guard let tensor = model.tensor(module.name, name.description) else {
        throw RNNError(.defect, place: "tensor \(Model.join(module.name, name.description))", "missing from the model")
      }
      return tensor
    }
    let hidden = module.hiddenSize, state = module.stateSize, lanes = R.precision.lanes
    let units = (hidden + lanes - 1) / lanes
    let inputSize = number == 0 ? module.inputSize : module.outputSize
    let activations = module.activations(direction: index)
    layer.hidden = hidden
    layer.projected = module.projSize
    layer.gate = activations.gate.kernel
    layer.candidate_activation = activations.candidate.kernel
    layer.output = activations.output.kernel
    layer.clip = module.clip ?? .infinity
    layer.input_forget = module.inputForget

    func quantized(_ kind: ParameterName.Kind) -> QuantizedWeight? {
      packing.multiplyInt8 == nil ? nil : model.quantized(Model.join(module.name, name(kind).description))
    }
    let inputNumbers = quantized(.weightIH), recurrentNumbers = quantized(.weightHH)
    let isWholeNumbers = inputNumbers != nil || recurrentNumbers != nil
    let inputWeight = try tensor(.weightIH), recurrentWeight = try tensor(.weightHH)
    // What each place in a group of gates is of, by the gate's place in PyTorch's order; the candidate of a GRU whose
    // reset follows the product has two places.
    let biasGates: [GateBias]
    // Their places, and which half of them, where the last units' are packed.
    var packedPlaces: [(place: Int, half: Int)] = []
    var pitch: Int
    var isPacked = false
    func gates(
      _ weight: Tensor, inner: Int, order: [Int], first: Int, isRecurrent: Bool = false, packed: [[Int]] = []
    ) throws(RNNError) -> PackedMatrix {
      try PackedMatrix(
        weight, as: type, packing, inner: inner, groups: units, panels: order.count, pitch: pitch, first: first,
        isRecurrent: isRecurrent, isPacked: isPacked, quantized: isRecurrent ? recurrentNumbers : inputNumbers
      ) { group, panel, lane in
        if isPacked && group == units - 1 {
          let half = lane / (lanes / 2), unit = group * lanes + lane % (lanes / 2)
          return unit < hidden && half < packed[panel].count ? packed[panel][half] * hidden + unit : nil
        }
        let unit = group * lanes + lane
        return unit < hidden ? order[panel] * hidden + unit : nil
      }
    }
    switch module.cell {
    case .rnn:
      layer.cell = RNNKIT_RNN
      let input = try PackedMatrix(
        plain: inputWeight, as: type, packing, rows: hidden, inner: inputSize, quantized: inputNumbers)
      layer.input = hold(input)
      layer.recurrent = hold(
        try PackedMatrix(
          plain: recurrentWeight, as: type, packing, rows: hidden, inner: state, quantized: recurrentNumbers))
      pitch = 1
      biasGates = [.both(0)]
      layer.gates = R.precision.stride(input.resultCount(R.precision))
    case .lstm:
      layer.cell = RNNKIT_LSTM
      pitch = 4
      isPacked = !isWholeNumbers && rnnkit_is_fused(&layer) && !module.peephole && packing.operations.packs(layer.cell, hidden)
      packedPlaces = [(0, 0), (0, 1), (1, 0), (1, 1)]
      let packed = [[0, 1], [2, 3]]
      layer.input = hold(try gates(inputWeight, inner: inputSize, order: [0, 1, 2, 3], first: 0, packed: packed))
      layer.recurrent = hold(
        try gates(recurrentWeight, inner: state, order: [0, 1, 2, 3], first: 0, isRecurrent: true, packed: packed))
      biasGates = [.both(0), .both(1), .both(2), .both(3)]
      layer.gates = R.precision.stride(units * pitch * lanes)
    case .gru where module.resetAfter:
      layer.cell = RNNKIT_GRU
      pitch = 4
      isPacked = !isWholeNumbers && rnnkit_is_fused(&layer) && packing.operations.packs(layer.cell, hidden)
      packedPlaces = [(0, 0), (1, 0), (1, 1), (2, 0)]
      layer.input = hold(
        try gates(inputWeight, inner: inputSize, order: [2, 0, 1], first: 0, packed: [[2], [0, 1]]))
      layer.recurrent = hold(
        try gates(
          recurrentWeight, inner: state, order: [0, 1, 2], first: 1, isRecurrent: true, packed: [[0, 1], [2]]))
      biasGates = [.input(2), .both(0), .both(1), .recurrent(2)]
      layer.gates = R.precision.stride(units * pitch * lanes)
    case .gru:
      layer.cell = RNNKIT_GRU_RESET_BEFORE
      pitch = 3
      layer.input = hold(try gates(inputWeight, inner: inputSize, order: [2, 0, 1], first: 0))
      layer.recurrent = hold(try gates(recurrentWeight, inner: state, order: [0, 1], first: 1, isRecurrent: true))
      layer.candidate = hold(try gates(recurrentWeight, inner: state, order: [2], first: 0, isRecurrent: true))
      biasGates = [.both(2), .both(0), .both(1)]
      layer.gates = R.precision.stride(units * pitch * lanes)
    }
    if module.projSize > 0 {
      let weight = try tensor(.weightHR)
      layer.projection = hold(
        try PackedMatrix(plain: weight, as: type, packing, rows: module.projSize, inner: hidden, quantized: quantized(.weightHR)))
    }
    if module.peephole {
      let weights = try tensor(.weightPeephole).reals(type)
      let whole = units * lanes
      let packed = try AlignedMemory(reals: 3 * whole, R.precision)
      for gate in 0..<3 {
        for unit in 0..<hidden {
          packed.base.assumingMemoryBound(to: type)[gate * whole + unit] = weights[gate * hidden + unit]
        }
      }
      memory.append(packed)
      layer.peepholes = UnsafeRawPointer(packed.base)
    }
    let bias = try AlignedMemory(reals: layer.gates, R.precision)
    if module.bias {
      let input = try tensor(.biasIH).reals(type), recurrent = try tensor(.biasHH).reals(type)
      let packed = bias.base.assumingMemoryBound(to: type)
      for (place, gate) in biasGates.enumerated() {
        for unit in 0..<hidden {
          let isLast = isPacked && unit / lanes == units - 1
          let (place, half) = isLast ? packedPlaces[place] : (place, 0)
          packed[(unit / lanes * pitch + place) * lanes + half * lanes / 2 + unit % lanes] =
            switch gate {
            case .both(let gate): input[gate * hidden + unit] + recurrent[gate * hidden + unit]
            case .input(let gate): input[gate * hidden + unit]
            case .recurrent(let gate): recurrent[gate * hidden + unit]
            }
        }
      }
    }
    memory.append(bias)
    layer.bias = UnsafeRawPointer(bias.base)
  }

  /// What a gate's total starts from, by the gate's place in PyTorch's order.
  private enum GateBias {
    case both(Int), input(Int), recurrent(Int)
  }

  private mutating func hold(_ matrix: PackedMatrix) -> rnnkit_matrix {
    memory.append(matrix.memory)
    return matrix.matrix
  }

  /// Reals that a row of h needs, what the projection's last vectors write beyond it included.
  func stateCount(_ precision: Precision) -> Int {
    guard layer.projected > 0 else { return precision.wholeVectors(layer.hidden) }
    return layer.projection.groups * layer.projection.pitch * precision.lanes
  }
}
