import RNNModel

/// What the nodes of a torch pickle are: storages and tensors.
struct TorchObjects {
  let graph: PickleGraph
  /// The tensor that stands under an id outside the pickle, in files that keep tensors there.
  var outside: ((PickleGraph.Value) -> TorchView?)?

  init(_ graph: PickleGraph, outside: ((PickleGraph.Value) -> TorchView?)? = nil) {
    self.graph = graph
    self.outside = outside
  }

  private static func refuse(
    _ place: String, _ problem: String, _ remedy: String = "save the model's tensors again with torch.save"
  ) -> RNNError {
    RNNError(.badData, place: place, problem, remedy: remedy)
  }

  /// Whether a value is a tensor, sound or not.
  func isTensor(_ value: PickleGraph.Value) -> Bool {
    switch graph.node(value) {
    case .record:
      guard let name = graph.name(value) else { return false }
      return name.hasPrefix("torch._utils._rebuild_") || name == "torch._tensor._rebuild_from_type_v2"
        || name == TorchGlobals.parameter
    case .persistent: return graph.persistent(value).flatMap { outside?($0) } != nil
    default: return false
    }
  }

  /// The tensor that a value is. `name` names it in errors.
  func view(_ value: PickleGraph.Value, named name: String, depth: Int = 0) throws(RNNError) -> TorchView {
    let place = "tensor \(name)"
    guard depth < Limits.maximumDepth else {
      throw Self.refuse(place, "wrapped in more than \(Limits.maximumDepth) layers")
    }
    if let id = graph.persistent(value) {
      guard let view = outside?(id) else { throw Self.refuse(place, "no tensor") }
      return view
    }
    guard let function = graph.name(value) else { throw Self.refuse(place, "no tensor") }
    let arguments = graph.arguments(value)
    switch function {
    case "torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state":
      guard let data = arguments.first else { throw Self.refuse(place, "a parameter without data") }
      return try view(data, named: name, depth: depth + 1)
    case TorchGlobals.parameter:
      guard let data = arguments.first ?? graph.state(value).flatMap({ graph.tuple($0)?.first }) else {
        throw Self.refuse(place, "a parameter without data")
      }
      return try view(data, named: name, depth: depth + 1)
    case "torch._tensor._rebuild_from_type_v2":
      // (function, class, arguments, state): a tensor with attributes, or a parameter. Attributes change no number.
      guard arguments.count == 4, let function = arguments[0].global, let inner = graph.tuple(arguments[2]),
        ["torch.Tensor", TorchGlobals.parameter].contains(arguments[1].global ?? "")
      else {
        throw Self.refuse(
          place, "a tensor of the class \(arguments.count > 1 ? arguments[1].global ?? "?" : "?")",
          "save it as a plain tensor, with .as_subclass(torch.Tensor)")
      }
      if function == "torch._utils._rebuild_parameter", let data = inner.first {
        return try view(data, named: name, depth: depth + 1)
      }
      return try view(function, inner, place)
    default: return try view(function, arguments, place)
    }
  }

  /// The arguments of `_rebuild_tensor` and its later versions: storage, offset, sizes, strides, and from version 2 on
  /// requires_grad, hooks, from version 3 on the type, then flags.
  private func view(
    _ function: String, _ arguments: [PickleGraph.Value], _ place: String
  ) throws(RNNError) -> TorchView {
    let flagsAt: Int
    switch function {
    case "torch._utils._rebuild_tensor": flagsAt = 4
    case "torch._utils._rebuild_tensor_v2": flagsAt = 6
    case "torch._utils._rebuild_tensor_v3": flagsAt = 7
    case "torch._utils._rebuild_qtensor": throw TorchQuantization.error(place)
    case "torch._utils._rebuild_sparse_tensor", "torch._utils._rebuild_sparse_csr_tensor":
      throw Self.refuse(place, "a sparse tensor", "save it as a dense one, with .to_dense()")
    default:
      throw Self.refuse(place, "a tensor made by \(function), which is not a dense one", "save it as a plain tensor")
    }
    guard arguments.count == flagsAt || (arguments.count == flagsAt + 1 && flagsAt > 4),
      let offset = arguments[1].integer, let sizes = integers(arguments[2]), let strides = integers(arguments[3])
    else { throw Self.refuse(place, "not the arguments of \(function)") }
    if arguments.count > flagsAt { try checkFlags(arguments[flagsAt], place) }
    let (storage, window) = try storage(arguments[0], place)
    guard !storage.isQuantized else { throw TorchQuantization.error(place) }
    var type = storage.elementType
    if flagsAt == 7 {
      guard let name = arguments[6].global, let stated = TorchGlobals.elementType(name) else {
        throw Self.refuse(place, "an element type that RNNKit does not know")
      }
      type = stated
    }
    guard let type else { throw Self.refuse(place, "bytes without an element type") }
    return TorchView(
      storage: storage, elementType: type, offset: offset, sizes: sizes, strides: strides, window: window)
  }

  /// Numbers may be kept negated or conjugated, to be turned when they are used.
  private func checkFlags(_ value: PickleGraph.Value, _ place: String) throws(RNNError) {
    if case .none = value { return }
    guard let entries = graph.dictionary(value) else { throw Self.refuse(place, "flags that are no dictionary") }
    for entry in entries {
      if case .bool(false) = entry.value { continue }
      throw Self.refuse(place, "the flag \(entry.key.string ?? "?"), which changes what its numbers mean")
    }
  }

  private func integers(_ value: PickleGraph.Value) -> [Int]? {
    var elements = graph.tuple(value)
    // torch.Size is a tuple by another name.
    if graph.name(value) == "torch.Size", let first = graph.arguments(value).first {
      elements = graph.tuple(first) ?? graph.list(first)
    }
    guard let elements, elements.count <= Limits.maximumRank else { return nil }
    var result: [Int] = []
    for element in elements {
      guard let integer = element.integer else { return nil }
      result.append(integer)
    }
    return result
  }

  /// ('storage', type, key, location, count), in legacy files also None or (key, offset, count) of a part.
  ///
  /// - Parameter nests: Whether the storage may be a file of torch.save within the pickle, which holds no other such file.
  func storage(
    _ value: PickleGraph.Value, _ place: String, nests: Bool = true
  ) throws(RNNError) -> (TorchStorage, TorchView.Window?) {
    if nests, let nested = try PickledStorage(value, in: graph) { return (nested.description, nil) }
    guard let parts = graph.persistent(value).flatMap(graph.tuple), (5...6).contains(parts.count),
      parts[0].string == "storage", let type = parts[1].global, let key = parts[2].string,
      let count = parts[4].integer
    else { throw Self.refuse(place, "no storage") }
    var window: TorchView.Window?
    if parts.count == 6, let part = graph.tuple(parts[5]) {
      guard part.count == 3, let offset = part[1].integer, let count = part[2].integer else {
        throw Self.refuse(place, "no part of a storage")
      }
      window = TorchView.Window(offset: offset, count: count)
    }
    if type == TorchGlobals.untypedStorage { return (TorchStorage(key: key, elementType: nil, count: count), window) }
    guard let elementType = TorchGlobals.storageType(type) else {
      throw Self.refuse(place, "a storage of type \(type)")
    }
    let isQuantized = TorchGlobals.isQuantizedStorage(type)
    return (TorchStorage(key: key, elementType: elementType, count: count, isQuantized: isQuantized), window)
  }
}
