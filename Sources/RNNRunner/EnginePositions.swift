import CRNNKernels
import RNNModel

/// What is done with the positions of each step: `channels` features that stand one after the other.
extension Engine {
  /// - Parameter scratch: Memory for the positions of one window.
  func pool(
    _ function: WindowFunction, _ window: TimeWindow, _ channels: Int, _ operation: StepOperation, _ source: Rows, positions: Int,
    _ scratch: UnsafeMutableRawPointer
  ) {
    let size = channels * real, count = operation.count / (function == .join ? channels * window.size : channels)
    for row in 0..<source.count {
      let from = source.base + row * source.stride * real, to = operation.target + row * operation.targetStride * real
      for number in 0..<count {
        let first = number * window.stride - window.before
        // The taps that are positions rather than padding follow each other.
        let skipped = first < 0 ? (window.dilation - 1 - first) / window.dilation : 0
        let end = min(window.size, first >= positions ? 0 : (positions - 1 - first) / window.dilation + 1)
        let own = max(0, end - skipped)
        let rows = Rows(
          base: own == 0 ? from : from + (first + skipped * window.dilation) * size, stride: window.dilation * channels, count: own)
        switch function {
        case .join:
          let target = to + number * window.size * size
          target.initializeMemory(as: UInt8.self, repeating: 0, count: window.size * size)
          if own > 0 { make(.copy(rows, count: channels, to: target + skipped * size, stride: channels)) }
        case .average(countsPadding: true) where own < window.size:
          scratch.initializeMemory(as: UInt8.self, repeating: 0, count: window.size * size)
          if own > 0 { make(.copy(rows, count: channels, to: scratch + skipped * size, stride: channels)) }
          let all = Rows(base: UnsafeRawPointer(scratch), stride: channels, count: window.size)
          make(.overTime(RNNKIT_MEAN, all, count: channels, to: to + number * size, stride: 0))
        case .max where own == 0: fill(to + number * size, channels, -.infinity)
        case .max, .average:
          make(.overTime(function == .max ? RNNKIT_LARGEST : RNNKIT_MEAN, rows, count: channels, to: to + number * size, stride: 0))
        }
      }
    }
  }

  /// The same number in so many places.
  func fill(_ target: UnsafeMutableRawPointer, _ count: Int, _ number: Double) {
    switch plan.precision {
    case .float32: for index in 0..<count { target.storeBytes(of: Float(number), toByteOffset: index * real, as: Float.self) }
    case .float64: for index in 0..<count { target.storeBytes(of: number, toByteOffset: index * real, as: Double.self) }
    }
  }

  /// One number of each part in turn.
  func interleave<Word: FixedWidthInteger>(_ parts: Int, _ operation: StepOperation, _ source: Rows, as type: Word.Type) {
    let size = operation.count / parts
    for row in 0..<source.count {
      let from = (source.base + row * source.stride * real).assumingMemoryBound(to: type)
      let to = (operation.target + row * operation.targetStride * real).assumingMemoryBound(to: type)
      for part in 0..<parts {
        for index in 0..<size { to[index * parts + part] = from[part * size + index] }
      }
    }
  }
}
