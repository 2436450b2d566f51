/// What of a file is run by no module of the chain.
///
/// A tensor of unknown meaning becomes an `UnknownModule`, without which a chain is run only where the user chooses its
/// modules, unless its name and shape tell that no number of a run depends on it.
enum Leftover {
  /// Parts of models that compute a loss or a measure of what a run gives.
  private static let training: Set = [
    "loss", "losses", "criterion", "crit", "metric", "metrics", "optimizer", "optim", "scheduler", "accuracy",
  ]
  /// Counters and markers, which are never multiplied in: of PyTorch's norms, of fairseq, of thop's profiler.
  private static let bookkeeping: Set = [
    "num_batches_tracked", "step", "steps", "global_step", "epoch", "epochs", "iteration", "iterations", "version",
    "dummy", "dummy_param", "_dummy", "_float_tensor", "device_indicator", "total_ops", "total_params",
  ]
  /// Buffers of whole numbers that only count up.
  private static let indices: Set = ["position_ids", "token_type_ids"]
  /// Words that make a logarithm of the model's own one of a loss's or a distribution's.
  private static let spreads: Set = ["sigma", "sigmas", "std", "stds", "var", "vars", "variance", "variances"]

  /// Whether no number of a run can depend on a tensor that belongs to no module.
  ///
  /// - Parameter name: The whole name.
  static func isHarmless(_ name: String, _ tensor: Tensor) -> Bool {
    let components = name.lowercased().split(separator: ".").map(String.init)
    guard let last = components.last, tensor.count > 0 else { return true }
    if components.contains(where: training.contains) { return true }
    if tensor.count == 1, bookkeeping.contains(last) { return true }
    if tensor.elementType.isInteger { return indices.contains(last) }
    // The model's own numbers, such as those of a similarity or a noise. Any other may be a factor.
    guard tensor.elementType.isWeight, components.count == 1, tensor.shape.rank <= 1 else { return false }
    let words = last.split(separator: "_").map(String.init)
    return words.contains("log") && !spreads.isDisjoint(with: words) || tensor.count == 1 && words.contains("similarity")
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

/// Something that a run leaves out.
public struct LeftOut: Sendable, Hashable {
  /// Of the module, or of several tensors.
  public let name: String
  /// That it is left out, and why.
  public let sentence: String
}

extension Model {
  /// What a run leaves out, one sentence for each module that cannot be run, and for tensors of none.
  public var leftOut: [Phrase] { partsLeftOut.map { Phrase($0.sentence) } }

  /// The same with their names.
  public var partsLeftOut: [LeftOut] {
    var parts: [LeftOut] = []
    var known = Set<String>()
    let called = Set(architecture.forward?.moduleNames ?? [])
    let used = Set(architecture.forward?.parameterNames ?? [])
    for module in architecture.unknownModules where !called.contains(module.name) && !used.contains(module.name) {
      known.formUnion(module.tensorNames)
      let what: String
      if module.isTensor {
        what = "what the model does with this tensor is not known"
      } else if module.tensorNames.isEmpty {
        what = "it cannot be run"
      } else {
        what = "what \(module.tensorNames.listed()) belong\(module.tensorNames.count == 1 ? "s" : "") to cannot be run"
      }
      let name = module.name.isEmpty ? "the model itself" : module.name
      parts.append(LeftOut(name: name, sentence: "\(name) is left out: \(what)"))
    }
    if let forward = architecture.forward {
      let others = architecture.modules.filter { module in
        if case .unknown = module { false } else { !called.contains(module.name) }
      }
      let line = forward.line(modules: architecture.modules)
      for module in others {
        known.formUnion(parameterNames(of: module))
        let name = module.name.isEmpty ? "the module without a name" : module.name
        parts.append(LeftOut(name: name, sentence: "\(name) is left out: \(line) does not call it"))
      }
    }
    // An activation's module has no tensors that could be left over.
    for (name, call) in archive.hints.calls.sorted(by: { $0.key < $1.key }) {
      guard let function = call.function else { continue }
      let isCalled = architecture.forward?.steps.contains { step in
        step.operation == .activation(function) || function == .softmax && step.operation == .overTime(.softmax)
      } ?? false
      guard !isCalled else { continue }
      let line = architecture.forward?.line(modules: architecture.modules) ?? "a module by itself"
      parts.append(LeftOut(name: name, sentence: "\(name) is left out: \(line) does not call it"))
    }
    let rest = carried.map(\.name).filter { !known.contains($0) }
    let own = rest.filter { !$0.contains(".") }
    let others = rest.filter { $0.contains(".") }
    func verb(_ names: [String]) -> String { names.count == 1 ? "is" : "are" }
    if !own.isEmpty {
      let names = own.listed()
      parts.append(LeftOut(
        name: names, sentence: "the model's own parameter\(own.count == 1 ? "" : "s") \(names) \(verb(own)) left out"))
    }
    if !others.isEmpty {
      let names = others.listed()
      parts.append(LeftOut(name: names, sentence: "\(names) \(verb(others)) left out: no part of what is computed"))
    }
    return parts
  }

  /// The parameters of a starting state that a tensor of the model's own can be: `h0` of `rnn` where that is the only
  /// module of its size, as `rnn.h0`. Nil where nothing tells that it is one.
  public func startingState(_ module: UnknownModule) -> String? {
    guard module.isTensor, let tensor = archive[module.name], tensor.elementType.isWeight else { return nil }
    let last = module.name.split(separator: ".").last.map { $0.lowercased() } ?? ""
    // `h_0`, `h0`, `hx`, `init_hidden`, `cell_state`; not `h_norm` or `head_scale`.
    let words = Set(last.split(separator: "_").map { word in String(word.reversed().drop(while: \.isNumber).reversed()) })
    let (hidden, cells): (Set, Set) = (["h", "hx", "hidden", "state", "states", "init", "initial"], ["c", "cx", "cell"])
    let others: Set = ["rnn", "lstm", "gru", "start", "learned", ""]
    guard words.isSubset(of: hidden.union(cells).union(others)), !words.isSubset(of: others) else { return nil }
    let isCell = !words.isDisjoint(with: cells)
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
