import RNNModel

/// What a pickle says of one storage.
struct TorchStorage: Hashable {
  var key: String
  /// Nil for a storage of bytes, whose tensors say their type.
  var elementType: ElementType?
  /// Elements, or bytes where there is no type.
  var count: Int
  /// Whether its elements stand for numbers by a scale.
  var isQuantized = false

  /// Nil where it overflows.
  var byteCount: Int? {
    let (bytes, overflow) = count.multipliedReportingOverflow(by: elementType?.byteCount ?? 1)
    return overflow || count < 0 ? nil : bytes
  }
}

/// What a pickle says of one tensor: elements of a storage at an offset and strides. Nothing is checked yet.
struct TorchView {
  var storage: TorchStorage
  var elementType: ElementType
  /// In elements, as the strides.
  var offset: Int
  var sizes: [Int]
  var strides: [Int]
  /// The part of the storage that offsets count in, where it is not all of it.
  var window: Window?

  struct Window: Hashable {
    var offset: Int
    var count: Int
  }
}

/// Makes tensors of views, each storage read once. Contiguous ones share the storage's bytes, others are copied.
struct TorchTensors {
  private let bytes: (TorchStorage) throws(RNNError) -> TensorStorage
  private let isBigEndian: Bool
  /// Of all tensors so far, and of all storages.
  private var (tensorBytes, storageBytes) = (0, 0)
  private var storages: [String: (description: TorchStorage, bytes: TensorStorage)] = [:]
  /// The same in this machine's byte order, by key and type.
  private var swapped: [String: Tensor] = [:]

  /// `bytes` finds a storage's bytes in the file.
  init(isBigEndian: Bool, bytes: @escaping (TorchStorage) throws(RNNError) -> TensorStorage) {
    self.bytes = bytes
    self.isBigEndian = isBigEndian
  }

  private static func refuse(_ place: String, _ problem: String) -> RNNError {
    RNNError(.badData, place: place, problem, remedy: "copy the file again, or save it again")
  }

  mutating func tensor(_ view: TorchView, named name: String) throws(RNNError) -> Tensor {
    let place = "tensor \(name)"
    var storage = try storage(view.storage, at: place)
    if let window = view.window {
      let size = view.elementType.byteCount
      let (start, startOverflow) = window.offset.multipliedReportingOverflow(by: size)
      let (length, lengthOverflow) = window.count.multipliedReportingOverflow(by: size)
      guard !startOverflow, !lengthOverflow, let part = storage.slice(at: start, count: length) else {
        throw Self.refuse(place, "\(window.count) elements from element \(window.offset) reach beyond its storage")
      }
      storage = part
    }
    guard let shape = Shape(view.sizes), view.strides.count == shape.rank else {
      throw Self.refuse(place, "sizes \(view.sizes) with strides \(view.strides), which are no shape")
    }
    guard view.offset >= 0, view.strides.allSatisfy({ $0 >= 0 }) else {
      throw Self.refuse(place, "offset \(view.offset) and strides \(view.strides), expected none below 0")
    }
    let size = view.elementType.byteCount
    let count = storage.count / size
    guard Tensor.fits(shape, view.strides, view.offset, count: count) else {
      throw Self.refuse(
        place,
        "shape \(shape) with strides \(view.strides) from element \(view.offset) "
          + "reaches beyond the \(count) elements of its storage")
    }
    // Elements may repeat, as expanded tensors' do, but not so as to fill the machine.
    let (byteCount, overflow) = shape.count.multipliedReportingOverflow(by: size)
    guard !overflow, byteCount <= storage.count + Limits.maximumRepeatedSize else {
      throw Self.refuse(place, "shape \(shape) repeats the \(count) elements of its storage too often")
    }
    // Neither sum can overflow: each storage is in memory, and each tensor hardly larger than one.
    tensorBytes += byteCount
    guard (tensorBytes - Limits.maximumRepeatedSize) / Limits.maximumSharing <= storageBytes else {
      throw Self.refuse(
        place, "with it the tensors have more than \(Limits.maximumSharing) times the bytes of their storages")
    }
    if !isBigEndian, view.isContiguous(shape) {
      guard let tensor = Tensor(view.elementType, shape, in: storage, at: view.offset * size) else {
        throw Self.refuse(place, "shape \(shape) reaches beyond its storage")
      }
      return tensor
    }
    guard let flatShape = Shape([count]), var flat = Tensor(view.elementType, flatShape, in: storage) else {
      throw Self.refuse(place, "its storage is too large")
    }
    if isBigEndian {
      let key =
        "\(view.elementType.rawValue) \(view.storage.key) \(view.window?.offset ?? 0) \(view.window?.count ?? 0)"
      flat = if let known = swapped[key] { known } else { try flat.byteSwapped() ?? flat }
      swapped[key] = flat
    }
    guard let tensor = try flat.gathered(shape, strides: view.strides, offset: view.offset) else {
      throw Self.refuse(place, "shape \(shape) reaches beyond its storage")
    }
    return tensor
  }

  private mutating func storage(_ description: TorchStorage, at place: String) throws(RNNError) -> TensorStorage {
    if let known = storages[description.key] {
      guard known.description == description else {
        throw Self.refuse(place, "its storage \(description.key) is described in two ways")
      }
      return known.bytes
    }
    guard let size = description.byteCount else {
      throw Self.refuse(place, "its storage \(description.key) is said to have \(description.count) elements")
    }
    let found: TensorStorage
    do throws(RNNError) { found = try bytes(description) } catch {
      var error = error
      error.place = [place, error.place].compactMap { $0 }.joined(separator: ", ")
      throw error
    }
    guard found.count == size else {
      throw Self.refuse(place, "its storage \(description.key) has \(found.count) bytes, expected \(size)")
    }
    storages[description.key] = (description, found)
    storageBytes += size
    return found
  }
}

extension TorchView {
  /// Whether the elements stand one after the other in row-major order.
  func isContiguous(_ shape: Shape) -> Bool {
    var expected = 1
    for (size, stride) in zip(shape.dimensions, strides).reversed() where size != 1 {
      if stride != expected, shape.count > 0 { return false }
      expected *= size
    }
    return true
  }
}
