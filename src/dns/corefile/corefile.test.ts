import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readServerConfig } from '../server/server-config.ts';
import { CorefileError } from './corefile-error.ts';
import { parseCorefile } from './parse-corefile.ts';

const FILES: Readonly<Record<string, string>> = { 'more.conf': 'errors\nlog\n', 'self.conf': 'import self.conf\n' };
const context = {
  environment: { PORT: '1053' },
  readImport: (path: string) => {
    const text = FILES[path];
    if (text === undefined) throw new Error('there is no such file');
    return text;
  },
  listImports: (pattern: string) =>
    Object.keys(FILES).filter((file) => pattern.startsWith('*') && file.endsWith(pattern.slice(1))),
  port: 53,
};
const parse = (text: string) => parseCorefile(text, 'Corefile', context);
const config = (text: string) => readServerConfig(text, 'Corefile', context);
const directives = (text: string) => parse(text)[0]!.directives.map(({ name, args }) => [name, ...args].join(' '));

test('server blocks have keys, plugins and blocks of their own', () => {
  const [first, second] = parse(`
# a comment
.:53, example.org {
    kubernetes cluster.local { # here too
        pods "in secure"
    }
    forward . 10.0.0.1
}
b.test { cache }
`);
  assert.deepEqual(first!.keys, ['.:53', 'example.org']);
  assert.deepEqual(first!.directives[0]!.block[0]!.args, ['in secure']);
  assert.deepEqual(first!.directives[1], { name: 'forward', args: ['.', '10.0.0.1'], block: [], file: 'Corefile', line: 7 });
  assert.deepEqual(second!.directives[0]!.name, 'cache');
});

test('snippets, files and variables are put in', () => {
  assert.deepEqual(directives('(a) {\n errors\n log\n}\n. {\n import a\n cache {$PORT}\n}'), ['errors', 'log', 'cache 1053']);
  assert.deepEqual(directives('. {\n import more.conf\n}'), ['errors', 'log']);
  // As the Corefiles of k3s and AKS end, where nobody has written any.
  assert.deepEqual(directives('. {\n log\n import *.override\n import *re.conf\n}'), ['log', 'errors', 'log']);
  assert.equal(parse('. {\n errors\n}\nimport *.server\n').length, 1);
  assert.deepEqual(directives('. {\n forward . 1.1.1.1:{%PORT%} {$__proto__}\n}'), ['forward . 1.1.1.1:1053 ']);
});

test('mistakes are told with their file and line', () => {
  for (const [text, message] of [
    ['. {\n cache', /Corefile:2 - a brace is open/],
    ['.', /Corefile:1 - server block \. has no braces/],
    ['}', /Corefile:1 - a closing brace/],
    ['. {\n import nothing\n}', /Corefile:2 - cannot import nothing/],
    ['. {\n import self.conf\n}', /imports nest deeper/],
    ['. {\n import */*.conf\n}', /Corefile:2 - glob pattern may only contain one wildcard/],
    ['. {\n log "a\n}', /Corefile:2 - a quotation mark is open/],
    ['. {\n\n dnssec\n}', /Corefile:3 - plugin 'dnssec' is not supported/],
    ['. {\n whatever\n}', /Corefile:2 - plugin 'whatever'/],
    ['. {\n cache 30 {\n  frobnicate\n }\n}', /Corefile:3 - unknown property 'frobnicate'/],
    ['. {\n cache\n cache\n}', /Corefile:3 - .*only be used once/],
    ['. {\n forward . grpc://1.1.1.1\n}', /grpc:\/\/ upstreams are not supported/],
    ['. {\n forward . example.org\n}', /not an IP address or file/],
    ['. {\n forward . 1.1.1.1 {\n  policy best\n }\n}', /unknown policy 'best'/],
    ['. {\n kubernetes {\n  pods maybe\n }\n}', /wrong value for pods: maybe/],
    ['. {\n kubernetes {\n  ttl 3601\n }\n}', /from 0 to 3600/],
    ['. {\n kubernetes {\n  labels a in\n }\n}', /unable to parse label selector/],
    ['. {\n rewrite name regex ( x\n}', /invalid regex/],
    ['. {\n rewrite edns0 local set 1 2\n}', /not supported/],
    ['. {\n errors\n}\n.:53 {\n errors\n}', /Corefile:4 - cannot serve dns:\/\/\.:53 - it is already defined/],
    ['tls://. {\n errors\n}', /tls:\/\/ is not supported/],
    ['.:99999 {\n errors\n}', /no such port/],
    ['. {\n reload 1s\n}', /greater or equal to 2s/],
  ] as const)
    assert.throws(
      () => config(text),
      (error: Error) => error instanceof CorefileError && message.test(error.message),
      text,
    );
});

test('ranges are the reverse zones that hold them', () => {
  assert.deepEqual(
    config('10.1.0.0/16:54 Example.ORG {\n errors\n}').blocks.map(({ zones, port }) => [zones, port]),
    [
      [['1.10.in-addr.arpa.'], 54],
      [['example.org.'], 53],
    ],
  );
});

test('snippets within snippets do not fill the memory', () => {
  const lines = ['(s0) {\n log\n}'];
  for (let i = 1; i < 16; i++) lines.push(`(s${i}) {\n${` import s${i - 1}\n`.repeat(10)}}`);
  assert.throws(() => parse(`${lines.join('\n')}\n. {\n import s15\n}`), CorefileError);
});

test('whatever is in a Corefile, it is read or refused', () => {
  const word = fc.constantFrom(
    '.',
    '{',
    '}',
    '\n',
    '"',
    '#',
    'import',
    '(a)',
    'a',
    'kubernetes',
    'cache',
    'forward',
    'rewrite',
    'name',
    'hosts',
    '10.0.0.1',
    '30',
    ':53',
    '{$PORT}',
    '\\',
    'pods',
    'log',
    'class',
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.array(word, { maxLength: 40 }).map((words) => words.join(' ')),
        fc.string({ maxLength: 200 }),
      ),
      (text) => {
        try {
          config(text);
        } catch (error) {
          assert.ok(error instanceof CorefileError, `${String(error)} for ${JSON.stringify(text)}`);
        }
      },
    ),
    { numRuns: 1000, verbose: 1 },
  );
});

const CLUSTER =
  'kubernetes cluster.local in-addr.arpa ip6.arpa {\n pods insecure\n fallthrough in-addr.arpa ip6.arpa\n ttl 30\n }';
const USUAL = `errors\n health {\n lameduck 5s\n }\n ready\n ${CLUSTER}\n prometheus :9153\n loop\n reload\n loadbalance`;

for (const [who, text] of [
  [
    'kubeadm',
    `.:53 {\n ${USUAL}\n forward . /etc/resolv.conf {\n max_concurrent 1000\n }\n cache 30 {\n disable success cluster.local\n disable denial cluster.local\n }\n}`,
  ],
  ['EKS', `.:53 {\n ${USUAL}\n forward . /etc/resolv.conf\n cache 30\n}`],
  [
    'kubespray',
    `.:53 {\n ${USUAL}\n forward . /etc/resolv.conf {\n prefer_udp\n max_concurrent 1000\n }\n cache 30\n}\nexample.org:53 {\n log\n errors\n forward . 192.0.2.1\n cache 5\n}`,
  ],
  [
    'k3s',
    `.:53 {\n ${USUAL}\n hosts /etc/coredns/NodeHosts {\n ttl 60\n reload 15s\n fallthrough\n }\n cache 30\n forward . /etc/resolv.conf\n import /etc/coredns/custom/*.override\n}\nimport /etc/coredns/custom/*.server`,
  ],
  [
    'AKS',
    `.:53 {\n ${USUAL}\n forward . /etc/resolv.conf\n cache 30\n import custom/*.override\n template ANY ANY internal.cloudapp.net {\n match "^(?:[^.]+\\.){4,}internal\\.cloudapp\\.net\\.$"\n rcode NXDOMAIN\n fallthrough\n }\n template ANY ANY reddog.microsoft.com {\n rcode NXDOMAIN\n }\n}\nimport custom/*.server`,
  ],
  [
    'OpenShift',
    `.:5353 {\n bufsize 1232\n errors\n log . {\n class error\n }\n health {\n lameduck 20s\n }\n ready\n ${CLUSTER}\n prometheus 127.0.0.1:9153\n forward . /etc/resolv.conf {\n policy sequential\n }\n cache 900 {\n denial 9984 30\n }\n reload\n}`,
  ],
  [
    'a cache on every node',
    `cluster.local:53 {\n errors\n cache {\n success 9984 30\n denial 9984 5\n }\n reload\n loop\n bind 169.254.20.10 10.96.0.10\n forward . 10.96.0.11 {\n force_tcp\n }\n prometheus :9253\n health 169.254.20.10:8080\n}\n.:53 {\n errors\n cache 30\n bind 169.254.20.10\n forward . /etc/resolv.conf\n}`,
  ],
] as const)
  test(`the Corefile of ${who} is read as it stands`, () => {
    assert.ok(config(text).blocks.length > 0);
  });
