/// Turns a parsed line into steps: names into modules and values, statements in order.
struct LineResolver {
  let source: LineSource
  let syntax: LineSyntax
  private(set) var modules: [String: Module]
  private(set) var calls: [String: ModuleCall]
  /// Those that the line declares.
  private(set) var declaredCalls: Set<String> = []
  /// In the model's order, for messages.
  let moduleNames: [String]
  let batchFirst: Bool
  let isParameter: (String) -> Bool
  /// Whether the line is a printed one, in which no value has PyTorch's axes.
  var isPrinted = false
  /// The Conv2d whose kernel's axes are known; nil for all of them.
  var settled: Set<String>?
  /// Those whose kernel's last axis is time by the axes of what they take.
  private(set) var timeLast: Set<String> = []
  /// Those of which one call has told.
  private var told: Set<String> = []
  /// How many axes of features have been told apart.
  var atomCount = 0

  private var result = Forward(inputs: [])
  private var known: [Forward.Step: Int] = [:]
  private var shapes: [LineShape] = []
  private var inputs: [Input] = []
  var variables: [String: LineMeaning] = [:]
  /// What is to be said of the outputs.
  var notes: [Phrase] = []
  /// Numbers that the module keeps, `self.hidden_size`.
  var constants: [String: Double] = [:]

  /// The inputs of which the line says all axes.
  var declaredAxes: [(name: String, axes: [Forward.Input.Axis])] {
    inputs.compactMap { input in input.declaration.axes.map { (input.declaration.name, $0) } }
  }

  /// An input that the line declares, and what it is used for.
  private struct Input {
    var declaration: LineSyntax.Declaration
    var isValue = false
    var isStateOrLength = false

    /// Whether it is a value of the model rather than lengths or a starting state, which a run takes by itself.
    var isKept: Bool {
      if isValue || declaration.isQuoted { return true }
      return !isStateOrLength && !declaration.isOptional && !Self.others.contains(declaration.name)
    }

    private static let others: Set<String> = [
      "lengths", "length", "lens", "seq_len", "seq_lens", "seq_lengths", "x_lens", "x_lengths", "input_lengths", "text_lengths",
      "h", "c", "h0", "c0", "h_0", "c_0", "hx", "hidden", "hidden_state", "state", "states", "prev_state",
    ]
  }

  init(
    _ source: LineSource, _ syntax: LineSyntax, _ modules: [Module], _ calls: [String: ModuleCall], _ batchFirst: Bool,
    _ isParameter: @escaping (String) -> Bool
  ) {
    (self.source, self.syntax, self.batchFirst, self.isParameter) = (source, syntax, batchFirst, isParameter)
    self.calls = calls
    self.modules = Dictionary(modules.map { ($0.name, $0) }) { first, _ in first }
    moduleNames = modules.map(\.name)
  }

  // MARK: Statements

  mutating func forward() throws(RNNError) -> Forward {
    var outputs: [LineSyntax.Declaration]?
    for (statement, offset) in syntax.statements {
      if case .unknown(let names) = statement {
        for name in names where declaredCalls.contains(name) { calls[name] = nil }
      }
      for (module, declared) in declarations(statement) ?? [] where modules[module] == nil {
        switch declared {
        case .call(let call): calls[module] = call
        case .module(let declaration):
          guard let call = try declaration.call(module) else {
            throw source.error(offset, "\(declaration.className) is declared for \(LineName.quoted(module)), and the model has no module of this name",
              "name one of \(moduleNames.map(spelled).listed())")
          }
          calls[module] = call
        }
        declaredCalls.insert(module)
      }
    }
    var statements: ArraySlice<(statement: LineSyntax.Statement, offset: Int)> = [], isInFunction = false
    for (statement, offset) in syntax.statements where declarations(statement) == nil {
      if case .inputs = statement { isInFunction = true }
      if case .unknown(let names) = statement {
        for name in names { constants[name] = nil }
        continue
      }
      guard let kept = syntax.constants(statement), !isInFunction || kept.allSatisfy({ $0.number == nil }) else {
        statements.append((statement, offset))
        continue
      }
      for case (let name, let number?) in kept {
        if let known = constants.updateValue(number, forKey: name), known != number {
          throw source.error(offset, "\(name) is \(LineFunction.written(number)) here and \(LineFunction.written(known)) in the file", "leave the statement out")
        }
      }
    }
    switch statements.first?.statement {
    case .inputs(let inputs):
      try declare(inputs)
      statements.removeFirst()
    case .header(let inputs, let names):
      try declare(inputs)
      outputs = names
      statements.removeFirst()
      // The function's own lines behind it, whose inputs the header says more of.
      if case .inputs(let parameters)? = statements.first?.statement {
        if let other = inputs.first(where: { input in !parameters.contains { $0.name == input.name } }) {
          throw source.error(other.offset, "the function has no input \(other.name)", "give the inputs the function's names, \(parameters.map(\.name).listed())")
        }
        try declare(parameters.filter { variables[$0.name] == nil })
        statements.removeFirst()
      }
    default: try declare([LineSyntax.Declaration(name: "x", offset: 0)])
    }
    for (index, (statement, offset)) in zip(statements.indices, statements) {
      switch statement {
      case .assignment(let target, let node):
        try assign(try meaning(node), to: target, node)
      case .expression(let node, let isReturn):
        if index == statements.endIndex - 1 {
          try finish(node, outputs)
          return try trimmed()
        }
        guard isReturn || !isIgnored(node) else { continue }
        throw source.error(offset, isReturn ? "statements follow the return" : "the value of \(text(node)) is not used",
          isReturn ? "leave out what follows it" : "give it a name, a = \(text(node)), or leave it out")
      case .inputs, .header, .unknown:
        throw source.error(offset, "inputs are named after the first statement", "name them in the first line")
      }
    }
    let last = syntax.statements.last
    if case .assignment(let target, _)? = last?.statement, case .name(let name) = target, name != "_" {
      throw source.error(source.scalars.count, "no expression says what goes out", "end with one, for example \(name) after a semicolon")
    }
    throw source.error(source.scalars.count, "no expression says what goes out",
      "end with what the model gives, for example \(moduleNames.first.map { "\(spelled($0))(x)" } ?? "x")")
  }

  /// Declarations, unless the model has a module of the class's name, whose call it is.
  private func declarations(_ statement: LineSyntax.Statement) -> [(module: String, declared: LineSyntax.Declared)]? {
    guard let found = syntax.declarations(statement) else { return nil }
    if case .assignment(_, let node) = statement, case .call(let callee, _) = syntax.nodes[node].kind, case .name(let parts) = syntax.nodes[callee].kind,
      parts.count == 1, modules[parts[0]] != nil
    {
      return nil
    }
    return found
  }

  private mutating func declare(_ declarations: [LineSyntax.Declaration]) throws(RNNError) {
    for declaration in declarations {
      guard variables[declaration.name] == nil else {
        throw source.error(declaration.offset, "a second input \(declaration.name)", "give each input its own name")
      }
      variables[declaration.name] = .value(.input(inputs.count))
      if let axes = declaration.axes, !isPrinted { variables[declaration.name] = plane(of: .input(inputs.count), axes) }
      inputs.append(Input(declaration: declaration))
    }
  }

  /// A statement that computes nothing of the result: `self.lstm.flatten_parameters()`.
  private func isIgnored(_ node: Int) -> Bool {
    guard case .call(let callee, _) = syntax.nodes[node].kind else { return false }
    switch syntax.nodes[callee].kind {
    case .name(let parts): return ["flatten_parameters", "print"].contains(parts.last)
    case .attribute(_, let name): return name == "flatten_parameters"
    default: return false
    }
  }

  private mutating func assign(_ meaning: LineMeaning, to target: LineSyntax.Target, _ node: Int) throws(RNNError) {
    switch target {
    case .name("_"): break
    case .name(let name):
      // A number is a step from here on.
      if case .numbers = meaning { variables[name] = .value(try value(meaning, node)) } else { variables[name] = meaning }
    case .module(let name):
      throw source.error(offset(node), "only a plain name can be given a value, and \(LineName.quoted(name)) is none",
        "write a name of letters, digits and underscores before the =")
    case .tuple(let targets):
      let parts = try parts(of: meaning, node)
      guard let parts else {
        for target in targets { try assign(meaning, to: target, node) }
        return
      }
      // Of an input whose axes nobody says, which may have others in PyTorch than are known here.
      if parts.count != targets.count, parts.allSatisfy({ if case .size = $0 { true } else { false } }) {
        for target in targets { try assign(.size, to: target, node) }
        return
      }
      guard parts.count == targets.count else {
        throw source.error(offset(node), "\(text(node)) gives \(parts.count) things and \(targets.count) names are to take them",
          "write \(parts.count) names, _ for what is not needed")
      }
      for (part, target) in zip(parts, targets) { try assign(part, to: target, node) }
    }
  }

  /// What a tuple of names takes; nil where it takes whatever there is, of sizes.
  private func parts(of meaning: LineMeaning, _ node: Int) throws(RNNError) -> [LineMeaning]? {
    switch meaning {
    case .call(let call):
      if isAttention(call) { return [.value(call), .size] }
      guard let module = recurrent(call) else { return nil }
      guard !module.isCell else {
        throw source.error(offset(node), "\(module.name) is a cell, whose call here gives h of every step",
          "take it as one value, a = \(text(node)), and its last states as a.hn[0]\(module.cell == .lstm ? " and a.cn[0]" : "")")
      }
      return [.value(call), module.cell == .lstm ? .states(call) : .state(call, .hn)]
    case .states(let call): return [.state(call, .hn), .state(call, .cn)]
    case .tuple(let parts): return parts
    case .size, .zeros: return nil
    default:
      throw source.error(offset(node), "\(text(node)) is one thing, and several names are to take it", "write one name before the =")
    }
  }

  // MARK: Outputs

  private mutating func finish(_ node: Int, _ names: [LineSyntax.Declaration]?) throws(RNNError) {
    var nodes = [node]
    if case .tuple(let parts) = syntax.nodes[node].kind { nodes = parts }
    if let names, names.count != nodes.count {
      throw source.error(names[0].offset, "the first line names \(names.count) output\(names.count == 1 ? "" : "s"), and \(nodes.count) go out",
        "name as many as there are, _ for one without a name")
    }
    var outputs: [(output: Forward.Output, node: Int)] = []
    for (index, node) in nodes.enumerated() {
      let meaning = try meaning(node)
      // Whole states come with every run.
      if nodes.count > 1, Self.isLeftOut(meaning) { continue }
      let output = Forward.Output(try outgoing(meaning, node), name: names.flatMap { $0[index].name == "_" && !$0[index].isQuoted ? nil : $0[index].name })
      outputs.append((output, node))
    }
    guard !outputs.isEmpty else {
      throw source.error(offset(node), "only states go out, which come with every run",
        "end with a value, such as a step's output or one state, .hn[0]")
    }
    if names == nil, outputs.count > 1 {
      let own = outputs.enumerated().map { index, output in
        if case .name(let parts) = syntax.nodes[output.node].kind, parts.count == 1 { parts[0] } else { "y\(index)" }
      }
      for index in outputs.indices { outputs[index].output.name = Set(own).count == own.count ? own[index] : "y\(index)" }
    }
    let given = outputs.compactMap(\.output.name)
    guard Set(given).count == given.count else {
      throw source.error(names?.first?.offset ?? offset(node), "two outputs have one name", "give each its own name")
    }
    result.outputs = outputs.map(\.output)
  }

  private static func isLeftOut(_ meaning: LineMeaning) -> Bool {
    switch meaning {
    case .states, .state, .zeros, .size: true
    case .tuple(let parts): parts.allSatisfy(isLeftOut)
    default: false
    }
  }

  /// The forward without the inputs that are lengths or starting states.
  private func trimmed() throws(RNNError) -> Forward {
    var forward = result
    var numbers: [Int: Int] = [:]
    for (index, input) in inputs.enumerated() where input.isKept {
      numbers[index] = forward.inputs.count
      forward.inputs.append(Forward.Input(input.declaration.name, features: input.declaration.features, axes: input.declaration.axes))
    }
    guard !forward.inputs.isEmpty else {
      throw source.error(inputs.first?.declaration.offset ?? 0, "no input is used as a value", "name one in the first line and use it")
    }
    func renumbered(_ value: Forward.Value) -> Forward.Value {
      if case .input(let number) = value { .input(numbers[number] ?? 0) } else { value }
    }
    for index in forward.steps.indices { forward.steps[index].inputs = forward.steps[index].inputs.map(renumbered) }
    for index in forward.outputs.indices { forward.outputs[index].value = renumbered(forward.outputs[index].value) }
    return forward
  }

  // MARK: Steps

  /// Appends a step, once; see `Forward.add`.
  mutating func add(_ operation: Forward.Operation, _ values: [Forward.Value], at node: Int) throws(RNNError) -> Forward.Value {
    let step = Forward.Step(operation, values)
    if let number = known[step] { return .step(number) }
    guard result.steps.count < Limits.maximumStepCount else {
      throw source.error(offset(node), "more than \(Limits.maximumStepCount) steps", "give a line of fewer, of a part of the model")
    }
    known[step] = result.steps.count
    result.steps.append(step)
    shapes.append(shape(of: step))
    return .step(result.steps.count - 1)
  }

  private func shape(of step: Forward.Step) -> LineShape {
    let taken = step.inputs.map(shape)
    var shape = taken.first ?? LineShape(hasTime: false)
    switch step.operation {
    case .module(let name):
      shape.isConstant = false
      if let size = modules[name]?.outputSize, shape.channels != size || modules[name]?.isChannelwise != true { shape.features = size }
      if modules[name]?.isChannelwise != true { shape.channels = nil }
      switch modules[name] {
      case .convolution(let module)? where module.across != nil:
        shape = LineShape(
          hasTime: true, features: shape.features.flatMap(module.outputSize), channels: module.outChannels,
          axis: shape.axis.under(module.window) ?? shape.axis, isOpen: shape.isOpen)
      case .convolution(let module)?: (shape.hasTime, shape.axis) = (true, shape.axis.under(module.window) ?? shape.axis)
      case .unknown?: shape = LineShape(hasTime: taken.contains(where: \.hasTime), isOpen: true)
      case .embedding?, .recurrent?: shape.hasTime = true
      default: break
      }
    case .constant(let values): shape = LineShape(hasTime: false, features: values.count, isConstant: true)
    case .parameter: shape = LineShape(hasTime: false, isConstant: true)
    case .select: shape.hasTime = false
    case .slice(let range): (shape.features, shape.channels) = (range.count, nil)
    case .state(let kind, _):
      shape.hasTime = false
      shape.features = step.inputs.first.flatMap(recurrent).map { kind == .cn ? $0.hiddenSize : $0.stateSize }
    case .concatenate, .arithmetic:
      shape = LineShape(
        hasTime: taken.contains(where: \.hasTime), channels: step.operation == .concatenate ? nil : taken.compactMap(\.channels).first,
        axis: taken.first(where: \.hasTime)?.axis ?? TimeAxis(), isConstant: taken.allSatisfy(\.isConstant),
        isOpen: taken.contains(where: \.isOpen))
      let counts = taken.compactMap(\.features)
      guard counts.count == taken.count else { break }
      if case .concatenate = step.operation {
        shape.features = counts.reduce(0) { $0.addingReportingOverflow($1).partialValue }
      } else {
        shape.features = counts.max()
      }
    case .across(let function, let window, let channels):
      shape.channels = function == .join ? channels.multipliedReportingOverflow(by: window.size).partialValue : channels
      shape.features = shape.features.flatMap { window.count(of: max(1, $0 / max(1, channels))) }
        .map { $0.multipliedReportingOverflow(by: shape.channels ?? 1).partialValue }
      shape.isConstant = false
    case .interleave(let parts): shape.channels = parts
    case .window(let function, let window):
      shape.axis = shape.axis.under(window) ?? shape.axis
      if function == .join, window.size > 1 { shape.channels = nil }
      if function == .join { shape.features = shape.features.map { $0.multipliedReportingOverflow(by: window.size).partialValue } }
    case .overTime(let function): shape.hasTime = function.keepsTime
    case .attend: shape.features = taken.count > 2 ? taken[2].features : nil
    case .repeated: shape = LineShape(hasTime: true, features: shape.features, axis: taken.last?.axis ?? TimeAxis(), isOpen: taken.contains(where: \.isOpen))
    case .activation, .flip, .nothing: break
    }
    return shape
  }

  /// Whether a step gives rows with the features last in PyTorch too.
  func isMadeInRows(_ number: Int) -> Bool {
    var number = number
    while true {
      if case .module(let name) = result.steps[number].operation {
        switch modules[name] {
        case .recurrent?, .linear?, .embedding?, .attention?: return true
        case .norm(let norm)? where norm.kind == .layer || norm.kind == .rms: return true
        default: break
        }
      }
      guard case .step(let before)? = result.steps[number].inputs.first else { return false }
      number = before
    }
  }

  /// Whether a value is what a module of attention gives.
  func isAttention(_ value: Forward.Value) -> Bool {
    guard case .step(let number) = value, case .module(let name) = result.steps[number].operation, case .attention? = modules[name] else {
      return false
    }
    return true
  }

  /// A number for an axis of features that no other has.
  mutating func nextAtom() -> Int {
    atomCount += 1
    return atomCount
  }

  /// A Conv2d as it is with time on the last axis of its kernel or on the first; nil where that contradicts what is known.
  mutating func settle(_ module: Convolution, timeLast isTimeLast: Bool) -> Convolution? {
    defer { told.insert(module.name) }
    guard module.isTimeLast != isTimeLast else { return module }
    guard let settled, !settled.contains(module.name), !told.contains(module.name) else { return nil }
    let other = module.transposed
    modules[module.name] = .convolution(other)
    if isTimeLast { timeLast.insert(module.name) } else { timeLast.remove(module.name) }
    return other
  }

  func shape(_ value: Forward.Value) -> LineShape {
    switch value {
    case .input(let number): LineShape(hasTime: true, features: inputs[number].declaration.features)
    case .step(let number): shapes[number]
    }
  }

  /// The recurrent module whose call a value is.
  func recurrent(_ value: Forward.Value) -> Recurrent? {
    guard case .step(let number) = value, case .module(let name) = result.steps[number].operation,
      case .recurrent(let module)? = modules[name]
    else { return nil }
    return module
  }

  mutating func use(_ value: Forward.Value, asStateOrLength: Bool) {
    guard case .input(let number) = value else { return }
    if asStateOrLength { inputs[number].isStateOrLength = true } else { inputs[number].isValue = true }
  }

  // MARK: Text

  func offset(_ node: Int) -> Int { syntax.nodes[node].range.lowerBound }
  func text(_ node: Int) -> String { source.text(syntax.nodes[node].range) }
  func spelled(_ module: String) -> String { LineName.isPath(module) ? module : LineName.quoted(module) }
}
