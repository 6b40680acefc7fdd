import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  plugins: [react()],
  base: './',
  build: {
    target: 'es2022',
    // The policy of the page allows no data: fonts and no inline code, so nothing is inlined.
    assetsInlineLimit: 0,
    // The polyfill would be an inline script; every browser this page meets preloads modules.
    modulePreload: { polyfill: false },
    cssCodeSplit: false,
    chunkSizeWarningLimit: 1000,
    // Of the libraries that the page holds: they want to be told with it.
    license: { fileName: 'licences.md' },
  },
  test: { include: ['src/**/*.test.ts'], environment: 'node' },
});
