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

  private static func refuse(_ place: String, _ problem: String) -> RNNError {
    RNNError(.badData, place: place, problem, remedy: "save the model's state_dict again with torch.save")
  }

  /// Whether a value is a tensor, sound or not.
  func isTensor(_ value: PickleGraph.Value) -> Bool {
    switch graph.node(value) {
    case .call(let name, _): name.hasPrefix("torch._utils._rebuild_") || name == "torch._tensor._rebuild_from_type_v2"
    case .object(let name, _, _): name == TorchGlobals.parameter
    case .persistent(let id): outside?(id) != nil
    default: false
    }
  }

  /// The tensor that a value is. `name` names it in errors.
  func view(_ value: PickleGraph.Value, named name: String, depth: Int = 0) throws(RNNError) -> TorchView {
    let place = "tensor \(name)"
    guard depth < Limits.maximumDepth else {
      throw Self.refuse(place, "wrapped in more than \(Limits.maximumDepth) layers")
    }
    switch graph.node(value) {
    case .call("torch._utils._rebuild_parameter", let arguments),
      .call("torch._utils._rebuild_parameter_with_state", let arguments):
      guard let data = arguments.first else { throw Self.refuse(place, "a parameter without data") }
      return try view(data, named: name, depth: depth + 1)
    case .object(TorchGlobals.parameter, let arguments, let state):
      guard let data = arguments.first ?? state.flatMap({ graph.tuple($0)?.first }) else {
        throw Self.refuse(place, "a parameter without data")
      }
      return try view(data, named: name, depth: depth + 1)
    case .call("torch._tensor._rebuild_from_type_v2", let arguments):
      // (function, class, arguments, state): a tensor with attributes, or a parameter. Attributes change no number.
      guard arguments.count == 4, let function = arguments[0].global, let inner = graph.tuple(arguments[2]),
        ["torch.Tensor", TorchGlobals.parameter].contains(arguments[1].global ?? "")
      else { throw Self.refuse(place, "a tensor of a class of its own") }
      if function == "torch._utils._rebuild_parameter", let data = inner.first {
        return try view(data, named: name, depth: depth + 1)
      }
      return try view(function, inner, place)
    case .call(let function, let arguments): return try view(function, arguments, place)
    case .persistent(let id):
      guard let view = outside?(id) else { throw Self.refuse(place, "no tensor") }
      return view
    default: throw Self.refuse(place, "no tensor")
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
    default: throw Self.refuse(place, "a tensor made by \(function), which is not a dense one")
    }
    guard arguments.count == flagsAt || (arguments.count == flagsAt + 1 && flagsAt > 4),
      let offset = arguments[1].integer, let sizes = integers(arguments[2]), let strides = integers(arguments[3])
    else { throw Self.refuse(place, "not the arguments of \(function)") }
    if arguments.count > flagsAt { try checkFlags(arguments[flagsAt], place) }
    let (storage, window) = try storage(arguments[0], place)
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
    if case .call("torch.Size", let arguments) = graph.node(value), let first = arguments.first {
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
  func storage(
    _ value: PickleGraph.Value, _ place: String
  ) throws(RNNError) -> (TorchStorage, TorchView.Window?) {
    guard case .persistent(let id) = graph.node(value), let parts = graph.tuple(id), (5...6).contains(parts.count),
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
    return (TorchStorage(key: key, elementType: elementType, count: count), window)
  }
}
