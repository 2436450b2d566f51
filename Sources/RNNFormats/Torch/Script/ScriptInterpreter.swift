import RNNModel

/// Follows a `forward()` statement by statement with values that are known by what they are, not by their numbers.
/// Nothing is computed but shapes and constants.
struct ScriptInterpreter {
  let reader: ScriptReader
  let batchFirst: Bool
  let form: ScriptForm
  let roles: [Int: ScriptInput]
  let sizes: [Int: ScriptSizes]
  /// Whether a module that cannot be run is a step of the line.
  let carriesUnknown: Bool
  /// Inputs whose features were looked for.
  let needsFeatures: Set<Int>
  var graph = ScriptGraph()
  /// The elements of lists and tuples.
  var sequences: [[ScriptValue]] = []
  /// Steps whose values PyTorch has overwritten.
  var overwritten = Set<Int>()
  /// Whether something depends on which axis is time.
  var hasLayout = false
  /// Inputs that are known to be sequences.
  private var hasTimeAxis = Set<Int>()
  /// Whether the code knows how long sequences are.
  var isLengthAware = false
  var notes: [Phrase] = []
  /// Statements and expressions so far.
  var work = 0

  private var file = "code"
  private var lineNumber = 0
  /// Of the last `return`.
  private var returnLine = 0
  /// Names of the variables that the last return gives, nil for what is none.
  private var returnedNames: [String?] = []
  private var depth = 0
  private var inputNames: [String] = []
  /// What each module is called as, whose tensors may not tell.
  private(set) var kinds: [String: TensorArchive.Hints.Kind] = [:]
  /// What modules were made with, as the code says.
  private(set) var declarations: [String: ModuleDeclaration] = [:]
  /// How many axes of features have been told apart.
  var atomCount = 0
  /// Where sizes did not fit: whether there are too many features, 1, or too few, -1.
  var misfit: Int?

  typealias Variables = [String: ScriptValue]

  init(
    _ reader: ScriptReader, batchFirst: Bool, form: ScriptForm, roles: [Int: ScriptInput], sizes: [Int: ScriptSizes], needsFeatures: Set<Int>,
    carriesUnknown: Bool
  ) {
    (self.reader, self.batchFirst, self.form, self.roles) = (reader, batchFirst, form, roles)
    (self.sizes, self.needsFeatures, self.carriesUnknown) = (sizes, needsFeatures, carriesUnknown)
  }

  var place: String { "\(file), line \(lineNumber)" }

  func problem(_ what: String) -> ScriptStop { .problem(place: place, what) }

  // MARK: The model

  mutating func line() throws(ScriptStop) -> String {
    let root = reader.objects.graph.root
    guard let name = reader.objects.graph.name(root) else { throw problem("no module") }
    // A scripted nn.LSTM has a forward for packed sequences too.
    let isOverloaded = TorchModuleClass(name).isOfTorch && (try? method("forward", of: root, name)) == nil
    let function = try method(isOverloaded ? "forward__0" : "forward", of: root, name)
    file = function.file
    var arguments: [ScriptValue] = []
    for (index, parameter) in function.parameters.dropFirst().enumerated() {
      inputNames.append(parameter.name)
      arguments.append(try input(index, parameter))
    }
    try checkHooks(name)
    let result: ScriptValue
    if let call = try recurrent(root, name, method: "forward", arguments) {
      result = call
    } else {
      result = try call(function, [.module(root)] + arguments, [:])
      // What is wrong with the result is said of its return.
      lineNumber = returnLine
    }
    var outputs: [(name: String?, step: Int)] = []
    switch result {
    case .dictionary(let names, let values):
      for (name, value) in zip(names, sequences[values]) { outputs.append((name, try output(value))) }
    case .sequence(let parts):
      let names = returnedNames
      for (index, part) in sequences[parts].enumerated() {
        if case .sequence(let inner) = part {
          for part in try flattened(inner) { if try !isState(part) { outputs.append((nil, try output(part))) } }
        } else if try !isState(part) {
          outputs.append((names.indices.contains(index) ? names[index] : nil, try output(part)))
        }
      }
    default: outputs.append((nil, try output(result)))
    }
    try checkTimeAxes()
    // What a line says of an input's axes has numbers.
    if form != .rows {
      for (input, _) in inputNames.enumerated() where graph.steps.contains(where: { $0.operation == .input(input) }) {
        guard roles[input] ?? .sequence != .indices else { throw problem("indices beside an input of other axes") }
        let known = sizes[input] ?? ScriptSizes()
        if form != .steps, known.positions == nil { throw .searches(input: input) }
        if form == .timeFirst || form == .timeLast, known.channels == nil { throw problem("an input whose channels nothing tells") }
      }
    }
    guard !outputs.isEmpty else { throw problem("a result without values") }
    var writer = ScriptLineWriter(graph, taken: reader.takenNames, isLengthAware: isLengthAware)
    guard let line = writer.line(outputs, inputs: inputNames, sizes: axes) else {
      throw problem("a result that does not depend on the input, or a module named as an operation is")
    }
    return line
  }

  /// What the line says of an input's axes behind its name; empty where a module tells its features.
  private func axes(_ input: Int) -> String {
    guard roles[input] ?? .sequence == .sequence else { return "" }
    let positions = sizes[input]?.positions.map(String.init) ?? "1", channels = sizes[input]?.channels.map(String.init) ?? "1"
    switch form {
    case .rows: return needsFeatures.contains(input) ? "(\(positions))" : ""
    case .otherRows: return batchFirst ? "(time, batch, \(positions))" : "(batch, time, \(positions))"
    case .turned: return "(batch, \(positions), time)"
    case .steps: return "(batch, time)"
    case .timeFirst: return "(batch, \(channels), time, \(positions))"
    case .timeLast: return "(batch, \(channels), \(positions), time)"
    }
  }

  private mutating func input(_ index: Int, _ parameter: ScriptFunction.Parameter) throws(ScriptStop) -> ScriptValue {
    if let initial = parameter.initial {
      var none: Variables = [:]
      return try evaluate(initial, &none)
    }
    if parameter.type.hasPrefix("Optional[") { return .none }
    guard parameter.type == "Tensor" else { return .startingState }
    switch roles[index] ?? .sequence {
    case .lengths: return .lengths
    case .state: return .startingState
    case .indices:
      let step = try add(.input(index), hasTime: true)
      return .tensor(ScriptTensor(step: step, axes: batchFirst ? [[.batch], Self.time] : [Self.time, [.batch]], layout: []))
    case .sequence:
      let channels = size(sizes[index]?.channels, open: .step(-1 - index)), positions = size(sizes[index]?.positions, open: .input(index))
      let axes: [LineAxis] = switch form {
      case .rows: batchFirst ? [[.batch], Self.time, positions] : [Self.time, [.batch], positions]
      case .otherRows: batchFirst ? [Self.time, [.batch], positions] : [[.batch], Self.time, positions]
      case .turned: [[.batch], positions, Self.time]
      case .steps: [[.batch], Self.time]
      case .timeFirst: [[.batch], channels, Self.time, positions]
      case .timeLast: [[.batch], channels, positions, Self.time]
      }
      let step = try add(.input(index), hasTime: true)
      return .tensor(ScriptTensor(step: step, axes: axes, layout: axes.flatMap { $0.filter(\.isFeatures) }))
    }
  }

  static let time: LineAxis = [.time(TimeAxis())]

  private mutating func size(_ count: Int?, open: Forward.Value) -> LineAxis { count.map { fresh($0) } ?? [.open(open)] }

  /// An axis of so many features that is no other one.
  mutating func fresh(_ size: Int) -> LineAxis {
    guard size != 1 else { return [] }
    atomCount += 1
    return [.features(atomCount, size: size)]
  }

  /// Takes the number of an axis of an input's from what it goes to: it is read again with it.
  func learn(_ axis: LineAxis, _ size: Int) throws(ScriptStop) {
    guard case .open(let value)? = axis.first, axis.count == 1, (1...Limits.maximumModuleSize).contains(size) else { return }
    switch value {
    case .input(let input): throw .learns(input: input, .positions(size))
    case .step(let number) where number < 0: throw .learns(input: -1 - number, .channels(size))
    default: break
    }
  }

  /// Where one of several axes is an input's whose size must be known.
  func search(_ axes: [LineAxis]) throws(ScriptStop) {
    for case .open(.input(let input)) in axes.flatMap({ $0 }) { throw .searches(input: input) }
  }

  func count(_ axis: LineAxis) -> Int? { LineExtent(axis)?.whole }

  private func flattened(_ parts: Int) throws(ScriptStop) -> [ScriptValue] {
    var result: [ScriptValue] = []
    var open = Array(sequences[parts].reversed())
    var count = 0
    while let value = open.popLast() {
      count += 1
      guard count < 1 << 12 else { throw problem("a result of too many values") }
      // A tuple within is states; another nesting has no place in a line.
      if case .sequence(let inner) = value { open += sequences[inner].reversed() } else { result.append(value) }
    }
    return result
  }

  /// All states of a call, which come with every run; lengths, and starting states that are handed through.
  private func isState(_ value: ScriptValue) throws(ScriptStop) -> Bool {
    switch value {
    case .tensor(let tensor):
      guard tensor.state != nil else { return false }
      guard tensor.axes.count == 3, tensor.isLayers(0), tensor.axes[1] == [.batch], tensor.axes[2] == tensor.layout, !tensor.isSorted else {
        throw problem("states in another order of axes go out")
      }
      return true
    case .lengths, .none: return true
    default: return false
    }
  }

  private mutating func output(_ value: ScriptValue) throws(ScriptStop) -> Int {
    let tensor = try self.tensor(value, "the result")
    guard tensor.state == nil else { throw problem("all states of a module go out as the only result") }
    guard !tensor.isSorted, !tensor.isPacked else { throw problem("sequences ordered by length go out") }
    var axes = tensor.axes, result = tensor
    if let last = axes.last, last.allSatisfy(\.isFeatures) {
      result = try arranged(tensor, last, "the result")
      axes.removeLast()
    } else {
      guard tensor.layout.isEmpty else { throw problem("a result whose last axis is not that of features") }
      notes.append("forward() leaves out its last axis, of one feature, which is kept here")
    }
    if axes.contains([]) {
      axes.removeAll { $0.isEmpty }
      notes.append("forward() has another axis of length 1 in what it gives, which is left out here")
    }
    let time = axes.firstIndex { $0.count == 1 && $0[0].isTime }
    if axes == [[.batch]] { return result.step }
    if axes.count == 1, axes[0].count == 2, axes[0][batchFirst ? 0 : 1].isBatch, axes[0][batchFirst ? 1 : 0].isTime {
      hasLayout = true
      notes.append("forward() gives the steps of all sequences as one axis, which are kept apart here")
      return result.step
    }
    guard axes.count == 2, let time, axes[1 - time] == [.batch] else { throw problem("a result with the axes \(tensor.plane.description)") }
    hasLayout = true
    guard graph.hasTime[tensor.step] else { throw problem("a value repeated for each step goes out") }
    guard (time == 1) == batchFirst else { throw problem("the result has batch and time in another order than the input") }
    return result.step
  }

  /// Nothing but a recurrent module or an embedding tells that an input has a time axis, and where.
  private func checkTimeAxes() throws(ScriptStop) {
    if isLengthAware, graph.steps.contains(where: \.mixesSteps) {
      throw problem("padding at the end of sequences that goes into what mixes steps")
    }
    var isKnown: [Bool] = []
    for step in graph.steps {
      var known = step.inputs.contains { isKnown[$0] }
      switch step.operation {
      case .input(let number): known = hasTimeAxis.contains(number)
      case .last, .first, .at, .flip, .overTime:
        guard known else { throw problem("a step of an input of which nothing tells that it is a sequence") }
      default: break
      }
      isKnown.append(known)
    }
  }

  mutating func noteKind(_ kind: TensorArchive.Hints.Kind, of path: String) throws(ScriptStop) {
    guard kinds.updateValue(kind, forKey: path) ?? kind == kind else { throw problem("module \(path) used in two ways") }
  }

  /// Notes what a module was made with.
  mutating func declare(_ path: String, _ className: String, _ arguments: [(String, ModuleDeclaration.Value)]) throws(ScriptStop) {
    var declaration = ModuleDeclaration(className, arguments.map { .init($0.0, $0.1) })
    declaration.isOfFile = true
    guard declarations.updateValue(declaration, forKey: path) ?? declaration == declaration else { throw problem("module \(path) used in two ways") }
  }

  /// Takes the inputs that a sequence is computed from for sequences.
  mutating func noteTimeAxis(of step: Int) throws(ScriptStop) {
    var (open, seen): ([Int], Set<Int>) = ([step], [step])
    while let step = open.popLast() {
      try spend(1)
      if case .input(let number) = graph.steps[step].operation { hasTimeAxis.insert(number) }
      for input in graph.steps[step].inputs where seen.insert(input).inserted { open.append(input) }
    }
  }

  // MARK: Functions

  func method(_ name: String, of value: PickleGraph.Value, _ type: String) throws(ScriptStop) -> ScriptFunction {
    do {
      if let function = try reader.library.type(type)?.methods[name] { return function }
    } catch { throw problem("code that cannot be read, or more than \(Limits.maximumCodeSize) bytes of it") }
    throw problem("\(TorchModuleClass(type).name).\(name), which the archive does not have")
  }

  func checkHooks(_ type: String) throws(ScriptStop) {
    let declared: ScriptClass?
    do { declared = try reader.library.type(type) } catch {
      throw problem("code that cannot be read, or more than \(Limits.maximumCodeSize) bytes of it")
    }
    if declared?.hasHooks == true { throw problem("\(TorchModuleClass(type).name), whose calls run hooks") }
  }

  mutating func nested<T>(_ body: (inout ScriptInterpreter) throws(ScriptStop) -> T) throws(ScriptStop) -> T {
    try spend(1)
    depth += 1
    defer { depth -= 1 }
    guard depth <= Limits.maximumCodeDepth else { throw problem("more than \(Limits.maximumCodeDepth) calls and brackets inside each other") }
    return try body(&self)
  }

  mutating func spend(_ amount: Int) throws(ScriptStop) {
    work += amount
    guard work <= Limits.maximumCodeWork else { throw problem("more than \(Limits.maximumCodeWork) operations") }
  }

  mutating func call(
    _ function: ScriptFunction, _ values: [ScriptValue], _ keywords: [String: ScriptValue]
  ) throws(ScriptStop) -> ScriptValue {
    var variables: Variables = [:]
    for (index, parameter) in function.parameters.enumerated() {
      if index < values.count {
        variables[parameter.name] = values[index]
      } else if let value = keywords[parameter.name] {
        variables[parameter.name] = value
      } else if let initial = parameter.initial {
        var none: Variables = [:]
        variables[parameter.name] = try evaluate(initial, &none)
      } else {
        throw problem("a call without \(parameter.name)")
      }
    }
    guard values.count <= function.parameters.count else { throw problem("a call with too many arguments") }
    let (outerFile, outerLine) = (file, lineNumber)
    file = function.file
    let result = try nested { (interpreter) throws(ScriptStop) in try interpreter.run(function.body, &variables) }
    (file, lineNumber) = (outerFile, outerLine)
    return result ?? .none
  }

  /// Nil where no `return` was reached.
  private mutating func run(_ block: [ScriptStatement], _ variables: inout Variables) throws(ScriptStop) -> ScriptValue? {
    for statement in block {
      lineNumber = statement.line
      try spend(1)
      switch statement.kind {
      case .pass: break
      case .unread(let words): throw problem(words)
      case .result(let expression):
        let value = try evaluate(expression, &variables)
        returnLine = statement.line
        if case .tuple(let parts) = expression {
          returnedNames = parts.map { part in if case .name(let name) = part { Self.variable(name, among: variables) } else { nil } }
        } else {
          returnedNames = []
        }
        return value
      case .expression(let expression): _ = try evaluate(expression, &variables)
      case .assignment(let names, let takesParts, let expression):
        let value = try evaluate(expression, &variables)
        guard takesParts else {
          variables[names[0]] = value
          break
        }
        let parts = try parts(of: value)
        guard parts.count == names.count else { throw problem("\(parts.count) values for \(names.count) names") }
        for (name, part) in zip(names, parts) { variables[name] = part }
      case .branch(let condition, let then, let otherwise):
        let block = try isTrue(condition, then, otherwise, &variables) ? then : otherwise
        let outer = lineNumber
        let result = try nested { (interpreter) throws(ScriptStop) in try interpreter.run(block, &variables) }
        lineNumber = outer
        if let result { return result }
      }
    }
    return nil
  }

  /// A variable by the name that the model's maker gave it; nil for one of TorchScript's own, `_3`, and for `input`, as
  /// tracing calls what goes into a module. A name that is given a second value is `out0` in an archive.
  private static func variable(_ name: String, among variables: Variables) -> String? {
    guard name.contains(where: { $0 != "_" && !$0.isNumber }) else { return nil }
    let base = String(name.reversed().drop(while: \.isNumber).reversed())
    guard base != "input" else { return nil }
    return base != name && variables[base] != nil && variables[base + "0"] != nil ? base : name
  }

  private mutating func isTrue(
    _ condition: ScriptExpression, _ then: [ScriptStatement], _ otherwise: [ScriptStatement], _ variables: inout Variables
  ) throws(ScriptStop) -> Bool {
    switch try evaluate(condition, &variables) {
    case .bool(let value): return value
    case .integer(let value): return value != 0
    case .none: return false
    default:
      // A check of what the caller gave.
      if Self.raises(then) { return false }
      if Self.raises(otherwise) { return true }
      throw problem("a branch on what is only known when it runs")
    }
  }

  private static func raises(_ block: [ScriptStatement]) -> Bool {
    block.contains { statement in
      guard case .expression(.call(let callee, _)) = statement.kind else { return false }
      return callee.path == ["ops", "prim", "RaiseException"]
    }
  }

  func parts(of value: ScriptValue) throws(ScriptStop) -> [ScriptValue] {
    switch value {
    case .sequence(let number): return sequences[number]
    case .startingState: return [.startingState, .startingState]
    default: throw problem("one value taken apart")
    }
  }

  // MARK: Steps

  mutating func add(
    _ operation: ScriptGraph.Operation, _ inputs: [Int] = [], hasTime: Bool, isView: Bool = false
  ) throws(ScriptStop) -> Int {
    if let step = graph.add(operation, inputs, hasTime: hasTime, isView: isView) { return step }
    throw problem("more than \(Limits.maximumCodeSteps) steps")
  }

  mutating func sequence(_ values: [ScriptValue]) -> ScriptValue {
    sequences.append(values)
    return .sequence(sequences.count - 1)
  }

  /// Appends what is computed of a tensor's values and leaves its axes.
  mutating func add(_ operation: ScriptGraph.Operation, of tensor: ScriptTensor, isView: Bool = false) throws(ScriptStop) -> ScriptTensor {
    var result = tensor
    result.step = try add(operation, [tensor.step], hasTime: graph.hasTime[tensor.step], isView: isView)
    return result
  }

  /// The tensor with a step's features in another order.
  mutating func arranged(_ tensor: ScriptTensor, _ order: LineAxis, _ what: String) throws(ScriptStop) -> ScriptTensor {
    guard tensor.layout != order else { return tensor }
    guard tensor.state == nil, let parts = tensor.plane.interleaving(to: order) else {
      try search(tensor.axes)
      throw problem("\(what) of a value with the axes \(tensor.plane.description), whose features stand in another order")
    }
    var result = try add(.interleave(parts), of: tensor)
    result.layout = order
    return result
  }

  /// The tensor that a value is, to be read now.
  func tensor(_ value: ScriptValue, _ what: String) throws(ScriptStop) -> ScriptTensor {
    let tensor = try padded(value, what)
    guard tensor.padding == nil else { throw problem("\(what) of a value padded by its own numbers") }
    return tensor
  }

  /// The same, which may be padded by its own numbers.
  func padded(_ value: ScriptValue, _ what: String) throws(ScriptStop) -> ScriptTensor {
    guard case .tensor(let tensor) = value else { throw problem("\(what) of \(Self.words(value))") }
    guard !overwritten.contains(graph.roots[tensor.step]) else {
      throw problem("\(what) of a value that was overwritten in place")
    }
    return tensor
  }

  static func words(_ value: ScriptValue) -> String {
    switch value {
    case .none: "None"
    case .parameter(let name): "the tensor \(name)"
    case .constant: "constants, as torch.jit.freeze makes them"
    case .zeros: "zeros"
    case .startingState: "a starting state"
    case .lengths, .order, .inverseOrder: "lengths"
    case .size: "a size"
    case .sequence, .dictionary: "several values"
    default: "what is no tensor"
    }
  }
}
