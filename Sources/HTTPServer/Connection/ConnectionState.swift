import NIOCore
import NIOHTTP1

/// The state machine of one connection: its phase, its deadline, and the effect of each event.
///
/// Decides only: `ConnectionHandler` reports events with their time, and carries out the effects.
struct ConnectionState {
    enum Phase: Equatable {
        /// No byte of a request has come.
        case waiting
        /// A request is arriving.
        case receiving
        /// The head of a request is being judged; its body, if there is one, is not read yet.
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
        /// Report that the client takes nothing of the response.
        case reportStall
        /// Close our side of the connection only.
        case closeOutput
        case close
    }

    /// The treatment of what comes from the client.
    enum Input {
        case parse, hold, discard
    }

    private let limits: Limits
    private(set) var phase = Phase.waiting
    /// The time at which `reachDeadline` is due; `nil` while there is no limit.
    private(set) var deadline: NIODeadline?
    /// The traits of the request under way.
    private var traits = RequestTraits()
    private var keepsAlive = false
    private var isFirstRequest = true
    private var isDraining = false
    private var isInputClosed = false
    /// The request whose head has come, until it is answered.
    private var request: Request?
    private var bodyBytes = 0
    private var discardedBytes = 0
    /// The time at which the present wait for a request, or for its end, began.
    private var since: NIODeadline

    private var unsentBytes = 0
    private var lastProgress = NIODeadline.uptimeNanoseconds(0)
    /// The time at which the client began to leave bytes waiting; `nil` while all are taken.
    private var stalledSince: NIODeadline?
    /// The time the response under way may still wait for its client.
    private var stallAllowance = TimeAmount.zero
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

    /// Whether to read the next bytes from the socket; not while answering, which is the back-pressure.
    var wantsInput: Bool {
        guard !isInputClosed else { return false }
        return phase == .waiting || phase == .receiving || phase == .lingering && discardedBytes < limits.lingerBytes
    }

    /// Returns the connection as a candidate for eviction, or `nil` while its client takes what is answered.
    mutating func candidate(unsentBytes: Int, now: NIODeadline) -> EvictionPolicy.Candidate? {
        switch phase {
        case .waiting where !isFirstRequest: return EvictionPolicy.Candidate(kind: .idle, since: since)
        case .waiting, .receiving, .lingering: return EvictionPolicy.Candidate(kind: .unfinished, since: since)
        case .answering where stalledSince != nil && unsentBytes > 0:
            return EvictionPolicy.Candidate(kind: .stalled, since: progress(unsentBytes: unsentBytes, now: now))
        case .judging, .answering, .refusing, .closed: return nil
        }
    }

    /// Returns the time at which the client last took something: now, if the socket has fewer bytes to send.
    private mutating func progress(unsentBytes: Int, now: NIODeadline) -> NIODeadline {
        if unsentBytes < self.unsentBytes {
            self.unsentBytes = unsentBytes
            lastProgress = now
        }
        return lastProgress
    }

    // MARK: A request arrives

    /// Bytes have come. Only the first of a request moves the deadline: a client that drips gains nothing.
    mutating func receiveBytes(_ count: Int, now: NIODeadline) {
        switch phase {
        case .waiting:
            phase = .receiving
            if !isFirstRequest {
                since = now
                limit(to: limits.requestDeadline, now: now)
            }
        case .lingering:
            discardedBytes += count
            if discardedBytes >= limits.lingerBytes {
                // Left to the client to read the refusal.
                deadline = min(deadline ?? .distantFuture, now + .seconds(1))
            }
        case .receiving, .judging, .answering, .refusing, .closed:
            break
        }
    }

    /// Limits the present wait; to less if the server is shutting down.
    private mutating func limit(to time: Duration, now: NIODeadline) {
        deadline = since + TimeAmount(time)
        if isDraining { hasten(now: now) }
    }

    /// A part of a request has been parsed.
    mutating func receive(_ part: HTTPServerRequestPart, now: NIODeadline) -> Effect {
        if phase == .waiting { receiveBytes(0, now: now) }
        guard phase == .receiving else { return .none }
        switch part {
        case .head(let head):
            do {
                traits = try RequestTraits(checking: head, limits: limits)
            } catch {
                defer { traits = RequestTraits(head) }
                return refuse(error.status)
            }
            bodyBytes = 0
            var request = Request(method: head.method.rawValue, target: head.uri, headers: Headers(head.headers))
            request.awaitsBody = traits.hasBody
            self.request = request
            return traits.hasBody ? judge(request) : .none
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

    /// The request may pass: its body is read, or it is answered if there is none. `hasMore`: parsed input waits.
    mutating func admit(hasMore: Bool, now: NIODeadline) -> Effect {
        guard phase == .judging, let request else { return .none }
        guard traits.hasBody else { return answer(request) }
        if isInputClosed && !hasMore { return close() }
        phase = .receiving
        limit(to: limits.requestDeadline, now: now)
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
        var request = request
        request.awaitsBody = false
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
        if request.take() == nil { traits = RequestTraits() }
        keepsAlive = false
        return .refuse(status: status)
    }

    // MARK: A response leaves

    /// Begins the response to the request under way, and returns its head.
    mutating func startResponse(_ response: Response) -> ResponseHead {
        startSending()
        reportsStall = response.onStall != nil
        let head = ResponseHead(response, to: traits, keepsAlive: keepsAlive && !isDraining)
        keepsAlive = head.keepsAlive
        return head
    }

    /// Begins a response whose bytes are not known yet.
    mutating func startSending() {
        stallAllowance = TimeAmount(limits.writeDeadline)
        stalledSince = nil
        reportsStall = false
    }

    /// So many bytes of the response are about to be sent.
    mutating func send(bytes: Int) {
        stallAllowance = stallAllowance + .nanoseconds(Int64(Double(bytes) / Double(max(1, limits.writeRate)) * 1e9))
    }

    /// So many bytes of a response could not be sent at once.
    mutating func stall(unsentBytes: Int, now: NIODeadline) {
        guard phase == .answering || phase == .refusing else { return }
        self.unsentBytes = unsentBytes
        lastProgress = now
        stalledSince = stalledSince ?? now
        deadline = nextLook(now: now)
    }

    private var stallEnd: NIODeadline {
        stalledSince.map { $0 + stallAllowance } ?? .distantFuture
    }

    /// All bytes given so far are sent, but the response goes on.
    mutating func unstall(now: NIODeadline) {
        if let stalledSince { stallAllowance = stallAllowance - (now - stalledSince) }
        stalledSince = nil
        if phase == .answering { deadline = nil }
    }

    /// The response is sent in full. `hasMore`: parsed input waits.
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
            limit(to: limits.lingerDeadline, now: now)
            return .closeOutput
        case .answering, .refusing: return close()
        case .waiting, .receiving, .judging, .lingering, .closed: return .none
        }
    }

    /// The time a response may wait without the client taking any byte.
    private var stallLimit: TimeAmount {
        TimeAmount(isDraining ? min(limits.writeDeadline, limits.drainDeadline * 2) : limits.writeDeadline)
    }

    /// Returns the time to look at progress again: a stalled response ends after its limit and a quarter at most.
    private func nextLook(now: NIODeadline) -> NIODeadline {
        let look = min(now + .nanoseconds(stallLimit.nanoseconds / 4), stallEnd)
        return reportsStall ? min(look, lastProgress + TimeAmount(limits.stallNotice)) : look
    }

    // MARK: Time and ends

    /// The deadline may have come. `unsentBytes`: those the socket has not taken yet.
    mutating func reachDeadline(unsentBytes: Int, now: NIODeadline) -> Effect {
        guard let deadline, deadline <= now else { return .none }
        switch phase {
        case .receiving: return refuse(408)
        case .waiting, .lingering: return close()
        case .judging, .closed: return .none
        case .answering, .refusing:
            let idleTime = now - progress(unsentBytes: unsentBytes, now: now)
            guard now < stallEnd, idleTime < stallLimit else { return close() }
            let isStalled = reportsStall && idleTime >= TimeAmount(limits.stallNotice)
            if isStalled { reportsStall = false }
            self.deadline = nextLook(now: now)
            return isStalled ? .reportStall : .none
        }
    }

    /// The client will send no more. `hasMore`: parsed input waits.
    mutating func closeInput(hasMore: Bool) -> Effect {
        isInputClosed = true
        switch phase {
        case .waiting, .receiving: return hasMore ? .none : close()
        case .lingering: return close()
        case .judging, .answering, .refusing, .closed: return .none
        }
    }

    /// The server is shutting down: a request that has begun is still answered. `hasInput`: unread bytes have come.
    mutating func drain(hasInput: Bool = false, now: NIODeadline) -> Effect {
        isDraining = true
        switch phase {
        case .waiting where !hasInput: return close()
        case .waiting, .receiving, .lingering: hasten(now: now)
        case .answering where stalledSince != nil, .refusing where stalledSince != nil:
            stall(unsentBytes: unsentBytes, now: now)
        case .judging, .answering, .refusing, .closed: break
        }
        return .none
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
