/** CRI's enums, under the API's own names. */

export const Protocol = { TCP: 0, UDP: 1, SCTP: 2 } as const;

export const NamespaceMode = { POD: 0, CONTAINER: 1, NODE: 2, TARGET: 3 } as const;

export const SandboxState = { READY: 0, NOTREADY: 1 } as const;

export const ContainerState = { CREATED: 0, RUNNING: 1, EXITED: 2, UNKNOWN: 3 } as const;

export const ProfileType = { RuntimeDefault: 0, Unconfined: 1, Localhost: 2 } as const;

export const Propagation = { PRIVATE: 0, HOST_TO_CONTAINER: 1, BIDIRECTIONAL: 2 } as const;

export const SupplementalGroupsPolicy = { Merge: 0, Strict: 1 } as const;

export const CgroupDriver = { SYSTEMD: 0, CGROUPFS: 1 } as const;

/** `Signal`: a signal's number is its place. */
export const SIGNALS: readonly string[] = [
  ...['RUNTIME_DEFAULT', 'SIGABRT', 'SIGALRM', 'SIGBUS', 'SIGCHLD', 'SIGCLD', 'SIGCONT', 'SIGFPE', 'SIGHUP', 'SIGILL', 'SIGINT'],
  ...['SIGIO', 'SIGIOT', 'SIGKILL', 'SIGPIPE', 'SIGPOLL', 'SIGPROF', 'SIGPWR', 'SIGQUIT', 'SIGSEGV', 'SIGSTKFLT', 'SIGSTOP'],
  ...['SIGSYS', 'SIGTERM', 'SIGTRAP', 'SIGTSTP', 'SIGTTIN', 'SIGTTOU', 'SIGURG', 'SIGUSR1', 'SIGUSR2', 'SIGVTALRM', 'SIGWINCH'],
  ...['SIGXCPU', 'SIGXFSZ', 'SIGRTMIN', ...Array.from({ length: 15 }, (_, i) => `SIGRTMIN+${i + 1}`)],
  ...[...Array.from({ length: 14 }, (_, i) => `SIGRTMAX-${14 - i}`), 'SIGRTMAX'],
];
