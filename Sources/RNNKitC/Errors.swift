import CRNNKit
import RNNKit

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

// The functions of rnnkit.h, which documents them. Each takes what C gives apart, checks it, and calls RNNKit.

public typealias ErrorTarget = UnsafeMutablePointer<OpaquePointer?>?

/// An error with C texts, which are made at once and freed with it.
final class ErrorBox {
  let error: RNNError
  let kind: Int32
  let message, file, place, problem, remedy: UnsafeMutablePointer<CChar>?

  init(_ error: RNNError) {
    self.error = error
    kind = error.kind.number
    message = strdup(error.text(in: Words.c))
    file = error.file.flatMap { strdup($0.systemPath) }
    place = error.place.flatMap { strdup($0.escapingControlCharacters()) }
    problem = strdup(error.problem.text(in: Words.c).escapingControlCharacters())
    remedy = error.remedy.flatMap { strdup($0.text(in: Words.c).escapingControlCharacters()) }
  }

  deinit { for text in [message, file, place, problem, remedy] { free(text) } }
}

extension RNNError.Kind {
  /// RNNKIT_USAGE and so on.
  fileprivate var number: Int32 {
    switch self {
    case .usage: Int32(RNNKIT_USAGE)
    case .badData: Int32(RNNKIT_BAD_DATA)
    case .missingInput: Int32(RNNKIT_MISSING_INPUT)
    case .defect: Int32(RNNKIT_DEFECT)
    case .cannotCreate: Int32(RNNKIT_CANNOT_CREATE)
    case .inputOutput: Int32(RNNKIT_INPUT_OUTPUT)
    }
  }
}

/// Hands an object to C, which gives it back to `release`.
func handle(_ object: AnyObject) -> OpaquePointer {
  OpaquePointer(Unmanaged.passRetained(object).toOpaque())
}

/// The object behind a handle. Throws where that is NULL.
@inline(__always)
func object<Object: AnyObject>(
  _ handle: OpaquePointer?, _ type: Object.Type, _ name: StaticString
) throws(RNNError) -> Object {
  guard let handle else { throw missing("\(name)") }
  return Unmanaged<Object>.fromOpaque(UnsafeRawPointer(handle)).takeUnretainedValue()
}

func release<Object: AnyObject>(_ handle: OpaquePointer?, _ type: Object.Type) {
  if let handle { Unmanaged<Object>.fromOpaque(UnsafeRawPointer(handle)).release() }
}

func missing(_ name: String) -> RNNError {
  RNNError(.usage, place: name, "it is NULL", remedy: "pass it; perhaps what made it failed")
}

/// Calls `body` and turns what it throws into an error object and a status.
@inline(__always)
func attempt(_ target: ErrorTarget, _ body: () throws(RNNError) -> Void) -> Int32 {
  do throws(RNNError) {
    try body()
    return 0
  } catch {
    if let target { target.pointee = handle(ErrorBox(error)) }
    return error.kind.number
  }
}

/// The same for what makes an object.
func make(_ target: ErrorTarget, _ body: () throws(RNNError) -> AnyObject) -> OpaquePointer? {
  var result: OpaquePointer?
  _ = attempt(target) { () throws(RNNError) in result = handle(try body()) }
  return result
}

/// The same for what makes text.
func text(_ target: ErrorTarget, _ body: () throws(RNNError) -> String) -> UnsafeMutablePointer<CChar>? {
  var result: UnsafeMutablePointer<CChar>?
  _ = attempt(target) { () throws(RNNError) in result = try copy(body()) }
  return result
}

func copy(_ text: String) throws(RNNError) -> UnsafeMutablePointer<CChar> {
  guard let copy = strdup(text) else {
    throw RNNError(.badData, "\(text.utf8.count) bytes of memory cannot be had", remedy: "free some")
  }
  return copy
}

/// Calls `body` while a file at its limit and a pipe without a reader are errors of the calls that write, not signals, for
/// this thread alone.
func withoutSignals<Result>(_ body: () throws(RNNError) -> Result) throws(RNNError) -> Result {
  var (blocked, before, pending) = (sigset_t(), sigset_t(), sigset_t())
  sigemptyset(&blocked)
  sigaddset(&blocked, SIGXFSZ)
  sigaddset(&blocked, SIGPIPE)
  sigpending(&pending)
  guard pthread_sigmask(SIG_BLOCK, &blocked, &before) == 0 else { return try body() }
  defer {
    #if os(Linux)
      // One that came meanwhile is taken, unless it was waiting before.
      if sigismember(&pending, SIGXFSZ) == 0, sigismember(&pending, SIGPIPE) == 0 {
        var none = timespec()
        while sigtimedwait(&blocked, nil, &none) > 0 {}
      }
    #endif
    pthread_sigmask(SIG_SETMASK, &before, nil)
  }
  return try body()
}

@c @implementation
public func rnnkit_version() -> UnsafePointer<CChar>? {
  let text: StaticString = "0.1.0"
  return UnsafeRawPointer(text.utf8Start).assumingMemoryBound(to: CChar.self)
}

@c @implementation
public func rnnkit_error_kind(_ error: OpaquePointer?) -> Int32 {
  (try? object(error, ErrorBox.self, "error"))?.kind ?? 0
}

private func part(_ error: OpaquePointer?, _ path: KeyPath<ErrorBox, UnsafeMutablePointer<CChar>?>) -> UnsafePointer<CChar>? {
  (try? object(error, ErrorBox.self, "error")).flatMap { UnsafePointer($0[keyPath: path]) }
}

@c @implementation
public func rnnkit_error_message(_ error: OpaquePointer?) -> UnsafePointer<CChar>? { part(error, \.message) }

@c @implementation
public func rnnkit_error_file(_ error: OpaquePointer?) -> UnsafePointer<CChar>? { part(error, \.file) }

@c @implementation
public func rnnkit_error_place(_ error: OpaquePointer?) -> UnsafePointer<CChar>? { part(error, \.place) }

@c @implementation
public func rnnkit_error_problem(_ error: OpaquePointer?) -> UnsafePointer<CChar>? { part(error, \.problem) }

@c @implementation
public func rnnkit_error_remedy(_ error: OpaquePointer?) -> UnsafePointer<CChar>? { part(error, \.remedy) }

/// A part in one of the `Words`; NULL where there is no such part, or no such words.
private func words(
  _ error: OpaquePointer?, _ number: Int32, _ part: (RNNError) -> Phrase?
) -> UnsafeMutablePointer<CChar>? {
  guard let box = try? object(error, ErrorBox.self, "error"), let words = Words(rawValue: number), let phrase = part(box.error)
  else { return nil }
  return strdup(phrase.text(in: words).escapingControlCharacters())
}

@c @implementation
public func rnnkit_error_problem_in(_ error: OpaquePointer?, _ number: Int32) -> UnsafeMutablePointer<CChar>? {
  words(error, number, \.problem)
}

@c @implementation
public func rnnkit_error_remedy_in(_ error: OpaquePointer?, _ number: Int32) -> UnsafeMutablePointer<CChar>? {
  words(error, number, \.remedy)
}

@c @implementation
public func rnnkit_error_free(_ error: OpaquePointer?) { release(error, ErrorBox.self) }

@c @implementation
public func rnnkit_text_free(_ text: UnsafeMutablePointer<CChar>?) { free(text) }
