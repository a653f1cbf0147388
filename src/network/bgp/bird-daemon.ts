import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ProgramError, type RunProgram } from '../../host/run-program.ts';
import { writeFileAtomic } from '../../std/atomic-file.ts';
import type { Clock } from '../../std/clock.ts';
import { CodedError } from '../../std/coded-error.ts';
import type { Logger } from '../../std/logger.ts';

export interface BirdOptions {
  /** Where its configuration, control socket, log and process id are: `/var/run/calico`. */
  readonly directory: string;
  readonly run: RunProgram;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The routing daemon BIRD (Debian's package bird2), as a process that goes on when this one ends. */
export interface BirdDaemon {
  /** For birdc(8): `birdc -s <socket> show protocols`. */
  readonly socket: string;
  readonly logFile: string;
  /**
   * Makes it run with this configuration: starts it, or has it read the configuration again when that has changed, by which sessions
   * that are in both go on.
   *
   * @throws CodedError BIRD_MISSING, BIRD_REFUSES (the configuration; the old one stays in force)
   */
  ensure(configuration: string): Promise<void>;
  /** Ends it; its files go. No failure when it does not run. */
  stop(): Promise<void>;
}

/** It answers at once, or not at all. */
const ANSWER_MS = 5000;
const END_MS = 10_000;
const POLL_MS = 50;

export function createBirdDaemon({ directory, run, clock, logger }: BirdOptions): BirdDaemon {
  const file = (name: string) => join(directory, name);
  const [configurationFile, socket, logFile, pidFile] = [file('bird.cfg'), file('bird.ctl'), file('bird.log'), file('bird.pid')];
  // The one that the running daemon is known to have; one of an earlier run of ours is read again once.
  let inForce: string | undefined;

  const birdc = async (...words: string[]): Promise<string> =>
    (await run('birdc', ['-s', socket, ...words], { timeoutMs: ANSWER_MS })).stdout;

  async function runs(): Promise<boolean> {
    try {
      await birdc('show', 'status');
      return true;
    } catch (error) {
      if (error instanceof ProgramError && error.code === 'PROGRAM_MISSING') throw missing(error);
      if (error instanceof ProgramError && /Unable to connect/.test(`${error.stderr}${error.stdout}`)) return false;
      throw error;
    }
  }

  async function start(): Promise<void> {
    try {
      // It goes into the background when it has read its configuration.
      await run('bird', ['-c', configurationFile, '-s', socket, '-P', pidFile]);
    } catch (error) {
      if (error instanceof ProgramError && error.code === 'PROGRAM_MISSING') throw missing(error);
      throw refuses((error as Error).message, error);
    }
    logger.info('Started BIRD', { socket });
  }

  return {
    socket,
    logFile,
    async ensure(configuration) {
      await mkdir(directory, { recursive: true, mode: 0o755 });
      const isRunning = await runs();
      if (isRunning && inForce === configuration) return;
      inForce = undefined;
      await writeFileAtomic(configurationFile, configuration, { mode: 0o640 });
      if (isRunning) {
        const answer = await birdc('configure', JSON.stringify(configurationFile));
        if (!/Reconfigur/.test(answer)) throw refuses(answer.trim().split('\n').slice(-1)[0] ?? '');
        logger.debug(1, 'BIRD has read its configuration again');
      } else await start();
      inForce = configuration;
    },
    async stop() {
      inForce = undefined;
      if (await runs()) {
        await birdc('down');
        const endMs = clock.now() + END_MS;
        while (await runs().catch(() => true)) {
          if (clock.now() > endMs) throw new CodedError(`BIRD does not end: ${await pidText()}`, { code: 'BIRD_STAYS' });
          await clock.sleep(POLL_MS);
        }
      }
      for (const path of [configurationFile, socket, logFile, `${logFile}.old`, pidFile]) await rm(path, { force: true });
    },
  };

  async function pidText(): Promise<string> {
    return `process ${(await readFile(pidFile, 'utf8').catch(() => 'unknown')).trim()}`;
  }
}

const missing = (cause: ProgramError) =>
  new CodedError(`${cause.program} is not installed: routes between nodes need Debian's package bird2`, {
    code: 'BIRD_MISSING',
    cause,
  });

const refuses = (why: string, cause?: unknown) =>
  new CodedError(`BIRD does not take its configuration: ${why}`, { code: 'BIRD_REFUSES', cause });
