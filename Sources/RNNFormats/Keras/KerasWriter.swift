import RNNModel

/// Lays out a model's layers as Keras' files.
struct KerasWriter {
  /// What the files say wrote them. It decides what hard_sigmoid means.
  static let version = "3.0.0"
  /// Where the files say what modules were called whose names Keras does not take: an attribute of the root, or a
  /// member of `metadata.json`, an object of modules' names by layers'.
  static let namesKey = "rnnkit_modules"
  private let outline: KerasOutline

  init(_ model: Model) throws(RNNError) {
    outline = try KerasOutline(model)
  }

  private var type: String {
    outline.layers.lazy.flatMap(\.arrays).compactMap { $0.first?.elementType.rawValue }.first ?? "float32"
  }

  /// A layer's config with what every layer has.
  private func config(_ layer: KerasOutline.Layer) -> JSONValue {
    if layer.className == "InputLayer" { return input(layer, shapeKey: "batch_shape") }
    let type = layer.arrays.first?.first?.elementType.rawValue ?? self.type
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

  private func input(_ layer: KerasOutline.Layer, shapeKey: String) -> JSONValue {
    .object([
      .init(shapeKey, Self.shape(layer.takes)), .init("dtype", .string(layer.takes.isIndices ? "int32" : type)),
      .init("sparse", .bool(false)), .init("name", .string(layer.name)),
    ])
  }

  /// The shape of a batch: any sequences, any steps, features.
  private static func shape(_ value: ValueShape) -> JSONValue {
    let axes: [JSONValue] = value.hasTime ? [.null, .null] : [.null]
    return .array(value.isIndices ? axes : axes + [value.features.map { .integer(Int64($0)) } ?? .null])
  }

  private static func history(_ reference: KerasOutline.Reference) -> JSONValue {
    .array([.string(reference.layer), .integer(0), .integer(Int64(reference.tensor))])
  }

  // MARK: model.h5

  /// Keras 2's layout of a whole model: the config as an attribute, arrays under their layers' names.
  ///
  /// Throws `badData` for a function, which Keras 2's configs have no word for.
  func wholeModel() throws(RNNError) -> HDF5Tree {
    if let function = outline.layers.first(where: \.isOperation) {
      throw RNNError(.badData, "Keras' .h5 cannot hold \(function.className.lowercased()) over time, which is no layer", remedy: "write .keras")
    }
    let isChain = outline.isChain
    var layers: [JSONValue] = []
    var groups: [HDF5Tree.Child] = []
    for layer in outline.layers {
      let own = layer.className == "InputLayer" ? input(layer, shapeKey: "batch_input_shape") : config(layer)
      var members: [JSONValue.Member] = [.init("class_name", .string(layer.className)), .init("config", own)]
      if !isChain {
        let sources = layer.sources.map { JSONValue.array((Self.history($0).array ?? []) + [.object([])]) }
        // Several arguments are more than a list of tensors.
        let call = layer.className == "MultiHeadAttention" ? node(layer) : .array(sources)
        members += [.init("name", .string(layer.name)), .init("inbound_nodes", .array(sources.isEmpty ? [] : [call]))]
      }
      layers.append(.object(members))
      if !layer.arrays.isEmpty { groups.append(HDF5Tree.Child(layer.name, .group(Self.group(layer)))) }
    }
    let name = isChain ? "sequential" : "functional"
    var whole: [JSONValue.Member] = [.init("name", .string(name)), .init("layers", .array(layers))]
    if !isChain {
      whole += [
        .init("input_layers", .array(outline.inputs.map(Self.history))),
        .init("output_layers", .array(outline.outputs.map(Self.history))),
      ]
    }
    let config = JSONValue.object([
      .init("class_name", .string(isChain ? "Sequential" : "Functional")), .init("config", .object(whole)),
    ])
    let stamp: [HDF5Tree.Attribute] = [
      .init("backend", .string("tensorflow")), .init("keras_version", .string(Self.version)),
    ]
    let names = HDF5Tree.Attribute("layer_names", .array(groups.map { .string($0.name) }))
    let weights = HDF5Tree.Group(attributes: [names] + stamp, children: groups)
    let renamed =
      outline.names.isEmpty
      ? [] : [HDF5Tree.Attribute(Self.namesKey, .string(JSONValue.object(outline.names).text))]
    return HDF5Tree(
      root: HDF5Tree.Group(
        attributes: stamp + [.init("model_config", .string(config.text))] + renamed,
        children: [HDF5Tree.Child("model_weights", .group(weights))]))
  }

  /// A layer's arrays, in groups named as Keras names its variables.
  private static func group(_ layer: KerasOutline.Layer) -> HDF5Tree.Group {
    var paths: [JSONValue] = []
    func group(_ path: String, _ name: String, _ names: [String], _ arrays: [Tensor]) -> HDF5Tree.Child {
      let children = zip(names, arrays).map { name, array in
        paths.append(.string("\(path)/\(name):0"))
        return HDF5Tree.Child("\(name):0", .dataset(HDF5Tree.Dataset(array)))
      }
      return HDF5Tree.Child(name, .group(HDF5Tree.Group(children: children)))
    }
    let cell = ["kernel", "recurrent_kernel", "bias"]
    func has(_ option: String) -> Bool { layer.config.contains { $0.key == option && $0.value == .bool(true) } }
    let inside: [HDF5Tree.Child]
    switch layer.className {
    case "Bidirectional":
      let parts = zip(["forward", "backward"], layer.arrays).map { direction, arrays in
        group("\(layer.name)/\(direction)_\(layer.name)", "\(direction)_\(layer.name)", cell, arrays)
      }
      inside = [HDF5Tree.Child(layer.name, .group(HDF5Tree.Group(children: parts)))]
    case "MultiHeadAttention":
      let parts = zip(["query", "key", "value", "attention_output"], layer.arrays).map { part, arrays in
        group("\(layer.name)/\(part)", part, ["kernel", "bias"], arrays)
      }
      inside = [HDF5Tree.Child(layer.name, .group(HDF5Tree.Group(children: parts)))]
    case "Embedding": inside = [group(layer.name, layer.name, ["embeddings"], layer.arrays[0])]
    case "PReLU": inside = [group(layer.name, layer.name, ["alpha"], layer.arrays[0])]
    case "Dense", "Conv1D": inside = [group(layer.name, layer.name, ["kernel", "bias"], layer.arrays[0])]
    case "BatchNormalization", "LayerNormalization", "GroupNormalization":
      let own = (has("scale") ? ["gamma"] : []) + (has("center") ? ["beta"] : [])
      let moving = layer.className == "BatchNormalization" ? ["moving_mean", "moving_variance"] : []
      inside = [group(layer.name, layer.name, own + moving, layer.arrays[0])]
    case "RMSNormalization", "Attention": inside = [group(layer.name, layer.name, ["scale"], layer.arrays[0])]
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
    return .object(stamp + (outline.names.isEmpty ? [] : [.init(Self.namesKey, .object(outline.names))]))
  }

  /// `config.json` of a `.keras`.
  var archiveConfig: JSONValue {
    func object(_ module: String, _ className: String, _ config: JSONValue, _ rest: [JSONValue.Member]) -> JSONValue {
      .object([
        .init("module", .string(module)), .init("class_name", .string(className)), .init("config", config),
        .init("registered_name", .null),
      ] + rest)
    }
    func built(_ shape: JSONValue) -> [JSONValue.Member] { [.init("build_config", .object([.init("input_shape", shape)]))] }
    let isChain = outline.isChain
    var layers: [JSONValue] = []
    for layer in outline.layers {
      var rest: [JSONValue.Member] = []
      if !isChain {
        rest = [.init("name", .string(layer.name)), .init("inbound_nodes", .array(layer.sources.isEmpty ? [] : [node(layer)]))]
      } else if layer.className != "InputLayer" {
        rest = built(Self.shape(layer.takes))
      }
      if layer.isOperation {
        let config = JSONValue.object([.init("name", .string(layer.name))] + layer.config)
        layers.append(.object(
          [.init("module", .string("keras.src.ops.numpy")), .init("class_name", .string(layer.className)), .init("config", config),
            .init("registered_name", .string(layer.className))] + rest))
        continue
      }
      layers.append(object("keras.layers", layer.className, config(layer), rest))
    }
    let begin: [JSONValue.Member] = [
      .init("name", .string(isChain ? "sequential" : "functional")), .init("trainable", .bool(true)),
    ]
    if isChain {
      let shape = Self.shape(outline.layers[0].takes)
      let rest: [JSONValue.Member] = [
        .init("dtype", .string(type)), .init("layers", .array(layers)), .init("build_input_shape", shape),
      ]
      return object("keras", "Sequential", .object(begin + rest), built(shape))
    }
    func ends(_ references: [KerasOutline.Reference]) -> JSONValue {
      references.count == 1 ? Self.history(references[0]) : .array(references.map(Self.history))
    }
    let rest: [JSONValue.Member] = [
      .init("layers", .array(layers)), .init("input_layers", ends(outline.inputs)), .init("output_layers", ends(outline.outputs)),
    ]
    return object("keras.src.models.functional", "Functional", .object(begin + rest), [])
  }

  /// The call of a layer, of one value or of a list of them.
  private func node(_ layer: KerasOutline.Layer) -> JSONValue {
    let tensors = layer.sources.map { source in
      JSONValue.object([
        .init("class_name", .string("__keras_tensor__")),
        .init(
          "config",
          .object([
            .init("shape", Self.shape(layer.takes)), .init("dtype", .string(layer.takes.isIndices ? "int32" : type)),
            .init("keras_history", Self.history(source)),
          ])),
      ])
    }
    let isList = KerasMerge(layer.className) != nil || layer.className == "Attention"
    return .object([.init("args", .array(isList ? [.array(tensors)] : tensors)), .init("kwargs", .object([]))])
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
    let named = zip(outline.layers, KerasGroups.names(outline.layers.map(\.className))).filter { !$0.0.arrays.isEmpty }
    let groups = named.map { layer, group in
      let children: [HDF5Tree.Child]
      switch layer.className {
      case "Bidirectional":
        let parts = zip(["forward_layer", "backward_layer"], layer.arrays).map { name, arrays in
          HDF5Tree.Child(name, .group(HDF5Tree.Group(children: [cell(arrays), vars([])])))
        }
        children = parts + [vars([], layer.name)]
      case "MultiHeadAttention":
        let parts = zip(["query_dense", "key_dense", "value_dense", "output_dense"], layer.arrays).map { name, arrays in
          HDF5Tree.Child(name, .group(HDF5Tree.Group(children: [vars(arrays)])))
        }
        children = parts + [vars([], layer.name)]
      case "SimpleRNN", "LSTM", "GRU": children = [cell(layer.arrays[0]), vars([], layer.name)]
      default: children = [vars(layer.arrays[0], layer.name)]
      }
      return HDF5Tree.Child(group, .group(HDF5Tree.Group(children: children)))
    }
    return HDF5Tree(
      root: HDF5Tree.Group(children: [
        HDF5Tree.Child("layers", .group(HDF5Tree.Group(children: groups))), vars([], outline.isChain ? "sequential" : "functional"),
      ]))
  }
}
