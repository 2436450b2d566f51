import CRNNKernels
import RNNModel

extension PackedMatrix {
  /// Packs whole numbers, and behind them each row's scale and sum. See `rnnkit_matrix`.
  init(
    _ weight: QuantizedWeight, _ multiply: rnnkit_multiply_int8, inner: Int, groups: Int, panels: Int, pitch: Int, first: Int,
    row: (_ group: Int, _ panel: Int, _ lane: Int) -> Int?
  ) throws(RNNError) {
    let lanes = Int(RNNKIT_FLOAT32_LANES), four = Int(RNNKIT_INT8_COLUMNS)
    let quads = (inner + four - 1) / four, all = try product(groups, panels, lanes)
    let byteCount = try product(all, quads, four), (total, overflow) = byteCount.addingReportingOverflow(all * 8)
    let memory = try AlignedMemory(byteCount: overflow ? -1 : total)
    let packed = memory.base.assumingMemoryBound(to: Int8.self)
    let scales = (memory.base + byteCount).assumingMemoryBound(to: Float.self)
    let sums = (memory.base + byteCount + all * 4).assumingMemoryBound(to: Int32.self)
    weight.numbers.withUnsafeBytes { numbers in
      weight.scale.withUnsafeBytes { rowScales in
        for group in 0..<groups {
          for panel in 0..<panels {
            for lane in 0..<lanes {
              guard let row = row(group, panel, lane) else { continue }
              let at = (group * panels + panel) * lanes + lane
              scales[at] = rowScales.loadUnaligned(fromByteOffset: row * 4, as: Float.self)
              var sum: Int32 = 0
              for column in 0..<inner {
                let number = Int8(bitPattern: numbers[row * inner + column])
                sum += Int32(number)
                packed[(((group * quads + column / four) * panels + panel) * lanes + lane) * four + column % four] = number
              }
              sums[at] = sum
            }
          }
        }
      }
    }
    self.init(
      matrix: rnnkit_matrix(
        weights: UnsafeRawPointer(packed), kept: RNNKIT_INT8, inner: inner, groups: groups, together: 1, panels: panels,
        packed: false, pitch: pitch, first: first, scales: scales, sums: sums, multiply_int8: multiply),
      memory: memory)
  }
}
