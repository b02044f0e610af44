import { describe, expect, it } from 'vitest';
import { fromEditor } from '../src/editorText';
import type { ReadableEditor } from '../src/editorText';
import { RpcError } from '../src/rpc';
import { describe as built, failure, fraction, statusText } from '../src/wording';

const TEXT = 'The girl ran.\n\nThe naïve 👩‍💻 sat.\n';

/** An editor over TEXT with one selection; offsets are counted the slow way. */
function editor(start: [number, number], end: [number, number]): ReadableEditor {
  const lines = TEXT.split('\n');
  const before = (line: number) => lines.slice(0, line).join('\n').length + (line > 0 ? 1 : 0);
  return {
    getSelection: () => ({ start: { line: start[0], column: start[1] }, end: { line: end[0], column: end[1] } }),
    getOffsetAt: ({ line, column }) => before(line) + column,
    getLine: line => lines[line],
    model: { sharedModel: { getSource: () => TEXT } }
  };
}

describe('the selection of an editor', () => {
  it('is its exact text, spaces included', () =>
    expect(fromEditor(editor([0, 3], [0, 9]), 'a.md', true)).toEqual({ text: ' girl ', label: 'a.md:1' }));
  it('is the same when it was dragged backwards', () =>
    expect(fromEditor(editor([2, 9], [0, 4]), 'a.md', true)).toEqual(fromEditor(editor([0, 4], [2, 9]), 'a.md', true)));
  it('counts in UTF-16, as editors do', () =>
    expect(fromEditor(editor([2, 10], [2, 15]), 'a.md', true)?.text).toBe('👩‍💻'));
  it('means the line when it is empty', () =>
    expect(fromEditor(editor([2, 3], [2, 3]), 'a.md', true)).toEqual({ text: 'The naïve 👩‍💻 sat.', label: 'a.md:3' }));
  it('means nothing when it is empty and only a real selection is wanted', () =>
    expect(fromEditor(editor([2, 3], [2, 3]), 'a.md', false)).toBeNull());
  it('means nothing on an empty line', () => expect(fromEditor(editor([1, 0], [1, 0]), 'a.md', true)).toBeNull());
});

describe('a build in words', () => {
  const result = { corpus: 'c', documents: 3, sentences: 40, tokens: 12900, bytes: 1, seconds: 1.26, unchanged: 0, skipped: [] };
  it('counts', () => expect(built(result)).toBe('Corpus c: 3 documents, 40 sentences, 12,900 tokens in 1.3 s.'));
  it('names what was unchanged and why something was skipped', () =>
    expect(built({ ...result, unchanged: 2, skipped: [{ uri: 'file:///x', reason: 'binary' }] })).toContain(
      '; 2 unchanged; 1 skipped (binary).'
    ));
  it.each([
    [undefined, undefined],
    [0, 0],
    [50, 0.5],
    [120, 1]
  ])('%s per cent is the share %s', (percentage, share) => expect(fraction({ percentage })).toBe(share));
});

describe('failures', () => {
  it('show the hint of the server', () =>
    expect(failure('Search', new RpcError(-33003, 'no corpus x', { hint: 'There is y.' }))).toBe('Search: no corpus x. There is y.'));
  it('show whatever was thrown', () => expect(failure('Search', 'odd')).toBe('Search: odd'));
});

describe('the status item', () => {
  const info = { protocolVersion: '1.0', methods: [], defaultModel: 'mini', device: 'cpu' };
  it('says only its name until the server was needed', () =>
    expect(statusText({ kind: 'starting' }, null, false).text).toBe('exBERT'));
  it('names the model and the device when all is well', () =>
    expect(statusText({ kind: 'ready' }, info, true)).toEqual({ text: 'exBERT: mini', title: 'exBERT: mini on cpu' }));
  it('names a model of a folder by the folder alone', () =>
    expect(statusText({ kind: 'ready' }, { ...info, defaultModel: '/data/models/mine' }, true).text).toBe('exBERT: mine'));
  it('says in words what is wrong, not by a colour', () => {
    expect(statusText({ kind: 'crashed', message: 'It ended.' }, info, true)).toEqual({
      text: 'exBERT server stopped ⚠',
      title: 'It ended.'
    });
    expect(statusText({ kind: 'missing' }, null, true).text).toBe('exBERT not installed ⚠');
  });
});
