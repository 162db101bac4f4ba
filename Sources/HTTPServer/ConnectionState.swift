import NIOCore
import NIOHTTP1

/// What one connection is doing, which deadline holds, and what an event means for it.
///
/// Decides only: the channel handler tells it what happened and when, and carries out the effects.
struct ConnectionState {
    enum Phase: Equatable {
        /// No byte of a request has come.
        case waiting
        /// A request is arriving.
        case receiving
        /// A request is complete; its response is being made or sent.
        case answering
        /// A request was refused; the refusal is being sent and nothing more is parsed.
        case refusing
        /// The refusal is sent and our side closed; input is thrown away until the client closes too.
        case lingering
        case closed
    }

    enum Effect: Equatable {
        case none
        case answer(Request)
        /// Tell the client to go on with its body: `100 Continue`.
        case proceed
        /// Send an empty response of this status, then stop.
        case refuse(status: Int)
        /// Close our side of the connection only.
        case closeOutput
        case close
    }

    /// What is to be done with bytes from the client.
    enum Input {
        case parse, hold, discard
    }

    private let limits: Limits
    private(set) var phase = Phase.waiting

    /// When `reachDeadline` is due, nil while the connection may take all the time it needs.
    private(set) var deadline: NIODeadline?

    /// How the response under way is framed.
    private var traits = RequestTraits()
    private var keepsAlive = false
    private var isFirstRequest = true
    private var isDraining = false
    private var isInputClosed = false

    private var head: HTTPRequestHead?
    private var body: [UInt8] = []

    /// When the present wait for a request, or for its end, began.
    private var since: NIODeadline

    private var unsentBytes = 0
    private var lastProgress = NIODeadline.uptimeNanoseconds(0)
    /// When the client began to leave bytes waiting, nil while all are taken.
    private var stalledSince: NIODeadline?
    /// How long the response under way may still wait for its client.
    private var patience = TimeAmount.zero

    /// A connection accepted just now.
    init(limits: Limits, now: NIODeadline) {
        self.limits = limits
        since = now
        deadline = now + TimeAmount(limits.requestDeadline)
    }

    var input: Input {
        switch phase {
        case .waiting, .receiving: .parse
        case .answering: .hold
        case .refusing, .lingering, .closed: .discard
        }
    }

    /// Whether the next bytes should be fetched from the socket. Not while answering: that is the back-pressure.
    var wantsInput: Bool {
        !isInputClosed && (phase == .waiting || phase == .receiving || phase == .lingering)
    }

    /// How this connection may give way to a newcomer; nil while it has something to answer, and its client takes that.
    ///
    /// `unsentBytes` is what the socket has not taken yet; where that has become less, the client has gone on until now.
    mutating func candidate(unsentBytes: Int, now: NIODeadline) -> Eviction.Candidate? {
        switch phase {
        case .waiting where !isFirstRequest: return Eviction.Candidate(kind: .idle, since: since)
        case .waiting, .receiving, .lingering: return Eviction.Candidate(kind: .unfinished, since: since)
        case .answering where stalledSince != nil && unsentBytes > 0:
            return Eviction.Candidate(kind: .stalled, since: progress(unsentBytes: unsentBytes, now: now))
        case .answering, .refusing, .closed: return nil
        }
    }

    /// When the client last took something.
    private mutating func progress(unsentBytes: Int, now: NIODeadline) -> NIODeadline {
        if unsentBytes < self.unsentBytes {
            self.unsentBytes = unsentBytes
            lastProgress = now
        }
        return lastProgress
    }

    // MARK: - A request arrives

    /// Bytes have come. Only the first of a request moves the deadline: a client that drips gains nothing.
    mutating func receiveBytes(now: NIODeadline) {
        guard phase == .waiting else { return }
        phase = .receiving
        if !isFirstRequest {
            since = now
            deadline = now + TimeAmount(limits.requestDeadline)
        }
    }

    mutating func receive(_ part: HTTPServerRequestPart, now: NIODeadline) -> Effect {
        receiveBytes(now: now)
        guard phase == .receiving else { return .none }
        switch part {
        case .head(let head):
            switch RequestTraits.check(head, limits: limits) {
            case .failure(let refusal):
                self.head = head
                return refuse(refusal.status)
            case .success(let traits):
                self.traits = traits
                self.head = head
                return traits.expectsContinue ? .proceed : .none
            }
        case .body(let bytes):
            guard body.count + bytes.readableBytes <= limits.bodyBytes else { return refuse(413) }
            body.append(contentsOf: bytes.readableBytesView)
            return .none
        case .end:
            guard let head = head.take() else { return .none }
            let request = Request(
                method: head.method.rawValue, target: head.uri, headers: Headers(head.headers), body: body)
            body = []
            phase = .answering
            deadline = nil
            keepsAlive = traits.keepsAlive
            return .answer(request)
        }
    }

    /// The bytes are not a request the parser understands.
    mutating func fail(status: Int) -> Effect {
        phase == .waiting || phase == .receiving ? refuse(status) : .none
    }

    private mutating func refuse(_ status: Int) -> Effect {
        phase = .refusing
        deadline = nil
        traits = head.map(RequestTraits.init) ?? RequestTraits()
        head = nil
        body = []
        keepsAlive = false
        return .refuse(status: status)
    }

    // MARK: - A response leaves

    /// The head of this response to the request under way.
    mutating func startResponse(_ response: Response) -> ResponseHead {
        patience = TimeAmount(limits.writeDeadline)
        stalledSince = nil
        keepsAlive = keepsAlive && !isDraining && !response.isVerbatim
        let head = ResponseHead(response, to: traits, keepsAlive: keepsAlive)
        keepsAlive = head.keepsAlive
        return head
    }

    /// So many bytes of the response are about to be sent.
    mutating func send(bytes: Int) {
        patience = patience + .nanoseconds(Int64(Double(bytes) / Double(max(1, limits.writeRate)) * 1e9))
    }

    /// So many bytes of a response could not be sent at once.
    mutating func stall(unsentBytes: Int, now: NIODeadline) {
        guard phase == .answering || phase == .refusing else { return }
        self.unsentBytes = unsentBytes
        lastProgress = now
        stalledSince = stalledSince ?? now
        deadline = min(now + progressInterval, endOfPatience)
    }

    private var endOfPatience: NIODeadline {
        stalledSince.map { $0 + patience } ?? .distantFuture
    }

    /// All bytes given so far are sent, but the response goes on.
    mutating func unstall(now: NIODeadline) {
        if let stalledSince {
            patience = patience - (now - stalledSince)
        }
        stalledSince = nil
        if phase == .answering {
            deadline = nil
        }
    }

    /// The response is sent in full. `hasMore` says whether further input waits to be parsed.
    mutating func finishResponse(hasMore: Bool, now: NIODeadline) -> Effect {
        switch phase {
        case .answering where keepsAlive && !isDraining && (hasMore || !isInputClosed):
            phase = .waiting
            since = now
            isFirstRequest = false
            deadline = now + TimeAmount(limits.idleDeadline)
            return .none
        case .refusing where !isDraining && !isInputClosed:
            phase = .lingering
            since = now
            deadline = now + TimeAmount(limits.lingerDeadline)
            return .closeOutput
        case .waiting, .receiving, .lingering, .closed:
            return .none
        case .answering, .refusing:
            return close()
        }
    }

    /// How long a response may wait without the client taking any byte.
    private var stallLimit: TimeAmount {
        TimeAmount(isDraining ? min(limits.writeDeadline, limits.drainDeadline * 2) : limits.writeDeadline)
    }

    /// How often progress is looked at: a stalled response ends after its limit and at most this much more.
    private var progressInterval: TimeAmount { .nanoseconds(stallLimit.nanoseconds / 4) }

    // MARK: - Time and ends

    /// The deadline may have come. `unsentBytes` is what the socket has not taken yet.
    mutating func reachDeadline(unsentBytes: Int, now: NIODeadline) -> Effect {
        guard let deadline, deadline <= now else { return .none }
        switch phase {
        case .receiving:
            return refuse(408)
        case .waiting, .lingering:
            return close()
        case .answering, .refusing:
            if endOfPatience <= now {
                return close()
            } else if unsentBytes < self.unsentBytes {
                stall(unsentBytes: unsentBytes, now: now)
            } else if now - lastProgress < stallLimit {
                self.deadline = min(now + progressInterval, endOfPatience)
            } else {
                return close()
            }
            return .none
        case .closed:
            return .none
        }
    }

    /// The client will send no more. `hasMore` says whether input it sent before still waits to be parsed.
    mutating func closeInput(hasMore: Bool) -> Effect {
        isInputClosed = true
        switch phase {
        case .waiting, .receiving: return hasMore ? .none : close()
        case .lingering: return close()
        case .answering, .refusing, .closed: return .none
        }
    }

    /// The server is shutting down: a request that has begun is still answered if neither its end nor the client's
    /// reading is long in coming; all else ends.
    mutating func drain(now: NIODeadline) -> Effect {
        isDraining = true
        switch phase {
        case .waiting, .lingering:
            return close()
        case .receiving:
            deadline = min(deadline ?? .distantFuture, now + TimeAmount(limits.drainDeadline))
            return .none
        case .answering, .refusing:
            if stalledSince != nil {
                stall(unsentBytes: unsentBytes, now: now)
            }
            return .none
        case .closed:
            return .none
        }
    }

    mutating func close() -> Effect {
        guard phase != .closed else { return .none }
        phase = .closed
        deadline = nil
        return .close
    }
}
