import CProcess
import Glibc

/// What the process asks of the system before it does anything else.
enum ProcessSetup {
    static func apply() {
        // A reader of our output or a client that goes away is an error to be handled, not the end.
        signal(SIGPIPE, SIG_IGN)
        // Until the services run and take these themselves, there is nothing to finish, and nothing newer to read.
        signal(SIGTERM) { _ in _exit(EXIT_SUCCESS) }
        signal(SIGINT) { _ in _exit(EXIT_SUCCESS) }
        signal(SIGHUP, SIG_IGN)
        occupyStandardStreams()
        raiseFileLimit()
        // The memory holds the API key.
        hypersender_forbid_core_dumps()
        returnMemory()
        hypersender_resolve_alone()
        quietDispatch()
    }

    /// Keeps the thread library from writing between the lines of the log: where it may not raise a thread's priority, it says so, and
    /// nobody needs to know. What ends the program is told in another way.
    private static func quietDispatch() {
        setenv("LIBDISPATCH_LOG", "NO", 0)
    }

    /// Where a standard stream is closed, the next socket would get its number, and the log with it.
    private static func occupyStandardStreams() {
        for descriptor in 0...2 where fcntl(Int32(descriptor), F_GETFD) == -1 {
            _ = open("/dev/null", O_RDWR)
        }
    }

    /// Allows as many open files as may be allowed: the soft limit is low for programs that use `select`, which this does not.
    private static func raiseFileLimit() {
        var limit = rlimit()
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        if getrlimit(resource, &limit) == 0, limit.rlim_cur < limit.rlim_max {
            limit.rlim_cur = limit.rlim_max
            setrlimit(resource, &limit)
        }
    }

    /// Gives large blocks back to the system as soon as they are freed.
    ///
    /// A page of metrics is made anew after each poll, and is large. Left to itself the allocator learns from that to keep
    /// such blocks, one set a thread: idle memory would be three times what is in use.
    private static func returnMemory() {
        mallopt(M_MMAP_THRESHOLD, 128 << 10)
        mallopt(M_TRIM_THRESHOLD, 128 << 10)
        mallopt(M_ARENA_MAX, 2)
    }

    /// How much memory may lie idle, in bytes: to give it back and get it again takes longer than the rest of a small poll.
    private static let idleMemory = 512 << 10

    /// Gives back what was freed in small blocks, as the buffers of a crowd of connections are, where it is much. To be called now and then:
    /// it walks through all free blocks.
    static func returnFreedMemory() {
        if mallinfo2().fordblks > idleMemory {
            malloc_trim(0)
        }
    }

    /// Lets go of the program text in memory; what is needed comes back by itself. To be called when the program has done something new.
    ///
    /// Reading flags, setting up TLS and looking up protocol conformances touch several megabytes of code that are not needed again.
    static func releaseUnusedText() {
        hypersender_release_text()
    }
}
