/// Forwards as people write them of modules in one order: which part of a recurrent layer's output the head takes, what
/// stands between its linear layers and behind them, whether the input is added. The likeliest come first.
struct ForwardCandidates {
  /// Modules beyond which no forward is proposed: nobody could read it.
  static let mostModules = 16

  /// What of a recurrent module goes on.
  private struct Joint {
    var rarity: Int
    /// Features that it has.
    var features: Int
    /// Takes the module's input and what it gives.
    var take: (_ input: Forward.Value, _ output: Forward.Value, inout Forward) -> Forward.Value
  }

  /// A function or none, and how rarely it stands there.
  private typealias Choice = (function: Function?, rarity: Int)

  /// What is done beside the modules.
  private struct Form {
    var joint: Joint
    var beforeHead: Choice
    var between: Choice
    var end: Choice
    var addsInput: Bool

    var rarity: Int { joint.rarity + beforeHead.rarity + between.rarity + end.rarity + (addsInput ? 3 : 0) }
  }

  private let order: [Module]
  private let sequentials: SequentialCalls
  /// The last recurrent module's place.
  private let last: Int?

  init(_ order: [Module], _ sequentials: SequentialCalls) {
    (self.order, self.sequentials) = (order, sequentials)
    last = order.count > Self.mostModules ? nil : order.lastIndex { if case .recurrent = $0 { true } else { false } }
  }

  /// Each module applied to what the one before it gives, with what Sequentials do between them.
  var chain: Forward {
    var forward = Forward()
    var value = Forward.Value.input(0)
    for module in order { value = applied(module, value, in: &forward) }
    forward.outputs = [Forward.Output(value)]
    return forward
  }

  /// A module, and what its Sequential does after it.
  private func applied(_ module: Module, _ value: Forward.Value, in forward: inout Forward) -> Forward.Value {
    sequentials.operations(after: module.name).reduce(forward.add(.module(module.name), value)) { forward.add($1, $0) }
  }

  private static let beforeHead: [Choice] = [(nil, 0), (.elementwise(.relu), 3), (.elementwise(.tanh), 4)]
  private static let between: [Choice] = [
    (.elementwise(.relu), 0), (.elementwise(.tanh), 1), (nil, 2), (.elementwise(.sigmoid), 3), (.elementwise(.gelu), 3),
    (.elementwise(.leakyReLU(alpha: 0.01)), 3), (.elementwise(.elu(alpha: 1)), 4), (.elementwise(.silu), 4),
  ]
  private static let end: [Choice] = [
    (nil, 0), (.elementwise(.sigmoid), 2), (.softmax, 2), (.logSoftmax, 2), (.elementwise(.tanh), 2), (.elementwise(.relu), 3),
  ]

  /// All of them that fit the modules' sizes.
  func all() -> [Forward] {
    guard let last, case .recurrent(let module) = order[last] else { return [] }
    let head = order[(last + 1)...].first { $0.inputSize != nil }
    let joints = Self.joints(of: module).filter { head?.inputSize == nil || head?.inputSize == $0.features }
    let hasBetween = order.indices.contains { isBetweenLinear($0) }
    let takesIndices = if case .embedding? = order.first { true } else { false }
    var forms: [Form] = []
    for joint in joints {
      for beforeHead in head == nil ? [(nil, 0)] : Self.beforeHead {
        for between in hasBetween ? Self.between : [(nil, 0)] {
          for end in Self.end {
            for addsInput in takesIndices ? [false] : [false, true] {
              forms.append(Form(joint: joint, beforeHead: beforeHead, between: between, end: end, addsInput: addsInput))
            }
          }
        }
      }
    }
    let most = forms.map(\.rarity).max() ?? 0
    var seen = Set<Forward>()
    return (0...most).flatMap { rarity in forms.filter { $0.rarity == rarity } }.compactMap { form in
      guard let forward = forward(form), seen.insert(forward).inserted else { return nil }
      return forward
    }
  }

  /// Those that differ in what of the last recurrent module goes on alone.
  func joints(atMost count: Int) -> [Forward] {
    guard let last, case .recurrent(let module) = order[last] else { return [chain] }
    let forms = Self.joints(of: module).map {
      Form(joint: $0, beforeHead: (nil, 0), between: (nil, 0), end: (nil, 0), addsInput: false)
    }
    return Array(forms.lazy.compactMap(forward).prefix(count))
  }

  /// Whether a linear layer's result goes into this module, a linear or recurrent one.
  private func isBetweenLinear(_ index: Int) -> Bool {
    guard index > 0, case .linear = order[index - 1], !sequentials.tells(order[index - 1].name, order[index].name) else { return false }
    return switch order[index] {
    case .linear, .recurrent: true
    case .embedding, .prelu, .norm, .convolution, .attention, .unknown: false
    }
  }

  private func forward(_ form: Form) -> Forward? {
    var forward = Forward()
    var value = Forward.Value.input(0)
    func apply(_ choice: Choice) {
      if let function = choice.function { value = forward.add(.activation(function), value) }
    }
    for (index, module) in order.enumerated() {
      if isBetweenLinear(index) { apply(form.between) }
      let input = value
      value = applied(module, value, in: &forward)
      if index == last {
        value = form.joint.take(input, value, &forward)
        apply(form.beforeHead)
      }
    }
    apply(form.end)
    forward.outputs = [Forward.Output(value)]
    guard let shapes = try? forward.shapes(order) else { return nil }
    guard form.addsInput else { return forward }
    guard let given = shapes[value].features, let taken = shapes.inputs[0].features, given <= taken, shapes[value].hasTime else { return nil }
    forward.outputs = [Forward.Output(forward.addFeatures(given, of: taken, .input(0), to: value))]
    return (try? forward.shapes(order)) == nil ? nil : forward
  }

  private static func joints(of module: Recurrent) -> [Joint] {
    let (size, state) = (module.outputSize, module.stateSize)
    let count = module.numLayers.multipliedReportingOverflow(by: module.directionCount).partialValue
    func joined(_ kind: Forward.StateKind, _ indices: Range<Int>) -> (Forward.Value, Forward.Value, inout Forward) -> Forward.Value {
      { _, output, forward in
        let states = indices.map { forward.add(.state(kind, $0), output) }
        return states.count == 1 ? states[0] : forward.add(.concatenate, of: states)
      }
    }
    func sum(_ first: Forward.Operation, _ second: Forward.Operation) -> (Forward.Value, Forward.Value, inout Forward) -> Forward.Value {
      { _, output, forward in
        let values = [forward.add(first, output), forward.add(second, output)]
        return forward.add(.arithmetic(.add), of: values)
      }
    }
    var result = [
      Joint(rarity: 0, features: size) { _, output, _ in output },
      Joint(rarity: 1, features: size) { _, output, forward in forward.add(.select(.last), output) },
    ]
    if module.directionCount == 2 {
      result.append(Joint(rarity: 1, features: 2 * state, take: joined(.hn, count - 2..<count)))
      result.append(Joint(rarity: 3, features: state, take: sum(.state(.hn, count - 2), .state(.hn, count - 1))))
      result.append(Joint(rarity: 4, features: state, take: joined(.hn, count - 1..<count)))
      result.append(Joint(rarity: 4, features: state, take: joined(.hn, count - 2..<count - 1)))
      result.append(Joint(rarity: 4, features: state, take: sum(.slice(0..<state), .slice(state..<2 * state))))
    }
    result.append(Joint(rarity: 3, features: size) { _, output, forward in forward.add(.select(.first), output) })
    if module.numLayers > 1, count <= 64 {
      result.append(Joint(rarity: 4, features: count * state, take: joined(.hn, 0..<count)))
      result.append(Joint(rarity: 5, features: state, take: joined(.hn, 0..<1)))
    }
    if module.cell == .lstm, module.directionCount == 1 {
      result.append(Joint(rarity: 4, features: module.hiddenSize, take: joined(.cn, count - 1..<count)))
      result.append(Joint(rarity: 5, features: state + module.hiddenSize) { _, output, forward in
        forward.add(.concatenate, of: [forward.add(.state(.hn, count - 1), output), forward.add(.state(.cn, count - 1), output)])
      })
    }
    result.append(Joint(rarity: 5, features: size + module.inputSize) { input, output, forward in
      forward.add(.concatenate, output, input)
    })
    if size == module.inputSize {
      result.append(Joint(rarity: 5, features: size) { input, output, forward in forward.add(.arithmetic(.add), output, input) })
    }
    return result
  }
}
