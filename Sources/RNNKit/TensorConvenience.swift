import RNNFormats
import RNNModel

extension Tensor {
  /// A float32 tensor of these values in row-major order, as in `torch.tensor(values).reshape(shape)`. NaN and infinity are
  /// values like others.
  ///
  /// - Throws: `usage` where the shape has a negative size, more than `Limits.maximumRank` axes or another number of elements.
  public init(_ values: [Float], shape: [Int]) throws(RNNError) {
    guard let axes = Shape(shape), let tensor = Tensor(values, axes) else { throw Self.misfit(values.count, shape) }
    self = tensor
  }

  /// A float64 tensor of these values; numbers in the source text are taken as float32.
  @_disfavoredOverload
  public init(_ values: [Double], shape: [Int]) throws(RNNError) {
    guard let axes = Shape(shape), let tensor = Tensor(values, axes) else { throw Self.misfit(values.count, shape) }
    self = tensor
  }

  private static func misfit(_ count: Int, _ shape: [Int]) -> RNNError {
    RNNError(.usage, "\(count) values for a tensor of shape \(shape)", remedy: "give as many as the shape's sizes multiply to")
  }

  /// The elements in row-major order as float32, each rounded once where it is of a wider type. Empty for complex and float8
  /// tensors.
  public var floats: [Float] {
    var result: [Float] = []
    result.reserveCapacity(count)
    forEachDouble { _, value in result.append(Float(value)) }
    return result
  }
}

/// As PyTorch prints it; large tensors in part.
extension Tensor: CustomStringConvertible {
  public var description: String { TensorPrinter.text(self) }
}
