/// What of a file is run by no module of the chain.
///
/// A tensor of unknown meaning becomes an `UnknownModule`, without which a chain is run only where the user chooses its
/// modules, unless its name and shape tell that no number of a run depends on it.
enum Leftover {
  /// Parts of models that compute a loss or a measure of what a run gives.
  private static let training: Set = [
    "loss", "losses", "criterion", "crit", "metric", "metrics", "optimizer", "optim", "scheduler", "accuracy",
  ]
  /// What counts or marks and is no factor: of PyTorch's norms, of fairseq, of thop's profiler.
  private static let bookkeeping: Set = [
    "num_batches_tracked", "step", "steps", "global_step", "epoch", "epochs", "iteration", "iterations", "version",
    "dummy", "dummy_param", "_dummy", "_float_tensor", "device_indicator", "total_ops", "total_params",
  ]
  /// Words by which a number of the model's own is known to change what it gives.
  private static let factors: Set = [
    "scale", "scaling", "gain", "temperature", "temp", "alpha", "beta", "gamma", "mean", "std", "offset", "shift",
    "mu", "sigma", "min", "max", "norm", "mul", "factor", "amplitude", "multiplier", "resweight", "rezero", "weight", "bias", "w", "b", "a", "g", "s", "h0", "c0",
    "init", "initial", "hidden", "cell", "state",
  ]
  /// Words that make the number one of a loss's or a distribution's all the same.
  private static let spreads: Set = ["sigma", "sigmas", "std", "stds", "var", "vars", "variance", "variances"]

  /// Whether no number of a run can depend on a tensor that belongs to no module.
  ///
  /// - Parameter name: The whole name.
  static func isHarmless(_ name: String, _ tensor: Tensor) -> Bool {
    let components = name.lowercased().split(separator: ".").map { $0.split(separator: "_").map(String.init) }
    guard let last = components.last, tensor.count > 0 else { return true }
    if components.contains(where: { !training.isDisjoint(with: $0) }) { return true }
    let lastName = (name.lowercased().split(separator: ".").last).map(String.init) ?? ""
    if tensor.count == 1, bookkeeping.contains(lastName) { return true }
    switch tensor.elementType {
    case .bool, .int64, .int32, .int16, .uint64, .uint32, .uint16: return true
    // Quantized weights are matrices of these.
    case .int8, .uint8: return tensor.shape.rank < 2 && factors.isDisjoint(with: last)
    case .float64, .float32, .float16, .bfloat16:
      // The model's own numbers, such as those of a similarity or a noise.
      guard components.count == 1, tensor.shape.rank <= 1 else { return false }
      if last.contains("log"), !spreads.isDisjoint(with: last) { return true }
      return tensor.count == 1 && (last.contains("similarity") || factors.isDisjoint(with: last))
    case .complex64, .complex128, .float8_e4m3fn, .float8_e5m2: return false
    }
  }
}

extension UnknownModule {
  /// A tensor that is no part of the modules beside it.
  init(tensor: String) {
    self.init(name: tensor, tensorNames: [tensor])
  }

  /// Whether it is one tensor, under its own name.
  public var isTensor: Bool { tensorNames == [name] }
}

extension Model {
  /// What a run leaves out, one sentence for each module that cannot be run, and for tensors of none.
  public var leftOut: [String] {
    var sentences: [String] = []
    var known = Set<String>()
    for module in architecture.unknownModules {
      known.formUnion(module.tensorNames)
      let what: String
      if module.isTensor {
        what = "what the model does with this tensor is not known"
      } else if module.tensorNames.isEmpty {
        what = "it cannot be run"
      } else {
        what = "what \(module.tensorNames.listed()) belong\(module.tensorNames.count == 1 ? "s" : "") to cannot be run"
      }
      sentences.append("\(module.name.isEmpty ? "the model itself" : module.name) is left out: \(what)")
    }
    let rest = carried.map(\.name).filter { !known.contains($0) }
    let own = rest.filter { !$0.contains(".") }
    let others = rest.filter { $0.contains(".") }
    func verb(_ names: [String]) -> String { names.count == 1 ? "is" : "are" }
    if !own.isEmpty {
      sentences.append("the model's own parameter\(own.count == 1 ? "" : "s") \(own.listed()) \(verb(own)) left out")
    }
    if !others.isEmpty { sentences.append("\(others.listed()) \(verb(others)) left out: no part of the chain") }
    return sentences
  }

  /// The parameters of a starting state that a tensor of the model's own can be: `h0` of `rnn` where that is the only
  /// module of its size, as `rnn.h0`. Nil where nothing tells that it is one.
  public func startingState(_ module: UnknownModule) -> String? {
    guard module.isTensor, let tensor = archive[module.name], tensor.elementType.isWeight else { return nil }
    let last = module.name.split(separator: ".").last.map { $0.lowercased() } ?? ""
    let isCell = last.hasPrefix("c") || last.contains("cell") || last.hasSuffix("_c") || last.hasSuffix("_c0")
    guard isCell || last.hasPrefix("h") || last.contains("hidden") || last.contains("state") || last.contains("init") else { return nil }
    let recurrent = architecture.recurrentModules
    guard recurrent.count == 1, let owner = recurrent.first, !owner.hasInitialState, !isCell || owner.cell == .lstm,
      owner.holdsState(tensor, isCell: isCell)
    else { return nil }
    return Self.join(owner.name, isCell ? "c0" : "h0")
  }
}

extension Recurrent {
  /// Whether a tensor can be this module's h0 or c0 for every sequence: (layers·directions, size), with or without an
  /// axis of size 1 for the batch.
  func holdsState(_ tensor: Tensor, isCell: Bool) -> Bool {
    let states = numLayers.multipliedReportingOverflow(by: directionCount)
    let size = isCell ? hiddenSize : stateSize
    let sizes = tensor.shape.dimensions
    return !states.overflow && tensor.elementType.isWeight
      && (sizes == [states.partialValue, size] || sizes == [states.partialValue, 1, size])
  }
}

extension Architecture {
  /// What cannot be run.
  public var unknownModules: [UnknownModule] {
    modules.compactMap { if case .unknown(let module) = $0 { module } else { nil } }
  }
}

extension String {
  /// The text as one word of a shell's command line.
  public var quoted: String {
    let plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/:".utf8
    return !isEmpty && utf8.allSatisfy(plain.contains) ? self : "'" + replacing("'", with: "'\\''") + "'"
  }
}
