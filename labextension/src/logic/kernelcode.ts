/**
 * What the panel has the kernel do, as Python expressions over perdure's own faces.
 *
 * They are evaluated as `user_expressions` of a silent request: no cell number is used, nothing is added to the user's names and
 * nothing appears in an output. Each gives a JSON value back.
 */

/** A Python string literal. JSON's escapes are Python's too. */
export function literal(text: string): string {
  return JSON.stringify(text).replace(/[\u007f-\uffff]/g, character => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

const SHELL = "__import__('IPython').get_ipython()";
const PERDURE = "__import__('perdure')";
const CURRENT = `${PERDURE}.current()`;
/** `%load_ext perdure`; nothing happens where that has been done. */
const LOAD = `${SHELL}.extension_manager.load_extension('perdure')`;

/** The value as `application/json`, which comes back as it is. */
function json(value: string): string {
  return `__import__('IPython.display', fromlist=['JSON']).JSON({'value': ${value}})`;
}

/** Several expressions one after the other; the value of the last. */
function steps(...parts: string[]): string {
  return parts.length === 1 ? parts[0] : `(${parts.join(', ')})[-1]`;
}

function saved(value: string): string {
  return json(steps(`${CURRENT}.flush()`, value));
}

export function attach(): string {
  return json(steps(LOAD, `${CURRENT}.id`));
}

export function undo(): string {
  return json(`${CURRENT}.undo().to_json()`);
}

export function redo(): string {
  return json(`${CURRENT}.redo().to_json()`);
}

export function checkout(ref: string, only?: readonly string[]): string {
  const names = only?.length ? `, only=[${only.map(literal).join(', ')}]` : '';
  return json(`${CURRENT}.checkout(${literal(ref)}${names}).to_json()`);
}

export function switchTo(branch: string): string {
  return json(`${CURRENT}.switch(${literal(branch)}).to_json()`);
}

/** Bring a session into this kernel; to another version than its newest if `ref` is given. */
export function restore(session: string, ref?: string): string {
  const parts = [LOAD, `${PERDURE}.restore(${literal(session)}).to_json()`];
  return json(ref === undefined ? steps(...parts) : steps(...parts, `${CURRENT}.checkout(${literal(ref)}).to_json()`));
}

/** A copy of a version's value beside today's; the new name is the value. */
export function copyBeside(name: string, ref: string): string {
  return json(`${CURRENT}.get(${literal(name)}, ${literal(ref)})`);
}

export function createBranch(name: string, ref: string): string {
  return saved(`${CURRENT}.branch(${literal(name)}, ${literal(ref)})`);
}

export function deleteBranch(name: string): string {
  return json(`${CURRENT}.delete_branch(${literal(name)})`);
}

export function createTag(name: string, ref: string): string {
  return saved(`${CURRENT}.tag(${literal(name)}, ${literal(ref)})`);
}

export function deleteTag(name: string): string {
  return json(`${CURRENT}.delete_tag(${literal(name)})`);
}

/** Another name for a branch: started anew where it is, and the old name forgotten. */
export function renameBranch(old: string, name: string, current: boolean): string {
  const parts = [`${CURRENT}.branch(${literal(name)}, ${literal(old)})`];
  if (current) {
    parts.push(`${CURRENT}.switch(${literal(name)})`);
  }
  return json(steps(...parts, `${CURRENT}.delete_branch(${literal(old)})`));
}

/** The kernel's own `Cot`, with the models that were chosen there. */
const COT =
  "__import__('perdure.cot.shared', fromlist=['shared']).shared(" +
  `__import__('perdure.jupyter.asking', fromlist=['settings_of']).settings_of(${SHELL}).settings())`;

export function forgetAnswer(id: string): string {
  return json(`repr(${COT}.forget(${literal(id)}))`);
}

export function wrongAnswer(id: string, right?: string): string {
  return json(`repr(${COT}.wrong(${literal(id)}${right ? `, ${literal(right)}` : ''}))`);
}

export function pinAnswer(id: string, on: boolean): string {
  return json(`${COT}.pin(${literal(id)}, ${on ? 'True' : 'False'})`);
}

export function askMaster(id: string): string {
  return json(`(lambda answer: {'id': answer.id, 'text': answer.text})(${COT}.again(${literal(id)}))`);
}

export function exportAnswers(file: string): string {
  return json(`repr(${COT}.export(${literal(file)}))`);
}
