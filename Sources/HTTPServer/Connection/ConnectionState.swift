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
        /// A request is judged by its head; its body, if there is one, waits.
        case judging
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
        /// Decide whether this request may pass, then call `admit` or `deny`.
        case judge(Request)
        case answer(Request)
        /// Tell the client to go on with its body: `100 Continue`.
        case proceed
        /// Send an empty response of this status, then stop.
        case refuse(status: Int)
        /// Say that the client takes nothing of the response.
        case reportStall
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

    /// The request whose head has come, until it is answered.
    private var request: Request?
    private var bodyBytes = 0
    private var discardedBytes = 0

    /// When the present wait for a request, or for its end, began.
    private var since: NIODeadline

    private var unsentBytes = 0
    private var lastProgress = NIODeadline.uptimeNanoseconds(0)
    /// When the client began to leave bytes waiting, nil while all are taken.
    private var stalledSince: NIODeadline?
    /// How long the response under way may still wait for its client.
    private var patience = TimeAmount.zero
    /// Whether a stall of the response under way is still to be reported.
    private var reportsStall = false

    /// A connection accepted just now.
    init(limits: Limits, now: NIODeadline) {
        self.limits = limits
        since = now
        deadline = now + TimeAmount(limits.requestDeadline)
    }

    var input: Input {
        switch phase {
        case .waiting, .receiving: .parse
        case .judging, .answering: .hold
        case .refusing, .lingering, .closed: .discard
        }
    }

    /// Whether the next bytes should be fetched from the socket. Not while answering: that is the back-pressure.
    var wantsInput: Bool {
        guard !isInputClosed else { return false }
        return phase == .waiting || phase == .receiving || phase == .lingering && discardedBytes < limits.lingerBytes
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
        case .judging, .answering, .refusing, .closed: return nil
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
            if isDraining {
                hasten(now: now)
            }
        }
    }

    mutating func receive(_ part: HTTPServerRequestPart, now: NIODeadline) -> Effect {
        receiveBytes(now: now)
        guard phase == .receiving else { return .none }
        switch part {
        case .head(let head):
            switch RequestTraits.check(head, limits: limits) {
            case .failure(let refusal):
                let effect = refuse(refusal.status)
                traits = RequestTraits(head)
                return effect
            case .success(let traits):
                self.traits = traits
                bodyBytes = 0
                let request = Request(method: head.method.rawValue, target: head.uri, headers: Headers(head.headers))
                self.request = request
                return traits.hasBody ? judge(request) : .none
            }
        case .body(let bytes):
            bodyBytes += bytes.readableBytes
            return bodyBytes <= limits.bodyBytes ? .none : refuse(413)
        case .end:
            guard let request else { return .none }
            return traits.hasBody ? answer(request) : judge(request)
        }
    }

    private mutating func judge(_ request: Request) -> Effect {
        phase = .judging
        deadline = nil
        return .judge(request)
    }

    /// The request may pass: its body is read, or it is answered if there is none. `hasMore` says whether input waits.
    mutating func admit(hasMore: Bool, now: NIODeadline) -> Effect {
        guard phase == .judging, let request else { return .none }
        guard traits.hasBody else { return answer(request) }
        if isInputClosed && !hasMore { return close() }
        phase = .receiving
        deadline = since + TimeAmount(limits.requestDeadline)
        if isDraining {
            hasten(now: now)
        }
        return traits.expectsContinue ? .proceed : .none
    }

    /// The request is refused by its head: a response follows, and no body is read for it.
    mutating func deny() {
        guard phase == .judging else { return }
        request = nil
        phase = traits.hasBody ? .refusing : .answering
        keepsAlive = traits.keepsAlive && !traits.hasBody
    }

    private mutating func answer(_ request: Request) -> Effect {
        self.request = nil
        phase = .answering
        deadline = nil
        keepsAlive = traits.keepsAlive
        return .answer(request)
    }

    /// The bytes are not a request the parser understands.
    mutating func fail(status: Int) -> Effect {
        phase == .waiting || phase == .receiving ? refuse(status) : .none
    }

    private mutating func refuse(_ status: Int) -> Effect {
        phase = .refusing
        deadline = nil
        if request.take() == nil {
            traits = RequestTraits()
        }
        keepsAlive = false
        return .refuse(status: status)
    }

    /// So many bytes of a refused client have been thrown away.
    mutating func discard(bytes: Int, now: NIODeadline) {
        discardedBytes += bytes
        if phase == .lingering, discardedBytes >= limits.lingerBytes {
            // Left to the client to read the refusal.
            deadline = min(deadline ?? .distantFuture, now + .seconds(1))
        }
    }

    // MARK: - A response leaves

    /// The head of this response to the request under way.
    mutating func startResponse(_ response: Response) -> ResponseHead {
        patience = TimeAmount(limits.writeDeadline)
        stalledSince = nil
        reportsStall = response.onStall != nil
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
        deadline = nextLook(now: now)
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
        case .refusing where !isInputClosed:
            phase = .lingering
            since = now
            deadline = now + TimeAmount(limits.lingerDeadline)
            if isDraining {
                hasten(now: now)
            }
            return .closeOutput
        case .waiting, .receiving, .judging, .lingering, .closed:
            return .none
        case .answering, .refusing:
            return close()
        }
    }

    /// How long a response may wait without the client taking any byte.
    private var stallLimit: TimeAmount {
        TimeAmount(isDraining ? min(limits.writeDeadline, limits.drainDeadline * 2) : limits.writeDeadline)
    }

    /// The time to look at progress again: a stalled response ends after its limit and at most a quarter of that more.
    private func nextLook(now: NIODeadline) -> NIODeadline {
        let look = min(now + .nanoseconds(stallLimit.nanoseconds / 4), endOfPatience)
        return reportsStall ? min(look, lastProgress + TimeAmount(limits.stallNotice)) : look
    }

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
                return .none
            }
            let idleTime = now - lastProgress
            guard idleTime < stallLimit else { return close() }
            let isStalled = reportsStall && idleTime >= TimeAmount(limits.stallNotice)
            if isStalled {
                reportsStall = false
            }
            self.deadline = nextLook(now: now)
            return isStalled ? .reportStall : .none
        case .judging, .closed:
            return .none
        }
    }

    /// The client will send no more. `hasMore` says whether input it sent before still waits to be parsed.
    mutating func closeInput(hasMore: Bool) -> Effect {
        isInputClosed = true
        switch phase {
        case .waiting, .receiving: return hasMore ? .none : close()
        case .lingering: return close()
        case .judging, .answering, .refusing, .closed: return .none
        }
    }

    /// The server is shutting down: a request that has begun is still answered if neither its end nor the client's
    /// reading is long in coming; all else ends. `hasInput` says whether bytes have come that were not read yet.
    mutating func drain(hasInput: Bool = false, now: NIODeadline) -> Effect {
        isDraining = true
        switch phase {
        case .waiting where !hasInput:
            return close()
        case .waiting, .receiving, .lingering:
            hasten(now: now)
            return .none
        case .answering, .refusing:
            if stalledSince != nil {
                stall(unsentBytes: unsentBytes, now: now)
            }
            return .none
        case .judging, .closed:
            return .none
        }
    }

    private mutating func hasten(now: NIODeadline) {
        deadline = min(deadline ?? .distantFuture, now + TimeAmount(limits.drainDeadline))
    }

    mutating func close() -> Effect {
        guard phase != .closed else { return .none }
        phase = .closed
        deadline = nil
        return .close
    }
}
