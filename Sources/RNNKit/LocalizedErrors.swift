import RNNModel

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What `localizedDescription` and alerts say: the file, the place, the problem and what to do about it, in English.
extension RNNError: LocalizedError {
  /// File, place, problem and remedy in one line.
  public var errorDescription: String? { description }
  /// The problem.
  public var failureReason: String? { problem.description }
  /// The remedy; nil if there is none.
  public var recoverySuggestion: String? { remedy?.description }
}
