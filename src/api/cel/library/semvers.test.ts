import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ErrorValue } from '../values.ts';
import { parseSemver } from './semvers.ts';

test('what is no version is told in upstream’s words, normalized or not', () => {
  const rows: readonly [text: string, normalize: boolean, why: string | undefined][] = [
    ['1.2.3-rc.1+b.2-x', false, undefined],
    ['v01.002', true, undefined],
    ['00', true, undefined],
    ['', false, 'Version string empty'],
    ['1.2', false, 'No Major.Minor.Patch elements found'],
    ['v1.2.3', false, 'Invalid character(s) found in major number "v1"'],
    ['1.2.3.4', false, 'Invalid character(s) found in patch number "3.4"'],
    ['1.02.3', false, 'Minor number must not contain leading zeroes "02"'],
    ['1..3', false, 'strconv.ParseUint: parsing "": invalid syntax'],
    ['99999999999999999999.1.1', false, 'strconv.ParseUint: parsing "99999999999999999999": value out of range'],
    ['1.2.3-', false, 'Prerelease is empty'],
    ['1.2.3-01', false, 'Numeric PreRelease version must not contain leading zeroes "01"'],
    ['1.2.3-a_b', false, 'Invalid character(s) found in prerelease "a_b"'],
    ['1.2.3+a+b', false, 'Invalid character(s) found in build meta data "a+b"'],
    ['1.2.3+', false, 'Build meta data is empty'],
    ['1-rc', true, 'short version cannot contain PreRelease/Build meta data'],
    ['1'.repeat(2000), false, 'a version of more than 1000 characters'],
  ];
  for (const [text, normalize, why] of rows) {
    const made = parseSemver(text, normalize);
    assert.equal(made instanceof ErrorValue ? made.message : undefined, why, text);
  }
});
