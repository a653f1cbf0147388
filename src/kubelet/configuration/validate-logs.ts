import { isAbsolute, normalize } from 'node:path';
import { parseQuantity } from '../../api/machinery/quantity.ts';
import { parseGoDuration } from '../../std/go-duration.ts';
import type { KubeletConfiguration } from './kubelet-configuration.ts';

/** Logs: those of containers, and who may read the system's. */
export function checkLogs(c: KubeletConfiguration): string[] {
  const mistakes: string[] = [];
  if (c.enableSystemLogQuery && c.featureGates?.['NodeLogQuery'] === false)
    mistakes.push('NodeLogQuery feature gate is required for enableSystemLogQuery');
  if (c.enableSystemLogQuery && !c.enableSystemLogHandler)
    mistakes.push('enableSystemLogHandler is required for enableSystemLogQuery');
  if (c.containerLogMaxWorkers < 1) mistakes.push('containerLogMaxWorkers must be greater than or equal to 1');
  if (parseGoDuration(c.containerLogMonitorInterval) < 3000)
    mistakes.push('containerLogMonitorInterval must be a positive time duration greater than or equal to 3s');
  if (c.containerLogMaxFiles <= 1) mistakes.push('containerLogMaxFiles must be greater than 1');
  if (!isSize(c.containerLogMaxSize))
    mistakes.push(
      `failed to parse containerLogMaxSize (--container-log-max-size) ${JSON.stringify(c.containerLogMaxSize)}: it must be a quantity (a negative one turns rotation off)`,
    );
  const { podLogsDir } = c;
  if (!isAbsolute(podLogsDir)) mistakes.push(`pod logs path ${JSON.stringify(podLogsDir)} must be absolute path`);
  if (normalize(podLogsDir) !== podLogsDir || (podLogsDir.length > 1 && podLogsDir.endsWith('/')))
    mistakes.push(`pod logs path ${JSON.stringify(podLogsDir)} must be normalized`);
  if (Buffer.byteLength(podLogsDir) !== podLogsDir.length)
    mistakes.push(`pod logs path ${JSON.stringify(podLogsDir)} mut contains ASCII characters only`);
  return mistakes;
}

function isSize(text: string): boolean {
  try {
    return Boolean(parseQuantity(text));
  } catch {
    return false;
  }
}
