/// What modules without a stated forward may compute, told from their sizes and order.
package enum ForwardSuggestion {
  /// One reading fits, and nothing shows that it is not all.
  case chain(Forward)
  /// Why none can be taken: the problem as an error has it, and the forwards that may be meant.
  case open(problem: String, candidates: [Forward])

  /// - Parameter isOrdered: Whether the modules stand in the order in which the file's maker made them.
  package init(_ modules: [Module], isOrdered: Bool) {
    let known = modules.filter { if case .unknown = $0 { false } else { true } }
    let orders = isOrdered && Self.chains(known) ? [known] : Self.orders(known)
    guard let order = orders.first, orders.count == 1 else {
      self = .open(
        problem: "the file does not say in which order its modules follow each other" + (orders.isEmpty ? "" : ", and several fit"),
        candidates: orders.map { Forward(chain: $0.map(\.name)) })
      return
    }
    guard known.count == modules.count else {
      self = .open(
        problem: "what it computes cannot be told from what RNNKit knows of its modules",
        candidates: order.count > 16 ? [] : [Forward(chain: order.map(\.name))])
      return
    }
    if let missing = Self.missing(order) {
      self = missing
      return
    }
    self = .chain(Forward(chain: order.map(\.name)))
  }

  /// What a chain of exactly these modules plainly lacks, or may not be.
  private static func missing(_ order: [Module]) -> ForwardSuggestion? {
    for (first, second) in zip(order, order.dropFirst()) {
      if case .linear = first, case .linear = second {
        return .open(
          problem: "the file does not say what stands between \(first.name) and \(second.name)",
          candidates: between(order))
      }
      if case .recurrent = first, case .recurrent = second {
        return .open(
          problem: "the file does not say whether \(second.name) runs on what \(first.name) gives, or they are an encoder and a decoder",
          candidates: order.count > 16 ? [] : [Forward(chain: order.map(\.name)), Forward(chain: [first.name])])
      }
    }
    for module in order {
      if let gap = gap(before: module, order) {
        return .open(
          problem: "the names \(gap) and \(module.name) leave out a module without tensors between them",
          candidates: between(order))
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
  private static func between(_ order: [Module]) -> [Forward] {
    guard order.count <= 16 else { return [] }
    let functions: [Function] = [.elementwise(.relu), .elementwise(.tanh), .elementwise(.identity)]
    return functions.flatMap { function in
      [false, true].map { takesLast in
        var forward = Forward()
        var value = Forward.Value.input(0)
        for (index, module) in order.enumerated() {
          if index > 0, case .linear = module {
            if case .recurrent(let before) = order[index - 1] {
              if takesLast { value = Architecture.end(of: before, value, in: &forward) }
            } else if function != .elementwise(.identity) {
              value = forward.add(.activation(function), value)
            }
          }
          value = forward.add(.module(module.name), value)
        }
        forward.outputs = [Forward.Output(value)]
        return forward
      }
    }
  }

  /// Whether each module takes what the one before it gives.
  package static func chains(_ modules: [Module]) -> Bool {
    (try? Forward(chain: modules.map(\.name)).shapes(modules)) != nil
  }

  /// The orders of all modules in which each takes what the one before it gives; at most two of them are looked for.
  ///
  /// Orders with embeddings first and linear layers last, as models have them, come before any other: only where there is
  /// none are the rest considered. Beyond nine modules nothing is searched.
  package static func orders(_ modules: [Module]) -> [[Module]] {
    guard !modules.isEmpty, modules.count <= 9 else { return [] }
    func rank(_ module: Module) -> Int {
      switch module {
      case .embedding: 0
      case .recurrent, .prelu, .unknown: 1
      case .linear: 2
      }
    }
    func follows(_ first: Module, _ second: Module) -> Bool {
      if case .embedding = second { return false }
      return first.outputSize != nil && first.outputSize == second.inputSize
    }
    func search(_ chain: [Module], _ rest: [Module], usual: Bool, _ found: inout [[Module]]) {
      guard found.count < 2 else { return }
      guard !rest.isEmpty else {
        found.append(chain)
        return
      }
      for (index, next) in rest.enumerated() {
        if let last = chain.last {
          guard follows(last, next), !usual || rank(last) <= rank(next) else { continue }
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
