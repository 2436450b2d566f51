import RNNModel
import Synchronization

/// What several formats look at in a file: each part is read where it is first asked for, and kept for whoever asks next.
final class SharedParts: Sendable {
  fileprivate let zip = Mutex<Result<ZipArchive, RNNError>?>(nil)
  fileprivate let json = Mutex<JSONSkeleton?>(nil)
}

extension InputFile {
  /// The file as a zip archive, whose directory has been checked. Parameter and errors as those of `ZipArchive`.
  package func zip(acceptsMissingChecksums: Bool = false) throws(RNNError) -> ZipArchive {
    let result = parts.zip.withLock { known in
      if let known { return known }
      let result: Result<ZipArchive, RNNError>
      do throws(RNNError) { result = .success(try ZipArchive(storage)) } catch { result = .failure(error) }
      known = result
      return result
    }
    var archive = try result.get()
    archive.acceptsMissingChecksums = acceptsMissingChecksums
    return archive
  }

  /// The outermost object of JSON text. Of a file that is damaged, or is none, the members before that place.
  var json: JSONSkeleton {
    parts.json.withLock { known in
      if let known { return known }
      let skeleton = withUnsafeBytes { JSONSkeleton(readable: $0) }
      known = skeleton
      return skeleton
    }
  }
}
