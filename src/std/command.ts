import type { Clock } from './clock.ts';
import type { FlagDefinition, ParsedFlags } from './flags.ts';

/** What a command may touch of the process that runs it. */
export interface CommandIo {
  stdout(text: string): void;
  stderr(text: string): void;
  readonly clock: Clock;
  /** Aborted by SIGINT and SIGTERM: end in order, then return. */
  readonly signal: AbortSignal;
  /** A number in [0, 1). */
  random(): number;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Says that the work can be used: `READY=1` to systemd when it waits for it. */
  ready(): void;
}

/** A component as a command line: `kubelet`, `kube-apiserver`. Its folder exports one; `cli/` runs it. */
export interface ComponentCommand {
  /** What one types, and what the process is called. */
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  readonly flags: readonly FlagDefinition[];
  /** The words that it takes beside flags, as its usage shows them; '' when it refuses them itself. Without this any word is refused. */
  readonly arguments?: string;
  /**
   * Runs until it is done or `io.signal` is aborted. Answers the exit status; a rejection is printed in one line and is status 1.
   * Flags' warnings have been printed already.
   */
  run(flags: ParsedFlags, io: CommandIo): Promise<number>;
}
