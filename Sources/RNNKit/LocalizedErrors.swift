import RNNModel

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What `localizedDescription` and alerts say: the file, the place, the problem and what to do about it, in English.
extension RNNError: LocalizedError {
  public var errorDescription: String? { description }
  public var failureReason: String? { problem.description }
  public var recoverySuggestion: String? { remedy?.description }
}
