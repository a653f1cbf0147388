import { constants } from 'node:fs';
import { chmod, mkdir, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parseCriLine } from '../logs/log-line.ts';
import type { RuntimeContainer } from '../runtime/runtime.ts';
import { messageSettings } from './container-annotations.ts';
import { containerDirectory, type PodPaths } from './pod-paths.ts';

/** Upstream's limits (pkg/kubelet/container/runtime.go): of a container, of a message from the log, of all messages of a pod. */
const LARGEST_MESSAGE = 4096;
const LARGEST_LOG_MESSAGE = 2048;
const MOST_LOG_LINES = 80;
const LARGEST_POD_MESSAGES = 12_288;

/** The file on the host that a container may leave its last words in. */
export function messageFile(paths: PodPaths, podUid: string, container: string, attempt: number): string {
  return join(containerDirectory(paths, podUid, container), attempt.toString(16).padStart(8, '0'));
}

/** Makes the file, for whoever the container runs as. */
export async function makeMessageFile(file: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o750 });
  const handle = await open(file, constants.O_CREAT | constants.O_WRONLY | constants.O_NOFOLLOW, 0o666);
  await handle.close();
  // Whatever the umask says.
  await chmod(file, 0o666);
}

/**
 * What an ended container left: its file, or the end of its log where it asks for that and has failed. Empty when there is none.
 *
 * @param logFile where its log lies, if it has one
 */
export async function readMessage(container: RuntimeContainer, file: string, logFile: string | undefined): Promise<string> {
  const { path, fallsBackToLogs } = messageSettings(container);
  const message = path === '' ? '' : await readPart(file, LARGEST_MESSAGE, 'start');
  if (message !== '' || !fallsBackToLogs || container.exitCode === 0 || !logFile) return message;
  const text = logLines(await readPart(logFile, 8 * LARGEST_LOG_MESSAGE, 'end'));
  return text.slice(-LARGEST_LOG_MESSAGE);
}

/** The text of the last lines of a log in CRI's format. */
function logLines(log: string): string {
  const lines = log
    .split('\n')
    .filter((line) => line !== '')
    .slice(-MOST_LOG_LINES);
  return lines
    .map((line) => {
      const parsed = parseCriLine(Buffer.from(line));
      return parsed ? `${parsed.content.toString('utf8')}${parsed.partial ? '' : '\n'}` : '';
    })
    .join('');
}

/** No link is followed: the container may have put one there. */
async function readPart(file: string, largestBytes: number, from: 'start' | 'end'): Promise<string> {
  try {
    const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const stats = await handle.stat();
      if (!stats.isFile()) return '';
      const position = from === 'end' ? Math.max(0, stats.size - largestBytes) : 0;
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(largestBytes), 0, largestBytes, position);
      return buffer.subarray(0, bytesRead).toString('utf8');
    } finally {
      await handle.close();
    }
  } catch (error) {
    return `Error on reading termination log ${file}: ${(error as Error).message}`;
  }
}

/** All messages of a pod share one limit. */
export function shareOfMessages(containers: number): number {
  return Math.floor(LARGEST_POD_MESSAGES / Math.max(1, containers));
}
