import { execFile } from 'node:child_process';

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
