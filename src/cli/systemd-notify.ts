import { execFile } from 'node:child_process';
import type { Clock } from '../std/clock.ts';

/**
 * Tells systemd that a `Type=notify` service is ready (sd_notify(3)), when `NOTIFY_SOCKET` says that it waits for that. Node cannot
 * write to a unix datagram socket, so systemd's own `systemd-notify` does it in the name of this process. Only root may speak in
 * another's name: a unit of another user needs `NotifyAccess=all`, since the datagram then comes from a child.
 */
export function notifySystemd(env: Readonly<Record<string, string | undefined>>, stderr: (text: string) => void): void {
  if (!env['NOTIFY_SOCKET']) return;
  execFile('systemd-notify', ['--ready', `--pid=${process.pid}`], (error) => {
    if (error)
      stderr(
        `cannot tell systemd that the service is ready: ${error.message.replaceAll('\n', ' ')}; use Type=exec in the unit\n`,
      );
  });
}

/**
 * How often systemd wants to hear from this process (sd_watchdog_enabled(3)): half of the time after which it would restart it.
 * Undefined when it does not wait for that, or for another process.
 */
export function watchdogIntervalMs(env: Readonly<Record<string, string | undefined>>, pid: number): number | undefined {
  const microseconds = Number(env['WATCHDOG_USEC']);
  if (!env['NOTIFY_SOCKET'] || !(microseconds > 0)) return undefined;
  if (env['WATCHDOG_PID'] && Number(env['WATCHDOG_PID']) !== pid) return undefined;
  return microseconds / 2000;
}

/**
 * Keeps a service with `WatchdogSec` alive from now on. It is told by a timer of the event loop: when nothing gets its turn there any more,
 * systemd hears nothing and restarts the service.
 */
export function feedWatchdog(
  env: Readonly<Record<string, string | undefined>>,
  clock: Clock,
  stderr: (text: string) => void,
): void {
  const intervalMs = watchdogIntervalMs(env, process.pid);
  if (intervalMs === undefined) return;
  const feed = () => {
    clock.setTimer(intervalMs, feed);
    execFile('systemd-notify', [`--pid=${process.pid}`, 'WATCHDOG=1'], (error) => {
      if (error) stderr(`cannot tell systemd that the service is alive: ${error.message.replaceAll('\n', ' ')}\n`);
    });
  };
  feed();
}
