import RNNModel

/// The arrays of a Keras model in an HDF5 tree, layer by layer, in either of the two layouts.
///
/// Keras 1, 2 and `model.save("x.h5")`: a group for each of the attribute `layer_names`, with its arrays under the
/// paths in `weight_names`, at the root or in `model_weights`. Keras 3's `.weights.h5`: arrays named 0, 1, … in groups
/// `vars`, one for each object that has variables.
struct KerasTree {
  private let root: HDF5Tree.Group
  private let base: HDF5Tree.Group

  init(_ tree: HDF5Tree) {
    root = tree.root
    if case .group(let group) = tree.root["model_weights"] { base = group } else { base = tree.root }
  }

  /// Whether a tree is of Keras: of its layer names, or of groups that end in `vars`.
  static func recognizes(_ tree: HDF5Tree) -> Bool {
    let keras = KerasTree(tree)
    return keras.isNamed || keras.root[attribute: "model_config"] != nil || keras.hasVars
  }

  private var isNamed: Bool {
    base[attribute: "layer_names"] != nil || base[attribute: "layer_names0"] != nil
  }

  private var hasVars: Bool {
    guard case .group(let layers) = root["layers"] ?? root["_layer_checkpoint_dependencies"] else {
      if case .group = root["vars"] { return true }
      return false
    }
    return layers.children.contains { child in
      guard case .group(let group) = child.node else { return false }
      return ["vars", "cell", "layer", "forward_layer"].contains { group[$0] != nil }
    }
  }

  /// Whether the layout is Keras 3's, whose groups are in no order.
  var isByVariable: Bool { !isNamed }

  /// The JSON of the attribute `model_config`, nil where only weights are stored.
  func modelConfig() throws(RNNError) -> JSONValue? { try json("model_config") }

  /// What our own writer says modules were called.
  func names() throws(RNNError) -> JSONValue? { try json(KerasWriter.namesKey) }

  private func json(_ attribute: String) throws(RNNError) -> JSONValue? {
    guard let text = root[attribute: attribute]?.string else { return nil }
    do throws(RNNError) {
      return try JSONValue(parsing: text)
    } catch {
      var error = error
      error.place = "/, attribute \(attribute), \(error.place ?? "")"
      throw error
    }
  }

  /// A text attribute of the file, which may also stand at the weights.
  func text(_ attribute: String) -> String? {
    root[attribute: attribute]?.string ?? base[attribute: attribute]?.string
  }

  private static func error(_ path: String, _ problem: String) -> RNNError {
    RNNError(.badData, place: path, problem, remedy: "save the model again with Keras")
  }

  /// A list of names, which is split over attributes name0, name1 … where it is long.
  private static func names(_ attribute: String, of group: HDF5Tree.Group, at path: String) throws(RNNError) -> [String]
  {
    var values: [JSONValue] = []
    if let whole = group[attribute: attribute] {
      values = whole.array ?? [whole]
    } else {
      var part = 0
      while let value = group[attribute: "\(attribute)\(part)"] {
        values += value.array ?? [value]
        part += 1
      }
    }
    var names: [String] = []
    for value in values {
      guard let name = value.string else { throw error("\(path), attribute \(attribute)", "not a list of names") }
      names.append(name)
    }
    return names
  }

  private static func tensor(_ dataset: HDF5Tree.Dataset) -> Tensor {
    guard let name = dataset[attribute: HDF5Layout.typeKey]?.string, let type = ElementType(rawValue: name),
      HDF5Layout.carrier(of: type) == dataset.tensor.elementType
    else { return dataset.tensor }
    return dataset.tensor.reinterpreted(as: type) ?? dataset.tensor
  }

  /// Layers with their arrays, in the order of the file's names, or in none.
  func layers() throws(RNNError) -> [KerasLayer] {
    if isByVariable {
      var layers: [KerasLayer] = []
      try collect(root, path: [], depth: 0, into: &layers)
      return layers
    }
    var layers: [KerasLayer] = []
    for name in try Self.names("layer_names", of: base, at: "/") {
      guard case .group(let group) = base[name] else { throw Self.error("/\(name)", "a layer's group is missing") }
      var weights: [NamedTensor] = []
      for path in try Self.names("weight_names", of: group, at: "/\(name)") {
        guard case .dataset(let dataset) = group[path] else {
          throw Self.error("/\(name)/\(path)", "an array is missing")
        }
        if path.contains("seed_generator") { continue }
        weights.append(NamedTensor(path, Self.tensor(dataset)))
      }
      layers.append(KerasLayer(name: name, weights: weights))
    }
    return layers
  }

  // MARK: Keras 3's variables

  /// Finds layers in a group and below it. What a layer is shows in its children: a recurrent one has a `cell`, a
  /// Bidirectional two directions, a TimeDistributed a `layer`.
  private func collect(
    _ group: HDF5Tree.Group, path: [String], depth: Int, into layers: inout [KerasLayer]
  ) throws(RNNError) {
    guard depth < Limits.maximumDepth else {
      throw Self.error("/" + path.joined(separator: "/"), "more than \(Limits.maximumDepth) levels of groups")
    }
    func child(_ name: String) -> HDF5Tree.Group? {
      if case .group(let child) = group[name] { child } else { nil }
    }
    let name = Self.ownName(group) ?? path.filter { !$0.hasPrefix("_") && $0 != "layers" }.joined(separator: ".")
    func add(_ className: String?, _ parts: [(String, HDF5Tree.Group)]) throws(RNNError) {
      var weights: [NamedTensor] = []
      for (prefix, part) in parts { weights += try Self.variables(part, "\(prefix)vars", path) }
      guard !weights.isEmpty else { return }
      layers.append(KerasLayer(className: className, name: name, weights: weights))
    }
    if let forward = child("forward_layer"), let backward = child("backward_layer") {
      var parts: [(String, HDF5Tree.Group)] = []
      for (prefix, layer) in [("forward_layer", forward), ("backward_layer", backward)] {
        if case .group(let cell) = layer["cell"] { parts.append(("\(prefix)/cell/", cell)) }
      }
      return try add("Bidirectional", parts)
    }
    if let cell = child("cell") { return try add(nil, [("cell/", cell)]) }
    if let layer = child("layer"), case .group = layer["vars"] {
      return try add("TimeDistributed", [("layer/", layer)])
    }
    if !path.isEmpty { try add(nil, [("", group)]) }
    for next in group.children where !["vars", "optimizer", "seed_generator"].contains(next.name) {
      if case .group(let below) = next.node {
        try collect(below, path: path + [next.name], depth: depth + 1, into: &layers)
      }
    }
  }

  /// The layer's name, which later versions of Keras 3 keep.
  private static func ownName(_ group: HDF5Tree.Group) -> String? {
    guard case .group(let vars) = group["vars"] else { return nil }
    return vars[attribute: "name"]?.string
  }

  /// The arrays 0, 1, … of a group's `vars`.
  private static func variables(
    _ group: HDF5Tree.Group, _ prefix: String, _ path: [String]
  ) throws(RNNError) -> [NamedTensor] {
    guard case .group(let vars) = group["vars"] else { return [] }
    // By name at once: a search for each of a hostile file's many would take its square.
    let children = Dictionary(vars.children.map { ($0.name, $0.node) }) { first, _ in first }
    var found: [NamedTensor] = []
    while case .dataset(let dataset) = children["\(found.count)"] {
      found.append(NamedTensor("\(prefix)/\(found.count)", tensor(dataset)))
    }
    guard found.count == vars.children.count else {
      throw error("/" + (path + [prefix]).joined(separator: "/"), "variables that are not numbered from 0")
    }
    return found
  }

  /// The group that Keras 3 makes for each layer of a list: its class in small letters, numbered from the second on.
  static func groupNames(_ classNames: [String]) -> [String] {
    var counts: [String: Int] = [:]
    return classNames.map { className in
      let name = snakeCase(className)
      let count = counts[name, default: 0]
      counts[name] = count + 1
      return count == 0 ? name : "\(name)_\(count)"
    }
  }

  /// `SimpleRNN` as `simple_rnn`. Source: keras/src/utils/naming.py, `to_snake_case`.
  private static func snakeCase(_ name: String) -> String {
    let letters = Array(name.filter { $0.isLetter || $0.isNumber || $0 == "_" })
    var result = ""
    for (index, letter) in letters.enumerated() {
      if index > 0, letter.isUppercase {
        let endsWord = letters[index - 1].isLowercase
        let beginsWord = index + 1 < letters.count && letters[index + 1].isLowercase
        if (endsWord || beginsWord) && letters[index - 1] != "_" { result += "_" }
      }
      result += letter.lowercased()
    }
    return result
  }
}
