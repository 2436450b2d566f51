import RNNModel

/// Moves every number of a tensor up or down at random, as rounding does; the same numbers the same way each time.
///
/// One run in four moves them by half a unit in the last place, what rounding a number does. The others move them by two
/// units: a step rounds every term of its sums and every state, and where that tips a unit over, distances are not in
/// proportion to what was moved.
struct Perturbation {
  /// The relative size of half a unit in the last place.
  let unit: Double
  /// Which of the runs. Those of odd numbers move the rows of matrices as a whole, as rounding of a sum does.
  let run: Int

  /// The tensor in float64; as it is where it is no float type.
  func moved(_ tensor: Tensor, number: Int) -> Tensor {
    guard tensor.elementType.isWeight else { return tensor }
    // float64 has no number half a unit away: its numbers move by a whole one.
    let least = unit <= ElementType.float64.unit ? 2 * unit : unit
    let size = run % 4 == 0 ? least : 4 * unit
    let rank = tensor.shape.rank
    let together = run % 2 == 1 && rank > 1 ? max(tensor.shape.dimensions.dropFirst().reduce(1, *), 1) : 1
    let seed = mixed(UInt64(truncatingIfNeeded: run) << 32 ^ UInt64(truncatingIfNeeded: number))
    var values: [Double] = []
    values.reserveCapacity(tensor.count)
    tensor.forEachDouble { index, value in
      let isUp = mixed(seed &+ UInt64(truncatingIfNeeded: index / together)) & 1 == 1
      values.append(value * (isUp ? 1 + size : 1 - size))
    }
    return Tensor(values, tensor.shape) ?? tensor
  }

  private func mixed(_ value: UInt64) -> UInt64 {
    var random = SplitMix64(seed: value)
    return random.next()
  }
}
