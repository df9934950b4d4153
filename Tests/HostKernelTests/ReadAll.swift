import HostKernel
import HostModel

/// Reads one datagram as everything that the kernel may have sent, and answers how much of it could be read: what tests
/// and scripts/fuzz.sh feed with what no kernel would send.
@discardableResult
func readAll(_ datagram: [UInt8]) -> Int {
    var count = 0
    for message in (try? NetlinkMessage.split(datagram[...])) ?? [] {
        if (try? Acknowledgement(message)) != nil { count += 1 }
        if (try? GenericFamily(message)) != nil { count += 1 }
        if (try? LinkMessage(message)) != nil { count += 1 }
        for index: UInt32 in 3...4 {
            if (try? EthtoolCommand.rings.values(message, of: index)) != nil { count += 1 }
            if (try? EthtoolCommand.channels.values(message, of: index)) != nil { count += 1 }
        }
    }
    return count
}
