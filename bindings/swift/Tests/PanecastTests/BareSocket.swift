import Foundation

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

@testable import Panecast

/// An end's WebSocket to a relay on this machine, over a bare socket: Foundation's works on Apple's systems alone. It does what
/// `RelaySocket` does there.
final class BareSocket: @unchecked Sendable {
    // What follows is touched on this queue alone.
    private let queue = DispatchQueue(label: "dev.panecast.bare")
    private let end: any RelayEnd
    private let host: String
    private let port: UInt16
    private let path: String
    private var line: Line?
    /// How many connections there were, and in how many the relay took the first messages.
    private var connections = (all: 0, early: 0)

    init<End: RelayEnd>(_ end: End, relay: URL) {
        (self.end, path) = (end, End.path)
        (host, port) = (relay.host ?? "", UInt16(relay.port ?? 80))
    }

    var counted: (all: Int, early: Int) { queue.sync { connections } }

    func carry(_ connection: Connection) {
        queue.async { [self] in
            switch connection {
            case .connect(let afterMs):
                queue.asyncAfter(deadline: .now() + .milliseconds(Int(afterMs))) { [self] in connect() }
            case .send(.text(let text)): line?.send(1, Data(text.utf8))
            case .send(.binary(let bytes)): line?.send(2, bytes)
            case .disconnect:
                line?.send(8, Data())
                line?.shut()
                line = nil
            }
        }
    }

    func cut() {
        queue.async { [self] in
            if let line { lost(line) }
        }
    }

    private func connect() {
        guard let early = try? end.early(token: nil) else { return }
        guard let line = Line(host: host, port: port, path: path, protocols: early) else {
            try? end.disconnected()
            return
        }
        self.line = line
        connections.all += 1
        connections.early += line.picked == nil ? 0 : 1
        try? end.opened(protocol: line.picked)
        Thread.detachNewThread { [self] in
            while let message = line.receive() {
                queue.sync {
                    if self.line === line { try? end.receive(message) }
                }
            }
            queue.async { [self] in lost(line) }
        }
    }

    private func lost(_ line: Line) {
        guard self.line === line else { return }
        self.line = nil
        line.shut()
        try? end.disconnected()
    }
}

/// One connection: RFC 6455 as far as a relay needs it.
private final class Line: @unchecked Sendable {
    let picked: String?
    private let socket: Int32
    private var rest: [UInt8] = []

    init?(host: String, port: UInt16, path: String, protocols: [String]) {
        #if canImport(Glibc)
        let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        #else
        let socket = Darwin.socket(AF_INET, SOCK_STREAM, 0)
        #endif
        self.socket = socket
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = inet_addr(host)
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        var request = "GET \(path) HTTP/1.1\r\nHost: \(host):\(port)\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        request += "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
        if !protocols.isEmpty { request += "Sec-WebSocket-Protocol: \(protocols.joined(separator: ", "))\r\n" }
        var head: [UInt8] = []
        if connected == 0, Line.write(socket, Array((request + "\r\n").utf8)) {
            while head.suffix(4) != [13, 10, 13, 10], head.count < 16384, let byte = Line.read(socket, 1) { head += byte }
        }
        let lines = String(decoding: head, as: UTF8.self).components(separatedBy: "\r\n")
        let named = lines.first { $0.lowercased().hasPrefix("sec-websocket-protocol:") }
        picked = named.map { $0.drop { $0 != ":" }.dropFirst().trimmingCharacters(in: .whitespaces) }
        guard lines[0].contains(" 101 ") else {
            close(socket)
            return nil
        }
    }

    deinit {
        close(socket)
    }

    /// Wakes who reads, too.
    func shut() {
        #if canImport(Glibc)
        shutdown(socket, Int32(SHUT_RDWR))
        #else
        shutdown(socket, SHUT_RDWR)
        #endif
    }

    /// A client's frames are masked, here with zeros.
    func send(_ opcode: UInt8, _ bytes: Data) {
        var frame: [UInt8] = [0x80 | opcode]
        let size = UInt64(bytes.count)
        let width = size < 126 ? 0 : size < 65536 ? 2 : 8
        frame.append(0x80 | (width == 0 ? UInt8(size) : width == 2 ? 126 : 127))
        for place in (0..<width).reversed() {
            frame.append(UInt8(truncatingIfNeeded: size >> UInt64(8 * place)))
        }
        frame.append(contentsOf: [0, 0, 0, 0])
        frame.append(contentsOf: bytes)
        // A line that takes nothing is noticed where it is read.
        _ = Line.write(socket, frame)
    }

    /// The next message; nothing once the line is gone.
    func receive() -> RelayMessage? {
        var whole: [UInt8] = []
        var kind: UInt8 = 0
        while let head = Line.read(socket, 2) {
            var length = Int(head[1] & 127)
            if length > 125 {
                guard let more = Line.read(socket, length == 126 ? 2 : 8) else { return nil }
                length = more.reduce(0) { $0 << 8 | Int($1) }
            }
            guard let bytes = Line.read(socket, length) else { return nil }
            switch head[0] & 15 {
            case 8: return nil
            case 9: send(10, Data(bytes))
            case 10: continue
            default:
                if head[0] & 15 != 0 { kind = head[0] & 15 }
                whole += bytes
                if head[0] & 0x80 != 0 {
                    return kind == 1 ? .text(String(decoding: whole, as: UTF8.self)) : .binary(Data(whole))
                }
            }
        }
        return nil
    }

    private static func read(_ socket: Int32, _ count: Int) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: count)
        var got = 0
        while got < count {
            let part = bytes.withUnsafeMutableBytes { recv(socket, $0.baseAddress! + got, count - got, 0) }
            guard part > 0 else { return nil }
            got += part
        }
        return bytes
    }

    private static func write(_ socket: Int32, _ bytes: [UInt8]) -> Bool {
        #if canImport(Glibc)
        let quietly = Int32(MSG_NOSIGNAL)
        #else
        let quietly: Int32 = 0
        #endif
        var sent = 0
        while sent < bytes.count {
            let part = bytes.withUnsafeBytes { Foundation.send(socket, $0.baseAddress! + sent, bytes.count - sent, quietly) }
            guard part > 0 else { return false }
            sent += part
        }
        return true
    }
}
