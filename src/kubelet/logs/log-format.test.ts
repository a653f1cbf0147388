import assert from 'node:assert/strict';
import { open, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import fc from 'fast-check';
import { temporaryDirectory } from '../../../test/harness/temporary-directory.ts';
import type { V1ContainerStatus, V1Pod } from '../../api/gen/types.ts';
import { containerOfLog } from './container-of-log.ts';
import { createCriParser, fixedTime, parseDockerLine, timeMs } from './log-line.ts';
import { LogRenderer } from './log-renderer.ts';
import { tailStart } from './log-tail.ts';
import { sortRotated } from './rotated-files.ts';
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

test('what a line says does not depend on the lines before it', () => {
  const second = fc.constantFrom('2026-01-02T03:04:05', '2026-01-02T03:04:06', '2026-02-30T00:00:00', 'x');
  const fraction = fc.constantFrom('', '.1', '.123456789', '.', ',5', '.1x');
  const zone = fc.constantFrom('Z', '+01:00', '-23:59', '+25:00', 'z', '');
  const head = fc.tuple(
    second,
    fraction,
    zone,
    fc.constantFrom('stdout', 'stderr', 'stdin'),
    fc.constantFrom('F', 'P', 'P:x', 'PF'),
  );
  fc.assert(
    fc.property(fc.array(head, { maxLength: 20 }), (heads) => {
      const shared = createCriParser();
      for (const [date, part, place, stream, tag] of heads) {
        const bytes = Buffer.from(`${date}${part}${place} ${stream} ${tag} text\n`);
        const [one, other] = [shared(bytes), createCriParser()(bytes)];
        assert.deepEqual(one && { ...one, time: one.time() }, other && { ...other, time: other.time() });
        if (one) assert.equal(one.partial, tag.split(':')[0] === 'P');
      }
    }),
  );
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
