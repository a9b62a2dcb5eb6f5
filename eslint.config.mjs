import tseslint from 'typescript-eslint';

export default tseslint.config(
  { ignores: ['labextension/lib/**'] },
  ...tseslint.configs.strict,
  {
    files: ['labextension/**/*.{ts,tsx}'],
    rules: {
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      '@typescript-eslint/no-explicit-any': 'error',
      // `CommandIDs` is a namespace in every extension of JupyterLab.
      '@typescript-eslint/no-namespace': 'off'
    }
  }
);
