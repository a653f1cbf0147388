import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  compileExpression,
  compileVariables,
  compilingPace,
  expressionEnvironment,
} from '../../../api/admissionregistration/expressions/admission-expressions.ts';
import { configMapKind } from '../../../api/core/v1/config-map.ts';
import { runAtOnce } from '../../../std/pauses.ts';
import { ExpressionRun, OutOfBudget, REQUEST_BUDGET } from './evaluate-expressions.ts';

/** A variable whose value takes about half of what one expression may cost. */
const COSTLY = 'lists.range(300).map(x, lists.range(300).filter(y, x == y)).size() == 300';

function run(count: number) {
  const names = Array.from({ length: count }, (_, i) => `v${i}`);
  const base = { params: false, authorizer: false };
  const { compiled, scope } = runAtOnce(
    compileVariables(
      names.map((name) => ({ name, expression: COSTLY })),
      base,
      compilingPace(),
    ),
  );
  const source = names.map((name) => `variables.${name}`).join(' && ');
  const program = compileExpression(source, expressionEnvironment(scope), 'bool');
  const nothing = { object: undefined, oldObject: undefined, namespace: undefined, params: undefined, decisions: undefined };
  const input = { attributes: {} as never, kind: configMapKind, ...nothing, variables: compiled };
  return new ExpressionRun(input, REQUEST_BUDGET).evaluate(program);
}

describe('variables that one expression asks for', () => {
  test('let others have their turn in between', async () => {
    let turns = 0;
    let waiting: NodeJS.Immediate;
    const count = () => {
      turns++;
      waiting = setImmediate(count);
    };
    waiting = setImmediate(count);
    assert.equal(await run(8), true);
    clearImmediate(waiting);
    assert.ok(turns >= 2, `${turns} turns`);
  });

  test('are no further evaluated when the budget is spent', async () => {
    await assert.rejects(run(2000), OutOfBudget);
  });
});
