/// A module of a chain, with what is done with its result before the next one takes it: what formats of plain layers have.
package struct Link: Sendable, Hashable {
  package var module: Module
  /// Of a recurrent module: whether every step goes on, rather than what it leaves at the end; see `Architecture.end`.
  package var returnsSequence: Bool
  package var functions: [Function]

  package init(_ module: Module, returnsSequence: Bool = true, functions: [Function] = []) {
    (self.module, self.returnsSequence, self.functions) = (module, returnsSequence, functions)
  }
}

/// What stands around a chain in models of audio effects: y = outputGain·(chain(inputGain·x) + inputGain·x).
package struct Frame: Sendable, Hashable {
  /// How many of the input's features, from the first on, are added to the output: all of its features, or one to all.
  package var skip = 0
  package var inputGain = 1.0
  /// How many of the input's features, from the first on, the gain is of; nil for all.
  package var gainedFeatures: Int?
  package var outputGain = 1.0
  /// Features of an input of which some have a gain: its factors are numbers of a forward, whose line must hold them.
  static let maximumInputSize = Limits.maximumLineLength / 8

  package init(skip: Int = 0) { self.skip = skip }
}

extension Forward {
  /// A chain of modules, and what stands around it.
  package init(_ links: [Link], in frame: Frame = Frame()) {
    self.init()
    let inputSize = links.first?.module.inputSize
    var gains = [frame.inputGain]
    // Sizes that are too large are refused elsewhere.
    if let gained = frame.gainedFeatures, let inputSize, (0..<inputSize).contains(gained), inputSize <= Frame.maximumInputSize {
      gains = Self.gains(frame.inputGain, onFirst: gained, of: inputSize)
    }
    let x = scale(.input(0), by: gains)
    var value = x
    for link in links { value = append(link, to: value) }
    value = addFeatures(frame.skip, of: inputSize, x, to: value)
    value = scale(value, by: [frame.outputGain])
    outputs = [Output(value)]
  }

  fileprivate mutating func append(_ link: Link, to value: Value) -> Value {
    var value = add(.module(link.module.name), value)
    if case .recurrent(let module) = link.module, !link.returnsSequence {
      value = Architecture.end(of: module, value, in: &self)
    }
    for function in link.functions { value = add(.activation(function), value) }
    return value
  }
}

extension Architecture {
  /// A chain of links, or, where they are in no known order, what is known of each by itself: between them stands a module
  /// that cannot be run. Without a forward where nothing is known beyond the modules.
  ///
  /// Throws `badData` for sizes beyond `Limits`, and a frame that does not fit.
  package init(
    _ links: [Link], isOrderKnown: Bool = true, in frame: Frame = Frame(), batchFirst: Bool = false
  ) throws(RNNError) {
    self.init(modules: links.map(\.module), forward: nil, batchFirst: batchFirst)
    try Model.check(self)
    guard let first = links.first else { return }
    if isOrderKnown {
      let takes = first.module.inputSize ?? 0
      guard frame.gainedFeatures.map({ $0 <= takes && takes <= Frame.maximumInputSize }) ?? true else {
        throw RNNError(.badData, place: "architecture",
          "an input gain on \(frame.gainedFeatures ?? 0) features, where the chain takes \(takes)",
          remedy: "correct \"input_gain_features\" in the file's architecture")
      }
      let chain = Forward(links, in: frame)
      do throws(RNNError) {
        let shapes = try chain.shapes(modules)
        guard frame.skip == 0 || shapes[chain.outputs[0].value].hasTime else {
          throw RNNError(.badData, place: "architecture", "a skip to an output without a time axis",
            remedy: "correct \"skip\" in the file's architecture")
        }
        forward = chain
        return
      } catch {
        guard frame == Frame() else {
          throw RNNError(.badData, place: "architecture", "its skip or gains do not fit: \(error.problem)",
            remedy: "correct \"skip\" in the file's architecture")
        }
      }
    }
    guard links.contains(where: { $0 != Link($0.module) }) else { return }
    var name = "wiring"
    while self[name] != nil { name += "_" }
    var wired = Forward()
    var value = Forward.Value.input(0)
    for link in links {
      value = wired.append(link, to: wired.add(.module(name), value))
    }
    wired.outputs = [Forward.Output(value)]
    modules.append(.unknown(UnknownModule(name: name, className: "what is not known", tensorNames: [])))
    forward = wired
  }

  /// The forward as a chain of modules and what stands around it, where it is one. Steps that do nothing are left out.
  package var links: (links: [Link], frame: Frame)? {
    guard let forward, forward.inputs.count == 1, forward.outputs.count == 1 else { return nil }
    let needed = forward.withoutUnneeded.withoutNothing
    let found = Chainwise(architecture: self, forward: needed).links()
    guard let found else { return nil }
    // Whatever the way it was found: it is the same only where it makes the same steps.
    var made = Forward(found.links, in: found.frame)
    made.inputs = forward.inputs
    made.outputs[0].name = forward.outputs[0].name
    return made.isSame(as: needed) ? found : nil
  }
}

/// Walks a forward from its input on.
private struct Chainwise {
  let architecture: Architecture
  let forward: Forward

  func links() -> (links: [Link], frame: Frame)? {
    let forward = forward.withoutNothing
    var frame = Frame(), links: [Link] = []
    var end = forward.outputs[0].value
    func step(_ value: Forward.Value) -> Forward.Step? {
      if case .step(let number) = value, forward.steps.indices.contains(number) { forward.steps[number] } else { nil }
    }
    func factor(_ value: Forward.Value) -> (of: Forward.Value, by: [Double])? {
      guard let step = step(value), step.operation == .arithmetic(.multiply), step.inputs.count == 2,
        case .constant(let numbers)? = self.constant(forward, step.inputs[1])
      else { return nil }
      return (step.inputs[0], numbers)
    }
    if let last = factor(end), last.by.count == 1, last.of != .input(0) {
      frame.outputGain = last.by[0]
      end = last.of
    }
    // The start is the input, or the input times a gain.
    var start = Forward.Value.input(0)
    if let index = forward.steps.indices.first(where: { factor(.step($0))?.of == .input(0) }), let gains = factor(.step(index))?.by,
      let gain = gains.first
    {
      start = .step(index)
      frame.inputGain = gain
      if gains.count > 1 { frame.gainedFeatures = gains.prefix { $0 == gain }.count }
    }
    if let sum = step(end), sum.operation == .arithmetic(.add), sum.inputs.count == 2 {
      let added = sum.inputs[1]
      if added == start {
        frame.skip = architecture.usedModules.first?.inputSize ?? 0
      } else if let cut = step(added), case .slice(let range) = cut.operation, range.lowerBound == 0, cut.inputs == [start] {
        frame.skip = range.upperBound
      } else {
        return nil
      }
      end = sum.inputs[0]
    }
    // Backwards from the end.
    var functions: [Function] = [], returnsSequence = true
    var value = end
    while value != start {
      guard let step = step(value), let input = step.inputs.first else { return nil }
      switch step.operation {
      case .activation(let function):
        guard returnsSequence else { return nil }
        functions.insert(function, at: 0)
        value = input
      case .module(let name):
        guard let module = architecture[name] else { return nil }
        links.insert(Link(module, returnsSequence: returnsSequence, functions: functions), at: 0)
        (functions, returnsSequence) = ([], true)
        value = input
      case .select(.last), .state(.hn, _):
        returnsSequence = false
        value = input
      case .concatenate:
        guard let state = self.step(forward, input), case .state(.hn, _) = state.operation else { return nil }
        returnsSequence = false
        value = state.inputs[0]
      default: return nil
      }
    }
    return (links, frame)
  }

  private func step(_ forward: Forward, _ value: Forward.Value) -> Forward.Step? {
    if case .step(let number) = value, forward.steps.indices.contains(number) { forward.steps[number] } else { nil }
  }

  private func constant(_ forward: Forward, _ value: Forward.Value) -> Forward.Operation? { step(forward, value)?.operation }
}

extension Forward {
  /// Without dropout and the like.
  package var withoutNothing: Forward {
    var result = Forward(inputs: inputs)
    var values: [Value] = []
    func moved(_ value: Value) -> Value {
      if case .step(let number) = value, values.indices.contains(number) { values[number] } else { value }
    }
    for step in steps {
      if case .nothing = step.operation, step.inputs.count == 1 {
        values.append(moved(step.inputs[0]))
      } else {
        values.append(result.add(step.operation, of: step.inputs.map(moved)))
      }
    }
    result.outputs = outputs.map { Output(moved($0.value), name: $0.name) }
    return result
  }

  /// Whether another forward computes the same by the same steps, whatever their order.
  func isSame(as other: Forward) -> Bool {
    guard inputs.count == other.inputs.count, outputs.count == other.outputs.count, steps.count == other.steps.count else { return false }
    var numbers: [Value] = []
    func moved(_ value: Value) -> Value {
      if case .step(let number) = value, numbers.indices.contains(number) { numbers[number] } else { value }
    }
    // A step may stand after the ones that take other values: what it takes comes first in both.
    let positions = Dictionary(other.steps.enumerated().map { ($1, $0) }) { first, _ in first }
    for step in steps {
      guard let position = positions[Step(step.operation, step.inputs.map(moved))] else { return false }
      numbers.append(.step(position))
    }
    return zip(outputs, other.outputs).allSatisfy { moved($0.value) == $1.value && $0.name == $1.name }
  }
}
