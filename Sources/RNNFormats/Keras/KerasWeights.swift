import RNNModel

/// The arrays of a Keras file, each of them in one place: at the layer it belongs to, beside the layers, or left out.
struct KerasWeights {
  /// Arrays by the layer's name, in Keras' order, under their paths from the layer on.
  var layers: [String: [NamedTensor]] = [:]
  /// Those of layers that are models themselves, layer by layer, too, where their places tell.
  var inner: [String: KerasWeights] = [:]
  /// Arrays that belong to no layer, under their paths.
  var others: [NamedTensor] = []
  /// How many arrays of the optimizer, of metrics and of random seeds are left out.
  var leftOut = 0

  var count: Int { layers.values.reduce(others.count + leftOut) { $0 + $1.count } }

  static func error(_ path: String, _ problem: String, _ remedy: String = "save the model again with Keras") -> RNNError {
    RNNError(.badData, place: path, problem, remedy: remedy)
  }

  /// Throws `badData` unless every one of a file's arrays has its place.
  func check(against total: Int) throws(RNNError) {
    guard count == total else {
      throw Self.error("/", "\(total) arrays, of which the layers of the config hold \(count)")
    }
  }
}

extension KerasWeights {
  /// The arrays of a model inside another, whose paths have the names of its layers in them. Nil where one has none or
  /// several of them, or a layer is without its own.
  init?(splitting arrays: [NamedTensor], among layers: [KerasModelConfig.Layer]) {
    let names = Set(layers.map(\.name))
    for array in arrays {
      let found = Set(array.name.split(separator: "/").dropLast().map(String.init)).intersection(names)
      guard found.count == 1, let name = found.first else { return nil }
      self.layers[name, default: []].append(array)
    }
    for layer in layers {
      guard self.layers[layer.name] != nil || !KerasLayer.needsArrays(layer.className) else { return nil }
      splitInner(layer)
    }
  }

  /// Splits what a layer has, where it is a model itself.
  mutating func splitInner(_ layer: KerasModelConfig.Layer) {
    guard let model = layer.model else { return }
    inner[layer.name] = KerasWeights(splitting: layers[layer.name] ?? [], among: model.layers)
  }
}

extension HDF5Tree.Group {
  /// Every array below, depth first, the variables of a group by number and before the groups in it.
  func arrays(at path: [String] = []) throws(RNNError) -> [(path: [String], tensor: Tensor)] {
    guard path.count < Limits.maximumDepth else {
      throw KerasWeights.error("/" + path.joined(separator: "/"), "more than \(Limits.maximumDepth) levels of groups")
    }
    func rank(_ child: HDF5Tree.Child) -> (Int, Int, String) {
      if case .group = child.node { return (child.name == "vars" ? 0 : 1, 0, child.name) }
      return (0, Int(child.name) ?? Int.max, child.name)
    }
    var found: [(path: [String], tensor: Tensor)] = []
    for child in children.sorted(by: { rank($0) < rank($1) }) {
      switch child.node {
      case .group(let group): found += try group.arrays(at: path + [child.name])
      case .dataset(let dataset): found.append((path + [child.name], dataset.kerasTensor))
      case .strings: continue
      }
    }
    return found
  }

  /// A child that is a group.
  func group(_ name: String) -> HDF5Tree.Group? {
    if case .group(let group) = children.first(where: { $0.name == name })?.node { group } else { nil }
  }
}

extension HDF5Tree.Dataset {
  /// The tensor in the type that the file says it carries.
  var kerasTensor: Tensor {
    guard let name = self[attribute: HDF5Layout.typeKey]?.string, let type = ElementType(rawValue: name),
      HDF5Layout.carrier(of: type) == tensor.elementType
    else { return tensor }
    return tensor.reinterpreted(as: type) ?? tensor
  }
}
