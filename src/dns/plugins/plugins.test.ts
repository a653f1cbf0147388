import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RCODE, TYPE } from '../message/constants.ts';
import { addressRecord, soaRecord } from '../message/records.ts';
import { chain, question } from './chain.test-support.ts';
import { parseHosts } from './hosts-plugin.ts';
import { emptyReply, type Query, type Reply } from './plugin.ts';

const answer = (query: Query, ttl: number): Reply => ({
  ...emptyReply(RCODE.NOERROR),
  answers: [addressRecord(query.question.name, '10.0.0.1', ttl)!],
});

const soa = { primary: 'ns.', mailbox: 'm.', serial: 1, refresh: 1, retry: 1, expire: 1, minimum: 20 };
const denial = (): Reply => ({ ...emptyReply(RCODE.NXDOMAIN), authorities: [soaRecord('test.', 600, soa)] });

test('the cache keeps answers as long as they count, and denials as their SOA record says', async () => {
  let asked = 0;
  const { clock, resolve } = chain('cache 100', (query) => {
    asked++;
    return query.name === 'no.test.' ? denial() : answer(query, 60);
  });
  const ttlOf = async (name: string) => {
    const reply = await resolve(question(name));
    return (reply.answers[0] ?? reply.authorities[0])!.ttl;
  };
  assert.equal(await ttlOf('a.test.'), 60);
  await clock.advance(45_000);
  assert.equal(await ttlOf('A.test.'), 15);
  assert.equal(asked, 1);
  await clock.advance(15_000);
  assert.equal(await ttlOf('a.test.'), 60);
  assert.equal(await ttlOf('no.test.'), 20);
  await clock.advance(19_000);
  assert.equal(await ttlOf('no.test.'), 1);
  assert.equal(asked, 3);
});

test('stale answers are given while nobody answers, then fresh ones', async () => {
  let broken = false;
  const { clock, resolve } = chain('cache {\n serve_stale 1h verified\n}', (query) =>
    broken ? emptyReply(RCODE.SERVFAIL) : answer(query, 60),
  );
  await resolve(question('a.test.'));
  broken = true;
  await clock.advance(120_000);
  const stale = await resolve(question('a.test.'));
  assert.deepEqual([stale.rcode, stale.answers[0]!.ttl], [RCODE.NOERROR, 0]);
  assert.equal((await resolve(question('b.test.'))).rcode, RCODE.SERVFAIL);
  broken = false;
  assert.equal((await resolve(question('a.test.'))).answers[0]!.ttl, 60);
  broken = true;
  await clock.advance(2 * 3_600_000);
  assert.equal((await resolve(question('a.test.'))).rcode, RCODE.SERVFAIL);
});

test('a stale answer is given at once where nothing is verified, and asked for again behind it', async () => {
  let asked = 0;
  const { clock, resolve } = chain('cache {\n serve_stale 1h\n}', (query) => {
    asked++;
    return answer(query, 60);
  });
  const ttl = async () => (await resolve(question('a.test.'))).answers[0]!.ttl;
  assert.equal(await ttl(), 60);
  await clock.advance(120_000);
  assert.equal(await ttl(), 0);
  assert.equal(asked, 2);
  await clock.advance(10_000);
  assert.equal(await ttl(), 50, 'what was asked for behind it counts');
  assert.equal(asked, 2);
  await clock.advance(2 * 3_600_000);
  assert.equal(await ttl(), 60, 'too old to be given');
});

test('what is asked for often is fetched before it runs out', async () => {
  let asked = 0;
  const { clock, resolve } = chain('cache {\n prefetch 2 1m 20%\n}', (query) => {
    asked++;
    return answer(query, 100);
  });
  for (const [afterMs, expected] of [
    [0, 1],
    [50_000, 1],
    [35_000, 2],
    [1_000, 2],
  ] as const) {
    await clock.advance(afterMs);
    await resolve(question('a.test.'));
    await clock.advance(0);
    assert.equal(asked, expected);
  }
});

test('what was fetched beforehand is still known to be asked for often', async () => {
  let asked = 0;
  const { clock, resolve } = chain('cache {\n prefetch 5 1m 20%\n}', (query) => {
    asked++;
    return answer(query, 100);
  });
  for (const [afterMs, expected] of [...Array(5).fill([0, 1]), [50_000, 1], [35_000, 2], [50_000, 2], [35_000, 3]]) {
    await clock.advance(afterMs);
    await resolve(question('a.test.'));
    await clock.advance(0);
    assert.equal(asked, expected);
  }
});

test('zones that are not cached are asked each time', async () => {
  let asked = 0;
  const { resolve } = chain('cache 30 {\n disable success cluster.local\n disable denial\n}', (query) => {
    asked++;
    return query.name.startsWith('no.') ? denial() : answer(query, 60);
  });
  for (const name of ['a.cluster.local.', 'a.cluster.local.', 'no.test.', 'no.test.', 'a.test.', 'a.test.'])
    await resolve(question(name));
  assert.equal(asked, 5);
});

test('the cache stays as large as it may be', async () => {
  const { resolve } = chain('cache {\n success 1024\n}', (query) => answer(query, 3600));
  let fresh = 0;
  for (let i = 0; i < 1030; i++) await resolve(question(`h${i}.test.`));
  for (let i = 0; i < 6; i++) if ((await resolve(question(`h${1029 - i}.test.`))).by === 'cache') fresh++;
  assert.equal(fresh, 6);
  assert.equal((await resolve(question('h0.test.'))).by, '');
});

test('large answers take the room of many: the oldest go, of both kinds', async () => {
  const text = { type: TYPE.TXT, class: 1, ttl: 3600, data: { raw: Buffer.alloc(60_000) } };
  const { resolve } = chain('cache {\n success 1024\n denial 1024\n}', (query) => {
    const large = { ...text, name: query.question.name };
    if (!query.name.startsWith('no')) return { ...emptyReply(RCODE.NOERROR), answers: [large] };
    return { ...denial(), additionals: [large] };
  });
  for (const kind of ['h', 'no']) {
    for (let i = 0; i < 100; i++) await resolve(question(`${kind}${i}.test.`, TYPE.TXT));
    const kept: number[] = [];
    for (let i = 99; i >= 0; i--) if ((await resolve(question(`${kind}${i}.test.`, TYPE.TXT))).by === 'cache') kept.push(i);
    // 4 MiB of them, and no more.
    assert.ok(kept.length >= 60 && kept.length <= 69, `${kept.length}`);
    assert.equal(kept[0], 99);
  }
});

test('a server whose upstream does not answer is none that forwards to itself', async () => {
  const { clock, plugins, asked, failures } = chain('loop', () => emptyReply(RCODE.SERVFAIL), { asksItself: true });
  plugins[0]!.onListening!(new AbortController().signal);
  for (let seconds = 0; seconds < 40; seconds++) await clock.advance(1000);
  assert.ok(asked.length > 0);
  assert.deepEqual(failures, []);
});

test('questions are rewritten, and answers back', async () => {
  const seen: string[] = [];
  const rewrite = async (rules: string, name: string, type: number = TYPE.A) => {
    const { resolve } = chain(rules, (query) => {
      seen.push(`${query.question.name} ${query.question.type}`);
      return answer(query, 60);
    });
    const [record] = (await resolve(question(name, type))).answers;
    return `${seen.pop()} ${record!.name} ${record!.ttl}`;
  };
  assert.equal(await rewrite('rewrite name a.test b.test', 'A.test.'), 'b.test. 1 A.test. 60');
  assert.equal(await rewrite('rewrite name suffix .a .b answer auto', 'x.a.'), 'x.b. 1 x.a. 60');
  assert.equal(await rewrite('rewrite name prefix x- y-', 'x-1.test.'), 'y-1.test. 1 y-1.test. 60');
  assert.equal(await rewrite('rewrite name regex (.*)\\.a\\.([a-z]+) {2}.{1}', 'x.a.test.'), 'test.x. 1 test.x. 60');
  assert.equal(
    await rewrite('rewrite stop {\n name regex (.*)\\.a {1}.b\n answer name (.*)\\.b {1}.a\n}', 'x.a.'),
    'x.b. 1 x.a. 60',
  );
  assert.equal(await rewrite('rewrite type AAAA A', 'x.', TYPE.AAAA), 'x. 1 x. 60');
  assert.equal(await rewrite('rewrite ttl suffix .test 7', 'x.test.'), 'x.test. 1 x.test. 7');
  assert.equal(
    await rewrite('rewrite continue name a.test b.test\n rewrite name b.test c.test', 'a.test.'),
    'c.test. 1 a.test. 60',
  );
  assert.equal(await rewrite('rewrite name a.test b.test', 'other.'), 'other. 1 other. 60');
  const { resolve } = chain('rewrite name regex ^a(.*) {1}', (query) => answer(query, 60));
  assert.equal((await resolve(question('a.test.'))).rcode, RCODE.SERVFAIL, 'what comes of it is no name');
});

test('what an answer leads to is rewritten by `answer value`, and by `auto`; `answer name` changes names alone', async () => {
  const rewrite = async (rules: string, name: string) => {
    const { resolve } = chain(rules, (query) => ({
      ...emptyReply(RCODE.NOERROR),
      answers: [
        {
          ...addressRecord(query.question.name, '10.0.0.9', 1)!,
          type: TYPE.CNAME,
          data: { target: `to-${query.question.name}` },
        },
        { ...addressRecord('x.other.', '10.0.0.9', 1)!, type: TYPE.CNAME, data: { target: query.question.name } },
      ],
    }));
    const { answers } = await resolve(question(name, TYPE.CNAME));
    return answers.map(({ name: owner, data }) => `${owner} ${'target' in data ? data.target : ''}`);
  };
  assert.deepEqual(await rewrite('rewrite name a.test b.test', 'a.test.'), ['a.test. to-b.test.', 'x.other. a.test.']);
  assert.deepEqual(await rewrite('rewrite name suffix .a. .b. answer auto', 'x.a.'), ['x.a. to-x.a.', 'x.other. x.a.']);
  assert.deepEqual(await rewrite('rewrite stop {\n name regex (.*)\\.a\\. {1}.b.\n answer name (.*)\\.b\\. {1}.a.\n}', 'x.a.'), [
    'x.a. to-x.b.',
    'x.other. x.b.',
  ]);
  assert.deepEqual(
    await rewrite(
      'rewrite stop {\n name regex (.*)\\.a\\. {1}.b.\n answer name (.*)\\.b\\. {1}.a.\n answer value ^to-(.*) {1}\n answer value (.*)\\.b\\. {1}.c.\n}',
      'x.a.',
    ),
    ['x.a. x.b.', 'x.other. x.c.'],
  );
  for (const [rule, problem] of [
    ['rewrite name a. b. answer', /rewrite: answer takes "auto"/],
    ['rewrite name a. b. answer value x', /rewrite: answer takes "auto"/],
    ['rewrite name a. b. reply auto', /rewrite: unexpected "reply"/],
  ] as const)
    assert.throws(() => chain(rule, () => emptyReply(RCODE.NOERROR)), problem);
});

test('addresses come in another order each time, after the names that lead to them', async () => {
  const addresses = ['10.0.0.1', '10.0.0.2', '10.0.0.3'];
  const { resolve } = chain('loadbalance', (query) => ({
    ...emptyReply(RCODE.NOERROR),
    answers: [
      { ...addressRecord('x.', '10.0.0.9', 1)!, type: TYPE.CNAME, data: { target: 'y.' } },
      ...addresses.map((address) => addressRecord(query.name, address, 5)!),
    ],
  }));
  const firsts = new Set<string>();
  for (let i = 0; i < 200; i++) {
    const { answers } = await resolve(question('a.'));
    assert.equal(answers[0]!.type, TYPE.CNAME);
    assert.equal(answers.length, 4);
    firsts.add(JSON.stringify(answers[1]!.data));
  }
  assert.equal(firsts.size, 3);
});

test('hosts files are read as hosts(5) says, and wild cards match one label', () => {
  const table = parseHosts(
    '# no\n10.0.0.1 A.test b.test # yes\nnonsense c.test\nfd00::1%eth0 b.test\n10.0.0.2 *.wild\n10.0.0.3 __proto__',
  );
  assert.deepEqual(table.addresses.get('a.test.'), ['10.0.0.1']);
  assert.deepEqual(table.addresses.get('b.test.'), ['10.0.0.1', 'fd00::1']);
  assert.deepEqual(table.names.get('10.0.0.1'), ['a.test.', 'b.test.']);
  assert.equal(table.names.get('10.0.0.2'), undefined);
  assert.deepEqual(table.addresses.get('__proto__.'), ['10.0.0.3']);
  const { resolve } = chain('hosts {\n 10.0.0.2 *.wild\n fallthrough wild\n}', () => emptyReply(RCODE.REFUSED));
  const rcodeOf = (name: string) => (resolve(question(name)) as Reply).rcode;
  assert.deepEqual(['a.wild.', 'b.a.wild.', 'wild.', 'a.tame.'].map(rcodeOf), [
    RCODE.NOERROR,
    RCODE.REFUSED,
    RCODE.REFUSED,
    RCODE.SERVFAIL,
  ]);
});

test('what a hosts file says counts beside what the Corefile says, and reverse names that neither knows are others’', async () => {
  const lines = 'hosts /etc/hosts.test example.org {\n 10.0.0.2 a.example.org\n 10.0.0.4 b.example.net\n}';
  const files = { '/etc/hosts.test': '10.0.0.1 a.example.org\n10.0.0.3 elsewhere.test\n' };
  const { resolve, plugins } = chain(lines, () => emptyReply(RCODE.REFUSED, 'others'), { files });
  const ended = AbortSignal.abort();
  await Promise.all(plugins.map(({ start }) => start?.(ended)));
  const ask = (name: string, type?: number) => resolve(question(name, type)) as Reply;
  const addresses = ask('a.example.org.').answers.map(({ data }) => ('raw' in data ? [...data.raw].join('.') : ''));
  assert.deepEqual(addresses, ['10.0.0.1', '10.0.0.2']);
  const none = ask('a.example.org.', TYPE.AAAA);
  assert.deepEqual([none.rcode, none.answers, none.by, none.authoritative], [RCODE.NOERROR, [], 'hosts', true]);
  assert.equal(ask('2.0.0.10.in-addr.arpa.', TYPE.PTR).answers.length, 1);
  // Of a zone that these hosts are not for, and of no host at all.
  for (const last of [3, 4, 5]) assert.equal(ask(`${last}.0.0.10.in-addr.arpa.`, TYPE.PTR).by, 'others');
  assert.equal(ask('c.example.org.', TYPE.PTR).by, 'others');
  // Without an SOA record nothing is denied.
  assert.equal(ask('c.example.org.').rcode, RCODE.SERVFAIL);
});
