import RNNKit

/// NaN and infinities in a run, of which one line tells: where they come in, and whether they come out.
struct NotFinite {
  private let path: String
  private var places: [String] = []

  /// - Parameter path: The model's.
  init(_ path: String) { self.path = path }

  mutating func add(weightsOf model: Model) throws(RNNError) {
    let names = try model.nonFiniteWeights()
    if let first = names.first {
      places.append(names.count == 1 ? first : "\(first), and \(counted(names.count - 1, "more tensor"))")
    }
  }

  mutating func add(_ name: String, _ tensor: Tensor?) throws(RNNError) {
    guard let tensor else { return }
    let (nan, infinite) = try tensor.nonFiniteCounts()
    if nan + infinite > 0 { places.append("\(name) has \(Self.counts(nan, infinite))") }
  }

  private static func counts(_ nan: Int, _ infinite: Int) -> String {
    let parts = [nan > 0 ? "\(grouped(nan)) NaN" : nil, infinite > 0 ? "\(grouped(infinite)) infinite" : nil]
    return parts.compactMap { $0 }.joined(separator: " and ") + (nan + infinite == 1 ? " value" : " values")
  }

  /// Says it, where there is anything to say.
  func warn() {
    if !places.isEmpty { Console.warning("\(path): \(places.joined(separator: "; "))") }
  }
}
