import { basename } from 'node:path';
import { systemClock } from '../std/clock.ts';
import type { CommandIo } from '../std/command.ts';
import { errorOutput } from './error-output.ts';
import { feedWatchdog, notifySystemd } from './systemd-notify.ts';

/** What the process is called in `ps` and `netstat -p`: the component's name, so that the documents' `| grep kubelet` finds it. */
export function titleOf(invokedAs: string, argv: readonly string[], components: readonly string[]): string {
  const names = [basename(invokedAs), argv[0] ?? ''];
  return names.find((name) => components.includes(name)) ?? 'muster';
}

/**
 * A command's door to its process. The first SIGINT or SIGTERM aborts `signal`; a second one ends the process at once, for a
 * command that does not come to its end.
 */
export function createProcessIo(process: NodeJS.Process): CommandIo {
  const stop = new AbortController();
  const stderr = errorOutput(process);
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => {
      if (stop.signal.aborted) process.exit(name === 'SIGINT' ? 130 : 143);
      stop.abort(new DOMException(`received ${name}`, 'AbortError'));
    });
  }
  // A reader that has gone (`muster ls | head -1`) is no failure of ours.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    stderr(`muster: the output could not be written: ${error.message}\n`);
    process.exit(1);
  });
  return {
    stdout: (text) => void process.stdout.write(text),
    stderr,
    clock: systemClock,
    signal: stop.signal,
    random: Math.random,
    env: process.env,
    cwd: process.cwd(),
    ready() {
      notifySystemd(process.env, stderr);
      feedWatchdog(process.env, systemClock, stderr);
    },
  };
}
