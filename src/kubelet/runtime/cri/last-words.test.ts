import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { symlink, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { temporaryDirectory } from '../../../../test/harness/temporary-directory.ts';
import { createMessageCodec } from '../../../std/grpc/message-codec.ts';
import { CRI_MESSAGES } from './api/cri-client.ts';
import { lastLogLines, lastWordsOf } from './last-words.ts';

const codec = createMessageCodec(CRI_MESSAGES);

/** The status of a container that has ended, with a termination message file at `file` and a log at `log`. */
function endedContainer({
  file,
  log = '',
  exitCode = 1,
  fallback = false,
  state = 2,
}: {
  file?: string;
  log?: string;
  exitCode?: number;
  fallback?: boolean;
  state?: number;
}) {
  const status = {
    state,
    exit_code: exitCode,
    log_path: log,
    annotations: {
      'io.kubernetes.container.terminationMessagePath': '/dev/termination-log',
      'io.kubernetes.container.terminationMessagePolicy': fallback ? 'FallbackToLogsOnError' : 'File',
    },
    mounts: file === undefined ? [] : [{ container_path: '/dev/termination-log', host_path: file }],
  };
  return codec.decode('ContainerStatus', codec.encode('ContainerStatus', status));
}

test('the end of the file counts, 4096 bytes of it', async () => {
  await using directory = await temporaryDirectory();
  const file = directory.file('message');
  await writeFile(file, `${'a'.repeat(5000)}end`);
  assert.equal(await lastWordsOf(endedContainer({ file })), `${'a'.repeat(4093)}end`);
  assert.equal(await lastWordsOf(endedContainer({ file, state: 1 })), '');
});

test('the log speaks when the container failed without a word and asked for it', async () => {
  await using directory = await temporaryDirectory();
  const [file, log] = [directory.file('message'), directory.file('0.log')];
  await writeFile(file, '');
  await writeFile(
    log,
    '2026-01-01T00:00:00Z stdout F first\n2026-01-01T00:00:01Z stderr P sec\n2026-01-01T00:00:02Z stderr F ond\n',
  );
  assert.equal(await lastWordsOf(endedContainer({ file, log, fallback: true })), 'first\nsecond\n');
  assert.equal(await lastWordsOf(endedContainer({ log, fallback: true })), 'first\nsecond\n');
  assert.equal(await lastWordsOf(endedContainer({ file, log })), '');
  assert.equal(await lastWordsOf(endedContainer({ file, log, fallback: true, exitCode: 0 })), '');
  await writeFile(file, 'own words');
  assert.equal(await lastWordsOf(endedContainer({ file, log, fallback: true })), 'own words');
  assert.match(
    await lastWordsOf(endedContainer({ log: directory.file('none'), fallback: true })),
    /^Error on reading termination message from logs: ENOENT/,
  );
});

test('a link or a pipe in place of the file is not read', async () => {
  await using directory = await temporaryDirectory();
  await symlink('/etc/passwd', directory.file('link'));
  assert.match(await lastWordsOf(endedContainer({ file: directory.file('link') })), /^Error on reading termination log .*ELOOP/);
  execFileSync('mkfifo', [directory.file('pipe')]);
  assert.match(await lastWordsOf(endedContainer({ file: directory.file('pipe') })), /not a regular file/);
});

test('of a log the last 80 lines and 2048 bytes count', () => {
  const lines = (count: number, text: string) =>
    Buffer.from(Array.from({ length: count }, (_, i) => `t stdout F ${text}${i}\n`).join(''));
  assert.equal(lastLogLines(lines(200, '')).split('\n')[0], '120');
  assert.equal(lastLogLines(lines(80, 'x'.repeat(100))).length, 2048);
  assert.equal(lastLogLines(Buffer.from('cut off\nnot a log line\n')), '');
});
