import CProcess
import Glibc

/// The setup of the process before it does anything else, and its tuning.
enum ProcessSetup {
    static func apply() {
        // A reader of our output or a client that goes away is an error to be handled, not the end.
        signal(SIGPIPE, SIG_IGN)
        // Until the services run and take these themselves, there is nothing to finish, and nothing newer to read.
        signal(SIGTERM) { _ in _exit(EXIT_SUCCESS) }
        signal(SIGINT) { _ in _exit(EXIT_SUCCESS) }
        signal(SIGHUP, SIG_IGN)
        // If a standard stream is closed, the next socket would get its number, and the log with it.
        for descriptor in 0...2 where fcntl(Int32(descriptor), F_GETFD) == -1 {
            _ = open("/dev/null", O_RDWR)
        }
        raiseFileLimit()
        // The memory holds the API key.
        hypersender_forbid_core_dumps()
        // Each page of metrics is made anew and is large. The allocator would learn to keep such blocks, one set a
        // thread: idle memory would be three times what is in use.
        mallopt(M_MMAP_THRESHOLD, 128 << 10)
        mallopt(M_TRIM_THRESHOLD, 128 << 10)
        mallopt(M_ARENA_MAX, 2)
        hypersender_resolve_alone()
        // The thread library would write between the lines of the log where it may not raise a thread's priority.
        setenv("LIBDISPATCH_LOG", "NO", 0)
    }

    /// Keeps the main thread from ending. An `async` main would end it, in a way for which `deploy/package/small.ld`
    /// leaves out what is needed.
    static func wait() -> Never {
        while true {
            pause()
        }
    }

    /// Allows as many open files as may be allowed: the soft limit is low for programs that use `select`, which this
    /// does not.
    private static func raiseFileLimit() {
        var limit = rlimit()
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        if getrlimit(resource, &limit) == 0, limit.rlim_cur < limit.rlim_max {
            limit.rlim_cur = limit.rlim_max
            setrlimit(resource, &limit)
        }
    }

    /// Gives small blocks back that polls and crowds of connections have freed, if they are 512 KiB or more in all.
    ///
    /// Giving back less and getting it again takes longer than the rest of a small poll.
    static func returnFreedMemory() {
        if mallinfo2().fordblks > 512 << 10 { malloc_trim(0) }
    }
}
