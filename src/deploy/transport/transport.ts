import type { Duplex } from 'node:stream';
import type { ProgramOutput } from '../../host/run-program.ts';
import type { SpokenProgram } from '../../host/spoken-program.ts';
import { quote } from '../../std/shell-word.ts';

export interface ScriptOptions {
  /** What the script reads; sent as it is, in one stream. */
  readonly input?: Iterable<Uint8Array>;
  readonly signal?: AbortSignal;
  /** Default 10 minutes. */
  readonly timeoutMs?: number;
}

/** A way to act on one host. */
export interface Transport extends AsyncDisposable {
  /** As whom and where, for messages. */
  readonly target: string;
  /**
   * Runs a script of POSIX sh as root.
   *
   * @throws CodedError HOST_UNREACHABLE when there is no way to the host, ProgramError when the script fails, the abort reason
   */
  run(script: string, options?: ScriptOptions): Promise<ProgramOutput>;
  /**
   * Starts a script of POSIX sh as root that one speaks with while it runs. It ends with this process, however that ends.
   *
   * @throws CodedError HOST_UNREACHABLE
   */
  speak(script: string): Promise<SpokenProgram>;
  /** A TCP connection that begins on the host. */
  connect(address: string, port: number): Duplex;
}

/** Runs a script with the rights of root, whoever one is: nobody is asked for a password. */
export const asRoot = (script: string): string =>
  `if [ "$(id -u)" = 0 ]; then exec sh -c ${quote(script)}; else exec sudo -n sh -c ${quote(script)}; fi`;
