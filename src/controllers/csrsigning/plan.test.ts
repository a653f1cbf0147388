import assert from 'node:assert/strict';
import { test } from 'node:test';
import { planValidity } from './plan.ts';

const HOUR = 3_600_000;
const MINUTE = 60_000;
const far = 1e15;

const table: [string, Parameters<typeof planValidity>[0], { notBeforeMs: number; notAfterMs: number }][] = [
  ['a year by default, backdated at both ends', at({}), { notBeforeMs: -5 * MINUTE, notAfterMs: 8760 * HOUR - 5 * MINUTE }],
  ['a short signing duration is not cut', at({ signingDurationMs: HOUR }), { notBeforeMs: -5 * MINUTE, notAfterMs: HOUR }],
  [
    'eight hours are not short',
    at({ signingDurationMs: 8 * HOUR }),
    { notBeforeMs: -5 * MINUTE, notAfterMs: 8 * HOUR - 5 * MINUTE },
  ],
  ['less than ten minutes counts as ten', at({ expirationSeconds: 1 }), { notBeforeMs: -5 * MINUTE, notAfterMs: 10 * MINUTE }],
  [
    'no more than the signer’s',
    at({ signingDurationMs: HOUR, expirationSeconds: 7200 }),
    { notBeforeMs: -5 * MINUTE, notAfterMs: HOUR },
  ],
  ['never past the authority', at({ authorityNotAfterMs: HOUR }), { notBeforeMs: -5 * MINUTE, notAfterMs: HOUR }],
  ['whole seconds', at({ nowMs: 999, signingDurationMs: HOUR }), { notBeforeMs: -5 * MINUTE, notAfterMs: HOUR }],
];

function at(overrides: Partial<Parameters<typeof planValidity>[0]>) {
  return { nowMs: 0, signingDurationMs: 8760 * HOUR, authorityNotAfterMs: far, ...overrides };
}

for (const [title, input, expected] of table)
  test(`validity: ${title}`, () => {
    assert.deepEqual(planValidity(input), expected);
  });
