import assert from 'node:assert/strict';
import { open, readdir, readFile, readlink, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { temporaryDirectory } from '../../../test/harness/temporary-directory.ts';
import { until } from '../../../test/harness/until.ts';
import { systemClock, VirtualClock } from '../../std/clock.ts';
import { silentLogger } from '../../std/logger.ts';
import { completeConfiguration } from '../configuration/defaults.ts';
import type { Runtime, RuntimeContainer } from '../runtime/runtime.ts';
import { type LogReaderOptions, readLog } from './log-reader.ts';
import { withLogRemoval } from './log-removal.ts';
import { createLogRotator } from './log-rotator.ts';
import { removeLogs } from './rotated-files.ts';

const ALL = { timestamps: false, stream: 'All' } as const;
const at = (second: number) => `2026-01-02T03:04:${String(second).padStart(2, '0')}.5Z`;
const line = (content: string, second = 0) => `${at(second)} stdout F ${content}\n`;

interface Followed {
  readonly text: () => string;
  readonly done: Promise<void>;
}

/** Reads in the background, as a client that takes all at once. */
function follow(options: Omit<LogReaderOptions, 'clock'> & { clock?: LogReaderOptions['clock'] }): Followed {
  let text = '';
  const run = async () => {
    for await (const chunk of readLog({ clock: systemClock, ...options })) text += chunk.toString();
  };
  return { text: () => text, done: run() };
}

test('a log is read from where it was asked, and not beyond', async () => {
  await using directory = await temporaryDirectory();
  const path = directory.file('0.log');
  await writeFile(path, [1, 2, 3, 4].map((n) => line(`l${n}`, n)).join(''));
  const read = async (options: object) => {
    const log = follow({
      path,
      options: { follow: false, ...ALL, ...options },
      isRunning: async () => false,
      signal: new AbortController().signal,
    });
    await log.done;
    return log.text();
  };
  assert.equal(await read({}), 'l1\nl2\nl3\nl4\n');
  assert.equal(await read({ tailLines: 2 }), 'l3\nl4\n');
  assert.equal(await read({ tailLines: 0 }), '');
  assert.equal(await read({ tailLines: 2, follow: true }), 'l3\nl4\n');
  assert.equal(await read({ limitBytes: 4 }), 'l1\nl');
  assert.equal(await read({ sinceMs: Date.parse(at(4)) }), 'l4\n');
  await rm(path);
  await assert.rejects(read({}), /ENOENT/);
});

test('what is not wanted yet is not read: a stopped reader ends with the file closed', async () => {
  await using directory = await temporaryDirectory();
  const path = directory.file('0.log');
  await writeFile(path, line('x'.repeat(1000)).repeat(1000));
  const reading = readLog({
    path,
    options: { follow: true, ...ALL },
    isRunning: async () => true,
    clock: systemClock,
    signal: new AbortController().signal,
  });
  const first = await reading.next();
  assert.ok(first.value!.length <= 64 << 10);
  await reading.return(undefined);
  const links = await Promise.all((await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')));
  assert.equal(links.includes(path), false);
});

test('following ends with the signal’s reason', async () => {
  await using directory = await temporaryDirectory();
  const path = directory.file('0.log');
  await writeFile(path, line('a'));
  const life = new AbortController();
  const log = follow({ path, options: { follow: true, ...ALL }, isRunning: async () => true, signal: life.signal });
  await until('the line has come', () => log.text() === 'a\n');
  const reason = new Error('enough');
  life.abort(reason);
  await assert.rejects(log.done, reason);
});

/** A container's log as a runtime keeps it: one writer, told to open its file anew. */
async function writing(path: string) {
  let file = await open(path, 'a');
  let count = 0;
  return {
    write: async (lines: number) => {
      for (let n = 0; n < lines; n++) await file.appendFile(line(`line ${++count}`));
    },
    reopen: async () => {
      const before = file;
      file = await open(path, 'a');
      await before.close();
    },
    expected: () => Array.from({ length: count }, (_, n) => `line ${n + 1}\n`).join(''),
    close: () => file.close(),
  };
}

const running = (id = 'c1'): RuntimeContainer => ({
  id,
  sandboxId: 's',
  podUid: 'u',
  name: 'c',
  attempt: 0,
  phase: 'running',
  image: '',
  imageId: '',
  createdAtMs: 0,
});

async function rotating(settings: Record<string, unknown> = {}) {
  const directory = await temporaryDirectory();
  const path = directory.file('0.log');
  const log = await writing(path);
  const clock = new VirtualClock(Date.UTC(2026, 0, 2, 3, 4, 5));
  const failures = { reopen: undefined as Error | undefined };
  const rotator = createLogRotator({
    runtime: {
      list: async () => ({ sandboxes: [], containers: [running()] }),
      logs: {
        pathOf: async () => path,
        reopen: async () => {
          if (failures.reopen) throw failures.reopen;
          await log.reopen();
        },
      },
    },
    configuration: { ...completeConfiguration({ containerLogMaxSize: '100', containerLogMaxFiles: 3 }), ...settings },
    clock,
    logger: silentLogger,
  });
  const rotate = async () => {
    await rotator.rotateAll(new AbortController().signal);
    await clock.advance(10_000);
  };
  const dispose = async () => {
    await log.close();
    await directory[Symbol.asyncDispose]();
  };
  return { directory, path, log, clock, failures, rotate, rotator, [Symbol.asyncDispose]: dispose };
}

test('following goes over rotations without a line lost or doubled', async () => {
  await using it = await rotating();
  let ended = false;
  const log = follow({
    path: it.path,
    options: { follow: true, ...ALL },
    isRunning: async () => !ended,
    signal: new AbortController().signal,
  });
  for (let n = 0; n < 6; n++) {
    await it.log.write(20);
    await it.rotate();
    await it.log.write(3);
    // Rotations are seconds apart: a reader that keeps up sees each.
    await until('all lines have come', () => log.text() === it.log.expected());
  }
  ended = true;
  await log.done;
  assert.equal(log.text(), it.log.expected());
});

/** What a reader gets who has the beginning of the first file when others have been put aside after it already. */
async function readSlowly(it: Awaited<ReturnType<typeof rotating>>, rotateOften: () => Promise<void>): Promise<string> {
  const signal = new AbortController().signal;
  const options = { follow: true, ...ALL };
  const reading = readLog({ path: it.path, options, isRunning: async () => false, clock: systemClock, signal });
  await it.log.write(20);
  let text = (await reading.next()).value!.toString();
  await rotateOften();
  for await (const chunk of reading) text += chunk.toString();
  return text;
}

test('a slow reader finds the files that were put aside and compressed meanwhile', async () => {
  await using it = await rotating({ containerLogMaxFiles: 10 });
  const text = await readSlowly(it, async () => {
    for (let n = 0; n < 5; n++) {
      await it.rotate();
      await it.log.write(20);
    }
    assert.equal((await readdir(it.directory.path)).filter((name) => name.endsWith('.gz')).length, 4);
  });
  assert.equal(text, it.log.expected());
});

test('of files that were written to within a moment none is taken for another', async () => {
  await using it = await rotating({ containerLogMaxFiles: 10 });
  const text = await readSlowly(it, async () => {
    for (const lastChangeMs of [0.1, 0.6, 1.5]) {
      await utimes(it.path, 1_767_323_045, 1_767_323_045 + lastChangeMs / 1000);
      await it.rotate();
      await it.log.write(20);
    }
  });
  assert.equal(text, it.log.expected());
});

test('rotation keeps the number of files, compresses all but the newest, and the logs stay whole', async () => {
  await using it = await rotating();
  for (let n = 0; n < 4; n++) {
    await it.log.write(5);
    await it.rotate();
  }
  const names = (await readdir(it.directory.path)).sort();
  assert.deepEqual(names, ['0.log', '0.log.20260102-030425.gz', '0.log.20260102-030435']);
  assert.equal(
    gunzipSync(await readFile(it.directory.file(names[1]!))).toString(),
    [11, 12, 13, 14, 15].map((n) => line(`line ${n}`)).join(''),
  );
  await it.rotate();
  assert.deepEqual((await readdir(it.directory.path)).sort(), names, 'a small log is left alone');
  await removeLogs(it.path);
  assert.deepEqual(await readdir(it.directory.path), []);
});

test('a runtime that does not open the new file keeps the old one under its name', async () => {
  await using it = await rotating();
  await it.log.write(5);
  it.failures.reopen = new Error('no space left on device');
  await it.rotate();
  assert.deepEqual(await readdir(it.directory.path), ['0.log']);
  it.failures.reopen = undefined;
  await it.rotate();
  assert.equal((await readdir(it.directory.path)).length, 2);
});

test('what a crash left of a rotation is tidied up: temporary files go, a missing log is opened anew', async () => {
  await using it = await rotating();
  await it.log.write(5);
  await writeFile(it.directory.file('0.log.20260101-000000.tmp'), 'half');
  await writeFile(it.directory.file('0.log.20260101-000000'), 'whole');
  await writeFile(it.directory.file('0.log.20260101-000000.gz'), 'compressed');
  await rename(it.path, it.directory.file('0.log.20260102-000000'));
  await it.rotate();
  assert.deepEqual((await readdir(it.directory.path)).sort(), ['0.log', '0.log.20260101-000000.gz', '0.log.20260102-000000']);
});

test('the component looks at its interval, and a negative size turns it off', async () => {
  await using it = await rotating();
  await it.log.write(5);
  const life = new AbortController();
  await it.rotator.start(life.signal);
  await until('the log was put aside', async () => (await readdir(it.directory.path)).length === 2);
  await it.log.write(5);
  await it.clock.advance(10_000);
  await until('it was put aside again', async () => (await readdir(it.directory.path)).length === 3);
  life.abort(new DOMException('stopped', 'AbortError'));
  await it.rotator.done;
  await using off = await rotating({ containerLogMaxSize: '-1' });
  const end = new AbortController();
  await off.rotator.start(end.signal);
  assert.equal(off.clock.pending, 0);
  end.abort();
  await off.rotator.done;
});

test('a container that is removed takes its logs along, and keeps both when one cannot go', async () => {
  await using directory = await temporaryDirectory();
  const path = directory.file('0.log');
  const removed: string[] = [];
  let failure: Error | undefined;
  const runtime = {
    logs: {
      pathOf: async (id: string) => {
        if (failure) throw failure;
        return id === 'c1' ? path : undefined;
      },
      reopen: async () => undefined,
    },
    removeContainer: async (id: string) => void removed.push(id),
  } as unknown as Runtime;
  for (const name of ['0.log', '0.log.20260101-000000.gz', '0.log.20260101-000001', '1.log'])
    await writeFile(directory.file(name), '');
  const wrapped = withLogRemoval(runtime);
  failure = new Error('unavailable');
  await assert.rejects(wrapped.removeContainer('c1'), failure);
  assert.deepEqual([removed.length, (await readdir(directory.path)).length], [0, 4]);
  failure = undefined;
  await wrapped.removeContainer('c1');
  await wrapped.removeContainer('c2');
  assert.deepEqual([removed, await readdir(directory.path)], [['c1', 'c2'], ['1.log']]);
});

test('following ends with a container whose logs are taken away between two files', async () => {
  await using directory = await temporaryDirectory();
  const path = directory.file('0.log');
  await writeFile(path, line('one'));
  let alive = true;
  const log = follow({
    path,
    options: { follow: true, ...ALL },
    isRunning: async () => alive,
    signal: new AbortController().signal,
  });
  await until('the line has come', () => log.text() === 'one\n');
  await rename(path, `${path}.20260101-000000`);
  alive = false;
  await removeLogs(path);
  await log.done;
  assert.equal(log.text(), 'one\n');
});

test('a line that a full disk has cut off does not spoil the next file', async () => {
  await using directory = await temporaryDirectory();
  const path = directory.file('0.log');
  await writeFile(path, `${line('one')}${at(1)} stdout F tw`);
  let alive = true;
  const log = follow({
    path,
    options: { follow: true, ...ALL },
    isRunning: async () => alive,
    signal: new AbortController().signal,
  });
  await until('the line has come', () => log.text() === 'one\n');
  await rename(path, `${path}.20260101-000000`);
  await writeFile(path, line('three'));
  await until('the next file is read', () => log.text().endsWith('three\n'));
  alive = false;
  await log.done;
  assert.equal(log.text(), 'one\ntwthree\n');
});
