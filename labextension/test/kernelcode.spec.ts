import { execFileSync } from 'node:child_process';

import * as python from '../src/logic/kernelcode';

const every: Record<string, string> = {
  attach: python.attach(),
  undo: python.undo(),
  redo: python.redo(),
  checkout: python.checkout('In[2]'),
  only: python.checkout('abcd', ['df', 'größe']),
  switchTo: python.switchTo('main'),
  restore: python.restore('20261128-1'),
  restoreAt: python.restore('20261128-1', 'abcd'),
  copyBeside: python.copyBeside('df', 'HEAD~1'),
  createBranch: python.createBranch('try "b"', 'HEAD'),
  deleteBranch: python.deleteBranch('x'),
  createTag: python.createTag("it's", 'HEAD'),
  deleteTag: python.deleteTag('x'),
  rename: python.renameBranch('a', 'b', true),
  forget: python.forgetAnswer('3e5f09'),
  wrong: python.wrongAnswer('3e5f09', 'a "square"\n'),
  pin: python.pinAnswer('3e5f09', false),
  ask: python.askMaster('3e5f09'),
  export: python.exportAnswers('answers.cot')
};

test('every action is one Python expression', () => {
  const check = 'import json, sys\nfor name, text in json.load(sys.stdin).items(): compile(text, name, "eval")';
  execFileSync(process.env.PYTHON ?? 'python3', ['-c', check], { input: JSON.stringify(every) });
});

test('text comes through as it is, and cannot leave its quotes', () => {
  const texts = ['plain', `'"'"\\`, 'a\nb\t\u0000', 'größe 🙂 \u2028', '") or __import__("os").getpid() or ("'];
  const check =
    'import ast, json, sys\ngiven = json.load(sys.stdin)\nprint(json.dumps([ast.literal_eval(each) for each in given]))';
  const told = execFileSync(process.env.PYTHON ?? 'python3', ['-c', check], {
    input: JSON.stringify(texts.map(python.literal))
  });
  expect(JSON.parse(told.toString('utf8'))).toEqual(texts);
});

test('a rename of another branch does not move HEAD', () => {
  expect(python.renameBranch('a', 'b', false)).not.toContain('switch');
  expect(python.renameBranch('a', 'b', true)).toContain('switch("b")');
});
