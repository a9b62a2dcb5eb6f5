import tseslint from 'typescript-eslint';

export default tseslint.config(
  { ignores: ['labextension/lib/**'] },
  ...tseslint.configs.strict,
  {
    files: ['labextension/**/*.{ts,tsx}'],
    rules: {
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      '@typescript-eslint/no-explicit-any': 'error',
      // JupyterLab's own plugins merge a token with its interface under one name.
      '@typescript-eslint/no-redeclare': 'off',
      // Optional services of a plugin are checked where they are used.
      '@typescript-eslint/no-extraneous-class': 'off'
    }
  }
);
