import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { temporaryDirectory } from '../../../../test/harness/temporary-directory.ts';
import { findRuntimeEndpoint } from './endpoint.ts';

test('the given endpoint counts, as a URL or as a path', async () => {
  assert.equal(await findRuntimeEndpoint('unix:///run/x.sock', []), 'unix:///run/x.sock');
  assert.equal(await findRuntimeEndpoint('/run/x.sock', []), 'unix:///run/x.sock');
});

test('what is no unix socket is refused by name', async () => {
  await assert.rejects(
    findRuntimeEndpoint('tcp://10.0.0.1:99', []),
    /only support unix socket endpoint, not "tcp:\/\/10\.0\.0\.1:99"/,
  );
  await assert.rejects(findRuntimeEndpoint('http://x', []), /protocol "http" not supported/);
  await assert.rejects(findRuntimeEndpoint('unix://run/x', []), /has no absolute path/);
  await assert.rejects(findRuntimeEndpoint('run/x', []), /"run\/x" is neither a path nor a URL/);
});

test('without one, the first usual socket that is there is taken', async () => {
  await using directory = await temporaryDirectory();
  const [none, file, socket] = [directory.file('none'), directory.file('file'), directory.file('socket')];
  await writeFile(file, '');
  await assert.rejects(
    findRuntimeEndpoint(undefined, [none, file]),
    new RegExp(`no container runtime was found at ${none}, ${file}`),
  );
  const server = createServer().listen(socket);
  await once(server, 'listening');
  assert.equal(await findRuntimeEndpoint('', [none, file, socket]), `unix://${socket}`);
  server.close();
});
