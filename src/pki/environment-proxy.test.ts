import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { proxyOfEnvironment } from './environment-proxy.ts';
import { parseKubeconfig, resolveContext } from './kubeconfig.ts';

const PROXY = 'http://proxy:3128';
const through = (server: string, without: string) =>
  proxyOfEnvironment(server, { HTTPS_PROXY: PROXY, NO_PROXY: without }) !== undefined;

test('HTTPS_PROXY is the way to every server but this machine itself', () => {
  assert.equal(proxyOfEnvironment('https://api.example.com:6443', { HTTPS_PROXY: PROXY }), PROXY);
  assert.equal(proxyOfEnvironment('https://10.0.0.1', { https_proxy: 'proxy:3128' }), 'http://proxy:3128');
  assert.equal(proxyOfEnvironment('https://10.0.0.1', { HTTPS_PROXY: 'socks5h://proxy' }), 'socks5://proxy');
  assert.equal(proxyOfEnvironment('https://10.0.0.1', { HTTP_PROXY: PROXY, ALL_PROXY: PROXY }), undefined);
  for (const server of ['https://localhost:6443', 'https://127.3.0.1', 'https://[::1]:6443'])
    assert.equal(proxyOfEnvironment(server, { HTTPS_PROXY: PROXY }), undefined, server);
});

test('NO_PROXY leaves out names, domains, addresses and ranges, with a port only that', () => {
  for (const [server, without, goes] of [
    ['https://api.example.com', 'example.com', false],
    ['https://example.com', 'example.com', false],
    ['https://example.com', '.example.com', true],
    ['https://api.example.com', '*.Example.com', false],
    ['https://badexample.com', 'example.com', true],
    ['https://api.example.com:6443', 'a.b, example.com:6443', false],
    ['https://api.example.com', 'example.com:6443', true],
    ['https://api.example.com', '*', false],
    ['https://10.1.2.3:6443', '10.0.0.0/8', false],
    ['https://11.1.2.3:6443', '10.0.0.0/8,,', true],
    ['https://10.1.2.3', '10.1.2.3', false],
    ['https://10.1.2.3:6443', '10.1.2.3:443', true],
    ['https://[fd00::1]:6443', 'fd00::/8', false],
    ['https://[fd00::1]:6443', '[fd00::1]:6443', false],
    ['https://[fd00::1]:6443', 'fd00::1', false],
    ['https://api.example.com', '10.0.0.0/8', true],
    ['https://10.1.2.3', '10.0.0.0/99', true],
  ] as const)
    assert.equal(through(server, without), goes, `${server} without ${without}`);
});

test('whatever NO_PROXY holds, there is an answer', () => {
  const entry = fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom('*', '.', ':', '/', '[', ']', '1', 'f', ',') }));
  fc.assert(fc.property(entry, (without) => typeof through('https://10.1.2.3', without) === 'boolean'));
});

test('a kubeconfig’s own proxy goes before the environment’s, which is refused by its name when it is none', async () => {
  const config = (proxy: string) =>
    parseKubeconfig(
      `clusters: [{name: c, cluster: {server: "https://one"${proxy}}}]\ncontexts: [{name: x, context: {cluster: c}}]\ncurrent-context: x\n`,
      '/',
    );
  const proxyOf = async (proxy: string, HTTPS_PROXY: string) =>
    (await resolveContext(await config(proxy), undefined, { everyWay: true, environment: { HTTPS_PROXY } })).proxyUrl;
  assert.equal(await proxyOf(', proxy-url: "http://own"', PROXY), 'http://own');
  assert.equal(await proxyOf('', PROXY), PROXY);
  assert.equal((await resolveContext(await config(''), undefined, { everyWay: true })).proxyUrl, undefined);
  await assert.rejects(proxyOf('', 'socks4://me:secret@p'), {
    message: 'kubeconfig: HTTPS_PROXY: only http://, https:// and socks5:// proxies are supported',
  });
});
