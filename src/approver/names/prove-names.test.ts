import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseCidr } from '../../api/machinery/ip.ts';
import { createDnsSource } from './dns-source.ts';
import { readHookAnswer } from './hook-answer.ts';
import type { AskedName, NameSource, SourceAnswer } from './name-source.ts';
import { lookUp, readNameTable } from './name-table.ts';
import { type ProofContext, proveNames } from './prove-names.ts';

const signal = new AbortController().signal;
const ip = (value: string): AskedName => ({ kind: 'address', value });
const dns = (value: string): AskedName => ({ kind: 'dns', value });
const says = (name: string, ...answers: SourceAnswer[]): NameSource => ({ name, ask: () => Promise.resolve(answers) });
const away: NameSource = { name: 'dns', ask: () => Promise.reject(new Error('timeout')) };

async function judge(name: AskedName, changes: Partial<ProofContext> = {}) {
  const claims = () => changes.claimants?.(name.value).includes('node-1') ?? false;
  const context = {
    nodeName: 'node-1',
    sources: [],
    allowedPrefixes: [],
    claimants: () => [],
    claims,
    deny: () => undefined,
    signal,
  };
  const [fact] = await proveNames([name], { ...context, ...changes });
  return fact!;
}

test('the name under which the node is known is its own', async () => {
  assert.equal((await judge(dns('node-1'))).ownership, 'proven');
  // A prefix of another's, as in postfinance/kubelet-csr-approver#262.
  assert.equal((await judge(dns('node-1.example.com'))).ownership, 'unknown');
  assert.equal((await judge(dns('node-10'))).ownership, 'unknown');
});

test('what the node says of itself is no proof, and what two nodes say is nobody’s', async () => {
  const claim = (...nodes: string[]) => ({ claimants: () => nodes });
  assert.equal((await judge(ip('10.0.0.1'), claim('node-1'))).ownership, 'consistent');
  assert.equal((await judge(ip('10.0.0.1'), claim('node-1', 'node-2'))).ownership, 'contested');
  assert.equal((await judge(ip('10.0.0.1'), claim('node-2'))).ownership, 'contested');
  assert.equal((await judge(ip('10.0.0.1'))).ownership, 'unknown');
});

test('an address of an allowed prefix must also be claimed, and by nobody else', async () => {
  const allowedPrefixes = [parseCidr('10.0.0.0/24')!];
  assert.equal((await judge(ip('10.0.0.1'), { allowedPrefixes, claimants: () => ['node-1'] })).ownership, 'proven');
  assert.equal((await judge(ip('10.0.0.1'), { allowedPrefixes })).ownership, 'unknown');
  assert.equal((await judge(ip('10.0.1.1'), { allowedPrefixes, claimants: () => ['node-1'] })).ownership, 'consistent');
  assert.equal((await judge(ip('10.0.0.1'), { allowedPrefixes, claimants: () => ['node-1', 'b'] })).ownership, 'contested');
});

test('what a source proves stands against claims; "another’s" stands against "own"; a source that is away counts for nothing', async () => {
  const claimants = () => ['node-2'];
  assert.equal((await judge(ip('10.0.0.1'), { sources: [says('inventory', 'own')], claimants })).ownership, 'proven');
  const foreign = await judge(ip('10.0.0.1'), { sources: [says('a', 'own'), says('b', { owner: 'node-3' })] });
  assert.deepEqual([foreign.ownership, foreign.by], ['foreign', 'node-3']);
  const unavailable = await judge(ip('10.0.0.1'), { sources: [away, says('a', 'unknown')] });
  assert.deepEqual([unavailable.ownership, unavailable.by], ['unavailable', 'dns: timeout']);
  assert.equal((await judge(ip('10.0.0.1'), { sources: [away, says('a', 'own')] })).ownership, 'proven');
});

test('a source may name the owner of every name, this node too; what it gives to several nodes is nobody’s, whatever they claim', async () => {
  assert.equal((await judge(ip('10.0.0.1'), { sources: [says('hook', { owner: 'node-1' })] })).ownership, 'proven');
  const claimants = () => ['node-1'];
  const both = await judge(ip('10.0.0.1'), { sources: [says('inventory', 'contested'), says('dns', 'own')], claimants });
  assert.deepEqual([both.ownership, both.by], ['contested', 'inventory gives it to several nodes']);
});

test('an address of the API server is let through only by proof; the rest of the deny list never', async () => {
  const sources = [says('inventory', 'own')];
  const maybe = { deny: () => ({ denied: 'an address of the API server', unlessProven: true }) };
  const never = { deny: () => ({ denied: 'the range of Services', unlessProven: false }) };
  assert.equal((await judge(ip('10.0.0.1'), { sources, ...maybe })).denied, undefined);
  const alone = await judge(ip('10.0.0.1'), maybe);
  assert.deepEqual([alone.denied, alone.reserved], [undefined, 'an address of the API server']);
  assert.equal((await judge(ip('10.0.0.1'), { sources, ...never })).denied, 'the range of Services');
});

test('a table takes lists and texts, one spelling of an address, and gives a name of two nodes to nobody', () => {
  const table = readNameTable({
    'Node-1': ['Node-1.example.com', '2001:DB8:0::1'],
    'node-2': '10.0.0.2, 10.0.0.9\n',
    'node-3': '10.0.0.9',
  });
  const asked = [dns('node-1'), dns('node-1.example.com'), ip('2001:db8::1'), ip('10.0.0.2'), ip('10.0.0.9'), ip('10.0.0.7')];
  assert.deepEqual(lookUp(table, 'node-1', asked), ['own', 'own', 'own', { owner: 'node-2' }, 'contested', 'unknown']);
  assert.throws(() => readNameTable({ 'node-1': 7 }), /"node-1" must have a list of names/);
  assert.throws(() => readNameTable(['node-1']), /must map node names/);
});

test('any JSON is a table or refused, and any text is a hook’s answer or refused', () => {
  const coded = (run: () => unknown) => {
    try {
      run();
    } catch (error) {
      assert.match((error as { code: string }).code, /^(NAME_TABLE_INVALID|HOOK_ANSWER_INVALID)$/);
    }
  };
  fc.assert(
    fc.property(fc.jsonValue(), (document) => coded(() => lookUp(readNameTable(document), 'a', [dns('a'), dns('__proto__')]))),
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.json(),
        fc.jsonValue().map((answers) => JSON.stringify({ answers })),
      ),
      (text) => coded(() => readHookAnswer(text, [dns('a'), dns('toString')])),
    ),
  );
});

test('DNS is asked for the node’s own name below the domains that are given, and never for what the node asks for', async () => {
  const asked: string[] = [];
  const resolve = (name: string) => {
    asked.push(name);
    return Promise.resolve(name === 'node-1.example.com' ? ['10.0.0.1', '2001:db8::1'] : []);
  };
  const source = createDnsSource({ domains: ['example.com'], servers: [], timeoutMs: 1, resolve });
  const names = [ip('10.0.0.1'), ip('10.0.0.2'), dns('node-1.example.com'), dns('node-2.example.com')];
  assert.deepEqual(await source.ask('node-1', names, signal), ['own', 'unknown', 'own', 'unknown']);
  assert.deepEqual(asked, ['node-1.example.com', 'no-node-has-this-name.example.com']);
  // A name that the zone does not have is nobody's.
  assert.deepEqual(await source.ask('node-3', [dns('node-3.example.com')], signal), ['unknown']);
});

test('a node that is named after a zone of its own proves nothing by what that zone says', async () => {
  const asked: string[] = [];
  const resolve = (name: string) => {
    asked.push(name);
    return Promise.resolve(/^(victim\.attacker\.test|node-1\.eu\.example\.com)$/.test(name) ? ['10.0.0.5'] : []);
  };
  const source = createDnsSource({ domains: ['example.com'], servers: [], timeoutMs: 1, resolve });
  assert.deepEqual(await source.ask('victim.attacker.test', [ip('10.0.0.5')], signal), ['unknown']);
  assert.deepEqual(asked, ['victim.attacker.test.example.com', 'no-node-has-this-name.example.com']);
  // As if it ended alike.
  assert.deepEqual(await source.ask('badexample.com', [ip('10.0.0.5')], signal), ['unknown']);
  // Below the operator's domain it is looked up as it is.
  assert.deepEqual(await source.ask('node-1.eu.example.com', [ip('10.0.0.5')], signal), ['own']);
});

test('a hook may write the owner in capitals; an owner without a name is no answer', () => {
  const read = (answer: string) => readHookAnswer(JSON.stringify({ answers: { a: answer } }), [dns('a')]);
  assert.deepEqual(read('node: Node-1 '), [{ owner: 'node-1' }]);
  for (const answer of ['node: ', 'node:node-1', 'OWN', '']) assert.throws(() => read(answer), { code: 'HOOK_ANSWER_INVALID' });
});

test('what a wildcard of the zone gives to every name is no node’s', async () => {
  const resolve = (name: string) => Promise.resolve(name === 'node-1.example.com' ? ['10.0.0.1', '10.0.0.80'] : ['10.0.0.80']);
  const source = createDnsSource({ domains: ['example.com'], servers: [], timeoutMs: 1, resolve });
  const names = [ip('10.0.0.1'), ip('10.0.0.80'), dns('node-1.example.com')];
  assert.deepEqual(await source.ask('node-1', names, signal), ['own', 'unknown', 'own']);
  assert.deepEqual(await source.ask('node-2', [ip('10.0.0.80'), dns('node-2.example.com')], signal), ['unknown', 'unknown']);
});
