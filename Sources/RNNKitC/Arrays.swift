import CRNNKit
import RNNKit

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// An array in the caller's memory whose sizes are found to be possible.
struct CallerArray {
  let name: String?
  let type: ElementType
  let shape: Shape
  /// Bytes from one index of an axis to the next.
  let strides: [Int]
  private let data: UnsafeMutableRawPointer?

  /// By the numbers that C has for them, from 1 on.
  private static let types: [ElementType] = [
    .float32, .float64, .int64, .int32, .float16, .bfloat16, .int16, .int8, .uint64, .uint32, .uint16, .uint8, .bool,
  ]

  /// The number that C has for a type; 0 for one without.
  static func number(of type: ElementType) -> Int32 { types.firstIndex(of: type).map { Int32($0) + 1 } ?? 0 }

  /// Throws for sizes that are negative or overflow, and for missing memory. `position` names it where it has no name.
  init(_ array: rnnkit_array, _ position: @autoclosure () -> String) throws(RNNError) {
    let name = try text(array.name, "\(position()), name")
    self.name = name
    func place() -> String { name ?? position() }
    func refuse(_ problem: String, _ remedy: String) -> RNNError { RNNError(.usage, place: place(), problem, remedy: remedy) }
    guard array.type >= 1, array.type <= Self.types.count else {
      throw refuse("its type is \(array.type)", "use RNNKIT_FLOAT32 or another of that list")
    }
    guard (0...RNNKIT_MAXIMUM_RANK).contains(array.rank) else {
      throw refuse("its rank is \(array.rank)", "use 0 to \(RNNKIT_MAXIMUM_RANK)")
    }
    let type = Self.types[Int(array.type) - 1], rank = Int(array.rank)
    if rank > 0, array.shape == nil { throw missing("\(place()), shape") }
    let sizes = (0..<rank).map { Int(array.shape[$0]) }
    // Those of an axis of 0 too, so that no product below overflows.
    let extent = Shape([type.byteCount] + sizes.map { $0 == 0 ? 1 : $0 })
    guard let shape = Shape(sizes), extent != nil else {
      throw refuse("its shape is (\(sizes.map(String.init).joined(separator: ", ")))", "use sizes from 0 on that fit into memory together")
    }
    var dense = [Int](repeating: type.byteCount, count: rank)
    for axis in (0..<rank).reversed().dropFirst() { dense[axis] = dense[axis + 1] * max(1, sizes[axis + 1]) }
    let strides = array.strides.map { strides in (0..<rank).map { Int(strides[$0]) } } ?? dense
    // The farthest elements' distances, both ways, are distances that there can be.
    var (least, most) = (0, 0)
    for (size, stride) in zip(sizes, strides) where size > 1 {
      let (reach, overflow) = stride.multipliedReportingOverflow(by: size - 1)
      let sum = reach < 0 ? least.addingReportingOverflow(reach) : most.addingReportingOverflow(reach)
      guard !overflow, !sum.overflow else { throw refuse("its strides \(strides) are too large", "give strides in bytes") }
      if reach < 0 { least = sum.partialValue } else { most = sum.partialValue }
    }
    if shape.count > 0, array.data == nil { throw missing("\(place()), data") }
    self.type = type
    self.shape = shape
    self.strides = strides
    data = array.data
  }

  /// Arrays by their place among others.
  static func list(_ pointer: UnsafePointer<rnnkit_array>?, _ count: Int, _ place: String) throws(RNNError) -> [CallerArray] {
    try check(count, place)
    guard count > 0 else { return [] }
    guard let pointer else { throw missing(place) }
    var result: [CallerArray] = []
    for index in 0..<count { result.append(try CallerArray(pointer[index], "\(place)[\(index)]")) }
    return result
  }

  /// Whether elements follow each other as those of a `Tensor` do.
  private var isDense: Bool {
    var expected = type.byteCount
    for (size, stride) in zip(shape.dimensions, strides).reversed() {
      if size > 1 && stride != expected { return false }
      expected *= max(1, size)
    }
    return true
  }

  private var size: Int { shape.count * type.byteCount }

  /// The array as a tensor: where it is, for no longer than the call it came with, or a copy.
  ///
  /// - Parameter copying: Whether it is to outlive the call.
  func tensor(copying: Bool = false) throws(RNNError) -> Tensor {
    let storage: TensorStorage
    if isDense && !copying {
      storage = TensorStorage(UnsafeRawBufferPointer(start: data, count: size)) {}
    } else {
      guard let copy = malloc(max(1, size)) else {
        throw RNNError(.badData, place: name ?? "array", "\(size) bytes of memory cannot be had", remedy: "use a smaller array")
      }
      let address = UInt(bitPattern: copy)
      eachRow { array, dense, count, stride in Self.move(copy + dense, type.byteCount, array, stride, count, type.byteCount) }
      storage = TensorStorage(UnsafeRawBufferPointer(start: copy, count: size)) { free(UnsafeMutableRawPointer(bitPattern: address)) }
    }
    guard let tensor = Tensor(type, shape, in: storage) else { throw RNNError(.defect, "a tensor of \(shape) cannot be made") }
    return tensor
  }

  /// Writes a tensor of the same type and shape into the caller's memory.
  func fill(from tensor: Tensor) {
    tensor.withUnsafeBytes { source in
      guard let base = source.baseAddress else { return }
      eachRow { array, dense, count, stride in Self.move(array, stride, base + dense, type.byteCount, count, type.byteCount) }
    }
  }

  /// Calls `body` for each row of the innermost axis, or once for a dense array, with its address, where it is among dense
  /// elements, how many elements it has and the bytes between them.
  private func eachRow(_ body: (UnsafeMutableRawPointer, _ dense: Int, _ count: Int, _ stride: Int) -> Void) {
    guard let data, shape.count > 0 else { return }
    guard !isDense else { return body(data, 0, shape.count, type.byteCount) }
    let outer = shape.dimensions.dropLast(), inner = shape.dimensions[shape.rank - 1]
    var index = [Int](repeating: 0, count: outer.count), offset = 0
    for row in 0..<shape.count / inner {
      body(data + offset, row * inner * type.byteCount, inner, strides[shape.rank - 1])
      for axis in outer.indices.reversed() {
        index[axis] += 1
        offset += strides[axis]
        if index[axis] < outer[axis] { break }
        offset -= strides[axis] * outer[axis]
        index[axis] = 0
      }
    }
  }

  private static func move(
    _ target: UnsafeMutableRawPointer, _ targetStride: Int, _ source: UnsafeRawPointer, _ sourceStride: Int, _ count: Int,
    _ size: Int
  ) {
    if targetStride == size, sourceStride == size { return target.copyMemory(from: source, byteCount: count * size) }
    func each<Element: BitwiseCopyable>(_ type: Element.Type) {
      for index in 0..<count {
        target.storeBytes(
          of: source.loadUnaligned(fromByteOffset: index * sourceStride, as: type), toByteOffset: index * targetStride, as: type)
      }
    }
    switch size {
    case 1: each(UInt8.self)
    case 2: each(UInt16.self)
    case 4: each(UInt32.self)
    default: each(UInt64.self)
    }
  }
}

/// Arrays to be filled, each found to be of the type and shape of what it gets.
struct Outputs {
  private var arrays: [(array: CallerArray, name: String)] = []

  /// - Parameter expected: The type and shape of a member; nil where there is none of that name.
  init(
    _ arrays: [CallerArray], unnamed: String?, names: @autoclosure () -> [String],
    expected: (String) throws(RNNError) -> (type: ElementType, shape: Shape)?
  ) throws(RNNError) {
    for array in arrays {
      guard let name = array.name ?? unnamed, let (type, shape) = try expected(name) else {
        throw RNNError(.usage, place: array.name ?? "outputs", array.name == nil ? "it has no name" : "there is no such member",
          remedy: "use one of \(names().listed())")
      }
      guard array.type == type, array.shape == shape else {
        throw RNNError(.usage, place: name,
          "it is \(array.type.rawValue) \(array.shape), expected \(type.rawValue) \(shape)",
          remedy: "give an array of that type and shape")
      }
      self.arrays.append((array, name))
    }
  }

  /// The names of what they get.
  var names: Set<String> { Set(arrays.map(\.name)) }

  /// Fills arrays with tensors that are there already.
  static func fill(_ arrays: [CallerArray], from tensors: [NamedTensor]) throws(RNNError) {
    func tensor(_ name: String) -> Tensor? { tensors.first { $0.name == name }?.tensor }
    try Outputs(arrays, unnamed: nil, names: tensors.map(\.name)) { name in
      tensor(name).map { ($0.elementType, $0.shape) }
    }.fill(from: tensor)
  }

  func fill(from members: (String) -> Tensor?) throws(RNNError) {
    var found: [(CallerArray, Tensor)] = []
    for (array, name) in arrays {
      guard let tensor = members(name), tensor.shape == array.shape,
        tensor.elementType == array.type
      else { throw RNNError(.defect, place: name, "the run gave none of the shape that was expected") }
      found.append((array, tensor))
    }
    for (array, tensor) in found { array.fill(from: tensor) }
  }
}
