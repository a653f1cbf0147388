import { constants } from 'node:fs';
import { type FileHandle, open, readdir, readlink, realpath } from 'node:fs/promises';
import { join, sep } from 'node:path';
import type { RunProgram } from '../../host/run-program.ts';
import { withoutTrailing } from '../../std/trailing.ts';
import { type Answer, errorAnswer, type Handler, plainAnswer } from './api-exchange.ts';
import { journalArguments, logFilesOf, type NodeLogQuery, parseNodeLogQuery, servicesOfJournal } from './node-log-query.ts';

const CHUNK_BYTES = 64 * 1024;
const MOST_ENTRIES = 100_000;

export interface NodeLogsOptions {
  /** `/var/log`. */
  readonly root: string;
  /** Answers `?query=…` with logs of services (`enableSystemLogQuery`); absent, the query does not matter. */
  readonly run?: RunProgram;
}

/**
 * `/logs/…`: directories and files below `root`, as Go's file server shows them. Links are followed as long as they stay below it: a
 * pod that may write there must not read the node's other files through its kubelet.
 */
export function createNodeLogs({ root, run }: NodeLogsOptions): Handler {
  return async ({ path, query, signal }) => {
    const asked = run && parseNodeLogQuery(query);
    if (!asked) return fileAnswer(root, path);
    if ('status' in asked) return errorAnswer(asked.status, asked.message);
    if (withoutTrailing(path, '/') !== '/logs') return errorAnswer(406, 'path not allowed in query mode');
    const { file } = asked.query;
    return file === undefined
      ? servicesAnswer(root, asked.query, run, signal)
      : fileAnswer(root, `/logs/${file.replace(/^\/+/, '')}`);
  };
}

async function fileAnswer(root: string, path: string): Promise<Answer> {
  const relative = path.replace(/^\/logs\/?/, '');
  if (relative.split('/').includes('..')) return errorAnswer(400, 'invalid URL path');
  const file = await openBelow(root, relative);
  if (!file) return errorAnswer(404, '404 page not found');
  let handedOver = false;
  try {
    const stat = await file.handle.stat();
    if (stat.isDirectory()) {
      if (!path.endsWith('/')) return redirect(`${path.slice(path.lastIndexOf('/') + 1)}/`);
      return await listing(file.path);
    }
    if (!stat.isFile()) return errorAnswer(403, '403 Forbidden');
    if (path.endsWith('/')) return redirect(`../${path.split('/').at(-2)}`);
    handedOver = true;
    return plainAnswerOf(contents(file.handle, stat.size), { 'last-modified': stat.mtime.toUTCString() });
  } finally {
    if (!handedOver) await file.handle.close();
  }
}

async function servicesAnswer(root: string, query: NodeLogQuery, run: RunProgram, signal: AbortSignal): Promise<Answer> {
  const journal = await servicesOfJournal(query.services, run, signal);
  return plainAnswerOf(
    (async function* () {
      if (journal.length > 0) yield Buffer.from((await run('journalctl', journalArguments(journal, query), { signal })).stdout);
      for (const service of query.services.filter((name) => !journal.includes(name))) yield* serviceFile(root, service);
    })(),
  );
}

async function* serviceFile(root: string, service: string): AsyncGenerator<Uint8Array> {
  for (const name of logFilesOf(service)) {
    const file = await openBelow(root, name);
    const stat = await file?.handle.stat();
    if (file && stat?.isFile()) return yield* contents(file.handle, stat.size);
    await file?.handle.close();
  }
  yield Buffer.from(`\nerror: journal and log files have nothing of ${service}\n`);
}

const plainAnswerOf = (body: Answer['body'], headers: Readonly<Record<string, string>> = {}): Answer => ({
  status: 200,
  headers: { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff', ...headers },
  body,
});

/** Looked at before it is opened and again afterwards: what the kernel says of an open file cannot be exchanged any more. */
async function openBelow(
  root: string,
  relative: string,
): Promise<{ readonly handle: FileHandle; readonly path: string } | undefined> {
  let handle: FileHandle | undefined;
  try {
    const top = await realpath(root);
    const isBelow = (path: string) => path === top || path.startsWith(top.endsWith(sep) ? top : top + sep);
    const target = await realpath(join(top, relative));
    if (!isBelow(target)) return undefined;
    // Opening a FIFO must not wait for its writer.
    handle = await open(target, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
    const path = await readlink(`/proc/self/fd/${handle.fd}`);
    if (isBelow(path)) return { handle, path };
  } catch (error) {
    await handle?.close();
    const { code } = error as NodeJS.ErrnoException;
    if (code && ['ENOENT', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG', 'EACCES', 'ENXIO', 'EINVAL'].includes(code)) return undefined;
    throw error;
  }
  await handle.close();
  return undefined;
}

/** No more than was there when it was asked for: a log that grows faster than it is read must come to an end. */
async function* contents(handle: FileHandle, size: number): AsyncGenerator<Uint8Array> {
  try {
    for (let at = 0; at < size; ) {
      const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(Math.min(CHUNK_BYTES, size - at)), 0, undefined, at);
      if (bytesRead === 0) return;
      at += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await handle.close();
  }
}

async function listing(path: string): Promise<Answer> {
  const entries = (await readdir(path, { withFileTypes: true })).slice(0, MOST_ENTRIES);
  const names = entries.map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name)).sort();
  const lines = names.map((name) => `<a href="${reference(name)}">${escaped(name)}</a>\n`);
  const head = '<!doctype html>\n<meta name="viewport" content="width=device-width">\n';
  return plainAnswer(200, `${head}<pre>\n${lines.join('')}</pre>\n`, { 'content-type': 'text/html; charset=utf-8' });
}

const redirect = (location: string): Answer => plainAnswer(301, '', { location: reference(location) });

/** A name with a colon would be a scheme. */
function reference(name: string): string {
  const text = name.split('/').map(encodeURIComponent).join('/');
  return name.split('/', 1)[0]!.includes(':') ? `./${text}` : text;
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&#34;', "'": '&#39;' };
const escaped = (text: string) => text.replace(/[&<>"']/g, (c) => ENTITIES[c]!);
