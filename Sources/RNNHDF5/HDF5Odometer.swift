import RNNFormats

/// Counts work and calls `sign` for each unit of it.
struct HDF5Odometer {
  private let sign: () -> Void
  private var points = 0

  init(sign: @escaping () -> Void) {
    self.sign = sign
  }

  mutating func add(_ count: Int) {
    points += count
    while points >= HDF5Progress.unit {
      points -= HDF5Progress.unit
      sign()
    }
  }

  /// Counts a link or an attribute.
  mutating func addObject() {
    add(HDF5Progress.pointsPerObject)
  }
}
