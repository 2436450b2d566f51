import RNNModel
import Testing

/// A float32 tensor of these values.
func floats(_ values: [Float], _ sizes: Int...) throws -> Tensor {
  let shape = try #require(Shape(sizes))
  return try #require(Tensor(values, shape))
}

/// A float64 tensor of these values.
func doubles(_ values: [Double], _ sizes: Int...) throws -> Tensor {
  let shape = try #require(Shape(sizes))
  return try #require(Tensor(values, shape))
}

/// A tensor of these bytes, as many as it takes.
func tensor(_ type: ElementType, _ sizes: [Int], _ bytes: [UInt8]) throws -> Tensor {
  let shape = try #require(Shape(sizes))
  let made = Tensor(type, shape) { $0.copyBytes(from: bytes.prefix($0.count)) }
  return try #require(made)
}
