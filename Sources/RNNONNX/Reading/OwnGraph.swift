import RNNFormats
import RNNModel

/// A graph that RNNKit wrote, whose tensors are found by the names that it gave them rather than by following the graph.
///
/// What is over time is written as many small nodes, which heed lengths; that they compute what the file's architecture says is
/// known because the graph is, bit for bit, the one that is written of that architecture and these tensors.
struct OwnGraph {
  /// The parameters that the forward uses.
  private(set) var tensors: [NamedTensor] = []
  private let initializers: [String: TensorProto]
  // Nothing outside the file: RNNKit writes whole files.
  private var decoder = TensorDecoder(modelPath: nil)

  /// Nil where it is another graph.
  init?(_ graph: GraphProto, _ architecture: Architecture) {
    guard let forward = architecture.forward?.withoutUnneeded else { return nil }
    initializers = Dictionary(graph.initializer.map { ($0.name, $0) }) { first, _ in first }
    var archive = TensorArchive()
    let isOnly = forward.moduleNames.count { if case .recurrent? = architecture[$0] { true } else { false } } == 1
    do throws(RNNError) {
      for name in forward.moduleNames {
        guard let module = architecture[name] else { return nil }
        tensors += try parameters(of: module, isOnlyRecurrent: isOnly)
      }
      let names = Set(tensors.map(\.name))
      for name in forward.parameterNames where !names.contains(name) { tensors.append(NamedTensor(name, try stored(name))) }
      for tensor in tensors { try archive.append(tensor.name, tensor.tensor) }
      var stated = architecture
      stated.modules = forward.moduleNames.compactMap { architecture[$0] }
      var builder = GraphBuilder()
      let own = try ONNXWriter(Model(archive, architecture: stated)).graph(&builder)
      guard own.node == graph.node, own.input == graph.input, own.output == graph.output, own.initializer == graph.initializer
      else { return nil }
    } catch { return nil }
  }

  private mutating func stored(_ name: String) throws(RNNError) -> Tensor {
    guard let proto = initializers[name] else { throw RNNError(.badData, place: "tensor \(name)", "missing", remedy: "write the file again") }
    return try decoder.tensor(proto, name: name)
  }

  private mutating func parameters(of module: Module, isOnlyRecurrent: Bool) throws(RNNError) -> [NamedTensor] {
    var result: [NamedTensor] = []
    switch module {
    case .recurrent(let recurrent):
      var found: [String: Tensor] = [:]
      for layer in 0..<recurrent.numLayers { try found.merge(layerParameters(of: recurrent, layer)) { first, _ in first } }
      for (name, shape) in Model.parameters(of: module) {
        var tensor = found[name]
        let own = Model.split(name).parameter
        if tensor == nil, own == "h0" || own == "c0" {
          let stored = try self.stored(isOnlyRecurrent ? own : name)
          tensor = Shape(shape).flatMap { stored.reshaped($0) }
        }
        if let tensor { result.append(NamedTensor(name, tensor)) }
      }
    case .linear(let linear):
      if let weight = try stored(Model.join(linear.name, "weight_transposed")).transposed() {
        result.append(NamedTensor(Model.join(linear.name, "weight"), weight))
      }
      if linear.bias { result.append(NamedTensor(Model.join(linear.name, "bias"), try stored(Model.join(linear.name, "bias")))) }
    default:
      for (name, _) in Model.parameters(of: module) { result.append(NamedTensor(name, try stored(name))) }
    }
    return result
  }

  /// One layer's parameters of all directions, which a node takes joined, its gates in ONNX's order.
  private mutating func layerParameters(of module: Recurrent, _ layer: Int) throws(RNNError) -> [String: Tensor] {
    var result: [String: Tensor] = [:]
    func add(_ kind: ParameterName.Kind, _ direction: Int, _ tensor: Tensor?, _ order: [Int]) throws(RNNError) {
      let name = ParameterName(kind, layer: module.isCell ? nil : layer, isReverse: direction == 1)
      if let tensor = try tensor?.reorderingBlocks(order) { result[Model.join(module.name, name.description)] = tensor }
    }
    func joined(_ name: String) throws(RNNError) -> Tensor { try stored(Model.join(module.name, "\(name)_l\(layer)")) }
    let order = GateOrder.fromONNX(module.cell), rows = module.cell.gateCount * module.hiddenSize
    let (w, r) = (try joined("W"), try joined("R"))
    let b = module.bias ? try joined("B") : nil, p = module.peephole ? try joined("P") : nil
    for direction in 0..<module.directionCount where [w, r, b, p].allSatisfy({ $0.map { direction < $0.shape.dimensions.first ?? 0 } ?? true }) {
      try add(.weightIH, direction, w.row(direction), order)
      try add(.weightHH, direction, r.row(direction), order)
      if let both = b?.row(direction), both.shape.dimensions == [2 * rows] {
        try add(.biasIH, direction, both.rows(0..<rows), order)
        try add(.biasHH, direction, both.rows(rows..<2 * rows), order)
      }
      if let p { try add(.weightPeephole, direction, p.row(direction), GateOrder.peephole) }
    }
    return result
  }
}

extension Forward {
  /// Whether something that is no recurrent layer is over several steps, or such as stands around what is.
  func mixesSteps(_ modules: [Module]) -> Bool {
    let kinds = Dictionary(modules.map { ($0.name, $0) }) { first, _ in first }
    let mixed = steps.contains { step in
      switch step.operation {
      case .module(let name):
        switch kinds[name] {
        case .convolution?, .norm?, .attention?: true
        default: false
        }
      case .overTime, .window, .attend, .repeated: true
      default: false
      }
    }
    guard !mixed else { return true }
    // What has no time axis is joined to what has one.
    guard let shapes = try? shapes(modules) else { return false }
    return steps.contains { step in
      guard step.operation == .concatenate else { return false }
      return Set(step.inputs.map { shapes[$0].hasTime }).count > 1
    }
  }
}
