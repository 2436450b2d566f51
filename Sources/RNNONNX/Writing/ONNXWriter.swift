import RNNFormats
import RNNModel
import SwiftProtobuf

/// Writes a model as an ONNX graph that takes any number of steps and sequences.
///
/// Inputs are named as a run's members: `input`, and, each with a default so that it may be left out, `lengths`, `h0`
/// and `c0` (`<module>.h0` in a chain of several recurrent modules). Outputs are `output`, `hn`, `cn` and `y`.
struct ONNXWriter {
  private let model: Model
  /// The modules that are called, and the forward without steps that no output needs.
  private let architecture: Architecture
  private let forward: Forward
  private let shapes: ForwardShapes
  /// The type the graph computes in: float64 where a parameter is.
  let type: ElementType

  static let operatorSet = 17
  static let irVersion = 8

  init(_ model: Model) throws(RNNError) {
    self.model = model
    guard let forward = model.architecture.forward?.withoutUnneeded else {
      throw RNNError(
        .badData, "the order of its modules is not known, and an ONNX graph needs one",
        remedy: "write another format, name the modules to convert with \(.modules), or say what is computed with \(.forward)")
    }
    self.forward = forward
    architecture = Architecture(
      modules: forward.moduleNames.compactMap { model.architecture[$0] }, forward: forward,
      batchFirst: model.architecture.batchFirst)
    shapes = try forward.shapes(architecture.modules) { Model.parameterSize(model.archive[$0]) }
    type = Self.computedType(model)
    try check()
  }

  static func computedType(_ model: Model) -> ElementType {
    model.parameterNames.contains { model.archive[$0]?.elementType == .float64 } ? .float64 : .float32
  }

  static func refuse(_ module: String, _ problem: Phrase, _ remedy: Phrase = "write another format") -> RNNError {
    RNNError(.badData, place: "module \(module.isEmpty ? "(unnamed)" : module)", problem, remedy: remedy)
  }

  func write(to file: inout OutputFile) throws(RNNError) {
    var proto = ModelProto()
    proto.irVersion = Int64(Self.irVersion)
    proto.producerName = "RNNKit"
    var builder = GraphBuilder()
    proto.graph = try graph(&builder)
    var operators = OperatorSetIdProto()
    operators.domain = ""
    operators.version = Int64(Self.operatorSet)
    proto.opsetImport = [operators]
    let written = Set(architecture.modules.flatMap { Model.parameters(of: $0).map(\.name) } + forward.parameterNames)
    let carried = Set(model.archive.tensors.map(\.name)).subtracting(written)
    proto.metadataProps = try ONNXProperties(model.archive, carrying: carried).entries
    let size = model.archive.tensors.reduce(0) { $0 + $1.tensor.byteCount }
    guard size < Int(Int32.max), let bytes: [UInt8] = try? proto.serializedBytes(partial: true),
      bytes.count <= Int(Int32.max)
    else {
      throw RNNError(
        .badData, "the file would be larger than the 2 GiB that protobuf allows", remedy: "write another format")
    }
    try file.write(bytes)
  }

  /// Checks what no graph can express.
  private func check() throws(RNNError) {
    if let positions = architecture.positions {
      throw RNNError(.badData, place: positions, "RNNKit does not write it to ONNX", remedy: "write another format")
    }
    for module in architecture.modules {
      if case .unknown = module {
        throw Self.refuse(module.name, "RNNKit does not know what it computes, and an ONNX graph must say it",
          "write another format, or name the modules to convert with \(.modules)")
      }
      if case .recurrent(let recurrent) = module { try check(recurrent) }
    }
    guard forward.mixesSteps(architecture.modules) || architecture.modules.contains(where: { if case .recurrent = $0 { true } else { false } })
    else { throw RNNError(.badData, "the model has no module that is over time", remedy: "write another format") }
    var called = Set<String>()
    for step in forward.steps {
      guard case .module(let name) = step.operation, case .recurrent? = architecture[name] else { continue }
      guard called.insert(name).inserted else { throw Self.refuse(name, "it runs on two inputs", "write another format") }
    }
    for (input, shape) in zip(forward.inputs, shapes.inputs) where shape.features == nil {
      throw RNNError(.badData, place: "input \(input.name)", "nothing tells how many features it has",
        remedy: "say it in the forward's first line: \(input.name)(8) -> y")
    }
  }

  private func check(_ module: Recurrent) throws(RNNError) {
    guard module.projSize == 0 else {
      throw Self.refuse(module.name, "ONNX's LSTM has no projection (proj_size=\(module.projSize))")
    }
    // Attributes are float32; float64 models must not lose by it.
    func isExact(_ value: Double) -> Bool { type == .float32 ? Float(value).isFinite : Double(Float(value)) == value }
    for direction in 0..<module.directionCount {
      let activations = module.activations(direction: direction)
      for activation in [activations.gate, activations.candidate, activations.output] {
        guard ActivationName.name(activation) != nil else {
          throw Self.refuse(module.name, "ONNX's recurrent operators have no activation \(activation.name)")
        }
        if let parameter = activation.parameters.first(where: { !isExact($0.value) }) {
          throw Self.refuse(
            module.name,
            "\(parameter.name)=\(parameter.value) of its \(activation.name) is no float32, which ONNX's attributes are")
        }
      }
    }
    if let clip = module.clip, !isExact(clip) || Float(clip) == 0 {
      throw Self.refuse(module.name, "clip=\(clip) is no float32, which ONNX's attributes are")
    }
  }

  // MARK: The graph

  /// Of a builder that nothing has been added to.
  func graph(_ builder: inout GraphBuilder) throws(RNNError) -> GraphProto {
    let recurrent = architecture.modules.compactMap { if case .recurrent(let module) = $0 { module } else { nil } }
    let kept = forward.steps.lastIndex { if case .module(let name) = $0.operation { isRecurrent(name) } else { false } }
    func member(_ name: String, _ module: Recurrent) -> String {
      recurrent.count == 1 ? name : Model.join(module.name, name)
    }
    let states = recurrent.flatMap { [member("hn", $0)] + ($0.cell == .lstm ? [member("cn", $0)] : []) }
    // The last recurrent layer's output is there under its own name.
    let outputs = forward.outputs.filter { $0.name != nil || $0.value != kept.map(Forward.Value.step) }
    var values = GraphValues(forward)
    for (index, (input, shape)) in zip(forward.inputs, shapes.inputs).enumerated() {
      let name = forward.inputs.count == 1 ? "input" : input.name
      try builder.input(
        name, shape.isIndices ? .int64 : type, axes(shape.isIndices ? nil : shape.features, hasTime: true))
      values.inputs.append(name)
      if index == 0 { try builder.reserve(["output"] + states + outputs.map { $0.name ?? "y" }) }
    }
    for name in forward.parameterNames { values.parameters[name] = try builder.parameter(name, tensor("", name), as: type) }
    let gains = try writeGains(&values, &builder)
    if architecture.batchFirst {
      for (index, shape) in shapes.inputs.enumerated() {
        let order = shape.isIndices ? [1, 0] : [1, 0, 2]
        values.inputs[index] = builder.node("Transpose", [values.inputs[index]], scope: "", [.integers("perm", order)])
      }
    }
    let sizes = builder.node("Shape", [values.inputs[0]], scope: "")
    values.batch = builder.node("Gather", [sizes, builder.integers([1])], scope: "", [.integer("axis", 0)])
    let (time, lengths, lengths32) = try lengths(&builder, sizes, values.batch)
    values.times[TimeAxis()] = GraphTime(steps: time, lengths: lengths, lengths32: lengths32)
    for (index, step) in forward.steps.enumerated() {
      guard !gains.constants.contains(index) else {
        values.steps.append(.none)
        continue
      }
      if let input = gains.products[index] {
        values.steps.append(.plain(values.inputs[input]))
        continue
      }
      values.steps.append(try write(step, index, &values, &builder) { member($0, $1) })
      guard case .recurrent(let value) = values.steps[index] else { continue }
      let module = value.module
      if index == kept {
        turned(value.output, hasTime: true, as: "output", &builder)
        builder.output("output", type, axes(module.outputSize, hasTime: true))
      }
      for (name, isThere) in [("hn", true), ("cn", module.cell == .lstm)] where isThere {
        builder.output(
          member(name, module), type,
          [.fixed(module.numLayers * module.directionCount), .open("batch"), .fixed(module.hiddenSize)])
      }
    }
    for output in outputs {
      let shape = shapes[output.value], name = output.name ?? "y"
      turned(values[output.value], hasTime: shape.hasTime, as: name, &builder)
      builder.output(name, type, axes(shape.features, hasTime: shape.hasTime))
    }
    return builder.graph
  }

  /// Multiplies inputs that nothing takes but times constants, before their layout is changed, as readers of a gain expect.
  /// Returns the steps that are written by it: products, with the numbers of their inputs, and constants.
  private func writeGains(
    _ values: inout GraphValues, _ builder: inout GraphBuilder
  ) throws(RNNError) -> (products: [Int: Int], constants: Set<Int>) {
    var (products, constants): ([Int: Int], Set<Int>) = ([:], [])
    for input in forward.inputs.indices {
      let users = forward.steps.indices.filter { forward.steps[$0].inputs.contains(.input(input)) }
      guard users.count == 1, !forward.outputs.contains(where: { $0.value == .input(input) }),
        forward.steps[users[0]].operation == .arithmetic(.multiply), forward.steps[users[0]].inputs.count == 2,
        forward.steps[users[0]].inputs[0] == .input(input), case .step(let constant) = forward.steps[users[0]].inputs[1],
        case .constant(let numbers) = forward.steps[constant].operation,
        forward.steps.count(where: { $0.inputs.contains(.step(constant)) }) == 1,
        !forward.outputs.contains(where: { $0.value == .step(constant) })
      else { continue }
      let factor = builder.constant("input_gain", try Self.numbers(numbers, type))
      values.inputs[input] = builder.node("Mul", [values.inputs[input], factor], scope: "")
      products[users[0]] = input
      constants.insert(constant)
    }
    return (products, constants)
  }

  private func isRecurrent(_ name: String) -> Bool { if case .recurrent? = architecture[name] { true } else { false } }

  /// The shape of an output, or of an input, in the model's layout.
  private func axes(_ features: Int?, hasTime: Bool) -> [GraphBuilder.Size] {
    let first: [GraphBuilder.Size] =
      !hasTime ? [.open("batch")] : architecture.batchFirst ? [.open("batch"), .open("time")] : [.open("time"), .open("batch")]
    return first + (features.map { [.fixed($0)] } ?? [])
  }

  /// Gives a value the model's layout, and its name.
  private func turned(_ value: String, hasTime: Bool, as name: String, _ builder: inout GraphBuilder) {
    if hasTime, architecture.batchFirst {
      _ = builder.node("Transpose", [value], scope: "", [.integers("perm", [1, 0, 2])], output: name)
    } else {
      _ = builder.node("Identity", [value], scope: "", output: name)
    }
  }

  // MARK: Steps

  /// The names of what steps give: (time, batch, features), or (batch, features) without a time axis.
  private struct GraphValues {
    enum Value {
      case plain(String)
      case recurrent(RecurrentValue)
      /// A state that is written as a part of what it is joined with.
      case none
    }

    let forward: Forward
    var inputs: [String] = []
    var steps: [Value] = []
    var parameters: [String: String] = [:]
    var batch = ""
    var times: [TimeAxis: GraphTime] = [:]

    init(_ forward: Forward) { self.forward = forward }

    subscript(value: Forward.Value) -> String {
      switch value {
      case .input(let number): inputs[number]
      case .step(let number):
        switch steps[number] {
        case .plain(let name): name
        case .recurrent(let value): value.output
        case .none: ""
        }
      }
    }

    func recurrent(_ value: Forward.Value) -> RecurrentValue? {
      if case .step(let number) = value, case .recurrent(let value) = steps[number] { value } else { nil }
    }

    /// The recurrent module whose last layer's states, all directions, a step joins.
    func joined(_ step: Forward.Step) -> RecurrentValue? {
      guard step.operation == .concatenate else { return nil }
      var blocks: [Int] = [], sources: [Forward.Value] = []
      for input in step.inputs {
        guard case .step(let number) = input, case .state(.hn, let block) = forward.steps[number].operation else { return nil }
        blocks.append(block)
        sources.append(forward.steps[number].inputs[0])
      }
      guard let source = sources.first, Set(sources).count == 1, let value = recurrent(source) else { return nil }
      let first = (value.module.numLayers - 1) * value.module.directionCount
      return blocks == Array(first..<first + value.module.directionCount) ? value : nil
    }
  }

  /// A name for the nodes of a step: the module's that it follows.
  private func moduleBefore(_ step: Forward.Step) -> String {
    var step = step
    while true {
      guard case .step(let number)? = step.inputs.first else { return "" }
      step = forward.steps[number]
      if case .module(let name) = step.operation { return name }
    }
  }

  private func write(
    _ step: Forward.Step, _ index: Int, _ values: inout GraphValues, _ builder: inout GraphBuilder,
    member: (String, Recurrent) -> String
  ) throws(RNNError) -> GraphValues.Value {
    let inputs = step.inputs.map { values[$0] }
    let scope = ""
    // Readers follow what depends on the graph's input.
    guard step.inputs.isEmpty || !step.inputs.allSatisfy({ shape($0).isConstant }) else {
      throw RNNError(
        .badData, place: forward.place(of: index), "it is computed from numbers of the model alone, which RNNKit does not write to ONNX",
        remedy: "write another format")
    }
    switch step.operation {
    case .module(let name):
      switch architecture[name] {
      case .recurrent(let module)?:
        let layers = RecurrentWriter(
          model: model, module: module, type: type, states: ["h0", "c0", "hn", "cn"].map { member($0, module) })
        let lengths = time(step.inputs[0], &values, &builder).lengths32(&builder)
        return .recurrent(try layers.write(inputs[0], lengths: lengths, batch: values.batch, &builder))
      case .linear(let module)?:
        return .plain(try LinearWriter(model: model, module: module, type: type).write(inputs[0], &builder))
      case .embedding?:
        let scope = Self.scope(name)
        let weight = builder.weight(Model.join(name, "weight"), try tensor(name, "weight"), as: type, scope: scope)
        return .plain(builder.node("Gather", [weight, inputs[0]], scope: scope, [.integer("axis", 0)]))
      case .prelu?:
        let scope = Self.scope(name)
        let slope = builder.weight(Model.join(name, "weight"), try tensor(name, "weight"), as: type, scope: scope)
        return .plain(builder.node("PRelu", [inputs[0], slope], scope: scope))
      case .attention(let module)?:
        let (query, keys) = (queryTime(step, &values, &builder), time(step.inputs[1], &values, &builder))
        return .plain(try AttentionWriter(model: model, type: type).write(module, inputs, query, keys, &builder))
      case .convolution(let module)?:
        let (before, after) = (time(step.inputs[0], &values, &builder), time(.step(index), &values, &builder))
        return .plain(try WindowWriter(type: type, window: module.window, before: before, after: after).write(module, of: model, inputs[0], &builder))
      case .norm(let module)?:
        let time = shape(step.inputs[0]).hasTime ? self.time(step.inputs[0], &values, &builder) : nil
        return .plain(try NormWriter(model: model, module: module, type: type).write(inputs[0], time, &builder))
      case .unknown?, nil: throw Self.refuse(name, "RNNKit does not know what it computes", "write another format")
      }
    case .activation(let function):
      return .plain(try FunctionWriter(module: moduleBefore(step), type: type).write(function, inputs[0], &builder))
    case .nothing: return .plain(inputs[0])
    case .select(.last):
      if let value = values.recurrent(step.inputs[0]), value.module.direction == .forward { return .plain(value.end(&builder)) }
      return .plain(self.step(0, of: flipped(step.inputs[0], &values, &builder), &builder))
    case .select(.first): return .plain(self.step(0, of: inputs[0], &builder))
    case .select(.at(let position)): return .plain(self.step(position, of: inputs[0], &builder))
    case .state(let kind, let block):
      // Written with what they are joined to.
      let users = forward.steps.filter { $0.inputs.contains(.step(index)) }
      let isOutput = forward.outputs.contains { $0.value == .step(index) }
      if !isOutput, !users.isEmpty, users.allSatisfy({ joins($0, values) }) { return .none }
      guard let value = values.recurrent(step.inputs[0]) else { throw Self.refuse("", "a state of no module") }
      return .plain(value.state(kind, block, &builder))
    case .across, .interleave:
      throw RNNError(.badData, place: forward.place(of: index), "RNNKit does not write it to ONNX", remedy: "write another format")
    case .overTime(let function):
      return .plain(try time(step.inputs[0], &values, &builder).write(function, inputs[0], type, &builder))
    case .repeated: return .plain(repeated(inputs[0], time(step.inputs[1], &values, &builder), values, &builder))
    case .window(let function, let window):
      let (before, after) = (time(step.inputs[0], &values, &builder), time(.step(index), &values, &builder))
      return .plain(try WindowWriter(type: type, window: window, before: before, after: after).write(function, inputs[0], &builder))
    case .attend(let attention):
      let (query, keys) = (queryTime(step, &values, &builder), time(step.inputs[1], &values, &builder))
      let factor = attention.factor(shape(step.inputs[0]).features ?? 1)
      return .plain(
        try AttentionWriter(model: model, type: type).write(inputs, heads: attention.heads, factor, query, keys, "", &builder))
    case .flip: return .plain(flipped(step.inputs[0], &values, &builder))
    case .slice(let range):
      let axis = (shape(step.inputs[0]).hasTime ? 2 : 1)
      return .plain(builder.node(
        "Slice",
        [inputs[0], builder.integers([range.lowerBound]), builder.integers([range.upperBound]), builder.integers([axis])],
        scope: scope))
    case .concatenate:
      if let value = values.joined(step) { return .plain(value.end(&builder)) }
      let taken = step.inputs.map { shape($0) }
      guard shape(.step(index)).hasTime || !taken.contains(where: \.isConstant) else {
        throw RNNError(.badData, place: "forward, cat",
          "it joins numbers of the model to what has no time axis, which RNNKit does not write to ONNX", remedy: "write another format")
      }
      var joined = inputs
      for (place, part) in taken.enumerated() where part.hasTime != shape(.step(index)).hasTime {
        joined[place] = repeated(inputs[place], time(.step(index), &values, &builder), values, &builder)
      }
      return .plain(builder.node("Concat", joined, scope: scope, [.integer("axis", -1)]))
    case .arithmetic(let kind):
      let operators: [Forward.Arithmetic: String] = [.add: "Add", .subtract: "Sub", .multiply: "Mul", .divide: "Div"]
      return .plain(builder.node(operators[kind] ?? "Add", inputs, scope: scope))
    case .constant(let numbers): return .plain(builder.constant("constant", try Self.numbers(numbers, type)))
    case .parameter(let name): return .plain(values.parameters[name] ?? "")
    }
  }

  private func joins(_ step: Forward.Step, _ values: GraphValues) -> Bool {
    // The states' own steps may not be written yet: their module is.
    guard step.operation == .concatenate else { return false }
    return values.joined(step) != nil
  }

  private func shape(_ value: Forward.Value) -> ValueShape { shapes[value] }

  private func tensor(_ module: String, _ name: String) throws(RNNError) -> Tensor {
    guard let tensor = model.tensor(module, name) else { throw Self.refuse(module, "its \(name) is missing") }
    return tensor
  }

  /// The time axis of a value that has one.
  private func time(_ value: Forward.Value, _ values: inout GraphValues, _ builder: inout GraphBuilder) -> GraphTime {
    let axis = shape(value).axis
    if let known = values.times[axis] { return known }
    guard let input = values.times[TimeAxis()] else { return GraphTime(steps: "", lengths: "", lengths32: nil) }
    let time = input.under(axis, &builder)
    values.times[axis] = time
    return time
  }

  /// The time axis of a step's query; nil where it has none.
  private func queryTime(_ step: Forward.Step, _ values: inout GraphValues, _ builder: inout GraphBuilder) -> GraphTime? {
    shape(step.inputs[0]).hasTime ? time(step.inputs[0], &values, &builder) : nil
  }

  /// Each sequence turned round within its own length.
  private func flipped(_ value: Forward.Value, _ values: inout GraphValues, _ builder: inout GraphBuilder) -> String {
    let lengths = builder.node(
      "Cast", [time(value, &values, &builder).lengths32(&builder)], scope: "", [.integer("to", Int(ElementTypeCode.code(.int64)))])
    return builder.node(
      "ReverseSequence", [values[value], lengths], scope: "", [.integer("time_axis", 0), .integer("batch_axis", 1)])
  }

  /// What has no time axis, or is numbers of the model, at every step of every sequence.
  private func repeated(_ value: String, _ time: GraphTime, _ values: GraphValues, _ builder: inout GraphBuilder) -> String {
    let sizes = builder.node("Concat", [time.steps, values.batch, builder.integers([1])], scope: "", [.integer("axis", 0)])
    return builder.node("Expand", [value, sizes], scope: "")
  }

  /// One step of all sequences, (batch, features).
  private func step(_ position: Int, of value: String, _ builder: inout GraphBuilder) -> String {
    let one = builder.node("Gather", [value, builder.integers([position])], scope: "", [.integer("axis", 0)])
    return builder.node("Squeeze", [one, builder.integers([0])], scope: "")
  }

  /// The number of steps, and `lengths`, by default longer than any sequence, of at most that number, also as int32.
  private func lengths(
    _ builder: inout GraphBuilder, _ sizes: String, _ batch: String
  ) throws(RNNError) -> (time: String, lengths: String, lengths32: String) {
    let whole = Shape([1]).flatMap { Tensor([Int64.max], $0) }
    try builder.input("lengths", .int64, [.open("lengths_batch")], default: whole)
    let time = builder.node("Gather", [sizes, builder.integers([0])], scope: "", [.integer("axis", 0)])
    let each = builder.node("Expand", ["lengths", batch], scope: "")
    let bounded = builder.node("Min", [each, time], scope: "")
    return (time, bounded, builder.node("Cast", [bounded], scope: "", [.integer("to", Int(ElementTypeCode.code(.int32)))]))
  }

  /// One number without axes, or a vector.
  private static func numbers(_ values: [Double], _ type: ElementType) throws(RNNError) -> Tensor {
    if values.count == 1 { return try number(values[0], type) }
    let tensor = Shape([values.count]).flatMap {
      type == .float64 ? Tensor(values, $0) : Tensor(values.map(Float.init), $0)
    }
    guard let tensor else { throw RNNError(.defect, "numbers that no tensor holds") }
    return tensor
  }

  /// A number without axes.
  static func number(_ value: Double, _ type: ElementType) throws(RNNError) -> Tensor {
    let tensor = Shape([]).flatMap { shape in
      type == .float64 ? Tensor([value], shape) : Tensor([Float(value)], shape)
    }
    guard let tensor else { throw RNNError(.defect, "a number that no tensor holds") }
    return tensor
  }

  /// `/encoder/rnn` for the module `encoder.rnn`, as PyTorch's exporter names nodes.
  static func scope(_ module: String) -> String {
    module.isEmpty ? "" : "/" + module.split(separator: ".").joined(separator: "/")
  }
}
