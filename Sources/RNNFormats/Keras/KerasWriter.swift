import RNNModel

/// Lays out a model's layers as Keras' files.
struct KerasWriter {
  /// What the files say wrote them. It decides what hard_sigmoid means.
  static let version = "3.0.0"
  /// Where the files say what modules were called whose names Keras does not take: an attribute of the root, or a
  /// member of `metadata.json`, an object of modules' names by layers'.
  static let namesKey = "rnnkit_modules"
  private let chain: KerasChain

  init(_ model: Model) throws(RNNError) {
    chain = try KerasChain(model)
  }

  private var type: String { chain.layers.first?.arrays.first?.first?.elementType.rawValue ?? "float32" }

  /// A layer's config with what every layer has.
  private func config(_ layer: KerasChain.Layer) -> JSONValue {
    let type = layer.arrays.first?.first?.elementType.rawValue ?? "float32"
    func complete(_ members: [JSONValue.Member], name: String?) -> JSONValue {
      var result = name.map { [JSONValue.Member("name", .string($0))] } ?? []
      result += [.init("trainable", .bool(true)), .init("dtype", .string(type))]
      for member in members {
        // The layers inside a Bidirectional have a config of their own.
        if let inner = member.value["config"]?.members, let className = member.value["class_name"] {
          let config = complete(inner, name: nil)
          result.append(
            .init(
              member.key,
              .object([
                .init("module", .string("keras.layers")), .init("class_name", className), .init("config", config),
                .init("registered_name", .null),
              ])))
        } else {
          result.append(member)
        }
      }
      return .object(result)
    }
    return complete(layer.config, name: layer.name)
  }

  /// The shape of a batch: any sequences, any steps, the first layer's features.
  private var batchShape: JSONValue {
    .array([.null, .null] + (chain.layers.first?.inputSize.map { [.integer(Int64($0))] } ?? []))
  }

  private var inputType: String { chain.layers.first?.inputSize == nil ? "int32" : type }

  // MARK: model.h5

  /// Keras 2's layout of a whole model: the config as an attribute, arrays under their layers' names.
  func wholeModel() -> HDF5Tree {
    var layers: [JSONValue] = [
      .object([
        .init("class_name", .string("InputLayer")),
        .init(
          "config",
          .object([
            .init("batch_input_shape", batchShape), .init("dtype", .string(inputType)), .init("sparse", .bool(false)),
            .init("name", .string(unique("input_layer"))),
          ])),
      ])
    ]
    var groups: [HDF5Tree.Child] = []
    for layer in chain.layers {
      layers.append(.object([.init("class_name", .string(layer.className)), .init("config", config(layer))]))
      groups.append(HDF5Tree.Child(layer.name, .group(Self.group(layer))))
    }
    let config = JSONValue.object([
      .init("class_name", .string("Sequential")),
      .init("config", .object([.init("name", .string("sequential")), .init("layers", .array(layers))])),
    ])
    let stamp: [HDF5Tree.Attribute] = [
      .init("backend", .string("tensorflow")), .init("keras_version", .string(Self.version)),
    ]
    let names = HDF5Tree.Attribute("layer_names", .array(chain.layers.map { .string($0.name) }))
    let weights = HDF5Tree.Group(attributes: [names] + stamp, children: groups)
    let renamed =
      chain.names.isEmpty
      ? [] : [HDF5Tree.Attribute(Self.namesKey, .string(JSONValue.object(chain.names).text))]
    return HDF5Tree(
      root: HDF5Tree.Group(
        attributes: stamp + [.init("model_config", .string(config.text))] + renamed,
        children: [HDF5Tree.Child("model_weights", .group(weights))]))
  }

  private func unique(_ name: String) -> String {
    chain.layers.contains { $0.name == name } ? unique(name + "_") : name
  }

  /// A layer's arrays, in groups named as Keras names its variables.
  private static func group(_ layer: KerasChain.Layer) -> HDF5Tree.Group {
    var paths: [JSONValue] = []
    func group(_ path: String, _ name: String, _ names: [String], _ arrays: [Tensor]) -> HDF5Tree.Child {
      let children = zip(names, arrays).map { name, array in
        paths.append(.string("\(path)/\(name):0"))
        return HDF5Tree.Child("\(name):0", .dataset(HDF5Tree.Dataset(array)))
      }
      return HDF5Tree.Child(name, .group(HDF5Tree.Group(children: children)))
    }
    let cell = ["kernel", "recurrent_kernel", "bias"]
    let inside: [HDF5Tree.Child]
    switch layer.className {
    case "Bidirectional":
      let parts = zip(["forward", "backward"], layer.arrays).map { direction, arrays in
        group("\(layer.name)/\(direction)_\(layer.name)", "\(direction)_\(layer.name)", cell, arrays)
      }
      inside = [HDF5Tree.Child(layer.name, .group(HDF5Tree.Group(children: parts)))]
    case "Embedding": inside = [group(layer.name, layer.name, ["embeddings"], layer.arrays[0])]
    case "Dense": inside = [group(layer.name, layer.name, ["kernel", "bias"], layer.arrays[0])]
    default: inside = [group(layer.name, layer.name, cell, layer.arrays[0])]
    }
    return HDF5Tree.Group(attributes: [.init("weight_names", .array(paths))], children: inside)
  }

  // MARK: model.keras

  var metadata: JSONValue {
    // A fixed date: the same model gives the same file.
    let stamp: [JSONValue.Member] = [
      .init("keras_version", .string(Self.version)), .init("date_saved", .string("1980-01-01@00:00:00")),
    ]
    return .object(stamp + (chain.names.isEmpty ? [] : [.init(Self.namesKey, .object(chain.names))]))
  }

  /// `config.json` of a `.keras`.
  var archiveConfig: JSONValue {
    func object(_ module: String, _ className: String, _ config: JSONValue, _ shape: JSONValue?) -> JSONValue {
      var members: [JSONValue.Member] = [
        .init("module", .string(module)), .init("class_name", .string(className)), .init("config", config),
        .init("registered_name", .null),
      ]
      if let shape { members.append(.init("build_config", .object([.init("input_shape", shape)]))) }
      return .object(members)
    }
    let input = JSONValue.object([
      .init("batch_shape", batchShape), .init("dtype", .string(inputType)), .init("sparse", .bool(false)),
      .init("name", .string(unique("input_layer"))),
    ])
    // Past a layer that gives its last step alone there is no time axis.
    var hasTime = true
    var layers = [object("keras.layers", "InputLayer", input, nil)]
    for layer in chain.layers {
      let axes: [JSONValue] = hasTime ? [.null, .null] : [.null]
      let shape = JSONValue.array(axes + (layer.inputSize.map { [.integer(Int64($0))] } ?? []))
      layers.append(object("keras.layers", layer.className, config(layer), shape))
      let inner = layer.config.first { $0.key == "layer" }?.value["config"] ?? .object(layer.config)
      if inner["return_sequences"] == .bool(false) { hasTime = false }
    }
    let config = JSONValue.object([
      .init("name", .string("sequential")), .init("trainable", .bool(true)), .init("dtype", .string(type)),
      .init("layers", .array(layers)), .init("build_input_shape", batchShape),
    ])
    return object("keras", "Sequential", config, batchShape)
  }

  /// `model.weights.h5` of a `.keras`.
  func archiveWeights() -> HDF5Tree {
    func vars(_ arrays: [Tensor], _ name: String? = nil) -> HDF5Tree.Child {
      let children = arrays.enumerated().map { HDF5Tree.Child("\($0.offset)", .dataset(HDF5Tree.Dataset($0.element))) }
      return HDF5Tree.Child(
        "vars",
        .group(
          HDF5Tree.Group(
            attributes: name.map { [.init("name", .string($0))] } ?? [], children: children)))
    }
    func cell(_ arrays: [Tensor]) -> HDF5Tree.Child {
      HDF5Tree.Child("cell", .group(HDF5Tree.Group(children: [vars(arrays)])))
    }
    let groups = zip(chain.layers, KerasGroups.names(chain.layers.map(\.className))).map { layer, group in
      let children: [HDF5Tree.Child]
      switch layer.className {
      case "Bidirectional":
        let parts = zip(["forward_layer", "backward_layer"], layer.arrays).map { name, arrays in
          HDF5Tree.Child(name, .group(HDF5Tree.Group(children: [cell(arrays), vars([])])))
        }
        children = parts + [vars([], layer.name)]
      case "Embedding", "Dense": children = [vars(layer.arrays[0], layer.name)]
      default: children = [cell(layer.arrays[0]), vars([], layer.name)]
      }
      return HDF5Tree.Child(group, .group(HDF5Tree.Group(children: children)))
    }
    return HDF5Tree(
      root: HDF5Tree.Group(children: [
        HDF5Tree.Child("layers", .group(HDF5Tree.Group(children: groups))), vars([], "sequential"),
      ]))
  }
}
