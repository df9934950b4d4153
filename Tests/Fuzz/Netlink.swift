/// What libFuzzer calls with each input. scripts/fuzz.sh builds it.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzNetlink(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    _ = readAll(Array(UnsafeBufferPointer(start: bytes, count: count)))
    return 0
}
