import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { shellWord } from './shell-word.ts';
import { visibleLine, visibleText } from './visible-text.ts';

test('what would move the cursor or turn the writing is shown as what it is; lines, tabs and letters of all kinds stay', () => {
  assert.equal(visibleText('a\u001b[2Kb\rc\u009b1A\u202ed'), 'a\\x1b[2Kb\\x0dc\\x9b1A\\u202ed');
  assert.equal(visibleText('ä\tß\n汉'), 'ä\tß\n汉');
  assert.equal(visibleLine('one\r\ntwo\nthree'), 'one two three');
});

test('a word of a shell is read as it was, and stays plain where it can', () => {
  assert.equal(shellWord('/etc/kubernetes/ssl'), '/etc/kubernetes/ssl');
  for (const text of ["'; touch /x; '", '$(id)', 'a b', '-rf', '~', '', 'a\nb'])
    assert.equal(execFileSync('sh', ['-c', `printf %s ${shellWord(text)}`], { encoding: 'utf8' }), text);
  assert.equal(shellWord('-rf')[0], "'");
});
