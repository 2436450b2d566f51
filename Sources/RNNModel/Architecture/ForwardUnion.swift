/// Several forwards of one input and one output each as one with an output for each, whose steps are computed once.
package struct ForwardUnion {
  package private(set) var forward = Forward()
  private var known: [Forward.Step: Int] = [:]
  /// What each recurrent module, which runs once, is applied to.
  private var taken: [String: Forward.Value] = [:]

  package init() {}

  package var count: Int { forward.outputs.count }

  /// The name of an output by its number.
  package static func name(_ number: Int) -> String { "\(number):" }

  /// Adds a forward. False, and without it, where a recurrent module would run on two inputs.
  ///
  /// - Parameter isRecurrent: Whether a module of that name is.
  package mutating func add(_ other: Forward, isRecurrent: (String) -> Bool) -> Bool {
    var copy = self
    guard other.inputs.count == 1, other.outputs.count == 1 else { return false }
    var values: [Forward.Value] = []
    func moved(_ value: Forward.Value) -> Forward.Value { if case .step(let number) = value { values[number] } else { value } }
    for step in other.steps {
      let step = Forward.Step(step.operation, step.inputs.map(moved))
      if let number = copy.known[step] {
        values.append(.step(number))
        continue
      }
      if case .module(let name) = step.operation, isRecurrent(name) {
        guard copy.taken.updateValue(step.inputs[0], forKey: name) == nil else { return false }
      }
      copy.known[step] = copy.forward.steps.count
      values.append(.step(copy.forward.steps.count))
      copy.forward.steps.append(step)
    }
    copy.forward.outputs.append(Forward.Output(moved(other.outputs[0].value), name: Self.name(count)))
    self = copy
    return true
  }
}
