import assert from 'node:assert/strict';
import { open, readdir, readFile, readlink, rename, rm, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { temporaryDirectory } from '../../../test/harness/temporary-directory.ts';
import { until } from '../../../test/harness/until.ts';
import type { V1ContainerStatus, V1Pod } from '../../api/gen/types.ts';
import { systemClock, VirtualClock } from '../../std/clock.ts';
import { silentLogger } from '../../std/logger.ts';
import { completeConfiguration } from '../configuration/defaults.ts';
import type { Runtime, RuntimeContainer } from '../runtime/runtime.ts';
import { containerOfLog } from './container-of-log.ts';
import { createCriParser, fixedTime, parseDockerLine, timeMs } from './log-line.ts';
import { type LogReaderOptions, readLog } from './log-reader.ts';
import { withLogRemoval } from './log-removal.ts';
import { LogRenderer } from './log-renderer.ts';
import { createLogRotator } from './log-rotator.ts';
import { tailStart } from './log-tail.ts';
import { removeLogs, sortRotated } from './rotated-files.ts';
import { planRotation } from './rotation-plan.ts';

const ALL = { timestamps: false, stream: 'All' } as const;
const at = (second: number) => `2026-01-02T03:04:${String(second).padStart(2, '0')}.5Z`;
const line = (content: string, { stream = 'stdout', tag = 'F', second = 0 } = {}) =>
  `${at(second)} ${stream} ${tag} ${content}\n`;

function render(text: string | Buffer, options: Partial<ConstructorParameters<typeof LogRenderer>[0]> = {}): string {
  const renderer = new LogRenderer({ ...ALL, ...options });
  return Buffer.concat([...renderer.feed(Buffer.from(text)), ...renderer.end()]).toString();
}

test('lines of CRI’s format are taken apart', () => {
  const parse = createCriParser();
  const parseText = (text: string) => parse(Buffer.from(text));
  const { stream, partial, content, ...times } = parseText('2026-01-02T03:04:05.12+00:00 stderr P:x some text \n')!;
  assert.deepEqual([stream, partial, content.toString()], ['stderr', true, 'some text ']);
  assert.equal(fixedTime(times.time()), '2026-01-02T03:04:05.120000000Z');
  assert.equal(timeMs({ stream, partial, content, ...times }), Date.UTC(2026, 0, 2, 3, 4, 5, 120));
  // What has been looked at once is known by its bytes; what differs is looked at again.
  for (const good of ['05Z', '05.1Z', '05.123456789Z', '05.123456789-01:30', '06Z'])
    assert.equal(parseText(`2026-01-02T03:04:${good} stdout F x\n`)!.time(), `2026-01-02T03:04:${good}`);
  for (const wrong of [
    '',
    '\n',
    'x',
    '2026-01-02T03:04:05Z stdout',
    '2026-01-02T03:04:05Z stdin F x',
    '2026-01-02T03:04:05.Z stdout F x',
    '2026-01-02T03:04:05.1xZ stdout F x',
    '2026-01-02T03:04:05xZ stdout F x',
    '2026-13-02T03:04:05Z stdout F x',
    ' stdout F x',
  ])
    assert.equal(parseText(wrong), undefined, wrong);
  assert.equal(
    parseDockerLine(Buffer.from('{"log":"a\\n","stream":"stdout","time":"2026-01-02T03:04:05.1Z"}\n'))!.content.toString(),
    'a\n',
  );
  for (const wrong of [
    'null',
    '{}',
    '[]',
    '{"log":1}',
    '{"log":"a","stream":"stdout","time":"x"}',
    '{"__proto__":{"stream":"stdout"}}',
  ])
    assert.equal(parseDockerLine(Buffer.from(wrong)), undefined, wrong);
});

test('no bytes make the parsers or the renderer fail otherwise than by naming the format', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (bytes, known) => {
      const text = Buffer.concat([Buffer.from(known ? line('x') : ''), Buffer.from(bytes)]);
      try {
        render(text, { timestamps: true });
      } catch (error) {
        assert.match((error as Error).message, /unsupported log format/);
        assert.equal(known, false);
      }
    }),
  );
});

test('whatever pieces a file is read in, the output is the same', () => {
  const entry = fc.record({
    content: fc.string({ unit: fc.constantFrom('a', 'ä', ' ', 'F', 'P'), maxLength: 20 }),
    stream: fc.constantFrom('stdout', 'stderr'),
    tag: fc.constantFrom('F', 'P'),
    second: fc.nat(59),
  });
  fc.assert(
    fc.property(
      fc.array(entry, { maxLength: 12 }),
      fc.array(fc.integer({ min: 1, max: 30 })),
      fc.record({
        timestamps: fc.boolean(),
        stream: fc.constantFrom('All' as const, 'Stdout' as const),
        limitBytes: fc.option(fc.nat(80), { nil: undefined }),
      }),
      (entries, sizes, { limitBytes, ...asked }) => {
        const options = { ...asked, ...(limitBytes !== undefined && { limitBytes }) };
        const file = Buffer.from(entries.map((one) => line(one.content, one)).join(''));
        const renderer = new LogRenderer(options);
        const output: Buffer[] = [];
        for (let from = 0, n = 0; from < file.length; n++) {
          const size = sizes[n] ?? 40;
          output.push(...renderer.feed(file.subarray(from, from + size)));
          from += size;
        }
        output.push(...renderer.end());
        assert.equal(Buffer.concat(output).toString(), render(file, options));
      },
    ),
  );
});

test('partial lines are put together, and bear one timestamp', () => {
  const file = line('one ', { tag: 'P' }) + line('line', { second: 1 }) + line('two', { second: 2 }) + line('', { second: 3 });
  assert.equal(render(file), 'one line\ntwo\n\n');
  assert.equal(
    render(file, { timestamps: true }),
    '2026-01-02T03:04:00.500000000Z one line\n2026-01-02T03:04:02.500000000Z two\n2026-01-02T03:04:03.500000000Z \n',
  );
});

test('time, stream and bytes choose what is shown', () => {
  const file = line('a', { second: 1 }) + line('b', { second: 2, stream: 'stderr' }) + line('c', { second: 3 });
  assert.equal(render(file, { sinceMs: Date.parse(at(2)) }), 'b\nc\n');
  assert.equal(render(file, { stream: 'Stderr' }), 'b\n');
  assert.equal(render(file, { limitBytes: 3 }), 'a\nb');
  assert.equal(render(`${file}garbage\n${line('d')}`), 'a\nb\nc\nd\n');
  assert.equal(render(`${file}${at(4)} stdout F open`), 'a\nb\nc\nopen');
});

test('a line without an end does not fill the memory', () => {
  const renderer = new LogRenderer(ALL);
  const block = Buffer.alloc(64 << 10, 'x');
  let bytes = renderer.feed(Buffer.from(`${at(0)} stdout F `)).length;
  for (let n = 0; n < 64; n++) for (const piece of renderer.feed(block)) bytes += piece.length;
  assert.ok(bytes > 60 * block.length);
  const rest = Buffer.concat(renderer.feed(Buffer.from(`end\n${line('next')}`))).toString();
  assert.ok(rest.endsWith('end\nnext\n'));
});

test('the last lines begin where counting from the front says', async () => {
  await using directory = await temporaryDirectory();
  const path = directory.file('log');
  const entry = fc.record({ length: fc.constantFrom(0, 1, 70, 9000, 70_000), tag: fc.constantFrom('F', 'F', 'P') });
  await fc.assert(
    fc.asyncProperty(
      fc.array(entry, { maxLength: 12 }),
      fc.nat(8),
      fc.constantFrom('', 'unfinished'),
      async (entries, count, open_) => {
        await writeFile(path, entries.map(({ length, tag }) => line('x'.repeat(length), { tag })).join('') + open_);
        await using file = await open(path);
        const { size } = await file.stat();
        const start = await tailStart(file, size, count);
        // From the front: where each line of output begins.
        const starts: number[] = [];
        let position = 0;
        let inside = false;
        for (const { length, tag } of entries) {
          if (!inside) starts.push(position);
          inside = tag === 'P';
          position += line('x'.repeat(length)).length;
        }
        const expected = count === 0 ? size : starts.length <= count ? 0 : starts[starts.length - count];
        // What an unfinished line is worth is told in its own right.
        if (!inside) assert.equal(start, expected);
        else assert.ok(start <= size);
      },
    ),
    { numRuns: 60 },
  );
});

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
  await writeFile(path, [1, 2, 3, 4].map((n) => line(`l${n}`, { second: n })).join(''));
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

test('a slow reader finds the files that were put aside and compressed meanwhile', async () => {
  await using it = await rotating({ containerLogMaxFiles: 10 });
  const reading = readLog({
    path: it.path,
    options: { follow: true, ...ALL },
    isRunning: async () => false,
    clock: systemClock,
    signal: new AbortController().signal,
  });
  await it.log.write(20);
  let text = (await reading.next()).value!.toString();
  for (let n = 0; n < 5; n++) {
    await it.rotate();
    await it.log.write(20);
  }
  assert.equal((await readdir(it.directory.path)).filter((name) => name.endsWith('.gz')).length, 4);
  for await (const chunk of reading) text += chunk.toString();
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
  assert.equal(render(gunzipSync(await readFile(it.directory.file(names[1]!)))), 'line 11\nline 12\nline 13\nline 14\nline 15\n');
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

test('names of another log are left alone', () => {
  const names = ['0.log', '0.log.20260101-000000', '10.log.20260101-000000', '0.log.bak', '0.log.20260101-000001.gz.x'];
  assert.deepEqual(
    sortRotated('/d/0.log', names).files.map(({ path }) => path),
    ['/d/0.log.20260101-000000'],
  );
});

test('a plan of rotation never keeps more than it may, and removes the oldest', () => {
  const times = fc.uniqueArray(fc.integer({ min: 0, max: 59 }), { maxLength: 12 });
  fc.assert(
    fc.property(times, fc.integer({ min: 2, max: 8 }), (seconds, maxFiles) => {
      const files = seconds
        .sort((a, b) => a - b)
        .map((n) => ({ path: `f${String(n).padStart(2, '0')}`, time: String(n), compressed: n % 2 === 0 }));
      const { remove, compress } = planRotation({ files, unused: [] }, maxFiles);
      assert.equal(files.length - remove.length, Math.min(files.length, maxFiles - 2));
      assert.deepEqual(
        remove,
        files.slice(0, remove.length).map(({ path }) => path),
      );
      assert.ok(compress.every((path) => !remove.includes(path)));
    }),
  );
});

test('a container without a log is told of as upstream does', () => {
  const pod = (status: Partial<V1ContainerStatus>): V1Pod => ({
    metadata: { name: 'p' },
    status: { containerStatuses: [{ name: 'c', image: '', imageID: '', ready: false, restartCount: 0, ...status }] },
  });
  const of = (status: Partial<V1ContainerStatus>, previous = false, name = 'c') =>
    containerOfLog(pod(status), name, { previous });
  const ended = (id: string) => ({ terminated: { exitCode: 1, containerID: id } });
  assert.equal(of({ state: { running: {} }, containerID: 'containerd://a' }), 'a');
  assert.equal(of({ state: ended('containerd://b') }), 'b');
  assert.equal(of({ state: { waiting: { reason: 'CrashLoopBackOff' } }, lastState: ended('containerd://b') }), 'b');
  assert.equal(of({ state: ended(''), lastState: ended('containerd://b') }), 'b');
  assert.equal(of({ state: { running: {} }, lastState: ended('containerd://b') }, true), 'b');
  const refused: readonly [() => string, string][] = [
    [() => of({}, false, 'x'), 'container "x" in pod "p" is not available'],
    [() => of({ state: { running: {} } }, true), 'previous terminated container "c" in pod "p" not found'],
    [() => of({ state: ended('') }), 'container "c" in pod "p" is terminated'],
    [
      () => of({ state: { waiting: { reason: 'ContainerCreating' } } }),
      'container "c" in pod "p" is waiting to start: ContainerCreating',
    ],
    [
      () => of({ state: { waiting: { reason: 'ErrImagePull' } } }),
      'container "c" in pod "p" is waiting to start: image can\'t be pulled',
    ],
    [
      () => of({ state: { waiting: { reason: 'ImagePullBackOff' } } }),
      'container "c" in pod "p" is waiting to start: trying and failing to pull image',
    ],
    [() => of({}), 'container "c" in pod "p" is waiting to start - no logs yet'],
  ];
  for (const [call, message] of refused) assert.throws(call, { message });
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
