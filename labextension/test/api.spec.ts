import { Api, ApiError, query } from '../src/api/client';

function api(status: number, body: string): { api: Api; asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    api: new Api(async path => {
      asked.push(path);
      return { status, text: body };
    })
  };
}

test('what is given stands in the query, escaped', () => {
  expect(query({ a: 1, b: 'x y', c: undefined, d: '', e: true, f: false, g: null })).toBe('?a=1&b=x%20y&e=1');
  expect(query({})).toBe('');
});

test('references are escaped', async () => {
  const { api: client, asked } = api(200, '{}');
  await client.commit('s/1', 'In[2]');
  await client.plan('s', 'a/b', true);
  await client.variable('s', 'größe', 'HEAD');
  expect(asked).toEqual([
    'sessions/s%2F1/commits/In%5B2%5D',
    'sessions/s/plan?ref=a%2Fb&fresh=1',
    'sessions/s/variables/gr%C3%B6%C3%9Fe?ref=HEAD&limit=50'
  ]);
});

test('an error is the sentence that the server says', async () => {
  const { api: client } = api(503, '{"error": "StoreMissing", "message": "There is no store. Run a cell."}');
  const error = await client.store().catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(ApiError);
  expect(error).toMatchObject({ status: 503, kind: 'StoreMissing', isStore: true, isAbsent: false });
  expect((error as ApiError).message).toBe('There is no store. Run a cell.');
});

test('a server without perdure is told apart from one that lacks a session', async () => {
  const none = await api(404, '<html>404</html>')
    .api.store()
    .catch((caught: unknown) => caught);
  expect((none as ApiError).isAbsent).toBe(true);
  const unknown = await api(404, '{"error": "UnknownSession", "message": "-"}')
    .api.graph('x')
    .catch((caught: unknown) => caught);
  expect((unknown as ApiError).isAbsent).toBe(false);
});
