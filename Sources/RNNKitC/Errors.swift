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

/// An error as C text, which is made at once and freed with it.
final class ErrorBox {
  let kind: Int32
  let message, file, place, problem, remedy: UnsafeMutablePointer<CChar>?

  init(_ error: RNNError) {
    kind = error.kind.rawValue
    message = strdup(error.description)
    file = error.file.flatMap { strdup($0.systemPath) }
    place = error.place.flatMap { strdup($0.escapingControlCharacters()) }
    problem = strdup(error.problem.escapingControlCharacters())
    remedy = error.remedy.flatMap { strdup($0.escapingControlCharacters()) }
  }

  deinit { for text in [message, file, place, problem, remedy] { free(text) } }
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
    return error.kind.rawValue
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

@c @implementation
public func rnnkit_error_free(_ error: OpaquePointer?) { release(error, ErrorBox.self) }

@c @implementation
public func rnnkit_text_free(_ text: UnsafeMutablePointer<CChar>?) { free(text) }
