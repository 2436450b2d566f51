import CHDF5
import RNNModel
import Synchronization

/// The way into libhdf5: one caller at a time, silent, and without plugins.
enum HDF5Library {
  /// libhdf5 is not safe to call from two threads unless it was built to be.
  private static let lock = Mutex<Void>(())

  /// Runs a whole operation. The library's printing of errors and its loading of filters from shared objects, which a
  /// file could ask for, are off meanwhile and then as they were.
  ///
  /// - Parameter remedy: what the user can do about errors of the library's own.
  static func perform<Value: Sendable>(
    remedy: Phrase, _ operation: () throws(RNNError) -> Value
  ) throws(RNNError) -> Value {
    try lock.withLock { (_) throws(RNNError) -> Value in
      guard H5open() >= 0 else {
        throw RNNError(.defect, "libhdf5 cannot be started", remedy: "check the installation of libhdf5")
      }
      var print: H5E_auto2_t?
      var context: UnsafeMutableRawPointer?
      H5Eget_auto2(hid_t(H5E_DEFAULT), &print, &context)
      H5Eset_auto2(hid_t(H5E_DEFAULT), nil, nil)
      var plugins: UInt32 = 0
      H5PLget_loading_state(&plugins)
      H5PLset_loading_state(0)
      HDF5LZF.register()
      defer {
        H5PLset_loading_state(plugins)
        H5Eset_auto2(hid_t(H5E_DEFAULT), print, context)
      }
      do throws(RNNError) {
        return try operation()
      } catch {
        var error = error
        error.remedy = error.remedy ?? remedy
        throw error
      }
    }
  }

  /// The reason for the last failure, in the library's own words, on one line: those of its innermost function.
  fileprivate static func lastReason() -> String {
    var reason = ""
    withUnsafeMutablePointer(to: &reason) { reason in
      _ = H5Ewalk2(hid_t(H5E_DEFAULT), H5E_WALK_UPWARD, { (_, frame, context) in
        guard let text = frame?.pointee.desc, let context else { return 1 }
        context.assumingMemoryBound(to: String.self).pointee = String(cString: text)
        return 1
      }, reason)
    }
    H5Eclear2(hid_t(H5E_DEFAULT))
    return systemReason(in: reason) ?? reason
  }

  /// What the system said, out of `… errno = 28, error message = 'No space left on device', buf = 0x55ee…`.
  private static func systemReason(in text: String) -> String? {
    let parts = text.split(separator: "'", omittingEmptySubsequences: false)
    guard let index = parts.firstIndex(where: { $0.hasSuffix("error message = ") }), index + 1 < parts.count else {
      return nil
    }
    return String(parts[index + 1])
  }
}

/// Passes on what a function of libhdf5 returned, or throws where it is negative, which is how all of them report
/// failure.
@discardableResult
func hdf5<Value: SignedInteger>(
  _ result: Value, _ problem: @autoclosure () -> String, at place: @autoclosure () -> String?
) throws(RNNError) -> Value {
  if result >= 0 { return result }
  let reason = HDF5Library.lastReason()
  throw RNNError(.badData, place: place(), reason.isEmpty ? problem() : "\(problem()): \(reason)")
}

/// H5P_DEFAULT, and H5S_ALL where a dataspace is meant: macros that cast, which Swift does not import.
let hdf5Default: hid_t = 0

/// One of libhdf5's objects, released once.
struct HDF5Handle: ~Copyable {
  let id: hid_t

  /// Takes over what a function of libhdf5 returned, or throws where it is negative.
  init(_ id: hid_t, _ problem: @autoclosure () -> String, at place: @autoclosure () -> String?) throws(RNNError) {
    self.id = try hdf5(id, problem(), at: place())
  }

  deinit { H5Idec_ref(id) }

  /// Releases a file, whose last bytes are written then.
  consuming func closeFile(at place: String?) throws(RNNError) {
    let id = id
    discard self
    try hdf5(H5Fclose(id), "cannot be closed", at: place)
  }
}
