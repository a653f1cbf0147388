import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RCODE, TYPE } from '../message/constants.ts';
import { addressRecord } from '../message/records.ts';
import { chain, question } from './chain.test-support.ts';
import { emptyReply, type Query, type Reply, withQuestion } from './plugin.ts';

/** Nobody else's name is known. */
const others = (query: Query): Reply =>
  query.name === 'target.test.'
    ? { ...emptyReply(RCODE.NOERROR, 'others'), answers: [addressRecord('target.test.', '192.0.2.9', 30)!] }
    : emptyReply(RCODE.REFUSED, 'others');

const open = (lines: string) => {
  const { resolve } = chain(lines, others, { asksItself: true });
  return async (name: string, type: number = TYPE.A) => {
    const { rcode, by, answers, authorities, additionals, error } = await resolve(question(name, type));
    return { rcode, by, answers: answers.map(textOf), authorities: authorities.length, additionals: additionals.length, error };
  };
};
const textOf = ({ name, type, ttl, data }: Reply['answers'][number]) =>
  `${name} ${ttl} ${type} ${'raw' in data ? data.raw.join('.') : 'target' in data ? data.target : ''}`;

test('names that a cloud makes of search domains are denied, as AKS’s Corefile has it', async () => {
  const ask = open(`
    template ANY ANY internal.cloudapp.net {
      match "^(?:[^.]+\\.){4,}internal\\.cloudapp\\.net\\.$"
      rcode NXDOMAIN
      fallthrough
    }
    template ANY ANY reddog.microsoft.com {
      rcode NXDOMAIN
    }`);
  assert.equal((await ask('a.b.c.d.internal.cloudapp.net.')).rcode, RCODE.NXDOMAIN);
  assert.equal((await ask('a.internal.cloudapp.net.')).by, 'others');
  assert.equal((await ask('x.reddog.microsoft.com.')).rcode, RCODE.NXDOMAIN);
  assert.equal((await ask('test.')).by, 'others');
});

test('no answer of a type is given, so that nobody tries IPv6', async () => {
  const ask = open('template IN AAAA . {\n rcode NOERROR\n authority "{{ .Zone }} 60 IN SOA ns. m. (1 60 60 60 60)"\n}');
  const reply = await ask('a.test.', TYPE.AAAA);
  assert.deepEqual([reply.rcode, reply.answers, reply.authorities, reply.by], [RCODE.NOERROR, [], 1, 'template']);
  assert.equal((await ask('a.test.')).by, 'others');
});

test('records are made of what the name says', async () => {
  const ask = open(`
    template IN A example {
      match (^|[.])ip-(?P<a>[0-9]*)-(?P<b>[0-9]*)-(?P<c>[0-9]*)-(?P<d>[0-9]*)[.]example[.]$
      match "^ip0a(?P<hex>[a-f0-9]{2})[.]example[.]$"
      answer "{{ .Name }} 60 IN A {{ .Group.a }}.{{ .Group.b }}.{{- /* nothing */ -}} {{ index .Match 4 }}.{{ index .Group \\"d\\" }}"
      fallthrough
    }
    template IN MX example {
      match "^ip0a(?P<b>[a-f0-9]{2})[.]example[.]$"
      answer "{{ .Name }} 60 IN MX 10 {{ .Name }}" "{{ .Name }} 60 IN MX {{ parseInt .Group.b 16 8 }} {{ .Name }}"
      additional "{{ .Name }} 60 IN A 10.0.0.{{ parseInt .Group.b 16 8 }}"
    }`);
  assert.deepEqual((await ask('x.ip-10-1-2-3.EXAMPLE.')).answers, ['x.ip-10-1-2-3.example. 60 1 10.1.2.3']);
  const mail = await ask('ip0a7b.example.', TYPE.MX);
  assert.deepEqual([mail.answers.length, mail.additionals], [2, 1]);
  const failed = await ask('ip0a7b.example.');
  assert.deepEqual([failed.rcode, failed.error], [RCODE.SERVFAIL, 'there is no group "a"']);
  assert.equal((await ask('other.example.', TYPE.MX)).rcode, RCODE.SERVFAIL, 'without fallthrough');
  assert.equal((await ask('other.example.')).by, 'others');
});

test('an alias comes with what it leads to', async () => {
  const ask = open(
    'template IN ANY foogle.test {\n match "^foogle\\.test\\.$"\n answer "foogle.test 60 IN CNAME target.test"\n}',
  );
  assert.deepEqual((await ask('foogle.test.')).answers, [
    `foogle.test. 60 ${TYPE.CNAME} target.test.`,
    `target.test. 30 ${TYPE.A} 192.0.2.9`,
  ]);
  assert.equal((await ask('foogle.test.', TYPE.TXT)).answers.length, 1);
});

test('what a template cannot do is named with its line', () => {
  for (const [line, message] of [
    ['template IN', /Corefile:2 - wrong argument count/],
    ['template XX A', /Corefile:2 - invalid query class XX/],
    ['template IN AB', /Corefile:2 - invalid RR class AB/],
    ['template IN A {\n match (\n}', /Corefile:3 - could not parse regex/],
    ['template IN A {\n rcode MAYBE\n}', /Corefile:3 - unknown rcode MAYBE/],
    ['template IN A {\n answer "{{ if .Name }}x{{ end }}"\n}', /Corefile:3 - template: \{\{ if \.Name \}\} is not supported/],
    ['template IN A {\n answer "{{ .Name "\n}', /Corefile:3 - template: an expression is open/],
    ['template IN A {\n ederror 21\n}', /Corefile:3 - template: ederror is not supported/],
    ['template IN A {\n answer\n}', /Corefile:3 - wrong argument count/],
  ] as const)
    assert.throws(() => chain(line, others), message, line);
});

test('types and classes that nobody has named make no series of their own', async () => {
  const { metrics, resolve } = chain('template ANY ANY test {\n rcode NXDOMAIN\n}', others);
  for (const [type, of] of [
    [TYPE.A, 1],
    [TYPE.A, 200],
    [4711, 1],
    [4712, 1],
    [4713, 201],
  ] as const)
    await resolve(withQuestion(question('a.test.'), { name: 'a.test.', type, class: of }));
  const lines = metrics.render().match(/^coredns_template_matches_total\{.*$/gm) ?? [];
  assert.deepEqual(
    lines.map((line) => [/class="(\w+)",type="(\w+)"/.exec(line)?.slice(1).join(' '), line.split(' ').at(-1)]),
    [
      ['IN A', '1'],
      ['other A', '1'],
      ['IN other', '2'],
      ['other other', '1'],
    ],
  );
});

test('any answers for names that a zone file would read otherwise', async () => {
  const { resolve } = chain('any', others);
  for (const name of ['a;b.test.', 'a"b.test.', '(a.test.', 'a\\032b.test.']) {
    const { rcode, answers } = await resolve(question(name, TYPE.ANY));
    assert.deepEqual([rcode, answers.map(textOf)], [RCODE.NOERROR, [`${name} 8482 13 ${ANY_TEXT}`]], name);
  }
});
const ANY_TEXT = [...Buffer.from('\x0dANY obsoleted\x0cSee RFC 8482')].join('.');

test('minimal leaves nothing but the answer, and any answers who asks for all types', async () => {
  const answer = addressRecord('a.', '192.0.2.1', 5)!;
  const { resolve } = chain('minimal\nany', () => ({
    ...emptyReply(RCODE.NOERROR),
    ...{ answers: [answer], authorities: [answer], additionals: [answer] },
  }));
  const reply = await resolve(question('a.'));
  assert.deepEqual([reply.answers.length, reply.authorities, reply.additionals], [1, [], []]);
  const any = await resolve(question('a.', TYPE.ANY));
  assert.deepEqual([any.by, any.answers[0]?.type], ['any', TYPE.HINFO]);
});
