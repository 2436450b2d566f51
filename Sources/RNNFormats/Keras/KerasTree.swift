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
    guard let root = try? KerasGroups.splittingBackslashes(root) else { return false }
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

  /// Layers with their arrays, in the order of the file's names; those of Keras 3's groups in none. `outer` is the name of
  /// what some stand inside.
  func layers() throws(RNNError) -> (layers: [KerasLayer], outer: String?, leftOut: Int) {
    if isByVariable { return try groups().layers() }
    let (layers, leftOut) = try named()
    return (layers, nil, leftOut)
  }

  /// The arrays of the layers of a config, whose version wrote the file. Throws `badData` where one belongs to none.
  func weights(of config: [KerasModelConfig.Layer], _ version: KerasVersion) throws(RNNError) -> KerasWeights {
    if isByVariable { return try groups().weights(of: config, version) }
    let (layers, leftOut) = try named()
    var result = KerasWeights(leftOut: leftOut)
    let names = Set(config.map(\.name))
    for layer in layers where !layer.weights.isEmpty {
      guard names.contains(layer.name) || layer.name == Self.topLevel else {
        throw Self.error("/\(layer.name)", "arrays that belong to no layer of the config")
      }
      if layer.name == Self.topLevel { result.others += layer.weights } else { result.layers[layer.name] = layer.weights }
    }
    for layer in config { result.splitInner(layer) }
    return result
  }

  private func groups() throws(RNNError) -> KerasGroups { KerasGroups(try KerasGroups.splittingBackslashes(root)) }

  /// The group of a model's own arrays, beside those of its layers.
  private static let topLevel = "top_level_model_weights"

  /// Layers by the names that the file lists, and how many arrays are left out.
  private func named() throws(RNNError) -> (layers: [KerasLayer], leftOut: Int) {
    var layers: [KerasLayer] = []
    var (taken, leftOut) = (0, 0)
    var names = try Self.names("layer_names", of: base, at: "/")
    guard Set(names).count == names.count else { throw Self.error("/, attribute layer_names", "a name that stands twice") }
    if !names.contains(Self.topLevel), base.group(Self.topLevel) != nil { names.append(Self.topLevel) }
    for name in names {
      guard case .group(let group) = base[name] else { throw Self.error("/\(name)", "a layer's group is missing") }
      var weights: [NamedTensor] = []
      let paths = try Self.names("weight_names", of: group, at: "/\(name)")
      guard Set(paths).count == paths.count else {
        throw Self.error("/\(name), attribute weight_names", "a name that stands twice")
      }
      taken += paths.count
      for path in paths {
        guard case .dataset(let dataset) = group[path] else {
          throw Self.error("/\(name)/\(path)", "an array is missing")
        }
        let isSeed = path.split(separator: "/").last?.hasPrefix("seed_generator_state") == true
        if isSeed { leftOut += 1 } else { weights.append(NamedTensor(path, dataset.kerasTensor)) }
      }
      layers.append(KerasLayer(name: name, weights: weights))
    }
    // The optimizer's stand beside them.
    let optimizer = try root.group("optimizer_weights")?.arrays().count ?? 0
    let total = try root.arrays().count - optimizer
    guard total == taken else { throw Self.error("/", "\(total) arrays, of which the layers' weight_names list \(taken)") }
    return (layers, leftOut + optimizer)
  }
}
