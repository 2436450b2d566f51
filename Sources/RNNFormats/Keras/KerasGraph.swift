import RNNModel

/// Which of a model's layers ask for masks, and which heed one, in the order they are called.
struct KerasMasks {
  private(set) var calls = 0
  private var lastHeeding = 0
  private var asked: [(call: Int, heeded: Departure?, unheeded: Departure?)] = []

  mutating func call(isHeeding: Bool) {
    calls += 1
    if isHeeding { lastHeeding = calls }
  }

  /// Of the layer called last: what it asks for where another one heeds it, and where none does.
  mutating func ask(_ heeded: Departure?, unheeded: Departure? = nil) { asked.append((calls, heeded, unheeded)) }

  var isAsked: Bool { !asked.isEmpty }
  var departures: [Departure] { asked.compactMap { $0.call < lastHeeding ? $0.heeded : $0.unheeded } }
}

/// Follows a config from call to call.
extension KerasReader {
  mutating func read(_ config: KerasModelConfig, _ weights: KerasWeights) throws(RNNError) {
    var inputs: [KerasValue] = []
    for source in config.inputs {
      let layer = config.layers.first { $0.name == source.layer } ?? config.layers[0]
      inputs.append(input(layer, isOnly: config.inputs.count == 1))
    }
    let outputs = try run(config, weights, prefix: "", inputs)
    var names = Set<String>()
    for (source, output) in zip(config.outputs, outputs) {
      var name = source.layer
      while !names.insert(name).inserted { name += "_" }
      forward.outputs.append(Forward.Output(output.value, name: outputs.count == 1 ? nil : name))
    }
    // What the modules tell is not said twice.
    var open = forward
    for index in open.inputs.indices { open.inputs[index].features = nil }
    if let told = try? open.shapes(modules) {
      for (index, shape) in told.inputs.enumerated() where shape.features == forward.inputs[index].features {
        forward.inputs[index].features = nil
      }
    }
    departures += masks.departures
    archive.architecture = Architecture(modules: modules, forward: forward.withoutUnneeded, batchFirst: true)
    noteLeftOut(weights.leftOut)
  }

  /// A model's input, by its layer or the first one of a Sequential without.
  private mutating func input(_ layer: KerasModelConfig.Layer, isOnly: Bool) -> KerasValue {
    let shape = (layer.config["batch_shape"] ?? layer.config["batch_input_shape"])?.array
    let value = Forward.Value.input(forward.inputs.count)
    var input = Forward.Input(isOnly ? "x" : layer.name)
    if let shape, shape.count == 3, let features = shape[2].integer, (1...Limits.maximumModuleSize).contains(features) {
      input.features = features
    }
    forward.inputs.append(input)
    if let shape, shape.count > 3 {
      // A run takes a sequence of features. Keras calls the input of a Sequential without an InputLayer so, too.
      let name = layer.className == "InputLayer" ? layer.name : "\(layer.name)_input"
      modules.append(.unknown(UnknownModule(name: name, className: "InputLayer", tensorNames: [])))
      note("\(name) is an input of \(shape.count) axes, of which nothing tells which is time; it cannot be run")
      return KerasValue(value: forward.add(.module(name), value), hasTime: nil)
    }
    return KerasValue(value: value, hasTime: shape.map { $0.count > 2 }, flatInput: shape?.count == 2 ? layer.name : nil)
  }

  /// Calls the layers of a model on its inputs, and gives its outputs.
  private mutating func run(
    _ model: KerasModelConfig, _ weights: KerasWeights, prefix: String, _ inputs: [KerasValue]
  ) throws(RNNError) -> [KerasValue] {
    struct Key: Hashable {
      var layer: String
      var call: Int
    }
    var values: [Key: [KerasValue]] = [:]
    let layers = Dictionary(model.layers.map { ($0.name, $0) }) { first, _ in first }
    func value(_ source: KerasModelConfig.Source) throws(RNNError) -> KerasValue {
      if source.layer.isEmpty, let first = inputs.first { return first }
      guard let layer = layers[source.layer], let call = model.call(source, of: layer),
        let found = values[Key(layer: source.layer, call: call)], let last = found.last, source.tensor >= 0
      else { throw KerasWeights.error("model_config", "the layer \(source.layer) is used before it is there") }
      // Nothing is known of how many tensors an unknown layer gives.
      if case .unknown? = steps[prefix + layer.name] { return last }
      guard source.tensor < found.count else {
        throw KerasWeights.error("model_config", "tensor \(source.tensor) of layer \(source.layer), which gives \(found.count)")
      }
      return found[source.tensor]
    }
    var called = Set<String>()
    for (position, call) in try model.order() {
      let layer = model.layers[position]
      called.insert(layer.name)
      let heeds = layer.model == nil && KerasLayer.heedsMask(layer.className)
      masks.call(isHeeding: heeds)
      guard masks.calls <= Limits.maximumStepCount else {
        throw KerasWeights.error("model_config", "more than \(Limits.maximumStepCount) calls of layers")
      }
      let key = Key(layer: layer.name, call: call)
      if let index = model.inputs.firstIndex(where: { $0.layer == layer.name }), inputs.indices.contains(index) {
        values[key] = [inputs[index]]
        continue
      }
      var taken: [KerasValue] = []
      let operands = layer.calls.indices.contains(call) ? layer.calls[call].operands : []
      for operand in operands {
        switch operand {
        case .tensor(let source): taken.append(try value(source))
        case .number(let number):
          taken.append(KerasValue(value: forward.add(.constant([number])), hasTime: false))
        }
      }
      if let inner = layer.model, let own = weights.inner[layer.name] {
        guard taken.count == inner.inputs.count else {
          throw KerasWeights.error(
            "layer \(prefix)\(layer.name)", "a model of \(inner.inputs.count) inputs that is called on \(taken.count)")
        }
        values[key] = try run(inner, own, prefix: "\(prefix)\(layer.name).", taken)
        continue
      }
      let whole = KerasLayer(layer, weights, prefix: prefix)
      if layer.hasMask, heeds, !masks.isAsked, departures.first(where: { $0.kind == .masks }) == nil {
        departures.append(whole.masks("a mask is given to it", note: "every step is run"))
      }
      let step: KerasStep
      let className = layer.className
      if ["MultiHeadAttention", "Attention"].contains(className),
        layer.calls.contains(where: { $0.options.contains { $0.value != .null && $0.value != .bool(false) } })
      {
        step = .unknown
        if steps[whole.name] == nil { try unknown(whole, "a layer of class \(className) that is called with a mask or for its scores") }
      } else if let known = steps[whole.name] {
        step = known
      } else if layer.isOperation || layer.function != nil {
        step = try operation(whole, layer, layer.calls[call], of: taken.first)
      } else {
        takenRank = taken.first.flatMap(\.hasTime).map { $0 ? 3 : 2 }
        step = try self.step(whole)
      }
      steps[whole.name] = step
      values[key] = try apply(step, whole, taken)
    }
    var outputs: [KerasValue] = []
    for source in model.outputs { outputs.append(try value(source)) }
    for layer in model.layers where !called.contains(layer.name) {
      try carry(KerasLayer(layer, weights, prefix: prefix), "\(prefix)\(layer.name) is not on the way from input to output")
    }
    for array in weights.others where archive[prefix + array.name.asTensorName] == nil {
      try archive.append(prefix + array.name.asTensorName, array.tensor)
      note("arrays that belong to no layer are carried as Keras has them")
    }
    return outputs
  }

  // MARK: Steps

  /// What a function does: of Keras 3, such as `keras.ops.add`, or of TensorFlow in a Keras 2 model, such as `tf.math.add`.
  private mutating func operation(
    _ layer: KerasLayer, _ entry: KerasModelConfig.Layer, _ call: KerasModelConfig.Call, of operand: KerasValue?
  ) throws(RNNError) -> KerasStep {
    let options = call.options
    let className = entry.function.map { Self.functions[$0] ?? "tf.\($0)" } ?? entry.plainClass
    if className == "GetItem" {
      // One layer of several calls has one index in each.
      let calls = entry.calls
      guard options.isEmpty, let key = call.index, calls.allSatisfy({ $0.index == key && $0.features == call.features }),
        let index = KerasIndex(key), let operand, let hasTime = operand.hasTime,
        let parts = index.parts(hasTime: hasTime, features: call.features ?? entry.inputSize ?? features(of: operand.value))
      else { return try unknown(layer, "a part \(call.index?.text ?? "") of a value that RNNKit cannot take") }
      return .index(step: parts.step, features: parts.features)
    }
    let set = options.filter { $0.value != .null && $0.key != "axis" }
    let axis = (options.first { $0.key == "axis" }?.value ?? layer.config?["axis"] ?? .integer(-1)).integer
    if set.isEmpty, let merge = KerasMerge(operation: className), let axis { return .merge(merge, axis: axis, isLayer: false) }
    let functions: [String: Function] = [
      "Relu": .elementwise(.relu), "Sigmoid": .elementwise(.sigmoid), "Tanh": .elementwise(.tanh), "Exp": .elementwise(.exp),
      "Log": .elementwise(.log), "Silu": .elementwise(.silu), "Softplus": .elementwise(.softplus),
      "Softsign": .elementwise(.softsign),
    ]
    if set.isEmpty, options.isEmpty, let function = functions[className] { return .activation(function) }
    let reductions: [String: TimeFunction] = ["Sum": .sum, "Mean": .mean, "Max": .max]
    if set.isEmpty, let function = reductions[className], operand?.hasTime == true, (layer.config?["keepdims"] ?? .bool(false)) == .bool(false), (layer.config?["initial"] ?? .null) == .null,
      options.isEmpty, case let axes = layer.config?["axis"] ?? .null, [1, -2].contains((axes.array?.count == 1 ? axes.array?[0] : axes)?.integer)
    {
      return .overTime(function)
    }
    return try unknown(layer, "the function \(className)")
  }

  /// Of a value of which the file does not say it, as Keras 2's `.h5` does not.
  private mutating func features(of value: Forward.Value) -> Int? {
    guard lookups > 0 else { return nil }
    lookups -= 1
    var part = forward
    part.outputs = [Forward.Output(value)]
    return (try? part.shapes(modules))?[value].features
  }

  /// Classes of Keras 3's functions by the names of TensorFlow's.
  private static let functions: [String: String] = [
    "__operators__.getitem": "GetItem", "__operators__.add": "Add", "math.add": "Add", "math.subtract": "Subtract",
    "math.multiply": "Multiply", "math.divide": "Divide", "math.truediv": "Divide", "concat": "Concatenate", "nn.relu": "Relu",
    "math.sigmoid": "Sigmoid", "math.tanh": "Tanh", "math.exp": "Exp", "math.log": "Log", "nn.silu": "Silu",
    "math.softplus": "Softplus", "nn.softsign": "Softsign",
  ]

  /// Appends to the forward what a step does with the values that its layer is called on.
  private mutating func apply(
    _ step: KerasStep, _ layer: KerasLayer, _ values: [KerasValue]
  ) throws(RNNError) -> [KerasValue] {
    var step = step
    // A step of one value.
    func only() -> KerasValue? { values.count == 1 ? values[0] : nil }
    switch step {
    case .merge(let merge, let axis, let isLayer): if !merges(merge, axis, isLayer: isLayer, values) { step = try changed(layer) }
    case .unknown: break
    case .attention, .dotAttention: if !(2...3).contains(values.count) || values.contains(where: { $0.hasTime != true }) { step = try changed(layer) }
    case .flatten: if only()?.hasTime != false { step = try changed(layer) }
    default: if values.count != 1 { step = try changed(layer) }
    }
    var taken = values
    if forward.inputs.count > 1, Self.needsTime(step) {
      for index in taken.indices { taken[index] = try settled(taken[index]) }
    }
    switch step {
    case .nothing, .flatten:
      var result = taken[0]
      // An embedding takes the input itself.
      if case .input = result.value, result.flatInput != nil { return [result] }
      result.value = forward.add(.nothing(layer.name), result.value)
      return [result]
    case .embedding: return [KerasValue(value: forward.add(.module(layer.name), taken[0].value), hasTime: true)]
    case .module(let function):
      let value = forward.add(.module(layer.name), unpadded(taken[0].value, of: layer.name))
      return [KerasValue(value: add(function, value), hasTime: taken[0].hasTime)]
    case .window(let function, let window):
      if function == .join { paddings[forward.add(.window(function, window), taken[0].value)] = layer.name }
      return [KerasValue(value: forward.add(.window(function, window), taken[0].value), hasTime: true)]
    case .overTime(.softmax) where taken[0].hasTime == false: return [KerasValue(value: add(.softmax, taken[0].value), hasTime: false)]
    case .overTime(let function):
      return [KerasValue(value: forward.add(.overTime(function), taken[0].value), hasTime: function.keepsTime)]
    case .dotAttention(let attention):
      let (query, value, key) = (taken[0].value, taken[1].value, taken[taken.count - 1].value)
      return [KerasValue(value: forward.add(.attend(attention), query, key, value), hasTime: taken[0].hasTime)]
    case .attention(let attention):
      let (query, value, key) = (taken[0].value, taken[1].value, taken[taken.count - 1].value)
      func projected(_ part: String, _ value: Forward.Value) -> Forward.Value { forward.add(.module(Model.join(layer.name, part)), value) }
      let parts = [projected("query", query), projected("key", key), projected("value", value)]
      return [KerasValue(value: projected("attention_output", forward.add(.attend(attention), of: parts)), hasTime: taken[0].hasTime)]
    case .activation(let function): return [KerasValue(value: add(function, taken[0].value), hasTime: taken[0].hasTime)]
    case .recurrent(let call): return call.apply(taken[0].value, in: &forward)
    case .stack(let calls):
      guard let last = calls.last else { return taken }
      let below = calls.dropLast().reduce(taken[0].value) { forward.add(.module($1.module.name), $0) }
      return last.apply(below, in: &forward)
    case .merge(let merge, _, _):
      let times = taken.map(\.hasTime)
      let hasTime = times.contains(true) ? true : times.contains(nil) ? nil : false
      return merge.apply(taken.map(\.value), in: &forward).map { KerasValue(value: $0, hasTime: hasTime) }
    case .index(let step, let features):
      var result = taken[0]
      if let step {
        result.value = forward.add(.select(.at(step)), result.value)
        result.hasTime = false
      }
      if let features { result.value = forward.add(.slice(features), result.value) }
      result.flatInput = nil
      return [result]
    case .scaling(let scale, let offset):
      var result = taken[0]
      for (kind, numbers) in [(Forward.Arithmetic.multiply, scale), (.add, offset)] {
        if let numbers { result.value = forward.add(.arithmetic(kind), result.value, forward.add(.constant(numbers))) }
      }
      return [result]
    case .unknown:
      return [KerasValue(value: forward.add(.module(layer.name), of: taken.map(\.value)), hasTime: nil)]
    }
  }

  /// What a convolution takes whose padding `KerasWriter` has as a layer of its own: it is the convolution's again.
  private mutating func unpadded(_ value: Forward.Value, of name: String) -> Forward.Value {
    guard let place = modules.firstIndex(where: { $0.name == name }), case .convolution(var convolution) = modules[place] else { return value }
    var value = value
    for word in ["padding", "cropping"] {
      guard paddings[value] == "\(name)_\(word)", case .step(let step) = value, case .window(_, let window) = forward.steps[step].operation
      else { continue }
      convolution.window.before += window.before
      convolution.window.after += window.after
      value = forward.steps[step].inputs[0]
    }
    modules[place] = .convolution(convolution)
    return value
  }

  private mutating func add(_ function: Function, _ value: Forward.Value) -> Forward.Value {
    function == .elementwise(.identity) ? value : forward.add(.activation(function), value)
  }

  private func merges(_ merge: KerasMerge, _ axis: Int, isLayer: Bool, _ values: [KerasValue]) -> Bool {
    guard !values.isEmpty, merge != .subtract && merge != .divide || values.count == 2 else { return false }
    // Without a time axis the batch would stand beside the other's time, and nothing is joined to what has another rank.
    if !isLayer || merge == .concatenate, Set(values.filter { !isNumber($0) }.compactMap(\.hasTime)).count > 1 { return false }
    guard merge == .concatenate else { return true }
    let last = values.contains { $0.hasTime == nil } ? nil : values.contains { $0.hasTime == true } ? 2 : 1
    return axis == -1 || axis == last
  }

  private func isNumber(_ value: KerasValue) -> Bool {
    if case .step(let step) = value.value, case .constant = forward.steps[step].operation { true } else { false }
  }

  /// A layer that cannot be run as it is called here.
  private mutating func changed(_ layer: KerasLayer) throws(RNNError) -> KerasStep {
    if !modules.contains(where: { $0.name == layer.name }) {
      return try unknown(layer, "a \(layer.className ?? "layer") of values that RNNKit does not have it of")
    }
    throw layer.error("it is called on several values", "save the model without what is added to its call")
  }

  private static func needsTime(_ step: KerasStep) -> Bool {
    switch step {
    case .embedding, .nothing, .unknown: false
    default: true
    }
  }

  /// An input without time as what it is: nothing that RNNKit has beside inputs with.
  private mutating func settled(_ value: KerasValue) throws(RNNError) -> KerasValue {
    guard let name = value.flatInput else { return value }
    if !modules.contains(where: { $0.name == name }) {
      modules.append(.unknown(UnknownModule(name: name, className: "InputLayer", tensorNames: [])))
      note("\(name) is an input without a time axis beside others, which cannot be run")
    }
    return KerasValue(value: forward.add(.module(name), value.value), hasTime: false)
  }
}

extension String {
  /// An array's path as a tensor's name.
  fileprivate var asTensorName: String { split(separator: "/").filter { $0 != "vars" }.joined(separator: ".") }
}
