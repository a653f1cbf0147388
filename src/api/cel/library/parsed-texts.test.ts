/** What texts become when expressions take them for URLs, addresses or quantities, and what is said of those that are none. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compile, createEnvironment, ErrorValue } from '../cel.ts';

const environment = createEnvironment({ variables: {} });
const run = (source: string) => {
  const { value } = compile(source, environment).evaluate(() => undefined);
  return value instanceof ErrorValue ? value.message : value;
};
const holds = (sources: readonly string[]) => {
  for (const source of sources) assert.equal(run(source), true, source);
};

test('the parts of a URL are those that Go finds in it', () => {
  holds([
    "url('https://a/b#c').getEscapedPath() == '/b'",
    "url('https://a/b?x=1#c?d').getQuery() == {'x': ['1']}",
    "url('https://a/b?x=%zz&y=1&p;q=2').getQuery() == {'y': ['1']}",
    "url('//host/path').getHost() == 'host' && url('//host/path').getEscapedPath() == '/path'",
    "url('http://[::1%25eth0]:80/').getHost() == '[::1%eth0]:80' && url('http://[::1%25eth0]:80/').getHostname() == '::1%eth0'",
    "url('*').getEscapedPath() == '*'",
    "url('/a b').getEscapedPath() == '/a%20b'",
    "isURL('http://<a>/') && !isURL('http://a/%2') && !isURL('http://a%20b/') && !isURL('http://::1/')",
  ]);
});

test('a text that is no URL is refused in the words of Go', () => {
  const said = 'URL parse error during conversion from string: parse';
  assert.equal(run("url('http://a b/').getHost()"), `${said} "http://a b/": invalid character " " in host name`);
  assert.equal(run("url('http://a/%2').getHost()"), `${said} "http://a/%2": invalid URL escape "%2"`);
  assert.equal(run("url('\\n').getHost()"), `${said} "\\n": net/url: invalid control character in URL`);
  assert.equal(run("url('x').getHost()"), `${said} "x": invalid URI for request`);
  assert.equal(run("url('').getHost()"), `${said} "": empty url`);
});

test('a text that is no address is refused in the words of Go, a prefix twice over', () => {
  const said = (text: string) => `IP Address ${text} parse error during conversion from string: ParseAddr(${text}):`;
  assert.equal(run("ip('1.2.3').family()"), `${said('"1.2.3"')} IPv4 address too short`);
  assert.equal(run("ip('a\\n').family()"), `${said('"a\\n"')} unable to parse IP`);
  assert.equal(run("ip('%').family()"), `${said('"%"')} missing IPv6 address`);
  assert.equal(run("ip('::1%en0').family()"), 'IP address "::1%en0" with zone value is not allowed');
  const twice =
    'network address parse error during conversion from string: network address parse error during conversion from string: ';
  assert.equal(run("cidr('10.0.0.0/33').prefixLength()"), `${twice}netip.ParsePrefix("10.0.0.0/33"): prefix length out of range`);
  assert.equal(run("cidr('p').prefixLength()"), `${twice}netip.ParsePrefix("p"): no '/'`);
});

test('a quantity is an integer and a float as upstream holds it', () => {
  holds([
    "quantity('1k').isInteger() && quantity('1k').asInteger() == 1000 && quantity('9').add(1).asInteger() == 10",
    "quantity('1Ti').isInteger() && quantity('1E').asInteger() == 1000000000000000000",
    // Fractions and what needs a decimal are none, whatever their value.
    "!quantity('1.0').isInteger() && !quantity('1000m').isInteger() && !quantity('1Ei').isInteger()",
    "!quantity('9223372036854775807').isInteger() && !quantity('1e19').isInteger()",
    "quantity('12345678901234567890').asApproximateFloat() == 12345678901234569216.0",
    "quantity('1e-3').add(quantity('1')).asApproximateFloat() == 1.0010000000000001",
    "quantity('1.5').asApproximateFloat() == 1.5 && quantity('-7.5').sub(1).asApproximateFloat() == -8.5",
  ]);
  assert.equal(run("quantity('9223372036854775807').asInteger()"), 'cannot convert value to integer');
});

test('what is sorted by keys is looked at once', () => {
  assert.throws(
    () => compile('nope.sortBy(x, x)', environment),
    ({ issues }) => issues.length === 1,
  );
  assert.throws(() => compile("'abc'.sortBy(x, x)", environment), /sortBy can only be applied to a list, identifier/);
  // 11 for the list, 14 for each key, a name read three times, 29 for sorting.
  const { cost } = compile('[2, 1, 1 + 1].sortBy(x, -x)', environment).evaluate(() => undefined);
  assert.equal(cost, 85);
});

test('a time is shown by the clock that it was read from, and told by that of UTC', () => {
  holds([
    "string(timestamp('2020-02-29T12:30:45+02:00')) == '2020-02-29T12:30:45+02:00'",
    "string(timestamp('2020-02-29T12:30:45.120-00:30') - duration('1h')) == '2020-02-29T11:30:45.12-00:30'",
    "string(duration('1h') + timestamp('2020-02-29T23:30:00+05:45')) == '2020-03-01T00:30:00+05:45'",
    "string(timestamp('2020-02-29T12:30:45+00:00')) == '2020-02-29T12:30:45Z'",
    "'%s'.format([timestamp('2020-02-29T12:30:45+02:00')]) == '2020-02-29T12:30:45+02:00'",
    "timestamp('2020-02-29T12:30:45+02:00').getHours() == 10",
    "timestamp('2020-02-29T12:30:45+02:00') == timestamp('2020-02-29T10:30:45Z')",
  ]);
});

test('a time is what Go reads as one', () => {
  holds([
    "timestamp('2020-01-01T1:02:03Z') == timestamp('2020-01-01T01:02:03Z')",
    "timestamp('2020-01-01T00:00:00+24:60') == timestamp('2019-12-30T23:00:00Z')",
    "timestamp('2020-01-01T00:00:00,5Z') > timestamp('2020-01-01T00:00:00Z')",
  ]);
  for (const text of ['2020-01-01t00:00:00Z', '2020-01-01T00:00:00z', '2020-01-01T00:00:00+25:00', '2020-01-01T00:00:00+00:61'])
    assert.throws(() => compile(`timestamp('${text}')`, environment), /invalid timestamp argument/, text);
});

test('a function names the values that it does not take, a method of a value does not', () => {
  for (const [source, why] of [
    ["dyn('a').getHours('UTC')", 'no such overload: getHours(string, string)'],
    ['quantity(dyn(1)).isInteger()', 'no such overload: quantity(int)'],
    ["quantity('1').add(dyn('a'))", 'no such overload: add(kubernetes.Quantity, string)'],
    ['size(dyn(1))', 'no such overload: size'],
    ["dyn(1).startsWith('a')", 'no such overload'],
    ["dyn('a') + 1", 'no such overload'],
  ] as const)
    assert.equal(run(source), why);
});
