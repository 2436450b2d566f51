import RNNModel

/// Tensors made of another tensor's elements, moved but never changed.
extension Tensor {
  /// The tensor whose element at indices (i, j, …) is this one's at `start` + i·strides[0] + j·strides[1] …, counted in
  /// elements. The caller has checked that all of these exist. Nil where the size overflows.
  func strided(_ shape: Shape, start: Int, strides: [Int]) -> Tensor? {
    let size = elementType.byteCount
    var axes = Array(zip(shape.dimensions, strides))
    // Axes that lie one behind the other are one run of bytes.
    var run = 1
    while let (count, stride) = axes.last, stride == run || count == 1 {
      run *= count
      axes.removeLast()
    }
    return Tensor(elementType, shape) { target in
      guard shape.count > 0 else { return }
      withUnsafeBytes { source in
        var indices = [Int](repeating: 0, count: axes.count)
        var position = start
        var written = 0
        while true {
          copy(source, position * size, target, written, run * size)
          written += run * size
          var axis = axes.count - 1
          while axis >= 0 {
            indices[axis] += 1
            position += axes[axis].1
            if indices[axis] < axes[axis].0 { break }
            position -= axes[axis].1 * axes[axis].0
            indices[axis] = 0
            axis -= 1
          }
          if axis < 0 { return }
        }
      }
    }
  }

  private func copy(
    _ source: UnsafeRawBufferPointer, _ from: Int, _ target: UnsafeMutableRawBufferPointer, _ to: Int, _ count: Int
  ) {
    UnsafeMutableRawBufferPointer(rebasing: target[to..<to + count])
      .copyMemory(from: UnsafeRawBufferPointer(rebasing: source[from..<from + count]))
  }

  /// The distance in elements between neighbours along each axis.
  var strides: [Int] {
    var result = [Int](repeating: 1, count: shape.rank)
    for axis in stride(from: shape.rank - 2, through: 0, by: -1) { result[axis] = result[axis + 1] * shape[axis + 1] }
    return result
  }

  /// The axes in another order: axis i of the result is axis `order[i]` of this one. `order` must be a permutation.
  func permuted(_ order: [Int]) -> Tensor? {
    let strides = self.strides
    return Shape(order.map { shape[$0] }).flatMap { strided($0, start: 0, strides: order.map { strides[$0] }) }
  }

  /// Every `step`th of the elements along `axis`, `count` of them from `first` on, which must all exist.
  func sliced(axis: Int, first: Int, count: Int, step: Int = 1) -> Tensor? {
    var strides = self.strides
    let start = count == 0 ? 0 : first * strides[axis]
    strides[axis] *= step
    var sizes = shape.dimensions
    sizes[axis] = count
    return Shape(sizes).flatMap { strided($0, start: start, strides: strides) }
  }

  /// Tensors of one type, and of one shape but for `axis`, one after the other along it.
  static func concatenated(_ tensors: [Tensor], axis: Int) -> Tensor? {
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
    return Tensor(first.elementType, shape) { target in
      var written = 0
      for index in 0..<outer {
        for tensor in tensors where tensor.byteCount > 0 {
          let count = tensor.byteCount / outer
          tensor.withUnsafeBytes { source in
            tensor.copy(source, index * count, target, written, count)
          }
          written += count
        }
      }
    }
  }
}
