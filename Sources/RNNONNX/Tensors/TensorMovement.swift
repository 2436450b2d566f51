import RNNFormats
import RNNModel

/// Tensors made of another tensor's elements, moved but never changed. Axes and ranges must be the tensor's.
extension Tensor {
  /// The distance in elements between neighbours along each axis.
  var strides: [Int] {
    var result = [Int](repeating: 1, count: shape.rank)
    for axis in stride(from: shape.rank - 2, through: 0, by: -1) { result[axis] = result[axis + 1] * shape[axis + 1] }
    return result
  }

  /// The axes in another order: axis i of the result is axis `order[i]` of this one.
  func permuted(_ order: [Int]) throws(RNNError) -> Tensor? {
    let strides = self.strides
    guard let turned = Shape(order.map({ shape[$0] })) else { return nil }
    return try gathered(turned, strides: order.map { strides[$0] })
  }

  /// The elements of `range` along `axis`.
  func sliced(axis: Int, _ range: Range<Int>) throws(RNNError) -> Tensor? {
    var sizes = shape.dimensions
    sizes[axis] = range.count
    let strides = self.strides
    guard let part = Shape(sizes) else { return nil }
    return try gathered(part, strides: strides, offset: range.isEmpty ? 0 : range.lowerBound * strides[axis])
  }

  /// Tensors of one type, and of one shape but for `axis`, one after the other along it. Nil where the size overflows.
  static func concatenated(_ tensors: [Tensor], axis: Int) throws(RNNError) -> Tensor? {
    guard let first = tensors.first else { return nil }
    var sizes = first.shape.dimensions
    var total = 0
    for tensor in tensors {
      let (sum, overflow) = total.addingReportingOverflow(tensor.shape[axis])
      guard !overflow else { return nil }
      total = sum
    }
    sizes[axis] = total
    guard let shape = Shape(sizes) else { return nil }
    let outer = sizes[..<axis].reduce(1, *)
    return try made(first.elementType, shape) { target in
      var written = 0
      for index in 0..<outer {
        for tensor in tensors where tensor.byteCount > 0 {
          let count = tensor.byteCount / outer
          tensor.withUnsafeBytes { source in
            UnsafeMutableRawBufferPointer(rebasing: target[written..<written + count])
              .copyMemory(from: UnsafeRawBufferPointer(rebasing: source[index * count..<(index + 1) * count]))
          }
          written += count
        }
      }
    }
  }

  /// The part of the first axis that `index` names, without that axis, sharing the bytes. Nil where there is none.
  func row(_ index: Int) -> Tensor? {
    guard shape.rank > 0, let rest = Shape(Array(shape.dimensions.dropFirst())) else { return nil }
    return rows(index..<index + 1)?.reshaped(rest)
  }
}
