/// What modules without a stated forward may compute, told from their sizes and order.
public struct ForwardSuggestion: Sendable, Hashable {
  /// The only reading that fits, where nothing shows that it is not all.
  public internal(set) var assumed: Forward?
  /// Why none can be taken, as an error has it; nil where one can.
  package var problem: String?
  /// The forwards that may be meant, the likeliest first, few enough to be read.
  package var proposals: [Forward]
  /// The orders of the modules that candidates are of: those of the proposals, and others that fit, as a file's order may be
  /// the alphabet's.
  private var orders: [[Module]]
  private var sequentials: SequentialCalls

  /// - Parameters:
  ///   - isOrdered: Whether the modules stand in the order in which the file's maker made them.
  ///   - calls: What the file says of modules without tensors of their own.
  package init(_ modules: [Module], isOrdered: Bool, calls: [String: ModuleCall] = [:]) {
    let sequentials = SequentialCalls(calls, modules: modules)
    let known = modules.filter { if case .unknown = $0 { false } else { true } }
    let all = Self.orders(known)
    let orders = isOrdered && Self.chains(known) ? [known] : all
    defer { self.orders += all.filter { !self.orders.contains($0) } }
    guard let order = orders.first, orders.count == 1 else {
      // No chain fits where a head takes both directions' sum, all layers' states and the like.
      let usual = orders.isEmpty ? [isOrdered ? known : Self.usualOrder(known)] : orders
      self.init(
        problem: "the file does not say in which order its modules follow each other" + (orders.isEmpty ? "" : ", and several fit"),
        orders.map { ForwardCandidates($0, sequentials).chain }, usual, sequentials)
      if orders.isEmpty, known.count == modules.count { proposals = Array(candidates().prefix(4)) }
      return
    }
    let chain = ForwardCandidates(order, sequentials).chain, isReadable = order.count <= ForwardCandidates.mostModules
    guard known.count == modules.count else {
      self.init(
        problem: "what it computes cannot be told from what RNNKit knows of its modules", isReadable ? [chain] : [], [order], sequentials)
      return
    }
    if let missing = Self.missing(order, sequentials) {
      self.init(problem: missing.problem, missing.proposals, [order], sequentials)
      return
    }
    self.init(problem: nil, [], [order], sequentials)
    assumed = chain
    proposals = isReadable ? ForwardCandidates(order, sequentials).joints(atMost: 3) : [chain]
  }

  private init(problem: String?, _ proposals: [Forward], _ orders: [[Module]], _ sequentials: SequentialCalls) {
    (self.problem, self.proposals, self.orders, self.sequentials) = (problem, proposals, orders, sequentials)
  }

  /// The forwards that people write of such modules, the likeliest first, as far as they fit the modules' sizes.
  package func candidates() -> [Forward] {
    var seen = Set<Forward>()
    return orders.flatMap { ForwardCandidates($0, sequentials).all() }.filter { seen.insert($0).inserted }
  }

  private static func usualOrder(_ modules: [Module]) -> [Module] {
    (0...2).flatMap { rank in modules.filter { Self.rank($0) == rank } }
  }

  private static func rank(_ module: Module) -> Int {
    switch module {
    case .embedding: 0
    case .recurrent, .prelu, .norm, .convolution, .attention, .unknown: 1
    case .linear: 2
    }
  }

  /// What a chain of exactly these modules plainly lacks, or may not be.
  private static func missing(_ order: [Module], _ sequentials: SequentialCalls) -> (problem: String, proposals: [Forward])? {
    if let pool = sequentials.alone.first { return ("the file does not say what \(pool) is applied to", []) }
    if let module = order.first(where: { sequentials.isOpen(after: $0.name) }) {
      return ("RNNKit cannot run what its Sequential applies after \(module.name)", [])
    }
    for case .convolution(let module) in order where module.across != nil {
      return ("the file does not say how the four axes around \(module.name) become those of a sequence", [])
    }
    for (first, second) in zip(order, order.dropFirst()) {
      if case .linear = first, case .linear = second, !sequentials.tells(first.name, second.name) {
        return ("the file does not say what stands between \(first.name) and \(second.name)", between(order, sequentials))
      }
      if case .recurrent = first, case .recurrent = second {
        return (
          "the file does not say whether \(second.name) runs on what \(first.name) gives, or they are an encoder and a decoder",
          order.count > ForwardCandidates.mostModules ? [] : [ForwardCandidates(order, sequentials).chain, Forward(chain: [first.name])])
      }
    }
    for module in order where !sequentials.tellsBefore(module.name) {
      switch module {
      case .attention: return ("the file does not say what \(module.name) attends to", [])
      case .norm, .convolution: return ("the file does not say what stands around \(module.name)", between(order, sequentials))
      default: break
      }
    }
    for module in order {
      if !sequentials.tellsBefore(module.name), let gap = gap(before: module, order) {
        return ("the names \(gap) and \(module.name) leave out a module without tensors between them", between(order, sequentials))
      }
    }
    return nil
  }

  /// The entry of a Sequential before a module's whose numbers do not follow each other: `head.0` for `head.2`.
  private static func gap(before module: Module, _ order: [Module]) -> String? {
    let parts = module.name.split(separator: ".", omittingEmptySubsequences: false)
    guard let last = parts.last, let number = Int(last), number > 0, case .linear = module else { return nil }
    let prefix = module.name.dropLast(last.count)
    let siblings = order.compactMap { other in
      other.name.hasPrefix(prefix) ? Int(other.name.dropFirst(prefix.count)) : nil
    }
    guard !siblings.contains(number - 1) else { return nil }
    return siblings.filter { $0 < number }.max().map { prefix + String($0) } ?? prefix + "0"
  }

  /// Chains with an activation between what holds no memory, and with the last step alone; none where nobody could read
  /// them.
  private static func between(_ order: [Module], _ sequentials: SequentialCalls) -> [Forward] {
    guard order.count <= ForwardCandidates.mostModules else { return [] }
    let functions: [Function] = [.elementwise(.relu), .elementwise(.tanh), .elementwise(.identity)]
    var seen = Set<Forward>()
    return functions.flatMap { function in
      [false, true].compactMap { takesLast in
        var forward = Forward()
        var value = Forward.Value.input(0)
        for (index, module) in order.enumerated() {
          if index > 0, case .linear = module {
            if case .recurrent(let before) = order[index - 1] {
              if takesLast { value = Architecture.end(of: before, value, in: &forward) }
            } else if function != .elementwise(.identity), !sequentials.tells(order[index - 1].name, module.name) {
              value = forward.add(.activation(function), value)
            }
          }
          value = forward.add(.module(module.name), value)
          for operation in sequentials.operations(after: module.name) { value = forward.add(operation, value) }
        }
        forward.outputs = [Forward.Output(value)]
        return seen.insert(forward).inserted ? forward : nil
      }
    }
  }

  /// Whether each module takes what the one before it gives.
  package static func chains(_ modules: [Module]) -> Bool {
    (try? Forward(chain: modules.map(\.name)).shapes(modules)) != nil
  }

  /// The orders of all modules in which each takes what the one before it gives; at most two of them are looked for, or four
  /// where there are norms.
  ///
  /// Orders with embeddings first and linear layers last, as models have them, and norms anywhere come before any other: only
  /// where there is none are the rest considered. Beyond nine modules nothing is searched.
  package static func orders(_ modules: [Module]) -> [[Module]] {
    guard !modules.isEmpty, modules.count <= 9 else { return [] }
    func isNorm(_ module: Module) -> Bool { if case .norm = module { true } else { false } }
    let most = modules.contains(where: isNorm) ? 4 : 2
    func follows(_ first: Module, _ second: Module) -> Bool {
      if case .embedding = second { return false }
      return first.outputSize != nil && first.outputSize == second.inputSize
    }
    func search(_ chain: [Module], _ rest: [Module], usual: Bool, _ found: inout [[Module]]) {
      guard found.count < most else { return }
      guard !rest.isEmpty else {
        found.append(chain)
        return
      }
      for (index, next) in rest.enumerated() {
        if let last = chain.last {
          guard follows(last, next) else { continue }
          let before = chain.last { !isNorm($0) }.map(rank)
          guard !usual || isNorm(next) || (before ?? 0) <= rank(next) else { continue }
        }
        var others = rest
        others.remove(at: index)
        search(chain + [next], others, usual: usual, &found)
      }
    }
    for usual in [true, false] {
      var found: [[Module]] = []
      search([], modules, usual: usual, &found)
      if !found.isEmpty { return found }
    }
    return []
  }
}
