import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decide } from './decide.ts';
import { address, csrOf, dns, joiningFacts, parsedAs, servingFacts } from './facts.test-support.ts';

test('what every rule is content with is approved', () => {
  for (const facts of [servingFacts(), joiningFacts()]) {
    const decision = decide(facts);
    assert.equal(decision.outcome, 'approve', decision.message);
    assert.equal(decision.rule, undefined);
  }
});

test('what is proven wrong goes before what is not proven, and names the rule', () => {
  const decision = decide(servingFacts({ node: undefined, ...parsedAs({ organizations: ['system:masters'] }) }));
  assert.equal(decision.outcome, 'deny');
  assert.equal(decision.rule?.code, 'APV-105');
  assert.match(decision.message, /^APV-105 The organization .* Seen: O "system:masters", wanted O "system:nodes" alone\.$/);
});

test('a source that is away makes a request wait, and is asked again soon', () => {
  const decision = decide(servingFacts({ names: [address('10.0.0.1', { ownership: 'unavailable', by: 'dns: timeout' })] }));
  assert.equal(decision.outcome, 'wait');
  assert.equal(decision.retryAfterMs, 15_000);
  assert.match(decision.message, /dns: timeout/);
});

test('an approval needs every name to be proven, whatever else holds', () => {
  const ownership = fc.constantFrom('proven', 'foreign', 'consistent', 'contested', 'unavailable', 'unknown');
  const names = fc.array(
    fc.record({
      value: fc.constantFrom('a', 'b', '10.0.0.1', '10.0.0.2'),
      ownership,
      denied: fc.option(fc.constant('no'), { nil: undefined }),
    }),
    { maxLength: 20 },
  );
  fc.assert(
    fc.property(names, (chosen) => {
      const facts = servingFacts({
        names: chosen.map(({ value, ...rest }) => (value.startsWith('1') ? address(value, rest) : dns(value, rest))),
      });
      if (decide(facts).outcome !== 'approve') return;
      assert.ok(chosen.length > 0 && chosen.length <= 16);
      for (const name of chosen) assert.deepEqual([name.ownership, name.denied], ['proven', undefined]);
    }),
  );
});

test('a message stays short and holds no control characters, whatever is asked', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 3000 }), (text) => {
      const { message } = decide(servingFacts({ csr: csrOf({ username: text }), names: [dns(text)] }));
      assert.ok(message.length <= 1000);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
      assert.doesNotMatch(message, /[\u0000-\u001f]/);
    }),
  );
});
