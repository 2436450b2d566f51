import RNNModel

/// A model's config: its layers and what each call of them takes.
struct KerasModelConfig {
  /// What one call of a layer gives: the tensor of that number.
  struct Source: Hashable {
    /// Empty for the input of a Sequential that begins without an InputLayer.
    var layer: String
    var call: Int
    var tensor: Int
  }

  enum Operand {
    case tensor(Source)
    case number(Double)
  }

  /// One call of a layer, in the order of its arguments.
  struct Call {
    var operands: [Operand]
    /// What an operation of Keras 3 is given by name, but for masks.
    var options: [JSONValue.Member] = []
    /// What stands in brackets behind its only operand.
    var index: JSONValue?
    /// Features of that operand, where the file says so.
    var features: Int?

    var sources: [Source] { operands.compactMap { if case .tensor(let source) = $0 { source } else { nil } } }
  }

  struct Layer {
    var className: String
    var name: String
    var config: JSONValue
    /// Whether it is called with a mask. Keras 3 says here, too, which masks come from the layers before.
    var hasMask: Bool
    /// Features of what it was built for, where a `.keras` says so.
    var inputSize: Int?
    /// Whether it is a function such as `keras.ops.add`, which stands in no group.
    var isOperation = false
    /// What a layer of Keras 2 calls that is a function of TensorFlow's: `math.add`.
    var function: String?
    var calls: [Call] = []
    /// What it consists of, where it is a model itself.
    var model: KerasModelConfig?

    /// The class alone: `MDN` for `Custom>MDN`.
    var plainClass: String { className.split(separator: ">").last.map(String.init) ?? className }
  }

  /// In the file's order, which numbers the groups of Keras 3's weights.
  private(set) var layers: [Layer] = []
  private(set) var inputs: [Source] = []
  private(set) var outputs: [Source] = []

  private static func refuse(_ problem: String) -> RNNError {
    RNNError(.badData, place: "model_config", problem, remedy: "save the model again with Keras")
  }

  init(_ json: JSONValue) throws(RNNError) {
    try self.init(json, depth: 0)
  }

  private init(_ json: JSONValue, depth: Int) throws(RNNError) {
    guard depth < Limits.maximumDepth else { throw Self.refuse("more than \(Limits.maximumDepth) models inside each other") }
    guard let className = json["class_name"]?.string, let config = json["config"] else {
      throw Self.refuse("no class_name and config")
    }
    // Keras before 2.2.3 gives a Sequential's layers as the config itself.
    guard let entries = config.array ?? config["layers"]?.array else {
      throw Self.refuse("the model is of class \(className), whose config lists no layers")
    }
    guard !entries.isEmpty else { throw Self.refuse("a model without layers") }
    var names = Set<String>()
    for (index, entry) in entries.enumerated() {
      guard let className = Self.className(entry), let config = entry["config"],
        let name = Self.name(config) ?? entry["name"]?.string
      else { throw Self.refuse("layers[\(index)] has no class_name, config and name") }
      guard names.insert(name).inserted else { throw Self.refuse("two layers of the name \(name)") }
      let nodes = entry["inbound_nodes"]?.array ?? []
      let module = entry["module"]?.string ?? ""
      var layer = Layer(
        className: className, name: name, config: config, hasMask: nodes.contains { Self.hasMask($0) },
        inputSize: (entry["build_config"]?["input_shape"]?.array?.last?.integer).flatMap { Int(exactly: $0) },
        isOperation: ["keras.ops", "keras.src.ops"].contains { module == $0 || module.hasPrefix($0 + ".") }
          || Self.isBareOperation(entry, nodes))
      if ["TFOpLambda", "SlicingOpLambda"].contains(className), let function = config["function"]?.string {
        layer.function = function
        layer.calls = nodes.map { Self.functionCall($0) }
      } else {
        layer.calls = nodes.map { Self.call($0) }
      }
      if Self.isModel(className), config.array != nil || config["layers"]?.array != nil {
        layer.model = try KerasModelConfig(entry, depth: depth + 1)
      }
      layers.append(layer)
    }
    if className != "Sequential", let ends = config["output_layers"] {
      outputs = Self.sources(ends)
      inputs = Self.sources(config["input_layers"] ?? .null)
      guard !outputs.isEmpty else { throw Self.refuse("a model without outputs") }
    } else {
      chain()
    }
  }

  /// Each layer applied to what the one before it gives.
  private mutating func chain() {
    var before = Source(layer: "", call: 0, tensor: 0)
    for index in layers.indices {
      let isInput = index == 0 && layers[index].className == "InputLayer"
      layers[index].calls = [Call(operands: isInput ? [] : [.tensor(before)])]
      before.layer = layers[index].name
      if isInput { inputs = [before] }
    }
    outputs = [before]
    if inputs.isEmpty { inputs = [Source(layer: "", call: 0, tensor: 0)] }
  }

  /// Whether an entry of Keras 3's `.h5`, which names no module, is a function: a layer's config says what is trainable.
  private static func isBareOperation(_ entry: JSONValue, _ nodes: [JSONValue]) -> Bool {
    entry["module"] == nil && entry["config"]?["trainable"] == nil && nodes.contains { $0.members != nil }
  }

  /// A config's own name, which that of a nested Sequential of an early Keras has none of.
  private static func name(_ config: JSONValue) -> String? { config["name"]?.string }

  static func isModel(_ className: String) -> Bool { ["Sequential", "Functional", "Model"].contains(className) }

  /// The class of a layer's entry; that of a program's own layer, which may have the name of one of Keras', with `Custom>`
  /// before it.
  static func className(_ entry: JSONValue) -> String? {
    guard let name = entry["class_name"]?.string, !name.contains(">") else { return entry["class_name"]?.string }
    let isKeras =
      if let module = entry["module"]?.string {
        ["keras", "tf_keras", "tensorflow"].contains { module == $0 || module.hasPrefix($0 + ".") }
      } else {
        entry["registered_name"]?.string == nil
      }
    return isKeras ? name : "Custom>\(name)"
  }

  // MARK: Calls

  /// The calls on which the outputs depend, each after those it takes from.
  ///
  /// Throws `badData` where calls refer to none, or in a circle.
  func order() throws(RNNError) -> [(layer: Int, call: Int)] {
    let positions = Dictionary(layers.enumerated().map { ($0.element.name, $0.offset) }) { first, _ in first }
    struct Key: Hashable {
      var layer: Int
      var call: Int
    }
    func key(_ source: Source) throws(RNNError) -> Key? {
      if source.layer.isEmpty { return nil }
      guard let layer = positions[source.layer], let call = self.call(source, of: layers[layer]) else {
        throw Self.refuse("its layers refer to \(source.layer), call \(source.call), which is none")
      }
      return Key(layer: layer, call: call)
    }
    var (order, waiting): ([(layer: Int, call: Int)], [(key: Key, isReady: Bool)]) = ([], [])
    var (begun, done) = (Set<Key>(), Set<Key>())
    // Depth first: a call is put back below those it takes from.
    for output in outputs.reversed() { if let key = try key(output) { waiting.append((key, false)) } }
    while let (next, isReady) = waiting.popLast() {
      if isReady {
        done.insert(next)
        order.append((next.layer, next.call))
        continue
      }
      guard !done.contains(next) else { continue }
      guard begun.insert(next).inserted else { throw Self.refuse("its layers refer to each other in a circle") }
      waiting.append((next, true))
      let calls = layers[next.layer].calls
      guard calls.indices.contains(next.call) else { continue }
      for source in calls[next.call].sources.reversed() {
        guard let key = try key(source), !done.contains(key) else { continue }
        guard !begun.contains(key) else { throw Self.refuse("its layers refer to each other in a circle") }
        waiting.append((key, false))
      }
    }
    return order
  }

  /// Which of a layer's calls a source means. Keras 2 counts those of a model's own making before the only one here.
  func call(_ source: Source, of layer: Layer) -> Int? {
    if layer.calls.count <= 1 { return 0 }
    return layer.calls.indices.contains(source.call) ? source.call : nil
  }

  /// What a call takes: Keras 3 has args and kwargs; Keras 2 a list of [layer, node, tensor, kwargs].
  private static func call(_ node: JSONValue) -> Call {
    guard node.members != nil else { return Call(operands: sources(node).map { .tensor($0) }) }
    var call = Call(operands: [])
    let arguments = node["args"]?.array ?? []
    for value in arguments { call.operands += operands(value) }
    if arguments.count == 2, call.operands.count == 1, case .tensor = call.operands[0] {
      call.index = arguments[1]
      call.features = arguments[0]["config"]?["shape"]?.array?.last?.integer
    }
    // Attention's own in the order in which they are given without names.
    let options = node["kwargs"]?.members ?? [], names = ["query", "value", "key"]
    let named = names.compactMap { name in options.first { $0.key == name } }
    for option in named + options.filter({ !names.contains($0.key) }) where !["mask", "training"].contains(option.key) {
      let found = sources(option.value)
      if found.isEmpty { call.options.append(option) } else { call.operands += found.map { .tensor($0) } }
    }
    return call
  }

  /// A call of a function of TensorFlow's: a list of [layer, node, tensor, kwargs], in which a number can stand for a layer.
  private static func functionCall(_ node: JSONValue) -> Call {
    var call = Call(operands: [])
    func add(_ value: JSONValue) {
      guard let elements = value.array, elements.count >= 3, let layer = elements[0].string else {
        for element in value.array ?? [] { add(element) }
        return
      }
      if layer == "_CONSTANT_VALUE", let number = elements[2].double {
        call.operands.append(.number(number))
      } else if let node = elements[1].integer, let tensor = elements[2].integer {
        call.operands.append(.tensor(Source(layer: layer, call: node, tensor: tensor)))
      }
      for option in elements.dropFirst(3).flatMap({ $0.members ?? [] }) where option.value != .null && option.key != "name" {
        if option.key == "slice_spec" {
          call.index = option.value
        } else if ["y", "x"].contains(option.key) {
          if let number = option.value.double { call.operands.append(.number(number)) } else { add(option.value) }
        } else if !call.options.contains(where: { $0 == option }) {
          call.options.append(option)
        }
      }
    }
    add(node)
    return call
  }

  private static func operands(_ value: JSONValue) -> [Operand] {
    if let number = value.double { return [.number(number)] }
    return sources(value).map { .tensor($0) }
  }

  private static func hasMask(_ node: JSONValue) -> Bool {
    if node.members != nil { return (node["kwargs"]?["mask"] ?? .null) != .null }
    return (node.array ?? []).contains { ($0.array?.last?["mask"] ?? .null) != .null }
  }

  /// The layers' tensors named anywhere in a value.
  private static func sources(_ value: JSONValue, depth: Int = 0) -> [Source] {
    guard depth < Limits.maximumDepth else { return [] }
    if let elements = value.array {
      if elements.count >= 3, let layer = elements[0].string, let call = elements[1].integer,
        let tensor = elements[2].integer
      {
        let options = elements.dropFirst(3).flatMap { $0.members ?? [] }.filter {
          !["mask", "training"].contains($0.key)
        }
        return [Source(layer: layer, call: call, tensor: tensor)]
          + options.flatMap { sources($0.value, depth: depth + 1) }
      }
      return elements.flatMap { sources($0, depth: depth + 1) }
    }
    if value["class_name"] == .string("__keras_tensor__") {
      return sources(value["config"]?["keras_history"] ?? .null, depth: depth + 1)
    }
    return (value.members ?? []).flatMap { sources($0.value, depth: depth + 1) }
  }
}
