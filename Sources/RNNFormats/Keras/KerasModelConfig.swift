import RNNModel

/// A model's config: its layers in the order they are applied, where they make a chain.
struct KerasModelConfig {
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

    /// The class alone: `MDN` for `Custom>MDN`.
    var plainClass: String { className.split(separator: ">").last.map(String.init) ?? className }
  }

  /// Of the chain; of the whole model in the file's order where it is none.
  private(set) var layers: [Layer] = []
  /// Every layer of the model in the file's order, which numbers the groups of Keras 3's weights.
  private(set) var all: [Layer] = []
  /// Why the layers make no chain.
  private(set) var notAChain: String?

  private static func refuse(_ problem: String) -> RNNError {
    RNNError(.badData, place: "model_config", problem, remedy: "save the model again with Keras")
  }

  init(_ json: JSONValue) throws(RNNError) {
    guard let className = json["class_name"]?.string, let config = json["config"] else {
      throw Self.refuse("no class_name and config")
    }
    // Keras before 2.2.3 gives a Sequential's layers as the config itself.
    guard let entries = config.array ?? config["layers"]?.array else {
      throw Self.refuse("the model is of class \(className), whose config lists no layers")
    }
    var names = Set<String>()
    for (index, entry) in entries.enumerated() {
      guard let className = Self.className(entry), let config = entry["config"],
        let name = config["name"]?.string ?? entry["name"]?.string
      else { throw Self.refuse("layers[\(index)] has no class_name, config and name") }
      guard names.insert(name).inserted else { throw Self.refuse("two layers of the name \(name)") }
      let hasMask = entry["inbound_nodes"]?.array?.contains { Self.hasMask($0) } ?? false
      let module = entry["module"]?.string ?? ""
      all.append(
        Layer(
          className: className, name: name, config: config, hasMask: hasMask,
          inputSize: (entry["build_config"]?["input_shape"]?.array?.last?.integer).flatMap { Int(exactly: $0) },
          isOperation: ["keras.ops", "keras.src.ops"].contains { module == $0 || module.hasPrefix($0 + ".") }))
    }
    layers = all
    guard className != "Sequential", config["output_layers"] != nil else { return }
    do throws(NotAChain) {
      layers = try chain(entries, config)
    } catch {
      notAChain = error.reason
    }
  }

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

  private struct NotAChain: Error {
    var reason: String
  }

  /// Follows the layers from the output back to the input. Masks come from elsewhere and are not followed.
  private func chain(_ entries: [JSONValue], _ config: JSONValue) throws(NotAChain) -> [Layer] {
    let outputs = Self.sources(config["output_layers"] ?? .null)
    guard outputs.count == 1, var next = outputs.first else {
      throw NotAChain(reason: "it has \(outputs.count) outputs")
    }
    let positions = Dictionary(all.enumerated().map { ($0.element.name, $0.offset) }) { first, _ in first }
    var chain: [Layer] = []
    while true {
      guard let position = positions[next.layer], chain.count <= all.count else {
        throw NotAChain(reason: "its layers refer to each other wrongly")
      }
      let (layer, entry) = (all[position], entries[position])
      guard next.tensor == 0 else {
        throw NotAChain(reason: "the state of \(layer.name) goes on, not its output")
      }
      chain.append(layer)
      let nodes = entry["inbound_nodes"]?.array ?? []
      if nodes.isEmpty { return chain.reversed() }
      guard nodes.count == 1 else { throw NotAChain(reason: "\(layer.name) stands in it \(nodes.count) times") }
      let sources = Self.sources(ofNode: nodes[0])
      guard sources.count == 1 else { throw NotAChain(reason: "\(layer.name) has \(sources.count) inputs") }
      next = sources[0]
    }
  }

  private struct Source {
    var layer: String
    var tensor: Int
  }

  /// What a node takes: Keras 3 has args and kwargs; Keras 2 a list of [layer, node, tensor, kwargs].
  private static func sources(ofNode node: JSONValue) -> [Source] {
    if node.members != nil {
      let options = node["kwargs"]?.members?.filter { !["mask", "training"].contains($0.key) } ?? []
      return sources(node["args"] ?? .null) + options.flatMap { sources($0.value) }
    }
    return (node.array ?? []).flatMap { sources($0) }
  }

  private static func hasMask(_ node: JSONValue) -> Bool {
    if node.members != nil { return (node["kwargs"]?["mask"] ?? .null) != .null }
    return (node.array ?? []).contains { ($0.array?.last?["mask"] ?? .null) != .null }
  }

  /// The layers' tensors named anywhere in a value.
  private static func sources(_ value: JSONValue, depth: Int = 0) -> [Source] {
    guard depth < Limits.maximumDepth else { return [] }
    if let elements = value.array {
      if elements.count >= 3, let layer = elements[0].string, elements[1].integer != nil,
        let tensor = elements[2].integer
      {
        let options = elements.dropFirst(3).flatMap { $0.members ?? [] }.filter {
          !["mask", "training"].contains($0.key)
        }
        return [Source(layer: layer, tensor: tensor)] + options.flatMap { sources($0.value, depth: depth + 1) }
      }
      return elements.flatMap { sources($0, depth: depth + 1) }
    }
    if value["class_name"] == .string("__keras_tensor__") {
      return sources(value["config"]?["keras_history"] ?? .null, depth: depth + 1)
    }
    return (value.members ?? []).flatMap { sources($0.value, depth: depth + 1) }
  }
}
