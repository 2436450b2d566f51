import RNNModel

/// The groups of a `model.weights.h5` of TensorFlow 2.12 and later and of Keras 3: one for each object that has
/// variables, which stand in it in a group `vars` as 0, 1 and so on.
///
/// A model's layers stand in one group, named by their classes and numbered in each class by their order in the config.
/// Their own names are not in these names, whatever they look like: `lstm_1` is the second LSTM of the model, which the
/// program may call `lstm_7`, while it calls the first `lstm_1`. Keras 3.6 and later keep the name in an attribute beside.
/// Sources: keras/src/saving/saving_lib.py of every minor version, `_walk_saveable` and `_save_container_state`.
struct KerasGroups {
  let root: HDF5Tree.Group
  /// The name of the group of layers; nil for a subclassed model, whose groups have the names of its properties.
  let container: String?

  /// Where a model's layers stand: `layers`, but in TensorFlow 2.12 to 2.14, whose walk meets another property first.
  private static let containers = ["layers", "_layer_checkpoint_dependencies"]
  /// What stands beside the layers and is no part of the model.
  private static let foreign: Set = [
    "optimizer", "metrics", "_metrics", "compiled_metrics", "compiled_loss", "_compile_metrics", "_compile_loss",
    "_loss_tracker", "loss_tracker",
  ]

  init(_ root: HDF5Tree.Group) {
    self.root = root
    container = Self.containers.first { root.group($0) != nil }
  }

  // MARK: With a config

  /// Gives each layer its group's arrays, by the rule of the version that wrote the file. Throws `badData` where a group
  /// is of no layer, or a layer's group is missing or says to be another's.
  func weights(of layers: [KerasModelConfig.Layer], _ version: KerasVersion) throws(RNNError) -> KerasWeights {
    var result = KerasWeights()
    let container = container ?? "layers"
    var groups: [String: HDF5Tree.Group] = [:]
    for child in root.group(container)?.children ?? [] {
      if case .group(let group) = child.node { groups[child.name] = group }
    }
    var names = Names()
    for layer in layers where !layer.isOperation {
      let name = names.next(layer.plainClass)
      let place = "/\(container)/\(name)"
      let group = groups.removeValue(forKey: name)
      if let stated = group?.group("vars")?[attribute: "name"]?.string, stated != layer.name {
        throw KerasWeights.error(place, "the arrays of layer \(stated), where those of layer \(layer.name) should stand")
      }
      let arrays = try group.map { (group) throws(RNNError) in try group.arrays() } ?? []
      // Before 2.14 a layer with weights is counted twice.
      if version.countsLayersTwice, !arrays.isEmpty { _ = names.next(layer.plainClass) }
      if group == nil, KerasLayer.needsArrays(layer.className) {
        throw KerasWeights.error(
          "layer \(layer.name)", "its group \(place) is missing, as that of a layer is which a model inside has too",
          "save the model as .h5, where each layer has its arrays")
      }
      result.layers[layer.name] = result.keeping(arrays)
      if let model = layer.model {
        // Where a layer inside is without its group, as one that another model has too, the model is not run.
        result.inner[layer.name] = try? KerasGroups(group ?? HDF5Tree.Group()).weights(of: model.layers, version)
      }
    }
    for (name, group) in groups.sorted(by: { $0.key < $1.key }) where try !group.arrays().isEmpty {
      throw KerasWeights.error("/\(container)/\(name)", "arrays that belong to no layer of the config")
    }
    try addOthers(to: &result, except: container)
    try result.check(against: root.arrays().count)
    return result
  }

  private func addOthers(to result: inout KerasWeights, except container: String) throws(RNNError) {
    for child in root.children where child.name != container {
      switch child.node {
      case .group(let group) where Self.foreign.contains(child.name): result.leftOut += try group.arrays().count
      case .group(let group):
        for array in result.keeping(try group.arrays()) {
          result.others.append(NamedTensor("\(child.name)/\(array.name)", array.tensor))
        }
      case .dataset(let dataset): result.others.append(NamedTensor(child.name, dataset.kerasTensor))
      case .strings: continue
      }
    }
  }

  /// Windows' names `layers\lstm\cell` as groups in groups.
  static func splittingBackslashes(_ group: HDF5Tree.Group) throws(RNNError) -> HDF5Tree.Group {
    guard group.children.contains(where: { child in containers.contains { child.name.hasPrefix($0 + "\\") } }) else {
      return group
    }
    var result = group
    result.children = try nested(
      group.children.map { ($0.name.split(separator: "\\").map(String.init)[...], $0.node) }, depth: 0)
    return result
  }

  /// Nodes by their paths as groups in groups.
  private static func nested(
    _ entries: [(path: ArraySlice<String>, node: HDF5Tree.Node)], depth: Int
  ) throws(RNNError) -> [HDF5Tree.Child] {
    var order: [String] = []
    var byName: [String: [(path: ArraySlice<String>, node: HDF5Tree.Node)]] = [:]
    for entry in entries {
      guard let name = entry.path.first, depth < Limits.maximumDepth else {
        throw KerasWeights.error("/", "a group's name that is no path")
      }
      if byName[name] == nil { order.append(name) }
      byName[name, default: []].append(entry)
    }
    var children: [HDF5Tree.Child] = []
    for name in order {
      let parts = byName[name] ?? []
      if parts.count == 1, parts[0].path.count == 1 {
        children.append(HDF5Tree.Child(name, parts[0].node))
        continue
      }
      var group = HDF5Tree.Group()
      var below: [(path: ArraySlice<String>, node: HDF5Tree.Node)] = []
      for part in parts {
        if part.path.count > 1 {
          below.append((part.path.dropFirst(), part.node))
        } else if case .group(let own) = part.node {
          group.attributes += own.attributes
          below += own.children.map { ([$0.name][...], $0.node) }
        } else {
          throw KerasWeights.error("/\(name)", "a name that stands twice")
        }
      }
      group.children = try nested(below, depth: depth + 1)
      children.append(HDF5Tree.Child(name, .group(group)))
    }
    return children
  }

  // MARK: Names

  /// The group that Keras 3 makes for each layer of a list.
  static func names(_ classNames: [String]) -> [String] {
    var names = Names()
    return classNames.map { names.next($0) }
  }

  /// The names of groups: a layer's class in small letters, numbered from the second on.
  private struct Names {
    private var counts: [String: Int] = [:]

    mutating func next(_ className: String) -> String {
      let name = snakeCase(className), count = counts[name, default: 0]
      counts[name] = count + 1
      return count == 0 ? name : "\(name)_\(count)"
    }
  }

  /// `SimpleRNN` as `simple_rnn`: an underscore before a capital with small letters after it, then between a small letter
  /// and a capital. Source: keras/src/utils/naming.py, `to_snake_case`, whose two expressions these are.
  static func snakeCase(_ name: String) -> String {
    let letters = Array(name.unicodeScalars.filter { $0.properties.isAlphabetic || $0.properties.numericType != nil || $0 == "_" })
    func isSmall(_ index: Int) -> Bool { index < letters.count && ("a"..."z").contains(letters[index]) }
    func isCapital(_ index: Int) -> Bool { index < letters.count && ("A"..."Z").contains(letters[index]) }
    var words: [Unicode.Scalar] = []
    var index = 0
    while index < letters.count {
      words.append(letters[index])
      index += 1
      guard isCapital(index), isSmall(index + 1) else { continue }
      words.append("_")
      words.append(letters[index])
      index += 1
      while isSmall(index) {
        words.append(letters[index])
        index += 1
      }
    }
    var result = String.UnicodeScalarView()
    for (index, letter) in words.enumerated() {
      if index > 0, ("a"..."z").contains(words[index - 1]), ("A"..."Z").contains(letter) { result.append("_") }
      result.append(letter)
    }
    return String(result).lowercased()
  }
}

extension KerasWeights {
  private static let seedTypes: Set<ElementType> = [.uint32, .int32, .uint64, .int64]

  /// Arrays under their paths, random seeds left out and counted.
  fileprivate mutating func keeping(_ arrays: [(path: [String], tensor: Tensor)]) -> [NamedTensor] {
    var kept: [NamedTensor] = []
    for (path, tensor) in arrays {
      let isSeed = path.dropLast(2).last?.hasSuffix("seed_generator") == true && Self.seedTypes.contains(tensor.elementType)
      if isSeed { leftOut += 1 } else { kept.append(NamedTensor(path.joined(separator: "/"), tensor)) }
    }
    return kept
  }
}

// MARK: - Without a config

extension KerasGroups {
  /// Layers as their groups show them, and the name of what one stands inside, where what the outer one does with it is
  /// not known.
  ///
  /// A layer's name is the one that the file keeps, else its group's. Its class is known from its group's name where that
  /// stands among a model's layers, and is one that Keras' own recurrent and dense layers have or else not understood.
  func layers() throws(RNNError) -> (layers: [KerasLayer], outer: String?, leftOut: Int) {
    var found = Found()
    if let container, let group = root.group(container) {
      try collect(children: group, prefix: "", at: [container], areNamedByClass: true, into: &found)
    }
    try found.addOwn(of: root, name: "")
    var beside = root
    beside.children.removeAll { $0.name == container || $0.name == "vars" || Self.foreign.contains($0.name) }
    try collect(children: beside, prefix: "", at: [], areNamedByClass: false, into: &found)
    for child in root.children where Self.foreign.contains(child.name) {
      if case .group(let group) = child.node { found.weights.leftOut += try group.arrays().count }
    }
    let count = found.layers.reduce(found.weights.leftOut) { $0 + $1.weights.count }
    let total = try root.arrays().count
    guard count == total else { throw KerasWeights.error("/", "\(total) arrays, of which \(count) stand in groups") }
    return (found.layers, found.outer, found.weights.leftOut)
  }

  private struct Found {
    var layers: [KerasLayer] = []
    var outer: String?
    var weights = KerasWeights()
    var names = Set<String>()

    mutating func add(_ className: String?, _ name: String, _ arrays: [(path: [String], tensor: Tensor)]) {
      let kept = weights.keeping(arrays)
      if !kept.isEmpty { layers.append(KerasLayer(className: className, name: name, weights: kept)) }
    }

    /// A group's own variables, of something whose parts stand beside them.
    mutating func addOwn(of group: HDF5Tree.Group, name: String) throws(RNNError) {
      guard let vars = group.group("vars") else { return }
      add("", name.isEmpty ? "model" : name, try vars.arrays(at: ["vars"]))
    }
  }

  /// What a group's name says of its class: `lstm_3` is an LSTM. Empty for one that is not understood.
  private static func className(ofGroup name: String) -> String {
    let parts = name.split(separator: "_", omittingEmptySubsequences: false)
    let base = parts.count > 1 && Int(parts[parts.count - 1]) != nil ? parts.dropLast().joined(separator: "_") : name
    return (Array(KerasLayer.recurrent.keys) + ["Dense", "Embedding", "Bidirectional", "TimeDistributed"]).first {
      snakeCase($0) == base
    } ?? ""
  }

  private func collect(
    children group: HDF5Tree.Group, prefix: String, at path: [String], areNamedByClass: Bool, into found: inout Found
  ) throws(RNNError) {
    guard path.count < Limits.maximumDepth else {
      throw KerasWeights.error("/" + path.joined(separator: "/"), "more than \(Limits.maximumDepth) levels of groups")
    }
    for child in group.children {
      guard case .group(let below) = child.node else { continue }
      var name = prefix + child.name
      // The names of a model's own layers are unique; of layers inside others they need not be.
      if prefix.isEmpty, let own = below.group("vars")?[attribute: "name"]?.string, !found.names.contains(own) {
        name = own
      }
      found.names.insert(name)
      try collect(
        below, named: name, at: path + [child.name],
        className: areNamedByClass ? Self.className(ofGroup: child.name) : nil, into: &found)
    }
  }

  private func collect(
    _ group: HDF5Tree.Group, named name: String, at path: [String], className: String?, into found: inout Found
  ) throws(RNNError) {
    let arrays = try group.arrays()
    let parts = Set(arrays.filter { $0.path.dropLast(2).last != "seed_generator" }.map { Array($0.path.dropLast()) })
    func isOf(_ wanted: [[String]], _ classes: String...) -> Bool {
      parts == Set(wanted) && (className.map { classes.contains($0) } ?? true)
    }
    if isOf([["cell", "vars"]], "SimpleRNN", "LSTM", "GRU") { return found.add(nil, name, arrays) }
    if isOf([["layer", "vars"]], "TimeDistributed") { return found.add("TimeDistributed", name, arrays) }
    if isOf([["forward_layer", "cell", "vars"], ["backward_layer", "cell", "vars"]], "Bidirectional") {
      return found.add("Bidirectional", name, KerasLayer.forwardFirst(arrays))
    }
    if isOf([["vars"]], "Dense", "Embedding") { return found.add(nil, name, arrays) }
    let isWhole = !group.children.contains { child in
      if case .group = child.node { child.name != "vars" && child.name != "seed_generator" } else { false }
    }
    if parts.isEmpty || isWhole { return found.add("", name, arrays) }
    found.outer = found.outer ?? name
    try found.addOwn(of: group, name: name)
    for child in group.children where child.name != "vars" {
      guard case .group(let below) = child.node else { continue }
      if Self.containers.contains(child.name) {
        try collect(
          children: below, prefix: name + ".", at: path + [child.name], areNamedByClass: true, into: &found)
      } else {
        try collect(below, named: "\(name).\(child.name)", at: path + [child.name], className: nil, into: &found)
      }
    }
  }
}

extension KerasLayer {
  /// A Bidirectional's arrays in Keras' order.
  static func forwardFirst(_ arrays: [(path: [String], tensor: Tensor)]) -> [(path: [String], tensor: Tensor)] {
    arrays.filter { $0.path.first != "backward_layer" } + arrays.filter { $0.path.first == "backward_layer" }
  }
}
